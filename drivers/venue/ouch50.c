/* ouch50.c - the lane's two directions: order record to bytes, bytes to struct oct_ven. */
#include "drivers/venue/ouch50.h"

#include <errno.h>

#include "dataplane/base/wire.h"

/* Nanoseconds since midnight: up to 25 hours, for the day the clocks go back. */
#define TS_MAX      (UINT64_C(90000) * 1000000000)
#define PX_WIRE_MAX ((uint64_t)(INT64_MAX / OCT_PX_E4))

/* ---- ClOrdID --------------------------------------------------------------------------------- */

#define D36(a)                                                                                    \
    {a, '0'}, {a, '1'}, {a, '2'}, {a, '3'}, {a, '4'}, {a, '5'}, {a, '6'}, {a, '7'}, {a, '8'},     \
        {a, '9'}, {a, 'A'}, {a, 'B'}, {a, 'C'}, {a, 'D'}, {a, 'E'}, {a, 'F'}, {a, 'G'}, {a, 'H'}, \
        {a, 'I'}, {a, 'J'}, {a, 'K'}, {a, 'L'}, {a, 'M'}, {a, 'N'}, {a, 'O'}, {a, 'P'}, {a, 'Q'}, \
        {a, 'R'}, {a, 'S'}, {a, 'T'}, {a, 'U'}, {a, 'V'}, {a, 'W'}, {a, 'X'}, {a, 'Y'},           \
    {                                                                                             \
        a, 'Z'                                                                                    \
    }

/* Two base-36 digits at a time. */
static const uint8_t pairs[36 * 36][2] = {
    D36('0'), D36('1'), D36('2'), D36('3'), D36('4'), D36('5'), D36('6'), D36('7'), D36('8'),
    D36('9'), D36('A'), D36('B'), D36('C'), D36('D'), D36('E'), D36('F'), D36('G'), D36('H'),
    D36('I'), D36('J'), D36('K'), D36('L'), D36('M'), D36('N'), D36('O'), D36('P'), D36('Q'),
    D36('R'), D36('S'), D36('T'), D36('U'), D36('V'), D36('W'), D36('X'), D36('Y'), D36('Z'),
};

/* Seven digits.  Split as a tree, not digit by digit, to keep the chain of products short. */
OCT_INLINE void put7(uint8_t *p, uint32_t v)
{
    uint32_t hi = v / 46656, lo = v % 46656;

    memcpy(p, pairs[hi / 1296], 2);
    memcpy(p + 2, pairs[hi % 1296], 2);
    memcpy(p + 4, pairs[lo / 36], 2);
    p[6] = pairs[lo % 36][1];
}

void oct_ouch50_clordid(uint64_t order_id, uint8_t out[OCT_OUCH50_CLORDID_SZ])
{
    put7(out, (uint32_t)(order_id >> 32));
    put7(out + 7, (uint32_t)order_id);
}

/* Seven digits; false when they are none or exceed 32 bits. */
static bool get7(const uint8_t *p, uint64_t *v)
{
    uint64_t n = 0;

    for (int i = 0; i < 7; i++) {
        uint8_t c = p[i];
        uint8_t d = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'Z' ? c - 'A' + 10 : 36;
        if (d == 36)
            return false;
        n = n * 36 + d;
    }
    *v = n;
    return n <= UINT32_MAX;
}

uint64_t oct_ouch50_order_id(const uint8_t text[OCT_OUCH50_CLORDID_SZ])
{
    uint64_t hi, lo;

    return get7(text, &hi) && get7(text + 7, &lo) ? hi << 32 | lo : 0;
}

/* ---- encode ---------------------------------------------------------------------------------- */

/* An order's figures in the venue's units. */
struct wire {
    uint64_t px;
    uint32_t qty;
    uint32_t min_qty;
    uint8_t tif;
};

/* Whole shares, 0 to the most the field takes. */
OCT_INLINE bool shares(oct_qty q, uint32_t *out)
{
    uint64_t n = (uint64_t)q.v / OCT_QTY_ONE;

    *out = (uint32_t)n;
    return n <= OCT_OUCH50_QTY_MAX && n * OCT_QTY_ONE == (uint64_t)q.v;
}

/* Printable, not empty, spaces only at the end: all eight bytes at once. */
OCT_INLINE bool symbol_ok(oct_sym sym)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highs = ones << 7;
    uint64_t s;

    memcpy(&s, sym.c, 8);
    /* Bytes below 0x20, at 0x7f and above; exact, because no byte has its top bit. */
    uint64_t odd = s & highs;
    odd |= ~((s & ~highs) + ones * 0x60) & highs;
    odd |= ((s & ~highs) + ones) & highs;
    uint64_t space = ~((((s ^ ones * 0x20) & ~highs) + ~highs) | s) & highs;
    return !odd && !(space & 0x80) && !(space & ~(space >> 8) & (highs >> 8));
}

OCT_INLINE int fit_terms(const struct oct_order *o, struct wire *w)
{
    if (oct_unlikely(!shares(o->qty, &w->qty) || w->qty == 0 || !shares(o->min_qty, &w->min_qty)))
        return -ERANGE;
    if (oct_unlikely(w->min_qty > w->qty || o->tif > OCT_TIF_FOK || o->user_ref == 0 ||
                     o->side > OCT_SELL))
        return -EINVAL;
    w->tif = o->tif == OCT_TIF_DAY ? '0' : '3';
    if (o->tif == OCT_TIF_FOK)
        w->min_qty = w->qty;
    if (oct_unlikely(o->ord_type != OCT_ORD_LIMIT)) {
        if (o->ord_type != OCT_ORD_MARKET || o->px.v != 0 || o->post_only)
            return -EINVAL;
        w->px = OCT_OUCH50_PX_MARKET;
        w->tif = '3';
        return 0;
    }
    if (oct_unlikely(o->post_only && o->tif != OCT_TIF_DAY))
        return -EINVAL;
    w->px = (uint64_t)o->px.v / OCT_PX_E4;
    if (oct_unlikely(w->px - 1 >= OCT_OUCH50_PX_MAX || w->px * OCT_PX_E4 != (uint64_t)o->px.v))
        return -ERANGE;
    return 0;
}

OCT_INLINE int fit(const struct oct_order *o, struct wire *w)
{
    switch (o->action) {
    case OCT_ACTION_NEW:
        if (oct_unlikely(!symbol_ok(o->symbol)))
            return -EINVAL;
        return fit_terms(o, w);
    case OCT_ACTION_REPLACE:
        /* What must fill at once or not at all never rests to be replaced. */
        if (oct_unlikely(o->orig_user_ref == 0 || o->orig_user_ref == o->user_ref ||
                         o->tif == OCT_TIF_FOK))
            return -EINVAL;
        return fit_terms(o, w);
    case OCT_ACTION_REDUCE:
        if (!shares(o->qty, &w->qty) || w->qty == 0)
            return -ERANGE;
        return o->user_ref ? 0 : -EINVAL;
    case OCT_ACTION_CANCEL:
        w->qty = 0;
        return o->user_ref ? 0 : -EINVAL;
    case OCT_ACTION_ACCOUNT_QUERY:
        return 0;
    default:
        return -ENOTSUP;
    }
}

static int check(const struct oct_order *order)
{
    struct wire w;

    return fit(order, &w);
}

OCT_INLINE uint8_t *put_min_qty(uint8_t *p, const struct wire *w)
{
    p[0] = 5;
    p[1] = OCT_OUCH50_MIN_QTY;
    oct_store_be32(p + 2, w->min_qty);
    return p + 6;
}

OCT_INLINE uint8_t *put_post_only(uint8_t *p)
{
    p[0] = 2;
    p[1] = OCT_OUCH50_POST_ONLY;
    p[2] = 'P';
    return p + 3;
}

OCT_INLINE int put_enter(const struct oct_order *o, const struct wire *w, const char firm[4],
                         uint8_t *out)
{
    /* Capacity principal, no sweep, continuous market. */
    static const char tail[3] = {'P', 'N', 'N'};
    uint32_t firm4;

    out[0] = 'O';
    oct_store_be32(out + 1, o->user_ref);
    out[5] = o->side == OCT_BUY ? 'B' : o->short_sale ? 'T' : 'S';
    oct_store_be32(out + 6, w->qty);
    memcpy(out + 10, o->symbol.c, 8);
    oct_store_be64(out + 18, w->px);
    out[26] = w->tif;
    out[27] = o->hidden ? 'N' : 'Y';
    memcpy(out + 28, tail, sizeof tail);
    oct_ouch50_clordid(o->order_id, out + 31);
    uint8_t *p = out + 47;
    memcpy(&firm4, firm, 4);
    if (firm4 != 0 && firm4 != UINT32_C(0x20202020)) {
        p[0] = 5;
        p[1] = OCT_OUCH50_FIRM;
        memcpy(p + 2, &firm4, 4);
        p += 6;
    }
    if (w->min_qty)
        p = put_min_qty(p, w);
    if (o->post_only)
        p = put_post_only(p);
    oct_store_be16(out + 45, (uint16_t)(p - out - 47));
    return (int)(p - out);
}

static int put_replace(const struct oct_order *o, const struct wire *w, uint8_t *out)
{
    out[0] = 'U';
    oct_store_be32(out + 1, o->orig_user_ref);
    oct_store_be32(out + 5, o->user_ref);
    oct_store_be32(out + 9, w->qty);
    oct_store_be64(out + 13, w->px);
    out[21] = w->tif;
    out[22] = o->hidden ? 'N' : 'Y';
    out[23] = 'N';
    oct_ouch50_clordid(o->order_id, out + 24);
    uint8_t *p = out + 40;
    if (w->min_qty)
        p = put_min_qty(p, w);
    if (o->post_only)
        p = put_post_only(p);
    oct_store_be16(out + 38, (uint16_t)(p - out - 40));
    return (int)(p - out);
}

OCT_HOT static int encode(const struct oct_order *o, const char firm[4], uint8_t *out)
{
    struct wire w;
    int err = fit(o, &w);

    if (oct_unlikely(err))
        return err;
    switch (o->action) {
    case OCT_ACTION_NEW:
        return put_enter(o, &w, firm, out);
    case OCT_ACTION_REPLACE:
        return put_replace(o, &w, out);
    case OCT_ACTION_ACCOUNT_QUERY:
        out[0] = 'Q';
        return 1;
    default:
        out[0] = 'X';
        oct_store_be32(out + 1, o->user_ref);
        oct_store_be32(out + 5, w.qty);
        return 9;
    }
}

/* ---- decode ---------------------------------------------------------------------------------- */

static int bad(uint32_t off, uint32_t *err_off)
{
    *err_off = off;
    return -EBADMSG;
}

/* A side as our records have it. */
static bool side_of(uint8_t c, uint8_t *side)
{
    *side = c == 'B' ? OCT_BUY : OCT_SELL;
    return c == 'B' || c == 'S' || c == 'T' || c == 'E';
}

/* More than an order may have in all is nonsense, and must not reach sums. */
static bool qty_of(const uint8_t *p, oct_qty *qty)
{
    uint32_t n = oct_load_be32(p);

    *qty = oct_qty_from_shares(n);
    return n <= OCT_OUCH50_QTY_MAX;
}

static bool px_of(const uint8_t *p, oct_px *px)
{
    uint64_t v = oct_load_be64(p);

    if (v > PX_WIRE_MAX)
        return false;
    *px = oct_px_from_e4((int64_t)v);
    return true;
}

/* Accepted and Replaced share everything after their numbers: side at p. */
static int live(const uint8_t *p, struct oct_ven *v)
{
    if (!side_of(p[0], &v->side))
        return 0;
    if (!qty_of(p + 1, &v->qty))
        return 1;
    memcpy(v->symbol.c, p + 5, 8);
    if (!px_of(p + 13, &v->px))
        return 13;
    v->tif = (char)p[21];
    v->venue_ref = oct_load_be64(p + 23);
    v->order_state = (char)p[34];
    if (v->order_state != 'L' && v->order_state != 'D')
        return 34;
    v->order_id = oct_ouch50_order_id(p + 35);
    return -1;
}

struct shape {
    uint8_t sz;    /* fixed part */
    uint8_t app;   /* offset of the appendage length, 0 for none */
    uint8_t event; /* enum oct_ven_event, 0 for no such type */
};

static const struct shape shapes[128] = {
    ['S'] = {10, 0, OCT_VEN_SYSTEM},         ['A'] = {64, 62, OCT_VEN_ACCEPTED},
    ['U'] = {68, 66, OCT_VEN_REPLACED},      ['C'] = {18, 0, OCT_VEN_CANCELED},
    ['D'] = {32, 0, OCT_VEN_AIQ_CANCELED},   ['E'] = {36, 34, OCT_VEN_EXECUTED},
    ['B'] = {36, 0, OCT_VEN_BROKEN},         ['J'] = {29, 0, OCT_VEN_REJECTED},
    ['P'] = {13, 0, OCT_VEN_CANCEL_PENDING}, ['I'] = {13, 0, OCT_VEN_CANCEL_REJECT},
    ['T'] = {30, 0, OCT_VEN_PRIORITY},       ['M'] = {18, 0, OCT_VEN_MODIFIED},
    ['R'] = {16, 14, OCT_VEN_RESTATED},      ['Q'] = {13, 0, OCT_VEN_ACCOUNT},
};

/* Bytes of the options we know, by tag. */
static const uint8_t opt_sz[32] = {
    [OCT_OUCH50_SECONDARY_REF] = 8,
    [OCT_OUCH50_FIRM] = 4,
    [OCT_OUCH50_MIN_QTY] = 4,
    [OCT_OUCH50_CUSTOMER_TYPE] = 1,
    [OCT_OUCH50_MAX_FLOOR] = 4,
    [OCT_OUCH50_PRICE_TYPE] = 1,
    [OCT_OUCH50_PEG_OFFSET] = 4,
    [OCT_OUCH50_DISCRETION_PX] = 8,
    [OCT_OUCH50_DISCRETION_PX_TYPE] = 1,
    [OCT_OUCH50_DISCRETION_PEG_OFFSET] = 4,
    [OCT_OUCH50_POST_ONLY] = 1,
    [OCT_OUCH50_RANDOM_RESERVES] = 4,
    [OCT_OUCH50_ROUTE] = 4,
    [OCT_OUCH50_EXPIRE_TIME] = 4,
    [OCT_OUCH50_TRADE_NOW] = 1,
    [OCT_OUCH50_HANDLE_INST] = 1,
    [OCT_OUCH50_BBO_WEIGHT] = 1,
    [OCT_OUCH50_DISPLAY_QTY] = 4,
    [OCT_OUCH50_DISPLAY_PX] = 8,
    [OCT_OUCH50_GROUP_ID] = 2,
    [OCT_OUCH50_SHARES_LOCATED] = 1,
};

/* The options of an outbound message: lengths must add up to its end.  Only the secondary order
 * reference of a restatement means anything to an order of ours. */
static int options(const uint8_t *m, uint32_t from, uint32_t sz, struct oct_ven *v)
{
    uint32_t seen = 0;

    for (uint32_t i = from; i < sz;) {
        uint32_t len = m[i];
        if (len < 1 || sz - i < 1 + len)
            return (int)i;
        uint32_t tag = m[i + 1];
        if (tag < OCT_ARRAY_CNT(opt_sz) && opt_sz[tag]) {
            if (seen & UINT32_C(1) << tag || len != 1u + opt_sz[tag])
                return (int)i;
            seen |= UINT32_C(1) << tag;
        }
        if (tag == OCT_OUCH50_SECONDARY_REF && v->event == OCT_VEN_RESTATED)
            v->venue_ref = oct_load_be64(m + i + 2);
        i += 1 + len;
    }
    return -1;
}

static int body(const uint8_t *m, struct oct_ven *v, uint32_t *err_off)
{
    int off;

    switch (m[0]) {
    case 'S':
        v->user_ref = 0;
        v->code = (char)m[9];
        return 0;
    case 'A':
        off = live(m + 13, v);
        return off < 0 ? 0 : bad(13 + (uint32_t)off, err_off);
    case 'U':
        v->orig_user_ref = v->user_ref;
        v->user_ref = oct_load_be32(m + 13);
        off = live(m + 17, v);
        return off < 0 ? 0 : bad(17 + (uint32_t)off, err_off);
    case 'D':
        v->code = (char)m[30];
        if (!px_of(m + 22, &v->px))
            return bad(22, err_off);
        __attribute__((fallthrough));
    case 'C':
        v->reason = m[17];
        return qty_of(m + 13, &v->qty) ? 0 : bad(13, err_off);
    case 'E':
        if (!qty_of(m + 13, &v->qty))
            return bad(13, err_off);
        v->code = (char)m[25];
        v->match_id = oct_load_be64(m + 26);
        return px_of(m + 17, &v->px) ? 0 : bad(17, err_off);
    case 'B':
        v->match_id = oct_load_be64(m + 13);
        v->reason = m[21];
        v->order_id = oct_ouch50_order_id(m + 22);
        return 0;
    case 'J':
        v->reason = oct_load_be16(m + 13);
        v->order_id = oct_ouch50_order_id(m + 15);
        return 0;
    case 'T':
        v->code = (char)m[21];
        v->venue_ref = oct_load_be64(m + 22);
        return px_of(m + 13, &v->px) ? 0 : bad(13, err_off);
    case 'M':
        if (!side_of(m[13], &v->side))
            return bad(13, err_off);
        return qty_of(m + 14, &v->qty) ? 0 : bad(14, err_off);
    case 'R':
        v->reason = m[13];
        return 0;
    default: /* P, I: the number is all; Q: it is the next one */
        return 0;
    }
}

static int decode(const uint8_t *msg, uint32_t sz, int64_t midnight_ns, struct oct_ven *ven,
                  uint32_t *err_off)
{
    struct oct_msg_hdr hdr = ven->hdr;

    *err_off = 0;
    if (sz == 0 || msg[0] >= 128 || !shapes[msg[0]].event)
        return -EBADMSG;
    const struct shape *s = &shapes[msg[0]];
    if (sz < s->sz || (!s->app && sz != s->sz))
        return bad(sz < s->sz ? sz : s->sz, err_off);
    if (s->app && oct_load_be16(msg + s->app) != sz - s->sz)
        return bad(s->app, err_off);
    uint64_t ts = oct_load_be64(msg + 1);
    if (ts >= TS_MAX)
        return bad(1, err_off);

    struct oct_ven v = {.event = s->event, .ts_exch_ns = midnight_ns + (int64_t)ts};
    memset(v.symbol.c, ' ', sizeof v.symbol.c);
    if (s->sz >= 13)
        v.user_ref = oct_load_be32(msg + 9);
    int err = body(msg, &v, err_off);
    if (err)
        return err;
    if (sz > s->sz) {
        int off = options(msg, s->sz, sz, &v);
        if (off >= 0)
            return bad((uint32_t)off, err_off);
    }
    v.hdr = hdr;
    v.hdr.type = OCT_VEN;
    v.hdr.sz = sizeof v;
    *ven = v;
    return 0;
}

const struct oct_order_ops oct_order_ouch50 = {
    .name = "ouch50",
    .encode = encode,
    .check = check,
    .decode = decode,
};
