// Ring 3 cannot read, write or run what is the supervisor's, with the kernel above the user pages (HIGH_HALF)
// or below them; the kernel reads and writes the user's pages freely.  Both layouts are this one source.
#include "probe.h"

static page_entry* directory;
enum { USER_BASE = 0x10000000 };
static u32 secret = 0x5EC2E7;

/// A place for user code and its stack: ring 3 may not run the kernel's image here.
static u8* user_page(unsigned n) {
    return (u8*)USER_BASE + n * PAGE_SIZE;
}

/// EBX is the operand; a fault must be at `eip`, or at the snippet's instruction if that is null.
static void user_at(const char* what, struct snippet code, u32 operand, unsigned vector, u32 error,
                    const void* eip) {
    memcpy(user_page(0), code.start, 64);
    with.ebx = operand;
    with_segments.esp = (u32)user_page(2);
    const char* start = (const char*)user_page(0);
    expect(3, (struct snippet){start, eip ? eip : start + (code.at - code.start), what}, vector, error);
    if (vector == VECTOR_PF) check("CR2 - operand", last_cr2 - operand, 0);
}
static void user(const char* what, struct snippet code, u32 operand, unsigned vector, u32 error) {
    user_at(what, code, operand, vector, error, 0);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    const u32 base = (u32)at_physical(0);  // 0xC0000000 or 0
    directory = directory_create();
    for (u32 a = 0; a < 8u << 20; a += LARGE_PAGE_SIZE)
        large_page_map(directory, base + a, a, PAGE_P | PAGE_W);
    paging_enable(directory);
    for (unsigned n = 0; n < 2; ++n) {
        page_map(directory, (u32)user_page(n), physical(page_alloc()), PAGE_P | PAGE_W | PAGE_U);
        memset(user_page(n), 0x90, PAGE_SIZE);
    }
    page_map(directory, (u32)user_page(8), physical(page_alloc()), PAGE_P | PAGE_U);  // read only
    page_map(directory, (u32)user_page(9), physical(page_alloc()),
             PAGE_P | PAGE_W);  // supervisor, amid the user's
    *(u32*)user_page(9) = 99;

    for (unsigned round = 0; round < 3; ++round) {  // again after the kernel has touched it all itself
        user("read the kernel's data", SNIPPET("", "mov eax, [ebx]"), (u32)&secret, VECTOR_PF, PF_P | PF_U);
        check("nothing was read", last.eax == secret, 0);
        user("write it", SNIPPET("", "mov [ebx], eax"), (u32)&secret, VECTOR_PF, PF_P | PF_U | PF_W);
        user("push onto it", SNIPPET("lea esp, [ebx + 4]", "push eax"), (u32)&secret, VECTOR_PF,
             PF_P | PF_U | PF_W);
        user_at("jump to the kernel", SNIPPET("", "jmp ebx"), (u32)guest_main, VECTOR_PF, PF_P | PF_U,
                guest_main);
        user("read the IDT", SNIPPET("", "mov eax, [ebx]"), (u32)idt, VECTOR_PF, PF_P | PF_U);
        user("read the page directory", SNIPPET("", "mov eax, [ebx]"), (u32)directory, VECTOR_PF,
             PF_P | PF_U);
        user("read a supervisor page amid the user's", SNIPPET("", "mov eax, [ebx]"), (u32)user_page(9),
             VECTOR_PF, PF_P | PF_U);
        user("write a read-only page", SNIPPET("", "mov [ebx], eax"), (u32)user_page(8), VECTOR_PF,
             PF_P | PF_U | PF_W);
        user("read it", SNIPPET("", "mov eax, [ebx]; int 0x60"), (u32)user_page(8), NO_FAULT, 0);
        user("its own stack", SNIPPET("", "push ebx; pop eax; int 0x60"), 77, NO_FAULT, 0);
        check("the stack works", last.eax, 77);
        check("the secret is intact", secret, 0x5EC2E7);
        check("the kernel reads a user page", user_page(1)[0], 0x90);
        check("the kernel reads its page amid the user's", *(u32*)user_page(9), 99);
    }
    // The highest addresses belong to nobody.
    user("read the top of memory", SNIPPET("", "mov eax, [ebx]"), 0xFFFFFFFC, VECTOR_PF, PF_U);
    user("read null", SNIPPET("", "mov eax, [ebx]"), 0, VECTOR_PF, base ? PF_U : PF_P | PF_U);
    finish();
}
