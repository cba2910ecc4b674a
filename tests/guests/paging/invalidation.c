// Translations change when the architecture says so: at invlpg and CR3 loads; aliases show one memory; an
// address that was not present needs no invalidation at all.  SDM Vol. 3A, section 4.10.
#include "window.h"

enum { ADDRESS_SPACES = 4 };

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W | PAGE_U);
    const u32 a = frame_alloc(), b = frame_alloc();
    *(u32*)at_physical(a) = 0xAAAA, *(u32*)at_physical(b) = 0xBBBB;
    volatile u32* const w = (volatile u32*)window(0);

    u32 wrong = 0;
    for (unsigned i = 0; i < 200; ++i) {
        window_map(0, i & 1 ? b : a, RW);
        wrong += *w != (i & 1 ? 0xBBBBu : 0xAAAAu);
    }
    check("remap and invlpg", wrong, 0);
    for (unsigned i = 0; i < 100; ++i) {
        page_map(directory, WINDOW, i & 1 ? b : a, RW);
        write_cr3(read_cr3());
        wrong += *w != (i & 1 ? 0xBBBBu : 0xAAAAu);
    }
    check("remap and CR3", wrong, 0);

    // From not present to present: no invalidation.
    window_map(1, 0, 0);
    with.ebx = (u32)window(1);
    EXPECT(0, "", "mov eax, [ebx]", VECTOR_PF, 0);
    page_map(directory, (u32)window(1), a, RW);
    check("present without invlpg", *(volatile u32*)window(1), 0xAAAA);
    // More rights: a spurious fault may be taken, a lasting one not.
    window_map(1, a, PAGE_P | PAGE_U);
    (void)*(volatile u32*)window(1);
    *window_entry(1) |= PAGE_W;
    invlpg(window(1));
    *(volatile u32*)window(1) = 0xAAAB;
    check("writable now", *(u32*)at_physical(a), 0xAAAB);
    // Fewer rights, after invlpg.
    *window_entry(1) &= ~(u32)PAGE_W;
    invlpg(window(1));
    with.ebx = (u32)window(1);
    EXPECT(0, "", "mov [ebx], eax", VECTOR_PF, PF_P | PF_W);
    page_unmap(directory, (u32)window(1));
    with.ebx = (u32)window(1);
    EXPECT(3, "", "mov [ebx], eax", VECTOR_PF, PF_W | PF_U);

    // Aliases: one frame at four addresses.
    for (unsigned n = 4; n < 8; ++n) window_map(n, a, RW);
    wrong = 0;
    for (unsigned i = 0; i < 64; ++i) {
        *(volatile u32*)(window(4 + i % 4) + 4 * i) = i;
        for (unsigned n = 4; n < 8; ++n) wrong += *(volatile u32*)(window(n) + 4 * i) != i;
    }
    check("aliases", wrong, 0);

    // Address spaces of their own.
    page_entry* spaces[ADDRESS_SPACES];
    for (unsigned s = 0; s < ADDRESS_SPACES; ++s) {
        spaces[s] = directory_create();
        memcpy(spaces[s], directory, PAGE_SIZE);
        spaces[s][WINDOW >> 22] = 0;
        const u32 frame = frame_alloc();
        *(u32*)at_physical(frame) = 1000 + s;
        page_map(spaces[s], WINDOW, frame, RW);
    }
    wrong = 0;
    for (unsigned i = 0; i < 100; ++i) {
        const unsigned s = (i * 7) % ADDRESS_SPACES;
        write_cr3(physical(spaces[s]));
        wrong += *w != 1000 + s;
    }
    check("each address space has its own", wrong, 0);
    for (unsigned s = 0; s < ADDRESS_SPACES; ++s) {
        write_cr3(physical(spaces[s]));
        *w += 10;
    }
    for (unsigned s = 0; s < ADDRESS_SPACES; ++s) {
        write_cr3(physical(spaces[s]));
        check("after writes", *w, 1010 + s);
    }
    // A table changed while another directory is loaded shows after the switch.
    write_cr3(physical(spaces[1]));
    page_map(spaces[0], WINDOW, b, RW);
    write_cr3(physical(spaces[0]));
    check("changed behind its back", *w, 0xBBBB);

    // A directory entry changed: the whole 4 MiB.
    write_cr3(physical(directory));
    const page_entry saved = directory[WINDOW >> 22];
    directory[WINDOW >> 22] = 0;
    write_cr3(read_cr3());
    with.ebx = WINDOW;
    EXPECT(0, "", "mov eax, [ebx]", VECTOR_PF, 0);
    directory[WINDOW >> 22] = saved;
    check("back again", *w, *(u32*)at_physical(b));
    finish();
}
