/* pub.h - what an instance publishes in shared memory, by name.
 *
 * Run directory (a tmpfs): region "pub" written by the dataplane and mapped read-only by everyone
 * else; region "cmd" with one link per sender and control's pulse, written by control; region
 * "kill" with the kill word.  Objects of "pub": the names below. */
#ifndef OCT_SHM_PUB_H
#define OCT_SHM_PUB_H

#include "dataplane/base/hist.h"
#include "dataplane/shm/counters.h"
#include "dataplane/shm/fault.h"
#include "dataplane/shm/link.h"
#include "dataplane/shm/pulse.h"
#include "dataplane/shm/region.h"
#include "dataplane/shm/ring.h"

#define OCT_REGION_PUB  "pub"
#define OCT_REGION_CMD  "cmd"
#define OCT_REGION_KILL "kill"

#define OCT_OBJ_RING            "ring"            /* struct oct_ring: records of lane 0 */
#define OCT_OBJ_COUNTERS        "counters"        /* struct oct_counters */
#define OCT_OBJ_FAULTS          "faults"          /* struct oct_faults of the lane */
#define OCT_OBJ_FAULTS_RECORDER "faults_recorder" /* struct oct_faults of the recorder */
#define OCT_OBJ_PULSES          "pulses"          /* struct oct_pulse[OCT_PULSE_CNT] */
#define OCT_OBJ_HISTS           "hists"           /* struct oct_pub_hist[OCT_HOP_CNT] */
#define OCT_OBJ_SYMBOLS         "symbols"         /* oct_sym[inst_cnt], blank while unknown */
#define OCT_OBJ_TYPES           "types"    /* struct oct_counter[256]: messages by type byte */
#define OCT_OBJ_STATUS          "status"   /* struct oct_pub_status */
#define OCT_OBJ_LINK            "link"     /* in region "cmd": struct oct_link, control to lane */
#define OCT_OBJ_LINK_CTL        "link_ctl" /* in region "cmd": struct oct_link, octopusctl to lane */
#define OCT_OBJ_PULSE_CONTROL   "pulse"    /* in region "cmd": struct oct_pulse of control */
#define OCT_OBJ_KILL            "kill"     /* in region "kill": struct oct_kill */

enum oct_pulse_idx {
    OCT_PULSE_LANE,
    OCT_PULSE_RECORDER,
    OCT_PULSE_CNT,
};

/* Where time goes between the wire and the wire; docs/latency.md says what each spans. */
enum oct_hop {
    OCT_HOP_RX,            /* receive stamp to intake */
    OCT_HOP_SIGNAL,        /* to the intent: decode, book, features, signal */
    OCT_HOP_RISK,          /* to the verdict */
    OCT_HOP_ENCODE,        /* to the order's bytes */
    OCT_HOP_TX,            /* to handed to the nic */
    OCT_HOP_TICK_TO_TRADE, /* receive stamp to handed to the nic */
    OCT_HOP_IN_PROCESS,    /* intake to handed to the nic */
    OCT_HOP_ACK,           /* handed to the nic to the venue's answer read */
    OCT_HOP_CNT,
};

/* What the lane makes of control's pulse. */
enum oct_control_state {
    OCT_CONTROL_UNSEEN, /* no sign of life in this run so far */
    OCT_CONTROL_ALIVE,
    OCT_CONTROL_SILENT, /* an alarm; limits are frozen */
};

struct oct_pub_hist {
    char name[32];     /* "tick_to_trade" ... */
    struct oct_hist h; /* one writer: the lane */
};

/* One writer: the lane, before the seal, but for the atomics. */
struct oct_pub_status {
    uint64_t run_id;
    uint64_t config_hash;
    uint64_t build_id;
    int64_t start_ns;
    int64_t midnight_ns;
    uint32_t inst_cnt;
    uint32_t lane_core; /* UINT32_MAX when not pinned */
    uint64_t memory_sz; /* bytes of regions and tables, fixed at start */
    char version[32];
    char instance[32];
    char feed[32];
    char venue[32];
    uint8_t huge_pages;
    uint8_t sealed;
    uint8_t pad[6];
    _Atomic uint64_t input;         /* last input number */
    _Atomic int64_t now_ns;         /* lane time */
    _Atomic uint64_t feed_seq;      /* next sequence number expected */
    _Atomic uint32_t session_state; /* enum oct_session_state */
    _Atomic uint32_t ladder;        /* enum oct_ladder_state of the firm */
    _Atomic uint32_t feed_state;    /* 0 waiting, 1 live, 2 recovering, 3 stale, 4 ended */
    _Atomic uint32_t control_state; /* enum oct_control_state */
    char note[512]; /* what people must know about this start, empty when all is well */
};

/* A reader's view of a joined region "pub".  Everything but faults and symbols is there once
 * joined.  The memory is the writer's: what is read twice may differ, names may lack an end. */
struct oct_pub {
    struct oct_region region;
    const struct oct_ring *ring;
    const struct oct_counters *counters;
    const struct oct_faults *faults[2]; /* of the lane, of the recorder; may be NULL */
    const struct oct_pulse *pulses;     /* [OCT_PULSE_CNT] */
    const struct oct_pub_hist *hists;   /* [OCT_HOP_CNT] */
    const struct oct_counter *types;    /* [256] */
    const struct oct_pub_status *status;
    const oct_sym *symbols; /* [symbol_cnt]; may be NULL */
    uint32_t symbol_cnt;
};

/* Joins for reading.  0; as oct_region_join; or -EBADMSG when an object is missing or wrong.  After
 * an error the view is clear, and leaving it does nothing. */
int oct_pub_join(struct oct_pub *p, const char *run_dir, uint64_t layout_hash);
void oct_pub_clear(struct oct_pub *p);
void oct_pub_leave(struct oct_pub *p);

#endif
