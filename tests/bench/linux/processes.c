// Processes that come and go.
#define _GNU_SOURCE
#include <unistd.h>

#include "bench.h"

static void fork_exit(unsigned long times) {
    while (times--) {
        const int child = fork();
        if (child == 0) _exit(37);
        reap(child, 37);
    }
}

/// Executes this very program, which then does nothing.
static void fork_exec(unsigned long times) {
    while (times--) {
        const int child = fork();
        if (child == 0) {
            execl("/proc/self/exe", "bench", "--exit", (char*)NULL);
            _exit(1);
        }
        reap(child, EXEC_STATUS);
    }
}

const struct row process_rows[] = {
    {"fork_exit", NULL, fork_exit, NULL, 1, NULL},
    {"fork_exec", NULL, fork_exec, NULL, 1, NULL},
    {0},
};
