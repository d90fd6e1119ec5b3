/* Strategies that open a position when their signal fires and the others agree, and close it when
 * the signal is gone or the position is old. */
#include "agents/strategy/strategy_priv.h"

static double mid_of(const struct oct_inst_view *v)
{
    return 0.5 * (oct_px_to_double(v->bid_px) + oct_px_to_double(v->ask_px));
}

struct oct_signal oct_strategy_signal(const struct oct_strategy *a, uint32_t k, uint32_t inst)
{
    const struct oct_strategy_params *p = &a->instance[k].def.params;
    const struct oct_features *f = &a->view->features[inst];
    const struct oct_inst_view *v = &a->view->inst[inst];
    struct oct_signal s = {0, 0, false};

    switch (a->instance[k].def.kind) {
    case OCT_STRATEGY_MOMENTUM:
        return oct_signal_momentum(p, f);
    case OCT_STRATEGY_MEAN_REVERSION:
        return oct_signal_mean_reversion(p, f, mid_of(v));
    case OCT_STRATEGY_TECHNICAL:
        return oct_signal_technical(p, f);
    case OCT_STRATEGY_IMBALANCE:
        return oct_signal_imbalance(p, v);
    case OCT_STRATEGY_PLUGIN:
        if (a->line[inst].slot[k]) {
            const struct slot *slot = &a->slot[a->line[inst].slot[k]];
            s.signal = slot->signal;
            s.confidence = slot->confidence;
            s.fires = __builtin_fabs(s.signal) >= oct_ratio(p->threshold) && s.signal != 0;
        }
        return s;
    default:
        return s;
    }
}

/* All instances whose signal fires in the instrument, in the order of instances. */
static void vote(const struct oct_strategy *a, uint32_t inst, struct oct_fusion *out)
{
    struct oct_vote votes[MAX];
    uint32_t n = 0;
    unsigned left = a->line[inst].mine & a->on & a->votes;

    for (; left; left &= left - 1) {
        uint32_t k = (uint32_t)__builtin_ctz(left);
        const struct oct_strategy_def *d = &a->instance[k].def;
        struct oct_signal s = oct_strategy_signal(a, k, inst);
        if (s.fires)
            votes[n++] = (struct oct_vote){.weight = oct_ratio(d->params.weight),
                                           .signal = s.signal,
                                           .confidence = s.confidence,
                                           .strategy = d->id};
    }
    oct_fuse(votes, n, out);
}

/* Whole shares, one at least. */
static oct_qty size_of(const struct oct_strategy_params *p, const struct oct_fusion *f)
{
    double part = __builtin_fabs(f->score) * f->confidence;
    int64_t shares = (int64_t)(oct_qty_to_double((oct_qty){p->qty}) * part);

    return (oct_qty){(shares > 0 ? shares : 1) * OCT_QTY_ONE};
}

/* Crossing takes the far side at once; waiting joins the near side. */
static void price(const struct oct_strategy_params *p, const struct oct_inst_view *v,
                  struct want *w)
{
    bool far_is_ask = w->side == OCT_BUY;

    w->ord_type = OCT_ORD_LIMIT;
    if (p->take) {
        w->px = far_is_ask ? v->ask_px : v->bid_px;
        w->tif = OCT_TIF_IOC;
    } else {
        w->px = far_is_ask ? v->bid_px : v->ask_px;
        w->tif = OCT_TIF_DAY;
        w->post_only = (uint8_t)p->post_only;
    }
}

static void submit(struct oct_strategy *a, struct oct_step *step, uint32_t k, struct slot *s,
                   const struct want *w)
{
    s->awaiting = 1;
    oct_strategy_send(a, step, k, s, w);
    s->awaiting = 0;
}

/* Nothing came of it: do not ask again for every message. */
static void rest(struct oct_strategy *a, uint32_t k, uint32_t inst)
{
    const struct oct_strategy_def *d = &a->instance[k].def;
    int64_t until = a->now_ns + d->params.min_gap_ns;

    if (d->kind == OCT_STRATEGY_IMBALANCE)
        a->line[inst].quiet_imb_ns = until;
    if (d->kind == OCT_STRATEGY_MEAN_REVERSION)
        a->line[inst].quiet_rev_ns = until;
}

static void open_position(struct oct_strategy *a, struct oct_step *step, uint32_t k, uint32_t inst,
                          const struct oct_signal *own)
{
    const struct oct_strategy_params *p = &a->instance[k].def.params;
    struct want w = {.action = OCT_ACTION_NEW};
    struct oct_fusion f;
    struct slot *s;

    rest(a, k, inst);
    if (!oct_strategy_may_send(a, k, slot_of(a, k, inst)))
        return;
    vote(a, inst, &f);
    if (f.score * own->signal <= 0 || __builtin_fabs(f.score) < oct_ratio(p->enter)) {
        count(a, OCT_STRATEGY_C_OUTVOTED);
        return;
    }
    if (f.confidence < oct_ratio(p->min_confidence)) {
        count(a, OCT_STRATEGY_C_UNSURE);
        return;
    }
    s = oct_strategy_slot(a, k, inst);
    if (!s)
        return;
    w.side = f.score > 0 ? OCT_BUY : OCT_SELL;
    w.qty = size_of(p, &f);
    w.fusion = &f;
    price(p, &a->view->inst[inst], &w);
    submit(a, step, k, s, &w);
}

static void close_position(struct oct_strategy *a, struct oct_step *step, uint32_t k,
                           struct slot *s, const struct oct_signal *own)
{
    const struct oct_strategy_params *p = &a->instance[k].def.params;
    bool is_long = s->pos.v > 0;
    bool old = p->hold_ns > 0 && a->now_ns - s->held_since_ns >= p->hold_ns;
    struct want w = {.action = OCT_ACTION_NEW,
                     .side = is_long ? OCT_SELL : OCT_BUY,
                     .qty = {is_long ? s->pos.v : -s->pos.v},
                     .signal = own->signal,
                     .confidence = own->confidence};

    if (!old && (is_long ? own->signal : -own->signal) > oct_ratio(p->leave))
        return;
    if (!oct_strategy_may_send(a, k, s))
        return;
    price(p, &a->view->inst[s->inst], &w);
    submit(a, step, k, s, &w);
}

/* An order that waits: withdrawn when it is old, or when the signal turned against it. */
static void mind_order(struct oct_strategy *a, struct oct_step *step, uint32_t k, struct slot *s,
                       const struct oct_signal *own)
{
    const struct working *e = &s->order[0];
    bool closes = e->side == OCT_BUY ? s->pos.v < 0 : s->pos.v > 0;
    bool against = e->side == OCT_BUY ? own->signal < 0 : own->signal > 0;

    if (a->now_ns - e->since_ns >= a->instance[k].def.params.ttl_ns || (against && !closes))
        oct_strategy_cancel(a, step, k, s, 0);
}

void oct_strategy_direct(struct oct_strategy *a, struct oct_step *step, uint32_t k, uint32_t inst)
{
    struct slot *s = slot_of(a, k, inst);
    struct oct_signal own = oct_strategy_signal(a, k, inst);

    count(a, OCT_STRATEGY_C_EVALUATIONS);
    if (s && s->order[0].id != 0)
        mind_order(a, step, k, s, &own);
    else if (s && s->pos.v != 0)
        close_position(a, step, k, s, &own);
    else if (own.fires)
        open_position(a, step, k, inst, &own);
}
