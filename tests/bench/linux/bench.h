// The benchmark program: rows that measure one thing each, and check that its results are right.
//
// It runs in a guest, and on the host for comparison.  Each row prints one line when it is done:
//
//     bench NAME MICROSECONDS ok
//     bench NAME MICROSECONDS FAIL what was wrong
#pragma once

#include <stdbool.h>
#include <stddef.h>

/// run(n) does the thing n times and is what gets timed; all else of a row is outside the clock.
struct row {
    const char* name;
    void (*prepare)(void);  ///< null: nothing to prepare
    void (*run)(unsigned long times);
    void (*finish)(void);   ///< null: run() has checked everything; else checks with want(), and cleans up
    double operations;      ///< operations in one of run()'s times; the value is per operation
    double (*value)(void);  ///< null: time it; else run(1) measures by itself, and this is the result in us
};

// Rows of one kind, ended by one without a name.
extern const struct row system_call_rows[];
extern const struct row process_rows[];
extern const struct row memory_rows[];
extern const struct row ring_rows[];
extern const struct row file_rows[];
extern const struct row compute_rows[];
extern const struct row copy_rows[];
extern const struct row shell_rows[];
extern const struct row sleep_rows[];
extern const struct row growth_rows[];  ///< with --size only

/// Unless it holds, the row has failed; the first complaint is the one that is printed.
void want(bool holds, const char* complaint, ...) __attribute__((format(printf, 2, 3)));
/// Something without which no row can go on: ends the program.
void need(bool holds, const char* what);

/// Monotonic, in microseconds.
double now(void);

// From the command line.
extern const char* scratch;   ///< --dir: a folder on a tmpfs
extern const char* busybox;   ///< --busybox
extern unsigned growth_size;  ///< --size: how much of it the rows of growth.c take

/// For arguments of this program by which it is its own child; see --exit in main.c.
enum { EXEC_STATUS = 42 };

/// Waits for a child; want()s that it exited with that status.
void reap(int pid, int status);

/// The value is used, as far as the compiler can tell.
static inline void keep(unsigned value) {
    __asm__ volatile("" : : "r"(value));
}
