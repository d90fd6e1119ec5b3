#include "dataplane/match/match.h"

#include <errno.h>

#include "dataplane/match/match_priv.h"

#define ALIGN OCT_BLOCK_SZ

/* Where the parts lie in the caller's memory. */
struct layout {
    size_t own, level, mark, inst, by_id, by_ref, books, sz;
};

static size_t take(size_t *off, size_t sz)
{
    size_t at = *off;
    *off = oct_align_up(at + sz, ALIGN);
    return at;
}

static bool plan(const struct oct_match_cfg *cfg, struct layout *l)
{
    size_t books = oct_books_footprint(&cfg->books);
    if (books == 0 || cfg->order_cnt_max == 0 || cfg->order_cnt_max > 1u << 24 ||
        cfg->ledger_cnt_max == 0 || cfg->ledger_cnt_max > 1u << 26 ||
        cfg->self > OCT_MATCH_SELF_CANCEL_NEWEST)
        return false;
    size_t off = oct_align_up(sizeof(struct oct_match), ALIGN);
    l->own = take(&off, (size_t)cfg->order_cnt_max * sizeof(struct own));
    l->level = take(&off, (size_t)cfg->order_cnt_max * sizeof(struct own_level));
    l->mark = take(&off, (size_t)cfg->ledger_cnt_max * sizeof(struct mark));
    l->inst = take(&off, (size_t)cfg->books.inst_cnt * sizeof(struct inst_line));
    l->by_id = take(&off, map_slot_cnt(cfg->order_cnt_max) * sizeof(struct map_slot));
    l->by_ref = take(&off, map_slot_cnt(cfg->ledger_cnt_max) * sizeof(struct map_slot));
    l->books = take(&off, books);
    l->sz = off;
    return true;
}

size_t oct_match_footprint(const struct oct_match_cfg *cfg)
{
    struct layout l;
    return plan(cfg, &l) ? l.sz : 0;
}

static void link_pools(struct oct_match *m)
{
    uint32_t n = m->cfg.order_cnt_max;
    for (uint32_t i = 0; i < n; i++) {
        m->own[i].next = i + 1 < n ? i + 1 : NONE;
        m->level[i].worse = i + 1 < n ? i + 1 : NONE;
    }
    n = m->cfg.ledger_cnt_max;
    for (uint32_t i = 0; i < n; i++)
        m->mark[i].next = i + 1 < n ? i + 1 : NONE;
    m->own_pool = m->level_pool = m->mark_pool = (struct pool){0, 0};
}

struct oct_match *oct_match_new(void *mem, const struct oct_match_cfg *cfg, oct_match_sink *sink,
                                void *ctx)
{
    struct layout l;
    if (!plan(cfg, &l))
        return NULL;
    uint8_t *p = mem;
    struct oct_match *m = mem;
    m->cfg = *cfg;
    m->stats = (struct oct_match_stats){0};
    m->sink = sink;
    m->ctx = ctx;
    m->own = (struct own *)(p + l.own);
    m->level = (struct own_level *)(p + l.level);
    m->mark = (struct mark *)(p + l.mark);
    m->inst = (struct inst_line *)(p + l.inst);
    m->clock = 0;
    m->next_match = cfg->first_match_id;
    map_init(&m->by_id, (struct map_slot *)(p + l.by_id), map_slot_cnt(cfg->order_cnt_max),
             cfg->books.seed);
    map_init(&m->by_ref, (struct map_slot *)(p + l.by_ref), map_slot_cnt(cfg->ledger_cnt_max),
             cfg->books.seed + 1);
    link_pools(m);
    for (uint32_t i = 0; i < cfg->books.inst_cnt; i++)
        m->inst[i] = (struct inst_line){.best = {NONE, NONE}, .trading = ' ', .short_sale = ' '};
    m->books = oct_books_new(p + l.books, &cfg->books);
    return m->books ? m : NULL;
}

static bool halted(const struct oct_match *m, uint32_t inst)
{
    char c = m->inst[inst].trading;
    return c == 'H' || c == 'P' || c == 'Q';
}

int oct_match_enter(struct oct_match *m, const struct oct_match_order *o)
{
    if (o->qty.v <= 0 || (!o->market && o->px.v <= 0) || o->inst >= m->cfg.books.inst_cnt ||
        o->side > OCT_SELL || map_get(&m->by_id, o->id) != NONE)
        return -EINVAL;
    if (m->own_pool.free == NONE)
        return -ENOSPC;
    bool take = !halted(m, o->inst);
    if (take && (o->post_only || o->min_qty.v > 0)) {
        struct taking t = match_take(m, o, true);
        if (o->post_only && t.met > 0) {
            match_cancel_arriving(m, o, o->qty.v, OCT_MATCH_POST_ONLY);
            return 0;
        }
        take = t.traded >= min64(o->min_qty.v, o->qty.v);
    }
    int64_t left = o->qty.v;
    if (take) {
        struct taking t = match_take(m, o, false);
        left = t.left;
        if (t.stop && left > 0) {
            match_cancel_arriving(m, o, left, t.stop);
            return 0;
        }
    }
    if (left == 0)
        return 0;
    if (o->market || o->ioc)
        match_cancel_arriving(m, o, left, OCT_MATCH_IOC);
    else if (match_rest(m, o, left) != 0)
        match_cancel_arriving(m, o, left, OCT_MATCH_NO_ROOM);
    return 0;
}

uint32_t oct_match_order_cnt(const struct oct_match *m)
{
    return m->own_pool.used;
}

const struct oct_books *oct_match_books(const struct oct_match *m)
{
    return m->books;
}

oct_qty oct_match_taken(const struct oct_match *m, uint64_t ref)
{
    return (oct_qty){match_taken(m, ref)};
}

char oct_match_trading(const struct oct_match *m, uint32_t inst)
{
    return inst < m->cfg.books.inst_cnt ? m->inst[inst].trading : ' ';
}

char oct_match_short_sale(const struct oct_match *m, uint32_t inst)
{
    return inst < m->cfg.books.inst_cnt ? m->inst[inst].short_sale : ' ';
}

const struct oct_match_stats *oct_match_stats(const struct oct_match *m)
{
    return &m->stats;
}
