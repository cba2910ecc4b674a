// Every combination of rights in directory and table, of ring, kind of access and CR0.WP: who faults, with
// which error code.  SDM Vol. 3A, sections 4.6 and 4.7.
#include "window.h"

enum access { READ, WRITE, FETCH };
static const char* const names[] = {"read", "write", "fetch"};
static u32 frame;
static const page_entry* entry;  // of the page under test, wherever the directory entry says

/// What the SDM says: the error code, or -1 if the access is allowed.
static int architecture(u32 upper, u32 lower, int ring, enum access access, bool wp) {
    const int access_bits = (access == WRITE ? PF_W : 0) | (ring ? PF_U : 0);
    if (!(upper & PAGE_P) || !(lower & PAGE_P)) return access_bits;
    const u32 rights = upper & lower;
    if (ring && !(rights & PAGE_U)) return access_bits | PF_P;
    if (access == WRITE && !(rights & PAGE_W) && (ring || wp)) return access_bits | PF_P;
    return -1;
}

static void attempt(u32 upper, u32 lower, int ring, enum access access, bool wp) {
    page_map(directory, WINDOW, frame, lower);
    directory[WINDOW >> 22] = (directory[WINDOW >> 22] & ~(u32)(RW | PAGE_A)) | upper;
    write_cr0((read_cr0() & ~(u32)CR0_WP) | (wp ? CR0_WP : 0));
    write_cr3(read_cr3());

    static const struct snippet none;
    struct snippet code = none;
    const u32 address = WINDOW + (access == FETCH ? 0x10 : 0x20);
    if (access == READ) code = SNIPPET("", "mov al, [ebx]");
    if (access == WRITE) code = SNIPPET("", "mov [ebx], al");
    if (access == FETCH) code = (struct snippet){(const char*)address, (const char*)address, ""};
    with.ebx = address;
    probe(ring, code);

    const int wanted = architecture(upper, lower, ring, access, wp);
    const int got = last.vector == VECTOR_PF ? (int)last.error : -1;
    print("PDE %c%c%c PTE %c%c%c WP %u ring %d %s: %d\n", upper & PAGE_P ? 'P' : '-',
          upper & PAGE_W ? 'W' : '-', upper & PAGE_U ? 'U' : '-', lower & PAGE_P ? 'P' : '-',
          lower & PAGE_W ? 'W' : '-', lower & PAGE_U ? 'U' : '-', wp, ring, names[access], got);
    check_quietly("error code", (u32)got, (u32)wanted);
    if (got < 0) {
        check_quietly("no fault", last.vector, NO_FAULT);
        const bool dirty = *entry & PAGE_D;
        check_quietly("Dirty", dirty, access == WRITE);
    } else {
        check_quietly("CR2", last_cr2, address);
        check_quietly("EIP", last.eip, (u32)code.at);
        check_quietly("Dirty after a fault", *entry & PAGE_D, 0);
    }
    directory[WINDOW >> 22] |= PAGE_P;  // for page_map
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W);
    frame = frame_alloc();
    u8* code = at_physical(frame);
    code[0x10] = 0xCD, code[0x11] = NO_FAULT;
    window_map(0, frame, RW);
    entry = window_entry(0);

    static const u32 rights[] = {0, PAGE_P, PAGE_P | PAGE_W, PAGE_P | PAGE_U, RW, PAGE_W | PAGE_U};
    const unsigned count = sizeof rights / sizeof *rights;
    for (unsigned upper = 0; upper < count; ++upper)
        for (unsigned lower = 0; lower < count; ++lower)
            for (int ring = 0; ring <= 3; ring += 3)
                for (enum access a = READ; a <= FETCH; ++a)
                    for (int wp = 0; wp <= (a == WRITE); ++wp)
                        if ((rights[upper] & PAGE_P) || lower == count - 2)
                            attempt(rights[upper], rights[lower], ring, a, wp);
    finish();
}
