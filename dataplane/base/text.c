#include "dataplane/base/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void oct_text_init(struct oct_text *t, char *buf, size_t sz)
{
    t->buf = buf;
    t->sz = sz;
    t->need = 0;
    if (sz > 0)
        buf[0] = '\0';
}

void oct_text_add(struct oct_text *t, const char *s, size_t len)
{
    if (t->need + 1 < t->sz) {
        size_t room = t->sz - 1 - t->need;
        size_t n = len < room ? len : room;
        memcpy(t->buf + t->need, s, n);
        t->buf[t->need + n] = '\0';
    }
    t->need += len;
}

void oct_text_str(struct oct_text *t, const char *s)
{
    oct_text_add(t, s, strlen(s));
}

void oct_text_chr(struct oct_text *t, char c)
{
    oct_text_add(t, &c, 1);
}

void oct_text_u64(struct oct_text *t, uint64_t v)
{
    char digits[20];
    size_t n = sizeof digits;

    do {
        digits[--n] = (char)('0' + v % 10);
        v /= 10;
    } while (v != 0);
    oct_text_add(t, digits + n, sizeof digits - n);
}

void oct_text_i64(struct oct_text *t, int64_t v)
{
    if (v < 0)
        oct_text_chr(t, '-');
    oct_text_u64(t, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void oct_text_fmt(struct oct_text *t, const char *fmt, ...)
{
    va_list ap;
    size_t room = t->need < t->sz ? t->sz - t->need : 0;

    va_start(ap, fmt);
    int n = vsnprintf(room > 0 ? t->buf + t->need : NULL, room, fmt, ap);
    va_end(ap);
    if (n > 0)
        t->need += (size_t)n;
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 when there is none. */
static size_t utf8_len(const uint8_t *s, size_t left)
{
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
               : (s[0] & 0xf0) == 0xe0       ? 3
               : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                             : 0;
    if (n == 0 || n > left)
        return 0;
    if (n == 1)
        return 1;
    uint32_t cp = s[0] & (0x7fu >> n);
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
        cp = cp << 6 | (s[i] & 0x3fu);
    }
    if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp < 0xe000))
        return 0;
    return n;
}

static void json_ascii(struct oct_text *t, char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char *const named[32] = {
        ['\b'] = "\\b", ['\f'] = "\\f", ['\n'] = "\\n", ['\r'] = "\\r", ['\t'] = "\\t"};
    uint8_t u = (uint8_t)c;

    if (c == '"' || c == '\\') {
        oct_text_chr(t, '\\');
        oct_text_chr(t, c);
    } else if (u >= 0x20 && u != 0x7f) {
        oct_text_chr(t, c);
    } else if (u < 0x20 && named[u] != NULL) {
        oct_text_add(t, named[u], 2);
    } else {
        oct_text_add(t, "\\u00", 4);
        oct_text_chr(t, hex[u >> 4]);
        oct_text_chr(t, hex[u & 15]);
    }
}

void oct_text_json(struct oct_text *t, const char *s, size_t len)
{
    oct_text_chr(t, '"');
    for (size_t i = 0; i < len;) {
        size_t n = utf8_len((const uint8_t *)s + i, len - i);
        if (n == 1)
            json_ascii(t, s[i]);
        else if (n > 1)
            oct_text_add(t, s + i, n);
        else
            oct_text_add(t, "\xef\xbf\xbd", 3);
        i += n > 0 ? n : 1;
    }
    oct_text_chr(t, '"');
}
