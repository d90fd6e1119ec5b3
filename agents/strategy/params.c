#include "agents/strategy/params.h"

#include <string.h>

const struct oct_strategy_param_def oct_strategy_param_defs[OCT_STRATEGY_PARAM_END - 1] = {
#define P(key, name, unit, def, least, most, doc) \
    [(key)-1] = {#name, doc, (def), (least), (most), (key), OCT_STRATEGY_UNIT_##unit},
    OCT_STRATEGY_PARAMS(P)
#undef P
};

const struct oct_strategy_param_def *oct_strategy_param_by_name(const char *name)
{
    for (size_t i = 0; i < OCT_ARRAY_CNT(oct_strategy_param_defs); i++) {
        if (strcmp(oct_strategy_param_defs[i].name, name) == 0)
            return &oct_strategy_param_defs[i];
    }
    return NULL;
}

void oct_strategy_params_init(struct oct_strategy_params *p, enum oct_strategy_kind kind)
{
    static const struct {
        int64_t threshold;
        int64_t scale;
    } of_kind[] = {
        [OCT_STRATEGY_MOMENTUM] = {OCT_RATIO(0.0005), OCT_RATIO(0.002)},
        [OCT_STRATEGY_MEAN_REVERSION] = {OCT_RATIO(2.0), OCT_RATIO(3.0)},
        [OCT_STRATEGY_TECHNICAL] = {OCT_RATIO(0.5), OCT_RATIO(1.0)},
        [OCT_STRATEGY_IMBALANCE] = {OCT_RATIO(0.6), OCT_RATIO(1.0)},
        [OCT_STRATEGY_MARKET_MAKING] = {OCT_RATIO(0.5), OCT_RATIO(1.0)},
        [OCT_STRATEGY_PLUGIN] = {OCT_RATIO(0.1), OCT_RATIO(1.0)},
    };

#define P(key, name, unit, def, least, most, doc) p->name = (def);
    OCT_STRATEGY_PARAMS(P)
#undef P
    OCT_ASSERT((unsigned)kind < OCT_ARRAY_CNT(of_kind));
    p->threshold = of_kind[kind].threshold;
    p->scale = of_kind[kind].scale;
}

enum oct_cmd_result_kind oct_strategy_param_set(struct oct_strategy_params *p, uint32_t key,
                                                int64_t value, int64_t *old)
{
    const struct oct_strategy_param_def *def;

    if (key == 0 || key >= OCT_STRATEGY_PARAM_END)
        return OCT_CMD_RESULT_NOT_FOUND;
    def = &oct_strategy_param_defs[key - 1];
    if (value < def->least || value > def->most)
        return OCT_CMD_RESULT_BAD_VALUE;
    switch (key) {
#define P(k, name, unit, def, least, most, doc) \
    case (k):                                   \
        *old = p->name;                         \
        p->name = value;                        \
        break;
        OCT_STRATEGY_PARAMS(P)
#undef P
    }
    return OCT_CMD_RESULT_DONE;
}
