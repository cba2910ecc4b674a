// The way into the kernel and back, with little work there.
#define _GNU_SOURCE
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static int by_interrupt(int number) {
#ifdef __i386__
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(number) : "memory");
    return result;
#else
    return (int)syscall(number);  // the 64-bit build has no int 0x80
#endif
}

static void getppid_int80(unsigned long times) {
    const int parent = getppid();
    unsigned long wrong = 0;
    while (times--) wrong += by_interrupt(SYS_getppid) != parent;
    want(!wrong, "getppid gave another process %lu times", wrong);
}

/// By whatever way the kernel offers the C library: sysenter, where the processor has it.
static void getppid_libc(unsigned long times) {
    const int parent = by_interrupt(SYS_getppid);
    unsigned long wrong = 0;
    while (times--) wrong += getppid() != parent;
    want(!wrong, "getppid gave another process %lu times", wrong);
}

static int file = -1;
static unsigned char page[4096];

static void open_zero(void) {
    need((file = open("/dev/zero", O_RDONLY)) >= 0, "/dev/zero");
}
static void read_1(unsigned long times) {
    unsigned long wrong = 0;
    while (times--) {
        page[0] = 0xFF;
        wrong += read(file, page, 1) != 1 || page[0] != 0;
    }
    want(!wrong, "%lu reads of /dev/zero went wrong", wrong);
}
static void close_file(void) {
    close(file);
}

/// A memfd is a file on a tmpfs, wherever this runs.
static void open_page_file(void) {
    need((file = memfd_create("bench", 0)) >= 0, "memfd_create");
    for (unsigned i = 0; i < sizeof page; ++i) page[i] = (unsigned char)(i * 7 + 1);
    need(write(file, page, sizeof page) == sizeof page, "write to a memfd");
}
static void read_4k(unsigned long times) {
    unsigned long wrong = 0;
    while (times--) wrong += pread(file, page, sizeof page, 0) != sizeof page;
    want(!wrong, "%lu reads were short", wrong);
}
static void check_page(void) {
    memset(page, 0, sizeof page);
    read_4k(1);
    for (unsigned i = 0; i < sizeof page; ++i)
        want(page[i] == (unsigned char)(i * 7 + 1), "byte %u is wrong", i);
    close(file);
}

static void open_null(void) {
    need((file = open("/dev/null", O_WRONLY)) >= 0, "/dev/null");
}
static void write_null(unsigned long times) {
    unsigned long wrong = 0;
    while (times--) wrong += write(file, page, sizeof page) != sizeof page;
    want(!wrong, "%lu writes were short", wrong);
}

static unsigned char last;
static void write_1(unsigned long times) {
    unsigned long wrong = 0;
    while (times--) {
        ++last;
        wrong += pwrite(file, &last, 1, 5) != 1;
    }
    want(!wrong, "%lu writes were short", wrong);
}
static void check_written(void) {
    need(pread(file, page, sizeof page, 0) == sizeof page, "pread");
    want(page[5] == last && page[6] == 43 && page[4] == 29, "the file does not hold what was written");
    close(file);
}

static volatile unsigned long caught;
static void count_signal(int number) {
    caught += number == SIGUSR1;
}
static void catch_signals(void) {
    caught = 0;
    struct sigaction action = {.sa_handler = count_signal};
    need(sigaction(SIGUSR1, &action, NULL) == 0, "sigaction");
}
static void signal_self(unsigned long times) {
    const int self = getpid();
    const unsigned long before = caught;
    for (unsigned long i = 0; i < times; ++i) kill(self, SIGUSR1);
    want(caught - before == times, "%lu of %lu signals arrived", caught - before, times);
}
static void ignore_signals(void) {
    signal(SIGUSR1, SIG_DFL);
}

const struct row system_call_rows[] = {
    {"getppid", NULL, getppid_int80, NULL, 1, NULL},
    {"getppid_libc", NULL, getppid_libc, NULL, 1, NULL},
    {"read_1", open_zero, read_1, close_file, 1, NULL},
    {"read_4k", open_page_file, read_4k, check_page, 1, NULL},
    {"write_null", open_null, write_null, close_file, 1, NULL},
    {"write_1", open_page_file, write_1, check_written, 1, NULL},
    {"signal", catch_signals, signal_self, ignore_signals, 1, NULL},
    {0},
};
