#include <string.h>

#include "control/web/http_parse.h"

/* A chunk line with its extensions, and the whole trailer section, at most. */
#define CHUNK_LINE_MAX 256u
#define TRAILER_MAX    4096u

enum state {
    SIZE,      /* hexadecimal digits */
    EXTENSION, /* after a semicolon, ignored */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER_START, /* of a line, or the empty line that ends it all */
    TRAILER,
    TRAILER_LF,
    END_LF,
};

static int hex(uint8_t c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

static bool visible(uint8_t c)
{
    return c == '\t' || (c >= ' ' && c != 0x7f);
}

static int size_octet(struct oct_http_chunks *c, uint8_t b)
{
    int v = hex(b);
    if (++c->line > CHUNK_LINE_MAX)
        return -400;
    if (v >= 0) {
        if (++c->digits > 8)
            return -400;
        c->left = c->left << 4 | (uint64_t)v;
        return 0;
    }
    if (c->digits == 0 || (b != ';' && b != '\r'))
        return -400;
    c->state = b == ';' ? EXTENSION : SIZE_LF;
    return 0;
}

/* One octet that is not body data. */
static int octet(struct oct_http_chunks *c, uint8_t b, bool *done)
{
    switch ((enum state)c->state) {
    case SIZE:
        return size_octet(c, b);
    case EXTENSION:
        if (++c->line > CHUNK_LINE_MAX || (b != '\r' && !visible(b)))
            return -400;
        c->state = b == '\r' ? SIZE_LF : EXTENSION;
        return 0;
    case SIZE_LF:
        c->total += c->left;
        c->state = c->left == 0 ? TRAILER_START : DATA;
        c->line = c->digits = 0;
        if (c->total > OCT_HTTP_BODY_MAX)
            return -413;
        return b == '\n' ? 0 : -400;
    case DATA_CR:
        c->state = DATA_LF;
        return b == '\r' ? 0 : -400;
    case DATA_LF:
        c->state = SIZE;
        return b == '\n' ? 0 : -400;
    case TRAILER_START:
    case TRAILER:
        if (++c->trailer > TRAILER_MAX || (b != '\r' && !visible(b)) ||
            (c->state == TRAILER_START && (b == ' ' || b == '\t' || b == ':')))
            return -400;
        c->state = b != '\r' ? TRAILER : c->state == TRAILER_START ? END_LF : TRAILER_LF;
        return 0;
    case TRAILER_LF:
        c->state = TRAILER_START;
        return b == '\n' ? 0 : -400;
    case END_LF:
        *done = true;
        return b == '\n' ? 0 : -400;
    case DATA:
        break;
    }
    return -400;
}

int oct_http_chunks(struct oct_http_chunks *c, const uint8_t *p, size_t sz, uint8_t *out,
                    size_t *out_sz, bool *done)
{
    size_t at = 0;
    *out_sz = 0;
    *done = false;
    while (at < sz && !*done) {
        if (c->state == DATA) {
            size_t n = sz - at < c->left ? sz - at : (size_t)c->left;
            memcpy(out + *out_sz, p + at, n);
            *out_sz += n;
            at += n;
            c->left -= n;
            if (c->left == 0)
                c->state = DATA_CR;
            continue;
        }
        int rc = octet(c, p[at++], done);
        if (rc != 0)
            return rc;
    }
    return (int)at;
}

int oct_http_decode(struct oct_str in, char *out)
{
    size_t n = 0;
    for (size_t i = 0; i < in.n; i++) {
        char ch = in.p[i];
        if (ch == '%') {
            int hi = i + 2 < in.n ? hex((uint8_t)in.p[i + 1]) : -1;
            int lo = i + 2 < in.n ? hex((uint8_t)in.p[i + 2]) : -1;
            if (hi < 0 || lo < 0 || (hi | lo) == 0)
                return -1;
            ch = (char)(hi << 4 | lo);
            i += 2;
        }
        out[n++] = ch;
    }
    out[n] = '\0';
    return (int)n;
}

int oct_http_params(struct oct_str query, char *buf, struct oct_http_param out[OCT_HTTP_PARAM_MAX])
{
    int cnt = 0;
    while (query.n > 0) {
        const char *amp = memchr(query.p, '&', query.n);
        struct oct_str pair = {query.p, amp == NULL ? query.n : (size_t)(amp - query.p)};
        const char *eq = memchr(pair.p, '=', pair.n);
        struct oct_str key = {pair.p, eq == NULL ? pair.n : (size_t)(eq - pair.p)};
        struct oct_str value = {pair.p + key.n + (eq != NULL), pair.n - key.n - (eq != NULL)};
        if (cnt == (int)OCT_HTTP_PARAM_MAX || key.n == 0)
            return -1;
        int n = oct_http_decode(key, buf);
        if (n < 0)
            return -1;
        out[cnt].key = buf;
        buf += n + 1;
        n = oct_http_decode(value, buf);
        if (n < 0)
            return -1;
        out[cnt].value = buf;
        buf += n + 1;
        cnt++;
        size_t used = pair.n + (amp != NULL);
        query.p += used;
        query.n -= used;
    }
    return cnt;
}
