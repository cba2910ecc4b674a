// A guest kernel that executes every form of instruction_forms.def at ring 0 and says what came of it.
//
// Its lines on port 0xE9, all numbers hexadecimal:
//   begin N        form N is about to run; if nothing follows, it was the guest's end
//   N VALUES...    form_result.h says what they are
//   end            all have run
// The command line "first=N" leaves out the forms before N: for going on behind one that was the guest's end.
#include "kernel.h"

#include <guestkit/cpu.h>
#include <guestkit/interrupts.h>
#include <guestkit/multiboot.h>
#include <guestkit/pic.h>
#include <guestkit/pit.h>
#include <guestkit/power.h>
#include <guestkit/string.h>

#include "monitor/holes/form_result.h"
#include "traps/instruction_form.h"

#define UNPACK(...) __VA_ARGS__
#define RINGPRESS_EXPLAIN(...)
#define RINGPRESS_FORM(id, text, code, fields) \
    {.note = text, .bytes = {UNPACK code}, .length = sizeof((u8[]){UNPACK code}), UNPACK fields},
static const struct InstructionForm forms[] = {
#include "traps/instruction_forms.def"
};
enum { FORMS = sizeof forms / sizeof *forms };

// More often than it takes for a site to become a gate (Policy::hot), so that level inline shows its own.
enum { REPETITIONS = 6 };

u32 entry_eax, entry_ecx, entry_edx, entry_ebx, entry_esi, entry_esp, entry_eip, entry_eflags;

static struct {
    u32 for_events[1024];  // at ring 0 an exception's frame and its handler's come below ESP
    u32 free[kFormFreeWords], stack[kFormStackWords], mem[kFormMemWords], witness[8];
} area;
static u8 slots[FORMS][32] __attribute__((aligned(4096)));  // the code of each form, and what follows it
static u32 next_address;                                    // behind the form's instruction
static u8 trap_stack[4096] __attribute__((aligned(16)));
static u32 result[kResultWords];

static void put(const char* text) {
    while (*text) outb(0xE9, (u8)*text++);
}
static void put_number(u32 n) {
    char digits[10], *at = digits + 9;
    *at = 0;
    do *--at = "0123456789abcdef"[n & 15];
    while (n >>= 4);
    *--at = ' ';
    put(at);
}

static u32 relative(u32 value) {
    return value == next_address ? (u32)kNextAddress : value;
}

/// Whatever ends a form: the int 0x60 behind it, or an exception.
static struct trap_frame* on_event(struct trap_frame* f) {
    const u32 esp = from_user(f) ? f->esp : (u32)&f->esp;
    u32* r = result;
    *r++ = f->vector;
    *r++ = f->error;
    *r++ = f->eip - entry_eip;
    *r++ = f->eax;
    *r++ = f->ecx;
    *r++ = f->edx;
    *r++ = f->eflags;
    *r++ = f->cs;
    *r++ = esp - entry_esp;
    for (unsigned i = 0; i < kFormMemWords; ++i) *r++ = relative(area.mem[i]);
    for (unsigned i = 0; i < kFormFreeWords + kFormStackWords; ++i) {
        // What lies below ESP is anybody's, half words included (a 16-bit push).
        const u32* word = &area.free[0] + i;
        const u32 below = esp <= (u32)word ? 0 : esp - (u32)word;
        *r++ = below >= 4 ? 0 : below ? *word >> 8 * below : relative(*word);
    }
    form_leave();
}

static struct trap_frame* on_timer(struct trap_frame* f) {
    pic_end_of_interrupt(PIT_IRQ);
    return f;
}

/// Puts what is known here only in the place of its stand-in.
static void resolve(u32* words, unsigned count) {
    const u64 tables[] = {(u64)(u32)gdt << 16 | (sizeof gdt - 1), (u64)(u32)idt << 16 | (sizeof idt - 1)};
    if (count >= 2 && words[0] == kOwnGdtr) memcpy(words, &tables[0], 8);
    if (count >= 2 && words[0] == kOwnIdtr) memcpy(words, &tables[1], 8);
    for (unsigned i = 0; i < count; ++i)
        if (words[i] == kNextAddress) words[i] = next_address;
}

static void write_code(u8* at, const struct InstructionForm* form) {
    memcpy(at, form->bytes, form->length);
    for (unsigned i = 0; i + 4 <= form->length; ++i) {
        u32 word;
        memcpy(&word, at + i, 4);
        const u32 behind = (u32)at + form->length;
        if (word == kNextAddress) memcpy(at + i, &behind, 4);
    }
    at += form->length;
    if (form->observe) {  // mov %seg:(%esi),%edx
        *at++ = form->observe;
        *at++ = 0x8B;
        *at++ = 0x16;
    }
    *at++ = 0xCD;
    *at++ = kEndVector;
}

static void run(const struct InstructionForm* form, u8* code) {
    next_address = (u32)code + form->length;
    memset(&area, 0, sizeof area);
    memcpy(area.mem, form->mem, sizeof form->mem);
    memcpy(area.stack, form->stack, sizeof form->stack);
    resolve(area.mem, kFormMemWords);
    resolve(area.stack, kFormStackWords);
    area.witness[0] = kFlatWord;
    area.witness[4] = kBaseWord;
    *gdt_slot(kSpareTss) = make_descriptor((u32)&tss, sizeof tss - 1, ACCESS_TSS, 0);  // not busy any more
    entry_eax = form->eax, entry_ecx = form->ecx, entry_edx = form->edx;
    entry_eflags = form->eflags ? form->eflags : (u32)kFormFlags;
    entry_ebx = (u32)area.mem, entry_esi = (u32)area.witness, entry_esp = (u32)area.stack;
    entry_eip = (u32)code;
    const bool sleeps = form->bytes[0] == 0xF4;  // hlt: something must wake it
    if (sleeps) pic_unmask(PIT_IRQ);
    form_enter();
    if (sleeps) pic_mask(PIT_IRQ);
}

static void report(unsigned number, const struct InstructionForm* form, u8* code) {
    u32 first[kResultWords];
    put("begin");
    put_number(number);
    put("\n");
    for (unsigned i = 0; i < REPETITIONS; ++i) {
        run(form, code);
        if (i == 0) memcpy(first, result, sizeof result);
    }
    put_number(number);
    for (unsigned i = 0; i < kResultWords; ++i) put_number(result[i]);
    put(form->varies || memcmp(first, result, sizeof result) == 0 ? "\n" : " unsteady\n");
}

static void init(void) {
    const unsigned flat = SEGMENT_32BIT | SEGMENT_4K;
    gdt[kGuestStack >> 3] = make_descriptor(0, 0xFFFFF, ACCESS_DATA, flat);
    gdt[kHostCode >> 3] = make_descriptor(0, 0xFFFFF, ACCESS_CODE | ACCESS_DPL3, flat);
    gdt[kHostData >> 3] = make_descriptor(16, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, flat);
    *gdt_slot(kSpareTss) = make_descriptor((u32)&tss, sizeof tss - 1, ACCESS_TSS, 0);
    __asm__ volatile("ltr %w0" : : "r"(kSpareTss));
    set_kernel_stack((u32)(trap_stack + sizeof trap_stack));

    pic_init();
    pit_start(1000);
    for (unsigned v = 0; v < 0x20; ++v) set_handler(v, on_event);
    set_handler(PIC_VECTOR_BASE + PIT_IRQ, on_timer);
    const u8 called[] = {kEndVector, 0x21, 0x80};
    for (unsigned i = 0; i < sizeof called; ++i) {
        set_handler(called[i], on_event);
        set_gate_access(called[i], ACCESS_INTERRUPT_GATE | ACCESS_DPL3);
    }
    set_gate_access(PIC_VECTOR_BASE + PIT_IRQ, ACCESS_INTERRUPT_GATE);
}

/// The number behind "first=" on the command line.
static unsigned first_form(const struct multiboot_info* info) {
    unsigned first = 0;
    if (!(info->flags & MULTIBOOT_COMMAND_LINE)) return 0;
    const char* at = (const char*)info->command_line;
    for (; *at; ++at) {
        if (memcmp(at, "first=", 6) != 0) continue;
        for (at += 6; *at >= '0' && *at <= '9'; ++at) first = first * 10 + (unsigned)(*at - '0');
        break;
    }
    return first;
}

void guest_main(const struct multiboot_info* info) {
    init();
    for (unsigned i = 0; i < FORMS; ++i) write_code(slots[i], &forms[i]);
    for (unsigned i = first_form(info); i < FORMS; ++i) report(i, &forms[i], slots[i]);
    put("end\n");
    power_off();
}
