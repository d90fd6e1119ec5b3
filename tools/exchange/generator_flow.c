/* What one event does to one symbol. */
#include <math.h>
#include <string.h>

#include "tools/exchange/generator_priv.h"

/* An inverse distribution function: value at a share, straight lines between. */
struct point {
    double share;
    double value;
};

/* Distance from the best of the side of adds that neither join nor improve, in ticks. */
static const struct point add_depth[] = {{0, 1},    {.35, 2},   {.60, 8}, {.85, 12},
                                         {.97, 60}, {.99, 290}, {1, 600}};
/* Shares of an aggressive order. */
static const struct point take_size[] = {{0, 1},     {.10, 3},   {.25, 10},   {.50, 60}, {.60, 100},
                                         {.80, 100}, {.90, 200}, {.99, 1000}, {1, 2500}};

static double draw(struct oct_rng *r, const struct point *p, uint32_t n)
{
    double u = oct_rng_f64(r);
    uint32_t i = 1;
    while (i + 1 < n && p[i].share < u)
        i++;
    double t = (u - p[i - 1].share) / (p[i].share - p[i - 1].share);
    return p[i - 1].value + t * (p[i].value - p[i - 1].value);
}

static bool chance(struct oct_rng *r, double p)
{
    return oct_rng_f64(r) < p;
}

static double clamp(double x, double lo, double hi)
{
    return x < lo ? lo : x > hi ? hi : x;
}

/* ---- the book -------------------------------------------------------------------------------- */

static void heap_swap(struct gen_symbol *s, uint32_t a, uint32_t b)
{
    uint32_t t = s->heap[a];
    s->heap[a] = s->heap[b];
    s->heap[b] = t;
    s->order[s->heap[a]].heap_idx = a;
    s->order[s->heap[b]].heap_idx = b;
}

static bool heap_less(const struct gen_symbol *s, uint32_t a, uint32_t b)
{
    return s->order[s->heap[a]].expiry_ns < s->order[s->heap[b]].expiry_ns;
}

static void heap_fix(struct gen_symbol *s, uint32_t i)
{
    while (i > 0 && heap_less(s, i, (i - 1) / 2)) {
        heap_swap(s, i, (i - 1) / 2);
        i = (i - 1) / 2;
    }
    for (;;) {
        uint32_t least = i;
        for (uint32_t c = 2 * i + 1; c <= 2 * i + 2; c++)
            if (c < s->live && heap_less(s, c, least))
                least = c;
        if (least == i)
            return;
        heap_swap(s, i, least);
        i = least;
    }
}

void gen_symbol_init(struct gen_symbol *s)
{
    for (uint32_t i = 0; i < GEN_LIVE_MAX; i++)
        s->order[i].next = i + 1 < GEN_LIVE_MAX ? i + 1 : GEN_NONE;
    s->free = 0;
    s->best[GEN_BID] = s->best[GEN_ASK] = GEN_NONE;
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t i = 0; i < GEN_TICK_CNT; i++)
            s->level[side][i] = (struct gen_level){GEN_NONE, GEN_NONE, 0};
}

static struct gen_order *book_add(struct oct_gen *g, struct gen_symbol *s, uint32_t side,
                                  uint32_t tick, uint32_t qty, int64_t expiry_ns)
{
    OCT_ASSERT(s->free != GEN_NONE);
    uint32_t idx = s->free;
    struct gen_order *o = &s->order[idx];
    struct gen_level *l = &s->level[side][tick];
    s->free = o->next;
    *o = (struct gen_order){.ref = g->next_ref,
                            .expiry_ns = expiry_ns,
                            .tick = tick,
                            .qty = qty,
                            .prev = l->tail,
                            .next = GEN_NONE,
                            .heap_idx = s->live,
                            .side = (uint8_t)side};
    g->next_ref += 1 + oct_rng_below(&g->rng, 8);
    if (l->tail == GEN_NONE)
        l->head = idx;
    else
        s->order[l->tail].next = idx;
    l->tail = idx;
    l->order_cnt++;
    s->heap[s->live++] = idx;
    heap_fix(s, o->heap_idx);
    uint32_t best = s->best[side];
    if (best == GEN_NONE || (side == GEN_BID ? tick > best : tick < best))
        s->best[side] = tick;
    return o;
}

static void book_remove(struct gen_symbol *s, struct gen_order *o)
{
    struct gen_level *l = &s->level[o->side][o->tick];
    uint32_t idx = (uint32_t)(o - s->order);
    if (o->prev == GEN_NONE)
        l->head = o->next;
    else
        s->order[o->prev].next = o->next;
    if (o->next == GEN_NONE)
        l->tail = o->prev;
    else
        s->order[o->next].prev = o->prev;
    l->order_cnt--;
    uint32_t at = o->heap_idx;
    heap_swap(s, at, s->live - 1);
    s->live--;
    if (at < s->live)
        heap_fix(s, at);
    uint32_t *best = &s->best[o->side];
    if (l->order_cnt == 0 && *best == o->tick) {
        uint32_t t = o->tick;
        if (o->side == GEN_BID) {
            while (t > 0 && s->level[GEN_BID][t].order_cnt == 0)
                t--;
        } else {
            while (t + 1 < GEN_TICK_CNT && s->level[GEN_ASK][t].order_cnt == 0)
                t++;
        }
        *best = s->level[o->side][t].order_cnt ? t : GEN_NONE;
    }
    o->next = s->free;
    s->free = idx;
}

/* ---- draws ----------------------------------------------------------------------------------- */

static uint32_t draw_size(struct oct_rng *r)
{
    double u = oct_rng_f64(r);
    if (u < .72)
        return 100;
    if (u < .93)
        return 1 + (uint32_t)oct_rng_below(r, 99);
    if (u < .96)
        return 200;
    if (u < .985)
        return 100 * (3 + (uint32_t)oct_rng_below(r, 3));
    if (u < .995)
        return 101 + (uint32_t)oct_rng_below(r, 300);
    return 1000;
}

/* Lifetimes of cancelled orders: log-normal, median 177 ms, a tenth longer than 5.7 s. */
static int64_t draw_life_ns(struct oct_rng *r)
{
    return (int64_t)(177e6 * exp(clamp(gen_normal(r), -3.5, 3.5) * 2.7));
}

/* How far the hidden value lies above the middle, in ticks. */
static double pull(const struct gen_symbol *s)
{
    if (s->best[GEN_BID] == GEN_NONE || s->best[GEN_ASK] == GEN_NONE)
        return 0;
    return s->value - ((double)s->best[GEN_BID] + (double)s->best[GEN_ASK]) / 2;
}

/* Price for an order of a side, never through the other side. */
static uint32_t draw_tick(struct oct_gen *g, const struct gen_symbol *s, uint32_t side, double join,
                          double improve)
{
    struct oct_rng *r = &g->rng;
    uint32_t own = s->best[side];
    uint32_t other = s->best[!side];
    int dir = side == GEN_BID ? 1 : -1; /* towards the other side */
    if (own == GEN_NONE)
        own = other != GEN_NONE ? other - (uint32_t)(dir * (int)s->spread_usual)
                                : (uint32_t)s->value - (uint32_t)dir;
    int spread = other == GEN_NONE ? (int)s->spread_usual : ((int)other - (int)own) * dir;
    double lean = (side == GEN_BID ? 1 : -1) * pull(s);
    double p_improve = spread <= 1                     ? 0
                       : spread > (int)s->spread_usual ? improve * 2.2
                                                       : improve * .55;
    p_improve *= clamp(1 + lean * .25, .3, 2);
    double u = oct_rng_f64(r);
    int d; /* ticks behind the best, negative in front of it */
    if (u < p_improve)
        d = -1 - (spread > 2 ? (int)oct_rng_below(r, (uint64_t)(spread - 1) / 2) : 0);
    else if (u < p_improve + join)
        d = 0;
    else
        d = (int)draw(r, add_depth, OCT_ARRAY_CNT(add_depth));
    int tick = (int)own - d * dir;
    if (other != GEN_NONE && (side == GEN_BID ? tick >= (int)other : tick <= (int)other))
        tick = (int)other - dir;
    return (uint32_t)(tick < 1 ? 1 : tick > (int)GEN_TICK_CNT - 2 ? (int)GEN_TICK_CNT - 2 : tick);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void put_add(struct oct_gen *g, struct gen_symbol *s, const struct gen_order *o)
{
    static const char mpid[4][4] = {
        {'M', 'K', 'R', 'A'}, {'M', 'K', 'R', 'B'}, {'M', 'K', 'R', 'C'}, {'M', 'K', 'R', 'D'}};
    struct oct_itch50_msg m;
    bool named = chance(&g->rng, .02);
    gen_begin(g, &m, named ? OCT_ITCH50_ADD_MPID_TYPE : OCT_ITCH50_ADD_TYPE, s);
    m.add_mpid.ref = o->ref;
    m.add_mpid.side = o->side == GEN_BID ? 'B' : 'S';
    m.add_mpid.shares = o->qty;
    m.add_mpid.px = gen_px(s, o->tick);
    memcpy(m.add_mpid.stock, s->name, 8);
    if (named)
        memcpy(m.add_mpid.mpid, mpid[oct_rng_below(&g->rng, 4)], 4);
    gen_put(g, &m);
}

static void do_add(struct oct_gen *g, struct gen_symbol *s)
{
    if (s->live >= GEN_LIVE_MAX - 1)
        return;
    uint32_t side = chance(&g->rng, .5 + clamp(pull(s) * .06, -.3, .3)) ? GEN_BID : GEN_ASK;
    uint32_t tick = draw_tick(g, s, side, .234, .13);
    int64_t expiry = g->now_ns + draw_life_ns(&g->rng);
    put_add(g, s, book_add(g, s, side, tick, draw_size(&g->rng), expiry));
}

void gen_seed_order(struct oct_gen *g, struct gen_symbol *s)
{
    if (s->live >= GEN_LIVE_MAX - 1)
        return;
    uint32_t side = (uint32_t)oct_rng_below(&g->rng, 2);
    uint32_t tick = s->live < 2 ? (uint32_t)s->value + (s->live ? 1 : (uint32_t)-1)
                                : draw_tick(g, s, side, .2, 0);
    if (s->live < 2)
        side = s->live ? GEN_ASK : GEN_BID;
    int64_t expiry = g->open_ns + draw_life_ns(&g->rng) * 20;
    put_add(g, s, book_add(g, s, side, tick, draw_size(&g->rng), expiry));
}

static void put_delete(struct oct_gen *g, struct gen_symbol *s, struct gen_order *o)
{
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_DELETE_TYPE, s);
    m.delete.ref = o->ref;
    gen_put(g, &m);
    book_remove(s, o);
}

/* The order that goes: mostly the one whose time is up, sometimes a quote on the wrong side. */
static struct gen_order *pick_leaver(struct oct_gen *g, struct gen_symbol *s)
{
    double gap = pull(s);
    uint32_t side = gap > 0 ? GEN_ASK : GEN_BID;
    if (s->best[side] != GEN_NONE && chance(&g->rng, clamp(fabs(gap) * .12, 0, .5)))
        return &s->order[s->level[side][s->best[side]].tail];
    return &s->order[s->heap[0]];
}

static void do_replace(struct oct_gen *g, struct gen_symbol *s)
{
    struct gen_order old = *pick_leaver(g, s);
    book_remove(s, &s->order[s->heap[old.heap_idx]]);
    uint32_t tick = draw_tick(g, s, old.side, .45, .14);
    uint32_t qty = chance(&g->rng, .8) ? old.qty : draw_size(&g->rng);
    int64_t expiry = g->now_ns + draw_life_ns(&g->rng);
    const struct gen_order *o = book_add(g, s, old.side, tick, qty, expiry);
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_REPLACE_TYPE, s);
    m.replace.ref = old.ref;
    m.replace.new_ref = o->ref;
    m.replace.shares = qty;
    m.replace.px = gen_px(s, tick);
    gen_put(g, &m);
}

static void do_reduce(struct oct_gen *g, struct gen_symbol *s)
{
    struct gen_order *o = &s->order[s->heap[oct_rng_below(&g->rng, s->live)]];
    if (o->qty < 2)
        return;
    uint32_t cut = 1 + (uint32_t)oct_rng_below(&g->rng, o->qty - 1);
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_CANCEL_TYPE, s);
    m.cancel.ref = o->ref;
    m.cancel.shares = cut;
    gen_put(g, &m);
    o->qty -= cut;
}

/* An aggressive order takes the head of the queue, and the next, up to four prices deep. */
static void do_take(struct oct_gen *g, struct gen_symbol *s)
{
    bool buy = chance(&g->rng, .5 + clamp(pull(s) * .12, -.42, .42));
    if (chance(&g->rng, .45))
        buy = s->last_aggressor == GEN_BID; /* a parent order in slices */
    s->last_aggressor = buy ? GEN_BID : GEN_ASK;
    uint32_t side = buy ? GEN_ASK : GEN_BID;
    uint32_t want = (uint32_t)draw(&g->rng, take_size, OCT_ARRAY_CNT(take_size));
    uint32_t worst = s->best[side] + (buy ? 3u : -3u);
    for (uint32_t i = 0; i < 64 && want > 0; i++) {
        uint32_t best = s->best[side];
        if (best == GEN_NONE || (buy ? best > worst : best < worst) || s->live < 8)
            return;
        struct gen_order *o = &s->order[s->level[side][best].head];
        uint32_t n = want < o->qty ? want : o->qty;
        struct oct_itch50_msg m;
        bool priced = chance(&g->rng, .004);
        gen_begin(g, &m, priced ? OCT_ITCH50_EXEC_PX_TYPE : OCT_ITCH50_EXEC_TYPE, s);
        m.exec_px.ref = o->ref;
        m.exec_px.shares = n;
        m.exec_px.match = g->next_match++;
        if (priced) {
            m.exec_px.printable = 'Y';
            m.exec_px.px = gen_px(s, o->tick) + (buy ? -50u : 50u); /* half a cent better */
        }
        gen_put(g, &m);
        want -= n;
        o->qty -= n;
        if (o->qty == 0)
            book_remove(s, o);
    }
}

static void do_hidden(struct oct_gen *g, struct gen_symbol *s)
{
    uint32_t bid = s->best[GEN_BID];
    uint32_t ask = s->best[GEN_ASK];
    if (bid == GEN_NONE || ask == GEN_NONE)
        return;
    struct oct_itch50_msg m;
    gen_begin(g, &m, OCT_ITCH50_TRADE_TYPE, s);
    m.trade.side = 'B';
    m.trade.shares = (uint32_t)draw(&g->rng, take_size, OCT_ARRAY_CNT(take_size));
    memcpy(m.trade.stock, s->name, 8);
    m.trade.px = gen_px(s, bid) + (uint32_t)oct_rng_below(&g->rng, 2 * (ask - bid) + 1) * 50;
    m.trade.match = g->next_match++;
    gen_put(g, &m);
}

static void move_value(struct oct_gen *g, struct gen_symbol *s)
{
    if (g->now_ns >= s->drift_until_ns) {
        s->drift = gen_normal(&g->rng) * s->value_step * 4;
        s->drift_until_ns = g->now_ns + (int64_t)gen_exp(&g->rng, 15e9);
    }
    double dt = (double)(g->now_ns - s->last_ns) * 1e-9;
    s->last_ns = g->now_ns;
    s->value += s->drift * dt + gen_normal(&g->rng) * s->value_step;
    s->value = clamp(s->value, 64, GEN_TICK_CNT - 64);
}

void gen_flow(struct oct_gen *g, struct gen_symbol *s)
{
    move_value(g, s);
    double u = oct_rng_f64(&g->rng);
    if (u < .03)
        do_take(g, s);
    else if (u < .036)
        do_hidden(g, s);
    else if (u < .0745 && s->live > 8)
        do_replace(g, s);
    else if (u < .0775 && s->live > 8)
        do_reduce(g, s);
    else if (chance(&g->rng, clamp(.517 + .6 * ((double)s->live_target - s->live) / s->live_target,
                                   .2, .95)) ||
             s->live < 8)
        do_add(g, s);
    else
        put_delete(g, s, pick_leaver(g, s));
}
