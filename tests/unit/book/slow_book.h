/* slow_book.h - the plainest possible order-by-order books, to hold the fast ones against.
 *
 * One doubly linked list of orders in order of arrival; everything is found by walking or sorting
 * it.  Shares no code with dataplane/book.  Tests only: allocates, and is O(n) everywhere. */
#ifndef OCT_TESTS_SLOW_BOOK_H
#define OCT_TESTS_SLOW_BOOK_H

#include "dataplane/book/book.h"

struct slow_order {
    struct slow_order *prev;
    struct slow_order *next;
    uint64_t ref;
    uint32_t inst;
    uint32_t side;
    int64_t px;
    int64_t qty;
};

struct slow_book {
    struct slow_order *head;
    struct slow_order *tail;
    uint32_t order_cnt;
};

struct slow_order *slow_find(const struct slow_book *s, uint64_t ref);
/* The same results as oct_book_add and its sisters, but never FULL. */
int slow_add(struct slow_book *s, uint32_t inst, uint64_t ref, uint32_t side, int64_t px,
             int64_t qty);
int slow_reduce(struct slow_book *s, uint64_t ref, int64_t qty);
int slow_delete(struct slow_book *s, uint64_t ref);
int slow_replace(struct slow_book *s, uint64_t ref, uint64_t new_ref, int64_t px, int64_t qty);
void slow_clear(struct slow_book *s, uint32_t inst);

/* Levels of a side, best first; returns how many there are in all, writes at most n. */
uint32_t slow_depth(const struct slow_book *s, uint32_t inst, uint32_t side, struct oct_level *out,
                    uint32_t n);
/* References at a price in time priority; returns how many there are, writes at most n. */
uint32_t slow_queue(const struct slow_book *s, uint32_t inst, uint32_t side, int64_t px,
                    uint64_t *refs, uint32_t n);

#endif
