/* pressure.c - an example of a plug-in: follows whoever is in a hurry.
 *
 * Every trade pushes an average up when a resting offer was taken and down when a bid was; the
 * average fades with the number of trades.  Where it is strong, it says so, and the agent trades on
 * it as its parameters say.
 *
 * Parameters: 0, trades that the average remembers (default 20); 1, shares of a trade that count as
 * a full push, 1e-8 (default 100 shares). */
#include "agents/strategy/plugin.h"

struct state {
    double fade;
    double full;
    uint32_t inst_cnt;
    uint32_t pad;
    double push[]; /* [inst_cnt], -1 to 1 */
};

static size_t footprint(const struct oct_plugin_cfg *cfg)
{
    return sizeof(struct state) + sizeof(double) * cfg->inst_cnt;
}

static int on_param(void *self, uint32_t idx, int64_t value)
{
    struct state *s = self;

    if (value <= 0 || idx > 1)
        return -1;
    if (idx == 0)
        s->fade = 1.0 / (double)value;
    else
        s->full = (double)value;
    return 0;
}

static int init(void *self, const struct oct_plugin_cfg *cfg)
{
    struct state *s = self;

    s->inst_cnt = cfg->inst_cnt;
    if (on_param(s, 0, cfg->param[0] ? cfg->param[0] : 20) != 0)
        return -1;
    return on_param(s, 1, cfg->param[1] ? cfg->param[1] : 100 * OCT_QTY_ONE);
}

static void on_market(void *self, struct oct_plugin_env *env, const struct oct_market *m)
{
    struct state *s = self;
    double part = (double)m->qty.v / s->full;
    double push;

    if (!(m->what & OCT_MARKET_TRADE) || m->inst >= s->inst_cnt)
        return;
    part = part > 1.0 ? 1.0 : part;
    push = m->side == OCT_SELL ? part : -part; /* of the resting order: an offer was taken */
    s->push[m->inst] += s->fade * (push - s->push[m->inst]);
    push = s->push[m->inst];
    env->signal(env, m->inst, push, 0.5 + 0.5 * (push < 0 ? -push : push));
}

static uint64_t digest(const void *self)
{
    const struct state *s = self;
    uint64_t h = s->inst_cnt;

    for (uint32_t i = 0; i < s->inst_cnt; i++) {
        uint64_t bits;
        __builtin_memcpy(&bits, &s->push[i], sizeof bits);
        h = (h ^ bits) * UINT64_C(0x9e3779b97f4a7c15);
    }
    return h;
}

__attribute__((visibility("default"))) const struct oct_plugin oct_plugin = {
    .abi = OCT_PLUGIN_ABI,
    .sz = sizeof(struct oct_plugin),
    .name = "pressure",
    .wants = OCT_MARKET_TRADE,
    .footprint = footprint,
    .init = init,
    .on_market = on_market,
    .on_param = on_param,
    .digest = digest,
};
