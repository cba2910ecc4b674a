// Programs that only compute.
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "sha256.h"

enum { SIEVED = 2000000, PRIMES_BELOW = 148933 };
static unsigned char composite[SIEVED];

static void sieve(unsigned long times) {
    while (times--) {
        memset(composite, 0, sizeof composite);
        unsigned primes = 0;
        for (unsigned i = 2; i < SIEVED; ++i) {
            if (composite[i]) continue;
            ++primes;
            for (unsigned long long j = (unsigned long long)i * i; j < SIEVED; j += i) composite[j] = 1;
        }
        want(primes == PRIMES_BELOW, "%u primes below 2000000, not %d", primes, PRIMES_BELOW);
    }
}

enum { HASHED = 64 * 1024 };
static unsigned char hashed[HASHED];
static void fill_hashed(void) {
    for (unsigned i = 0; i < HASHED; ++i) hashed[i] = (unsigned char)(i * 31 >> 3);
}
static void sha256(unsigned long times) {
    uint32_t state[8];
    while (times--) {
        sha256_start(state);
        sha256_blocks(state, hashed, HASHED / 64);
        want(state[0] == 0xf5f3e544 && state[7] == 0x77504207, "the hash is %08x...%08x", (unsigned)state[0],
             (unsigned)state[7]);
    }
}

/// Bodies that attract one another, in double precision (SSE2, so the bits are the same everywhere).
enum { BODIES = 5, STEPS = 1000 };
static double square_root(double x) {
    double r;
    __asm__("sqrtsd %1, %0" : "=x"(r) : "x"(x));
    return r;
}
static double attract(double first) {
    double at[BODIES][3], speed[BODIES][3];
    for (unsigned i = 0; i < BODIES; ++i) {
        for (unsigned k = 0; k < 3; ++k) {
            at[i][k] = (double)((i * 7 + k * 5) % 11) - 5.0;
            speed[i][k] = ((double)((i * 3 + k * 7) % 5) - 2.0) * 0.1;
        }
    }
    at[0][0] = first;
    for (unsigned step = 0; step < STEPS; ++step) {
        for (unsigned i = 0; i < BODIES; ++i) {
            for (unsigned j = i + 1; j < BODIES; ++j) {
                double d[3], square = 0.01;
                for (unsigned k = 0; k < 3; ++k) {
                    d[k] = at[i][k] - at[j][k];
                    square += d[k] * d[k];
                }
                const double pull = 0.001 / (square * square_root(square));
                for (unsigned k = 0; k < 3; ++k) {
                    speed[i][k] -= d[k] * pull;
                    speed[j][k] += d[k] * pull;
                }
            }
        }
        for (unsigned i = 0; i < BODIES; ++i) {
            for (unsigned k = 0; k < 3; ++k) at[i][k] += speed[i][k] * 0.001;
        }
    }
    return at[0][0] + at[1][1] * 3 + at[4][2] * 7;
}
static void floating_sse(unsigned long times) {
    while (times--) {
        double first = -5.0;
        __asm__ volatile("" : "+x"(first));  // or the compiler would compute it once for all times
        const double result = attract(first);
        unsigned long long bits;
        memcpy(&bits, &result, sizeof bits);
        want(bits == 0xc031dda45e411050ull, "the bodies end at %#llx", bits);
    }
}

/// The x87's 80-bit numbers: a series for e.
static void floating_x87(unsigned long times) {
    while (times--) {
        long double sum = 0;
        for (unsigned again = 0; again < 100; ++again) {
            long double term = 1;
            sum = 0;
            for (unsigned n = 1; n < 30; ++n) {
                sum += term;
                term /= n;
            }
            __asm__ volatile("" : "+t"(sum));
        }
        unsigned long long mantissa;
        memcpy(&mantissa, &sum, sizeof mantissa);
        want(mantissa == 0xadf85458a2bb4a9bull || mantissa == 0xadf85458a2bb4a9aull,
             "e has the mantissa %#llx", mantissa);
    }
}

struct link {
    struct link* next;
    char rest[64 - sizeof(struct link*)];
};
static struct link* links;
static unsigned link_count;
enum { HOPS = 65536 };

/// One closed chain through all of them in no order that a prefetcher would guess (Sattolo's algorithm).
static void chain(unsigned count) {
    link_count = count;
    links = aligned_alloc(4096, count * sizeof *links);
    unsigned* order = malloc(count * sizeof *order);
    need(links && order, "memory");
    for (unsigned i = 0; i < count; ++i) order[i] = i;
    unsigned x = 1;
    for (unsigned i = count - 1; i > 0; --i) {
        x = x * 1664525 + 1013904223;
        const unsigned j = (unsigned)((unsigned long long)x * i >> 32), swapped = order[i];
        order[i] = order[j];
        order[j] = swapped;
    }
    for (unsigned i = 0; i < count; ++i) links[order[i]].next = &links[order[(i + 1) % count]];
    free(order);
}
static void chain_16k(void) {
    chain(256);
}
static void chain_4m(void) {
    chain(65536);
}
/// HOPS is a multiple of both lengths, so every time ends where it began.
static void chase(unsigned long times) {
    struct link* at = links;
    while (times--) {
        for (unsigned i = 0; i < HOPS; ++i) {
            at = at->next;
            __asm__ volatile("" : "+r"(at));
        }
        want(at == links, "the chain does not close");
    }
}
static void unchain(void) {
    unsigned length = 0;
    struct link* at = links;
    do {
        at = at->next;
    } while (++length < link_count && at != links);
    want(length == link_count, "the chain has %u links, not %u", length, link_count);
    free(links);
}

static unsigned __attribute__((noinline)) fibonacci(unsigned n) {
    return n < 2 ? n : fibonacci(n - 1) + fibonacci(n - 2);
}
static void recursion(unsigned long times) {
    while (times--) {
        unsigned n = 20;
        __asm__ volatile("" : "+r"(n));
        const unsigned result = fibonacci(n);
        want(result == 6765, "fibonacci(20) is %u", result);
    }
}

const struct row compute_rows[] = {
    {"sieve", NULL, sieve, NULL, 1, NULL},
    {"sha256", fill_hashed, sha256, NULL, HASHED / 64, NULL},
    {"float_sse", NULL, floating_sse, NULL, 1, NULL},
    {"float_x87", NULL, floating_x87, NULL, 1, NULL},
    {"chase_16k", chain_16k, chase, unchain, HOPS, NULL},
    {"chase_4m", chain_4m, chase, unchain, HOPS, NULL},
    {"recursion", NULL, recursion, NULL, 1, NULL},
    {0},
};
