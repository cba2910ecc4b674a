// Copying memory: by the processor's string instruction and by a loop of 16-byte loads and stores, within the
// first-level cache, within the second, and beyond what many processors' second holds.
#include <emmintrin.h>
#include <string.h>

#include "bench.h"

static unsigned char from[1 << 20] __attribute__((aligned(4096)));
static unsigned char to[1 << 20] __attribute__((aligned(4096)));
static size_t size;

static void fill(size_t bytes) {
    size = bytes;
    unsigned x = 12345;
    for (size_t i = 0; i < sizeof from; ++i) {
        x = x * 1103515245 + 12345;
        from[i] = (unsigned char)(x >> 16);
    }
    memset(to, 0, sizeof to);
}

static void by_string(unsigned long times) {
    while (times--) {
        const void* source = from;
        void* target = to;
        size_t count = size / 4;
        __asm__ volatile("rep movsl" : "+S"(source), "+D"(target), "+c"(count) : : "memory");
    }
}

static void by_vectors(unsigned long times) {
    while (times--) {
        for (size_t i = 0; i < size; i += 64) {
            const __m128i* source = (const __m128i*)(from + i);
            __m128i* target = (__m128i*)(to + i);
            const __m128i a = _mm_load_si128(source), b = _mm_load_si128(source + 1);
            const __m128i c = _mm_load_si128(source + 2), d = _mm_load_si128(source + 3);
            _mm_store_si128(target, a);
            _mm_store_si128(target + 1, b);
            _mm_store_si128(target + 2, c);
            _mm_store_si128(target + 3, d);
        }
        __asm__ volatile("" : : : "memory");
    }
}

static void compare(void) {
    want(memcmp(from, to, size) == 0, "the copy differs");
    want(size == sizeof to || to[size] == 0, "bytes behind the copy have changed");
}

static void fill_8k(void) {
    fill(8 << 10);
}
static void fill_96k(void) {
    fill(96 << 10);
}
static void fill_1m(void) {
    fill(1 << 20);
}

const struct row copy_rows[] = {
    {"rep_movs_8k", fill_8k, by_string, compare, 1, NULL},
    {"rep_movs_96k", fill_96k, by_string, compare, 1, NULL},
    {"rep_movs_1m", fill_1m, by_string, compare, 1, NULL},
    {"sse_copy_8k", fill_8k, by_vectors, compare, 1, NULL},
    {"sse_copy_96k", fill_96k, by_vectors, compare, 1, NULL},
    {"sse_copy_1m", fill_1m, by_vectors, compare, 1, NULL},
    {0},
};
