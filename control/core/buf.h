/* buf.h - a growing byte buffer, append-only, for everything that control writes.
 *
 * Thread:  one.
 * Memory:  heap, owned by the buffer; oct_buf_fini frees it.
 * Fails:   an append that would pass max, or finds no memory, sets `failed` and appends nothing;
 *          later appends do nothing either.  Writers append at ease and look once at the end. */
#ifndef OCT_CORE_BUF_H
#define OCT_CORE_BUF_H

#include <string.h>

#include "dataplane/base/attr.h"

#define OCT_BUF_MAX_DEFAULT (64u << 20)

struct oct_buf {
    uint8_t *p;
    size_t sz;  /* bytes in use */
    size_t cap; /* bytes allocated */
    size_t max; /* never more than this; 0 means OCT_BUF_MAX_DEFAULT */
    bool failed;
};

void oct_buf_fini(struct oct_buf *b);

/* Makes room for n more bytes and returns where they go, without counting them; NULL on failure. */
uint8_t *oct_buf_room(struct oct_buf *b, size_t n);
void oct_buf_add(struct oct_buf *b, const void *data, size_t sz);
void oct_buf_str(struct oct_buf *b, const char *s);
void oct_buf_printf(struct oct_buf *b, const char *fmt, ...) OCT_PRINTF(2, 3);
void oct_buf_u64(struct oct_buf *b, uint64_t v);
void oct_buf_i64(struct oct_buf *b, int64_t v);

/* Drops the first n bytes, moving the rest to the front. */
void oct_buf_eat(struct oct_buf *b, size_t n);

/* Gives memory above keep bytes back to the heap when the buffer is empty. */
void oct_buf_trim(struct oct_buf *b, size_t keep);

OCT_INLINE void oct_buf_reset(struct oct_buf *b)
{
    b->sz = 0;
    b->failed = false;
}

OCT_INLINE void oct_buf_chr(struct oct_buf *b, char c)
{
    uint8_t *p = oct_buf_room(b, 1);
    if (p != NULL) {
        *p = (uint8_t)c;
        b->sz++;
    }
}

/* A string literal. */
#define OCT_BUF_LIT(b, s) oct_buf_add((b), "" s, sizeof(s) - 1)

#endif
