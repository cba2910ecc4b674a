// Sensitive instructions whose memory operand faults: the #PF is theirs, CR2 is the operand, nothing has
// changed.
#include "descriptors.h"
#include "window.h"

static void absent(int ring, struct snippet code, u32 extra) {
    const u32 hole = (u32)window(1);
    with.ebx = hole;
    expect(ring, code, VECTOR_PF, extra | (ring ? PF_U : 0));
    check_quietly("CR2's page", last_cr2 & ~0xFFFu,
                  hole);  // which part is read first is the processor's affair
}
/// The operand begins 2 bytes before the hole.
static void straddling(int ring, struct snippet code, u32 extra) {
    const u32 hole = (u32)window(1);
    with.ebx = hole - 2;
    expect(ring, code, VECTOR_PF, extra | (ring ? PF_U : 0));
    check_quietly("CR2's page", last_cr2 & ~0xFFFu, hole);
}
#define ABSENT(ring, text, extra) absent(ring, SNIPPET("", text), extra)
#define STRADDLING(ring, text, extra) straddling(ring, SNIPPET("", text), extra)
/// The stack pointer is at the start of page 2: the next push goes into the hole below it.
#define PUSHES(text)                                                  \
    do {                                                              \
        with.ebx = (u32)window(2);                                    \
        EXPECT(3, "mov esp, ebx", text, VECTOR_PF, PF_W | PF_U);      \
        check_quietly("CR2 of a push", last_cr2, (u32)window(2) - 4); \
        check_quietly("ESP", last.esp, (u32)window(2));               \
    } while (0)
#define POPS(text)                                                       \
    do {                                                                 \
        with.ebx = (u32)window(1);                                       \
        EXPECT(3, "mov esp, ebx", text, VECTOR_PF, PF_U);                \
        check_quietly("CR2's page", last_cr2 & ~0xFFFu, (u32)window(1)); \
        check_quietly("ESP", last.esp, (u32)window(1));                  \
    } while (0)

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    descriptors_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    window_map(0, frame_alloc(), RW);
    window_map(1, 0, 0);  // the hole
    window_map(2, frame_alloc(), RW);

    ABSENT(0, "sgdt [ebx]", PF_W);
    ABSENT(3, "sidt [ebx]", PF_W);
    ABSENT(0, "lgdt [ebx]", 0);
    ABSENT(0, "lidt [ebx]", 0);
    ABSENT(3, "smsw word ptr [ebx]", PF_W);
    ABSENT(0, "lmsw word ptr [ebx]", 0);
    ABSENT(3, "str word ptr [ebx]", PF_W);
    ABSENT(3, "sldt word ptr [ebx]", PF_W);
    ABSENT(0, "lldt word ptr [ebx]", 0);
    ABSENT(0, "ltr word ptr [ebx]", 0);
    ABSENT(3, "mov word ptr [ebx], ds", PF_W);
    ABSENT(3, "mov es, word ptr [ebx]", 0);
    ABSENT(3, "lds eax, [ebx]", 0);
    ABSENT(3, "lss eax, [ebx]", 0);
    ABSENT(3, "lar eax, word ptr [ebx]", 0);
    ABSENT(3, "lsl eax, word ptr [ebx]", 0);
    ABSENT(3, "verr word ptr [ebx]", 0);
    ABSENT(3, "verw word ptr [ebx]", 0);
    ABSENT(3, "call fword ptr [ebx]", 0);
    ABSENT(3, "jmp fword ptr [ebx]", 0);
    STRADDLING(3, "les eax, [ebx]", 0);
    STRADDLING(3, "jmp fword ptr [ebx]", 0);
    STRADDLING(0, "lgdt [ebx]", 0);

    // At ring 3 only: a push that faults at ring 0 leaves no stack for its own exception.
    PUSHES("pushfd");
    PUSHES("push ds");
    PUSHES("push cs");
    POPS("popfd");
    POPS("pop ds");
    POPS("pop gs");

    // String ports: the elements before the fault are done, and the registers say where to go on.
    outb(0x21, 0xF7);
    with.edi = (u32)window(1) - 5, with.ecx = 9, with.edx = 0x21;
    EXPECT(0, "", "rep insb", VECTOR_PF, PF_W);
    check("EDI is at the fault", last.edi, (u32)window(1));
    check("ECX is what is left", last.ecx, 4);
    check("the last byte done", window(0)[PAGE_SIZE - 1], 0xF7);
    with.esi = (u32)window(1) - 3, with.ecx = 9, with.edx = 0x1230;
    EXPECT(0, "", "rep outsb", VECTOR_PF, 0);
    check("ESI is at the fault", last.esi, (u32)window(1));
    check("ECX is what is left", last.ecx, 6);
    // invlpg of an absent page, or of nonsense, is no access.
    with.ebx = (u32)window(1);
    EXPECT_NO_FAULT(0, "", "invlpg [ebx]");
    finish();
}
