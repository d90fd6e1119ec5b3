/* Normalization: venue messages to struct oct_md. */
#include "drivers/feed/itch50.h"

#include "dataplane/base/wire.h"
#include "drivers/feed/moldudp64.h"

#define BLANK8 UINT64_C(0x2020202020202020)

/* How an order message maps to md, without branches: where each value is and which bits of it
 * count.  Offsets stay within the padded buffer for every type. */
struct shape {
    uint64_t ref2_mask;
    uint64_t sym_mask;
    uint32_t px_mask;
    uint32_t qty_mask;
    uint32_t mpid_mask;
    uint8_t kind; /* enum oct_md_kind, 0 for what is not an order message */
    uint8_t sz;
    uint8_t ref2_off;
    uint8_t px_off;
    uint8_t qty_off;
    uint8_t has_side;
    uint8_t has_print;
    uint8_t pad[5];
};

enum {
    OFF_LOCATE = 1,
    OFF_TRACKING = 3, /* with the time stamp: one load of eight bytes */
    OFF_REF = 11,
    OFF_SIDE = 19,
    OFF_STOCK = 24,
    OFF_PRINTABLE = 31,
    OFF_MPID = 36,
};

#define ALL64 UINT64_MAX
#define ALL32 UINT32_MAX
static const struct shape shapes[] = {
    {.kind = 0},
    {.kind = OCT_MD_ADD,
     .sz = 36,
     .qty_off = 20,
     .qty_mask = ALL32,
     .px_off = 32,
     .px_mask = ALL32,
     .has_side = 1,
     .sym_mask = ALL64},
    {.kind = OCT_MD_ADD,
     .sz = 40,
     .qty_off = 20,
     .qty_mask = ALL32,
     .px_off = 32,
     .px_mask = ALL32,
     .has_side = 1,
     .sym_mask = ALL64,
     .mpid_mask = ALL32},
    {.kind = OCT_MD_EXEC,
     .sz = 31,
     .qty_off = 19,
     .qty_mask = ALL32,
     .ref2_off = 23,
     .ref2_mask = ALL64},
    {.kind = OCT_MD_EXEC_PX,
     .sz = 36,
     .qty_off = 19,
     .qty_mask = ALL32,
     .ref2_off = 23,
     .ref2_mask = ALL64,
     .px_off = 32,
     .px_mask = ALL32,
     .has_print = 1},
    {.kind = OCT_MD_REDUCE, .sz = 23, .qty_off = 19, .qty_mask = ALL32},
    {.kind = OCT_MD_DELETE, .sz = 19},
    {.kind = OCT_MD_REPLACE,
     .sz = 35,
     .ref2_off = 19,
     .ref2_mask = ALL64,
     .qty_off = 27,
     .qty_mask = ALL32,
     .px_off = 31,
     .px_mask = ALL32},
    {.kind = OCT_MD_TRADE,
     .sz = 44,
     .qty_off = 20,
     .qty_mask = ALL32,
     .px_off = 32,
     .px_mask = ALL32,
     .has_side = 1,
     .sym_mask = ALL64,
     .ref2_off = 36,
     .ref2_mask = ALL64},
};
static const uint8_t shape_of[256] = {
    ['A'] = 1, ['F'] = 2, ['E'] = 3, ['C'] = 4, ['X'] = 5, ['D'] = 6, ['U'] = 7, ['P'] = 8,
};

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

enum oct_feed_error oct_itch50_md(const uint8_t *msg, uint32_t sz, int64_t midnight_ns,
                                  uint32_t inst_base, struct oct_md *md)
{
    const struct shape *s = &shapes[shape_of[msg[0]]];
    if (oct_unlikely(sz != s->sz || s->kind == 0))
        return decode_rare(msg, sz, midnight_ns, inst_base, md);

    uint8_t side = msg[OFF_SIDE];
    uint8_t print = msg[OFF_PRINTABLE];
    bool bad = (s->has_side & (side != 'B') & (side != 'S')) |
               (s->has_print & (print != 'Y') & (print != 'N'));
    if (oct_unlikely(bad))
        return OCT_FEED_E_VALUE;

    uint64_t sym;
    uint32_t mpid;
    memcpy(&sym, msg + OFF_STOCK, sizeof(sym));
    memcpy(&mpid, msg + OFF_MPID, sizeof(mpid));
    sym = (sym & s->sym_mask) | (BLANK8 & ~s->sym_mask);
    uint64_t attribution = (BLANK8 & ~(uint64_t)s->mpid_mask) | (mpid & s->mpid_mask);

    md->hdr.type = OCT_MD;
    md->hdr.sz = sizeof(*md);
    md->hdr.flags = 0;
    md->kind = s->kind;
    md->side = s->has_side & (side == 'S');
    md->printable = (uint8_t)(1 ^ (s->has_print & (print == 'N')));
    md->code = ' ';
    md->inst = inst_base + oct_load_be16(msg + OFF_LOCATE);
    md->ref = oct_load_be64(msg + OFF_REF);
    md->ref2 = oct_load_be64(msg + s->ref2_off) & s->ref2_mask;
    md->px = oct_px_from_e4(oct_load_be32(msg + s->px_off) & s->px_mask);
    md->qty = oct_qty_from_shares(oct_load_be32(msg + s->qty_off) & s->qty_mask);
    md->ts_exch_ns =
        midnight_ns + (int64_t)(oct_load_be64(msg + OFF_TRACKING) & UINT64_C(0xffffffffffff));
    memcpy(md->symbol.c, &sym, sizeof(sym));
    md->px2 = (oct_px){0};
    md->px3 = (oct_px){0};
    md->qty2 = (oct_qty){0};
    md->code2 = ' ';
    md->code3 = ' ';
    memset(md->pad, 0, sizeof(md->pad));
    memcpy(md->mpid, &attribution, sizeof(attribution));
    return OCT_FEED_OK;
}

static bool next_block(struct oct_feed_cursor *c, const uint8_t **msg, uint32_t *sz)
{
    return oct_moldudp64_next(c, msg, sz);
}

const struct oct_feed_ops oct_feed_itch50_mold = {
    .name = "itch50",
    .pkt_sz_max = OCT_MOLDUDP64_PKT_SZ_MAX,
    .packet = oct_moldudp64_packet,
    .request = oct_moldudp64_request,
    .next = next_block,
    .decode = oct_itch50_md,
    .peek_ref = oct_itch50_peek_ref,
};
