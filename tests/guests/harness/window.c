#include "window.h"

page_entry* directory;
extern const char guest_image_end[];

void window_init(u32 identity_flags) {
    directory = directory_create();
    for (u32 a = 0; a < 64u << 20; a += LARGE_PAGE_SIZE) large_page_map(directory, a, a, identity_flags);
    directory[0] = 0;
    for (u32 a = 0; a < (u32)LARGE_PAGE_SIZE; a += PAGE_SIZE)
        page_map(directory, a, a, a < ((u32)guest_image_end + PAGE_SIZE) ? (u32)RW : identity_flags);
    paging_enable(directory);
}

void window_map(unsigned n, u32 frame, u32 flags) {
    page_map(directory, (u32)window(n), frame, flags);
    invlpg(window(n));
}

page_entry* window_entry(unsigned n) {
    return page_entry_of(directory, (u32)window(n));
}

u32 run_at(int ring, const void* code) {
    probe(ring, (struct snippet){code, code, ""});
    if (last.vector != NO_FAULT) check("run_at ended with", last.vector, NO_FAULT);
    return last.eax;
}

void expect_at(int ring, const char* what, const void* code, unsigned vector, u32 error, u32 cr2) {
    expect(ring, (struct snippet){code, code, what}, vector, error);
    if (vector == VECTOR_PF) check_quietly("CR2", last_cr2, cr2);
}
