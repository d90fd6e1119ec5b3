/* Market making: a bid and an offer around the microprice, moved against the inventory. */
#include "agents/strategy/strategy_priv.h"

/* Where the two quotes should be; a side that should not be quoted has no price. */
struct quotes {
    oct_px px[2];
    double away[2]; /* from the microprice, 1e-9, before rounding */
    oct_px tick;
};

/* The reservation price is the microprice, lower the longer we are; quotes lie half_spread from
 * it, rounded away from it, and never reach the other side of the book. */
static void target(const struct oct_strategy *a, uint32_t k, uint32_t inst, const struct slot *s,
                   struct quotes *q)
{
    const struct oct_strategy_params *p = &a->instance[k].def.params;
    const struct oct_inst_view *v = &a->view->inst[inst];
    oct_px tick = tick_at(&a->view->ref[inst], v->bid_px.v);
    int64_t pos = s ? s->pos.v : 0;
    double unit = oct_px_to_double(tick);
    double inventory = p->max_pos > 0 ? (double)pos / (double)p->max_pos : 0;
    double fair = oct_view_microprice(v) - oct_ratio(p->skew) * inventory * unit;
    double half = oct_ratio(p->half_spread) * unit;

    q->tick = tick;
    q->away[OCT_BUY] =
        (oct_ratio(p->half_spread) + oct_ratio(p->skew) * inventory) * (double)tick.v;
    q->away[OCT_SELL] =
        (oct_ratio(p->half_spread) - oct_ratio(p->skew) * inventory) * (double)tick.v;
    q->px[OCT_BUY].v = 0;
    q->px[OCT_SELL].v = 0;
    if (pos + p->qty <= p->max_pos)
        oct_px_from_double(fair - half, tick, OCT_BUY, &q->px[OCT_BUY]);
    if (-pos + p->qty <= p->max_pos)
        oct_px_from_double(fair + half, tick, OCT_SELL, &q->px[OCT_SELL]);
    if (q->px[OCT_BUY].v >= v->ask_px.v)
        q->px[OCT_BUY].v = v->ask_px.v - tick.v;
    if (q->px[OCT_SELL].v != 0 && q->px[OCT_SELL].v <= v->bid_px.v)
        q->px[OCT_SELL].v = v->bid_px.v + tick.v;
}

/* Brings one side to its target with one message at most.  A replacement keeps the mark of its order,
 * short or not: where it would be another, the quote is withdrawn and comes back as a new one. */
static void side(struct oct_strategy *a, struct oct_step *step, uint32_t k, uint32_t inst,
                 enum oct_side which, oct_px px)
{
    const struct oct_strategy_params *p = &a->instance[k].def.params;
    struct slot *s = slot_of(a, k, inst);
    const struct working *e = s ? &s->order[which] : NULL;
    struct want w = {.px = px,
                     .qty = {p->qty},
                     .side = (uint8_t)which,
                     .which = (uint8_t)which,
                     .tif = OCT_TIF_DAY,
                     .post_only = (uint8_t)p->post_only,
                     .signal = which == OCT_BUY ? 1.0 : -1.0,
                     .confidence = 0.5};

    if (e && e->id != 0) {
        oct_px tick = tick_at(&a->view->ref[inst], px.v);
        int64_t off = e->px.v > px.v ? e->px.v - px.v : px.v - e->px.v;
        if (e->state != OCT_ORD_STATE_WORKING || e->prev != 0)
            return; /* an answer is on its way */
        if (px.v <= 0) {
            oct_strategy_cancel(a, step, k, s, which);
            return;
        }
        if ((double)off < oct_ratio(p->requote) * (double)tick.v)
            return;
        w.action = OCT_ACTION_REPLACE;
        w.order_id = e->id;
        w.qty.v = p->qty + e->filled.v;
    } else {
        if (px.v <= 0)
            return;
        w.action = OCT_ACTION_NEW;
    }
    s = oct_strategy_slot(a, k, inst);
    if (!s)
        return;
    if (w.action == OCT_ACTION_REPLACE &&
        oct_strategy_is_short(a, s, k, &w) != (s->order[which].short_sale != 0)) {
        oct_strategy_cancel(a, step, k, s, which);
        return;
    }
    s->awaiting = (uint8_t)(1 + which);
    oct_strategy_send(a, step, k, s, &w);
    s->awaiting = 0;
}

/* Between which best prices neither quote would be sent again, whatever the quantities: the microprice
 * lies between bid and offer, rounding moves a quote by less than a tick, and at away of a tick or more
 * it never meets the other side.  Nothing is known while an answer is awaited, when a quote is missing
 * or not wanted, and where the tick changes.  One tick narrower than it need be. */
static void settle(struct oct_strategy *a, uint32_t k, uint32_t inst, const struct quotes *q)
{
    const struct oct_strategy_params *p = &a->instance[k].def.params;
    const struct slot *s = slot_of(a, k, inst);
    double room = (oct_ratio(p->requote) - 1) * (double)q->tick.v - 1000;
    double low = 0, high = 1e18;

    if ((a->maker & (a->maker - 1)) != 0 || !s || room <= 0)
        return;
    for (unsigned i = 0; i < 2; i++) {
        const struct working *e = &s->order[i];
        if (e->id == 0 && q->px[i].v == 0)
            continue;
        if (e->id == 0 || q->px[i].v == 0 || e->prev != 0 || e->state != OCT_ORD_STATE_WORKING ||
            q->away[i] < (double)q->tick.v)
            return;
        double mid = (double)e->px.v + (i == OCT_BUY ? q->away[i] : -q->away[i]);
        low = mid - room > low ? mid - room : low;
        high = mid + room < high ? mid + room : high;
    }
    if (low - q->away[OCT_BUY] - 2 * (double)q->tick.v < (double)OCT_PX_ONE ||
        high >= (double)(UINT64_C(1) << (PX_SHIFT + 31)))
        return;
    a->line[inst].still_low = (uint32_t)((uint64_t)low >> PX_SHIFT) + 1;
    a->line[inst].still_high = (uint32_t)((uint64_t)high >> PX_SHIFT);
}

void oct_strategy_quote(struct oct_strategy *a, struct oct_step *step, uint32_t k, uint32_t inst)
{
    struct slot *s = slot_of(a, k, inst);
    struct quotes q;

    if (s && a->now_ns < s->quiet_ns) {
        if ((a->maker & (a->maker - 1)) == 0)
            a->line[inst].quiet_maker_ns = s->quiet_ns;
        return;
    }
    if (!oct_strategy_may_send(a, k, s))
        return;
    count(a, OCT_STRATEGY_C_EVALUATIONS);
    target(a, k, inst, s, &q);
    side(a, step, k, inst, OCT_BUY, q.px[OCT_BUY]);
    /* A refusal of the first is a pause for both. */
    s = slot_of(a, k, inst);
    if (s && s->quiet_ns > a->now_ns + a->instance[k].def.params.min_gap_ns)
        return;
    side(a, step, k, inst, OCT_SELL, q.px[OCT_SELL]);
    settle(a, k, inst, &q);
}
