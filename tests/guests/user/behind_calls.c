// What stands directly behind a system call: every kind of instruction that the call's gate may cover, often
// enough to be treated as hot, with a timer that interrupts it anywhere and with page faults in it.
#include <guestkit/pic.h>
#include <guestkit/pit.h>
#include <guestkit/user.h>

#include "probe.h"

enum { ADD, TAKE_STACK, DONE, ROUNDS = 400 };

extern const char behind_start[], behind_pop[], behind_ret[], behind_end[];
// ebp counts the rounds, edi sums up. The numbers of calls are in registers, so that nothing long stands
// before the int; and each has a jump before it, so that no site can begin earlier.
__asm__(
    ".text\n"
    "behind_start:\n"
    "  movl $400, %ebp\n"
    "  xorl %edi, %edi\n"
    // Arithmetic.
    "  movl $1, %ebx\n"
    "  jmp 1f\n"
    "  hlt\n"
    "1: xorl %eax, %eax\n"
    "  int $0x80\n"
    "  incl %ebx\n"
    "  addl %eax, %edi\n"
    "  decl %ebp\n"
    "  jnz 1b\n"
    // A conditional jump, taken every other time.
    "  movl $400, %ebp\n"
    "  jmp 1f\n"
    "  hlt\n"
    "1: xorl %eax, %eax\n"
    "  int $0x80\n"
    "  testb $1, %al\n"
    "  jnz 2f\n"
    "  addl $3, %edi\n"
    "  jmp 3f\n"
    "2: addl $5, %edi\n"
    "3: incl %ebx\n"
    "  decl %ebp\n"
    "  jnz 1b\n"
    // One directly behind, into what the site covers as well; and a jump.
    "  movl $400, %ebp\n"
    "  jmp 1f\n"
    "  hlt\n"
    "1: xorl %eax, %eax\n"
    "  cmpl $200, %ebp\n"
    "  jmp 2f\n"
    "  hlt\n"
    "2: int $0x80\n"
    "  ja 3f\n"
    "  incl %edi\n"
    "3: incl %edi\n"
    "  incl %ebx\n"
    "  decl %ebp\n"
    "  jnz 1b\n"
    "  movl $400, %ebp\n"
    "  jmp 1f\n"
    "  hlt\n"
    "1: xorl %eax, %eax\n"
    "  int $0x80\n"
    "  jmp 2f\n"
    "  hlt\n"
    "2: addl %eax, %edi\n"
    "  decl %ebp\n"
    "  jnz 1b\n"
    // A loop instruction, which is not copied: it has no form that reaches far.
    "  movl $400, %ecx\n"
    "  jmp 1f\n"
    "  hlt\n"
    "1: xorl %eax, %eax\n"
    "  int $0x80\n"
    "  loop 1b\n"
    "  addl %eax, %edi\n"
    // A return; and what is popped from a page that is not there.
    "  movl $400, %ebp\n"
    "1: movl $7, %ecx\n"
    "  pushl %ebp\n"
    "  pushl %ecx\n"
    "  call 4f\n"
    "  call 5f\n"
    "  addl %ecx, %edi\n"
    "  decl %ebp\n"
    "  jnz 1b\n"
    "  movl $2, %eax\n"
    "  movl %edi, %ebx\n"
    "  int $0x80\n"
    "  ud2\n"
    "4: xorl %eax, %eax\n"
    "  jmp 6f\n"
    "  hlt\n"
    "6: int $0x80\n"
    "behind_ret:\n"
    "  ret\n"
    "  hlt\n"
    "5: popl %edx\n"
    "  popl %ecx\n"
    "  popl %esi\n"
    "  pushl %edx\n"
    "  pushl %esi\n"
    "  pushl %ecx\n"
    "  xorl %ecx, %ecx\n"
    "  leal 1(%ecx), %eax\n"
    "  jmp 6f\n"
    "  hlt\n"
    "6: int $0x80\n"
    "behind_pop:\n"
    "  popl %ecx\n"
    "  popl %ebp\n"
    "  ret\n"
    "behind_end:\n");

static u8 kernel_stack[4096] __attribute__((aligned(16)));
static u8* const code = (u8*)0x10000000;
static u8* const stack = (u8*)0x10008000;
static page_entry* directory;
static u32 ticks, taken, faults, wrong_places;

static page_entry* stack_entry(void) {
    page_entry* table = at_physical(directory[(u32)stack >> 22] & ~0xFFFu);
    return &table[(u32)stack >> 12 & 1023];
}
static void set_stack(bool present) {
    page_entry* entry = stack_entry();
    *entry = (*entry & ~(u32)PAGE_P) | (present ? PAGE_P : 0);
    __asm__ volatile("invlpg %0" : : "m"(*stack) : "memory");
}

static struct trap_frame* tick(struct trap_frame* f) {
    ++ticks;
    if ((f->cs & 3) == 3 && f->eip - (u32)code >= (u32)(behind_end - behind_start)) ++wrong_places;
    pic_end_of_interrupt(PIT_IRQ);
    return f;
}

/// The program finds its stack missing where it pops, and nowhere else; or where an interrupt has returned
/// to.
static struct trap_frame* page_fault(struct trap_frame* f) {
    ++faults;
    if (f->eip != (u32)code + (u32)(behind_pop - behind_start)) ++wrong_places;
    set_stack(true);
    return f;
}

static u32 on_call(u32 number, u32 a, u32 b, u32 c, struct trap_frame* f) {
    (void)b;
    (void)c;
    if (f->eip - (u32)code >= (u32)(behind_end - behind_start)) ++wrong_places;
    switch (number) {
        case ADD: return a + 1;
        case TAKE_STACK:
            ++taken;
            set_stack(false);
            return 0;
        default: {
            u32 want = 0, ebx = 1;
            for (u32 n = 0; n < ROUNDS; ++n) want += ++ebx;
            for (u32 n = 0; n < ROUNDS; ++n) want += ebx++ & 1 ? 3 : 5;
            for (u32 n = ROUNDS; n > 0; --n, ++ebx) want += n > 200 ? 1 : 2;
            want += ROUNDS * (ebx + 1) + (ebx + 1) + 7 * ROUNDS;
            check("sum", a, want);
            check("stacks taken away", taken, ROUNDS);
            check("faults for them", faults, ROUNDS);
            check("traps that show another place", wrong_places, 0);
            check("ticks came", ticks != 0, 1);
            finish();
        }
    }
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    const u32 base = (u32)at_physical(0);
    directory = directory_create();
    for (u32 a = 0; a < 8u << 20; a += LARGE_PAGE_SIZE)
        large_page_map(directory, base + a, a, PAGE_P | PAGE_W);
    paging_enable(directory);
    page_map(directory, (u32)code, physical(page_alloc()), PAGE_P | PAGE_W | PAGE_U);
    page_map(directory, (u32)stack, physical(page_alloc()), PAGE_P | PAGE_W | PAGE_U);
    memcpy(code, behind_start, (u32)(behind_end - behind_start));

    system_calls_init(on_call);
    set_handler(VECTOR_PF, page_fault);
    set_kernel_stack((u32)(kernel_stack + sizeof kernel_stack));
    pic_init();
    set_handler(PIC_VECTOR_BASE + PIT_IRQ, tick);
    pit_start(5000);
    pic_unmask(PIT_IRQ);
    struct trap_frame f = user_frame((u32)code, (u32)stack + 4096);
    resume(&f);
}
