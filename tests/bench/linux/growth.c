// How costs grow with --size: MiB of memory in use, or a number of processes.  The values are for all of it,
// so twice the size may cost twice as much, and no more.
#define _GNU_SOURCE
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"
#include "ring.h"

enum { PAGE = 4096 };
static unsigned char* memory;

static size_t pages(void) {
    return ((size_t)growth_size << 20) / PAGE;
}
static void map_memory(void) {
    memory = mmap(NULL, pages() * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(memory != MAP_FAILED, "memory of that size");
}
static void unmap_memory(void) {
    munmap(memory, pages() * PAGE);
}
/// A word in each page, not at the same place in all: those would fall into a few sets of the caches.
static volatile unsigned* word_of(size_t page) {
    return (volatile unsigned*)(memory + page * PAGE + page % (PAGE / 64) * 64);
}
static void write_pages(void) {
    for (size_t i = 0; i < pages(); ++i) *word_of(i) = (unsigned)i;
}
static void read_pages(unsigned long times) {
    size_t wrong = 0;
    while (times--) {
        for (size_t i = 0; i < pages(); ++i) wrong += *word_of(i) != (unsigned)i;
    }
    want(!wrong, "%lu pages lost what was written to them", (unsigned long)wrong);
}

static void first_touch(unsigned long times) {
    while (times--) {
        map_memory();
        write_pages();
        read_pages(1);
        unmap_memory();
    }
}

static void fill_memory(void) {
    map_memory();
    write_pages();
}

/// Copies the page tables, and makes all of the memory read-only for both.
static void fork_exit(unsigned long times) {
    while (times--) {
        const int child = fork();
        if (child == 0) _exit(37);
        reap(child, 37);
    }
}

/// And then each page is copied when it is written.
static void fork_write(unsigned long times) {
    while (times--) {
        const int child = fork();
        if (child == 0) {
            write_pages();
            _exit(37);
        }
        reap(child, 37);
    }
}
static void check_memory(void) {
    read_pages(1);
    unmap_memory();
}

static void start_ring(void) {
    ring_start(growth_size, 16);
}

const struct row growth_rows[] = {
    {"grow_touch", NULL, first_touch, NULL, 1, NULL},
    {"grow_read", fill_memory, read_pages, check_memory, 1, NULL},
    {"grow_fork", fill_memory, fork_exit, check_memory, 1, NULL},
    {"grow_fork_write", fill_memory, fork_write, check_memory, 1, NULL},
    {"grow_ring", start_ring, ring_go_round, ring_stop, 1, NULL},
    {0},
};
