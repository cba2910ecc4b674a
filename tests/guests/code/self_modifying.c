// Code that changes under the processor: its own next instructions, another page, through an alias, by string
// instructions, and back and forth.  After a jump the new bytes count, SDM Vol. 3A, section 8.1.3.
#include "poke.h"

enum { MOV_EAX = 0xB8 };

static void patch_between_runs(int ring, u8* code, u8* alias) {
    PUT(code, MOV_EAX, 1, 0, 0, 0, END);
    check("first run", run_at(ring, code), 1);
    code[1] = 2;
    check("patched byte", run_at(ring, code), 2);
    alias[1] = 3;
    check("patched through an alias", run_at(ring, code), 3);
    check("run through the alias", run_at(ring, alias), 3);
    code[2] = 1;
    check("and that one sees patches, too", run_at(ring, alias), 0x103);
    // An instruction of another length: mov $5, %al; inc %eax; nop
    PUT(code, 0x31, 0xC0, 0xB0, 5, 0x40, 0x90, END);
    check("other instructions in its place", run_at(ring, code), 6);
    u32 wrong = 0;
    for (u32 i = 0; i < 300; ++i) {
        PUT(code, MOV_EAX, 0, 0, 0, 0, END);
        *(volatile u32*)(code + 1) = i * 0x01010101;
        probe(ring, (struct snippet){(char*)code, (char*)code, ""});
        wrong += last.eax != i * 0x01010101;
    }
    check("300 patches", wrong, 0);
    // From innocuous to sensitive and back: pushf; pop %eax.
    PUT(code, 0x90, 0x90, MOV_EAX, 7, 0, 0, 0, END);
    check("innocuous", run_at(ring, code), 7);
    PUT(code, 0x9C, 0x58, 0x90, 0x90, 0x90, 0x90, 0x90, END);
    with.eflags = EFLAGS_CF | EFLAGS_IF;
    check("sensitive", run_at(ring, code), EFLAGS_CF | EFLAGS_IF | EFLAGS_FIXED1);
    PUT(code, 0x90, 0x90, MOV_EAX, 9, 0, 0, 0, END);
    check("innocuous again", run_at(ring, code), 9);
}

static void patches_itself(int ring, u8* code) {
    // movb $77, 1+target; jmp target; target: mov $0, %eax
    PUT(code, 0xC6, 0x05, LE32(WINDOW + 0x0A), 77, 0xEB, 0x00, MOV_EAX, 0, 0, 0, 0, END);
    check("the next instruction but one", run_at(ring, code), 77);
    // A loop whose body counts up an immediate in itself: 10: incb imm; 20: mov $imm, %eax; cmp $9; jne
    PUT(code, 0xFE, 0x05, LE32(WINDOW + 0x07), MOV_EAX, 0, 0, 0, 0, 0x3C, 9, 0x75, 0xF1, END);
    check("a loop that patches its own body", run_at(ring, code), 9);
    // rep stosb over the code behind: fills with inc %eax.
    with.edi = WINDOW + 0x10, with.ecx = 8, with.eax = 0x40;
    memset(code, 0x90, 64);
    PUT(code, 0xF3, 0xAA, 0xEB, 0x0C);
    PUT(code + 0x10, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, 0x48, END);  // dec %eax
    check("rep stosb ahead", run_at(ring, code), 0x48);
    // A push into the instruction stream.
    PUT(code, 0x89, 0xE2, 0xBC, LE32(WINDOW + 0x14), 0x68, 0xB8, 5, 0, 0, 0x89, 0xD4, 0xEB, 0x00);
    PUT(code + 0x10, 0x90, 0x90, 0x90, 0x90, 0, 0, END);
    check("pushed code", run_at(ring, code) & 0xFFFF, 5);
}

static void patches_another_page(int ring, u8* here, u8* there) {
    // movl %ebx, there+1; call there; int 0x60
    PUT(there, MOV_EAX, 0, 0, 0, 0, 0xC3);
    PUT(here, 0x89, 0x1D, LE32(WINDOW + PAGE_SIZE + 1), 0xE8, LE32(PAGE_SIZE - 11), END);
    u32 wrong = 0;
    for (u32 i = 1; i <= 50; ++i) {
        with.ebx = i;
        probe(ring, (struct snippet){(char*)here, (char*)here, ""});
        wrong += last.eax != i;
    }
    check("code that patches another page and calls it", wrong, 0);
}

static void data_beside_code(int ring, u8* code) {
    // lock incl counter (in the same page); mov counter, %eax
    PUT(code, 0xF0, 0xFF, 0x05, LE32(WINDOW + 0x800), 0xA1, LE32(WINDOW + 0x800), 0xE2, 0xF2, END);
    *(volatile u32*)(code + 0x800) = 0;
    with.ecx = 100;
    check("a counter in its own code page", run_at(ring, code), 100);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    const u32 frame = frame_alloc();
    window_map(0, frame, RW);
    window_map(1, frame_alloc(), RW);
    window_map(4, frame, RW);
    for (int ring = 0; ring <= 3; ring += 3) {
        patch_between_runs(ring, window(0), window(4));
        patches_itself(ring, window(0));
        patches_another_page(ring, window(0), window(1));
        data_beside_code(ring, window(0));
    }
    // Unmapped, remapped to another frame: the other code runs.
    u32 frames[2] = {frame, frame_alloc()}, wrong = 0;
    for (unsigned i = 0; i < 2; ++i) {
        window_map(0, frames[i], RW);
        PUT(window(0), MOV_EAX, 0, 0, 0, 0, END);
        window(0)[1] = (u8)(10 + i);
    }
    for (unsigned i = 0; i < 60; ++i) {
        window_map(0, frames[i % 2], RW);
        probe(i % 3 ? 3 : 0, (struct snippet){(char*)window(0), (char*)window(0), ""});
        wrong += last.eax != 10 + i % 2;
    }
    check("remapped code", wrong, 0);
    finish();
}
