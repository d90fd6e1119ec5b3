/* bad.c - plug-ins that must not be loaded, one a define. */
#include <stdio.h>

#include "agents/strategy/plugin.h"

#ifdef BAD_EMPTY
int nothing_here(void);
int nothing_here(void)
{
    return 1;
}
#else
static size_t footprint(const struct oct_plugin_cfg *cfg)
{
#ifdef BAD_SYMBOL
    printf("%u\n", cfg->inst_cnt);
#endif
    return cfg->inst_cnt;
}

static int init(void *state, const struct oct_plugin_cfg *cfg)
{
    (void)state;
    return cfg->inst_cnt == 0;
}

static void on_market(void *state, struct oct_plugin_env *env, const struct oct_market *m)
{
    (void)state;
    (void)env;
    (void)m;
}

static uint64_t digest(const void *state)
{
    return state != NULL;
}

const struct oct_plugin oct_plugin = {
#ifdef BAD_ABI
    .abi = OCT_PLUGIN_ABI + 1,
#else
    .abi = OCT_PLUGIN_ABI,
#endif
    .sz = sizeof(struct oct_plugin),
    .name = "bad",
    .footprint = footprint,
    .init = init,
#ifndef BAD_TABLE
    .on_market = on_market,
#endif
    .digest = digest,
};
#ifdef BAD_TABLE
void *unused = (void *)on_market;
#endif
#endif
