/* Our own orders and positions, as execution tells them; and the one way out for intents. */
#include "agents/strategy/strategy_priv.h"

static void busy_again(struct oct_strategy *a, const struct slot *s)
{
    bool busy = s->pos.v != 0 || s->order[0].id != 0 || s->order[1].id != 0;
    uint8_t bit = (uint8_t)(1u << s->instance);
    struct line *l = &a->line[s->inst];

    l->busy = busy ? l->busy | bit : (uint8_t)(l->busy & ~bit);
    l->still_high = 0;
}

struct slot *oct_strategy_slot(struct oct_strategy *a, uint32_t k, uint32_t inst)
{
    struct line *l = &a->line[inst];

    if (l->slot[k] == 0) {
        if (a->slot_cnt == a->cfg.slot_cnt_max) {
            count(a, OCT_STRATEGY_C_NO_SLOT);
            return NULL;
        }
        l->slot[k] = (uint16_t)++a->slot_cnt;
        a->slot[a->slot_cnt].inst = inst;
        a->slot[a->slot_cnt].instance = (uint8_t)k;
    }
    return &a->slot[l->slot[k]];
}

/* ---- how much may go out ---------------------------------------------------------------------- */

static uint32_t rate_used(struct rate *r, int64_t now_ns)
{
    int64_t slot = now_ns >> RATE_SHIFT;

    if ((uint64_t)(slot - r->slot) >= 8) {
        *r = (struct rate){.slot = slot};
        return 0;
    }
    while (r->slot != slot) {
        r->slot++;
        r->sum -= r->cnt[r->slot & 7];
        r->cnt[r->slot & 7] = 0;
    }
    return r->sum;
}

static void rate_add(struct rate *r, int64_t now_ns)
{
    rate_used(r, now_ns);
    r->cnt[r->slot & 7]++;
    r->sum++;
}

bool oct_strategy_may_send(struct oct_strategy *a, uint32_t k, const struct slot *s)
{
    struct instance *in = &a->instance[k];

    if (s && a->now_ns < s->quiet_ns) {
        count(a, OCT_STRATEGY_C_HELD_BACK);
        return false;
    }
    if (rate_used(&in->rate, a->now_ns) >= (uint64_t)in->def.params.rate_max) {
        /* Nothing leaves the window before it moves. */
        a->held |= (uint8_t)(1u << k);
        a->held_until_ns = ((a->now_ns >> RATE_SHIFT) + 1) << RATE_SHIFT;
        count(a, OCT_STRATEGY_C_HELD_BACK);
        return false;
    }
    return true;
}

/* ---- out -------------------------------------------------------------------------------------- */

/* A sale is short when the position, less what is being sold already, does not cover it; counted
 * as risk counts it, or more carefully. */
bool oct_strategy_is_short(const struct oct_strategy *a, const struct slot *s, uint32_t k,
                           const struct want *w)
{
    struct oct_pos_view pos = {.pos = s->pos};
    __int128 added = w->qty.v;

    if (w->side != OCT_SELL || w->action == OCT_ACTION_CANCEL)
        return false;
    for (unsigned i = 0; i < 2; i++)
        pos.sell.v += s->order[i].side == OCT_SELL ? s->order[i].open.v : 0;
    if (a->view->position)
        pos = a->view->position(a->view->risk, a->instance[k].def.id, s->inst);
    if (w->action == OCT_ACTION_REPLACE) {
        const struct working *e = &s->order[w->which];
        added -= (__int128)e->filled.v + e->open.v;
        added = added > 0 ? added : 0;
    }
    return (__int128)pos.sell.v + added - pos.pos.v > 0;
}

static void opinions(const struct want *w, uint16_t id, struct oct_intent *m)
{
    for (unsigned i = 0; i < OCT_FUSION_MAX; i++) {
        m->contrib[i] = w->fusion ? w->fusion->strategy[i] : OCT_STRATEGY_NONE;
        m->weight[i] = w->fusion ? w->fusion->weight[i] : 0;
        m->signal[i] = w->fusion ? w->fusion->signal[i] : 0;
    }
    if (!w->fusion) {
        m->contrib[0] = id;
        m->weight[0] = 1.0;
        m->signal[0] = w->signal;
    }
    m->score = w->fusion ? w->fusion->score : w->signal;
    m->confidence = w->fusion ? w->fusion->confidence : w->confidence;
}

bool oct_strategy_send(struct oct_strategy *a, struct oct_step *step, uint32_t k, struct slot *s,
                       const struct want *w)
{
    struct instance *in = &a->instance[k];
    struct oct_intent m = {
        OCT_MSG_HDR(INTENT, intent),
        .intent_id = ++a->intent_cnt,
        .feed_seq = step->feed_seq,
        .ts_exch_ns = step->ts_exch_ns,
        .ts_rx_ns = step->ts_rx_ns,
        .order_id = w->order_id,
        .inst = s->inst,
        .strategy = in->def.id,
        .account = in->def.account,
        .action = w->action,
        .side = w->side,
        .ord_type = w->ord_type,
        .tif = w->tif,
        .post_only = w->post_only,
        .px = w->px,
        .qty = w->qty,
    };

    m.short_sale = oct_strategy_is_short(a, s, k, w);
    s->awaiting_short = m.short_sale;
    opinions(w, in->def.id, &m);
    count(a, OCT_STRATEGY_C_INTENTS);
    if (w->action == OCT_ACTION_CANCEL)
        count(a, OCT_STRATEGY_C_CANCELS);
    else
        slot_rest(a, s, a->now_ns + in->def.params.min_gap_ns);
    rate_add(&in->rate, a->now_ns);
    oct_emit(step, &m.hdr);
    oct_sink_call(&a->cfg.risk, step, &m.hdr);
    return true;
}

void oct_strategy_cancel(struct oct_strategy *a, struct oct_step *step, uint32_t k, struct slot *s,
                         uint32_t which)
{
    const struct working *e = &s->order[which];
    struct want w = {.order_id = e->id,
                     .action = OCT_ACTION_CANCEL,
                     .side = e->side,
                     .px = e->px,
                     .which = (uint8_t)which};

    if (e->state == OCT_ORD_STATE_WORKING && e->prev == 0)
        oct_strategy_send(a, step, k, s, &w);
}

/* ---- in --------------------------------------------------------------------------------------- */

static uint32_t instance_of(const struct oct_strategy *a, uint16_t strategy, uint32_t inst)
{
    if (strategy >= OCT_ARRAY_CNT(a->by_id) || inst >= a->inst_cnt || a->by_id[strategy] == 0)
        return MAX;
    return a->by_id[strategy] - 1u;
}

OCT_INLINE bool is_over(uint8_t state)
{
    return state == OCT_ORD_STATE_FILLED || state == OCT_ORD_STATE_CANCELLED ||
           state == OCT_ORD_STATE_REJECTED || state == OCT_ORD_STATE_CLOSED;
}

/* An order that was over: what it replaced, if that is still there, is the order again. */
static void over(struct working *e, uint64_t order_id)
{
    if (order_id == e->prev) {
        e->prev = 0;
    } else if (order_id == e->id) {
        e->id = e->prev;
        e->prev = 0;
        e->state = e->id ? OCT_ORD_STATE_WORKING : OCT_ORD_STATE_NONE;
        e->open.v = e->id ? e->open.v : 0;
    }
}

static void alive(const struct oct_strategy *a, struct slot *s, const struct oct_order_update *m)
{
    struct working *e = NULL;

    for (unsigned i = 0; i < 2; i++) {
        if (s->order[i].id == m->order_id)
            e = &s->order[i];
        else if (s->order[i].prev == m->order_id)
            return; /* its replacement is what counts */
    }
    if (!e) {
        if (!s->awaiting)
            return; /* a person's, or a plug-in's own */
        e = &s->order[s->awaiting - 1];
        e->prev = e->id;
        e->id = m->order_id;
        e->since_ns = a->now_ns;
        e->short_sale = s->awaiting_short;
        s->awaiting = 0;
    }
    e->state = m->state;
    e->side = m->side;
    e->px = m->px;
    e->open = m->open;
    e->filled = m->filled;
}

void oct_strategy_on_update(struct oct_strategy *a, struct oct_step *step,
                            const struct oct_order_update *m)
{
    uint32_t k = instance_of(a, m->strategy, m->inst);
    struct slot *s = k < MAX ? slot_of(a, k, m->inst) : NULL;

    if (!s)
        return;
    if (is_over(m->state)) {
        over(&s->order[0], m->order_id);
        over(&s->order[1], m->order_id);
    } else {
        alive(a, s, m);
    }
    if (m->state == OCT_ORD_STATE_REJECTED)
        slot_rest(a, s, a->now_ns + a->instance[k].def.params.backoff_ns);
    busy_again(a, s);
    if (a->plugged >> k & 1)
        oct_strategy_plug_order(a, step, k, m);
}

void oct_strategy_on_fill(struct oct_strategy *a, struct oct_step *step, const struct oct_fill *m)
{
    uint32_t k = instance_of(a, m->strategy, m->inst);
    struct slot *s = k < MAX ? oct_strategy_slot(a, k, m->inst) : NULL;
    bool buys = (m->side == OCT_BUY) != (m->broken != 0);

    if (!s)
        return;
    if (s->pos.v == 0)
        s->held_since_ns = a->now_ns;
    s->pos.v += buys ? m->qty.v : -m->qty.v;
    busy_again(a, s);
    if (a->plugged >> k & 1)
        oct_strategy_plug_fill(a, step, k, m);
}

void oct_strategy_on_verdict(struct oct_strategy *a, const struct oct_verdict *m)
{
    uint32_t k = instance_of(a, m->strategy, m->inst);
    struct slot *s = k < MAX ? slot_of(a, k, m->inst) : NULL;

    if (!s || m->reason == OCT_RISK_OK)
        return;
    count(a, OCT_STRATEGY_C_REFUSED);
    slot_rest(a, s, a->now_ns + a->instance[k].def.params.backoff_ns);
    s->awaiting = 0;
}
