/* limits.h - the limits of pre-trade risk: their names, the table in force, and how it changes.
 *
 * A limit is a number for a scope: the firm, an account, a strategy, or an instrument.  A limit
 * that was never set is zero, and zero refuses.  People change limits through commands: begin,
 * rows, commit; the rows go to a staged copy, and the commit swaps it in between two messages.
 * The same function applies commands in the lane and in tools that rebuild, from the journal, the
 * table that a verdict was judged by.
 *
 * Thread:  one.
 * Memory:  plain structs of the caller, no pointers, freely copied.
 * Cost:    setting a limit is O(1), for an instrument O(rows); begin copies about 48 KiB. */
#ifndef OCT_RISK_LIMITS_H
#define OCT_RISK_LIMITS_H

#include "dataplane/base/attr.h"
#include "dataplane/base/px.h"
#include "dataplane/msg/msg.h"

#define OCT_RISK_STRATEGY_MAX 31u /* ids 0..30, as many as the kill word names */
#define OCT_RISK_ACCOUNT_MAX  32u
#define OCT_RISK_INST_ROW_MAX 254u       /* instruments with limits of their own */
#define OCT_RISK_INST_ALL     UINT32_MAX /* the row of all instruments without one of their own */

#define OCT_RISK_ON_FIRM     (1u << OCT_SCOPE_FIRM)
#define OCT_RISK_ON_ACCOUNT  (1u << OCT_SCOPE_ACCOUNT)
#define OCT_RISK_ON_STRATEGY (1u << OCT_SCOPE_STRATEGY)
#define OCT_RISK_ON_INST     (1u << OCT_SCOPE_INSTRUMENT)

/* The one table of limits: L(key, name, field type, unit, scopes, meaning).  Keys are what commands
 * carry; names are what configuration and people use.  A scope that a limit has, applies: it must
 * be set there, or orders are refused. */
/* clang-format off */
#define OCT_RISK_LIMITS(L) \
    L(1, order_qty, int64_t, QTY, OCT_RISK_ON_STRATEGY | OCT_RISK_ON_INST, \
      "largest quantity of one order") \
    L(2, order_notional, __int128, MONEY, OCT_RISK_ON_STRATEGY | OCT_RISK_ON_ACCOUNT, \
      "largest price times quantity of one order") \
    L(3, collar_bps, uint32_t, BPS, OCT_RISK_ON_INST, \
      "how far a price may be from the reference price") \
    L(4, ref_age_ns, int64_t, NS, OCT_RISK_ON_INST, \
      "how old a last sale or a mid may be to serve as reference price") \
    L(5, position, int64_t, QTY, \
      OCT_RISK_ON_FIRM | OCT_RISK_ON_ACCOUNT | OCT_RISK_ON_STRATEGY | OCT_RISK_ON_INST, \
      "largest position in one instrument, if all working orders on the side of the order fill") \
    L(6, gross, __int128, MONEY, \
      OCT_RISK_ON_FIRM | OCT_RISK_ON_ACCOUNT | OCT_RISK_ON_STRATEGY | OCT_RISK_ON_INST, \
      "largest sum of worst-case positions at their marks") \
    L(7, open_orders, uint32_t, COUNT, \
      OCT_RISK_ON_FIRM | OCT_RISK_ON_ACCOUNT | OCT_RISK_ON_STRATEGY, \
      "orders working or in flight at a time") \
    L(8, msg_rate, uint32_t, COUNT, OCT_RISK_ON_FIRM | OCT_RISK_ON_STRATEGY, \
      "order messages in a sliding window of about a second") \
    L(9, msg_reserve, uint32_t, COUNT, OCT_RISK_ON_FIRM | OCT_RISK_ON_STRATEGY, \
      "part of msg_rate that only cancels may use") \
    L(10, repeat_cnt, uint32_t, COUNT, OCT_RISK_ON_STRATEGY, \
      "executions in one instrument in repeat_window_ns after which no new order goes there") \
    L(11, repeat_window_ns, int64_t, NS, OCT_RISK_ON_STRATEGY, \
      "window of repeat_cnt, rounded up to eight times a power of two") \
    L(12, dup_window_ns, int64_t, NS, OCT_RISK_ON_STRATEGY, \
      "the same order (instrument, side, price, quantity) goes once in this time") \
    L(13, loss, __int128, MONEY, OCT_RISK_ON_FIRM | OCT_RISK_ON_ACCOUNT | OCT_RISK_ON_STRATEGY, \
      "largest loss; beyond it HALTED") \
    L(14, drawdown, __int128, MONEY, \
      OCT_RISK_ON_FIRM | OCT_RISK_ON_ACCOUNT | OCT_RISK_ON_STRATEGY, \
      "largest fall from the highest profit and loss so far; beyond it REDUCING")
/* clang-format on */

enum oct_risk_limit {
#define L(key, name, type, unit, scopes, doc) OCT_RISK_LIMIT_##name = (key),
    OCT_RISK_LIMITS(L)
#undef L
        OCT_RISK_LIMIT_END = 15
};

/* What a value counts. */
enum oct_risk_unit {
    OCT_RISK_UNIT_QTY,   /* 1e-8 */
    OCT_RISK_UNIT_MONEY, /* 1e-17 */
    OCT_RISK_UNIT_PX,    /* 1e-9 */
    OCT_RISK_UNIT_NS,
    OCT_RISK_UNIT_BPS, /* 1/10000 */
    OCT_RISK_UNIT_COUNT,
    OCT_RISK_UNIT_FLAG, /* 0 or 1 */
    OCT_RISK_UNIT_STATE /* enum oct_ladder_state */
};

/* A value of the unit counts 10^-decimals. */
static inline unsigned oct_risk_unit_decimals(enum oct_risk_unit unit)
{
    return unit == OCT_RISK_UNIT_QTY     ? 8
           : unit == OCT_RISK_UNIT_MONEY ? 17
           : unit == OCT_RISK_UNIT_PX    ? 9
                                         : 0;
}

struct oct_risk_limit_def {
    const char *name;
    const char *doc;
    uint16_t key;
    uint8_t unit;   /* enum oct_risk_unit */
    uint8_t scopes; /* OCT_RISK_ON_* */
};

/* In the order of keys. */
extern const struct oct_risk_limit_def oct_risk_limit_defs[OCT_RISK_LIMIT_END - 1];

/* NULL for an unknown name or key. */
const struct oct_risk_limit_def *oct_risk_limit_by_name(const char *name);
const struct oct_risk_limit_def *oct_risk_limit_by_key(uint32_t key);

/* The limits of one member of a scope.  Which fields mean something follows from the scope. */
struct oct_risk_limit_row {
    int64_t order_qty;
    int64_t position;
    int64_t ref_age_ns;
    int64_t repeat_window_ns;
    int64_t dup_window_ns;
    uint32_t collar_bps;
    uint32_t open_orders;
    uint32_t msg_rate;
    uint32_t msg_reserve;
    uint32_t repeat_cnt;
    uint32_t pad;
    __int128 order_notional;
    __int128 gross;
    __int128 loss;
    __int128 drawdown;
};
_Static_assert(sizeof(struct oct_risk_limit_row) == 128, "two lines");

struct oct_risk_limits {
    uint32_t version; /* 0: what the configuration set */
    uint32_t inst_row_cnt;
    uint32_t inst_of_row[OCT_RISK_INST_ROW_MAX + 2]; /* [0] is OCT_RISK_INST_ALL */
    struct oct_risk_limit_row firm;
    struct oct_risk_limit_row account[OCT_RISK_ACCOUNT_MAX + 1];   /* the last is never set */
    struct oct_risk_limit_row strategy[OCT_RISK_STRATEGY_MAX + 1]; /* the last is never set */
    struct oct_risk_limit_row inst[OCT_RISK_INST_ROW_MAX + 2];     /* [0] for all others */
};

/* All limits zero: everything is refused. */
void oct_risk_limits_init(struct oct_risk_limits *l);

/* Sets one limit.  id is ignored for the firm; for instruments it may be OCT_RISK_INST_ALL.  The
 * first limit of an instrument's own copies the row of all others: set that one first.  Returns
 * OCT_CMD_RESULT_DONE; NOT_FOUND for an unknown key or a scope that the limit does not have;
 * BAD_VALUE for an id out of range or a value that is negative or too large; REFUSED when no more
 * instruments fit. */
enum oct_cmd_result_kind oct_risk_limits_set(struct oct_risk_limits *l, enum oct_scope scope,
                                             uint32_t id, uint32_t key, __int128 value);
/* The value, or -1 when there is no such limit. */
__int128 oct_risk_limits_get(const struct oct_risk_limits *l, enum oct_scope scope, uint32_t id,
                             uint32_t key);
/* Row index of an instrument: its own, or 0. */
uint32_t oct_risk_limits_inst_row(const struct oct_risk_limits *l, uint32_t inst);

/* Limits in force and limits being built. */
struct oct_risk_limits_stage {
    struct oct_risk_limits active;
    struct oct_risk_limits staged;
    bool building;
};

/* Applies limit_begin, limit_row or limit_commit; any other command returns UNKNOWN.
 * begin: version must be above the one in force, or both are 0: the configuration, stated again at
 * each start (with value 1) as long as no person changed a limit; value 0 starts from the limits in force, 1 from
 * zero.  row: version must be the one begun; scope, account, strategy or inst, key, value and
 * value_hi as in in_cmd.  commit: version must be the one begun; afterwards `active` is new, which
 * is when the caller recomputes what it derived.  Everything else is refused and changes nothing. */
enum oct_cmd_result_kind oct_risk_limits_cmd(struct oct_risk_limits_stage *s,
                                             const struct oct_in_cmd *cmd);

#endif
