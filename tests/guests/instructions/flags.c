// cli, sti, pushf and popf: who may change IF and IOPL, and who only sees that nothing happened.
// SDM Vol. 2: CLI, STI, PUSHF, POPF; Vol. 1, section 3.4.3.
#include "probe.h"

static const u32 interesting = EFLAGS_IF | EFLAGS_IOPL | EFLAGS_NT | EFLAGS_DF;

static void popf_at(int ring, const char* what, u32 before, u32 popped, u32 wanted) {
    with.eflags = before;
    with.eax = popped;
    PROBE(ring, "push eax", "popfd");
    check(what, last.eflags & interesting, wanted);
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();

    EXPECT_PRIVILEGED("", "cli");
    EXPECT(3, "", "sti", VECTOR_GP, 0);
    with.eflags = EFLAGS_IOPL;
    EXPECT_NO_FAULT(3, "", "cli");
    with.eflags = EFLAGS_IOPL;
    EXPECT_NO_FAULT(3, "", "sti; cli");

    with.eflags = EFLAGS_IF;
    PROBE(0, "pushfd; pop eax", "cli; pushfd; pop ebx");
    check("cli clears IF", (last.eax ^ last.ebx), EFLAGS_IF);
    PROBE(0, "pushfd; pop eax", "sti; pushfd; pop ebx");
    check("sti sets IF", (last.eax ^ last.ebx), EFLAGS_IF);

    popf_at(0, "ring 0 popf sets all", 0, interesting, interesting);
    popf_at(0, "ring 0 popf clears all", EFLAGS_IF | EFLAGS_IOPL | EFLAGS_DF, 0, 0);
    popf_at(3, "ring 3 popf leaves IF and IOPL", 0, interesting, EFLAGS_NT | EFLAGS_DF);
    popf_at(3, "ring 3 popf cannot clear IF", EFLAGS_IF, 0, EFLAGS_IF);
    popf_at(3, "ring 3 popf with IOPL 3 sets IF, not IOPL", EFLAGS_IOPL, EFLAGS_IF, EFLAGS_IF | EFLAGS_IOPL);
    popf_at(3, "ring 3 popf with IOPL 3 clears IF", EFLAGS_IOPL | EFLAGS_IF, 0, EFLAGS_IOPL);

    for (int ring = 0; ring <= 3; ring += 3) {
        with.eflags = EFLAGS_IF | EFLAGS_CF | EFLAGS_OF;
        PROBE(ring, "", "pushfd; pop eax");
        check("pushfl", last.eax, EFLAGS_IF | EFLAGS_CF | EFLAGS_OF | EFLAGS_FIXED1);
        with.eflags = EFLAGS_IF | EFLAGS_ZF | EFLAGS_ID;
        PROBE(ring, "mov eax, 0x12345678; push eax; mov ebx, esp", "pushfw; sub ebx, esp; pop ax");
        check("pushfw pushes the low word only", last.eax,
              0x12340000 | EFLAGS_IF | EFLAGS_ZF | EFLAGS_FIXED1);
        check("pushfw moves ESP by", last.ebx, 2);
        with.eflags = EFLAGS_ID;
        PROBE(ring, "push 0x8D5", "popfw; pop ax");
        check("popfw leaves the high word", last.eflags & EFLAGS_ID, EFLAGS_ID);
        check("popfw sets the arithmetic flags", last.eflags & 0xFFFF, 0x8D7);
        PROBE(ring, "push 0x30000", "popfd; pushfd; pop eax");
        check("popf ignores VM and RF", last.eax & (EFLAGS_VM | EFLAGS_RF), 0);
        PROBE(ring, "push 0x200000", "popfd; pushfd; pop eax; push 2; popfd; pushfd; pop ebx");
        check("ID can be set", last.eax & EFLAGS_ID, EFLAGS_ID);
        check("ID can be cleared", last.ebx & EFLAGS_ID, 0);
        PROBE(ring, "push 0x40000", "popfd; pushfd; pop eax; push 2; popfd");
        check("AC can be set", last.eax & EFLAGS_AC, EFLAGS_AC);
    }

    // Everything IF = 1 between the two, and no interrupt source is unmasked: the loop must come out as it
    // went in.
    u32 kept = 0;
    for (unsigned i = 0; i < 1000; ++i) {
        const u32 flags = read_eflags();
        cli();
        write_eflags(flags | (i & 1 ? EFLAGS_IF : 0));
        kept += (read_eflags() & EFLAGS_IF) == (i & 1 ? EFLAGS_IF : 0);
        cli();
    }
    check("save, cli, restore in a loop", kept, 1000);
    finish();
}
