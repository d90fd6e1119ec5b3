/* rig.h - a realtime agent and a memory of all it says, for tests. */
#ifndef OCT_TESTS_REALTIME_RIG_H
#define OCT_TESTS_REALTIME_RIG_H

#include "agents/realtime/realtime.h"
#include "dataplane/base/time.h"

#define RIG_INST_CNT 64u
#define RIG_KEEP_MAX 4096u

#define PX(dollars) ((oct_px){(int64_t)((double)(dollars)*10000 + 0.5) * OCT_PX_E4})
#define SHARES(n)   ((oct_qty){(int64_t)(n)*OCT_QTY_ONE})
#define SYM(text)   ((oct_sym){text})
#define SECONDS(n)  ((int64_t)(n)*OCT_NS_PER_S)

struct rig {
    struct oct_realtime_cfg cfg;
    struct oct_realtime *rt;
    struct oct_counter counters[OCT_REALTIME_COUNTER_CNT];
    struct oct_view view;
    struct oct_out out;
    struct oct_step step;
    struct oct_timers *timers;
    /* What was said, in order of each kind. */
    struct oct_bbo bbo[RIG_KEEP_MAX];
    struct oct_trade trade[RIG_KEEP_MAX];
    struct oct_bar bar[RIG_KEEP_MAX];
    struct oct_instrument inst[RIG_KEEP_MAX];
    struct oct_market market[RIG_KEEP_MAX];
    uint32_t bbo_cnt, trade_cnt, bar_cnt, inst_cnt, market_cnt;
};

/* Small tables, 1 s bars, no reference rows. */
struct oct_realtime_cfg rig_cfg(void);
/* A zeroed rig on the heap, with the agent running. */
struct rig *rig_new(const struct oct_realtime_cfg *cfg);
uint64_t rig_count(const struct rig *g, enum oct_realtime_counter c);
/* Forgets what was said so far. */
void rig_forget(struct rig *g);

/* Sends at the step's current times; md.ts_exch_ns becomes the step's. */
void rig_md(struct rig *g, struct oct_md md);
void rig_at(struct rig *g, int64_t ts_exch_ns); /* and lane time the same */
void rig_add(struct rig *g, uint32_t inst, uint64_t ref, enum oct_side side, oct_px px,
             oct_qty qty);
void rig_exec(struct rig *g, uint32_t inst, uint64_t ref, oct_qty qty);
void rig_delete(struct rig *g, uint32_t inst, uint64_t ref);
void rig_trade(struct rig *g, uint32_t inst, oct_px px, oct_qty qty);
void rig_code(struct rig *g, enum oct_md_kind kind, uint32_t inst, char code);
void rig_feed(struct rig *g, enum oct_feed_event event, uint64_t from, uint64_t to);
/* Lane time goes on and due timers fire, as the lane does it. */
void rig_wait(struct rig *g, int64_t ns);

#endif
