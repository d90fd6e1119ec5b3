#include "dataplane/base/hash.h"

#include <nmmintrin.h>

#include "dataplane/base/wire.h"

uint32_t oct_crc32c(uint32_t crc, const void *data, size_t sz)
{
    const uint8_t *p = data;
    uint64_t c = (uint32_t)~crc;

    for (; sz >= 8; sz -= 8, p += 8)
        c = _mm_crc32_u64(c, oct_load_le64(p));
    for (; sz > 0; sz--, p++)
        c = _mm_crc32_u8((uint32_t)c, *p);
    return ~(uint32_t)c;
}

uint64_t oct_digest64(uint64_t h, const void *data, size_t sz)
{
    const uint8_t *p = data;
    size_t left = sz;

    for (; left >= 8; left -= 8, p += 8) {
        h ^= oct_load_le64(p) * UINT64_C(0x9e3779b97f4a7c15);
        h = (h << 29 | h >> 35) * UINT64_C(0xd6e8feb86659fd93);
    }
    if (left > 0) {
        uint64_t w = 0;
        memcpy(&w, p, left);
        h ^= w * UINT64_C(0x9e3779b97f4a7c15);
        h = (h << 29 | h >> 35) * UINT64_C(0xd6e8feb86659fd93);
    }
    /* The size keeps a trailing zero byte apart from none. */
    return oct_mix64(h + sz);
}
