/* An arriving order takes what is there. */
#include "dataplane/match/match_priv.h"

struct walk {
    struct oct_match *m;
    const struct oct_match_order *o;
    struct taking t;
};

static bool reaches(const struct oct_match_order *o, oct_px px)
{
    return o->market || !px_better(o->side == OCT_BUY ? OCT_SELL : OCT_BUY, o->px, px);
}

static void tell_fill(struct walk *w, oct_px px, int64_t qty, uint64_t match_id, uint64_t ref,
                      uint64_t other_id)
{
    struct oct_match *m = w->m;
    struct oct_match_event ev = {.kind = OCT_MATCH_FILL,
                                 .hidden = w->o->hidden,
                                 .inst = w->o->inst,
                                 .id = w->o->id,
                                 .match_id = match_id,
                                 .ref = ref,
                                 .other_id = other_id,
                                 .px = px,
                                 .qty = {qty},
                                 .left = {w->t.left}};
    m->stats.fills++;
    m->stats.filled += (uint64_t)qty;
    if (other_id)
        m->stats.own_filled += (uint64_t)qty;
    m->sink(m->ctx, &ev);
}

static void meet_recorded(struct walk *w, const struct oct_book_order *r)
{
    struct oct_match *m = w->m;
    int64_t qty = min64(w->t.left, r->qty.v - match_taken(m, r->ref));
    if (qty <= 0)
        return;
    if (!w->t.dry) {
        uint32_t k = match_mark_get(m, r->ref);
        if (k == NONE) {
            m->stats.ledger_full++;
            w->t.stop = OCT_MATCH_NO_ROOM;
            return;
        }
        m->mark[k].taken += qty;
    }
    w->t.left -= qty;
    w->t.traded += qty;
    w->t.met += qty;
    if (!w->t.dry)
        tell_fill(w, r->px, qty, m->next_match++, r->ref, 0);
}

/* Both orders are ours and of one group. */
static void self_match(struct walk *w, uint32_t idx)
{
    struct oct_match *m = w->m;
    struct own *r = &m->own[idx];
    int64_t qty = min64(w->t.left, r->open);
    w->t.met += qty;
    if (m->cfg.self == OCT_MATCH_SELF_CANCEL_NEWEST)
        w->t.stop = OCT_MATCH_SELF_MATCH;
    if (m->cfg.self == OCT_MATCH_SELF_DECREMENT)
        w->t.left -= qty;
    if (w->t.dry || m->cfg.self == OCT_MATCH_SELF_CANCEL_NEWEST)
        return;
    struct oct_match_event ev = {.kind = OCT_MATCH_SELF,
                                 .reason = OCT_MATCH_SELF_MATCH,
                                 .added = 1,
                                 .hidden = r->hidden,
                                 .inst = w->o->inst,
                                 .id = r->id,
                                 .other_id = w->o->id,
                                 .px = m->level[r->level].px,
                                 .prevented = {qty}};
    if (m->cfg.self == OCT_MATCH_SELF_CANCEL_OLDEST) {
        ev.qty.v = r->open;
        match_unlink(m, idx);
        m->sink(m->ctx, &ev);
        return;
    }
    r->open -= qty;
    ev.qty.v = qty;
    ev.left.v = r->open;
    if (r->open == 0)
        match_unlink(m, idx);
    m->sink(m->ctx, &ev);
    ev.added = 0;
    ev.hidden = w->o->hidden;
    ev.other_id = ev.id;
    ev.id = w->o->id;
    ev.left.v = w->t.left;
    m->sink(m->ctx, &ev);
}

static void meet_own(struct walk *w, uint32_t idx)
{
    struct oct_match *m = w->m;
    const struct own *r = &m->own[idx];
    if (m->cfg.self != OCT_MATCH_SELF_TRADE && r->group != 0 && r->group == w->o->group) {
        self_match(w, idx);
        return;
    }
    int64_t qty = min64(w->t.left, r->open);
    if (!own_accepts(r, qty))
        return;
    w->t.left -= qty;
    w->t.traded += qty;
    w->t.met += qty;
    if (w->t.dry)
        return;
    oct_px px = m->level[r->level].px;
    uint64_t other = r->id;
    uint64_t match_id = m->next_match++;
    match_fill_own(m, idx, qty, match_id, 0, w->o->id);
    tell_fill(w, px, qty, match_id, 0, other);
}

static bool going(const struct walk *w)
{
    return w->t.left > 0 && w->t.stop == 0;
}

/* Meets our displayed orders of a price, from *own on, that joined before stamp. */
static void meet_displayed(struct walk *w, uint32_t *own, uint64_t stamp)
{
    while (*own != NONE && going(w) && w->m->own[*own].stamp <= stamp) {
        uint32_t idx = *own;
        *own = w->m->own[idx].next;
        if (!w->m->own[idx].hidden)
            meet_own(w, idx);
    }
}

static void meet_hidden(struct walk *w, oct_px px)
{
    enum oct_side side = w->o->side == OCT_BUY ? OCT_SELL : OCT_BUY;
    uint32_t level = match_level_find(w->m, w->o->inst, side, px);
    uint32_t own = level == NONE ? NONE : w->m->level[level].head;
    while (own != NONE && going(w)) {
        uint32_t idx = own;
        own = w->m->own[idx].next;
        if (w->m->own[idx].hidden)
            meet_own(w, idx);
    }
}

/* One price: recorded orders and ours in the order in which they joined; ours is NONE or the
 * price's. */
static void meet_price(struct walk *w, oct_px px, bool recorded, uint32_t level)
{
    struct oct_match *m = w->m;
    enum oct_side side = w->o->side == OCT_BUY ? OCT_SELL : OCT_BUY;
    uint32_t own = level == NONE ? NONE : m->level[level].head;
    uint32_t n =
        recorded ? oct_book_queue(m->books, w->o->inst, side, px, m->queue, MATCH_QUEUE_MAX) : 0;
    for (uint32_t i = 0; i < n && going(w); i++) {
        if (own != NONE) {
            uint32_t k = match_mark_find(m, m->queue[i].ref);
            /* without a mark it came after every one of ours */
            meet_displayed(w, &own,
                           k != NONE && m->mark[k].level == level ? m->mark[k].stamp : UINT64_MAX);
        }
        if (going(w))
            meet_recorded(w, &m->queue[i]);
    }
    meet_displayed(w, &own, UINT64_MAX);
    if (level != NONE)
        meet_hidden(w, px);
}

struct taking match_take(struct oct_match *m, const struct oct_match_order *o, bool dry)
{
    struct walk w = {m, o, {.left = o->qty.v, .dry = dry}};
    enum oct_side side = o->side == OCT_BUY ? OCT_SELL : OCT_BUY;
    uint32_t n = oct_book_depth(m->books, o->inst, side, m->depth, MATCH_LEVEL_MAX);
    uint32_t i = 0;
    uint32_t level = m->inst[o->inst].best[side];
    while (going(&w)) {
        bool rec = i < n && reaches(o, m->depth[i].px);
        bool own = level != NONE && reaches(o, m->level[level].px);
        if (!rec && !own)
            break;
        oct_px px = rec ? m->depth[i].px : m->level[level].px;
        if (rec && own && px.v != m->level[level].px.v) {
            own = px_better(side, m->level[level].px, px);
            rec = !own;
            px = own ? m->level[level].px : px;
        }
        uint32_t here = own ? level : NONE;
        if (own)
            level = m->level[level].worse; /* before the price may go */
        i += rec;
        meet_price(&w, px, rec, here);
    }
    return w.t;
}

void match_cancel_arriving(struct oct_match *m, const struct oct_match_order *o, int64_t left,
                           enum oct_match_reason why)
{
    struct oct_match_event ev = {.kind = OCT_MATCH_CANCEL,
                                 .reason = (uint8_t)why,
                                 .hidden = o->hidden,
                                 .inst = o->inst,
                                 .id = o->id,
                                 .px = o->px,
                                 .qty = {left}};
    m->sink(m->ctx, &ev);
}
