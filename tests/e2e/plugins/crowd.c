/* crowd.c - a plug-in for tests: keeps so many passive buy orders at work, and moves them about
 * without end, so that order bytes flow all the time.
 *
 * Parameters: 0, orders at a time (default 1000). */
#include "agents/strategy/plugin.h"

#define CROWD_MAX 4096u

struct slot {
    uint64_t id; /* 0: free */
    uint32_t inst;
    uint8_t state; /* enum oct_ord_state */
    uint8_t pad[3];
};

struct state {
    uint32_t want;
    uint32_t cap; /* slots in use: an order that is being replaced takes two */
    uint32_t live;
    uint32_t next; /* slot to look at next */
    uint32_t step; /* of prices and quantities: makes no two orders alike */
    struct slot slot[CROWD_MAX];
};

static size_t footprint(const struct oct_plugin_cfg *cfg)
{
    (void)cfg;
    return sizeof(struct state);
}

static int init(void *self, const struct oct_plugin_cfg *cfg)
{
    struct state *s = self;

    s->want = cfg->param[0] ? (uint32_t)cfg->param[0] : 1000;
    s->cap = 2 * s->want;
    return s->cap <= CROWD_MAX ? 0 : -1;
}

static void on_order(void *self, struct oct_plugin_env *env, const struct oct_order_update *m)
{
    struct state *s = self;
    struct slot *mine = NULL, *empty = NULL;
    bool over = m->state >= OCT_ORD_STATE_FILLED && m->state != OCT_ORD_STATE_UNKNOWN;

    (void)env;
    for (uint32_t i = 0; i < s->cap && !mine; i++) {
        if (s->slot[i].id == m->order_id)
            mine = &s->slot[i];
        else if (s->slot[i].id == 0 && !empty)
            empty = &s->slot[i];
    }
    if (!mine && !over && empty) {
        mine = empty;
        *mine = (struct slot){.id = m->order_id, .inst = m->inst};
        s->live++;
    }
    if (!mine)
        return;
    mine->state = m->state;
    if (over) {
        mine->id = 0;
        s->live--;
    }
}

/* A new order while there are too few, else one of this instrument to another price. */
static void on_market(void *self, struct oct_plugin_env *env, const struct oct_market *m)
{
    struct state *s = self;
    const struct oct_inst_view *v = &env->view->inst[m->inst];
    int64_t tick = env->view->ref[m->inst].tick.v;
    struct oct_plugin_order o = {
        .inst = m->inst,
        .side = OCT_BUY,
        .ord_type = OCT_ORD_LIMIT,
        .tif = OCT_TIF_DAY,
        .action = OCT_ACTION_NEW,
        .px = {v->bid_px.v - tick * (20 + s->step % 50)},
        .qty = {(1 + s->step % 97) * OCT_QTY_ONE},
    };

    if (v->bid_px.v <= 100 * tick)
        return;
    s->step++;
    for (uint32_t i = 0; s->live >= s->want && i < s->cap; i++) {
        const struct slot *e = &s->slot[(s->next + i) % s->cap];
        if (e->id == 0 || e->inst != m->inst || e->state != OCT_ORD_STATE_WORKING)
            continue;
        s->next = (s->next + i + 1) % s->cap;
        o.action = OCT_ACTION_REPLACE;
        o.order_id = e->id;
        break;
    }
    if (o.action == OCT_ACTION_REPLACE || s->live < s->want)
        env->submit(env, &o);
}

static uint64_t digest(const void *self)
{
    const struct state *s = self;
    uint64_t h = s->live ^ (uint64_t)s->step << 32;

    for (uint32_t i = 0; i < s->cap; i++)
        h = (h ^ s->slot[i].id ^ s->slot[i].state) * UINT64_C(0x9e3779b97f4a7c15);
    return h;
}

__attribute__((visibility("default"))) const struct oct_plugin oct_plugin = {
    .abi = OCT_PLUGIN_ABI,
    .sz = sizeof(struct oct_plugin),
    .name = "crowd",
    .wants = OCT_MARKET_BBO,
    .footprint = footprint,
    .init = init,
    .on_market = on_market,
    .on_order = on_order,
    .digest = digest,
};
