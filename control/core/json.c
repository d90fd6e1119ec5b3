#include "control/core/json.h"

#include <math.h>
#include <stdio.h>

#include "dataplane/base/time.h"

static void key_put(struct oct_json *j, const char *key)
{
    if (j->comma)
        oct_buf_chr(j->b, ',');
    j->comma = true;
    if (key == NULL)
        return;
    oct_buf_chr(j->b, '"');
    oct_buf_str(j->b, key);
    oct_buf_add(j->b, "\":", 2);
}

void oct_json_obj(struct oct_json *j, const char *key)
{
    key_put(j, key);
    oct_buf_chr(j->b, '{');
    j->comma = false;
}

void oct_json_arr(struct oct_json *j, const char *key)
{
    key_put(j, key);
    oct_buf_chr(j->b, '[');
    j->comma = false;
}

void oct_json_end(struct oct_json *j, char bracket)
{
    OCT_ASSERT(bracket == '}' || bracket == ']');
    oct_buf_chr(j->b, bracket);
    j->comma = true;
}

unsigned oct_utf8_seq(const uint8_t *p, size_t n)
{
    uint8_t c = p[0];
    if (c < 0x80)
        return 1;
    if (c < 0xc2 || c > 0xf4)
        return 0;
    unsigned len = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    uint8_t lo = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    uint8_t hi = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (n < len || p[1] < lo || p[1] > hi)
        return 0;
    for (unsigned i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    }
    return len;
}

void oct_json_quote(struct oct_buf *b, const char *s, size_t n)
{
    const uint8_t *p = (const uint8_t *)s;
    oct_buf_chr(b, '"');
    for (size_t i = 0; i < n;) {
        uint8_t c = p[i];
        if (c == '"' || c == '\\') {
            oct_buf_chr(b, '\\');
            oct_buf_chr(b, (char)c);
            i++;
        } else if (c < 0x20 || c == 0x7f) {
            oct_buf_printf(b, "\\u%04x", c);
            i++;
        } else {
            unsigned len = oct_utf8_seq(p + i, n - i);
            if (len == 0)
                oct_buf_add(b, "\xef\xbf\xbd", 3);
            else
                oct_buf_add(b, p + i, len);
            i += len == 0 ? 1 : len;
        }
    }
    oct_buf_chr(b, '"');
}

void oct_json_strn(struct oct_json *j, const char *key, const char *s, size_t n)
{
    key_put(j, key);
    oct_json_quote(j->b, s, n);
}

void oct_json_str(struct oct_json *j, const char *key, const char *s)
{
    if (s == NULL)
        oct_json_null(j, key);
    else
        oct_json_strn(j, key, s, strlen(s));
}

void oct_json_bool(struct oct_json *j, const char *key, bool v)
{
    key_put(j, key);
    oct_buf_str(j->b, v ? "true" : "false");
}

void oct_json_null(struct oct_json *j, const char *key)
{
    key_put(j, key);
    oct_buf_add(j->b, "null", 4);
}

void oct_json_u64(struct oct_json *j, const char *key, uint64_t v)
{
    key_put(j, key);
    oct_buf_u64(j->b, v);
}

void oct_json_i64(struct oct_json *j, const char *key, int64_t v)
{
    key_put(j, key);
    oct_buf_i64(j->b, v);
}

void oct_json_f64(struct oct_json *j, const char *key, double v, int decimals)
{
    if (!isfinite(v) || fabs(v) > 1e18) {
        oct_json_null(j, key);
        return;
    }
    char tmp[64];
    int n = snprintf(tmp, sizeof(tmp), "%.*f", decimals, v);
    OCT_ASSERT(n > 0 && (size_t)n < sizeof(tmp));
    if (memchr(tmp, '.', (size_t)n) != NULL) {
        while (tmp[n - 1] == '0')
            n--;
        if (tmp[n - 1] == '.')
            n--;
    }
    key_put(j, key);
    oct_buf_add(j->b, tmp, (size_t)n);
}

void oct_json_id(struct oct_json *j, const char *key, uint64_t v)
{
    key_put(j, key);
    oct_buf_chr(j->b, '"');
    oct_buf_u64(j->b, v);
    oct_buf_chr(j->b, '"');
}

void oct_json_ns(struct oct_json *j, const char *key, int64_t ns)
{
    if (ns == 0) {
        oct_json_null(j, key);
        return;
    }
    key_put(j, key);
    oct_buf_chr(j->b, '"');
    oct_buf_i64(j->b, ns);
    oct_buf_chr(j->b, '"');
}

static void quoted(struct oct_json *j, const char *key, const char *s, size_t n)
{
    key_put(j, key);
    oct_buf_chr(j->b, '"');
    oct_buf_add(j->b, s, n);
    oct_buf_chr(j->b, '"');
}

void oct_json_time(struct oct_json *j, const char *key, int64_t ns)
{
    char tmp[OCT_RFC3339_SZ];
    if (ns == 0)
        oct_json_null(j, key);
    else
        quoted(j, key, tmp, oct_rfc3339_format(tmp, ns));
}

void oct_json_px(struct oct_json *j, const char *key, oct_px px)
{
    char tmp[OCT_DECIMAL_SZ];
    quoted(j, key, tmp, oct_px_format(tmp, px));
}

void oct_json_px_or_null(struct oct_json *j, const char *key, oct_px px)
{
    if (px.v == 0)
        oct_json_null(j, key);
    else
        oct_json_px(j, key, px);
}

void oct_json_qty(struct oct_json *j, const char *key, oct_qty qty)
{
    char tmp[OCT_DECIMAL_SZ];
    quoted(j, key, tmp, oct_qty_format(tmp, qty));
}

void oct_json_money(struct oct_json *j, const char *key, oct_money m)
{
    char tmp[OCT_DECIMAL_SZ];
    quoted(j, key, tmp, oct_money_format(tmp, m));
}

void oct_json_raw(struct oct_json *j, const char *key, const char *text, size_t n)
{
    key_put(j, key);
    oct_buf_add(j->b, text, n);
}
