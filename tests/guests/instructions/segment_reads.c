// mov from and push of segment registers show the guest's selectors and RPL, in every operand form.
// SDM Vol. 2: MOV, PUSH.
#include "probe.h"

static u32 memory[2];

#define READS(reg, wanted0, wanted3)                                                                 \
    do {                                                                                             \
        for (int ring = 0; ring <= 3; ring += 3) {                                                   \
            const u32 wanted = ring ? (wanted3) : (wanted0);                                         \
            with.eax = 0xAAAAAAAA;                                                                   \
            EXPECT_NO_FAULT(ring, "", "mov eax, " reg);                                              \
            check("zero-extended", last.eax, wanted);                                                \
            with.eax = 0xAAAAAAAA;                                                                   \
            EXPECT_NO_FAULT(ring, "", "mov ax, " reg);                                               \
            check("low half only", last.eax, 0xAAAA0000 | wanted);                                   \
            memory[0] = 0xBBBBBBBB;                                                                  \
            with.ebx = (u32)memory;                                                                  \
            EXPECT_NO_FAULT(ring, "", "mov word ptr [ebx], " reg);                                   \
            check("two bytes in memory", memory[0], 0xBBBB0000 | wanted);                            \
            EXPECT_NO_FAULT(ring, "mov ebx, esp", "push " reg "; sub ebx, esp; pop eax");            \
            check("pushed", last.eax & 0xFFFF, wanted);                                              \
            check("by", last.ebx, 4);                                                                \
            EXPECT_NO_FAULT(ring, "mov ebx, esp", ".byte 0x66; push " reg "; sub ebx, esp; pop ax"); \
            check("pushed, 16 bits", last.eax & 0xFFFF, wanted);                                     \
            check("by", last.ebx, 2);                                                                \
        }                                                                                            \
    } while (0)

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    READS("cs", KERNEL_CODE, USER_CODE);
    READS("ss", KERNEL_DATA, USER_DATA);
    READS("ds", KERNEL_DATA, USER_DATA);
    READS("es", KERNEL_DATA, USER_DATA);
    READS("fs", 0, 0);
    READS("gs", 0, 0);
    // The RPL a program loaded is the RPL it reads.
    EXPECT_NO_FAULT(3, "mov ecx, 0x20; mov fs, ecx; mov ecx, 0x21; mov gs, ecx", "mov eax, fs; mov edx, gs");
    check("RPL 0 is kept", last.eax, 0x20);
    check("RPL 1 is kept", last.edx, 0x21);
    finish();
}
