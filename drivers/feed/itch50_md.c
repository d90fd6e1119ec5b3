/* Normalization: venue messages to struct oct_md. */
#include "drivers/feed/itch50.h"

#include <immintrin.h>

#include "dataplane/base/wire.h"
#include "drivers/feed/moldudp64.h"

/* How an order message maps to md, without a branch on the type: where each value is, and masks
 * that put bytes in place or clear what the type does not have.  Loads stay within the padded
 * buffer for every type. */
struct shape {
    uint8_t ref2_px[16]; /* shuffle of the 16 bytes at win: ref2, then the price's 32 bits */
    uint8_t sym_and[16]; /* of the 16 bytes at OFF_STOCK: the symbol, or nothing */
    uint8_t sym_or[16];  /* blanks where there is no symbol */
    uint8_t mpid[16];    /* shuffle of the same bytes: the attribution, or nothing */
    uint8_t mpid_or[16]; /* code2, code3, padding, blanks where there is no attribution */
    uint64_t head;       /* md from kind to code, in the low half */
    uint64_t head_if_b;  /* added when the checked byte is its second value */
    int64_t sz;          /* -1 for what is not an order message */
    uint32_t qty_mask;
    uint8_t win;
    uint8_t qty_off;
    uint8_t check_off; /* a byte that must be one of two: side, printable, or the type itself */
    uint8_t check_a;
    uint8_t check_b;
    uint8_t pad[15];
} OCT_ALIGNED(64);
_Static_assert(sizeof(struct shape) == 128, "two lines");
_Static_assert(offsetof(struct oct_md, inst) == 20 && offsetof(struct oct_md, kind) == 16 &&
                   offsetof(struct oct_md, side) == 17 &&
                   offsetof(struct oct_md, printable) == 18 &&
                   offsetof(struct oct_md, code) == 19 && offsetof(struct oct_md, ref) == 24 &&
                   offsetof(struct oct_md, ref2) == 32 && offsetof(struct oct_md, px) == 40 &&
                   offsetof(struct oct_md, symbol) == 64 && offsetof(struct oct_md, px2) == 72 &&
                   offsetof(struct oct_md, px3) == 80 && offsetof(struct oct_md, qty2) == 88 &&
                   offsetof(struct oct_md, code2) == 96 && offsetof(struct oct_md, mpid) == 104 &&
                   sizeof(struct oct_md) == 112,
               "oct_itch50_md writes md by words");

enum {
    OFF_LOCATE = 1,
    OFF_TRACKING = 3, /* with the time stamp: one load of eight bytes */
    OFF_REF = 11,
    OFF_SIDE = 19,
    OFF_STOCK = 24,
    OFF_PRINTABLE = 31,
};

/* Shuffles of a window: big-endian numbers at o, nothing, the participant at 12. */
#define U64(o)  (o) + 7, (o) + 6, (o) + 5, (o) + 4, (o) + 3, (o) + 2, (o) + 1, (o)
#define U32(o)  (o) + 3, (o) + 2, (o) + 1, (o), 0x80, 0x80, 0x80, 0x80
#define NONE    0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80
#define MPID    NONE, 12, 13, 14, 15, 0x80, 0x80, 0x80, 0x80
#define ONES    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff
#define ZEROS   0, 0, 0, 0, 0, 0, 0, 0
#define BLANK   ' ', ' ', ' ', ' ', ' ', ' ', ' ', ' '
#define CODES   ' ', ' ', 0, 0, 0, 0, 0, 0
#define HEAD(k) ((uint64_t)(OCT_MD_##k) | UINT64_C(1) << 16 | (uint64_t)' ' << 24)
#define SIDE    .check_off = OFF_SIDE, .check_a = 'B', .check_b = 'S', .head_if_b = UINT64_C(1) << 8
#define PRINT \
    .check_off = OFF_PRINTABLE, .check_a = 'Y', .check_b = 'N', .head_if_b = -(UINT64_C(1) << 16)
#define FREE(t)  .check_off = 0, .check_a = (t), .check_b = (t)
#define SYMBOL   .sym_and = {ONES, ZEROS}, .sym_or = {ZEROS, ZEROS}
#define NOSYMBOL .sym_and = {ZEROS, ZEROS}, .sym_or = {BLANK, ZEROS}
#define NOMPID   .mpid = {NONE, NONE}, .mpid_or = {CODES, BLANK}
#define QTY(o)   .qty_off = (o), .qty_mask = UINT32_MAX

enum { SHAPE_NONE, SHAPE_A, SHAPE_F, SHAPE_E, SHAPE_C, SHAPE_X, SHAPE_D, SHAPE_U, SHAPE_P };
/* clang-format off */
static const struct shape shapes[] = {
    [SHAPE_NONE] = {.sz = -1},
    [SHAPE_A] = {.sz = 36, .head = HEAD(ADD), .win = 20, .ref2_px = {NONE, U32(12)}, QTY(20), SIDE,
                 SYMBOL, NOMPID},
    [SHAPE_F] = {.sz = 40, .head = HEAD(ADD), .win = 20, .ref2_px = {NONE, U32(12)}, QTY(20), SIDE,
                 SYMBOL, .mpid = {MPID}, .mpid_or = {CODES, 0, 0, 0, 0, ' ', ' ', ' ', ' '}},
    [SHAPE_E] = {.sz = 31, .head = HEAD(EXEC), .win = 23, .ref2_px = {U64(0), NONE}, QTY(19),
                 FREE('E'), NOSYMBOL, NOMPID},
    [SHAPE_C] = {.sz = 36, .head = HEAD(EXEC_PX), .win = 23, .ref2_px = {U64(0), U32(9)}, QTY(19),
                 PRINT, NOSYMBOL, NOMPID},
    [SHAPE_X] = {.sz = 23, .head = HEAD(REDUCE), .ref2_px = {NONE, NONE}, QTY(19), FREE('X'),
                 NOSYMBOL, NOMPID},
    [SHAPE_D] = {.sz = 19, .head = HEAD(DELETE), .ref2_px = {NONE, NONE}, FREE('D'), NOSYMBOL,
                 NOMPID},
    [SHAPE_U] = {.sz = 35, .head = HEAD(REPLACE), .win = 19, .ref2_px = {U64(0), U32(12)}, QTY(27),
                 FREE('U'), NOSYMBOL, NOMPID},
    [SHAPE_P] = {.sz = 44, .head = HEAD(TRADE), .win = 32, .ref2_px = {U64(4), U32(0)}, QTY(20),
                 SIDE, SYMBOL, NOMPID},
};
/* clang-format on */
/* Pointers, not numbers: an index makes the compiler compute the row's address again and again. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverride-init"
static const struct shape *const shape_of[256] = {
    [0 ... 255] = &shapes[SHAPE_NONE], ['A'] = &shapes[SHAPE_A], ['F'] = &shapes[SHAPE_F],
    ['E'] = &shapes[SHAPE_E],          ['C'] = &shapes[SHAPE_C], ['X'] = &shapes[SHAPE_X],
    ['D'] = &shapes[SHAPE_D],          ['U'] = &shapes[SHAPE_U], ['P'] = &shapes[SHAPE_P],
};
#pragma GCC diagnostic pop

/* An md of a kind with everything blank. */
OCT_COLD static void blank(struct oct_md *md, enum oct_md_kind kind)
{
    struct oct_md m = {OCT_MSG_HDR(MD, md), .kind = (uint8_t)kind, .printable = 1,
                       .code = ' ',         .code2 = ' ',          .code3 = ' '};
    memset(m.symbol.c, ' ', sizeof(m.symbol.c));
    memset(m.mpid, ' ', sizeof(m.mpid));
    *md = m;
}

static bool qty_fits(uint64_t shares)
{
    return shares <= (uint64_t)(INT64_MAX / OCT_QTY_ONE);
}

static oct_qty qty_of(uint64_t shares)
{
    return (oct_qty){(int64_t)shares * OCT_QTY_ONE};
}

static void set_symbol(struct oct_md *md, const char stock[8])
{
    memcpy(md->symbol.c, stock, sizeof(md->symbol.c));
}

/* Prices with eight decimals: ours have nine. */
static bool level_of(uint64_t p8, oct_px *out)
{
    *out = (oct_px){(int64_t)(p8 * 10)};
    return p8 <= (uint64_t)(INT64_MAX / 10);
}

static enum oct_feed_error md_levels(const struct oct_itch50_mwcb_levels *v, struct oct_md *md)
{
    bool fits = level_of(v->level1, &md->px);
    fits &= level_of(v->level2, &md->px2);
    fits &= level_of(v->level3, &md->px3);
    return fits ? OCT_FEED_OK : OCT_FEED_E_VALUE;
}

static enum oct_feed_error md_noii(const struct oct_itch50_noii *v, struct oct_md *md)
{
    if (!qty_fits(v->paired) || !qty_fits(v->imbalance))
        return OCT_FEED_E_VALUE;
    md->qty = qty_of(v->paired);
    md->qty2 = qty_of(v->imbalance);
    md->px = oct_px_from_e4(v->ref_px);
    md->px2 = oct_px_from_e4(v->far_px);
    md->px3 = oct_px_from_e4(v->near_px);
    md->code = v->direction;
    md->code2 = v->cross;
    md->code3 = v->variation;
    set_symbol(md, v->stock);
    return OCT_FEED_OK;
}

static enum oct_feed_error md_cross(const struct oct_itch50_cross *v, struct oct_md *md)
{
    if (!qty_fits(v->shares))
        return OCT_FEED_E_VALUE;
    md->qty = qty_of(v->shares);
    md->px = oct_px_from_e4(v->px);
    md->ref2 = v->match;
    md->code = v->cross;
    set_symbol(md, v->stock);
    return OCT_FEED_OK;
}

static void md_directory(const struct oct_itch50_directory *v, struct oct_md *md)
{
    md->qty2 = qty_of(v->round_lot);
    md->code = v->authenticity;
    md->code2 = v->market;
    md->code3 = v->financial;
    set_symbol(md, v->stock);
}

static void md_participant(const struct oct_itch50_participant *v, struct oct_md *md)
{
    md->code = v->state;
    md->code2 = v->mode;
    md->code3 = v->primary;
    memcpy(md->mpid, v->mpid, sizeof(v->mpid));
    set_symbol(md, v->stock);
}

static void md_luld(const struct oct_itch50_luld *v, struct oct_md *md)
{
    md->px = oct_px_from_e4(v->ref_px);
    md->px2 = oct_px_from_e4(v->upper_px);
    md->px3 = oct_px_from_e4(v->lower_px);
    md->ref2 = v->extension;
    set_symbol(md, v->stock);
}

static void md_listing(const struct oct_itch50_listing *v, struct oct_md *md)
{
    md->px = oct_px_from_e4(v->near_px);
    md->px2 = oct_px_from_e4(v->upper_px);
    md->px3 = oct_px_from_e4(v->lower_px);
    md->ref2 = v->near_ts;
    md->code = v->status;
    set_symbol(md, v->stock);
}

/* Fields of what is not an order message; *md is blank but for its kind. */
static enum oct_feed_error fill_rare(const struct oct_itch50_msg *m, struct oct_md *md)
{
    switch ((enum oct_itch50_type)m->hdr.type) {
    case OCT_ITCH50_SYSTEM_TYPE:
        md->code = m->system.event;
        break;
    case OCT_ITCH50_DIRECTORY_TYPE:
        md_directory(&m->directory, md);
        break;
    case OCT_ITCH50_TRADING_TYPE:
        md->code = m->trading.state;
        memcpy(md->mpid, m->trading.reason, sizeof(m->trading.reason));
        set_symbol(md, m->trading.stock);
        break;
    case OCT_ITCH50_SHORT_SALE_TYPE:
        md->code = m->short_sale.action;
        set_symbol(md, m->short_sale.stock);
        break;
    case OCT_ITCH50_PARTICIPANT_TYPE:
        md_participant(&m->participant, md);
        break;
    case OCT_ITCH50_MWCB_LEVELS_TYPE:
        return md_levels(&m->mwcb_levels, md);
    case OCT_ITCH50_MWCB_BREACH_TYPE:
        md->code = m->mwcb_breach.level;
        break;
    case OCT_ITCH50_IPO_TYPE:
        md->px = oct_px_from_e4(m->ipo.px);
        md->ref2 = m->ipo.release_s;
        md->code = m->ipo.qualifier;
        set_symbol(md, m->ipo.stock);
        break;
    case OCT_ITCH50_LULD_TYPE:
        md_luld(&m->luld, md);
        break;
    case OCT_ITCH50_OP_HALT_TYPE:
        md->code = m->op_halt.action;
        md->code2 = m->op_halt.market;
        set_symbol(md, m->op_halt.stock);
        break;
    case OCT_ITCH50_CROSS_TYPE:
        return md_cross(&m->cross, md);
    case OCT_ITCH50_BROKEN_TYPE:
        md->ref2 = m->broken.match;
        break;
    case OCT_ITCH50_NOII_TYPE:
        return md_noii(&m->noii, md);
    case OCT_ITCH50_RPI_TYPE:
        md->code = m->rpi.interest;
        set_symbol(md, m->rpi.stock);
        break;
    case OCT_ITCH50_LISTING_TYPE:
        md_listing(&m->listing, md);
        break;
    default:
        return OCT_FEED_E_TYPE; /* order messages do not come here */
    }
    return OCT_FEED_OK;
}

static const uint8_t rare_kind[256] = {
    ['S'] = OCT_MD_SYSTEM,      ['R'] = OCT_MD_DIRECTORY,   ['H'] = OCT_MD_TRADING,
    ['Y'] = OCT_MD_SHORT_SALE,  ['L'] = OCT_MD_PARTICIPANT, ['V'] = OCT_MD_MWCB_LEVELS,
    ['W'] = OCT_MD_MWCB_BREACH, ['K'] = OCT_MD_IPO,         ['J'] = OCT_MD_LULD,
    ['h'] = OCT_MD_OP_HALT,     ['Q'] = OCT_MD_CROSS,       ['B'] = OCT_MD_BROKEN,
    ['I'] = OCT_MD_NOII,        ['N'] = OCT_MD_RPI,         ['O'] = OCT_MD_LISTING,
};

OCT_COLD static enum oct_feed_error decode_rare(const uint8_t *msg, uint32_t sz,
                                                int64_t midnight_ns, uint32_t inst_base,
                                                struct oct_md *md)
{
    struct oct_itch50_msg m;
    struct oct_md out;
    enum oct_feed_error err = oct_itch50_decode(msg, sz, &m);
    if (err != OCT_FEED_OK)
        return err;
    blank(&out, (enum oct_md_kind)rare_kind[msg[0]]);
    err = fill_rare(&m, &out);
    if (err != OCT_FEED_OK)
        return err;
    out.inst = inst_base + m.hdr.locate;
    out.ts_exch_ns = midnight_ns + (int64_t)m.hdr.ts_ns;
    out.hdr.lane = md->hdr.lane;
    out.hdr.input = md->hdr.input;
    *md = out;
    return OCT_FEED_OK;
}

OCT_INLINE __m128i load16(const void *p)
{
    return _mm_loadu_si128((const __m128i *)p);
}

OCT_INLINE void store16(void *p, __m128i v)
{
    _mm_storeu_si128((__m128i *)p, v);
}

enum oct_feed_error oct_itch50_md(const uint8_t *msg, uint32_t sz, int64_t midnight_ns,
                                  uint32_t inst_base, struct oct_md *md)
{
    const struct shape *s = shape_of[msg[0]];
    if (oct_unlikely(sz != s->sz))
        return decode_rare(msg, sz, midnight_ns, inst_base, md);
    /* One branch, never taken: which of the two it is is a coin toss. */
    uint32_t check = msg[s->check_off];
    uint32_t a = s->check_a;
    uint32_t b = s->check_b;
    if (oct_unlikely((check - a) * (check - b) != 0))
        return OCT_FEED_E_VALUE;

    uint8_t *out = (uint8_t *)md;
    uint64_t is_b = -(uint64_t)(check == b);
    uint32_t inst = inst_base + oct_load_be16(msg + OFF_LOCATE);
    uint64_t head = (s->head + (is_b & s->head_if_b)) | (uint64_t)inst << 32;
    md->hdr.type = OCT_MD;
    md->hdr.sz = sizeof(*md);
    md->hdr.flags = 0;
    memcpy(out + offsetof(struct oct_md, kind), &head, sizeof(head));
    md->ref = oct_load_be64(msg + OFF_REF);

    /* Only the price's half is multiplied, ref2 goes through. */
    __m128i ref2_px = _mm_shuffle_epi8(load16(msg + s->win), load16(s->ref2_px));
    __m128i scaled = _mm_mul_epu32(ref2_px, _mm_set1_epi64x(OCT_PX_E4));
    store16(&md->ref2, _mm_blend_epi16(ref2_px, scaled, 0xf0));
    md->qty = oct_qty_from_shares(oct_load_be32(msg + s->qty_off) & s->qty_mask);
    md->ts_exch_ns =
        midnight_ns + (int64_t)(oct_load_be64(msg + OFF_TRACKING) & UINT64_C(0xffffffffffff));

    __m128i text = load16(msg + OFF_STOCK);
    __m128i sym = _mm_or_si128(_mm_and_si128(text, load16(s->sym_and)), load16(s->sym_or));
    __m128i mpid = _mm_or_si128(_mm_shuffle_epi8(text, load16(s->mpid)), load16(s->mpid_or));
    store16(&md->symbol, sym);
    store16(&md->px3, _mm_setzero_si128());
    store16(&md->code2, mpid);
    return OCT_FEED_OK;
}

static bool next_block(struct oct_feed_cursor *c, const uint8_t **msg, uint32_t *sz)
{
    return oct_moldudp64_next(c, msg, sz);
}

const struct oct_feed_ops oct_feed_itch50_mold = {
    .name = "itch50",
    .pkt_sz_max = OCT_MOLDUDP64_PKT_SZ_MAX,
    .hdr_sz = OCT_MOLDUDP64_HDR_SZ,
    .packet = oct_moldudp64_packet,
    .request = oct_moldudp64_request,
    .next = next_block,
    .decode = oct_itch50_md,
};
