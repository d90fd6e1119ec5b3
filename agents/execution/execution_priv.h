/* execution_priv.h - state of the execution agent, shared by its own files. */
#ifndef OCT_EXECUTION_EXECUTION_PRIV_H
#define OCT_EXECUTION_EXECUTION_PRIV_H

#include "agents/execution/execution.h"

#define EX_NIL UINT32_MAX

/* What is known of an order beyond its figures; the state that is told follows from these. */
enum ex_flag {
    EX_ACKED = 1,      /* the venue has spoken of it */
    EX_LOST = 2,       /* in flight when the session or the process went */
    EX_CANCEL = 4,     /* a full cancel is in flight */
    EX_WANT = 8,       /* a full cancel is still to be sent */
    EX_REDUCE = 16,    /* a reduction is in flight */
    EX_PARKED = 32,    /* the venue holds the cancel back until the cross */
    EX_SUCCEEDED = 64, /* replaced: next_ref took over */
    EX_UNTOLD = 128,   /* recovery changed it, and no record says so */
};

struct ex_order {
    uint64_t order_id; /* 0: the slot was never used */
    uint64_t venue_ref;
    uint64_t sent_input; /* input in whose step it was sent */
    uint64_t told_input; /* recovery: last venue message whose update of it is journaled */
    oct_px px;
    oct_qty qty;    /* total liable, of the chain */
    oct_qty filled; /* of the chain */
    oct_qty used;   /* taken away by self-match prevention: counts against qty as fills do */
    oct_qty open;   /* exposure */
    oct_qty reduce_to;
    uint32_t user_ref;
    uint32_t inst;
    uint32_t next_ref;   /* replacement in flight, or what replaced it; 0 for none */
    uint32_t orig_ref;   /* replacement in flight: what it replaces, else 0 */
    uint32_t prev, next; /* list of orders that are not terminal */
    uint16_t strategy;
    uint16_t account;
    uint8_t state; /* enum oct_ord_state */
    uint8_t flags; /* enum ex_flag */
    uint8_t side;
    uint8_t ord_type;
    uint8_t tif;
    uint8_t short_sale;
    uint8_t pad[6];
};

struct ex_fill {
    uint64_t order_id;
    uint64_t match_id;
    oct_px px;
    oct_qty qty;
    uint32_t user_ref;
    uint32_t inst;
    uint32_t chain; /* next row of the same bucket */
    uint16_t strategy;
    uint16_t account;
    uint8_t side;
    char liquidity;
    uint8_t broken;
    uint8_t pad[5];
};

enum ex_session {
    EX_DOWN = 0,
    EX_QUERY,  /* asked for the account state */
    EX_RETRY,  /* the question could not be sent: again soon */
    EX_SETTLE, /* waiting for quiet before asking again */
    EX_READY,
};

struct oct_execution {
    struct oct_execution_cfg cfg;
    struct oct_approver approver;
    struct ex_order *orders; /* by user_ref & mask */
    struct ex_fill *fills;   /* ring */
    uint32_t *buckets;       /* of fills, by match and user_ref */
    uint32_t mask;
    uint32_t bucket_mask;
    uint32_t fill_cnt; /* rows in use */
    uint32_t fill_at;  /* next row to write */
    uint32_t head, tail;
    uint32_t live_cnt;
    uint32_t unknown_cnt;
    uint32_t want_cnt; /* upper bound of orders with EX_WANT */

    /* Numbers. */
    uint64_t next_ref; /* 64 bits so that running out shows */
    uint64_t durable;  /* numbers below are reserved on disk */
    uint64_t reserved; /* numbers below are reserved by a mark record */
    uint64_t day_bits; /* lane and day of order ids */

    /* Session. */
    uint64_t last_seq;    /* of the venue, taken in */
    uint32_t answers_due; /* answers to see before one is surely ours */
    uint32_t asked;       /* questions that may still be answered, at most */
    uint8_t session;      /* enum ex_session */
    bool fresh;           /* no journal stood behind this run: asked is a guess */

    /* Bound on records sent in one step. */
    uint64_t step_input;
    uint32_t step_cnt;

    /* A message that came before the feed brought its instrument; seq 0: none. */
    struct oct_ven held;
    int64_t held_looks; /* left before it is taken as it is */

    /* Recovery. */
    uint64_t redo_seq;   /* message whose decisions may be incomplete, 0 for none */
    uint64_t redo_input; /* the input that brought it first */
    uint64_t hold_seq;   /* the same of an earlier run, until the message is there again */
    uint64_t hold_input;
    bool redo_filled; /* its fill is journaled */
    bool redo_answer; /* it took one from asked, and will again */
    bool redoing;
};

#define EX_TIMER_PUMP   oct_timer_id(OCT_AGENT_EXECUTION, 1)
#define EX_TIMER_SETTLE oct_timer_id(OCT_AGENT_EXECUTION, 2)
#define EX_TIMER_HELD   oct_timer_id(OCT_AGENT_EXECUTION, 3)

/* Questions whose records may be missing at the end of a journal.  If more were, an old answer could
 * be taken for ours: orders would be closed a moment before the rest of the replay brings them
 * back, and no number would be used twice even then, because of the mark. */
#define EX_ASKED_LOST 4u

/* Most submissions of one step; cancels that execution makes itself come on top, up to
 * OCT_EXECUTION_STEP_MAX. */
#define EX_SUBMIT_MAX 96u

/* Records that leave together: to the output first, then to risk, then to strategies, who may
 * answer with new orders before the call returns. */
#define EX_BATCH_MAX 4u
struct ex_batch {
    union {
        struct oct_msg_hdr hdr;
        struct oct_order_update update;
        struct oct_fill fill;
    } rec[EX_BATCH_MAX];
    uint32_t cnt;
};

OCT_INLINE void ex_count(struct oct_execution *x, enum oct_execution_counter c)
{
    oct_count(&x->cfg.counters[c], 1);
}

OCT_INLINE bool ex_live(const struct ex_order *o)
{
    return o->state >= OCT_ORD_STATE_SENT && o->state != OCT_ORD_STATE_FILLED &&
           o->state != OCT_ORD_STATE_CANCELLED && o->state != OCT_ORD_STATE_REJECTED &&
           o->state != OCT_ORD_STATE_CLOSED;
}

OCT_INLINE struct ex_order *ex_slot(const struct oct_execution *x, uint64_t ref)
{
    return &x->orders[ref & x->mask];
}

/* The order with this number, or NULL. */
OCT_INLINE struct ex_order *ex_by_ref(const struct oct_execution *x, uint32_t ref)
{
    struct ex_order *o = ex_slot(x, ref);

    return o->order_id && o->user_ref == ref ? o : NULL;
}

OCT_INLINE struct ex_order *ex_by_id(const struct oct_execution *x, uint64_t order_id)
{
    struct ex_order *o = ex_slot(x, (uint32_t)order_id);

    return order_id && o->order_id == order_id ? o : NULL;
}

/* The replacement of o that is still in flight, or NULL. */
OCT_INLINE struct ex_order *ex_pending(const struct oct_execution *x, const struct ex_order *o)
{
    if (!o->next_ref || (o->flags & EX_SUCCEEDED))
        return NULL;
    struct ex_order *n = ex_by_ref(x, o->next_ref);
    return n && n->orig_ref == o->user_ref && ex_live(n) ? n : NULL;
}

/* Adds to a sum that nothing but the venue's good sense bounds. */
OCT_INLINE void ex_add(oct_qty *sum, oct_qty q)
{
    int64_t v = sum->v + q.v;

    sum->v = v < INT64_MAX / 8 ? v : INT64_MAX / 8;
}

OCT_INLINE oct_qty ex_qty(int64_t v)
{
    return (oct_qty){v > 0 ? v : 0};
}

/* orders.c: the table, and what is told of it. */
struct ex_order *oct_ex_make(struct oct_execution *x, uint64_t order_id, uint32_t ref);
void oct_ex_set_state(struct oct_execution *x, struct ex_order *o, uint8_t state);
/* The state that flags and links stand for; only for orders that are not terminal. */
uint8_t oct_ex_resting_state(const struct oct_execution *x, const struct ex_order *o);
/* What the replacement in flight adds to the exposure of the order it replaces. */
void oct_ex_spread(struct oct_execution *x, const struct ex_order *old, struct ex_order *pending);
/* Adds the order's figures to a batch. */
void oct_ex_tell(struct ex_batch *b, const struct oct_step *step, const struct ex_order *o,
                 uint8_t prev, uint8_t event, uint16_t reason);
void oct_ex_flush(struct oct_execution *x, struct oct_step *step, struct ex_batch *b);
/* Puts an order to rest in its resting state and tells it when that, or `always`, changed. */
void oct_ex_rest(struct oct_execution *x, struct oct_step *step, struct ex_order *o, uint8_t event,
                 uint16_t reason, bool always);
/* Terminal: no exposure left.  Takes its replacement in flight with it, or gives the order it was to
 * replace back; those are told with event 0, because the venue did not speak of them. */
void oct_ex_end(struct oct_execution *x, struct oct_step *step, struct ex_batch *b,
                struct ex_order *o, uint8_t state, uint8_t event, uint16_t reason);
void oct_ex_fill_add(struct oct_execution *x, const struct ex_fill *f);
struct ex_fill *oct_ex_fill_find(struct oct_execution *x, uint64_t match_id, uint32_t user_ref);
uint32_t oct_ex_inst_of(const struct oct_execution *x, oct_sym symbol);

/* send.c: order records, numbers, cancels. */
void oct_ex_send_cancel(struct oct_execution *x, struct oct_step *step, struct ex_order *o);
void oct_ex_query(struct oct_execution *x, struct oct_step *step);
/* Sends a cancel for an order and for the other half of a replacement in flight, or marks it as
 * wanted when it cannot go now.  Whoever is told may submit; that never ends an order, so a walk
 * over the live orders may go on afterwards. */
void oct_ex_want_cancel(struct oct_execution *x, struct oct_step *step, struct ex_order *o);
/* Sends cancels that are wanted, as many as a step may; a timer does the rest. */
void oct_ex_pump(struct oct_execution *x, struct oct_step *step);
/* Moves to the first number whose slot is free, and reserves more when they run short. */
void oct_ex_numbers(struct oct_execution *x, struct oct_step *step);

/* venue.c: what the venue says.  session.c: what the session, the kill word and people say. */
void oct_ex_on_ven(struct oct_execution *x, struct oct_step *step, const struct oct_ven *v);
void oct_ex_on_held(struct oct_execution *x, struct oct_step *step);
void oct_ex_on_session(struct oct_execution *x, struct oct_step *step,
                       const struct oct_in_venue *m);
void oct_ex_on_account(struct oct_execution *x, struct oct_step *step, uint32_t next_ref);
void oct_ex_on_start(struct oct_execution *x, struct oct_step *step, const struct oct_in_start *m);
void oct_ex_on_kill(struct oct_execution *x, struct oct_step *step, const struct oct_in_kill *m);
void oct_ex_on_cmd(struct oct_execution *x, struct oct_step *step, const struct oct_in_cmd *m);
void oct_ex_on_ladder(struct oct_execution *x, struct oct_step *step, const struct oct_ladder *m);
void oct_ex_on_settled(struct oct_execution *x, struct oct_step *step);
/* The venue speaks of an order that is not in the table. */
void oct_ex_on_stranger(struct oct_execution *x, struct oct_step *step);

#endif
