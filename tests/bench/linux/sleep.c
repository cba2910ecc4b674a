// How much longer than asked for a process sleeps.
#define _GNU_SOURCE
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench.h"

enum { SLEEPS = 41, ASKED = 1000 };
static double overshoot[SLEEPS];

static void sleep_often(unsigned long times) {
    (void)times;
    for (unsigned i = 0; i < SLEEPS; ++i) {
        const struct timespec time = {.tv_nsec = ASKED * 1000};
        const double start = now();
        want(nanosleep(&time, NULL) == 0, "nanosleep failed: %s", strerror(errno));
        overshoot[i] = now() - start - ASKED;
        want(overshoot[i] > -1, "a sleep of 1 ms took %.0f us", overshoot[i] + ASKED);
    }
}

static int smaller_first(const void* a, const void* b) {
    const double x = *(const double*)a, y = *(const double*)b;
    return (x > y) - (x < y);
}

/// The best says little about a timer: the median.
static double median(void) {
    qsort(overshoot, SLEEPS, sizeof *overshoot, smaller_first);
    return overshoot[SLEEPS / 2];
}

const struct row sleep_rows[] = {
    {"sleep", NULL, sleep_often, NULL, 1, median},
    {0},
};
