/* lane.h - a pinned thread that takes inputs and runs the hot agents, for ever.
 *
 * The lane numbers every input, writes it to its ring and runs the core on it; what the core says
 * follows in the same ring.  Order bytes leave at the deciding step.  Between packets it polls, in
 * this order: kill word, command links, order session; so market data never delays a fill or a
 * kill by more than one packet.
 *
 * Thread:  everything but lane_new runs on the lane's own thread.
 * Memory:  all of it is given or carved before the seal; afterwards no allocation, no lock, no
 *          log line, no system call but the nic driver's own.
 * Errors:  counters and faults; what puts orders at risk stops new orders, never market data. */
#ifndef OCT_LANE_LANE_H
#define OCT_LANE_LANE_H

#include "dataplane/base/time.h"
#include "dataplane/lane/core.h"
#include "dataplane/lane/state.h"
#include "dataplane/port/nic.h"
#include "dataplane/shm/pub.h"

enum oct_lane_counter {
    OCT_LANE_TURNS,
    OCT_LANE_IDLE_TURNS,
    OCT_LANE_RECORDS,
    OCT_LANE_ORDERS_SENT,
    OCT_LANE_ORDERS_WITHHELD,
    OCT_LANE_SEND_FAILURES,
    OCT_LANE_CMD_BAD,
    OCT_LANE_SESSION_CONNECTS,
    OCT_LANE_SESSION_LOSSES,
    OCT_LANE_SESSION_REFUSALS,
    OCT_LANE_SESSION_ERRORS,
    OCT_LANE_POSITION_REPORTS,
    OCT_LANE_RECORDER_BEHIND,
    OCT_LANE_CONTROL_SILENCES,
    OCT_LANE_CLOCK_ERRORS,
    OCT_LANE_COUNTER_CNT,
};
extern const struct oct_counter_def oct_lane_counter_defs[OCT_LANE_COUNTER_CNT];

/* The collector as the lane sees it; it calls back oct_lane_payload and oct_lane_feed_event. */
struct oct_lane_collector {
    void (*packet)(void *self, const struct oct_nic_pkt *pkt, int64_t now_ns);
    void (*tick)(void *self, int64_t now_ns);
    int64_t (*deadline)(const void *self); /* when tick has something to do */
    void *self;
};

#define OCT_LANE_LINK_CNT    2u
#define OCT_LANE_PENDING_MAX 256u

struct oct_lane_cfg {
    struct oct_core *core; /* its out must be oct_lane_out(lane) */
    struct oct_nic *nic;
    struct oct_lane_collector collector;
    const struct oct_session_ops *session; /* NULL: no order session */
    const struct oct_order_ops *orders;
    void *session_state; /* OCT_VENUE_SESS_SZ bytes, initialised */
    uint32_t venue_addr_be;
    uint16_t venue_port;
    uint8_t session_idx;
    bool cancel_on_disconnect;
    int64_t reconnect_ns; /* between attempts to open the order session */
    char firm[4];
    struct oct_ring *ring;
    struct oct_link *link[OCT_LANE_LINK_CNT]; /* NULL: absent */
    struct oct_kill *kill;
    struct oct_pulse *pulse;
    const struct oct_pulse *control; /* control's, which counts turns; NULL: nobody listens */
    int64_t control_silent_ns;       /* without a turn for so long control is silent */
    struct oct_state *state;         /* the ladder on disk; NULL: not kept (bench, tests) */
    struct oct_pub_status *status;
    struct oct_pub_hist *hists; /* OCT_HOP_CNT, NULL: do not measure */
    struct oct_clock *clock;
    const _Atomic int64_t *clock_error_ns; /* the system clock's own estimate; below 0: none */
    int64_t clock_error_max_ns;            /* beyond it the clock is bad */
    struct oct_counter *counters;          /* OCT_LANE_COUNTER_CNT */
    struct oct_faults *faults;
    const _Atomic int *stop; /* non-zero: finish this turn and return */
    bool busy;               /* poll without sleeping */
    bool recorder;           /* a recorder follows the ring */
    bool position_report;    /* lock-step with the simulated venue */
    uint32_t report_addr_be;
    uint16_t report_port;
    oct_sym *symbols; /* [inst_cnt], filled as instruments become known; NULL: none */
    uint32_t inst_cnt;
    uint64_t first_input; /* number of the next input */
    /* The order session waits this long for the feed's live end; 0: not at all.  For a start that
     * lost its journal: the venue's replay names symbols, and those come with the feed. */
    int64_t session_hold_ns;
};

struct oct_lane;

size_t oct_lane_footprint(void);
struct oct_lane *oct_lane_new(void *mem, const struct oct_lane_cfg *cfg);

/* What the core's cfg.out must be, and where execution's order records go.  On zeroed memory, before
 * oct_lane_new, the tx sink swallows what it is given: recovery replays through it. */
struct oct_out oct_lane_out(struct oct_lane *l, uint16_t lane);
struct oct_sink oct_lane_tx_sink(struct oct_lane *l);
/* The core is made after the lane, because its agents need the lane's sinks. */
void oct_lane_set_core(struct oct_lane *l, struct oct_core *core);

/* Collector's way in: one in-sequence payload; an event. */
OCT_HOT void oct_lane_payload(void *lane, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                              uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz);
void oct_lane_feed_event(void *lane, enum oct_feed_event ev, uint64_t from, uint64_t to);

/* Numbers an input record that is already whole, publishes it and runs it. */
void oct_lane_input(struct oct_lane *l, struct oct_msg_hdr *m);

/* One turn: packets, housekeeping.  Returns whether there was anything to do. */
OCT_HOT bool oct_lane_turn(struct oct_lane *l);
/* Turns until *stop; sleeps in the nic when idle, unless busy. */
void oct_lane_run(struct oct_lane *l);
/* Logs out of the order session and closes it. */
void oct_lane_close(struct oct_lane *l);

uint64_t oct_lane_next_input(const struct oct_lane *l);

#endif
