#include <guestkit/string.h>

void* memcpy(void* to, const void* from, size_t length) {
    void* result = to;
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(length) : : "memory");
    return result;
}

void* memmove(void* to, const void* from, size_t length) {
    u8* t = to;
    const u8* f = from;
    if (t <= f) return memcpy(to, from, length);
    while (length--) t[length] = f[length];
    return to;
}

void* memset(void* to, int value, size_t length) {
    void* result = to;
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(length) : "a"(value) : "memory");
    return result;
}

int memcmp(const void* a, const void* b, size_t length) {
    const u8 *x = a, *y = b;
    for (; length; --length, ++x, ++y)
        if (*x != *y) return *x - *y;
    return 0;
}

size_t strlen(const char* s) {
    size_t n = 0;
    while (s[n]) ++n;
    return n;
}
