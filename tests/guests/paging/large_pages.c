// 4 MiB pages: rights, CR4.PSE, and the change between large and small pages over the same addresses.
// SDM Vol. 3A, section 4.3.
#include "window.h"

enum { FRAME = 16 << 20 };

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    window_init(PAGE_P | PAGE_W);
    volatile u32* const low = (volatile u32*)FRAME;  // the same memory by the identity map
    volatile u32* const high = (volatile u32*)0x48000000;

    large_page_map(directory, (u32)high, FRAME, RW);
    low[0] = 1, low[1000000] = 2;
    check("first word", high[0], 1);
    check("a word far in", high[1000000], 2);
    high[500000] = 3;
    check("written through", low[500000], 3);

    // Another frame, after invlpg of any address in the page.
    low[1 << 20] = 4;
    large_page_map(directory, (u32)high, FRAME + LARGE_PAGE_SIZE, RW);
    invlpg((u8*)high + 0x123456);
    check("remapped", high[0], 4);

    // Rights.
    large_page_map(directory, (u32)high, FRAME, PAGE_P | PAGE_U);
    invlpg(high);
    with.ebx = (u32)high + 0x200000;
    EXPECT(0, "", "mov [ebx], eax", VECTOR_PF, PF_P | PF_W);
    check("CR2", last_cr2, (u32)high + 0x200000);
    with.ebx = (u32)high;
    EXPECT_NO_FAULT(3, "", "mov eax, [ebx]");
    check("user read", last.eax, 1);
    large_page_map(directory, (u32)high, FRAME, PAGE_P | PAGE_W);
    invlpg(high);
    with.ebx = (u32)high;
    EXPECT(3, "", "mov eax, [ebx]", VECTOR_PF, PF_P | PF_U);

    // Large to small: a table in its place.
    directory[(u32)high >> 22] = 0;
    page_map(directory, (u32)high, FRAME + LARGE_PAGE_SIZE, RW);
    invlpg(high);
    check("small page in a large one's place", high[0], 4);
    with.ebx = (u32)high + PAGE_SIZE;
    EXPECT(3, "", "mov eax, [ebx]", VECTOR_PF, PF_U);
    // And back.
    large_page_map(directory, (u32)high, FRAME, RW);
    write_cr3(read_cr3());
    check("large again", high[0], 1);

    // Code in a large page.
    static const u8 code[] = {0xB8, 0x2A, 0, 0, 0, 0xCD, NO_FAULT};
    memcpy((u8*)high + 0x345678, code, sizeof code);
    check("code, ring 0", run_at(0, (u8*)high + 0x345678), 42);
    check("code, ring 3", run_at(3, (u8*)high + 0x345678), 42);
    finish();
}
