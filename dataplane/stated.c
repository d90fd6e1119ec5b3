#include "dataplane/stated.h"

struct stating {
    const struct oct_risk_limits *l;
    void (*fn)(void *arg, struct oct_in_cmd *cmd);
    void *arg;
};

static void say(const struct stating *s, struct oct_in_cmd m)
{
    m.hdr = (struct oct_msg_hdr){.type = OCT_IN_CMD, .sz = sizeof m};
    m.user = (oct_sym){"config  "};
    s->fn(s->arg, &m);
}

/* What is zero needs no row, but in an instrument's own, which begins as a copy of the common one. */
static void say_rows(const struct stating *s, enum oct_scope scope, uint32_t id)
{
    bool own = scope == OCT_SCOPE_INSTRUMENT && id != OCT_RISK_INST_ALL;

    for (uint32_t key = 1; key < OCT_RISK_LIMIT_END; key++) {
        __int128 v = oct_risk_limits_get(s->l, scope, id, key);
        if (v < (own ? 0 : 1))
            continue;
        say(s, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_ROW,
                                   .scope = (uint8_t)scope,
                                   .inst = scope == OCT_SCOPE_INSTRUMENT ? id : 0,
                                   .account = scope == OCT_SCOPE_ACCOUNT ? (uint16_t)id : 0,
                                   .strategy = scope == OCT_SCOPE_STRATEGY ? (uint16_t)id : 0,
                                   .key = key,
                                   .value = (int64_t)v,
                                   .value_hi = (uint64_t)((unsigned __int128)v >> 64)});
    }
}

void oct_stated_limits(const struct oct_risk_limits *l,
                       void (*fn)(void *arg, struct oct_in_cmd *cmd), void *arg)
{
    const struct stating s = {l, fn, arg};

    say(&s, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_BEGIN, .value = 1});
    say_rows(&s, OCT_SCOPE_FIRM, 0);
    for (uint32_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++)
        say_rows(&s, OCT_SCOPE_ACCOUNT, i);
    for (uint32_t i = 0; i < OCT_RISK_STRATEGY_MAX; i++)
        say_rows(&s, OCT_SCOPE_STRATEGY, i);
    say_rows(&s, OCT_SCOPE_INSTRUMENT, OCT_RISK_INST_ALL);
    for (uint32_t i = 1; i < l->inst_row_cnt; i++)
        say_rows(&s, OCT_SCOPE_INSTRUMENT, l->inst_of_row[i]);
    say(&s, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_COMMIT});
}
