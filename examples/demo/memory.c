#include <guestkit/cpu.h>
#include <guestkit/string.h>

#include "demo.h"

extern const u8 demo_program_image_begin[], demo_program_image_end[];

struct fault_counts faults;
struct notice* notice;

static page_entry* kernel_directory;
static u8 sharers[2048];  // of each physical page of the first 8 MiB, beyond the first one

enum { PAGE_COPY_ON_WRITE = 0x200 };  // one of the bits that the processor leaves to software

void memory_init(void) {
    kernel_directory = directory_create();
    for (u32 offset = 0; offset < 8u << 20; offset += LARGE_PAGE_SIZE)
        large_page_map(kernel_directory, KERNEL_BASE + offset, offset, PAGE_P | PAGE_W);
    paging_enable(kernel_directory);  // the low addresses are gone from here on
    notice = page_alloc();
}

page_entry* space_create(void) {
    page_entry* directory = directory_create();
    const unsigned first = KERNEL_BASE >> 22;
    memcpy(directory + first, kernel_directory + first, (1024 - first) * sizeof *directory);
    page_map(directory, NOTICE_PAGE, physical(notice), PAGE_P | PAGE_U);
    return directory;
}

/// Calls visit for every page that a process owns.
static void for_each_page(page_entry* directory, void (*visit)(u32 address, page_entry* entry, void* with),
                          void* with) {
    for (u32 address = PROGRAM_BASE; address < STACK_TOP; address += PAGE_SIZE) {
        page_entry* entry = page_entry_of(directory, address);
        if (entry && *entry & PAGE_P) visit(address, entry, with);
    }
}

static void share(u32 address, page_entry* entry, void* child) {
    if (*entry & PAGE_W) *entry = (*entry & ~(u32)PAGE_W) | PAGE_COPY_ON_WRITE;
    ++sharers[*entry >> 12];
    page_map(child, address, *entry, *entry & (PAGE_SIZE - 1));
}

page_entry* space_fork(page_entry* parent) {
    page_entry* child = space_create();
    for_each_page(parent, share, child);
    write_cr3(read_cr3());  // the parent's pages have lost their W
    return child;
}

static void give_up(u32 address, page_entry* entry, void* unused) {
    (void)address, (void)unused;
    if (sharers[*entry >> 12])
        --sharers[*entry >> 12];
    else
        page_free(at_physical(*entry & ~(u32)(PAGE_SIZE - 1)));
}

void space_destroy(page_entry* directory) {
    write_cr3(physical(kernel_directory));
    for_each_page(directory, give_up, 0);
    for (unsigned i = 0; i < KERNEL_BASE >> 22; ++i)
        if (directory[i] & PAGE_P) page_free(at_physical(directory[i] & ~(u32)(PAGE_SIZE - 1)));
    page_free(directory);
}

static bool copy_on_write(page_entry* entry, u32 address) {
    if (!(*entry & PAGE_COPY_ON_WRITE)) return false;
    const u32 frame = *entry >> 12, flags = PAGE_P | PAGE_U | PAGE_W;
    if (sharers[frame]) {
        --sharers[frame];
        void* copy = page_alloc();
        memcpy(copy, at_physical(frame << 12), PAGE_SIZE);
        *entry = physical(copy) | flags;
        ++faults.copied;
    } else {  // the others have their copies: this one is the last
        *entry = frame << 12 | flags;
        ++faults.reused;
    }
    invlpg((void*)address);
    return true;
}

bool space_fault(page_entry* directory, u32 address, u32 error) {
    page_entry* entry = page_entry_of(directory, address);
    if (error & PF_P) return (error & PF_W) && entry && copy_on_write(entry, address);

    const u32 page = address & ~(u32)(PAGE_SIZE - 1), offset = page - PROGRAM_BASE;
    const u32 image_size = (u32)(demo_program_image_end - demo_program_image_begin);
    if (page >= PROGRAM_BASE && offset < image_size) {
        void* fresh = page_alloc();
        const u32 left = image_size - offset;
        memcpy(fresh, demo_program_image_begin + offset, left < PAGE_SIZE ? left : PAGE_SIZE);
        page_map(directory, page, physical(fresh), PAGE_P | PAGE_U | PAGE_W);
        ++faults.image;
        return true;
    }
    if (page >= STACK_LIMIT && page < STACK_TOP) {
        page_map(directory, page, physical(page_alloc()), PAGE_P | PAGE_U | PAGE_W);
        ++faults.zero;
        return true;
    }
    return false;
}
