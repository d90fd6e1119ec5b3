/* risk.h - M6: judges every order before it can exist; owner of positions, exposures, P&L, limits
 * and of the state ladder.
 *
 * In:  intent (from strategy; orders of people come as in_cmd and become intents here), market,
 *      order_update and fill (from execution), in_cmd, in_kill, in_venue, in_recorder, in_feed,
 *      in_start, timer.
 * Out: verdict for every intent; intent for orders of people; ladder; position; cmd_result.
 *      Approved intents go to cfg.submit, in the same call.  There is no other way to it.
 *
 * A verdict carries everything its checks looked at, so that explain.h can show each check with
 * value and limit afterwards.  All checks are made, always; `failed` has a bit for each that
 * refused, `reason` the first in the order of enum oct_risk_reason.
 *
 * What is checked against what:
 *   position    of the instrument (firm-wide), of strategy, account and firm in the instrument,
 *               if every working order on the side of this one fills, and this one
 *   gross       sum over strategies and instruments of the larger of |position + buys| and
 *               |position - sells| at the mark; what the order adds counts at the reference price
 *   reference   last sale if not older than ref_age_ns; else the mid, if the BBO is not older, both
 *               sides are there, not crossed, and the spread is within the collar; else the
 *               previous close; else there is none and the order is refused
 *   short       a sale is short when the strategy's position less its working sales does not cover
 *               it; it must be marked, and is refused under a short-sale restriction, also while
 *               that state is unknown
 *   self trade  the best price of our orders, of any strategy, on the other side
 *   rate        orders and replacements of about the last second; cancels count, and always pass
 *   loss        P&L (cash plus position at mark) below minus the limit -> HALTED, latched
 *   drawdown    P&L below its highest so far less the limit -> REDUCING, latched
 * Loss and drawdown are looked at on every mark and fill, and when limits change.  A cancel passes in
 * every state of the ladder; REDUCING passes what brings the strategy's position in the instrument
 * nearer to zero.
 *
 * The mark of an instrument is the mid, when both sides are there and not crossed and not stale;
 * else the last sale; else the mark before; else the previous close.
 *
 * Thread:  the lane's.
 * Memory:  oct_risk_footprint(cfg) bytes at 128, fixed.
 * Cost:    O(1) for an intent, an order update, a fill; O(strategies with a position) for a mark.
 *          No allocation, no clock, no division. */
#ifndef OCT_RISK_RISK_H
#define OCT_RISK_RISK_H

#include "agents/risk/explain.h"
#include "agents/risk/limits.h"
#include "dataplane/port/agent.h"
#include "dataplane/port/view.h"

enum oct_risk_counter {
    OCT_RISK_C_INTENTS,
    OCT_RISK_C_APPROVED,
    OCT_RISK_C_REFUSED,
    OCT_RISK_C_MARKS, /* marks that moved a position's value */
    OCT_RISK_C_LADDER_MOVES,
    OCT_RISK_C_BREACHES,      /* loss or drawdown beyond the limit */
    OCT_RISK_C_DUP_FORGOTTEN, /* recent orders pushed out of the table within their window */
    OCT_RISK_C_UNTRACKED,     /* order updates and fills without room or out of range: HALTED */
    OCT_RISK_C_CMD_REFUSED,
    OCT_RISK_C_EXACT, /* intents that were judged check by check, and not by the proof that all pass */
    OCT_RISK_C_REASON0, /* refusals by first reason: REASON0 + enum oct_risk_reason */
    OCT_RISK_C_CNT = OCT_RISK_C_REASON0 + 38,
};
extern const struct oct_counter_def oct_risk_counter_defs[OCT_RISK_C_CNT];

/* State of the ladder everywhere: enum oct_ladder_state. */
struct oct_risk_ladder {
    uint8_t firm;
    uint8_t account[OCT_RISK_ACCOUNT_MAX];
    uint8_t strategy[OCT_RISK_STRATEGY_MAX];
};

struct oct_risk_cfg {
    const struct oct_view *view;   /* instruments; execution's order_ready (NULL: everything is) */
    struct oct_submit_sink submit; /* approved intents, to execution */
    struct oct_sink persist;       /* ladder records before they are reported; fn NULL: none */
    struct oct_sink execution;     /* ladder records after they are reported; fn NULL: none */
    struct oct_sink strategy;      /* verdicts, before submission; fn NULL: none */
    /* Do an intent and its symbol fit the venue's fields (oct_order_ops.fits)?  0 or negative; NULL:
     * not asked. */
    int (*venue_check)(const struct oct_intent *intent, const oct_sym *symbol);
    const struct oct_risk_limits *limits; /* table at start, copied; NULL: all zero */
    struct oct_counter *counters;         /* OCT_RISK_C_CNT */
    int64_t position_pub_ns; /* position records of marks and working orders at most this often */
    uint32_t inst_cnt;
    uint32_t order_cnt_max; /* orders open at a time */
    uint32_t pos_cnt_max;   /* (strategy, instrument) and (account, instrument) pairs with an order
                               or a position today */
    uint32_t recent_cnt;    /* orders remembered for the duplicate check */
    uint16_t strategy_cnt;  /* up to OCT_RISK_STRATEGY_MAX */
    uint16_t account_cnt;   /* up to OCT_RISK_ACCOUNT_MAX */
    uint16_t manual;        /* strategy of people's orders that name none */
    uint8_t on_clock_bad; /* ladder state to go down to; OCT_LADDER_ACTIVE: refuse while it lasts */
    uint8_t on_stale_feed; /* the same for a feed declared stale; its instruments refuse anyway */
    uint8_t on_control_silent;
    uint16_t account_of[OCT_RISK_STRATEGY_MAX]; /* the account each strategy trades for */
};

struct oct_risk; /* opaque */

/* 0 when a figure is out of range. */
size_t oct_risk_footprint(const struct oct_risk_cfg *cfg);
struct oct_risk *oct_risk_new(void *mem, const struct oct_risk_cfg *cfg);

/* The agent's one entry for records. */
OCT_HOT void oct_risk_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m);

/* Hints that the instrument is marked soon: first its line, then, when that should have come, the
 * first position in it.  Any number will do; nothing changes. */
OCT_HOT void oct_risk_prefetch1(const struct oct_risk *r, uint32_t inst);
OCT_HOT void oct_risk_prefetch2(const struct oct_risk *r, uint32_t inst);

/* What oct_view.order_soon points to: asks for the positions and the reference data. */
OCT_HOT void oct_risk_order_soon(const void *self, uint16_t strategy, uint16_t account,
                                 uint32_t inst);

/* What oct_view.position points to. */
struct oct_pos_view oct_risk_position(const void *self, uint16_t strategy, uint32_t inst);

/* The ladder as it is; and, before the seal, as it was kept on disk: a state is only ever taken
 * over when it is lower than the one here. */
void oct_risk_ladder_state(const struct oct_risk *r, struct oct_risk_ladder *out);
void oct_risk_ladder_restore(struct oct_risk *r, const struct oct_risk_ladder *kept);

/* Limits in force. */
const struct oct_risk_limits *oct_risk_limits_in_force(const struct oct_risk *r);

/* Profit and loss, exposure and working orders of a member of a scope, for summaries. */
struct oct_risk_totals {
    __int128 pnl;
    __int128 peak;
    __int128 gross;
    uint32_t open_orders;
    uint8_t ladder;
    uint8_t pad[11];
};
void oct_risk_totals(const struct oct_risk *r, enum oct_scope scope, uint32_t id,
                     struct oct_risk_totals *out);

/* Calls fn with a position record for every (strategy, instrument) that had an order or a position
 * today. */
void oct_risk_each(const struct oct_risk *r, void (*fn)(void *arg, const struct oct_position *p),
                   void *arg);

uint64_t oct_risk_digest(const void *self);

#endif
