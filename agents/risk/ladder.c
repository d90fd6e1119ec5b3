/* The state ladder: down by itself, latched; up by a person's command. */
#include <string.h>

#include "agents/risk/risk_priv.h"

static void move_to(struct oct_risk *r, struct oct_step *step, enum oct_scope scope, uint32_t id,
                    enum oct_ladder_state state, enum oct_risk_reason cause, bool by_person)
{
    struct scope *s = scope_of(r, scope, id);
    struct oct_ladder m = {OCT_MSG_HDR(LADDER, ladder),
                           .now_ns = step->now_ns,
                           .state = (uint8_t)state,
                           .prev = s->ladder,
                           .scope = (uint8_t)scope,
                           .by_person = by_person,
                           .cause = (uint16_t)cause,
                           .account = scope == OCT_SCOPE_ACCOUNT ? (uint16_t)id : 0,
                           .strategy = scope == OCT_SCOPE_STRATEGY ? (uint16_t)id : 0};

    s->ladder = (uint8_t)state;
    oct_risk_refloor(r, scope, id);
    oct_count(&r->cfg.counters[OCT_RISK_C_LADDER_MOVES], 1);
    m.hdr.input = step->input;
    m.hdr.lane = step->out->lane;
    if (r->cfg.persist.fn)
        oct_sink_call(&r->cfg.persist, step, &m.hdr);
    oct_emit(step, &m.hdr);
    if (r->cfg.execution.fn)
        oct_sink_call(&r->cfg.execution, step, &m.hdr);
}

OCT_COLD void oct_risk_down(struct oct_risk *r, struct oct_step *step, enum oct_scope scope,
                            uint32_t id, enum oct_ladder_state state, enum oct_risk_reason cause,
                            bool by_person)
{
    if (scope_of(r, scope, id)->ladder < state)
        move_to(r, step, scope, id, state, cause, by_person);
}

/* ---- loss and drawdown ------------------------------------------------------------------------ */

static __int128 floor_of(__int128 from, __int128 limit)
{
    return limit > 0 ? from - limit : NO_FLOOR;
}

/* The floor is where the next rung is: none below HALTED, the loss limit below REDUCING.  A limit
 * of zero refuses orders and has no floor. */
void oct_risk_refloor(struct oct_risk *r, enum oct_scope scope, uint32_t id)
{
    struct scope *s = scope_of(r, scope, id);
    const struct oct_risk_limit_row *row = limits_of(r, scope, id);

    s->unset = (row->loss == 0) | (row->drawdown == 0);
    s->floor = NO_FLOOR;
    if (s->ladder < OCT_LADDER_HALTED)
        s->floor = floor_of(0, row->loss);
    if (s->ladder < OCT_LADDER_REDUCING)
        s->floor = max128(s->floor, floor_of(s->peak, row->drawdown));
    oct_risk_look(r, scope, id);
}

void oct_risk_refloor_all(struct oct_risk *r)
{
    oct_risk_refloor(r, OCT_SCOPE_FIRM, 0);
    for (uint32_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++)
        oct_risk_refloor(r, OCT_SCOPE_ACCOUNT, i);
    for (uint32_t i = 0; i < OCT_RISK_STRATEGY_MAX; i++)
        oct_risk_refloor(r, OCT_SCOPE_STRATEGY, i);
}

void oct_risk_look(struct oct_risk *r, enum oct_scope scope, uint32_t id)
{
    struct scope *s = scope_of(r, scope, id);
    bool all = scope == OCT_SCOPE_FIRM && (r->clock_bad || r->recorder_bad || r->wide);

    s->stop = s->ladder != OCT_LADDER_ACTIVE || s->unset || !s->on || all;
}

static bool loss_is_over(const struct scope *s, const struct oct_risk_limit_row *row)
{
    return row->loss > 0 && s->pnl < -row->loss;
}

/* With the peak that rearming leaves. */
static bool drawdown_would_be_over(const struct scope *s, const struct oct_risk_limit_row *row)
{
    return row->drawdown > 0 && s->pnl < -row->drawdown;
}

OCT_COLD void oct_risk_breach(struct oct_risk *r, struct oct_step *step, enum oct_scope scope,
                              uint32_t id)
{
    const struct scope *s = scope_of(r, scope, id);

    oct_count(&r->cfg.counters[OCT_RISK_C_BREACHES], 1);
    if (loss_is_over(s, limits_of(r, scope, id)))
        oct_risk_down(r, step, scope, id, OCT_LADDER_HALTED, OCT_RISK_LOSS, false);
    else
        oct_risk_down(r, step, scope, id, OCT_LADDER_REDUCING, OCT_RISK_DRAWDOWN, false);
}

/* Limits may have come down on a loss that is there already; a scope that is flat sees no mark. */
void oct_risk_look_at_all(struct oct_risk *r, struct oct_step *step)
{
    static const uint32_t cnt[] = {[OCT_SCOPE_FIRM] = 1,
                                   [OCT_SCOPE_ACCOUNT] = OCT_RISK_ACCOUNT_MAX,
                                   [OCT_SCOPE_STRATEGY] = OCT_RISK_STRATEGY_MAX};

    for (uint32_t scope = 0; scope < OCT_ARRAY_CNT(cnt); scope++) {
        for (uint32_t id = 0; id < cnt[scope]; id++) {
            const struct scope *s = scope_of(r, (enum oct_scope)scope, id);
            if (s->pnl < s->floor)
                oct_risk_breach(r, step, (enum oct_scope)scope, id);
        }
    }
}

/* ---- kill ------------------------------------------------------------------------------------- */

/* Bits of the kill word (dataplane/shm/pulse.h): 0 the firm, 1 to 31 strategies, 32 to 63
 * accounts.  Only bits not seen before act; rearming forgets a bit, because the lane clears the
 * word then and it may be set again. */
OCT_COLD void oct_risk_on_kill(struct oct_risk *r, struct oct_step *step,
                               const struct oct_in_kill *m)
{
    uint64_t fresh = m->bits & ~r->kill_seen;

    r->kill_seen |= m->bits;
    for (; fresh != 0; fresh &= fresh - 1) {
        unsigned bit = (unsigned)__builtin_ctzll(fresh);
        enum oct_scope scope = bit == 0   ? OCT_SCOPE_FIRM
                               : bit < 32 ? OCT_SCOPE_STRATEGY
                                          : OCT_SCOPE_ACCOUNT;
        uint32_t id = bit == 0 ? 0 : bit < 32 ? bit - 1 : bit - 32;
        oct_risk_down(r, step, scope, id, OCT_LADDER_KILLED, OCT_RISK_KILLED, true);
    }
}

static uint64_t kill_bit(enum oct_scope scope, uint32_t id)
{
    return scope == OCT_SCOPE_FIRM       ? 1
           : scope == OCT_SCOPE_STRATEGY ? UINT64_C(1) << (1 + id)
                                         : UINT64_C(1) << (32 + id);
}

/* ---- commands --------------------------------------------------------------------------------- */

/* Which member a command means; false when there is no such member. */
static bool member(const struct oct_risk *r, const struct oct_in_cmd *m, uint32_t *id)
{
    switch (m->scope) {
    case OCT_SCOPE_FIRM:
        *id = 0;
        return true;
    case OCT_SCOPE_ACCOUNT:
        *id = m->account;
        return m->account < r->account_cnt;
    case OCT_SCOPE_STRATEGY:
        *id = m->strategy;
        return m->strategy < r->strategy_cnt;
    default:
        return false;
    }
}

/* Up to `value` (a ladder state).  Refused, with the reason in *value, while a loss, or what would be
 * the drawdown, is beyond its limit: the limit must be raised first.  Drawdown counts anew from here,
 * or from zero when we are below it. */
static enum oct_cmd_result_kind rearm(struct oct_risk *r, struct oct_step *step,
                                      const struct oct_in_cmd *m, uint32_t id, uint64_t *value)
{
    enum oct_scope scope = (enum oct_scope)m->scope;
    struct scope *s = scope_of(r, scope, id);

    if (m->value < OCT_LADDER_ACTIVE || m->value > OCT_LADDER_KILLED)
        return OCT_CMD_RESULT_BAD_VALUE;
    if (m->value >= s->ladder)
        return OCT_CMD_RESULT_WRONG_STATE;
    if (m->value < OCT_LADDER_HALTED && loss_is_over(s, limits_of(r, scope, id))) {
        *value = OCT_RISK_LOSS;
        return OCT_CMD_RESULT_REFUSED;
    }
    if (m->value < OCT_LADDER_REDUCING && drawdown_would_be_over(s, limits_of(r, scope, id))) {
        *value = OCT_RISK_DRAWDOWN;
        return OCT_CMD_RESULT_REFUSED;
    }
    *value = s->ladder;
    if (s->ladder == OCT_LADDER_KILLED)
        r->kill_seen &= ~kill_bit(scope, id);
    s->peak = max128(s->pnl, 0);
    move_to(r, step, scope, id, (enum oct_ladder_state)m->value, OCT_RISK_OK, true);
    return OCT_CMD_RESULT_DONE;
}

enum oct_cmd_result_kind oct_risk_ladder_cmd(struct oct_risk *r, struct oct_step *step,
                                             const struct oct_in_cmd *m, uint64_t *value)
{
    bool halt = m->cmd == OCT_CMD_HALT;
    uint32_t id = 0;

    if (!member(r, m, &id))
        return OCT_CMD_RESULT_BAD_VALUE;
    if (m->cmd == OCT_CMD_REARM)
        return rearm(r, step, m, id, value);
    *value = scope_of(r, (enum oct_scope)m->scope, id)->ladder;
    oct_risk_down(r, step, (enum oct_scope)m->scope, id,
                  halt ? OCT_LADDER_HALTED : OCT_LADDER_REDUCING,
                  halt ? OCT_RISK_HALTED : OCT_RISK_REDUCE_ONLY, true);
    return OCT_CMD_RESULT_DONE;
}

void oct_risk_ladder_state(const struct oct_risk *r, struct oct_risk_ladder *out)
{
    out->firm = r->firm.ladder;
    for (uint32_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++)
        out->account[i] = r->account[i].ladder;
    for (uint32_t i = 0; i < OCT_RISK_STRATEGY_MAX; i++)
        out->strategy[i] = r->strategy[i].ladder;
}

static void restore(struct oct_risk *r, enum oct_scope scope, uint32_t id, uint8_t kept)
{
    struct scope *s = scope_of(r, scope, id);

    /* What cannot be a state was not written by us. */
    if (kept > OCT_LADDER_KILLED)
        kept = OCT_LADDER_HALTED;
    if (kept > s->ladder)
        s->ladder = kept;
    oct_risk_refloor(r, scope, id);
}

void oct_risk_ladder_restore(struct oct_risk *r, const struct oct_risk_ladder *kept)
{
    restore(r, OCT_SCOPE_FIRM, 0, kept->firm);
    for (uint32_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++)
        restore(r, OCT_SCOPE_ACCOUNT, i, kept->account[i]);
    for (uint32_t i = 0; i < OCT_RISK_STRATEGY_MAX; i++)
        restore(r, OCT_SCOPE_STRATEGY, i, kept->strategy[i]);
}
