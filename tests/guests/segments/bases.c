// Segments whose base is not 0: data, stack and code of a user program, thread-local storage at negative
// offsets, and a whole program that lives in its own small segments.  SDM Vol. 3A, section 3.4.
#include "poke.h"

enum { DATA_SEL = 0x30, CODE_SEL = 0x38, STACK_SEL = 0x40, TLS_SEL = 0x48 };
static u32 area[1024] __attribute__((aligned(4096)));
enum { FLAGS32 = SEGMENT_32BIT | SEGMENT_4K };

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    const u32 base = (u32)area;
    for (unsigned i = 0; i < 1024; ++i) area[i] = i;
    *gdt_slot(DATA_SEL) = make_descriptor(base, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, FLAGS32);
    *gdt_slot(STACK_SEL) = make_descriptor(base, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, FLAGS32);
    *gdt_slot(CODE_SEL) = make_descriptor(base, 0xFFFFF, ACCESS_CODE | ACCESS_DPL3, FLAGS32);

    for (int ring = 0; ring <= 3; ring += 3) {
        with.ecx = DATA_SEL | 3, with.ebx = 40;
        EXPECT_NO_FAULT(ring, "mov fs, ecx; mov gs, ecx; mov es, ecx",
                        "mov eax, fs:[ebx]; mov edx, gs:[8]; add dword ptr es:[0], 5");
        check("fs:", last.eax, 10);
        check("gs:", last.edx, 2);
        check("es: read-modify-write", area[0], 5);
        area[0] = 0;
        with.ecx = DATA_SEL | 3, with.edi = 100, with.esi = base;
        EXPECT_NO_FAULT(ring, "mov es, ecx; mov ecx, 3", "rep movsd");
        check("movs into es", area[27], 2);
        area[25] = 25, area[26] = 26, area[27] = 27;
    }
    // Thread-local storage as i386 has it: the base at the block's end, negative offsets in a 4 GiB segment.
    *gdt_slot(TLS_SEL) = make_descriptor(base + 2048, 0xFFFFF, ACCESS_DATA | ACCESS_DPL3, FLAGS32);
    with.ecx = TLS_SEL | 3, with.ebx = (u32)-8;
    EXPECT_NO_FAULT(3, "mov gs, ecx",
                    "mov eax, gs:[0xFFFFFFFC]; mov edx, gs:[ebx]; mov esi, gs:[0]; inc dword ptr gs:[-16]");
    check("gs:-4", last.eax, 511);
    check("gs:-8 by register", last.edx, 510);
    check("gs:0", last.esi, 512);
    check("gs:-16 incremented", area[508], 509);

    // Everything based: code at offset 0x100 of its segment, stack and data in theirs.
    u8* const code = (u8*)area + 0x100;
    //     mov 0x10, %eax; push %eax; call 1f; jmp 2f; 1: pop %ebx; push %ebx; mov %cs:0x104, %ecx; ret; 2:
    //     pop %edx
    PUT(code, 0xA1, LE32(0x10), 0x50, 0xE8, LE32(2), 0xEB, 10, 0x5B, 0x53, 0x2E, 0x8B, 0x0D, LE32(0x104),
        0xC3, 0x5A, END);
    for (unsigned round = 0; round < 3; ++round) {
        with_segments = (struct probe_segments){CODE_SEL | 3, STACK_SEL | 3, DATA_SEL | 3, 0xF00, base};
        probe(3, (struct snippet){(char*)code, (char*)code, ""});
        check("program in its own segments", last.vector, NO_FAULT);
        check("data", last.eax, 4);
        check("return address is the offset", last.ebx, 0x10B);
        check("stack", last.edx, 4);
        check("constant through cs", last.ecx & 0xFF, 0);
        check("EIP", last.eip - (u32)code, 26);
        check("ESP", last.esp, 0xF00);
        check("pushed to the segment's memory", area[0xEFC / 4], 4);
    }
    // A 16-bit stack: SP alone counts.
    *gdt_slot(STACK_SEL) = make_descriptor(base, 0xFFFF, ACCESS_DATA | ACCESS_DPL3, 0);
    with.ecx = STACK_SEL | 3;
    EXPECT_NO_FAULT(3, "mov edx, ss; mov ebx, esp; mov ss, ecx; mov esp, 0xABCD0800",
                    "push 0x77; mov eax, esp; mov ss, edx; mov esp, ebx");
    check("16-bit stack: SP moved, the rest stayed", last.eax, 0xABCD07FC);
    check("16-bit stack: pushed", area[0x7FC / 4], 0x77);
    finish();
}
