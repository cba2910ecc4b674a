// Accessed and Dirty follow the accesses exactly: none before, A on a read, A and D on a write, in the table
// and in the directory; software's bits stay.  SDM Vol. 3A, section 4.8.
#include "probe.h"

static page_entry* directory;
static volatile u8* const window = (u8*)0x40000000;

static page_entry* entry_of(const volatile void* address) {
    return page_entry_of(directory, (u32)address);
}

static void fresh(u32 flags) {
    static u32 frame;
    if (!frame) frame = (u32)page_alloc();
    directory[(u32)window >> 22] &= ~(u32)(PAGE_A | PAGE_D);
    page_map(directory, (u32)window, frame, flags);
    invlpg(window);
}
static u32 bits(void) {
    return *entry_of(window) & 0xFFF;
}
static u32 directory_accessed(void) {
    return directory[(u32)window >> 22] & PAGE_A;
}

void guest_main(const struct multiboot_info* info) {
    (void)info;
    probe_init();
    directory = directory_create();
    for (u32 a = 0; a < 64u << 20; a += LARGE_PAGE_SIZE)
        large_page_map(directory, a, a, PAGE_P | PAGE_W | PAGE_U);
    paging_enable(directory);

    const u32 rw = PAGE_P | PAGE_W | PAGE_U | PAGE_SOFTWARE;
    fresh(rw);
    check("untouched", bits(), rw);
    check("untouched, directory", directory_accessed(), 0);
    (void)window[5];
    check("read", bits(), rw | PAGE_A);
    check("read, directory", directory_accessed(), PAGE_A);
    window[5] = 1;
    check("read, then written", bits(), rw | PAGE_A | PAGE_D);

    fresh(rw);
    window[6] = 1;
    check("written first", bits(), rw | PAGE_A | PAGE_D);
    fresh(rw | PAGE_A);
    window[6] = 2;
    check("written, A was set", bits(), rw | PAGE_A | PAGE_D);
    fresh(rw | PAGE_A | PAGE_D);
    window[6] = 3;
    check("both were set", bits(), rw | PAGE_A | PAGE_D);

    // A read-modify-write instruction that does not change the value writes all the same.
    fresh(rw);
    __asm__ volatile("orb $0, %0" : "+m"(window[7]));
    check("or with nothing", bits(), rw | PAGE_A | PAGE_D);
    fresh(rw);
    __asm__ volatile("testb $1, %0" : : "m"(window[7]) : "cc");
    check("test", bits(), rw | PAGE_A);

    // Clearing D and invalidating must make the next write set it again, over and over.
    fresh(rw);
    u32 seen = 0;
    for (unsigned i = 0; i < 50; ++i) {
        window[i] = (u8)i;
        seen += (bits() & PAGE_D) != 0;
        *entry_of(window) &= ~(u32)PAGE_D;
        invlpg(window);
    }
    check("D is set again after each invlpg", seen, 50);

    // An access across two pages touches both.
    fresh(rw);
    page_map(directory, (u32)window + PAGE_SIZE, (u32)page_alloc(), rw);
    invlpg(window + PAGE_SIZE);
    *(volatile u32*)(window + PAGE_SIZE - 2) = 0x01020304;
    check("straddling write, first page", bits(), rw | PAGE_A | PAGE_D);
    check("straddling write, second page", *entry_of(window + PAGE_SIZE) & 0xFFF, rw | PAGE_A | PAGE_D);

    // A write that faults sets no D.
    fresh(PAGE_P | PAGE_U);
    with.ebx = (u32)window;
    EXPECT(0, "", "mov byte ptr [ebx], 1", VECTOR_PF, PF_P | PF_W);
    check("CR2", last_cr2, (u32)window);
    check("a write that faults leaves D", bits() & PAGE_D, 0);

    // User accesses.
    fresh(rw);
    with.ebx = (u32)window;
    EXPECT_NO_FAULT(3, "", "mov al, [ebx]");
    check("user read", bits(), rw | PAGE_A);
    with.ebx = (u32)window;
    EXPECT_NO_FAULT(3, "", "mov [ebx], al");
    check("user write", bits(), rw | PAGE_A | PAGE_D);

    // A fetch is a read; running code does not dirty its page.
    static const u8 code[] = {0xB8, 0x2A, 0, 0, 0, 0xC3};  // mov $42, %eax; ret
    fresh(rw);
    memcpy((u8*)window, code, sizeof code);
    *entry_of(window) &= ~(u32)(PAGE_A | PAGE_D);
    invlpg(window);
    check("code in the window runs", ((u32(*)(void))window)(), 42);
    check("fetch", bits(), rw | PAGE_A);

    // Large pages have both bits in the directory entry.
    const u32 large = 0x48000000, large_rw = PAGE_P | PAGE_W | PAGE_U | PAGE_LARGE;
    large_page_map(directory, large, 16u << 20, PAGE_P | PAGE_W | PAGE_U);
    check("large, untouched", directory[large >> 22] & 0xFFF, large_rw);
    (void)*(volatile u32*)(large + 0x123456);
    check("large, read", directory[large >> 22] & 0xFFF, large_rw | PAGE_A);
    *(volatile u32*)(large + 0x3FFFFC) = 1;
    check("large, written", directory[large >> 22] & 0xFFF, large_rw | PAGE_A | PAGE_D);
    finish();
}
