// Bytes in memory.  The compiler may call the first four by itself, freestanding or not.
#pragma once

#include <guestkit/types.h>

void* memcpy(void* to, const void* from, size_t length);
void* memmove(void* to, const void* from, size_t length);
void* memset(void* to, int value, size_t length);
int memcmp(const void* a, const void* b, size_t length);
size_t strlen(const char* s);
