/* Rows to messages, and the book kept right where the data says so. */
#include <stdlib.h>
#include <string.h>

#include "tools/exchange/session_lobster_priv.h"

/* ---- messages -------------------------------------------------------------------------------- */

static void begin(const struct lobster *l, struct oct_itch50_msg *m, char type, uint32_t locate)
{
    memset(m, 0, sizeof *m);
    m->hdr.type = type;
    m->hdr.locate = (uint16_t)locate;
    m->hdr.ts_ns = (uint64_t)l->now_ns;
}

static void put(struct lobster *l, const struct oct_itch50_msg *m, bool synthetic)
{
    if (l->out_cnt == l->out_cap) {
        uint32_t cap = l->out_cap ? l->out_cap * 2 : 256;
        struct lob_out *p = realloc(l->out, cap * sizeof *p);
        if (!p) {
            l->out_failed = true;
            return;
        }
        l->out = p;
        l->out_cap = cap;
    }
    struct lob_out *o = &l->out[l->out_cnt++];
    *o = (struct lob_out){.row = l->phase == 1 ? l->at : 0, .synthetic = synthetic};
    o->sz = (uint8_t)oct_itch50_encode(m, o->msg);
    OCT_ASSERT(o->sz > 0);
}

static void put_system(struct lobster *l, char event)
{
    struct oct_itch50_msg m;
    begin(l, &m, OCT_ITCH50_SYSTEM_TYPE, 0);
    m.system.event = event;
    put(l, &m, true);
}

static void put_trading(struct lobster *l, char state, bool synthetic)
{
    struct oct_itch50_msg m;
    begin(l, &m, OCT_ITCH50_TRADING_TYPE, LOB_LOCATE);
    memcpy(m.trading.stock, l->symbol, 8);
    m.trading.state = state;
    m.trading.reserved = ' ';
    memset(m.trading.reason, ' ', 4);
    put(l, &m, synthetic);
}

/* ---- the book, and what is told of it -------------------------------------------------------- */

static uint32_t shares(oct_qty q)
{
    return (uint32_t)(q.v / OCT_QTY_ONE);
}

static void add(struct oct_sessfile *s, struct lobster *l, uint64_t ref, enum oct_side side,
                int32_t px, uint32_t qty, bool synthetic)
{
    struct oct_book_touch t;
    if (oct_book_add(l->books, LOB_LOCATE, ref, side, lob_px(px), oct_qty_from_shares(qty), &t) <
        0) {
        s->stats.unexplained++; /* it is there already */
        return;
    }
    struct oct_itch50_msg m;
    begin(l, &m, OCT_ITCH50_ADD_TYPE, LOB_LOCATE);
    m.add.ref = ref;
    m.add.side = side == OCT_BUY ? 'B' : 'S';
    m.add.shares = qty;
    m.add.px = (uint32_t)px;
    memcpy(m.add.stock, l->symbol, 8);
    put(l, &m, synthetic);
    s->stats.synthetic += synthetic;
}

static void add_residual(struct oct_sessfile *s, struct lobster *l, enum oct_side side, int32_t px,
                         uint32_t qty)
{
    add(s, l, LOB_MADE | l->next_made++, side, px, qty, true);
    s->stats.residual++;
}

/* Takes qty shares, or all of them, from an order. */
static void cut(struct oct_sessfile *s, struct lobster *l, const struct oct_book_order *o,
                uint32_t qty, bool synthetic)
{
    struct oct_book_touch t;
    struct oct_itch50_msg m;
    if (qty < shares(o->qty)) {
        oct_book_reduce(l->books, o->ref, oct_qty_from_shares(qty), &t);
        begin(l, &m, OCT_ITCH50_CANCEL_TYPE, LOB_LOCATE);
        m.cancel.ref = o->ref;
        m.cancel.shares = qty;
    } else {
        oct_book_delete(l->books, o->ref, &t);
        begin(l, &m, OCT_ITCH50_DELETE_TYPE, LOB_LOCATE);
        m.delete.ref = o->ref;
    }
    put(l, &m, synthetic);
    s->stats.synthetic += synthetic;
}

static void execute(struct lobster *l, uint64_t ref, uint32_t qty)
{
    struct oct_book_touch t;
    struct oct_itch50_msg m;
    oct_book_reduce(l->books, ref, oct_qty_from_shares(qty), &t);
    begin(l, &m, OCT_ITCH50_EXEC_TYPE, LOB_LOCATE);
    m.exec.ref = ref;
    m.exec.shares = qty;
    m.exec.match = l->next_match++;
    put(l, &m, false);
}

/* Takes qty from the residual orders of a price; returns what could not be taken. */
static uint32_t cut_residual(struct oct_sessfile *s, struct lobster *l, enum oct_side side,
                             int32_t px, uint32_t qty, bool executed)
{
    uint32_t n = oct_book_queue(l->books, LOB_LOCATE, side, lob_px(px), l->queue, LOB_QUEUE_MAX);
    for (uint32_t i = 0; i < n && qty > 0; i++) {
        const struct oct_book_order *o = &l->queue[i];
        if (!(o->ref & LOB_MADE))
            continue;
        uint32_t k = shares(o->qty) < qty ? shares(o->qty) : qty;
        if (executed)
            execute(l, o->ref, k);
        else
            cut(s, l, o, k, true);
        qty -= k;
    }
    return qty;
}

/* By its number; references of residual orders are in no table. */
static uint32_t touch_left(const struct lobster *l, uint64_t ref, uint8_t *last_type)
{
    *last_type = 0;
    if (ref & LOB_MADE)
        return 0;
    uint32_t o = lob_find(l, ref);
    OCT_ASSERT(o != LOB_NONE);
    *last_type = l->order[o].last_type;
    return l->order[o].touch_left;
}

/* ---- setting the book right ------------------------------------------------------------------ */

/* Orders of one side at prices better than px (of all of it, when px is 0) go; kept: those that
 * coming rows mention. */
static void purge(struct oct_sessfile *s, struct lobster *l, enum oct_side side, int32_t px,
                  bool keep)
{
    struct oct_level levels[64];
    uint32_t n = oct_book_depth(l->books, LOB_LOCATE, side, levels, OCT_ARRAY_CNT(levels));
    for (uint32_t i = 0; i < n; i++) {
        bool better =
            side == OCT_BUY ? levels[i].px.v > lob_px(px).v : levels[i].px.v < lob_px(px).v;
        if (px != 0 && !better)
            return;
        uint32_t k =
            oct_book_queue(l->books, LOB_LOCATE, side, levels[i].px, l->queue, LOB_QUEUE_MAX);
        for (uint32_t j = 0; j < k; j++) {
            uint8_t last;
            if (!keep || touch_left(l, l->queue[j].ref, &last) == 0)
                cut(s, l, &l->queue[j], UINT32_MAX, true);
        }
    }
    if (n == OCT_ARRAY_CNT(levels) && !keep)
        purge(s, l, side, px, keep);
}

/* Takes at most excess from the orders of a price: which = 0 from those that end in a delete and
 * show more than it takes, 1 from those that the file does not mention again, 2 from what others
 * show beyond what the file takes. Returns what is left of excess. */
static uint32_t trim(struct oct_sessfile *s, struct lobster *l, enum oct_side side, int32_t px,
                     uint32_t excess, int which)
{
    uint32_t n = oct_book_queue(l->books, LOB_LOCATE, side, lob_px(px), l->queue, LOB_QUEUE_MAX);
    for (uint32_t i = 0; i < n && excess > 0; i++) {
        uint8_t last;
        uint32_t qty = shares(l->queue[i].qty);
        uint32_t left = touch_left(l, l->queue[i].ref, &last);
        bool fits = which == 0 ? last == 3 && left > 0 : which == 1 ? left == 0 : true;
        if (!fits || qty <= left)
            continue;
        uint32_t k = qty - left < excess ? qty - left : excess;
        cut(s, l, &l->queue[i], k, true);
        excess -= k;
    }
    return excess;
}

static uint32_t level_shares(const struct lobster *l, enum oct_side side, int32_t px)
{
    uint32_t n = oct_book_queue(l->books, LOB_LOCATE, side, lob_px(px), l->queue, LOB_QUEUE_MAX);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += shares(l->queue[i].qty);
    return (uint32_t)sum;
}

/* The orders that have to come before row i, of one side and price. */
static uint32_t coming(const struct lobster *l, uint32_t i, enum oct_side side, int32_t px)
{
    uint32_t sum = 0;
    for (uint32_t o = l->come[i]; o != LOB_NONE; o = l->order[o].next)
        if (l->order[o].side == side && l->order[o].px == px)
            sum += l->order[o].touch_left;
    return sum;
}

static void let_come(struct oct_sessfile *s, struct lobster *l, uint32_t i, enum oct_side side,
                     int32_t px)
{
    for (uint32_t o = l->come[i]; o != LOB_NONE; o = l->order[o].next) {
        const struct lob_order *x = &l->order[o];
        if (x->side == side && (px == 0 || x->px == px) && x->touch_left > 0)
            add(s, l, x->id, side, x->px, x->touch_left, true);
    }
}

/* The orderbook file shows a best price that was not known: the book of a side is made so. */
static void set_right(struct oct_sessfile *s, struct lobster *l, enum oct_side side,
                      const struct lobster_bbo *b, uint32_t next_row)
{
    int32_t px = b->px[side];
    uint32_t size = b->size[side];
    purge(s, l, side, size ? px : 0, false);
    if (size == 0)
        return;
    trim(s, l, side, px, UINT32_MAX, 0);
    uint32_t sum = level_shares(l, side, px) + coming(l, next_row, side, px);
    for (int which = 1; which <= 2 && sum > size; which++)
        sum = size + trim(s, l, side, px, sum - size, which);
    let_come(s, l, next_row, side, px);
    if (sum < size)
        add_residual(s, l, side, px, size - sum);
    else if (sum > size)
        s->stats.unexplained++;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* A row about an order that is not there: it comes now, out of the residual of its price. */
static void come_late(struct oct_sessfile *s, struct lobster *l, const struct lobster_row *r)
{
    const struct lob_order *o = &l->order[r->order];
    uint32_t missing = l->bbo ? cut_residual(s, l, lob_side(r), r->px, o->touch_left, false) : 0;
    if (l->bbo && missing > 0)
        s->stats.unexplained++;
    add(s, l, r->id, lob_side(r), r->px, o->touch_left, true);
}

static void touch(struct oct_sessfile *s, struct lobster *l, const struct lobster_row *r)
{
    enum oct_side side = lob_side(r);
    struct oct_book_order o;
    if (!oct_book_order(l->books, r->id, &o)) {
        come_late(s, l, r);
        if (!oct_book_order(l->books, r->id, &o))
            return; /* no room: it was counted */
    }
    l->order[r->order].touch_left -= r->size;
    uint32_t have = shares(o.qty);
    uint32_t n = have < r->size ? have : r->size;
    if (r->type == 4)
        execute(l, r->id, n);
    else
        cut(s, l, &o, r->type == 3 ? have : n, false);
    if (r->size > have && cut_residual(s, l, side, r->px, r->size - have, r->type == 4) > 0)
        s->stats.unexplained++;
    if (r->type == 3 && have > r->size && l->bbo)
        add_residual(s, l, side, r->px, have - r->size);
}

static void put_hidden(struct lobster *l, const struct lobster_row *r)
{
    struct oct_itch50_msg m;
    begin(l, &m, OCT_ITCH50_TRADE_TYPE, LOB_LOCATE);
    m.trade.side = r->dir > 0 ? 'B' : 'S';
    m.trade.shares = r->size;
    memcpy(m.trade.stock, l->symbol, 8);
    m.trade.px = (uint32_t)r->px;
    m.trade.match = l->next_match++;
    put(l, &m, false);
}

static void put_cross(struct lobster *l, const struct lobster_row *r)
{
    struct oct_itch50_msg m;
    begin(l, &m, OCT_ITCH50_CROSS_TYPE, LOB_LOCATE);
    m.cross.shares = r->size;
    memcpy(m.cross.stock, l->symbol, 8);
    m.cross.px = (uint32_t)r->px;
    m.cross.match = l->next_match++;
    m.cross.cross = 'O';
    put(l, &m, false);
}

/* Without an orderbook file: what a row shows to be gone. */
static void infer(struct oct_sessfile *s, struct lobster *l, uint32_t i)
{
    const struct lobster_row *r = &l->row[i];
    if (r->type < 1 || r->type > 4)
        return;
    enum oct_side side = lob_side(r);
    enum oct_side other = side == OCT_BUY ? OCT_SELL : OCT_BUY;
    purge(s, l, other, r->px + (side == OCT_BUY ? 1 : -1), true);
    if (r->type == 4)
        purge(s, l, side, r->px, true);
    for (uint32_t sd = 0; sd < 2; sd++)
        let_come(s, l, i, sd, 0);
}

static bool as_shown(const struct lobster *l, enum oct_side side, const struct lobster_bbo *b)
{
    struct oct_level best = {0};
    bool any = oct_book_best(l->books, LOB_LOCATE, side, &best);
    if (b->size[side] == 0)
        return !any;
    return any && best.px.v == lob_px(b->px[side]).v && shares(best.qty) == b->size[side];
}

/* Row i emptied the best price of its side: what is behind it could not be known. */
static bool reveals(const struct lobster *l, uint32_t i, enum oct_side side)
{
    const struct lobster_row *r = &l->row[i];
    if (i == 0 || r->type >= 6)
        return true;
    const struct lobster_bbo *b = &l->bbo[i - 1];
    return r->type >= 2 && r->type <= 4 && lob_side(r) == side && b->px[side] == r->px &&
           b->size[side] == r->size;
}

static void compare(struct oct_sessfile *s, struct lobster *l, uint32_t i)
{
    for (uint32_t side = 0; side < 2; side++) {
        if (reveals(l, i, side))
            set_right(s, l, side, &l->bbo[i], i + 1);
        else if (!as_shown(l, side, &l->bbo[i]))
            s->stats.unexplained++;
    }
}

void lob_play(struct oct_sessfile *s, struct lobster *l, uint32_t i)
{
    const struct lobster_row *r = &l->row[i];
    if (r->ns > l->now_ns)
        l->now_ns = r->ns;
    if (!l->bbo)
        infer(s, l, i);
    switch (r->type) {
    case 1:
        add(s, l, r->id, lob_side(r), r->px, r->size, false);
        break;
    case 2:
    case 3:
    case 4:
        touch(s, l, r);
        break;
    case 5:
        put_hidden(l, r);
        break;
    case 6:
        put_cross(l, r);
        break;
    default:
        put_trading(l, r->px < 0 ? 'H' : r->px == 0 ? 'Q' : 'T', false);
        break;
    }
    if (l->bbo)
        compare(s, l, i);
}

void lob_begin_day(struct lobster *l)
{
    struct oct_itch50_msg m;
    l->now_ns = l->row[0].ns;
    put_system(l, 'O');
    begin(l, &m, OCT_ITCH50_DIRECTORY_TYPE, LOB_LOCATE);
    memcpy(m.directory.stock, l->symbol, 8);
    m.directory.market = 'Q';
    m.directory.financial = 'N';
    m.directory.round_lot = 100;
    m.directory.lots_only = 'N';
    m.directory.class = 'C';
    memset(m.directory.sub_type, ' ', 2);
    m.directory.authenticity = 'P';
    m.directory.threshold = m.directory.ipo = m.directory.luld_tier = m.directory.etp = ' ';
    m.directory.inverse = 'N';
    put(l, &m, true);
    put_trading(l, 'T', true);
    begin(l, &m, OCT_ITCH50_SHORT_SALE_TYPE, LOB_LOCATE);
    memcpy(m.short_sale.stock, l->symbol, 8);
    m.short_sale.action = '0';
    put(l, &m, true);
    put_system(l, 'S');
    put_system(l, 'Q');
}

void lob_end_day(struct lobster *l)
{
    put_system(l, 'M');
    put_system(l, 'E');
    put_system(l, 'C');
}
