/* ouch50_msg.c - the layout of every message as tables, and the codecs that walk them. */
#include <errno.h>

#include "dataplane/base/wire.h"
#include "drivers/venue/ouch50.h"

enum kind {
    CHR,  /* one character */
    CODE, /* one character on the wire, 16 bits here */
    N2,
    N4,
    N8,
    SYM,
    CLORD,
    FIRM4,
};

static const uint8_t kind_sz[] = {
    [CHR] = 1, [CODE] = 1, [N2] = 2, [N4] = 4, [N8] = 8, [SYM] = 8, [CLORD] = 14, [FIRM4] = 4,
};

struct field {
    uint8_t at;     /* offset in the message */
    uint8_t kind;   /* enum kind */
    uint16_t where; /* offset in the struct */
};

struct layout {
    char type;
    uint8_t sz;     /* fixed part, without appendage */
    uint8_t app_at; /* where the appendage length is, 0 for none */
    uint8_t field_cnt;
    uint32_t allowed; /* options */
    struct field fields[15];
};

#define I(at, kind, name)                              \
    {                                                  \
        at, kind, offsetof(struct oct_ouch50_in, name) \
    }
#define O(at, kind, name)                               \
    {                                                   \
        at, kind, offsetof(struct oct_ouch50_out, name) \
    }
#define B(tag) OCT_OUCH50_BIT(tag)

#define ENTER_OPTS                                                                            \
    (B(FIRM) | B(MIN_QTY) | B(CUSTOMER_TYPE) | B(MAX_FLOOR) | B(PRICE_TYPE) | B(PEG_OFFSET) | \
     B(DISCRETION_PX) | B(DISCRETION_PX_TYPE) | B(DISCRETION_PEG_OFFSET) | B(POST_ONLY) |     \
     B(RANDOM_RESERVES) | B(ROUTE) | B(EXPIRE_TIME) | B(TRADE_NOW) | B(HANDLE_INST) |         \
     B(GROUP_ID) | B(SHARES_LOCATED))

/* The fields are counted where they stand; messages without any name their type. */
#define L(type, sz, app, opts, ...)                                                        \
    {                                                                                      \
        type, sz, app, sizeof((struct field[]){__VA_ARGS__}) / sizeof(struct field), opts, \
        {                                                                                  \
            __VA_ARGS__                                                                    \
        }                                                                                  \
    }

/* clang-format off */
static const struct layout in_layouts[] = {
    L('O', 47, 45, ENTER_OPTS, I(1, N4, user_ref), I(5, CHR, side), I(6, N4, qty),
      I(10, SYM, symbol), I(18, N8, px), I(26, CHR, tif), I(27, CHR, display),
      I(28, CHR, capacity), I(29, CHR, sweep), I(30, CHR, cross), I(31, CLORD, cl_ord_id)),
    L('U', 40, 38, ENTER_OPTS & ~(B(FIRM) | B(ROUTE)), I(1, N4, orig_user_ref), I(5, N4, user_ref),
      I(9, N4, qty), I(13, N8, px), I(21, CHR, tif), I(22, CHR, display), I(23, CHR, sweep),
      I(24, CLORD, cl_ord_id)),
    L('X', 9, 0, 0, I(1, N4, user_ref), I(5, N4, qty)),
    L('M', 10, 0, 0, I(1, N4, user_ref), I(5, CHR, side), I(6, N4, qty)),
    L('Q', 1, 0, 0, I(0, CHR, type)),
};

static const struct layout out_layouts[] = {
    L('S', 10, 0, 0, O(1, N8, ts), O(9, CHR, code)),
    L('A', 64, 62, ENTER_OPTS | B(BBO_WEIGHT), O(1, N8, ts), O(9, N4, user_ref), O(13, CHR, side),
      O(14, N4, qty), O(18, SYM, symbol), O(26, N8, px), O(34, CHR, tif), O(35, CHR, display),
      O(36, N8, venue_ref), O(44, CHR, capacity), O(45, CHR, sweep), O(46, CHR, cross),
      O(47, CHR, state), O(48, CLORD, cl_ord_id)),
    L('U', 68, 66, B(FIRM) | B(MIN_QTY) | B(MAX_FLOOR) | B(PRICE_TYPE) | B(POST_ONLY) |
      B(EXPIRE_TIME) | B(TRADE_NOW) | B(HANDLE_INST) | B(BBO_WEIGHT),
      O(1, N8, ts), O(9, N4, orig_user_ref), O(13, N4, user_ref), O(17, CHR, side),
      O(18, N4, qty), O(22, SYM, symbol), O(30, N8, px), O(38, CHR, tif), O(39, CHR, display),
      O(40, N8, venue_ref), O(48, CHR, capacity), O(49, CHR, sweep), O(50, CHR, cross),
      O(51, CHR, state), O(52, CLORD, cl_ord_id)),
    L('C', 18, 0, 0, O(1, N8, ts), O(9, N4, user_ref), O(13, N4, qty), O(17, CODE, reason)),
    L('D', 32, 0, 0, O(1, N8, ts), O(9, N4, user_ref), O(13, N4, qty), O(17, CODE, reason),
      O(18, N4, prevented), O(22, N8, px), O(30, CHR, code), O(31, CHR, aiq)),
    /* The options named for it, reference price and its type, were withdrawn in May 2023. */
    L('E', 36, 34, 0, O(1, N8, ts), O(9, N4, user_ref), O(13, N4, qty), O(17, N8, px),
      O(25, CHR, code), O(26, N8, match)),
    L('B', 36, 0, 0, O(1, N8, ts), O(9, N4, user_ref), O(13, N8, match), O(21, CODE, reason),
      O(22, CLORD, cl_ord_id)),
    L('J', 29, 0, 0, O(1, N8, ts), O(9, N4, user_ref), O(13, N2, reason), O(15, CLORD, cl_ord_id)),
    L('P', 13, 0, 0, O(1, N8, ts), O(9, N4, user_ref)),
    L('I', 13, 0, 0, O(1, N8, ts), O(9, N4, user_ref)),
    L('T', 30, 0, 0, O(1, N8, ts), O(9, N4, user_ref), O(13, N8, px), O(21, CHR, display),
      O(22, N8, venue_ref)),
    L('M', 18, 0, 0, O(1, N8, ts), O(9, N4, user_ref), O(13, CHR, side), O(14, N4, qty)),
    L('R', 16, 14, B(DISPLAY_QTY) | B(DISPLAY_PX) | B(SECONDARY_REF), O(1, N8, ts),
      O(9, N4, user_ref), O(13, CODE, reason)),
    L('Q', 13, 0, 0, O(1, N8, ts), O(9, N4, user_ref)),
};
/* clang-format on */

#define P(tag, k, name) \
    [OCT_OUCH50_##tag] = {.kind = (k), .where = offsetof(struct oct_ouch50_opts, name)}

/* By tag; where is 0 for tags that are not in use (the first field of the struct is no option). */
static const struct field opt_fields[OCT_OUCH50_TAG_MAX + 1] = {
    P(SECONDARY_REF, N8, secondary_ref),
    P(FIRM, FIRM4, firm),
    P(MIN_QTY, N4, min_qty),
    P(CUSTOMER_TYPE, CHR, customer_type),
    P(MAX_FLOOR, N4, max_floor),
    P(PRICE_TYPE, CHR, price_type),
    P(PEG_OFFSET, N4, peg_offset),
    P(DISCRETION_PX, N8, discretion_px),
    P(DISCRETION_PX_TYPE, CHR, discretion_px_type),
    P(DISCRETION_PEG_OFFSET, N4, discretion_peg_offset),
    P(POST_ONLY, CHR, post_only),
    P(RANDOM_RESERVES, N4, random_reserves),
    P(ROUTE, FIRM4, route),
    P(EXPIRE_TIME, N4, expire_s),
    P(TRADE_NOW, CHR, trade_now),
    P(HANDLE_INST, CHR, handle_inst),
    P(BBO_WEIGHT, CHR, bbo_weight),
    P(DISPLAY_QTY, N4, display_qty),
    P(DISPLAY_PX, N8, display_px),
    P(GROUP_ID, N2, group_id),
    P(SHARES_LOCATED, CHR, shares_located),
};

static void load(uint8_t kind, const uint8_t *p, uint8_t *to)
{
    uint16_t v2;
    uint32_t v4;
    uint64_t v8;

    switch (kind) {
    case CODE:
        v2 = *p;
        memcpy(to, &v2, sizeof v2);
        break;
    case N2:
        v2 = oct_load_be16(p);
        memcpy(to, &v2, sizeof v2);
        break;
    case N4:
        v4 = oct_load_be32(p);
        memcpy(to, &v4, sizeof v4);
        break;
    case N8:
        v8 = oct_load_be64(p);
        memcpy(to, &v8, sizeof v8);
        break;
    default:
        memcpy(to, p, kind_sz[kind]);
        break;
    }
}

static void store(uint8_t kind, const uint8_t *from, uint8_t *p)
{
    uint16_t v2;
    uint32_t v4;
    uint64_t v8;

    switch (kind) {
    case CODE:
        memcpy(&v2, from, sizeof v2);
        *p = (uint8_t)v2;
        break;
    case N2:
        memcpy(&v2, from, sizeof v2);
        oct_store_be16(p, v2);
        break;
    case N4:
        memcpy(&v4, from, sizeof v4);
        oct_store_be32(p, v4);
        break;
    case N8:
        memcpy(&v8, from, sizeof v8);
        oct_store_be64(p, v8);
        break;
    default:
        memcpy(p, from, kind_sz[kind]);
        break;
    }
}

static const struct layout *find(const struct layout *l, size_t cnt, uint8_t type)
{
    for (size_t i = 0; i < cnt; i++)
        if ((uint8_t)l[i].type == type)
            return &l[i];
    return NULL;
}

static int bad(uint32_t off, uint32_t *err_off)
{
    *err_off = off;
    return -EBADMSG;
}

/* Options from `from` up to the end of the message. */
static int opts_decode(const uint8_t *msg, uint32_t from, uint32_t sz, struct oct_ouch50_opts *o,
                       uint32_t *err_off)
{
    for (uint32_t i = from; i < sz;) {
        uint32_t len = msg[i]; /* of the tag and the value */
        if (len < 1 || sz - i < 1 + len)
            return bad(i, err_off);
        uint32_t tag = msg[i + 1];
        if (tag > OCT_OUCH50_TAG_MAX || opt_fields[tag].where == 0) {
            o->unknown_cnt++;
        } else {
            const struct field *f = &opt_fields[tag];
            if (len != 1u + kind_sz[f->kind] || (o->set & UINT32_C(1) << tag))
                return bad(i, err_off);
            load(f->kind, msg + i + 2, (uint8_t *)o + f->where);
            o->set |= UINT32_C(1) << tag;
        }
        i += 1 + len;
    }
    return 0;
}

static int decode(const struct layout *l, const uint8_t *msg, uint32_t sz, void *to,
                  struct oct_ouch50_opts *opts, uint32_t *err_off)
{
    if (!l)
        return bad(0, err_off);
    if (sz < l->sz || (!l->app_at && sz != l->sz))
        return bad(sz < l->sz ? sz : l->sz, err_off);
    if (l->app_at && oct_load_be16(msg + l->app_at) != sz - l->sz)
        return bad(l->app_at, err_off);
    for (uint32_t i = 0; i < l->field_cnt; i++)
        load(l->fields[i].kind, msg + l->fields[i].at, (uint8_t *)to + l->fields[i].where);
    return opts_decode(msg, l->sz, sz, opts, err_off);
}

int oct_ouch50_in_decode(const uint8_t *msg, uint32_t sz, struct oct_ouch50_in *in,
                         uint32_t *err_off)
{
    memset(in, 0, sizeof *in);
    *err_off = 0;
    if (sz == 0)
        return -EBADMSG;
    in->type = (char)msg[0];
    return decode(find(in_layouts, OCT_ARRAY_CNT(in_layouts), msg[0]), msg, sz, in, &in->opts,
                  err_off);
}

int oct_ouch50_out_decode(const uint8_t *msg, uint32_t sz, struct oct_ouch50_out *out,
                          uint32_t *err_off)
{
    memset(out, 0, sizeof *out);
    *err_off = 0;
    if (sz == 0)
        return -EBADMSG;
    out->type = (char)msg[0];
    return decode(find(out_layouts, OCT_ARRAY_CNT(out_layouts), msg[0]), msg, sz, out, &out->opts,
                  err_off);
}

static uint32_t opts_encode(const struct oct_ouch50_opts *o, uint8_t *p)
{
    uint32_t n = 0;

    for (uint32_t tag = 1; tag <= OCT_OUCH50_TAG_MAX; tag++) {
        const struct field *f = &opt_fields[tag];
        if (f->where == 0 || !(o->set & UINT32_C(1) << tag))
            continue;
        p[n] = (uint8_t)(1 + kind_sz[f->kind]);
        p[n + 1] = (uint8_t)tag;
        store(f->kind, (const uint8_t *)o + f->where, p + n + 2);
        n += 2u + kind_sz[f->kind];
    }
    return n;
}

static int encode(const struct layout *l, const void *from, const struct oct_ouch50_opts *opts,
                  uint8_t *buf)
{
    if (!l)
        return -EINVAL;
    buf[0] = (uint8_t)l->type;
    for (uint32_t i = 0; i < l->field_cnt; i++)
        store(l->fields[i].kind, (const uint8_t *)from + l->fields[i].where, buf + l->fields[i].at);
    if (!l->app_at)
        return l->sz;
    uint32_t n = opts_encode(opts, buf + l->sz);
    oct_store_be16(buf + l->app_at, (uint16_t)n);
    return (int)(l->sz + n);
}

int oct_ouch50_in_encode(const struct oct_ouch50_in *in, uint8_t *buf)
{
    return encode(find(in_layouts, OCT_ARRAY_CNT(in_layouts), (uint8_t)in->type), in, &in->opts,
                  buf);
}

int oct_ouch50_out_encode(const struct oct_ouch50_out *out, uint8_t *buf)
{
    return encode(find(out_layouts, OCT_ARRAY_CNT(out_layouts), (uint8_t)out->type), out,
                  &out->opts, buf);
}

uint32_t oct_ouch50_opts_allowed(char type, bool inbound)
{
    const struct layout *l = inbound ? find(in_layouts, OCT_ARRAY_CNT(in_layouts), (uint8_t)type)
                                     : find(out_layouts, OCT_ARRAY_CNT(out_layouts), (uint8_t)type);

    return l ? l->allowed : 0;
}

/* ---- what a venue checks --------------------------------------------------------------------- */

static bool one_of(char c, const char *set)
{
    return c != 0 && strchr(set, c) != NULL;
}

static bool symbol_ok(const char c[8])
{
    bool blank = false;

    for (int i = 0; i < 8; i++) {
        if (c[i] <= 0x20 || c[i] > 0x7e) {
            if (c[i] != ' ' || i == 0)
                return false;
            blank = true;
        } else if (blank) {
            return false;
        }
    }
    return true;
}

uint16_t oct_ouch50_in_check(const struct oct_ouch50_in *in)
{
    const struct oct_ouch50_opts *o = &in->opts;

    if (in->type == 'X' || in->type == 'Q')
        return 0;
    if (in->type != 'U' && !one_of(in->side, "BSTE"))
        return 0x0009;
    if (in->type == 'M')
        return in->qty > OCT_OUCH50_QTY_MAX ? 0x0013 : 0;
    if (in->qty == 0 || in->qty > OCT_OUCH50_QTY_MAX)
        return 0x0013;
    if (in->px == 0 || (in->px > OCT_OUCH50_PX_MAX && !oct_ouch50_is_market(in->px)))
        return 0x001d;
    if (in->type == 'O' && !symbol_ok(in->symbol.c))
        return 0x0017;
    if (!one_of(in->display, "YNA"))
        return 0x0003;
    if (in->type == 'O' && !one_of(in->cross, "NOCHSREA"))
        return 0x0014;
    if ((o->set & OCT_OUCH50_BIT(MIN_QTY)) && o->min_qty > in->qty)
        return 0x000d;
    if ((o->set & OCT_OUCH50_BIT(MAX_FLOOR)) && o->max_floor > in->qty)
        return 0x0004;
    if ((o->set & OCT_OUCH50_BIT(PRICE_TYPE)) && !one_of(o->price_type, "LPMRQm"))
        return 0x0005;
    /* What has no code of its own: "other". */
    if (!one_of(in->tif, "0356E") || !one_of(in->sweep, "YN") ||
        (in->type == 'O' && !one_of(in->capacity, "APRO")) ||
        ((o->set & OCT_OUCH50_BIT(POST_ONLY)) && !one_of(o->post_only, "PN")) ||
        ((in->tif == '6') != !!(o->set & OCT_OUCH50_BIT(EXPIRE_TIME))) ||
        ((o->set & OCT_OUCH50_BIT(EXPIRE_TIME)) && o->expire_s >= 86400) || o->unknown_cnt ||
        (o->set & ~oct_ouch50_opts_allowed(in->type, true)))
        return 0x000f;
    return 0;
}
