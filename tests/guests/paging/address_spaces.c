// Loads of CR3 (SDM Vol. 3A, 4.10.4.1) as a scheduler makes them: from one address space to another through
// one that has no user pages.  Whatever the kernel or a user reads or writes right afterwards is what the new
// tables say, faults included.
#include "probe.h"

enum { PAGE = 0x10000000, ANOTHER = 0x10400000, CODE = 0x10800000 };
enum { RING3_RW = PAGE_P | PAGE_W | PAGE_U, RING3_RO = PAGE_P | PAGE_U };

static u32 code_frame;

/// An address space with the kernel's half, and a page for ring-3 snippets.
static page_entry* address_space(void) {
    page_entry* directory = directory_create();
    for (u32 a = 0; a < 8u << 20; a += LARGE_PAGE_SIZE)
        large_page_map(directory, (u32)at_physical(a), a, PAGE_P | PAGE_W);
    return directory;
}

/// A frame that begins with `word`.
static u32 frame_with(u32 word) {
    u32* page = page_alloc();
    *page = word;
    return physical(page);
}

static void switch_to(page_entry* directory) {
    write_cr3(physical(directory));
}

/// What the kernel reads at an address.
static u32 kernel_reads(u32 address) {
    return *(volatile u32*)address;
}

static void user(const char* what, struct snippet code, u32 operand, unsigned vector, u32 error) {
    memcpy((void*)CODE, code.start, 64);
    with.ebx = operand;
    with.eax = 0xDEAD;
    with_segments.esp = CODE + PAGE_SIZE;
    expect(3, (struct snippet){(char*)CODE, (char*)CODE + (code.at - code.start), what}, vector, error);
}
static void user_reads(const char* what, u32 address, u32 want) {
    user(what, SNIPPET("", "mov eax, [ebx]"), address, NO_FAULT, 0);
    check(what, last.eax, want);
}
static void kernel_faults(const char* what, struct snippet code, u32 operand, u32 error) {
    with.ebx = operand;
    code.text = what;
    expect(0, code, VECTOR_PF, error);
    check("CR2", last_cr2, operand);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    page_entry *nobody = address_space(), *first = address_space(), *second = address_space();
    paging_enable(nobody);
    code_frame = physical(page_alloc());
    for (unsigned n = 0; n < 2; ++n) page_map(n ? second : first, CODE, code_frame, RING3_RW);
    const u32 frames[] = {frame_with(1), frame_with(2), frame_with(3)};
    page_map(first, PAGE, frames[0], RING3_RW);
    page_map(second, PAGE, frames[1], RING3_RO);
    page_map(first, ANOTHER, frames[2], RING3_RW);

    for (unsigned round = 0; round < 3; ++round) {
        print("round %u\n", round);
        switch_to(first);
        user_reads("the first's page", PAGE, 1);
        user_reads("its other page", ANOTHER, 3);
        user("it writes", SNIPPET("", "mov [ebx + 4], ebx"), PAGE, NO_FAULT, 0);

        switch_to(nobody);
        kernel_faults("nobody's page, read", SNIPPET("", "mov eax, [ebx]"), PAGE, 0);
        kernel_faults("nobody's page, written", SNIPPET("", "mov [ebx], eax"), PAGE, PF_W);
        kernel_faults("nobody's page, by a string", SNIPPET("mov esi, ebx", "lodsd"), PAGE + 8, 0);
        switch_to(first);
        check("back again, the kernel reads", kernel_reads(PAGE), 1);
        switch_to(nobody);
        switch_to(first);
        user_reads("back again", PAGE, 1);

        switch_to(nobody);
        switch_to(second);
        check("the kernel reads the second's", kernel_reads(PAGE), 2);
        kernel_faults("what is the first's alone", SNIPPET("", "mov eax, [ebx]"), ANOTHER, 0);
        user_reads("the second's page", PAGE, 2);
        user("is read-only", SNIPPET("", "mov [ebx], eax"), PAGE, VECTOR_PF, PF_P | PF_U | PF_W);
        user("what is the first's alone", SNIPPET("", "mov eax, [ebx]"), ANOTHER, VECTOR_PF, PF_U);

        // Tables that change while another address space is in use need no invlpg.
        page_map(first, PAGE, frames[1], RING3_RW);
        switch_to(first);
        check("the kernel sees the change", kernel_reads(PAGE), 2);
        switch_to(nobody);
        page_map(first, PAGE, frames[0], RING3_RO);
        switch_to(first);
        user("the user, too", SNIPPET("", "mov [ebx], eax"), PAGE, VECTOR_PF, PF_P | PF_U | PF_W);
        switch_to(nobody);
        page_map(first, PAGE, frames[0], RING3_RW);
        switch_to(first);
        user_reads("and the way back", PAGE, 1);
        check("what the first wrote", kernel_reads(PAGE + 4), PAGE);
        // Code of another address space is as far away as its data.
        switch_to(nobody);
        struct snippet call = SNIPPET("", "jmp ebx");
        with.ebx = CODE;
        expect(0, (struct snippet){call.start, (char*)CODE, "nobody's code"}, VECTOR_PF, 0);
    }
    finish();
}
