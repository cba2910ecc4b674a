#include "descriptors.h"

struct tss spare_tss;
u64 spare_ldt[4] __attribute__((aligned(8)));

void descriptors_init(void) {
    const unsigned flat = SEGMENT_32BIT | SEGMENT_4K, dpl3 = ACCESS_DPL3, dpl1 = 0x20;
    const unsigned unaccessed = ~1u;
    *gdt_slot(FLAT_DATA3) = make_descriptor(0, 0xFFFFF, (ACCESS_DATA | dpl3) & unaccessed, flat);
    *gdt_slot(READ_ONLY3) = make_descriptor(0, 0xFFFFF, (ACCESS_DATA_READ_ONLY | dpl3) & unaccessed, flat);
    *gdt_slot(EXECUTE_ONLY3) = make_descriptor(0, 0xFFFFF, ACCESS_CODE_EXECUTE_ONLY | dpl3, flat);
    *gdt_slot(CODE3) = make_descriptor(0, 0xFFFFF, (ACCESS_CODE | dpl3) & unaccessed, flat);
    *gdt_slot(CONFORMING0) = make_descriptor(0, 0xFFFFF, ACCESS_CODE_CONFORMING, flat);
    *gdt_slot(ABSENT3) = make_descriptor(0, 0xFFFFF, (ACCESS_DATA | dpl3) & ~ACCESS_PRESENT, flat);
    *gdt_slot(EXPAND_DOWN3) = make_descriptor(0, 0xF, ACCESS_DATA_EXPAND_DOWN | dpl3, flat);
    *gdt_slot(READ_ONLY0) = make_descriptor(0, 0xFFFFF, ACCESS_DATA_READ_ONLY, flat);
    *gdt_slot(LDT_SYSTEM) = make_descriptor((u32)spare_ldt, sizeof spare_ldt - 1, ACCESS_LDT, 0);
    *gdt_slot(SPARE_TSS) = make_descriptor((u32)&spare_tss, sizeof spare_tss - 1, ACCESS_TSS, 0);
    *gdt_slot(BYTE_LIMIT3) = make_descriptor(0, 0x12345, ACCESS_DATA | dpl3, SEGMENT_32BIT);
    *gdt_slot(DATA1) = make_descriptor(0, 0xFFFFF, ACCESS_DATA | dpl1, flat);
    *gdt_slot(CALL_GATE3) = make_gate(KERNEL_CODE, 0, ACCESS_CALL_GATE | dpl3, 0);
    *gdt_slot(ABSENT_CODE0) = make_descriptor(0, 0xFFFFF, ACCESS_CODE & ~ACCESS_PRESENT, flat);
    *gdt_slot(CONFORMING3) = make_descriptor(0, 0xFFFFF, ACCESS_CODE_CONFORMING | dpl3, flat);
    *gdt_slot(CODE1) = make_descriptor(0, 0xFFFFF, ACCESS_CODE | dpl1, flat);
    *gdt_slot(ABSENT_STACK0) = make_descriptor(0, 0xFFFFF, ACCESS_DATA & ~ACCESS_PRESENT, flat);
    *gdt_slot(LDT_USER) = make_descriptor((u32)spare_ldt, sizeof spare_ldt - 1, ACCESS_LDT | dpl3, 0);
    for (unsigned i = 0; i < 4; ++i) spare_ldt[i] = make_descriptor(0, 0xFFFFF, ACCESS_DATA | dpl3, flat);
}
