/* What people and the control process ask for. */
#include "agents/risk/risk_priv.h"

/* People's intents are numbered apart from the strategies'. */
#define MANUAL_INTENT (UINT64_C(1) << 63)

void oct_risk_limits_changed(struct oct_risk *r)
{
    const struct oct_risk_limits *l = &r->limits.active;

    for (uint32_t i = 0; i <= r->cfg.inst_cnt; i++)
        r->inst[i].row = 0;
    for (uint32_t row = 1; row < l->inst_row_cnt; row++) {
        if (l->inst_of_row[row] < r->cfg.inst_cnt)
            r->inst[l->inst_of_row[row]].row = (uint8_t)row;
    }
    for (uint32_t i = 0; i <= OCT_RISK_STRATEGY_MAX; i++) {
        uint64_t slot_ns = (uint64_t)l->strategy[i].repeat_window_ns / 8;
        r->strategy[i].repeat_shift =
            slot_ns < 2 ? 0 : (uint8_t)(64 - __builtin_clzll(slot_ns - 1));
    }
    oct_risk_bounds(r);
    oct_risk_refloor_all(r);
}

static enum oct_cmd_result_kind limits_cmd(struct oct_risk *r, struct oct_step *step,
                                           const struct oct_in_cmd *m)
{
    enum oct_cmd_result_kind res;

    if (r->control_silent && m->cmd != OCT_CMD_LIMIT_BEGIN)
        return OCT_CMD_RESULT_WRONG_STATE;
    if (m->cmd == OCT_CMD_LIMIT_ROW && m->scope == OCT_SCOPE_INSTRUMENT &&
        m->inst >= r->cfg.inst_cnt && m->inst != OCT_RISK_INST_ALL)
        return OCT_CMD_RESULT_BAD_VALUE;
    res = oct_risk_limits_cmd(&r->limits, m);
    if (m->cmd == OCT_CMD_LIMIT_COMMIT && res == OCT_CMD_RESULT_DONE) {
        oct_risk_limits_changed(r);
        oct_risk_look_at_all(r, step);
    }
    return res;
}

/* An order of a person is an intent like any other. */
static enum oct_cmd_result_kind manual_order(struct oct_risk *r, struct oct_step *step,
                                             const struct oct_in_cmd *m, uint64_t *value)
{
    uint16_t strategy = m->strategy == OCT_STRATEGY_NONE ? r->cfg.manual : m->strategy;
    struct oct_pos_view pos;
    struct oct_intent in = {OCT_MSG_HDR(INTENT, intent),
                            .intent_id = MANUAL_INTENT | ++r->manual_cnt,
                            .inst = m->inst,
                            .strategy = strategy,
                            .account = m->account,
                            .action = OCT_ACTION_NEW,
                            .side = m->side,
                            .ord_type = m->ord_type,
                            .tif = m->tif,
                            .manual = 1,
                            .px = m->px,
                            .qty = m->qty,
                            .contrib = {strategy, OCT_STRATEGY_NONE, OCT_STRATEGY_NONE,
                                        OCT_STRATEGY_NONE, OCT_STRATEGY_NONE, OCT_STRATEGY_NONE},
                            .weight = {1.0}};

    pos = oct_risk_position(r, strategy, m->inst);
    in.short_sale = m->side == OCT_SELL && (__int128)pos.pos.v - pos.sell.v - m->qty.v < 0;
    r->last_order_id = 0;
    oct_emit(step, &in.hdr);
    oct_risk_judge(r, step, &in);
    if (r->last_reason != OCT_RISK_OK) {
        *value = r->last_reason;
        return OCT_CMD_RESULT_REFUSED;
    }
    *value = r->last_order_id;
    return r->last_order_id ? OCT_CMD_RESULT_DONE : OCT_CMD_RESULT_REFUSED;
}

static enum oct_cmd_result_kind restrict_cmd(struct oct_risk *r, const struct oct_in_cmd *m,
                                             uint64_t *value)
{
    if (m->inst >= r->cfg.inst_cnt)
        return OCT_CMD_RESULT_BAD_VALUE;
    *value = r->inst[m->inst].restricted;
    r->inst[m->inst].restricted = m->cmd == OCT_CMD_RESTRICT;
    return OCT_CMD_RESULT_DONE;
}

static enum oct_cmd_result_kind strategy_cmd(struct oct_risk *r, const struct oct_in_cmd *m,
                                             uint64_t *value)
{
    if (m->strategy >= r->strategy_cnt)
        return OCT_CMD_RESULT_NOT_FOUND;
    *value = r->strategy[m->strategy].on;
    r->strategy[m->strategy].on = m->cmd == OCT_CMD_STRATEGY_ON;
    oct_risk_look(r, OCT_SCOPE_STRATEGY, m->strategy);
    return OCT_CMD_RESULT_DONE;
}

/* A condition that lasts until its opposite comes, and may also move the ladder. */
static enum oct_cmd_result_kind condition(struct oct_risk *r, struct oct_step *step, bool *flag,
                                          bool on, uint8_t down_to, enum oct_risk_reason cause)
{
    *flag = on;
    oct_risk_look(r, OCT_SCOPE_FIRM, 0);
    if (on)
        oct_risk_down(r, step, OCT_SCOPE_FIRM, 0, (enum oct_ladder_state)down_to, cause, false);
    return OCT_CMD_RESULT_DONE;
}

OCT_COLD void oct_risk_on_cmd(struct oct_risk *r, struct oct_step *step, const struct oct_in_cmd *m)
{
    struct oct_cmd_result res = {OCT_MSG_HDR(CMD_RESULT, cmd_result), .cmd_id = m->cmd_id,
                                 .now_ns = step->now_ns, .cmd = m->cmd};
    enum oct_cmd_result_kind kind;

    switch (m->cmd) {
    case OCT_CMD_HALT:
    case OCT_CMD_REDUCE:
    case OCT_CMD_REARM:
        kind = oct_risk_ladder_cmd(r, step, m, &res.value);
        break;
    case OCT_CMD_ORDER:
        kind = manual_order(r, step, m, &res.value);
        break;
    case OCT_CMD_LIMIT_BEGIN:
    case OCT_CMD_LIMIT_ROW:
    case OCT_CMD_LIMIT_COMMIT:
        kind = limits_cmd(r, step, m);
        break;
    case OCT_CMD_RESTRICT:
    case OCT_CMD_UNRESTRICT:
        kind = restrict_cmd(r, m, &res.value);
        break;
    case OCT_CMD_STRATEGY_ON:
    case OCT_CMD_STRATEGY_OFF:
        kind = strategy_cmd(r, m, &res.value);
        break;
    case OCT_CMD_CLOCK_BAD:
    case OCT_CMD_CLOCK_GOOD:
        kind = condition(r, step, &r->clock_bad, m->cmd == OCT_CMD_CLOCK_BAD, r->cfg.on_clock_bad,
                         OCT_RISK_CLOCK);
        break;
    case OCT_CMD_CONTROL_SILENT:
    case OCT_CMD_CONTROL_BACK:
        kind = condition(r, step, &r->control_silent, m->cmd == OCT_CMD_CONTROL_SILENT,
                         r->cfg.on_control_silent, OCT_RISK_HALTED);
        break;
    default: /* cancel, cancel_all, reconcile, param: others answer */
        return;
    }
    res.result = (uint8_t)kind;
    res.version = r->limits.active.version;
    OCT_COUNT_IF(kind != OCT_CMD_RESULT_DONE, &r->cfg.counters[OCT_RISK_C_CMD_REFUSED]);
    oct_emit(step, &res.hdr);
}
