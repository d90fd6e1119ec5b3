#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/text.h"
#include "dataplane/base/wire.h"
#include "dataplane/msg/desc.h"

/* The fewest digits that read back as the same double; JSON has no infinities. */
static void put_f64(struct oct_text *t, double v)
{
    char buf[40];
    int n = 0;

    if (!isfinite(v)) {
        oct_text_str(t, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        n = snprintf(buf, sizeof buf, "%.*g", digits, v);
        if (strtod(buf, NULL) == v)
            break;
    }
    for (int i = 0; i < n; i++) /* a locale may have its own decimal point */
        if (strchr("+-0123456789e", buf[i]) == NULL)
            buf[i] = '.';
    oct_text_add(t, buf, (size_t)n);
}

static void put_quoted(struct oct_text *t, const char *s, size_t len)
{
    oct_text_chr(t, '"');
    oct_text_add(t, s, len);
    oct_text_chr(t, '"');
}

/* Characters of a venue: without the padding. */
static void put_chars(struct oct_text *t, const char *s, size_t len)
{
    while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\0'))
        len--;
    oct_text_json(t, s, len);
}

static void put_integer(struct oct_text *t, const struct oct_field_desc *f, const uint8_t *p)
{
    uint64_t v = 0;

    memcpy(&v, p, f->sz);
    if (strncmp(f->unit, "enum:", 5) == 0) {
        const char *text = oct_enum_text(f->unit + 5, v);
        if (text != NULL) {
            put_quoted(t, text, strlen(text));
            return;
        }
    }
    /* 64 bits do not fit the numbers of most JSON readers. */
    bool quote = f->sz == 8;
    if (quote)
        oct_text_chr(t, '"');
    if (f->type == OCT_FIELD_i64)
        oct_text_i64(t, (int64_t)v);
    else if (f->type == OCT_FIELD_i32)
        oct_text_i64(t, (int32_t)v);
    else
        oct_text_u64(t, v);
    if (quote)
        oct_text_chr(t, '"');
}

static void put_value(struct oct_text *t, const struct oct_field_desc *f, const uint8_t *p)
{
    char buf[OCT_DECIMAL_SZ];
    struct oct_money_w money;
    int64_t i;
    double d;

    switch ((enum oct_field_type)f->type) {
    case OCT_FIELD_px:
        memcpy(&i, p, sizeof i);
        put_quoted(t, buf, oct_px_format(buf, (oct_px){i}));
        break;
    case OCT_FIELD_qty:
        memcpy(&i, p, sizeof i);
        put_quoted(t, buf, oct_qty_format(buf, (oct_qty){i}));
        break;
    case OCT_FIELD_money:
        memcpy(&money, p, sizeof money);
        put_quoted(t, buf, oct_money_format(buf, oct_money_unpack(money)));
        break;
    case OCT_FIELD_f64:
        memcpy(&d, p, sizeof d);
        put_f64(t, d);
        break;
    case OCT_FIELD_sym:
        put_chars(t, (const char *)p, sizeof(oct_sym));
        break;
    case OCT_FIELD_chr:
        put_chars(t, (const char *)p, 1);
        break;
    default:
        put_integer(t, f, p);
        break;
    }
}

static void put_field(struct oct_text *t, const struct oct_field_desc *f, const uint8_t *rec)
{
    const uint8_t *p = rec + f->off;

    oct_text_chr(t, ',');
    put_quoted(t, f->name, strlen(f->name));
    oct_text_chr(t, ':');
    if (f->cnt == 1) {
        put_value(t, f, p);
    } else if (f->type == OCT_FIELD_chr) {
        put_chars(t, (const char *)p, f->cnt);
    } else {
        for (unsigned i = 0; i < f->cnt; i++, p += f->sz) {
            oct_text_chr(t, i == 0 ? '[' : ',');
            put_value(t, f, p);
        }
        oct_text_chr(t, ']');
    }
}

static void put_data(struct oct_text *t, const uint8_t *p, size_t sz)
{
    static const char hex[] = "0123456789abcdef";

    oct_text_str(t, ",\"data\":\"");
    for (size_t i = 0; i < sz; i++) {
        oct_text_chr(t, hex[p[i] >> 4]);
        oct_text_chr(t, hex[p[i] & 15]);
    }
    oct_text_chr(t, '"');
}

size_t oct_msg_json(const struct oct_msg_hdr *m, char *buf, size_t sz)
{
    const struct oct_msg_desc *d = oct_msg_desc(m->type);
    const uint8_t *rec = (const uint8_t *)m;
    struct oct_text t;

    oct_text_init(&t, buf, sz);
    if (d == NULL || !oct_msg_valid(m, m->sz)) {
        oct_text_fmt(&t, "{\"type\":\"invalid\",\"number\":%u,\"size\":%u}", m->type, m->sz);
        return t.need;
    }
    oct_text_str(&t, "{\"type\":");
    put_quoted(&t, d->name, strlen(d->name));
    oct_text_str(&t, ",\"lane\":");
    oct_text_u64(&t, m->lane);
    oct_text_str(&t, ",\"input\":\"");
    oct_text_u64(&t, m->input);
    oct_text_chr(&t, '"');
    for (unsigned i = 0; i < d->field_cnt; i++)
        if (strncmp(d->fields[i].name, "pad", 3) != 0)
            put_field(&t, &d->fields[i], rec);
    if (m->type == OCT_IN_PACKET)
        put_data(&t, rec + d->sz, ((const struct oct_in_packet *)m)->frag_sz);
    if (m->type == OCT_IN_VENUE)
        put_data(&t, rec + d->sz, ((const struct oct_in_venue *)m)->data_sz);
    oct_text_chr(&t, '}');
    return t.need;
}
