// Processes in a ring of pipes, a token going round: what a context switch costs, with nothing or with 64 KiB
// for each process to read when its turn comes (McVoy and Staelin, lmbench, USENIX 1996, section 6.6).  The
// cost of the pipes is in it.
#define _GNU_SOURCE
#include "ring.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { MOST = 512, WORDS = 64 * 1024 / sizeof(unsigned) };

static unsigned members, words;
static int children[MOST];
static int from_last = -1, to_first = -1;
static unsigned array[WORDS];
static const unsigned poison = 0x80000000;  // added to the token by whoever finds its data spoilt

static unsigned look_at_array(unsigned owner) {
    unsigned sum = 0;
    for (unsigned i = 0; i < words; ++i) sum += array[i];
    return sum == words * owner ? 1 : poison;
}

static void member(unsigned owner, int in, int out) {
    for (unsigned i = 0; i < words; ++i) array[i] = owner;
    unsigned token;
    while (read(in, &token, sizeof token) == sizeof token) {
        token += look_at_array(owner);
        if (write(out, &token, sizeof token) != sizeof token) break;
    }
    _exit(0);
}

void ring_start(unsigned count, unsigned kilobytes) {
    need(count >= 2 && count <= MOST, "a ring of 2 to 512 processes");
    members = count;
    words = kilobytes * 1024 / sizeof *array;
    int in, ends[2];
    need(pipe(ends) == 0, "pipe");
    in = ends[0];
    to_first = ends[1];
    // The parent is number 0.  A child must not hold the pipes of others open, or the ring never ends.
    for (unsigned owner = 1; owner < members; ++owner) {
        need(pipe(ends) == 0, "pipe");
        children[owner] = fork();
        need(children[owner] >= 0, "fork");
        if (children[owner] == 0) {
            close(to_first);
            close(ends[0]);
            member(owner, in, ends[1]);
        }
        close(in);
        close(ends[1]);
        in = ends[0];
    }
    from_last = in;
    for (unsigned i = 0; i < words; ++i) array[i] = members;
}

void ring_go_round(unsigned long times) {
    unsigned token = 0;
    for (unsigned long i = 0; i < times; ++i) {
        token += look_at_array(members);
        if (write(to_first, &token, sizeof token) != sizeof token ||
            read(from_last, &token, sizeof token) != sizeof token) {
            want(false, "the ring is broken");
            return;
        }
    }
    want(token == (unsigned)times * members, "the token came back as %#x after %lu rounds of %u", token,
         times, members);
}

void ring_stop(void) {
    close(to_first);
    for (unsigned owner = 1; owner < members; ++owner) reap(children[owner], 0);
    close(from_last);
}

#define RING(count, kilobytes)                         \
    static void start_##count##_##kilobytes##k(void) { \
        ring_start(count, kilobytes);                  \
    }
RING(2, 0)
RING(2, 64)
RING(8, 0)
RING(8, 64)
RING(32, 0)
RING(32, 64)

const struct row ring_rows[] = {
    {"pipe", start_2_0k, ring_go_round, ring_stop, 1, NULL},
    {"switch_2_0k", start_2_0k, ring_go_round, ring_stop, 2, NULL},
    {"switch_2_64k", start_2_64k, ring_go_round, ring_stop, 2, NULL},
    {"switch_8_0k", start_8_0k, ring_go_round, ring_stop, 8, NULL},
    {"switch_8_64k", start_8_64k, ring_go_round, ring_stop, 8, NULL},
    {"switch_32_0k", start_32_0k, ring_go_round, ring_stop, 32, NULL},
    {"switch_32_64k", start_32_64k, ring_go_round, ring_stop, 32, NULL},
    {0},
};
