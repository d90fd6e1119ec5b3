#include "agents/risk/limits.h"

#include <string.h>

const struct oct_risk_limit_def oct_risk_limit_defs[OCT_RISK_LIMIT_END - 1] = {
#define L(key, name, type, unit, scopes, doc) \
    [(key)-1] = {#name, doc, (key), OCT_RISK_UNIT_##unit, (scopes)},
    OCT_RISK_LIMITS(L)
#undef L
};

/* Largest value of a field: money stays far from the end of 128 bits, because products and sums
 * of it are compared. */
#define VALUE_MAX_int64_t  ((__int128)INT64_MAX)
#define VALUE_MAX_uint32_t ((__int128)(UINT32_MAX / 2))
#define VALUE_MAX___int128 ((__int128)1 << 120)

const struct oct_risk_limit_def *oct_risk_limit_by_name(const char *name)
{
    for (size_t i = 0; i < OCT_ARRAY_CNT(oct_risk_limit_defs); i++) {
        if (strcmp(oct_risk_limit_defs[i].name, name) == 0)
            return &oct_risk_limit_defs[i];
    }
    return NULL;
}

const struct oct_risk_limit_def *oct_risk_limit_by_key(uint32_t key)
{
    return key >= 1 && key < OCT_RISK_LIMIT_END ? &oct_risk_limit_defs[key - 1] : NULL;
}

void oct_risk_limits_init(struct oct_risk_limits *l)
{
    memset(l, 0, sizeof *l);
    l->inst_row_cnt = 1;
    l->inst_of_row[0] = OCT_RISK_INST_ALL;
}

uint32_t oct_risk_limits_inst_row(const struct oct_risk_limits *l, uint32_t inst)
{
    for (uint32_t i = 1; i < l->inst_row_cnt; i++) {
        if (l->inst_of_row[i] == inst)
            return i;
    }
    return 0;
}

/* NULL when the id is out of range. */
static const struct oct_risk_limit_row *row_of(const struct oct_risk_limits *l,
                                               enum oct_scope scope, uint32_t id)
{
    switch (scope) {
    case OCT_SCOPE_FIRM:
        return &l->firm;
    case OCT_SCOPE_ACCOUNT:
        return id < OCT_RISK_ACCOUNT_MAX ? &l->account[id] : NULL;
    case OCT_SCOPE_STRATEGY:
        return id < OCT_RISK_STRATEGY_MAX ? &l->strategy[id] : NULL;
    case OCT_SCOPE_INSTRUMENT:
        return &l->inst[oct_risk_limits_inst_row(l, id)];
    }
    return NULL;
}

/* A row of the instrument's own, as a copy of the common one when it is new; NULL when full. */
static struct oct_risk_limit_row *own_inst_row(struct oct_risk_limits *l, uint32_t inst)
{
    uint32_t row = oct_risk_limits_inst_row(l, inst);

    if (row == 0 && inst != OCT_RISK_INST_ALL) {
        if (l->inst_row_cnt > OCT_RISK_INST_ROW_MAX)
            return NULL;
        row = l->inst_row_cnt++;
        l->inst_of_row[row] = inst;
        l->inst[row] = l->inst[0];
    }
    return &l->inst[row];
}

enum oct_cmd_result_kind oct_risk_limits_set(struct oct_risk_limits *l, enum oct_scope scope,
                                             uint32_t id, uint32_t key, __int128 value)
{
    const struct oct_risk_limit_def *def = oct_risk_limit_by_key(key);
    struct oct_risk_limit_row *row;

    if (!def || (unsigned)scope > OCT_SCOPE_INSTRUMENT || !(def->scopes & (1u << scope)))
        return OCT_CMD_RESULT_NOT_FOUND;
    if (!row_of(l, scope, id) || value < 0)
        return OCT_CMD_RESULT_BAD_VALUE;
    switch (key) {
#define L(k, name, type, unit, scopes, doc)  \
    case (k):                                \
        if (value > VALUE_MAX_##type)        \
            return OCT_CMD_RESULT_BAD_VALUE; \
        break;
        OCT_RISK_LIMITS(L)
#undef L
    }
    row = scope == OCT_SCOPE_INSTRUMENT ? own_inst_row(l, id)
                                        : (struct oct_risk_limit_row *)row_of(l, scope, id);
    if (!row)
        return OCT_CMD_RESULT_REFUSED;
    switch (key) {
#define L(k, name, type, unit, scopes, doc) \
    case (k):                               \
        row->name = (type)value;            \
        break;
        OCT_RISK_LIMITS(L)
#undef L
    }
    return OCT_CMD_RESULT_DONE;
}

__int128 oct_risk_limits_get(const struct oct_risk_limits *l, enum oct_scope scope, uint32_t id,
                             uint32_t key)
{
    const struct oct_risk_limit_def *def = oct_risk_limit_by_key(key);
    const struct oct_risk_limit_row *row = row_of(l, scope, id);

    if (!def || !row || !(def->scopes & (1u << scope)))
        return -1;
    switch (key) {
#define L(k, name, type, unit, scopes, doc) \
    case (k):                               \
        return row->name;
        OCT_RISK_LIMITS(L)
#undef L
    }
    return -1;
}

static uint32_t cmd_id(const struct oct_in_cmd *cmd)
{
    switch (cmd->scope) {
    case OCT_SCOPE_ACCOUNT:
        return cmd->account;
    case OCT_SCOPE_STRATEGY:
        return cmd->strategy;
    case OCT_SCOPE_INSTRUMENT:
        return cmd->inst;
    default:
        return 0;
    }
}

static enum oct_cmd_result_kind begin(struct oct_risk_limits_stage *s, const struct oct_in_cmd *cmd)
{
    bool configured = cmd->version == 0 && s->active.version == 0 && cmd->value == 1;

    if ((cmd->version <= s->active.version && !configured) || (cmd->value != 0 && cmd->value != 1))
        return OCT_CMD_RESULT_BAD_VALUE;
    if (cmd->value == 0)
        s->staged = s->active;
    else
        oct_risk_limits_init(&s->staged);
    s->staged.version = cmd->version;
    s->building = true;
    return OCT_CMD_RESULT_DONE;
}

enum oct_cmd_result_kind oct_risk_limits_cmd(struct oct_risk_limits_stage *s,
                                             const struct oct_in_cmd *cmd)
{
    bool ours = s->building && cmd->version == s->staged.version;

    switch (cmd->cmd) {
    case OCT_CMD_LIMIT_BEGIN:
        return begin(s, cmd);
    case OCT_CMD_LIMIT_ROW: {
        __int128 value =
            (__int128)(((unsigned __int128)cmd->value_hi << 64) | (uint64_t)cmd->value);
        if (!ours)
            return OCT_CMD_RESULT_WRONG_STATE;
        return oct_risk_limits_set(&s->staged, (enum oct_scope)cmd->scope, cmd_id(cmd), cmd->key,
                                   value);
    }
    case OCT_CMD_LIMIT_COMMIT:
        if (!ours)
            return OCT_CMD_RESULT_WRONG_STATE;
        s->active = s->staged;
        s->building = false;
        return OCT_CMD_RESULT_DONE;
    default:
        return OCT_CMD_RESULT_UNKNOWN;
    }
}
