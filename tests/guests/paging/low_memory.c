// The lowest pages, which a host may keep from being mapped: the BIOS data area, accesses of all widths and
// kinds, with paging off and on, from both rings, and code that runs there.
#include "window.h"

/// The compiler knows that nothing lies at address 0; this one comes from elsewhere.
static void* at(u32 address) {
    __asm__("" : "+r"(address));
    return (void*)address;
}
#define BYTE(address) (*(volatile u8*)at(address))
#define WORD(address) (*(volatile u16*)at(address))
#define LONG(address) (*(volatile u32*)at(address))

static void accesses(int ring) {
    memset(at(0x6000), 0, 0x1000);
    LONG(0x6010) = 0x11223344;
    with.ebx = 0x6000;
    EXPECT_NO_FAULT(ring, "", "mov al, [ebx + 0x10]; mov cx, [ebx + 0x11]; mov edx, [ebx + 0x10]");
    check("byte", last.eax & 0xFF, 0x44);
    check("word", last.ecx & 0xFFFF, 0x2233);
    check("long", last.edx, 0x11223344);
    with.ebx = 0x6000;
    EXPECT_NO_FAULT(ring, "mov eax, 5",
                    "add [ebx + 0x10], eax; lock xadd [ebx + 0x10], eax; not byte ptr [ebx + 0x20]; "
                    "push [ebx + 0x10]; pop [ebx + 0x24]; xchg [ebx + 0x28], ebx");
    check("read-modify-write", LONG(0x6010), 0x11223344 + 5 + 5);
    check("byte not", BYTE(0x6020), 0xFF);
    check("push and pop", LONG(0x6024), 0x1122334E);
    check("xchg", LONG(0x6028), 0x6000);
    with.esi = 0x6010, with.edi = 0x6100, with.ecx = 8;
    EXPECT_NO_FAULT(ring, "", "rep movsd");
    check("movs", LONG(0x6100), 0x1122334E);
    with.edi = 0x6FFE, with.eax = 0xCCDDEEFF;
    EXPECT_NO_FAULT(ring, "", "stosd");
    check("across two low pages", WORD(0x7000), 0xCCDD);
    with.ebx = 0x6800;
    EXPECT_NO_FAULT(
        ring,
        "mov ecx, esp; mov esp, ebx; push 0x12345678; pushfd; pop eax; pop eax; mov edx, esp; mov esp, ecx",
        "nop");
    check("a stack down there", last.eax, 0x12345678);
    static const u8 code[] = {0xB8, 0x39, 0x05, 0,       0,
                              0x9C, 0x5B, 0xCD, NO_FAULT};  // mov $1337, %eax; pushf; pop %ebx
    memcpy(at(0x6C00), code, sizeof code);
    check("code down there", run_at(ring, at(0x6C00)), 1337);
    BYTE(0x6C01) = 0x3A;
    check("changed code down there", run_at(ring, at(0x6C00)), 1338);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    check("BDA: COM1's port", WORD(0x400), 0x3F8);
    check("BDA: base memory is about 639 KiB", WORD(0x413) >= 600 && WORD(0x413) <= 640, 1);
    LONG(0x0) = 0x600DF00D;
    check("address 0", LONG(0x0), 0x600DF00D);
    for (int ring = 0; ring <= 3; ring += 3) accesses(ring);
    window_init(PAGE_P | PAGE_W | PAGE_U);
    for (int ring = 0; ring <= 3; ring += 3) accesses(ring);
    // Under paging it is an address like any other: null may be absent, or lead elsewhere.
    page_unmap(directory, 0);
    EXPECT(0, "xor ebx, ebx", "mov eax, [ebx]", VECTOR_PF, 0);
    EXPECT(3, "xor ebx, ebx", "mov [ebx + 0x123], eax", VECTOR_PF, PF_U | PF_W);
    check("CR2", last_cr2, 0x123);
    EXPECT(3, "xor ebx, ebx; mov esp, esp", "mov eax, [ebx + 0xFFF]", VECTOR_PF, PF_U);
    const u32 frame = frame_alloc();
    *(u32*)at_physical(frame) = 0xF00;
    page_map(directory, 0, frame, RW);
    invlpg((void*)0);
    EXPECT_NO_FAULT(3, "xor ebx, ebx", "mov eax, [ebx]; inc dword ptr [ebx]");
    check("page 0 from elsewhere", last.eax, 0xF00);
    check("written there", *(u32*)at_physical(frame), 0xF01);
    const page_entry entry = *page_entry_of(directory, 0);
    check("Accessed and Dirty", entry & (PAGE_A | PAGE_D), PAGE_A | PAGE_D);
    finish();
}
