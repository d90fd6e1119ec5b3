/* execution.h - M7: the state of every order of ours, and the only maker of order records.
 *
 * In:  approved intents from risk (oct_execution_submit), venue messages (ven), session events
 *      (in_venue), in_start, in_mark, in_kill, in_cmd (cancel, cancel_all, reconcile), ladder,
 * timer. Out: order records, to the lane's output and then to cfg.tx, in the same step;
 * order_update and fill, to the output, then to cfg.risk, then to cfg.strategy; mark; cmd_result.
 *
 * Thread:  the lane's.
 * Memory:  oct_execution_footprint(cfg) bytes at 128, fixed.
 * Cost:    O(1) for every message, order and lookup; no allocation, no clock.
 *
 * Exposure.  The sum of `open` over order ids is what may still execute; every change of it is told
 * by exactly one order_update, the first of an order (state sent) within the call that submits
 * it, so that risk need not reserve anything on its own.  A replacement in flight is two ids: the
 * old one keeps its open quantity, the new one carries what the replacement would add (0 when it
 * is smaller): together the larger of both sizes.  When it is answered, the new id takes over
 * before the old one lets go.  `qty` and `filled` of a replacement count its whole chain, as the
 * venue does; fill records count once.
 *
 * States:
 *   sent             bytes handed to the session, no answer yet
 *   working          at the venue
 *   replace_pending  a replacement is in flight; view.order gives its id
 *   cancel_pending   a cancel or a reduction is in flight
 *   unknown          in flight when the session or the process went; exposure stays until the venue
 *                    answers or a person reconciles
 *   filled cancelled rejected      as the venue said
 *   closed           replaced, never sent, never arrived, or reconciled
 *
 * Numbers.  user_ref only grows; a number is used only when it lies below a mark that in_mark said
 * is on disk.  A block of cfg.mark_block is reserved ahead of need with a mark record.
 *
 * Session.  After logged_in the account state is asked for; its answer comes after everything the
 * venue replays, so when it is here, the replay is complete.  (Answers to earlier questions may be
 * among the replayed messages; they are told apart by counting.  Without a journal that count is a
 * guess: as soon as the venue speaks of an order we do not know, orders stop until the session has
 * been quiet for settle_ns, and it is asked anew.)  Then every order without an
 * answer whose number the venue has not reached is closed: it never arrived.  Others stay unknown.
 * Nothing is ever resent: a number is sent once.  Cancels that could not be sent are tried again.
 * On loss of the session, orders in flight become unknown; with cancel_on_disconnect whatever is
 * open after the next login is cancelled.
 *
 * After a loss of power the venue may speak of an order whose record is lost, in an instrument whose
 * record is lost, too.  That message is held back (oct_execution_holds), and with it the order
 * session, until the feed, asked for what was lost, has brought the instrument; after hold_ns the
 * order is taken up without one, and risk halts the firm.
 *
 * Refused here, counted, and told as order_update rejected with event 0 and reason of enum
 * oct_risk_reason: anything without a matching approval, and what order_ready would refuse.
 *
 * A cancel goes out for both ids of a replacement in flight, since the venue knows one of them
 * when it arrives.  At most OCT_EXECUTION_STEP_MAX cancels leave in one step; a timer continues. */
#ifndef OCT_EXECUTION_EXECUTION_H
#define OCT_EXECUTION_EXECUTION_H

#include "dataplane/port/agent.h"
#include "dataplane/port/venue.h"
#include "dataplane/port/view.h"

#define OCT_EXECUTION_STEP_MAX 96u

enum oct_execution_counter {
    OCT_EXECUTION_SENT,         /* new orders and replacements */
    OCT_EXECUTION_CANCELS_SENT, /* cancels and reductions */
    OCT_EXECUTION_QUERIES_SENT,
    OCT_EXECUTION_ACKED,
    OCT_EXECUTION_FILLS,
    OCT_EXECUTION_CANCELLED,
    OCT_EXECUTION_REJECTED,
    OCT_EXECUTION_REPLACED,
    OCT_EXECUTION_BROKEN,
    OCT_EXECUTION_REFUSED,       /* submissions refused here */
    OCT_EXECUTION_NO_APPROVAL,   /* of those: approval missing, used or not matching */
    OCT_EXECUTION_NOT_SENT,      /* bytes could not be sent, or the kill word stopped them */
    OCT_EXECUTION_DUPLICATES,    /* venue messages seen before */
    OCT_EXECUTION_GAPS,          /* venue sequence numbers missed */
    OCT_EXECUTION_UNATTRIBUTED,  /* venue messages of no order of ours */
    OCT_EXECUTION_ADOPTED,       /* orders taken up from a venue message */
    OCT_EXECUTION_HELD,          /* venue messages held back until the feed knew the instrument */
    OCT_EXECUTION_UNEXPECTED,    /* venue messages that do not fit the order's state */
    OCT_EXECUTION_OVERFILLS,     /* executed beyond what was open */
    OCT_EXECUTION_UNKNOWN_TOTAL, /* orders that became unknown */
    OCT_EXECUTION_RECONCILED,
    OCT_EXECUTION_FILLS_FORGOTTEN, /* fills pushed out of the table: a later break is unattributed
                                    */
    OCT_EXECUTION_OPEN,            /* gauge: orders not terminal */
    OCT_EXECUTION_UNKNOWN_NOW,     /* gauge: orders in state unknown */
    OCT_EXECUTION_COUNTER_CNT,
};
extern const struct oct_counter_def oct_execution_counter_defs[OCT_EXECUTION_COUNTER_CNT];

struct oct_execution_cfg {
    uint32_t order_cnt_max; /* orders not terminal at a time, 1 to 2^20 */
    uint32_t fill_cnt_max;  /* fills remembered for breaks and duplicates, 1 to 2^24 */
    uint32_t mark_block;    /* numbers reserved at a time, at least 2 */
    uint32_t first_ref;     /* first number of a day without a mark: 1 */
    uint16_t account;       /* account of orders adopted from the venue */
    uint8_t lane;           /* top byte of order ids */
    uint8_t session;        /* session index of order records */
    bool cancel_on_disconnect;
    bool cancel_on_halt; /* ladder halted cancels, too; killed always does */
    int64_t retry_ns;    /* before a cancel that could not be sent is tried again: 10 ms */
    int64_t settle_ns;   /* quiet time that ends a replay whose length is unknown: 1 s */
    int64_t hold_ns;     /* longest wait for the feed to bring an instrument: 10 s */
    const struct oct_order_ops *orders; /* check() before anything is sent; NULL: none */
    const struct oct_view *view;        /* symbols */
    struct oct_counter *counters;       /* OCT_EXECUTION_COUNTER_CNT */
    struct oct_sink tx;                 /* order records, to the lane */
    struct oct_sink risk;               /* order_update, fill */
    struct oct_sink strategy;           /* the same */
};

struct oct_execution; /* opaque */

/* 0 when a figure is out of range. */
size_t oct_execution_footprint(const struct oct_execution_cfg *cfg);
struct oct_execution *oct_execution_new(void *mem, const struct oct_execution_cfg *cfg);

/* The agent's one entry for records. */
void oct_execution_on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m);

/* What risk's oct_submit_sink points to. */
OCT_HOT void oct_execution_submit(void *self, struct oct_step *step,
                                  const struct oct_intent *intent,
                                  const struct oct_verdict *verdict);

/* What oct_view.order and oct_view.order_ready point to. */
bool oct_execution_order(const void *self, uint64_t order_id, struct oct_order_view *out);
enum oct_risk_reason oct_execution_ready(const void *self, const struct oct_intent *intent,
                                         uint64_t *order_id);

/* Recovery: takes journaled records, in order, as facts: order, order_update, fill, mark, in_start,
 * in_mark, in_venue.  Nothing is emitted and nothing is sent.  Other records are ignored.  After
 * the last one, in_start of the new run makes everything in flight unknown. */
void oct_execution_recover(struct oct_execution *x, const struct oct_msg_hdr *m);

/* After recovery: the session sequence number to log in with.  The last message of the journal is
 * asked for again when its decisions may be missing; what was already decided on it is not decided
 * twice. */
uint64_t oct_execution_next_seq(const struct oct_execution *x);

/* What the core's venue_holds points to: whether a message of the venue waits for the feed to bring
 * its instrument.  No other may be handed over until it has been taken: leave them in the stream. */
bool oct_execution_holds(const void *self);

/* One past the last number reserved by a mark. */
uint64_t oct_execution_mark(const struct oct_execution *x);

/* Calls fn for every order that is not terminal, in the order in which they were made. */
void oct_execution_each(const struct oct_execution *x,
                        void (*fn)(void *arg, const struct oct_order_view *o), void *arg);

uint64_t oct_execution_digest(const void *self);

#endif
