/* risk_priv.h - the state of the risk agent. */
#ifndef OCT_RISK_RISK_PRIV_H
#define OCT_RISK_RISK_PRIV_H

#include "agents/risk/checks_priv.h"
#include "agents/risk/risk.h"
#include "dataplane/base/hash.h"

#define NO_FLOOR (-((__int128)1 << 126))
#define NONE     UINT32_MAX

/* Events in a sliding window of eight slots of 2^shift ns: at least seven slots long, at most
 * eight. */
struct window {
    int64_t slot; /* number of the newest slot: time >> shift */
    uint32_t sum;
    uint32_t cnt[8];
    uint32_t pad;
};

OCT_INLINE void window_clear(struct window *w, int64_t slot)
{
    *w = (struct window){.slot = slot};
}

/* Brings the window to a later slot.  A slot before the newest means that the width changed: the
 * window starts anew. */
void oct_risk_window_turn(struct window *w, int64_t slot);

OCT_INLINE void window_move(struct window *w, int64_t slot)
{
    if (oct_unlikely(w->slot != slot))
        oct_risk_window_turn(w, slot);
}

/* Events in the window that ends in the slot; moves it when there are any. */
OCT_INLINE uint32_t window_sum(struct window *w, int64_t slot)
{
    /* Whether there are any is anybody's guess, that they are old is rare: one branch. */
    if (oct_unlikely((w->slot != slot) & (w->sum != 0)))
        window_move(w, slot);
    return w->sum;
}

/* One more in the newest slot. */
OCT_INLINE void window_count(struct window *w)
{
    w->cnt[w->slot & 7]++;
    w->sum++;
}

OCT_INLINE void window_add(struct window *w, int64_t slot)
{
    window_move(w, slot);
    window_count(w);
}

/* Slots of the message rate: 8 x 134 ms. */
#define RATE_SHIFT 27

/* One member of firm, account or strategy.  The first line is what marks touch; the first 48 bytes
 * are a block of the verdict. */
struct scope {
    __int128 pnl;
    __int128 peak; /* highest pnl so far, 0 at least */
    __int128 gross;
    __int128 floor; /* pnl below this: look at loss and drawdown */
    uint32_t open_orders;
    uint8_t ladder; /* enum oct_ladder_state */
    uint8_t on;     /* strategies: switched on; others always */
    uint8_t repeat_shift;
    uint8_t unset; /* 1: no loss or no drawdown limit, which refuses */
    struct window rate;
    uint64_t stop; /* not 0: no order of it passes unseen (oct_risk_look) */
};
_Static_assert(sizeof(struct scope) == 128, "two lines");

/* A strategy, or an account, in an instrument.  Never removed during a day.  The first line is what
 * orders and marks touch. */
struct pos {
    uint32_t key;  /* 0: free */
    uint32_t next; /* next strategy in the same instrument, NONE at the end */
    oct_qty pos;
    union {
        struct {
            oct_qty buy; /* working and in flight */
            oct_qty sell;
        };
        oct_qty working[2]; /* by side */
    };
    oct_px mark;
    uint32_t acct_idx; /* a strategy's: an account's entry in the instrument, its own as a rule */
    uint16_t id;       /* strategy, or account */
    uint16_t account;
    struct window repeat; /* executions */
    __int128 cash;
    int64_t pub_ns; /* when its position record was published last */
    uint32_t inst;
    uint32_t pad;
};
_Static_assert(sizeof(struct pos) == 128, "two lines");
_Static_assert(offsetof(struct pos, repeat.cnt) <= 64, "an order looks at the first line only");

/* Who, and in which instrument; never 0. */
#define KEY_INST_BITS      24
#define KEY_INST_MAX       ((UINT32_C(1) << KEY_INST_BITS) - 1)
#define KEY_IS_STRATEGY    (UINT32_C(1) << 31)
#define KEY_IS_ACCOUNT     (UINT32_C(1) << 30)
#define KEY_STRATEGY(s, i) (KEY_IS_STRATEGY | (uint32_t)(s) << KEY_INST_BITS | (uint32_t)(i))
#define KEY_ACCOUNT(a, i)  (KEY_IS_ACCOUNT | (uint32_t)(a) << KEY_INST_BITS | (uint32_t)(i))
_Static_assert(OCT_RISK_STRATEGY_MAX < 64 && OCT_RISK_ACCOUNT_MAX < 64, "six bits between");

/* All of the firm in an instrument: one line. */
struct inst {
    oct_qty pos;
    union {
        struct {
            oct_qty buy;
            oct_qty sell;
        };
        oct_qty working[2]; /* by side */
    };
    oct_px own[2]; /* best of our buys and of our sells, 0 for none */
    uint32_t head; /* first struct pos of a strategy, NONE */
    uint8_t row;   /* of limits.inst */
    uint8_t restricted;
    uint8_t pad[2];
    __int128 gross;
};
_Static_assert(sizeof(struct inst) == 64, "one line");

struct order {
    uint64_t order_id;
    oct_px px; /* 0 for market */
    oct_qty open;
    oct_qty qty;
    oct_qty filled;
    uint32_t inst;
    uint16_t strategy;
    uint16_t account;
    uint32_t hash_next;
    uint32_t inst_next;
    uint32_t inst_prev;
    uint8_t side;
    uint8_t pad[3];
};
_Static_assert(sizeof(struct order) == 64, "one line");

/* Orders sent lately, four to a line, the youngest first. */
#define RECENT_WAYS 4u
struct recent {
    uint64_t key[RECENT_WAYS];
    int64_t at_ns[RECENT_WAYS]; /* 0: empty */
};
_Static_assert(sizeof(struct recent) == 64, "one line");

/* Prices below 2^47 (about 140,000) and a collar below 2^16 multiply within 63 bits, quantities
 * below 2^60 add up within them. */
#define QUICK_PX_BITS    47
#define QUICK_QTY_BITS   60
#define QUICK_COLLAR_MAX 65535u

/* What an order of a strategy must keep within, of strategy, account and firm together: derived
 * from their limits, for the proof (quick.c).  A limit that is not set makes one of these 0. */
struct bound {
    __int128 notional;
    __int128 gross;
    __int128 acct_gross;
    __int128 firm_gross;
    int64_t order_qty;
    int64_t position;
    int64_t acct_position;
    int64_t dup_window_ns;
    uint32_t open_orders; /* there must be fewer than this, and of all up to repeat_cnt */
    uint32_t acct_open_orders;
    uint32_t firm_open_orders;
    uint32_t rate;
    uint32_t firm_rate;
    uint32_t repeat_cnt;
    uint32_t key;      /* of its entry in instrument 0 */
    uint32_t acct_key; /* of its account's */
};
_Static_assert(sizeof(struct bound) == 128, "two lines");

/* The same of an instrument: of its limits and the firm's. */
struct inst_bound {
    __int128 gross;
    int64_t order_qty;
    int64_t position;
    int64_t ref_age_ns;
    int64_t collar_bps;
    int64_t pad[2];
};
_Static_assert(sizeof(struct inst_bound) == 64, "one line");

/* Divisibility by a tick without dividing: n is a multiple of d = 2^k * odd exactly if
 * rotr(n * inverse(odd), k) <= (2^64 - 1) / d  (Hacker's Delight, 10-17). */
struct tick {
    int64_t d;
    uint64_t inverse;
    uint64_t max;
    uint32_t k;
    uint32_t pad;
};
#define TICK_CNT 16u

struct oct_risk {
    struct oct_risk_cfg cfg;
    const struct oct_view *view;
    struct scope firm;
    struct scope account[OCT_RISK_ACCOUNT_MAX + 1];
    struct scope strategy[OCT_RISK_STRATEGY_MAX + 1]; /* the last: those that do not exist, off */
    struct bound bound[OCT_RISK_STRATEGY_MAX];
    struct inst_bound inst_bound[OCT_RISK_INST_ROW_MAX + 2]; /* as limits.inst */
    struct inst *inst;   /* [inst_cnt + 1]; the last: unknown ones */
    struct pos *pos;     /* open addressing */
    struct order *order; /* pool */
    uint32_t *order_bucket;
    uint32_t *order_head; /* [inst_cnt]: our orders in an instrument */
    struct recent *recent;
    struct pos no_pos; /* what is read where there is none: zeros */
    struct tick tick[TICK_CNT];
    struct oct_approver approver;
    uint64_t kill_seen;
    uint64_t manual_cnt;
    uint32_t pos_mask;
    uint32_t pos_cnt;
    uint32_t bucket_mask;
    uint32_t order_free; /* head of the free list, by hash_next */
    uint32_t order_cnt;
    uint32_t recent_mask;
    uint16_t strategy_cnt;
    uint16_t account_cnt;
    bool clock_bad;
    bool recorder_bad;
    bool control_silent;
    bool wide; /* a quantity was too large for the proof to add up, today */
    struct oct_risk_limits_stage limits;
    /* Result of the last intent, for the answer to a person. */
    uint64_t last_order_id;
    uint16_t last_reason;
};

/* exposure.c: orders, positions, marks. */
void oct_risk_exposure_init(struct oct_risk *r);
struct order *oct_risk_find_order(struct oct_risk *r, uint64_t order_id);
void oct_risk_on_update(struct oct_risk *r, struct oct_step *step,
                        const struct oct_order_update *m);
void oct_risk_on_fill(struct oct_risk *r, struct oct_step *step, const struct oct_fill *m);
OCT_HOT void oct_risk_on_market(struct oct_risk *r, struct oct_step *step,
                                const struct oct_market *m);

/* Where a key is looked for first. */
OCT_INLINE uint32_t pos_home(const struct oct_risk *r, uint32_t key)
{
    return (uint32_t)(key * UINT64_C(0x9e3779b97f4a7c15) >> 32) & r->pos_mask;
}

OCT_INLINE const struct pos *pos_find(const struct oct_risk *r, uint32_t key)
{
    uint32_t i = pos_home(r, key);
    while (r->pos[i].key != key) {
        if (r->pos[i].key == 0)
            return &r->no_pos;
        i = (i + 1) & r->pos_mask;
    }
    return &r->pos[i];
}

/* quick.c: the entry; judge.c: every check, exactly, with its reason. */
OCT_HOT void oct_risk_judge(struct oct_risk *r, struct oct_step *step,
                            const struct oct_intent *intent);
void oct_risk_judge_exactly(struct oct_risk *r, struct oct_step *step,
                            const struct oct_intent *intent);
/* Derives the bounds from the limits in force. */
void oct_risk_bounds(struct oct_risk *r);

/* ladder.c */
/* Moves down to state; does nothing when it is there or lower. */
void oct_risk_down(struct oct_risk *r, struct oct_step *step, enum oct_scope scope, uint32_t id,
                   enum oct_ladder_state state, enum oct_risk_reason cause, bool by_person);
/* The pnl of a scope fell below its floor. */
void oct_risk_breach(struct oct_risk *r, struct oct_step *step, enum oct_scope scope, uint32_t id);
void oct_risk_refloor(struct oct_risk *r, enum oct_scope scope, uint32_t id);
void oct_risk_refloor_all(struct oct_risk *r);
void oct_risk_look_at_all(struct oct_risk *r, struct oct_step *step);
/* After a change of the ladder, of what is switched on, or of a condition of all: says anew whether
 * orders of the scope may pass by the proof. */
void oct_risk_look(struct oct_risk *r, enum oct_scope scope, uint32_t id);
void oct_risk_on_kill(struct oct_risk *r, struct oct_step *step, const struct oct_in_kill *m);
enum oct_cmd_result_kind oct_risk_ladder_cmd(struct oct_risk *r, struct oct_step *step,
                                             const struct oct_in_cmd *m, uint64_t *value);

/* command.c */
void oct_risk_on_cmd(struct oct_risk *r, struct oct_step *step, const struct oct_in_cmd *m);
/* Derives from the limits in force what is kept beside them. */
void oct_risk_limits_changed(struct oct_risk *r);

OCT_INLINE struct scope *scope_of(struct oct_risk *r, enum oct_scope scope, uint32_t id)
{
    return scope == OCT_SCOPE_FIRM      ? &r->firm
           : scope == OCT_SCOPE_ACCOUNT ? &r->account[id]
                                        : &r->strategy[id];
}

OCT_INLINE const struct oct_risk_limit_row *limits_of(const struct oct_risk *r,
                                                      enum oct_scope scope, uint32_t id)
{
    const struct oct_risk_limits *l = &r->limits.active;
    return scope == OCT_SCOPE_FIRM      ? &l->firm
           : scope == OCT_SCOPE_ACCOUNT ? &l->account[id]
                                        : &l->strategy[id];
}

#endif
