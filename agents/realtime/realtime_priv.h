/* realtime_priv.h - state of the agent, for its own folder. */
#ifndef OCT_REALTIME_REALTIME_PRIV_H
#define OCT_REALTIME_REALTIME_PRIV_H

#include "agents/realtime/indicators_priv.h"
#include "agents/realtime/realtime.h"
#include "dataplane/base/time.h"

#define OCT_RT_LEVELS 3u /* bar lengths: 1, 60, 300 s */

/* oct_inst_view.own */
#define OCT_RT_OP_HALTED UINT8_C(1) /* operational halt on our market */
#define OCT_RT_DIRECTORY UINT8_C(2) /* the venue's own directory entry was seen */

/* oct_inst_view.assumed and verdict.assumed */
#define OCT_RT_ASSUMED_TRADING   UINT8_C(1)
#define OCT_RT_ASSUMED_DIRECTORY UINT8_C(2)
#define OCT_RT_ASSUMED_SHORT     UINT8_C(4)

enum oct_rt_timer {
    OCT_RT_TIMER_SILENCE = 1,
    OCT_RT_TIMER_PUBLISH = 2,
};

/* A bar that is open when trade_cnt is not zero. */
struct oct_rt_bar {
    uint32_t start_s;
    uint32_t trade_cnt : 31;
    uint32_t listed : 1; /* in the list of its length */
    int64_t open;
    int64_t high;
    int64_t low;
    int64_t close;
    int64_t volume;
    unsigned __int128 money; /* sum of price * quantity */
};
_Static_assert(sizeof(struct oct_rt_bar) == 64, "one line");

/* What a trade touches first, then what a closing bar does. */
struct oct_rt_tape {
    struct oct_rt_bar sec;
    unsigned __int128 money; /* of the session */
    int64_t volume;
    uint64_t pad[5];
    struct oct_rt_bar longer[OCT_RT_LEVELS - 1];
};
_Static_assert(sizeof(struct oct_rt_tape) == 256, "four lines");

/* Instruments that may have an open bar of one length, in a circle. */
struct oct_rt_list {
    uint32_t *inst; /* [inst_cnt] */
    uint32_t head;
    uint32_t cnt;
    uint32_t left; /* of the sweep under way */
    bool want;     /* a sweep is to begin */
};

struct oct_realtime {
    struct oct_realtime_cfg cfg;
    struct oct_books *books;
    struct oct_inst_view *view;
    struct oct_rt_tape *tape;
    struct oct_inst_ref *ref;
    struct oct_features *features;
    struct oct_ind *ind;
    uint64_t *named; /* a bit an instrument: the venue has named it */
    char *action;    /* trading state apart from operational halts */
    struct oct_realtime_row *rows;
    uint32_t *row_at; /* by symbol: index in rows + 1, 0 is free */
    uint32_t row_mask;
    uint32_t pad;
    struct oct_rt_list list[OCT_RT_LEVELS];
    int64_t exch_ns;     /* latest exchange time seen */
    int64_t next_sec_ns; /* end of its second */
    int64_t last_md_ns;  /* lane time of the last message */
    uint64_t gap_to;     /* one past the last missing message, 0 for none */
    uint32_t publish_at; /* next instrument to publish, inst_cnt when done */
    uint32_t inst_used;  /* one past the highest instrument with a symbol */
    bool sweeping;
    bool silence_armed;
};

OCT_INLINE bool oct_rt_named(const struct oct_realtime *r, uint32_t inst)
{
    return r->named[inst / 64] >> (inst % 64) & 1;
}

OCT_INLINE void oct_rt_count(struct oct_realtime *r, enum oct_realtime_counter c)
{
    oct_count(&r->cfg.counters[c], 1);
}

/* Tells the strategies. */
OCT_INLINE void oct_rt_tell(struct oct_realtime *r, struct oct_step *step, struct oct_market *m)
{
    m->hdr.input = step->input;
    m->ts_exch_ns = step->ts_exch_ns;
    oct_sink_call(&r->cfg.market, step, &m->hdr);
}

/* ---- bars.c ------------------------------------------------------------------------------------ */

/* A printable trade; closes the instrument's bars that end before it. */
void oct_rt_bar_trade(struct oct_realtime *r, struct oct_step *step, uint32_t inst, int64_t px,
                      int64_t qty);
/* Exchange time has reached another second. */
OCT_COLD void oct_rt_bar_roll(struct oct_realtime *r, int64_t ts_exch_ns);
/* Closes up to OCT_REALTIME_CLOSE_MAX bars that are over. */
void oct_rt_bar_sweep(struct oct_realtime *r, struct oct_step *step);
/* The timer of silence fired. */
void oct_rt_bar_silence(struct oct_realtime *r, struct oct_step *step);
/* Forgets open bars and the session's sums. */
void oct_rt_bar_reset(struct oct_realtime *r);

/* ---- state.c ----------------------------------------------------------------------------------- */

void oct_rt_state_init(struct oct_realtime *r);
/* Everything in md that is not an order, a trade or an auction. */
OCT_COLD void oct_rt_state_md(struct oct_realtime *r, struct oct_step *step,
                              const struct oct_md *md);
/* An instrument is seen for the first time. */
OCT_COLD void oct_rt_state_name(struct oct_realtime *r, struct oct_step *step, uint32_t inst,
                                const oct_sym *symbol);
OCT_COLD void oct_rt_state_feed(struct oct_realtime *r, struct oct_step *step,
                                const struct oct_in_feed *m);
OCT_COLD void oct_rt_state_stale(struct oct_realtime *r, struct oct_step *step, uint32_t inst,
                                 enum oct_stale why);
/* Publishes all instruments, a few in each firing of the timer. */
OCT_COLD void oct_rt_state_publish_all(struct oct_realtime *r, struct oct_step *step);
OCT_COLD void oct_rt_state_publish_some(struct oct_realtime *r, struct oct_step *step);
/* realtime.c: top of book to view and bbo record. */
void oct_rt_top(struct oct_realtime *r, struct oct_step *step, const struct oct_book_touch *t);

#endif
