/* count.h - 64-bit counters with exactly one writer each.
 *
 * A module that counts declares a table of oct_counter_def and an enum with the same order; it
 * is given an array of that many counters, which lives in shared memory (dataplane/shm/counters.h)
 * or, in a test, anywhere.  Adding is a plain load, add and store: there is one writer. */
#ifndef OCT_BASE_COUNT_H
#define OCT_BASE_COUNT_H

#include <stdatomic.h>

#include "dataplane/base/attr.h"

struct oct_counter {
    _Atomic uint64_t v;
};

enum oct_counter_kind {
    OCT_COUNTER_TOTAL = 0, /* only grows */
    OCT_COUNTER_GAUGE = 1, /* current value */
};

struct oct_counter_def {
    const char *name; /* snake_case, no prefix; control adds octopus_ and _total */
    const char *help; /* one sentence */
    enum oct_counter_kind kind;
};

OCT_INLINE void oct_count(struct oct_counter *c, uint64_t n)
{
    atomic_store_explicit(&c->v, atomic_load_explicit(&c->v, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

OCT_INLINE void oct_count_set(struct oct_counter *c, uint64_t v)
{
    atomic_store_explicit(&c->v, v, memory_order_relaxed);
}

OCT_INLINE uint64_t oct_count_get(const struct oct_counter *c)
{
    return atomic_load_explicit(&c->v, memory_order_relaxed);
}

#define OCT_COUNT_IF(cond, counter)  \
    do {                             \
        if (oct_unlikely(cond))      \
            oct_count((counter), 1); \
    } while (0)

#endif
