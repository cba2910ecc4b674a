// SHA-256 (FIPS 180-4), of whole 64-byte blocks.
#pragma once

#include <stddef.h>
#include <stdint.h>

/// Starts a hash.
void sha256_start(uint32_t state[8]);
/// Takes in `blocks` blocks of 64 bytes.
void sha256_blocks(uint32_t state[8], const unsigned char* data, size_t blocks);
