#include <guestkit/console.h>
#include <guestkit/cpu.h>
#include <guestkit/paging.h>
#include <guestkit/power.h>
#include <guestkit/string.h>

extern const char guest_virtual_base[], guest_image_end[];  // guest.ld

u32 physical(const void* address) {
    return (u32)address - (u32)guest_virtual_base;
}
void* at_physical(u32 address) {
    return (void*)(address + (u32)guest_virtual_base);
}

// The pool starts behind the image and keeps to the first 8 MiB: a higher-half guest's boot tables map those.
enum { POOL_END = 8 << 20 };
static u32 next_fresh;
static void* free_list;  // a free page's first word points to the next one

void* page_alloc(void) {
    void* page = free_list;
    if (page) {
        free_list = *(void**)page;
    } else {
        if (!next_fresh) next_fresh = (physical(guest_image_end) + PAGE_SIZE - 1) & ~(u32)(PAGE_SIZE - 1);
        if (next_fresh >= POOL_END) {
            print("guestkit: out of pages\n");
            debug_exit(1);
        }
        page = at_physical(next_fresh);
        next_fresh += PAGE_SIZE;
    }
    return memset(page, 0, PAGE_SIZE);
}

void page_free(void* page) {
    *(void**)page = free_list;
    free_list = page;
}

page_entry* directory_create(void) {
    return page_alloc();
}

static page_entry* table_of(page_entry entry) {
    return at_physical(entry & ~(u32)(PAGE_SIZE - 1));
}

void page_map(page_entry* directory, u32 address, u32 frame, u32 flags) {
    page_entry* upper = &directory[address >> 22];
    // The tables grant everything: each page's own entry says what is allowed.
    if (!(*upper & PAGE_P)) *upper = physical(page_alloc()) | PAGE_P | PAGE_W | PAGE_U;
    table_of(*upper)[(address >> 12) & 1023] = (frame & ~(u32)(PAGE_SIZE - 1)) | flags;
}

void large_page_map(page_entry* directory, u32 address, u32 frame, u32 flags) {
    directory[address >> 22] = (frame & ~(u32)(LARGE_PAGE_SIZE - 1)) | PAGE_LARGE | flags;
}

page_entry* page_entry_of(page_entry* directory, u32 address) {
    page_entry* upper = &directory[address >> 22];
    if (!(*upper & PAGE_P)) return 0;
    if (*upper & PAGE_LARGE) return upper;
    return &table_of(*upper)[(address >> 12) & 1023];
}

page_entry page_unmap(page_entry* directory, u32 address) {
    page_entry* entry = page_entry_of(directory, address);
    const page_entry last = entry ? *entry : 0;
    if (entry) *entry = 0;
    invlpg((void*)address);
    return last;
}

void paging_enable(page_entry* directory) {
    write_cr4(read_cr4() | CR4_PSE);
    write_cr3(physical(directory));
    write_cr0(read_cr0() | CR0_PG | CR0_WP);
}
