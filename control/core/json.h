/* json.h - append-only JSON writer on a buffer; commas and escapes are its business.
 *
 * Keys are string literals of ours and are not escaped.  Values from outside go through
 * oct_json_str.  64-bit integers and stamps are written as decimal strings where a JavaScript
 * number would lose digits (oct_json_id, oct_json_ns); prices and quantities always are.
 *
 *     struct oct_json j = {.b = &buf};
 *     oct_json_obj(&j, NULL);
 *     oct_json_px(&j, "price", px);
 *     oct_json_end(&j, '}');  */
#ifndef OCT_CORE_JSON_H
#define OCT_CORE_JSON_H

#include "control/core/buf.h"
#include "dataplane/base/px.h"

struct oct_json {
    struct oct_buf *b;
    bool comma; /* the next member needs one before it */
};

/* key NULL: an element of an array, or the outermost value. */
void oct_json_obj(struct oct_json *j, const char *key);
void oct_json_arr(struct oct_json *j, const char *key);
void oct_json_end(struct oct_json *j, char bracket);

void oct_json_str(struct oct_json *j, const char *key, const char *s); /* NULL writes null */
void oct_json_strn(struct oct_json *j, const char *key, const char *s, size_t n);
void oct_json_bool(struct oct_json *j, const char *key, bool v);
void oct_json_null(struct oct_json *j, const char *key);
void oct_json_u64(struct oct_json *j, const char *key, uint64_t v); /* a number: small counts */
void oct_json_i64(struct oct_json *j, const char *key, int64_t v);
/* A double with up to `digits` significant digits, never in exponent form; not finite: null. */
void oct_json_f64(struct oct_json *j, const char *key, double v, int decimals);
void oct_json_id(struct oct_json *j, const char *key, uint64_t v);   /* "123" */
void oct_json_ns(struct oct_json *j, const char *key, int64_t ns);   /* "123", null when 0 */
void oct_json_time(struct oct_json *j, const char *key, int64_t ns); /* RFC 3339, null when 0 */
void oct_json_px(struct oct_json *j, const char *key, oct_px px);
/* The same, null when zero: "no price". */
void oct_json_px_or_null(struct oct_json *j, const char *key, oct_px px);
void oct_json_qty(struct oct_json *j, const char *key, oct_qty qty);
void oct_json_money(struct oct_json *j, const char *key, oct_money m);
/* Text that is JSON already. */
void oct_json_raw(struct oct_json *j, const char *key, const char *text, size_t n);

/* Escapes into a buffer, with quotes. Bytes that are not UTF-8 become U+FFFD. */
void oct_json_quote(struct oct_buf *b, const char *s, size_t n);

/* Length of the well-formed UTF-8 sequence that starts at p (RFC 3629), 0 when there is none in
 * n bytes; n is not 0. */
unsigned oct_utf8_seq(const uint8_t *p, size_t n);

#endif
