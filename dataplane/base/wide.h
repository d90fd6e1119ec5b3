/* wide.h - copies of a fixed size in two to four instructions, at any alignment.
 *
 * For blocks of adjacent fields that two structs hold in the same order; the compiler makes of an
 * assignment of each field, or of a memcpy, twice as many.  The blocks may not overlap. */
#ifndef OCT_BASE_WIDE_H
#define OCT_BASE_WIDE_H

#include <immintrin.h>

#include "dataplane/base/attr.h"

OCT_INLINE void oct_copy16(void *to, const void *from)
{
    _mm_storeu_si128((__m128i_u *)to, _mm_loadu_si128((const __m128i_u *)from));
}

OCT_INLINE void oct_copy32(void *to, const void *from)
{
    _mm256_storeu_si256((__m256i_u *)to, _mm256_loadu_si256((const __m256i_u *)from));
}

OCT_INLINE void oct_copy48(void *to, const void *from)
{
    oct_copy32(to, from);
    oct_copy16((char *)to + 32, (const char *)from + 32);
}

#endif
