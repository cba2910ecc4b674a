// Nanobenchmarks: what single instructions and events cost, in cycles of the time-stamp counter.
//
//     nano NAME COLD HOT ok                 COLD: the first time; HOT: each of many, less an empty loop's
//     nano NAME COLD HOT FAIL what was wrong
//
// "quick" on the command line: shortly, and roughly.
#include "nano.h"

#include <guestkit/console.h>
#include <guestkit/cpu.h>
#include <guestkit/interrupts.h>
#include <guestkit/multiboot.h>
#include <guestkit/paging.h>
#include <guestkit/power.h>
#include <guestkit/string.h>

// Every sensitive instruction is a row, or says why not: a new one without does not link.
#define RINGPRESS_INSTRUCTION(id, mnemonic, kind, family, section, effect) extern const char nano_id_##id[];
#include "traps/instructions.def"
#undef RINGPRESS_INSTRUCTION
extern const char* const nano_covered[];
#define RINGPRESS_INSTRUCTION(id, mnemonic, kind, family, section, effect) nano_id_##id,
const char* const nano_covered[] = {
#include "traps/instructions.def"
};

u32* nano_entry;
u32 nano_entries[2];

extern const char guest_virtual_base[], guest_user_start[], guest_user_end[];  // guest.ld

static u8 interrupt_stack[4096] __attribute__((aligned(16)));
// Many short batches, so that on a busy host, too, some fit between two of its switches to others.
static u32 batch_cycles = 1000000;
static unsigned batches = 40, failures;

enum { MOST_TIMES = 1000000 };

static u32 timed(const struct nano_row* row, u32 times) {
    nano_sum = 0;
    nano_events = 0;
    const u64 start = rdtsc();
    row->run(times);
    const u32 cycles = (u32)(rdtsc() - start);
    return row->measures_itself ? nano_sum : cycles;
}

/// What is wrong after so many times, or null.
static const char* judge(const struct nano_row* row, u32 times) {
    if (row->events * times != nano_events) return "not every event arrived once";
    if ((nano_eax & row->mask) != row->expected) return "EAX is wrong";
    return 0;
}

/// Hundredths of a cycle for each time: the best of several batches.
static u32 hot(const struct nano_row* row, const char** problem) {
    u32 times = 100, best = timed(row, times);
    while (best < batch_cycles && times < MOST_TIMES) {
        times *= best < batch_cycles / 10 ? 10 : 2;
        best = timed(row, times);
    }
    for (unsigned i = 1; i < batches; ++i) {
        const u32 cycles = timed(row, times);
        if (!*problem) *problem = judge(row, times);
        if (cycles < best) best = cycles;
    }
    return best / times * 100 + best % times * 100 / times;
}

static void measure(const struct nano_row* row, u32 empty) {
    const u32 cr0 = read_cr0(), cr3 = read_cr3(), cr4 = read_cr4();
    const u32 cold = timed(row, 1);
    const char* problem = judge(row, 1);
    u32 each = hot(row, &problem);
    cli();
    if (cr0 != read_cr0() || cr3 != read_cr3() || cr4 != read_cr4())
        problem = "a control register has changed";
    each = each > empty ? each - empty : 0;
    print("nano %s %u %u.%02u %s%s\n", row->name, cold, each / 100, each % 100, problem ? "FAIL " : "ok",
          problem ? problem : "");
    failures += problem != 0;
}

static void set_entry(unsigned vector, void (*entry)(void)) {
    idt[vector] = make_gate(KERNEL_CODE, (u32)entry, ACCESS_INTERRUPT_GATE | ACCESS_DPL3, 0);
}

/// The kernel above 3 GiB and ring 3 below, as usual.
static void map_memory(void) {
    page_entry* directory = directory_create();
    const u32 kernel = (u32)guest_virtual_base;
    for (u32 at = 0; at < (8u << 20); at += LARGE_PAGE_SIZE) {
        large_page_map(directory, kernel + at, at, PAGE_P | PAGE_W);
    }
    enum { PAGE_UNCACHED = 0x10 };
    large_page_map(directory, NANO_APIC & ~(u32)(LARGE_PAGE_SIZE - 1), NANO_APIC,
                   PAGE_P | PAGE_W | PAGE_UNCACHED);
    for (u32 at = 0; at < (u32)(guest_user_end - guest_user_start); at += PAGE_SIZE) {
        page_map(directory, NANO_USER_CODE + at, physical(guest_user_start) + at, PAGE_P | PAGE_U);
    }
    page_map(directory, NANO_USER_STACK, physical(page_alloc()), PAGE_P | PAGE_W | PAGE_U);
    page_map(directory, NANO_ABSENT, 0, 0);
    for (unsigned i = 0; i < 2; ++i) {
        void* page = page_alloc();
        *(u32*)page = i;
        nano_entries[i] = physical(page) | PAGE_P | PAGE_W | PAGE_A | PAGE_D;
    }
    page_map(directory, NANO_CHANGED, 0, 0);
    nano_entry = page_entry_of(directory, NANO_CHANGED);
    *nano_entry = nano_entries[0];
    paging_enable(directory);
}

static bool contains(const char* text, const char* word) {
    for (; *text; ++text) {
        unsigned i = 0;
        while (word[i] && text[i] == word[i]) ++i;
        if (!word[i]) return true;
    }
    return false;
}

void guest_main(const struct multiboot_info* info) {
    if ((info->flags & MULTIBOOT_COMMAND_LINE) && contains(at_physical(info->command_line), "quick")) {
        batch_cycles /= 4;
        batches = 4;
    }
    outb(0x21, 0xFF);  // both 8259s masked: no interrupt comes, whatever IF is
    outb(0xA1, 0xFF);
    write_cr0((read_cr0() & ~(u32)(CR0_TS | CR0_EM)) | CR0_NE);
    map_memory();
    tss.esp0 = (u32)interrupt_stack + sizeof interrupt_stack;
    tss.ss0 = KERNEL_DATA;
    set_entry(NANO_COUNTED, nano_counted_entry);
    set_entry(NANO_DONE, nano_done_entry);
    set_entry(NANO_CLOCK, nano_clock_entry);
    set_entry(VECTOR_BP, nano_counted_entry);
    set_entry(VECTOR_OF, nano_counted_entry);
    set_entry(VECTOR_PF, nano_page_fault_entry);
    set_entry(VECTOR_DE, nano_divide_entry);

    const char* problem = 0;
    const u32 empty = hot(&nano_rows[0], &problem);
    for (const struct nano_row* row = nano_rows + 1; row < nano_rows_end; ++row) {
        measure(row, row->measures_itself ? 0 : empty);
    }
    print("nano-end %u\n", failures);
    debug_exit(failures != 0);
}
