/* attr.h - compiler attributes and assertions that everyone uses.
 *
 * OCT_ASSERT holds our own code to its word, in release builds too.  OCT_DASSERT is for
 * invariants that are costly to check: debug and simulation builds only.  Neither is ever
 * used on bytes from a wire, a file, a command or a configuration. */
#ifndef OCT_BASE_ATTR_H
#define OCT_BASE_ATTR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define OCT_HOT              __attribute__((hot))
#define OCT_COLD             __attribute__((cold, noinline))
#define OCT_INLINE           static inline __attribute__((always_inline))
#define OCT_PRINTF(fmt, arg) __attribute__((format(printf, fmt, arg)))
#define OCT_ALIGNED(n)       __attribute__((aligned(n)))
#define oct_likely(x)        __builtin_expect(!!(x), 1)
#define oct_unlikely(x)      __builtin_expect(!!(x), 0)
#define OCT_ARRAY_CNT(a)     (sizeof(a) / sizeof((a)[0]))
/* Fields of different writers sit on different blocks of this many bytes (two lines: the
 * adjacent-line prefetcher pulls pairs). */
#define OCT_BLOCK_SZ 128

/* Prints file, line and expression to standard error and aborts. */
OCT_COLD _Noreturn void oct_assert_fail(const char *file, int line, const char *expr);

#define OCT_ASSERT(x)                                \
    do {                                             \
        if (oct_unlikely(!(x)))                      \
            oct_assert_fail(__FILE__, __LINE__, #x); \
    } while (0)

#ifdef OCT_DEBUG
#define OCT_DASSERT(x) OCT_ASSERT(x)
#else
#define OCT_DASSERT(x) ((void)sizeof(x))
#endif

OCT_INLINE size_t oct_align_up(size_t n, size_t align)
{
    return (n + align - 1) & ~(align - 1);
}

OCT_INLINE bool oct_is_pow2(uint64_t n)
{
    return n != 0 && (n & (n - 1)) == 0;
}

#endif
