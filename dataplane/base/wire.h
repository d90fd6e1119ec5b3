/* wire.h - loads and stores of wire integers at any alignment.
 *
 * The only way wire bytes are read: never by casting to a struct. */
#ifndef OCT_BASE_WIRE_H
#define OCT_BASE_WIRE_H

#include <string.h>

#include "dataplane/base/attr.h"

OCT_INLINE uint16_t oct_load_be16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return __builtin_bswap16(v);
}

OCT_INLINE uint32_t oct_load_be32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return __builtin_bswap32(v);
}

OCT_INLINE uint64_t oct_load_be64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return __builtin_bswap64(v);
}

/* Six bytes, big-endian: ITCH time stamps.  Reads exactly six. */
OCT_INLINE uint64_t oct_load_be48(const void *p)
{
    return (uint64_t)oct_load_be16(p) << 32 | oct_load_be32((const uint8_t *)p + 2);
}

OCT_INLINE uint16_t oct_load_le16(const void *p)
{
    uint16_t v;
    memcpy(&v, p, 2);
    return v;
}

OCT_INLINE uint32_t oct_load_le32(const void *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

OCT_INLINE uint64_t oct_load_le64(const void *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}

OCT_INLINE void oct_store_be16(void *p, uint16_t v)
{
    v = __builtin_bswap16(v);
    memcpy(p, &v, 2);
}

OCT_INLINE void oct_store_be32(void *p, uint32_t v)
{
    v = __builtin_bswap32(v);
    memcpy(p, &v, 4);
}

OCT_INLINE void oct_store_be64(void *p, uint64_t v)
{
    v = __builtin_bswap64(v);
    memcpy(p, &v, 8);
}

OCT_INLINE void oct_store_be48(void *p, uint64_t v)
{
    oct_store_be16(p, (uint16_t)(v >> 32));
    oct_store_be32((uint8_t *)p + 2, (uint32_t)v);
}

OCT_INLINE void oct_store_le16(void *p, uint16_t v)
{
    memcpy(p, &v, 2);
}

OCT_INLINE void oct_store_le32(void *p, uint32_t v)
{
    memcpy(p, &v, 4);
}

OCT_INLINE void oct_store_le64(void *p, uint64_t v)
{
    memcpy(p, &v, 8);
}

#endif
