// The guarantee: memory holds the guest's own bytes.  Code full of sensitive instructions runs many times,
// and its bytes, read in every way, stay what they were; so do return addresses and EIPs.
#include "poke.h"

extern const u8 specimen[], specimen_end[];
__asm__(
    ".pushsection .user, \"ax\"\n"
    "specimen:\n"
    "   pushfl; popl %eax; pushl %ds; popl %ds; movl %ss, %edx; pushl %eax; popfl; movl %edx, %ss\n"
    "   smsw %ecx; str %esi; sldt %edi; movl $0x9cfafb9d, %ebx; call 1f\n"
    "1: popl %ebp; subl $1b, %ebp; jmp 3f\n"
    "2: .long 0x11223344, 0xfafbfcfd, 0xcccccccc\n"  // data amid the code, which looks like code
    "3: movl %cs:2b, %ecx; addl %cs:2b+4, %ecx; addl 2b+8, %ecx\n"
    "   int $0x60\n"
    "specimen_end: .popsection");

static u32 sum(const u8* from, const u8* to) {
    u32 s = 0;
    for (; from < to; ++from) s = s * 31 + *from;
    return s;
}

static void reads(u32 wanted) {
    check_quietly("checksum", sum(specimen, specimen_end), wanted);
    static u8 copy[256];
    memcpy(copy, specimen, (size_t)(specimen_end - specimen));
    check_quietly("copied by movs", sum(copy, copy + (specimen_end - specimen)), wanted);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    // Copied by hand before anything of it ever ran.
    const u32 size = (u32)(specimen_end - specimen);
    const u32 wanted = sum(specimen, specimen_end);
    static u8 before[256];
    memcpy(before, specimen, size);
    print("specimen: %u bytes\n", size);
    for (unsigned round = 0; round < 2; ++round) {
        for (unsigned i = 0; i < 50; ++i) {
            const int ring = i & 1 ? 3 : 0;
            probe(ring, (struct snippet){(const char*)specimen, (const char*)specimen, ""});
            check_quietly("vector", last.vector, NO_FAULT);
            check_quietly("the pushed return address is the genuine one", last.ebp, 0);
            check_quietly("data amid code, also through CS", last.ecx, 0x11223344 + 0xfafbfcfd + 0xcccccccc);
            check_quietly("immediate", last.ebx, 0x9cfafb9d);
            check_quietly("EIP", last.eip, (u32)specimen_end);
            reads(wanted);
        }
        check("checksum after 50 runs", sum(specimen, specimen_end), wanted);
        check("byte by byte", (u32)memcmp(before, specimen, size), 0);
        if (!round) window_init(PAGE_P | PAGE_W | PAGE_U);
    }
    // Compared and scanned by string instructions, at ring 3: no int3 that was not there.
    with.edi = (u32)specimen, with.ecx = size, with.eax = 0x0F;
    EXPECT_NO_FAULT(3, "", "xor edx, edx; 1: scasb; jne 2f; inc edx; 2: loop 1b");
    u32 escapes = 0;
    for (u32 i = 0; i < size; ++i) escapes += before[i] == 0x0F;
    check("scasb counts 0F", last.edx, escapes);
    finish();
}
