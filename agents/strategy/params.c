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

void oct_strategy_params_init(struct oct_strategy_params *p)
{
#define P(key, name, unit, def, least, most, doc) p->name = (def);
    OCT_STRATEGY_PARAMS(P)
#undef P
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
