// What lies beyond a segment's limit, against its direction or its type: #GP(0), or #SS(0) for the stack.
// SDM Vol. 3A, sections 5.3 and 5.5.
#include "descriptors.h"
#include "probe.h"

enum { SMALL = 0xC0, DOWN = 0xC8, STACK = 0xD0, CODE = 0xD8, TLS = 0xE0 };
static u8 area[8192] __attribute__((aligned(4096)));

#define WITH_FS(selector, offset) (with.ecx = (selector) | 3, with.ebx = (offset))

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();
    const u32 base = (u32)area;
    *gdt_slot(SMALL) = make_descriptor(base, 0xFFF, ACCESS_DATA | ACCESS_DPL3, SEGMENT_32BIT);
    *gdt_slot(DOWN) = make_descriptor(base, 0xFFF, ACCESS_DATA_EXPAND_DOWN | ACCESS_DPL3, SEGMENT_32BIT);
    *gdt_slot(STACK) = make_descriptor(base, 0x7FF, ACCESS_DATA | ACCESS_DPL3, SEGMENT_32BIT);
    *gdt_slot(CODE) = make_descriptor(base, 0xFF, ACCESS_CODE | ACCESS_DPL3, SEGMENT_32BIT);
    *gdt_slot(TLS) = make_descriptor(base + 4096, 0xFFF, ACCESS_DATA | ACCESS_DPL3, SEGMENT_32BIT);

    for (int ring = 0; ring <= 3; ring += 3) {
        WITH_FS(SMALL, 0xFFC);
        EXPECT_NO_FAULT(ring, "mov fs, ecx", "mov eax, fs:[ebx]");
        WITH_FS(SMALL, 0xFFD);
        EXPECT(ring, "mov fs, ecx", "mov eax, fs:[ebx]", VECTOR_GP, 0);
        WITH_FS(SMALL, 0xFFF);
        EXPECT_NO_FAULT(ring, "mov fs, ecx", "mov fs:[ebx], al");
        WITH_FS(SMALL, 0x1000);
        EXPECT(ring, "mov fs, ecx", "mov fs:[ebx], al", VECTOR_GP, 0);
        WITH_FS(SMALL, 0xFFFFFFFC);
        EXPECT(ring, "mov fs, ecx", "mov eax, fs:[ebx]", VECTOR_GP, 0);
        WITH_FS(SMALL, 0x1000);
        EXPECT(ring, "mov fs, ecx", "sgdt fs:[ebx]", VECTOR_GP, 0);
        WITH_FS(SMALL, 0x1000);
        EXPECT_NO_FAULT(ring, "mov fs, ecx", "lea eax, fs:[ebx]");
        WITH_FS(DOWN, 0x1000);
        EXPECT_NO_FAULT(ring, "mov fs, ecx", "mov eax, fs:[ebx]");
        WITH_FS(DOWN, 0xFFF);
        EXPECT(ring, "mov fs, ecx", "mov al, fs:[ebx]", VECTOR_GP, 0);
        WITH_FS(DOWN, 0);
        EXPECT(ring, "mov fs, ecx", "mov fs:[ebx], al", VECTOR_GP, 0);
        WITH_FS(READ_ONLY3, (u32)area);
        EXPECT_NO_FAULT(ring, "mov fs, ecx", "mov eax, fs:[ebx]");
        WITH_FS(READ_ONLY3, (u32)area);
        EXPECT(ring, "mov fs, ecx", "mov fs:[ebx], eax", VECTOR_GP, 0);
        WITH_FS(CODE3, (u32)area);
        EXPECT(ring, "mov fs, ecx", "mov fs:[ebx], eax", VECTOR_GP, 0);
        WITH_FS(0, (u32)area);
        EXPECT(ring, "and ecx, -4; mov fs, ecx", "mov eax, fs:[ebx]", VECTOR_GP, 0);
        WITH_FS(0, (u32)area);
        EXPECT(ring, "xor ecx, ecx; mov es, ecx; mov edi, ebx", "stosb", VECTOR_GP, 0);
        with.ebx = (u32)area;
        EXPECT(ring, "", "mov cs:[ebx], al", VECTOR_GP, 0);
        // Clipped thread-local storage: negative offsets are beyond the limit.
        WITH_FS(TLS, (u32)-4);
        EXPECT(ring, "mov fs, ecx", "mov eax, fs:[ebx]", VECTOR_GP, 0);
    }
    // The stack: #SS(0), for explicit and implicit accesses.
    with.ecx = STACK | 3;
    EXPECT(3, "mov ss, ecx; mov esp, 0x804", "pop eax", VECTOR_SS, 0);
    with.ecx = STACK | 3;
    EXPECT(3, "mov ss, ecx; mov esp, 0", "push eax", VECTOR_SS, 0);
    with.ecx = STACK | 3;
    EXPECT(3, "mov ss, ecx; mov ebp, 0x7FE", "mov eax, [ebp]", VECTOR_SS, 0);
    with.ecx = STACK | 3;
    EXPECT(3, "mov ss, ecx; mov esp, 0x2000", "pushfd", VECTOR_SS, 0);
    with.ecx = STACK | 3;
    EXPECT(3, "mov ss, ecx; mov esp, 0x800", "push eax; pop eax", NO_FAULT, 0);
    with.ecx = STACK | 3;
    EXPECT(3, "mov ss, ecx; mov esp, 0x900", "call 1f; 1: nop", VECTOR_SS, 0);
    // Code: beyond the limit is #GP(0).
    area[0] = 0xEB, area[1] = 0x7E;                                                        // jmp to 0x80
    area[0x80] = 0xE9, area[0x81] = 0x7B, area[0x82] = 0, area[0x83] = 0, area[0x84] = 0;  // jmp to 0x100
    with_segments = (struct probe_segments){CODE | 3, USER_DATA, USER_DATA, probe_stack_top(3), base};
    probe(3, (struct snippet){(char*)area, (char*)area, ""});
    check("jump beyond the code limit", last.vector, VECTOR_GP);
    check("error", last.error, 0);
    check("EIP", (last.eip - base) == 0x80 || (last.eip - base) == 0x100,
          1);  // at the jump, or at its target
    finish();
}
