/* keeper.h - the dataplane's cold thread: makes the ladder durable before anyone is told, says
 * what lane and recorder cannot say themselves, and shows progress.
 *
 * It takes nothing from the lane but what is in shared memory. */
#ifndef OCT_DATAPLANE_KEEPER_H
#define OCT_DATAPLANE_KEEPER_H

#include <pthread.h>

#include "dataplane/lane/state.h"
#include "dataplane/summary.h"

struct oct_keeper {
    pthread_t thread;
    bool running;
    bool progress;
    _Atomic int stop;
    struct oct_state *state;
    const struct oct_summary_src *src;
    struct oct_ring_reader reader;
    struct {
        uint32_t inst;
        uint16_t strategy;
        oct_money pnl;
    } pos[1024];
    uint32_t pos_cnt;
    uint32_t control_state;  /* last told */
    uint32_t recorder_state; /* last told, enum oct_rec_state */
    int state_err;           /* last told, 0 for none */
    _Atomic int64_t *clock_error_ns;
    int64_t clock_at_ns;
};

/* clock_error_ns is what the kernel says of the system clock, every second (oct_clock_told_error_ns).
 * 0 or negative errno. */
int oct_keeper_start(struct oct_keeper *k, struct oct_state *state,
                     const struct oct_summary_src *src, _Atomic int64_t *clock_error_ns,
                     bool progress);
/* Syncs and publishes a last time. */
void oct_keeper_stop(struct oct_keeper *k);

#endif
