/* text.h - append-only text in a caller's buffer, with JSON escaping.
 *
 * Nothing is allocated and nothing overflows: what does not fit is counted in need, so that a
 * caller can size a buffer as with snprintf.  Cold code, and the fan-out path of control. */
#ifndef OCT_BASE_TEXT_H
#define OCT_BASE_TEXT_H

#include "dataplane/base/attr.h"

struct oct_text {
    char *buf;
    size_t sz;   /* bytes of buf, final NUL included; 0 to measure only */
    size_t need; /* characters the whole text has, written or not */
};

/* buf may be NULL when sz is 0.  The buffer is a NUL-terminated string after every call. */
void oct_text_init(struct oct_text *t, char *buf, size_t sz);
/* True while everything fitted. */
OCT_INLINE bool oct_text_ok(const struct oct_text *t)
{
    return t->need < t->sz;
}

void oct_text_add(struct oct_text *t, const char *s, size_t len);
void oct_text_str(struct oct_text *t, const char *s);
void oct_text_chr(struct oct_text *t, char c);
void oct_text_u64(struct oct_text *t, uint64_t v);
void oct_text_i64(struct oct_text *t, int64_t v);
void oct_text_fmt(struct oct_text *t, const char *fmt, ...) OCT_PRINTF(2, 3);
/* A JSON string with its quotes.  Bytes that are not valid UTF-8 become U+FFFD. */
void oct_text_json(struct oct_text *t, const char *s, size_t len);

#endif
