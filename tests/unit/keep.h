/* keep.h - memory that a test hands to the code under test and that lives until its process ends.
 *
 * Objects with a footprint live in their caller's memory, and a Criterion test is a process: there
 * is nothing to give back before the end.  Kept memory is no leak to the address sanitizer; what
 * the code under test allocates and loses still is. */
#ifndef OCT_TESTS_KEEP_H
#define OCT_TESTS_KEEP_H

#include <stdlib.h>

/* Returns mem, which is the heap's; NULL stays NULL.  For one thread. */
static inline void *test_keep(void *mem)
{
    static struct kept {
        struct kept *next;
        void *mem;
    } * all;
    struct kept *k = mem != NULL ? (struct kept *)malloc(sizeof(*k)) : NULL;
    if (k != NULL) {
        *k = (struct kept){all, mem};
        all = k;
    }
    return mem;
}

#endif
