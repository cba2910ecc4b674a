#define _GNU_SOURCE
#include <regex.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

const char* scratch = "/tmp";
const char* busybox = "/bin/busybox";
unsigned growth_size = 0;

static const struct row* const kinds[] = {system_call_rows, process_rows, memory_rows, ring_rows, file_rows,
                                          copy_rows,        compute_rows, shell_rows,  sleep_rows};

static char complaint[200];

void want(bool holds, const char* format, ...) {
    if (holds || complaint[0]) return;
    va_list args;
    va_start(args, format);
    vsnprintf(complaint, sizeof complaint, format, args);
    va_end(args);
}

void need(bool holds, const char* what) {
    if (holds) return;
    fprintf(stderr, "bench: cannot go on: ");
    perror(what);
    exit(2);
}

double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e6 + (double)t.tv_nsec * 1e-3;
}

void reap(int pid, int status) {
    need(pid > 0, "fork");
    int ended = 0;
    need(waitpid(pid, &ended, 0) == pid, "waitpid");
    want(WIFEXITED(ended) && WEXITSTATUS(ended) == status, "a child ended with %#x, not exit status %d",
         (unsigned)ended, status);
}

static double timed(const struct row* row, unsigned long times) {
    const double start = now();
    row->run(times);
    return now() - start;
}

// A batch takes at least this long, so that the clock's own cost and grain do not count.  Many short ones, so
// that on a busy host, too, some of them fit between two of its switches to others.
static double batch_microseconds = 2000, row_microseconds = 600000;
static unsigned batches = 40;

/// The best of several batches: the others measure what else the machine was doing.
static double measure(const struct row* row) {
    if (row->value) {
        row->run(1);
        return row->value();
    }
    unsigned long times = 1;
    double spent = timed(row, times), total = spent;
    while (spent < batch_microseconds) {
        // Aim a little above, and grow by at most 30 at once: the first time is the slow one.
        const double factor = spent > 0 ? batch_microseconds * 1.3 / spent : 30;
        times = (unsigned long)((double)times * (factor > 30 ? 30 : factor)) + 1;
        spent = timed(row, times);
        total += spent;
    }
    double best = spent;
    for (unsigned i = 1; i < batches && (i < 2 || total < row_microseconds); ++i) {
        spent = timed(row, times);
        total += spent;
        if (spent < best) best = spent;
    }
    return best / ((double)times * row->operations);
}

static void run_row(const struct row* row) {
    complaint[0] = 0;
    if (row->prepare) row->prepare();
    const double value = measure(row);
    if (row->finish) row->finish();
    printf("bench %s %.6f %s%s\n", row->name, value, complaint[0] ? "FAIL " : "ok", complaint);
    fflush(stdout);
}

static void run_rows(const struct row* row, const char* pattern, const regex_t* chosen, bool list) {
    for (; row->name; ++row) {
        if (*pattern && regexec(chosen, row->name, 0, NULL, 0)) continue;
        if (list) {
            printf("%s\n", row->name);
        } else {
            run_row(row);
        }
    }
}

/// One processor, as in a guest: natively, two processes that take turns would otherwise run side by side.
static void stay_on_one_processor(void) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)sched_getcpu(), &set);
    sched_setaffinity(0, sizeof set, &set);
}

/// How fast the time-stamp counter runs, in MHz: the nanobenchmarks count in its cycles.
static double tsc_megahertz(void) {
    const double start = now();
    const unsigned long long first = __builtin_ia32_rdtsc();
    while (now() - start < 100000) continue;
    return (double)(__builtin_ia32_rdtsc() - first) / (now() - start);
}

static void usage(void) {
    fprintf(stderr,
            "usage: bench [--quick] [--list | --tsc] [--dir TMPFS] [--busybox FILE] [--size N] [REGEX]\n");
    exit(2);
}

int main(int argc, char** argv) {
    regex_t chosen;
    const char* pattern = "";
    bool list = false;
    for (int i = 1; i < argc; ++i) {
        const bool more = i + 1 < argc;
        if (!strcmp(argv[i], "--exit")) _exit(EXEC_STATUS);  // the child of fork_exec
        if (!strcmp(argv[i], "--quick")) {
            batch_microseconds = 500;
            row_microseconds = 20000;
            batches = 3;
        } else if (!strcmp(argv[i], "--tsc")) {
            printf("%.3f\n", tsc_megahertz());
            return 0;
        } else if (!strcmp(argv[i], "--list")) {
            list = true;
        } else if (!strcmp(argv[i], "--dir") && more) {
            scratch = argv[++i];
        } else if (!strcmp(argv[i], "--busybox") && more) {
            busybox = argv[++i];
        } else if (!strcmp(argv[i], "--size") && more) {
            growth_size = (unsigned)atoi(argv[++i]);
        } else if (argv[i][0] == '-') {
            usage();
        } else {
            pattern = argv[i];
        }
    }
    if (regcomp(&chosen, pattern, REG_EXTENDED | REG_NOSUB)) usage();
    stay_on_one_processor();
    const double start = now();
    if (growth_size) {
        run_rows(growth_rows, pattern, &chosen, list);
    } else {
        for (size_t kind = 0; kind < sizeof kinds / sizeof *kinds; ++kind) {
            run_rows(kinds[kind], pattern, &chosen, list);
        }
    }
    // The harness compares this with its own clock: a guest whose clock is wrong has no say about time.
    if (!list) printf("bench-end %.0f\n", now() - start);
    return 0;
}
