#include "agents/risk/explain.h"

#include <string.h>

#include "agents/risk/checks_priv.h"

static const char *const reason_names[] = {
#define E(v, n, t) [(v)] = t,
    OCT_ENUM_RISK(E)
#undef E
};
static const char *const state_names[] = {
#define E(v, n, t) [(v)] = t,
    OCT_ENUM_LADDER(E)
#undef E
};

static struct oct_risk_in inputs(const struct oct_verdict *v, const struct oct_risk_limits *l)
{
    /* Ids come from a journal: what is out of range is judged as the lane judged it, by the row
     * that nobody can set. */
    uint32_t strategy = v->strategy < OCT_RISK_STRATEGY_MAX ? v->strategy : OCT_RISK_STRATEGY_MAX;
    uint32_t account = v->account < OCT_RISK_ACCOUNT_MAX ? v->account : OCT_RISK_ACCOUNT_MAX;
    return (struct oct_risk_in){
        .v = v,
        .firm = &l->firm,
        .acct = &l->account[account],
        .strat = &l->strategy[strategy],
        .inst = &l->inst[oct_risk_limits_inst_row(l, v->inst)],
    };
}

uint32_t oct_risk_explain(const struct oct_verdict *v, const struct oct_risk_limits *l,
                          struct oct_risk_row rows[OCT_RISK_ROW_MAX])
{
    struct oct_risk_in in = inputs(v, l);
    uint64_t mask = action_mask(v->action);
    uint32_t n = 0;

#define C(REASON, fn, u)                                                   \
    {                                                                      \
        struct chk c = fn(&in);                                            \
        bool applies = mask >> OCT_RISK_##REASON & 1;                      \
        rows[n++] = (struct oct_risk_row){reason_names[OCT_RISK_##REASON], \
                                          c.value,                         \
                                          c.limit,                         \
                                          OCT_RISK_##REASON,               \
                                          OCT_RISK_UNIT_##u,               \
                                          applies,                         \
                                          applies && c.failed};            \
    }
    OCT_RISK_CHECKS(C)
#undef C
    OCT_ASSERT(n <= OCT_RISK_ROW_MAX);
    return n;
}

uint64_t oct_risk_refailed(const struct oct_verdict *v, const struct oct_risk_limits *l)
{
    struct oct_risk_in in = inputs(v, l);
    return checks_failed(&in);
}

size_t oct_risk_format(char *buf, enum oct_risk_unit unit, __int128 value)
{
    switch (unit) {
    case OCT_RISK_UNIT_QTY:
        return oct_decimal_format(buf, value, 8, 0);
    case OCT_RISK_UNIT_MONEY:
        return oct_decimal_format(buf, value, 17, 2);
    case OCT_RISK_UNIT_PX:
        return oct_decimal_format(buf, value, 9, 4);
    case OCT_RISK_UNIT_STATE:
        if (value >= 0 && value < (int)OCT_ARRAY_CNT(state_names)) {
            const char *s = state_names[(int)value];
            strcpy(buf, s);
            return strlen(s);
        }
        break;
    default:
        break;
    }
    return oct_decimal_format(buf, value, 0, 0);
}
