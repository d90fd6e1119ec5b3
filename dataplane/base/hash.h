/* hash.h - CRC32C for files, a 64-bit mixing hash for tables and state digests. */
#ifndef OCT_BASE_HASH_H
#define OCT_BASE_HASH_H

#include "dataplane/base/attr.h"

/* CRC32C (Castagnoli) of a buffer; chain by passing the previous result, start with 0. */
uint32_t oct_crc32c(uint32_t crc, const void *data, size_t sz);

/* Eight bytes more of a CRC32C as the processor keeps it, without the inversions at both ends: a
 * difference of up to 32 adjacent bits always changes it. */
OCT_INLINE uint32_t oct_crc32c_word(uint32_t crc, uint64_t word)
{
    return (uint32_t)__builtin_ia32_crc32di(crc, word);
}

/* Finalizer with full avalanche; a bijection, so distinct keys stay distinct. */
OCT_INLINE uint64_t oct_mix64(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    x *= UINT64_C(0xd6e8feb86659fd93);
    x ^= x >> 32;
    return x;
}

/* Order-dependent digest of bytes; chain by passing the previous result. Not for secrets. */
uint64_t oct_digest64(uint64_t h, const void *data, size_t sz);

#endif
