#include "dataplane/base/px.h"

#include <errno.h>
#include <string.h>

bool oct_px_from_double(double x, oct_px tick, enum oct_side side, oct_px *out)
{
    OCT_ASSERT(tick.v > 0);
    /* Also false for NAN. 9.2e9 is inside the range of 64 bits at 1e-9. */
    if (!(x > 0.0 && x < 9.2e9))
        return false;
    /* To the nearest 1e-9 first: a double that stands for 289.80 must not fall below its tick. */
    int64_t v = (int64_t)(x * 1e9 + 0.5);
    int64_t down = v - v % tick.v;
    int64_t px = down;
    if (side == OCT_SELL && down != v) {
        if (down > INT64_MAX - tick.v)
            return false;
        px = down + tick.v;
    }
    if (px <= 0)
        return false;
    out->v = px;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

int oct_decimal_parse(const char *s, size_t len, unsigned decimals, int64_t *out)
{
    const char *end = s + len;
    const char *p = s;
    const char *dot = NULL;
    bool neg = false;

    OCT_ASSERT(decimals <= 18);
    if (p < end && (*p == '-' || *p == '+'))
        neg = *p++ == '-';
    const char *first = p;
    for (; p < end; p++) {
        if (*p == '.' && dot == NULL && p > first)
            dot = p;
        else if (!is_digit(*p))
            return -EINVAL;
    }
    if (p == first || dot == end - 1)
        return -EINVAL;
    size_t frac = dot != NULL ? (size_t)(end - dot - 1) : 0;
    if (frac > decimals)
        return -ERANGE;

    uint64_t v = 0, limit = (uint64_t)INT64_MAX + (neg ? 1 : 0);
    for (p = first; p < end; p++) {
        if (p == dot)
            continue;
        uint64_t d = (uint64_t)(*p - '0');
        if (v > (limit - d) / 10)
            return -ERANGE;
        v = v * 10 + d;
    }
    for (size_t i = frac; i < decimals; i++) {
        if (v > limit / 10)
            return -ERANGE;
        v *= 10;
    }
    *out = (int64_t)(neg ? 0 - v : v);
    return 0;
}

int oct_px_parse(const char *s, oct_px *out)
{
    return oct_decimal_parse(s, strlen(s), 9, &out->v);
}

int oct_qty_parse(const char *s, oct_qty *out)
{
    return oct_decimal_parse(s, strlen(s), 8, &out->v);
}

size_t oct_decimal_format(char *buf, __int128 v, unsigned decimals, unsigned min_frac)
{
    char rev[OCT_DECIMAL_SZ];
    unsigned __int128 u = v < 0 ? 0 - (unsigned __int128)v : (unsigned __int128)v;
    unsigned digit_cnt = 0, frac = 0;
    size_t n = 0;

    OCT_ASSERT(decimals <= 38 && min_frac <= decimals);
    for (; u >> 64 != 0; u /= 10) /* a 128-bit division is a library call: only while it must be */
        rev[digit_cnt++] = (char)('0' + (unsigned)(u % 10));
    for (uint64_t w = (uint64_t)u; w != 0 || digit_cnt <= decimals; w /= 10)
        rev[digit_cnt++] = (char)('0' + w % 10);
    for (frac = decimals; frac > min_frac && rev[decimals - frac] == '0'; frac--)
        ;
    if (v < 0)
        buf[n++] = '-';
    for (unsigned i = digit_cnt; i > decimals; i--)
        buf[n++] = rev[i - 1];
    if (frac > 0) {
        buf[n++] = '.';
        for (unsigned i = 0; i < frac; i++)
            buf[n++] = rev[decimals - 1 - i];
    }
    buf[n] = '\0';
    return n;
}

size_t oct_px_format(char *buf, oct_px px)
{
    return oct_decimal_format(buf, px.v, 9, 4);
}

size_t oct_qty_format(char *buf, oct_qty qty)
{
    return oct_decimal_format(buf, qty.v, 8, 0);
}

size_t oct_money_format(char *buf, oct_money m)
{
    return oct_decimal_format(buf, m.v, 17, 2);
}
