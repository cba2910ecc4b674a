#include <guestkit/cpu.h>
#include <guestkit/pic.h>

enum {
    MASTER = 0x20,
    SLAVE = 0xA0,
    COMMAND = 0,
    DATA = 1,
    ICW1_INIT_WITH_ICW4 = 0x11,
    ICW4_8086 = 0x01,
    OCW2_EOI = 0x20,
    OCW3_READ_REQUESTS = 0x0A,
    OCW3_READ_IN_SERVICE = 0x0B,
    SLAVE_INPUT = 2,
};

static u16 masks = 0xFFFF & ~(1u << SLAVE_INPUT);

static void write_masks(void) {
    outb(MASTER + DATA, (u8)masks);
    outb(SLAVE + DATA, (u8)(masks >> 8));
}

void pic_init(void) {
    outb(MASTER + COMMAND, ICW1_INIT_WITH_ICW4);
    outb(SLAVE + COMMAND, ICW1_INIT_WITH_ICW4);
    outb(MASTER + DATA, PIC_VECTOR_BASE);
    outb(SLAVE + DATA, PIC_VECTOR_BASE + 8);
    outb(MASTER + DATA, 1u << SLAVE_INPUT);
    outb(SLAVE + DATA, SLAVE_INPUT);
    outb(MASTER + DATA, ICW4_8086);
    outb(SLAVE + DATA, ICW4_8086);
    write_masks();
}

void pic_mask(unsigned irq) {
    masks |= (u16)(1u << irq);
    write_masks();
}

void pic_unmask(unsigned irq) {
    masks &= (u16) ~(1u << irq);
    write_masks();
}

void pic_end_of_interrupt(unsigned irq) {
    if (irq >= 8) outb(SLAVE + COMMAND, OCW2_EOI);
    outb(MASTER + COMMAND, OCW2_EOI);
}

static u16 read_both(u8 which) {
    outb(MASTER + COMMAND, which);
    outb(SLAVE + COMMAND, which);
    return (u16)(inb(MASTER + COMMAND) | (inb(SLAVE + COMMAND) << 8));
}

u16 pic_in_service(void) {
    return read_both(OCW3_READ_IN_SERVICE);
}
u16 pic_requests(void) {
    return read_both(OCW3_READ_REQUESTS);
}
