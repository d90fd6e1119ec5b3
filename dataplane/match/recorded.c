/* What a recorded message does to the recorded book and to our resting orders. */
#include "dataplane/match/match_priv.h"

/* A recorded order that something happened to. */
struct subject {
    uint64_t ref;
    uint32_t inst;
    enum oct_side side;
    oct_px px;
};

static enum oct_side other(enum oct_side side)
{
    return side == OCT_BUY ? OCT_SELL : OCT_BUY;
}

static bool ours_there(const struct oct_match *m, uint32_t inst)
{
    return m->inst[inst].best[0] != NONE || m->inst[inst].best[1] != NONE;
}

/* Fills our orders of one price from budget.  through: the trade was at a worse price, so nobody is
 * in front of ours.  Else the recorded order that was executed stands at this price since before
 * stamp (UINT64_MAX: it came after all of ours). */
static int64_t fill_price(struct oct_match *m, uint32_t level, int64_t budget, uint64_t ref,
                          uint64_t stamp, bool through)
{
    int64_t used = 0;
    for (uint32_t idx = m->level[level].head, next; idx != NONE && used < budget; idx = next) {
        struct own *w = &m->own[idx];
        next = w->next;
        int64_t room = budget - used;
        if (!through) {
            if (stamp < w->stamp)
                break; /* what was executed stands in front of this one and all later ones */
            if (w->hidden)
                continue;
            if (w->ahead > 0) {
                m->stats.anomalies++;
                room -= w->ahead;
            }
        }
        int64_t qty = min64(room, w->open);
        if (!own_accepts(w, qty))
            continue;
        used += qty;
        match_fill_own(m, idx, qty, m->next_match++, ref, 0);
    }
    return used;
}

/* budget shares trade at px against `side`: our orders of that side at better prices come first.
 * Returns how many were used. */
static int64_t fill_through(struct oct_match *m, uint32_t inst, enum oct_side side, oct_px px,
                            int64_t budget, uint64_t ref)
{
    int64_t used = 0;
    uint32_t level = m->inst[inst].best[side];
    while (level != NONE && used < budget && px_better(side, m->level[level].px, px)) {
        uint32_t worse = m->level[level].worse;
        used += fill_price(m, level, budget - used, ref, UINT64_MAX, true);
        level = worse;
    }
    return used;
}

/* A recorded order of qty shares comes to rest at px: it would have met ours on the other side.
 * What is ahead of ours there (a recorded book that is locked or crossed) would have been met
 * first.  Returns how many of its shares fill us. */
static int64_t fill_crossing(struct oct_match *m, const struct subject *s, int64_t qty)
{
    enum oct_side side = other(s->side);
    int64_t used = 0;
    uint32_t level = m->inst[s->inst].best[side];
    while (level != NONE && used < qty) {
        const struct own_level *l = &m->level[level];
        if (px_better(s->side, l->px, s->px))
            break; /* ours is out of its reach */
        uint32_t worse = l->worse;
        for (uint32_t idx = l->head, next; idx != NONE && used < qty; idx = next) {
            struct own *w = &m->own[idx];
            next = w->next;
            int64_t n = min64(qty - used - w->ahead, w->open);
            if (!own_accepts(w, n))
                continue;
            used += n;
            match_fill_own(m, idx, n, m->next_match++, s->ref, 0);
        }
        level = worse;
    }
    return used;
}

/* A recorded order has come to rest, carried shares of which are ours already. */
static void arrive(struct oct_match *m, const struct subject *s, int64_t qty, int64_t carried)
{
    const struct inst_line *line = &m->inst[s->inst];
    uint32_t level = line->best[other(s->side)];
    bool meets = level != NONE && !px_better(s->side, m->level[level].px, s->px);
    if (!meets && carried == 0)
        return;
    uint32_t k = match_mark_get(m, s->ref);
    if (k == NONE) {
        m->stats.ledger_full++; /* what cannot be remembered must not fill us */
        return;
    }
    m->mark[k].taken = carried + (meets ? fill_crossing(m, s, qty - carried) : 0);
    if (m->mark[k].taken == 0 && m->mark[k].level == NONE)
        match_mark_free(m, k);
}

/* qty shares of a recorded order are gone: those of ours behind it move up. */
static void shrink(struct oct_match *m, uint32_t k, int64_t qty)
{
    const struct mark *mk = &m->mark[k];
    if (mk->level == NONE)
        return;
    for (uint32_t idx = m->level[mk->level].head; idx != NONE; idx = m->own[idx].next) {
        struct own *w = &m->own[idx];
        if (w->stamp > mk->stamp)
            w->ahead -= min64(qty, w->ahead);
    }
}

/* Marks of a recorded order after qty of it went; by_front: the record executed its next shares,
 * which are those we took first. */
static void settle(struct oct_match *m, uint64_t ref, int64_t qty, int64_t left, bool by_front)
{
    uint32_t k = match_mark_find(m, ref);
    if (k == NONE)
        return;
    shrink(m, k, qty);
    struct mark *mk = &m->mark[k];
    if (by_front)
        mk->taken -= min64(qty, mk->taken);
    mk->taken = min64(mk->taken, left);
    if (left == 0 || (mk->taken == 0 && mk->level == NONE))
        match_mark_free(m, k);
}

static void count(struct oct_match *m, int rc)
{
    if (rc == OCT_BOOK_UNKNOWN)
        m->stats.unknown_ref++;
    else if (rc < 0)
        m->stats.refused++;
}

static void on_add(struct oct_match *m, const struct oct_md *md)
{
    struct oct_book_touch t;
    int rc = oct_book_add(m->books, md->inst, md->ref, md->side, md->px, md->qty, &t);
    count(m, rc);
    if (rc < 0 || !ours_there(m, md->inst))
        return;
    struct subject s = {md->ref, md->inst, md->side, md->px};
    arrive(m, &s, md->qty.v, 0);
}

static void on_exec(struct oct_match *m, const struct oct_md *md, bool other_px)
{
    struct oct_book_touch t;
    int rc = oct_book_reduce(m->books, md->ref, md->qty, &t);
    count(m, rc);
    if (rc < 0)
        return;
    if (ours_there(m, t.inst)) {
        oct_px px = other_px ? md->px : t.px;
        int64_t used = fill_through(m, t.inst, t.side, px, md->qty.v, md->ref);
        uint32_t level = match_level_find(m, t.inst, t.side, px);
        if (level != NONE && px.v == t.px.v && used < md->qty.v) {
            uint32_t k = match_mark_find(m, md->ref);
            uint64_t stamp = k != NONE && m->mark[k].level == level ? m->mark[k].stamp : UINT64_MAX;
            fill_price(m, level, md->qty.v - used, md->ref, stamp, false);
        }
    }
    settle(m, md->ref, md->qty.v, t.left.v, true);
}

static void on_gone(struct oct_match *m, const struct oct_md *md)
{
    struct oct_book_touch t;
    int rc = md->kind == OCT_MD_DELETE ? oct_book_delete(m->books, md->ref, &t)
                                       : oct_book_reduce(m->books, md->ref, md->qty, &t);
    count(m, rc);
    if (rc >= 0)
        settle(m, md->ref, t.qty.v, md->kind == OCT_MD_DELETE ? 0 : t.left.v, false);
}

static void on_replace(struct oct_match *m, const struct oct_md *md)
{
    struct oct_book_touch t;
    struct oct_book_order old;
    bool known = oct_book_order(m->books, md->ref, &old);
    int rc = oct_book_replace(m->books, md->ref, md->ref2, md->px, md->qty, &t);
    count(m, rc);
    if (rc < 0 || !known)
        return;
    int64_t carried = min64(match_taken(m, md->ref), md->qty.v);
    settle(m, md->ref, old.qty.v, 0, false);
    struct subject s = {md->ref2, old.inst, old.side, md->px};
    arrive(m, &s, md->qty.v, carried);
}

static void on_trade(struct oct_match *m, const struct oct_md *md)
{
    if (!ours_there(m, md->inst))
        return;
    int64_t used = fill_through(m, md->inst, OCT_BUY, md->px, md->qty.v, 0);
    if (used < md->qty.v)
        fill_through(m, md->inst, OCT_SELL, md->px, md->qty.v - used, 0);
}

void oct_match_md(struct oct_match *m, const struct oct_md *md)
{
    m->stats.msgs++;
    if (md->inst >= m->cfg.books.inst_cnt) {
        m->stats.refused++;
        return;
    }
    switch (md->kind) {
    case OCT_MD_ADD:
        on_add(m, md);
        break;
    case OCT_MD_EXEC:
        on_exec(m, md, false);
        break;
    case OCT_MD_EXEC_PX:
        on_exec(m, md, true);
        break;
    case OCT_MD_REDUCE:
    case OCT_MD_DELETE:
        on_gone(m, md);
        break;
    case OCT_MD_REPLACE:
        on_replace(m, md);
        break;
    case OCT_MD_TRADE:
        on_trade(m, md);
        break;
    case OCT_MD_TRADING:
        m->inst[md->inst].trading = md->code;
        break;
    case OCT_MD_SHORT_SALE:
        m->inst[md->inst].short_sale = md->code;
        break;
    case OCT_MD_CLEAR:
        oct_book_clear(m->books, md->inst);
        break;
    default:
        break;
    }
}
