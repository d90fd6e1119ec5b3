#include "agents/strategy/strategy.h"

#include <errno.h>
#include <string.h>

#include "agents/strategy/strategy_priv.h"

const struct oct_counter_def oct_strategy_counter_defs[OCT_STRATEGY_C_CNT] = {
    [OCT_STRATEGY_C_CALLS] = {"strategy_calls", "Market events given to the strategies.",
                              OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_EVALUATIONS] = {"strategy_evaluations", "Times an instance looked closely.",
                                    OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_INTENTS] = {"strategy_intents", "Intents given to risk.", OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_CANCELS] = {"strategy_cancels", "Intents that were cancels.",
                                OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_OUTVOTED] = {"strategy_outvoted",
                                 "Signals that fired, and that the fusion did not agree with.",
                                 OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_UNSURE] = {"strategy_unsure",
                               "Signals that fired with less than the least confidence.",
                               OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_HELD_BACK] = {"strategy_held_back",
                                  "Times a pause or the message rate held an instance back.",
                                  OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_REFUSED] = {"strategy_refused", "Intents that risk refused.",
                                OCT_COUNTER_TOTAL},
    [OCT_STRATEGY_C_NO_SLOT] = {"strategy_no_slot",
                                "Times there was no room to follow another instrument.",
                                OCT_COUNTER_TOTAL},
};

static const char *const kind_names[] = {
#define E(v, n, t) [(v)] = t,
    OCT_ENUM_STRATEGY_KIND(E)
#undef E
};

int oct_strategy_kind_by_name(const char *text)
{
    for (int i = 0; i < (int)OCT_ARRAY_CNT(kind_names); i++) {
        if (strcmp(kind_names[i], text) == 0)
            return i;
    }
    return -ENOENT;
}

const char *oct_strategy_kind_name(enum oct_strategy_kind kind)
{
    return (unsigned)kind < OCT_ARRAY_CNT(kind_names) ? kind_names[kind] : NULL;
}

/* ---- memory ----------------------------------------------------------------------------------- */

struct layout {
    size_t line, slot, state[MAX], end;
};

static size_t carve(size_t *at, size_t sz)
{
    size_t here = *at;

    *at = oct_align_up(here + sz, OCT_BLOCK_SZ);
    return here;
}

static bool layout(const struct oct_strategy_cfg *cfg, struct layout *l)
{
    size_t at = oct_align_up(sizeof(struct oct_strategy), OCT_BLOCK_SZ);

    if (cfg->inst_cnt == 0 || cfg->inst_cnt > 1u << 24 || cfg->slot_cnt_max == 0 ||
        cfg->slot_cnt_max > OCT_STRATEGY_SLOT_MAX || cfg->def_cnt > MAX)
        return false;
    l->line = carve(&at, sizeof(struct line) * cfg->inst_cnt);
    l->slot = carve(&at, sizeof(struct slot) * (cfg->slot_cnt_max + 1));
    for (uint32_t k = 0; k < cfg->def_cnt; k++) {
        const struct oct_strategy_def *d = &cfg->defs[k];
        struct oct_plugin_cfg pc;
        size_t sz;

        if (d->kind > OCT_STRATEGY_PLUGIN || d->id >= 256)
            return false;
        for (uint32_t j = 0; j < k; j++) {
            if (cfg->defs[j].id == d->id)
                return false;
        }
        if (d->kind != OCT_STRATEGY_PLUGIN)
            continue;
        if (!oct_strategy_plug_cfg(cfg, k, &pc))
            return false;
        sz = d->plugin->footprint(&pc);
        if (sz == 0 || sz > OCT_PLUGIN_STATE_MAX)
            return false;
        l->state[k] = carve(&at, sz);
    }
    l->end = at;
    return true;
}

size_t oct_strategy_footprint(const struct oct_strategy_cfg *cfg)
{
    struct layout l;

    return layout(cfg, &l) ? l.end : 0;
}

/* The least threshold of a kind: what is below it concerns nobody. */
static double least(const struct oct_strategy *a, uint8_t kinds)
{
    double t = 1e9;

    for (unsigned left = kinds; left; left &= left - 1) {
        double x = oct_ratio(a->instance[__builtin_ctz(left)].def.params.threshold);
        t = x < t ? x : t;
    }
    return t;
}

static void thresholds_again(struct oct_strategy *a)
{
    a->imb_threshold = least(a, a->imb);
    a->rev_threshold = least(a, a->rev);
}

static void take_instance(struct oct_strategy *a, uint32_t k, const struct oct_strategy_def *d)
{
    struct instance *in = &a->instance[k];
    uint8_t bit = (uint8_t)(1u << k);

    in->def = *d;
    in->def.insts = NULL;
    a->by_id[d->id] = (uint8_t)(1 + k);
    a->on |= d->on ? bit : 0;
    a->imb |= d->kind == OCT_STRATEGY_IMBALANCE ? bit : 0;
    a->rev |= d->kind == OCT_STRATEGY_MEAN_REVERSION ? bit : 0;
    a->maker |= d->kind == OCT_STRATEGY_MARKET_MAKING ? bit : 0;
    a->plugged |= d->kind == OCT_STRATEGY_PLUGIN ? bit : 0;
    a->on_bar |= d->kind == OCT_STRATEGY_MOMENTUM || d->kind == OCT_STRATEGY_TECHNICAL ? bit : 0;
    for (uint32_t i = 0; i < a->inst_cnt; i++) {
        if (!d->insts || (d->insts[i / 64] >> (i % 64) & 1))
            a->line[i].mine |= bit;
    }
}

struct oct_strategy *oct_strategy_new(void *mem, const struct oct_strategy_cfg *cfg)
{
    struct oct_strategy *a = mem;
    char *base = mem;
    struct layout l;

    if (!layout(cfg, &l))
        return NULL;
    OCT_ASSERT(((uintptr_t)mem & (OCT_BLOCK_SZ - 1)) == 0);
    OCT_ASSERT(cfg->view && cfg->view->inst_cnt >= cfg->inst_cnt && cfg->risk.fn);
    memset(mem, 0, l.end);
    a->cfg = *cfg;
    a->cfg.defs = NULL;
    a->view = cfg->view;
    a->inst_cnt = cfg->inst_cnt;
    a->line = (struct line *)(base + l.line);
    a->slot = (struct slot *)(base + l.slot);
    a->instance_cnt = (uint8_t)cfg->def_cnt;
    for (uint32_t i = 0; i < cfg->inst_cnt; i++)
        a->line[i].band_high = UINT32_MAX; /* not yet */
    for (uint32_t k = 0; k < cfg->def_cnt; k++) {
        struct oct_plugin_cfg pc;

        take_instance(a, k, &cfg->defs[k]);
        if (cfg->defs[k].kind != OCT_STRATEGY_PLUGIN)
            continue;
        a->instance[k].state = base + l.state[k];
        if (!oct_strategy_plug_cfg(cfg, k, &pc) ||
            cfg->defs[k].plugin->init(a->instance[k].state, &pc) != 0)
            return NULL;
    }
    a->votes = (uint8_t)~a->maker;
    thresholds_again(a);
    return a;
}

/* ---- the market ------------------------------------------------------------------------------- */

/* Not to be traded now: what works there is withdrawn. */
OCT_COLD static void suspend(struct oct_strategy *a, struct oct_step *step, uint32_t inst)
{
    for (unsigned left = a->line[inst].busy; left; left &= left - 1) {
        uint32_t k = (uint32_t)__builtin_ctz(left);
        struct slot *s = slot_of(a, k, inst);
        oct_strategy_cancel(a, step, k, s, 0);
        oct_strategy_cancel(a, step, k, s, 1);
    }
}

/* A price or a sum of two on the fast path.  What does not fit is the largest: a sum that does not fit
 * either is at or above it, so that somebody looks. */
static uint32_t px_short(double px, unsigned shift)
{
    return px <= 0                                       ? 0
           : px >= (double)(UINT64_C(1) << (shift + 32)) ? UINT32_MAX
                                                         : (uint32_t)((uint64_t)px >> shift);
}

/* Where mean reversion begins to look: bid + ask, so that no division is needed per quote. */
static void bands_again(struct oct_strategy *a, uint32_t inst)
{
    const struct oct_features *f = &a->view->features[inst];
    double away = (f->boll_up - f->boll_mid) * 0.5 * a->rev_threshold;

    if (!__builtin_isfinite(away))
        return;
    a->line[inst].band_low = px_short((f->boll_mid - away) * 2e9, PX_SHIFT + 1);
    a->line[inst].band_high = px_short((f->boll_mid + away) * 2e9, PX_SHIFT + 1);
}

OCT_INLINE bool imbalance_fires(const struct oct_strategy *a, const struct oct_inst_view *v)
{
    double d = (double)(v->bid_qty.v - v->ask_qty.v);
    double sum = (double)(v->bid_qty.v + v->ask_qty.v);

    return __builtin_fabs(d) >= a->imb_threshold * sum;
}

/* Both quotes would stay where they are (maker.c). */
OCT_INLINE bool quotes_stay(const struct line *l, const struct oct_inst_view *v)
{
    return ((uint64_t)v->bid_px.v >> PX_SHIFT >= l->still_low) &
           ((uint64_t)v->ask_px.v >> PX_SHIFT < l->still_high);
}

/* Instances that should look closely, by tests that cost next to nothing.  They are never stricter
 * than the signals themselves. */
OCT_INLINE unsigned who_looks(struct oct_strategy *a, const struct oct_market *m, struct line *l,
                              const struct oct_inst_view *v, unsigned mask)
{
    unsigned look = mask & l->busy & ~(unsigned)a->maker;
    uint64_t sum = (uint64_t)(v->bid_px.v + v->ask_px.v) >> (PX_SHIFT + 1);

    if (oct_unlikely(m->what & OCT_MARKET_STATE))
        l->still_high = 0; /* the tick may be another */
    if (oct_unlikely(a->now_ns >= a->held_until_ns))
        a->held = 0;
    if (m->what & OCT_MARKET_BBO) {
        if (a->now_ns >= l->quiet_maker_ns && !quotes_stay(l, v))
            look |= mask & a->maker & ~(unsigned)a->held;
        if ((mask & a->imb) && a->now_ns >= l->quiet_imb_ns && imbalance_fires(a, v))
            look |= mask & a->imb;
    }
    if ((mask & a->rev) && a->now_ns >= l->quiet_rev_ns &&
        ((sum <= l->band_low) | (sum >= l->band_high)))
        look |= mask & a->rev;
    if ((m->what & OCT_MARKET_BAR) && m->interval_s == a->cfg.bar_interval_s) {
        bands_again(a, m->inst);
        look |= mask & a->on_bar;
    }
    return look & ~(unsigned)a->plugged;
}

/* Somebody looks closely: asks at once for all lines that an opinion and an order need, so that their
 * misses overlap. */
static void fetch_all(const struct oct_strategy *a, const struct line *l, uint32_t inst,
                      unsigned look)
{
    uint32_t k = (uint32_t)__builtin_ctz(look);
    const uint8_t *f = (const uint8_t *)&a->view->features[inst];
    const struct slot *s = &a->slot[l->slot[k]];

    __builtin_prefetch(s, 1);
    __builtin_prefetch((const uint8_t *)s + 64, 1);
    __builtin_prefetch((const uint8_t *)(s + 1) - 1, 1);
    if (a->maker >> k & 1) {
        __builtin_prefetch(&a->view->ref[inst]);
    } else {
        __builtin_prefetch(f);
        __builtin_prefetch(f + 64);
    }
    if (a->view->order_soon)
        a->view->order_soon(a->view->risk, a->instance[k].def.id, a->instance[k].def.account, inst);
}

OCT_HOT static void on_market(struct oct_strategy *a, struct oct_step *step,
                              const struct oct_market *m)
{
    const struct oct_inst_view *v;
    struct line *l;
    unsigned mask, look;

    count(a, OCT_STRATEGY_C_CALLS);
    if (oct_unlikely(m->inst >= a->inst_cnt))
        return;
    l = &a->line[m->inst];
    mask = l->mine & a->on;
    if (mask == 0)
        return;
    v = &a->view->inst[m->inst];
    if (oct_likely(can_trade(v))) {
        look = who_looks(a, m, l, v, mask);
        if (oct_unlikely(look))
            fetch_all(a, l, m->inst, look);
        for (; oct_unlikely(look); look &= look - 1) {
            uint32_t k = (uint32_t)__builtin_ctz(look);
            if (a->maker >> k & 1)
                oct_strategy_quote(a, step, k, m->inst);
            else
                oct_strategy_direct(a, step, k, m->inst);
        }
    } else if (l->busy) {
        suspend(a, step, m->inst);
    }
    for (look = mask & a->plugged; oct_unlikely(look); look &= look - 1)
        oct_strategy_plug(a, step, (uint32_t)__builtin_ctz(look), m);
}

/* ---- commands --------------------------------------------------------------------------------- */

OCT_COLD static void switch_off(struct oct_strategy *a, struct oct_step *step, uint32_t k)
{
    for (uint32_t i = 1; i <= a->slot_cnt; i++) {
        if (a->slot[i].instance == k) {
            oct_strategy_cancel(a, step, k, &a->slot[i], 0);
            oct_strategy_cancel(a, step, k, &a->slot[i], 1);
        }
    }
}

static enum oct_cmd_result_kind param(struct oct_strategy *a, const struct oct_in_cmd *m,
                                      uint32_t k, uint64_t *old)
{
    struct instance *in = &a->instance[k];
    enum oct_cmd_result_kind res;
    int64_t before = 0;

    if (m->key >= OCT_STRATEGY_PARAM_PLUGIN) {
        uint32_t idx = m->key - OCT_STRATEGY_PARAM_PLUGIN;
        if (!in->def.plugin || idx >= OCT_PLUGIN_PARAM_CNT)
            return OCT_CMD_RESULT_NOT_FOUND;
        if (!in->def.plugin->on_param || in->def.plugin->on_param(in->state, idx, m->value) != 0)
            return OCT_CMD_RESULT_BAD_VALUE;
        *old = (uint64_t)in->def.plugin_param[idx];
        in->def.plugin_param[idx] = m->value;
        return OCT_CMD_RESULT_DONE;
    }
    res = oct_strategy_param_set(&in->def.params, m->key, m->value, &before);
    if (res == OCT_CMD_RESULT_DONE) {
        *old = (uint64_t)before;
        a->held = 0;
        thresholds_again(a);
        for (uint32_t i = 0; i < a->inst_cnt; i++) {
            bands_again(a, i);
            a->line[i].still_high = 0;
        }
    }
    return res;
}

OCT_COLD static void on_cmd(struct oct_strategy *a, struct oct_step *step,
                            const struct oct_in_cmd *m)
{
    uint32_t k = m->strategy < OCT_ARRAY_CNT(a->by_id) ? a->by_id[m->strategy] - 1u : UINT32_MAX;
    struct oct_cmd_result res = {OCT_MSG_HDR(CMD_RESULT, cmd_result), .cmd_id = m->cmd_id,
                                 .now_ns = step->now_ns, .cmd = m->cmd,
                                 .result = OCT_CMD_RESULT_NOT_FOUND};

    switch (m->cmd) {
    case OCT_CMD_STRATEGY_ON: /* risk answers */
        a->on |= k < MAX ? (uint8_t)(1u << k) : 0;
        return;
    case OCT_CMD_STRATEGY_OFF:
        if (k < MAX) {
            a->on &= (uint8_t) ~(1u << k);
            switch_off(a, step, k);
        }
        return;
    case OCT_CMD_PARAM:
        if (k < MAX)
            res.result = (uint8_t)param(a, m, k, &res.value);
        oct_emit(step, &res.hdr);
        return;
    default:
        return;
    }
}

OCT_HOT void oct_strategy_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct oct_strategy *a = self;

    if (step->ts_exch_ns > a->now_ns)
        a->now_ns = step->ts_exch_ns;
    switch (m->type) {
    case OCT_MARKET:
        on_market(a, step, (const struct oct_market *)m);
        break;
    case OCT_ORDER_UPDATE:
        oct_strategy_on_update(a, step, (const struct oct_order_update *)m);
        break;
    case OCT_FILL:
        oct_strategy_on_fill(a, step, (const struct oct_fill *)m);
        break;
    case OCT_VERDICT:
        oct_strategy_on_verdict(a, (const struct oct_verdict *)m);
        break;
    case OCT_IN_CMD:
        on_cmd(a, step, (const struct oct_in_cmd *)m);
        break;
    default:
        break;
    }
}

void oct_strategy_prefetch(const struct oct_strategy *a, uint32_t inst)
{
    __builtin_prefetch(&a->line[inst < a->inst_cnt ? inst : 0], 1, 3);
}

void oct_strategy_prefetch_alone(const struct oct_strategy *a, uint32_t inst)
{
    const struct line *l = &a->line[inst < a->inst_cnt ? inst : 0];
    unsigned may = l->mine & a->on & ~(unsigned)(a->held | a->plugged | a->on_bar);

    if (l->quiet_maker_ns > a->now_ns)
        may &= ~(unsigned)a->maker;
    if (may & a->maker)
        may = a->maker;
    if (inst < a->inst_cnt && may)
        fetch_all(a, l, inst, may);
}

uint64_t oct_strategy_digest(const void *self)
{
    const struct oct_strategy *a = self;
    uint64_t own[4] = {a->intent_cnt, a->slot_cnt, a->on, (uint64_t)a->now_ns};
    uint64_t h = oct_digest64(0, own, sizeof own);

    h = oct_digest64(h, a->line, sizeof *a->line * a->inst_cnt);
    h = oct_digest64(h, a->slot, sizeof *a->slot * (a->slot_cnt + 1));
    for (uint32_t k = 0; k < a->instance_cnt; k++) {
        const struct instance *in = &a->instance[k];
        h = oct_digest64(h, &in->rate, sizeof in->rate);
        h = oct_digest64(h, &in->def.params, sizeof in->def.params);
        h = oct_digest64(h, in->def.plugin_param, sizeof in->def.plugin_param);
        if (in->def.plugin) {
            uint64_t d = in->def.plugin->digest(in->state);
            h = oct_digest64(h, &d, sizeof d);
        }
    }
    return h;
}
