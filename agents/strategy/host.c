/* Plug-ins: what they are told and what they may do. */
#include <string.h>

#include "agents/strategy/strategy_priv.h"

struct host_env {
    struct oct_plugin_env env;
    struct oct_strategy *a;
    struct oct_step *step;
    uint32_t said; /* instrument of the last signal */
    bool has_said;
};

static void env_signal(struct oct_plugin_env *env, uint32_t inst, double signal, double confidence)
{
    struct host_env *h = (struct host_env *)env;
    struct slot *s;

    /* A plug-in's numbers are checked like a command's. */
    if (inst >= h->a->inst_cnt || !(signal >= -1.0 && signal <= 1.0) ||
        !(confidence >= 0.0 && confidence <= 1.0))
        return;
    s = oct_strategy_slot(h->a, env->instance, inst);
    if (!s)
        return;
    s->signal = signal;
    s->confidence = confidence;
    h->said = inst;
    h->has_said = true;
}

static bool env_submit(struct oct_plugin_env *env, const struct oct_plugin_order *o)
{
    struct host_env *h = (struct host_env *)env;
    uint32_t k = env->instance;
    bool cancels = o->action == OCT_ACTION_CANCEL;
    struct slot *s;
    struct want w = {.order_id = o->order_id,
                     .px = o->px,
                     .qty = o->qty,
                     .action = o->action,
                     .side = o->side,
                     .ord_type = o->ord_type,
                     .tif = o->tif,
                     .post_only = o->post_only,
                     .signal = o->side == OCT_BUY ? 1.0 : -1.0,
                     .confidence = 0.5};

    if (o->inst >= h->a->inst_cnt || !(h->a->line[o->inst].mine >> k & 1) ||
        (o->action != OCT_ACTION_NEW && o->action != OCT_ACTION_REPLACE && !cancels) ||
        (!cancels && !(h->a->on >> k & 1)))
        return false;
    s = oct_strategy_slot(h->a, k, o->inst);
    if (!s || (!cancels && !oct_strategy_may_send(h->a, k, s)))
        return false;
    return oct_strategy_send(h->a, h->step, k, s, &w);
}

static struct host_env make_env(struct oct_strategy *a, struct oct_step *step, uint32_t k)
{
    return (struct host_env){.env = {.view = a->view,
                                     .now_ns = step->now_ns,
                                     .ts_exch_ns = step->ts_exch_ns,
                                     .feed_seq = step->feed_seq,
                                     .signal = env_signal,
                                     .submit = env_submit,
                                     .px_round = oct_px_from_double,
                                     .agent = a,
                                     .instance = k},
                             .a = a,
                             .step = step};
}

void oct_strategy_plug(struct oct_strategy *a, struct oct_step *step, uint32_t k,
                       const struct oct_market *m)
{
    const struct oct_plugin *p = a->instance[k].def.plugin;
    struct host_env h = make_env(a, step, k);
    bool tradable = can_trade(&a->view->inst[m->inst]);

    if (!(p->wants & m->what) || (!tradable && !(m->what & OCT_MARKET_STATE)))
        return;
    p->on_market(a->instance[k].state, &h.env, m);
    if (h.has_said && h.said == m->inst && tradable)
        oct_strategy_direct(a, step, k, m->inst);
}

void oct_strategy_plug_order(struct oct_strategy *a, struct oct_step *step, uint32_t k,
                             const struct oct_order_update *m)
{
    const struct oct_plugin *p = a->instance[k].def.plugin;
    struct host_env h = make_env(a, step, k);

    if (p->on_order)
        p->on_order(a->instance[k].state, &h.env, m);
}

void oct_strategy_plug_fill(struct oct_strategy *a, struct oct_step *step, uint32_t k,
                            const struct oct_fill *m)
{
    const struct oct_plugin *p = a->instance[k].def.plugin;
    struct host_env h = make_env(a, step, k);

    if (p->on_fill)
        p->on_fill(a->instance[k].state, &h.env, m);
}

bool oct_strategy_plug_cfg(const struct oct_strategy_cfg *cfg, uint32_t k,
                           struct oct_plugin_cfg *out)
{
    const struct oct_strategy_def *d = &cfg->defs[k];
    const struct oct_plugin *p = d->plugin;

    if (!p || p->abi != OCT_PLUGIN_ABI || p->sz != sizeof *p || !p->footprint || !p->init ||
        !p->on_market || !p->digest)
        return false;
    *out = (struct oct_plugin_cfg){.inst_cnt = cfg->inst_cnt,
                                   .strategy = d->id,
                                   .account = d->account,
                                   .seed = oct_mix64(cfg->seed + d->id)};
    memcpy(out->param, d->plugin_param, sizeof out->param);
    return true;
}
