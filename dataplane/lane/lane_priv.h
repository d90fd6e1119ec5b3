/* lane_priv.h - the lane's state, shared by its own files. */
#ifndef OCT_LANE_LANE_PRIV_H
#define OCT_LANE_LANE_PRIV_H

#include "dataplane/lane/lane.h"

/* Housekeeping that nothing waits for runs this often. */
#define OCT_LANE_SLOW_NS      (10 * OCT_NS_PER_MS)
#define OCT_LANE_CLOCK_LOOKS  10u /* one a second */
#define OCT_LANE_IDLE_WAIT_NS (200 * OCT_NS_PER_US)
#define OCT_LANE_SPIN_TURNS   2000u
/* The most that one look adds to control's silence: while we stood still ourselves, nobody was
 * silent. */
#define OCT_LANE_LOOK_MAX_NS (100 * OCT_NS_PER_MS)

struct oct_lane {
    struct oct_lane_cfg cfg;
    uint64_t next_input;
    int64_t now_ns;
    int64_t slow_at_ns;
    int64_t clock_at_ns;
    bool clock_bad;
    uint8_t clock_good_looks; /* in a row, while it counts as bad */

    /* Stamps of the step that is running, in ticks; 0 when not taken. */
    int64_t ts_rx_ns;
    uint64_t t_intake, t_intent, t_verdict;

    /* Order session. */
    int stream; /* -1: none */
    bool stream_up;
    int64_t reconnect_at_ns;
    uint64_t sent_cnt;
    struct {
        uint32_t user_ref;
        uint64_t tsc;
    } in_flight[1024]; /* when the order with this number left, by user_ref mod 1024 */

    /* Orders whose bytes did not leave in the running step. */
    struct {
        uint64_t order_id;
        uint8_t action;
    } unsent[OCT_LANE_PENDING_MAX];
    uint32_t unsent_cnt;
    uint64_t withheld_from; /* first order the kill word stopped, 0 for none */
    uint64_t kill_seen;
    int64_t hold_until_ns; /* see session_hold_ns; 0: not begun */

    bool worked; /* the turn before had something to do */

    /* Recorder. */
    uint64_t mark_pos; /* ring position after the last mark record, 0 when durable */
    uint64_t mark;
    uint8_t recorder_state; /* enum oct_recorder_state */

    /* Control's pulse. */
    uint64_t control_turns;
    int64_t control_look_ns;  /* of the last look, 0 before the first */
    int64_t control_quiet_ns; /* for so long it has not turned while we did */
    uint8_t control_state;    /* enum oct_control_state */

    /* Last position report. */
    uint64_t rep_feed, rep_sent, rep_venue;
    uint32_t rep_skip;

    _Alignas(8) uint8_t buf[OCT_MSG_SZ_MAX];
    uint8_t out[OCT_VENUE_MSG_MAX];
};

void oct_lane_session_poll(struct oct_lane *l);
void oct_lane_after_step(struct oct_lane *l);
void oct_lane_report(struct oct_lane *l, bool idle);
void oct_lane_watch_recorder(struct oct_lane *l);
void oct_lane_watch_control(struct oct_lane *l);
void oct_lane_watch_clock(struct oct_lane *l);
void oct_lane_on_ladder(struct oct_lane *l, const struct oct_ladder *m);

OCT_INLINE int64_t oct_lane_clock(struct oct_lane *l)
{
    int64_t now = oct_clock_now(l->cfg.clock);

    if (now > l->now_ns)
        l->now_ns = now;
    return l->now_ns;
}

OCT_INLINE void oct_lane_hop(struct oct_lane *l, enum oct_hop hop, int64_t ns)
{
    if (l->cfg.hists)
        oct_hist_record(&l->cfg.hists[hop].h, ns);
}

#endif
