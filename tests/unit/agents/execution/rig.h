/* rig.h - an execution agent with everything around it recorded, and a hand to play the venue. */
#ifndef OCT_TEST_EXECUTION_RIG_H
#define OCT_TEST_EXECUTION_RIG_H

#include "agents/execution/execution.h"

#define RIG_RECS 4096u
#define RIG_INST 8u
#define SH(n)    ((oct_qty){(int64_t)(n)*OCT_QTY_ONE})
#define PX(d)    ((oct_px){(int64_t)(d)*OCT_PX_ONE})

union rig_rec {
    struct oct_msg_hdr hdr;
    struct oct_order order;
    struct oct_order_update update;
    struct oct_fill fill;
    struct oct_mark mark;
    struct oct_cmd_result result;
};

struct rig {
    struct oct_execution_cfg cfg;
    struct oct_execution *x;
    void *mem;
    void *timer_mem;
    struct oct_counter counters[OCT_EXECUTION_COUNTER_CNT];
    struct oct_inst_ref refs[RIG_INST];
    struct oct_view view;
    struct oct_out out;
    struct oct_step step;
    struct oct_approver approver; /* risk's */
    union rig_rec recs[RIG_RECS]; /* what the output got, in order; the newest RIG_RECS */
    uint64_t rec_cnt;
    struct oct_order tx[RIG_RECS]; /* what went to the lane */
    uint64_t tx_cnt;
    uint64_t risk_cnt;     /* records risk was given */
    uint64_t strategy_cnt; /* records strategies were given */
    void (*on_strategy)(struct rig *r, const struct oct_msg_hdr *m); /* NULL: nothing */
    void (*on_rec)(struct rig *r, const struct oct_msg_hdr *m);      /* NULL: nothing */
    void (*on_tx)(struct rig *r, const struct oct_order *o);         /* NULL: nothing */
    uint64_t seq;                                                    /* venue's last */
    uint64_t intent_id;
    uint64_t input;
    void *self; /* the test's */
};

/* Made, started and logged in, with numbers free; the next number is 1. */
struct rig *rig_new(void);
/* Made only; the test may change r->cfg and then call rig_build. */
struct rig *rig_bare(void);
void rig_build(struct rig *r);
void rig_free(struct rig *r);

void rig_msg(struct rig *r, struct oct_msg_hdr *m);
void rig_start(struct rig *r, uint64_t mark, bool recovered);
void rig_mark(struct rig *r, uint64_t mark);
void rig_session(struct rig *r, enum oct_venue_event event, uint64_t seq);
void rig_failed(struct rig *r, uint64_t order_id, uint8_t action);
void rig_log_in(struct rig *r, uint32_t next_ref);
void rig_time(struct rig *r, int64_t ns); /* lets timers fire */

struct oct_intent rig_intent(struct rig *r, uint8_t action, uint8_t side, int64_t px, int64_t qty);
/* Judges as risk would when it approves everything, and hands over.  Returns the order id. */
uint64_t rig_submit(struct rig *r, const struct oct_intent *i);
uint64_t rig_buy(struct rig *r, int64_t px, int64_t qty);
uint64_t rig_replace(struct rig *r, uint64_t order_id, int64_t px, int64_t qty);
uint64_t rig_reduce(struct rig *r, uint64_t order_id, int64_t qty);
void rig_cancel(struct rig *r, uint64_t order_id);

/* The venue speaks. */
struct oct_ven rig_ven(struct rig *r, enum oct_ven_event event, uint32_t user_ref);
void rig_say(struct rig *r, const struct oct_ven *v);
void rig_accept(struct rig *r, uint64_t order_id);
void rig_fill(struct rig *r, uint64_t order_id, int64_t qty, uint64_t match);
void rig_canceled(struct rig *r, uint64_t order_id, int64_t qty, char reason);
void rig_replaced(struct rig *r, uint64_t old_id, uint64_t new_id, int64_t outstanding);
void rig_account(struct rig *r, uint32_t next_ref);

struct oct_order_view rig_view(const struct rig *r, uint64_t order_id);
uint64_t rig_counter(const struct rig *r, enum oct_execution_counter c);
/* n-th newest record of a type, 0 the newest; fails the test when there is none. */
const union rig_rec *rig_last(const struct rig *r, uint16_t type, uint32_t n);
const struct oct_order *rig_tx(const struct rig *r, uint32_t n);
uint32_t rig_ref(uint64_t order_id);

#endif
