/* ouch50.c - the lane's two directions: order record to bytes, bytes to struct oct_ven. */
#include "drivers/venue/ouch50.h"

#include <errno.h>
#include <immintrin.h>

#include "dataplane/base/wire.h"

/* Nanoseconds since midnight: up to 25 hours, for the day the clocks go back. */
#define TS_MAX      (UINT64_C(90000) * 1000000000)
#define PX_WIRE_MAX ((uint64_t)(INT64_MAX / OCT_PX_E4))

/* ---- ClOrdID --------------------------------------------------------------------------------- */

/* Fourteen digits of five bits, 0-9 and A-V: the low eight of them, and the six above. */
OCT_INLINE void put_clordid(uint64_t order_id, uint8_t *out)
{
    const uint64_t digit = UINT64_C(0x1f1f1f1f1f1f1f1f);
    uint64_t low = __builtin_bswap64(_pdep_u64(order_id, digit));
    uint64_t high = __builtin_bswap64(_pdep_u64(order_id >> 40, digit)) >> 16;
    __m128i v = _mm_set_epi64x((int64_t)low, (int64_t)high);
    __m128i letter = _mm_cmpgt_epi8(v, _mm_set1_epi8(9));

    v = _mm_add_epi8(v, _mm_set1_epi8('0'));
    v = _mm_add_epi8(v, _mm_and_si128(letter, _mm_set1_epi8('A' - '0' - 10)));
    _mm_storeu_si64(out, v);
    _mm_storeu_si64(out + 6, _mm_unpackhi_epi64(v, v));
}

void oct_ouch50_clordid(uint64_t order_id, uint8_t out[OCT_OUCH50_CLORDID_SZ])
{
    put_clordid(order_id, out);
}

uint64_t oct_ouch50_order_id(const uint8_t text[OCT_OUCH50_CLORDID_SZ])
{
    uint64_t id = 0;

    /* The first digit is above the number's 64 bits, the second holds its top four. */
    if (text[0] != '0' || text[1] > 'F')
        return 0;
    for (uint32_t i = 1; i < OCT_OUCH50_CLORDID_SZ; i++) {
        uint8_t c = text[i];
        uint8_t d = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'V' ? c - 'A' + 10 : 32;
        if (d == 32)
            return 0;
        id = id << 5 | d;
    }
    return id;
}

/* ---- encode ---------------------------------------------------------------------------------- */

/* An order's figures in the venue's units. */
struct wire {
    uint64_t px;
    uint32_t qty;
    uint32_t min_qty;
    uint8_t tif;
};

/* What an order and an intent both say of what is wanted. */
struct terms {
    int64_t px;
    int64_t qty;
    int64_t min_qty;
    uint8_t side;
    uint8_t ord_type;
    uint8_t tif;
    uint8_t post_only;
};
#define TERMS_OF(o)                                                                               \
    &(struct terms)                                                                               \
    {                                                                                             \
        (o)->px.v, (o)->qty.v, (o)->min_qty.v, (o)->side, (o)->ord_type, (o)->tif, (o)->post_only \
    }

/* Divides by 5^n * 2^k, exactly: the product with the inverse of the odd part, turned right by k, is
 * the quotient when there is no remainder and beyond any quotient otherwise (Hacker's Delight,
 * 10-17).  So one comparison with the most a field takes refuses both. */
#define INVERSE_5_8 UINT64_C(0xc767074b22e90e21) /* of 390625: 1e8 = 5^8 * 2^8 */
#define INVERSE_5_5 UINT64_C(0x5d4e8fb00bcbe61d) /* of 3125: 1e5 = 5^5 * 2^5 */
_Static_assert(OCT_QTY_ONE == 390625 << 8 && INVERSE_5_8 * 390625 == 1, "shares");
_Static_assert(OCT_PX_E4 == 3125 << 5 && INVERSE_5_5 * 3125 == 1, "ten-thousandths");

/* Whole shares. */
OCT_INLINE uint64_t shares(int64_t qty)
{
    uint64_t n = (uint64_t)qty * INVERSE_5_8;
    return n >> 8 | n << 56;
}

OCT_INLINE uint64_t px_e4(int64_t px)
{
    uint64_t n = (uint64_t)px * INVERSE_5_5;
    return n >> 5 | n << 59;
}

/* Printable, not empty, spaces only at the end: all eight bytes at once. */
OCT_INLINE bool symbol_ok(const oct_sym *sym)
{
    __m128i s = _mm_loadu_si64(sym->c);
    /* One up, what is no ink is negative or at most 0x21. */
    __m128i up = _mm_add_epi8(s, _mm_set1_epi8(1));
    uint32_t ink = (uint32_t)_mm_movemask_epi8(_mm_cmpgt_epi8(up, _mm_set1_epi8(0x21)));
    uint32_t blank = (uint32_t)_mm_movemask_epi8(_mm_cmpeq_epi8(s, _mm_set1_epi8(' ')));

    return ink + blank == 0xff && !(ink & (ink + 1)) && ink != 0;
}

OCT_INLINE int fit_figures(const struct terms *t, struct wire *w)
{
    uint64_t qty = shares(t->qty), min_qty = shares(t->min_qty);

    w->px = px_e4(t->px);
    w->qty = (uint32_t)qty;
    w->min_qty = (uint32_t)min_qty;
    if (oct_unlikely(qty - 1 >= OCT_OUCH50_QTY_MAX || min_qty > OCT_OUCH50_QTY_MAX))
        return -ERANGE;
    return oct_unlikely(min_qty > qty) ? -EINVAL : 0;
}

OCT_INLINE int fit_px(const struct wire *w)
{
    return oct_unlikely(w->px - 1 >= OCT_OUCH50_PX_MAX) ? -ERANGE : 0;
}

static int fit_terms(const struct terms *t, struct wire *w)
{
    int err = fit_figures(t, w);

    if (err)
        return err;
    if (t->tif > OCT_TIF_FOK || t->side > OCT_SELL)
        return -EINVAL;
    w->tif = t->tif == OCT_TIF_DAY ? '0' : '3';
    if (t->tif == OCT_TIF_FOK)
        w->min_qty = w->qty;
    if (t->ord_type != OCT_ORD_LIMIT) {
        if (t->ord_type != OCT_ORD_MARKET || t->px != 0 || t->post_only)
            return -EINVAL;
        w->px = OCT_OUCH50_PX_MARKET;
        w->tif = '3';
        return 0;
    }
    if (t->post_only && t->tif != OCT_TIF_DAY)
        return -EINVAL;
    return fit_px(w);
}

/* All but the numbers. */
static int fit_any(uint8_t action, const oct_sym *symbol, const struct terms *t, struct wire *w)
{
    uint64_t qty;

    switch (action) {
    case OCT_ACTION_NEW:
        return symbol_ok(symbol) ? fit_terms(t, w) : -EINVAL;
    case OCT_ACTION_REPLACE:
        /* What must fill at once or not at all never rests to be replaced. */
        return t->tif == OCT_TIF_FOK ? -EINVAL : fit_terms(t, w);
    case OCT_ACTION_REDUCE:
        qty = shares(t->qty);
        w->qty = (uint32_t)qty;
        return qty - 1 < OCT_OUCH50_QTY_MAX ? 0 : -ERANGE;
    case OCT_ACTION_CANCEL:
        w->qty = 0;
        return 0;
    case OCT_ACTION_ACCOUNT_QUERY:
        return 0;
    default:
        return -ENOTSUP;
    }
}

/* Eight fields as one word, action first: a new limit order, day or immediate-or-cancel, that may
 * take.  Most are; the rest goes by fit_any, which says the same of these. */
OCT_INLINE bool is_common(uint64_t word)
{
    const uint64_t of = UINT64_C(0x000000fffefffeff); /* not the low bits of side and tif */
    _Static_assert(OCT_ORD_LIMIT == 0 && OCT_BUY == 0 && OCT_SELL == 1 && OCT_TIF_DAY == 0 &&
                       OCT_TIF_IOC == 1,
                   "bits of the word");
    return (word & of) == OCT_ACTION_NEW;
}
#define WORD_OF(type, o)                                                             \
    (__extension__({                                                                 \
        _Static_assert(offsetof(type, side) == offsetof(type, action) + 1 &&         \
                           offsetof(type, ord_type) == offsetof(type, action) + 2 && \
                           offsetof(type, tif) == offsetof(type, action) + 3 &&      \
                           offsetof(type, post_only) == offsetof(type, action) + 4,  \
                       "bytes of the word");                                         \
        oct_load_le64((const uint8_t *)(o) + offsetof(type, action));                \
    }))

OCT_INLINE int fit_common(const oct_sym *symbol, const struct terms *t, struct wire *w)
{
    int err = fit_figures(t, w);

    w->tif = (uint8_t)('0' + 3 * t->tif);
    if (oct_unlikely(!symbol_ok(symbol)))
        return -EINVAL;
    return oct_unlikely(err) ? err : fit_px(w);
}

OCT_INLINE int fit_numbers(const struct oct_order *o)
{
    if (oct_unlikely(o->user_ref == 0))
        return o->action == OCT_ACTION_ACCOUNT_QUERY ? 0 : -EINVAL;
    if (o->action == OCT_ACTION_REPLACE &&
        oct_unlikely(o->orig_user_ref == 0 || o->orig_user_ref == o->user_ref))
        return -EINVAL;
    return 0;
}

static int fit(const struct oct_order *o, struct wire *w)
{
    int err = fit_any(o->action, &o->symbol, TERMS_OF(o), w);

    return err ? err : fit_numbers(o);
}

OCT_HOT static int check(const struct oct_order *o)
{
    struct wire w;

    if (oct_unlikely(!is_common(WORD_OF(struct oct_order, o)) || o->user_ref == 0))
        return fit(o, &w);
    return fit_common(&o->symbol, TERMS_OF(o), &w);
}

OCT_HOT static int fits(const struct oct_intent *i, const oct_sym *symbol)
{
    struct wire w;

    if (oct_unlikely(!is_common(WORD_OF(struct oct_intent, i))))
        return fit_any(i->action, symbol, TERMS_OF(i), &w);
    return fit_common(symbol, TERMS_OF(i), &w);
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
    static const uint8_t sides[2][2] = {[OCT_BUY] = {'B', 'B'}, [OCT_SELL] = {'S', 'T'}};
    uint32_t firm4;

    out[0] = 'O';
    oct_store_be32(out + 1, o->user_ref);
    out[5] = sides[o->side][o->short_sale != 0];
    oct_store_be32(out + 6, w->qty);
    memcpy(out + 10, o->symbol.c, 8);
    oct_store_be64(out + 18, w->px);
    out[26] = w->tif;
    out[27] = o->hidden ? 'N' : 'Y';
    memcpy(out + 28, tail, sizeof tail);
    put_clordid(o->order_id, out + 31);
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
    put_clordid(o->order_id, out + 24);
    uint8_t *p = out + 40;
    if (w->min_qty)
        p = put_min_qty(p, w);
    if (o->post_only)
        p = put_post_only(p);
    oct_store_be16(out + 38, (uint16_t)(p - out - 40));
    return (int)(p - out);
}

static int encode_any(const struct oct_order *o, const char firm[4], uint8_t *out)
{
    struct wire w;
    int err = fit(o, &w);

    if (err)
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

OCT_HOT static int encode(const struct oct_order *o, const char firm[4], uint8_t *out)
{
    struct wire w;
    int err;

    if (oct_unlikely(!is_common(WORD_OF(struct oct_order, o)) || o->user_ref == 0))
        return encode_any(o, firm, out);
    err = fit_common(&o->symbol, TERMS_OF(o), &w);
    return oct_unlikely(err) ? err : put_enter(o, &w, firm, out);
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
    .fits = fits,
    .decode = decode,
};
