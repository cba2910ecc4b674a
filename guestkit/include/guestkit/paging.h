// 32-bit paging: a page directory and page tables, 4 KiB and 4 MiB pages.  SDM Vol. 3A, section 4.3.
#pragma once

#include <guestkit/types.h>

enum { PAGE_SIZE = 4096, LARGE_PAGE_SIZE = 4 << 20 };
// Entry bits, SDM Vol. 3A, table 4-6.
enum {
    PAGE_P = 1,
    PAGE_W = 2,
    PAGE_U = 4,
    PAGE_A = 0x20,
    PAGE_D = 0x40,
    PAGE_LARGE = 0x80,
    PAGE_G = 0x100,
    PAGE_SOFTWARE = 0xE00,  ///< three bits that the processor leaves alone
};

typedef u32 page_entry;

/// What lies between a physical address and the address at which the guest itself sees that memory: 0, or
/// 0xC0000000 for a higher-half guest.
u32 physical(const void* address);
void* at_physical(u32 address);

/// A zeroed page of RAM behind the image; the guest ends with a message when there is none left.
void* page_alloc(void);
void page_free(void* page);

/// An empty page directory.
page_entry* directory_create(void);
/// Maps one 4 KiB page, with the table made as needed.  flags: PAGE_P and so on.  Flushes nothing.
void page_map(page_entry* directory, u32 address, u32 frame, u32 flags);
/// Maps one 4 MiB page; CR4.PSE must be set.
void large_page_map(page_entry* directory, u32 address, u32 frame, u32 flags);
/// The entry that maps the address (of a table, or of a large page), or null.
page_entry* page_entry_of(page_entry* directory, u32 address);
/// Clears the entry and invalidates the translation; returns the entry's last value.
page_entry page_unmap(page_entry* directory, u32 address);

/// Loads CR3, and sets CR4.PSE, CR0.PG and CR0.WP.
void paging_enable(page_entry* directory);
