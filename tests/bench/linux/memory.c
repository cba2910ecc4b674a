// Page tables at work.
#define _GNU_SOURCE
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "bench.h"

enum { PAGE = 4096, TOUCHED = 64, SMALL = 4 };

static unsigned char* map(size_t bytes) {
    unsigned char* at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    need(at != MAP_FAILED, "mmap");
    return at;
}

/// Writes to each page for the first time; says how many held something before.  In this order: a page that
/// is read first has two faults.
static unsigned touch(volatile unsigned char* at, unsigned pages) {
    unsigned dirty = 0;
    for (unsigned i = 0; i < pages; ++i) {
        at[i * PAGE + 7] = (unsigned char)(i + 1);
        dirty += at[i * PAGE + 8];
    }
    return dirty;
}

/// The first touches of many pages; one mmap and munmap for all of them are in it.
static void page_fault(unsigned long times) {
    unsigned dirty = 0, wrong = 0;
    while (times--) {
        unsigned char* at = map(TOUCHED * PAGE);
        dirty += touch(at, TOUCHED);
        for (unsigned i = 0; i < TOUCHED; ++i) wrong += at[i * PAGE + 7] != (unsigned char)(i + 1);
        munmap(at, TOUCHED * PAGE);
    }
    want(!dirty, "new pages were not zero");
    want(!wrong, "%u pages lost what was written to them", wrong);
}

static void mmap_touch_munmap(unsigned long times) {
    unsigned dirty = 0;
    while (times--) {
        unsigned char* at = map(SMALL * PAGE);
        dirty += touch(at, SMALL);
        munmap(at, SMALL * PAGE);
    }
    want(!dirty, "new pages were not zero");
}

static unsigned char* guarded;
static void map_guarded(void) {
    guarded = map(PAGE);
}
/// Read-only and writable again, with a write in between the pairs.
static void mprotect_pair(unsigned long times) {
    unsigned wrong = 0;
    for (unsigned long i = 0; i < times; ++i) {
        guarded[9] = (unsigned char)i;
        wrong += mprotect(guarded, PAGE, PROT_READ) != 0;
        wrong += guarded[9] != (unsigned char)i;
        wrong += mprotect(guarded, PAGE, PROT_READ | PROT_WRITE) != 0;
    }
    want(!wrong, "%u pairs went wrong", wrong);
}

static sigjmp_buf back;
static void fault(int number) {
    siglongjmp(back, number);
}
/// A page that is read-only must be so indeed.
static void check_guarded(void) {
    mprotect(guarded, PAGE, PROT_READ);
    struct sigaction action = {.sa_handler = fault}, before;
    sigaction(SIGSEGV, &action, &before);
    if (sigsetjmp(back, 1) == 0) {
        *(volatile unsigned char*)guarded = 1;
        want(false, "a read-only page could be written");
    }
    sigaction(SIGSEGV, &before, NULL);
    munmap(guarded, PAGE);
}

/// The fault that a program catches itself: a write to a read-only page, a handler, and on behind it.
static volatile unsigned long caught;
static void count_fault(int number) {
    caught += number == SIGSEGV;
    mprotect(guarded, PAGE, PROT_READ | PROT_WRITE);
}
static struct sigaction default_action;
static void catch_faults(void) {
    map_guarded();
    struct sigaction action = {.sa_handler = count_fault};
    sigaction(SIGSEGV, &action, &default_action);
}
static void fault_signal(unsigned long times) {
    const unsigned long before = caught;
    for (unsigned long i = 0; i < times; ++i) {
        mprotect(guarded, PAGE, PROT_READ);
        *(volatile unsigned char*)guarded = 1;
    }
    want(caught - before == times, "%lu of %lu faults arrived", caught - before, times);
}
static void ignore_faults(void) {
    sigaction(SIGSEGV, &default_action, NULL);
    munmap(guarded, PAGE);
}

const struct row memory_rows[] = {
    {"page_fault", NULL, page_fault, NULL, TOUCHED, NULL},
    {"mmap_touch", NULL, mmap_touch_munmap, NULL, 1, NULL},
    {"mprotect", map_guarded, mprotect_pair, check_guarded, 1, NULL},
    {"fault_signal", catch_faults, fault_signal, ignore_faults, 1, NULL},
    {0},
};
