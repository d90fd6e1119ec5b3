#include "control/core/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void oct_buf_fini(struct oct_buf *b)
{
    if (b == NULL)
        return;
    free(b->p);
    memset(b, 0, sizeof(*b));
}

uint8_t *oct_buf_room(struct oct_buf *b, size_t n)
{
    size_t max = b->max != 0 ? b->max : OCT_BUF_MAX_DEFAULT;
    if (oct_unlikely(b->failed))
        return NULL;
    if (oct_likely(n <= b->cap - b->sz && b->p != NULL))
        return b->p + b->sz;
    if (n > max - b->sz) {
        b->failed = true;
        return NULL;
    }
    size_t cap = b->cap < 256 ? 256 : b->cap;
    while (cap - b->sz < n)
        cap *= 2;
    if (cap > max)
        cap = max;
    uint8_t *p = realloc(b->p, cap);
    if (p == NULL) {
        b->failed = true;
        return NULL;
    }
    b->p = p;
    b->cap = cap;
    return p + b->sz;
}

void oct_buf_add(struct oct_buf *b, const void *data, size_t sz)
{
    uint8_t *p = oct_buf_room(b, sz);
    if (p == NULL || sz == 0)
        return;
    memcpy(p, data, sz);
    b->sz += sz;
}

void oct_buf_str(struct oct_buf *b, const char *s)
{
    oct_buf_add(b, s, strlen(s));
}

void oct_buf_printf(struct oct_buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char tmp[512];
    va_list again;
    va_copy(again, ap);
    int n = vsnprintf(tmp, sizeof(tmp), fmt, ap);
    if (n >= 0 && (size_t)n < sizeof(tmp)) {
        oct_buf_add(b, tmp, (size_t)n);
    } else if (n >= 0) {
        uint8_t *p = oct_buf_room(b, (size_t)n + 1);
        if (p != NULL) {
            vsnprintf((char *)p, (size_t)n + 1, fmt, again);
            b->sz += (size_t)n;
        }
    } else {
        b->failed = true;
    }
    va_end(again);
    va_end(ap);
}

void oct_buf_u64(struct oct_buf *b, uint64_t v)
{
    char tmp[20];
    unsigned at = sizeof(tmp);
    do {
        tmp[--at] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    oct_buf_add(b, tmp + at, sizeof(tmp) - at);
}

void oct_buf_i64(struct oct_buf *b, int64_t v)
{
    if (v < 0) {
        oct_buf_chr(b, '-');
        oct_buf_u64(b, 0 - (uint64_t)v);
    } else {
        oct_buf_u64(b, (uint64_t)v);
    }
}

void oct_buf_eat(struct oct_buf *b, size_t n)
{
    OCT_ASSERT(n <= b->sz);
    if (n == 0)
        return;
    memmove(b->p, b->p + n, b->sz - n);
    b->sz -= n;
}

void oct_buf_trim(struct oct_buf *b, size_t keep)
{
    if (b->sz != 0 || b->cap <= keep)
        return;
    free(b->p);
    b->p = NULL;
    b->cap = 0;
}
