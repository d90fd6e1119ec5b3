/* vitals.h - what control may ask of the dataplane beyond its records: signs of life, counters,
 * histograms, faults, and the way to send it a command.
 *
 * The bridge implements it over shared memory; tests implement it over nothing.  Everything is
 * copied out: no caller sees shared memory. */
#ifndef OCT_CORE_VITALS_H
#define OCT_CORE_VITALS_H

#include "dataplane/base/count.h"
#include "dataplane/base/hist.h"
#include "dataplane/msg/msg.h"

#define OCT_VITALS_LABELS_SZ 72
#define OCT_VITALS_NAME_SZ   64
#define OCT_VITALS_HELP_SZ   128

struct oct_vitals_counter {
    char name[OCT_VITALS_NAME_SZ];
    char labels[OCT_VITALS_LABELS_SZ]; /* Prometheus pairs, may be empty */
    char help[OCT_VITALS_HELP_SZ];
    enum oct_counter_kind kind;
    uint64_t value;
};

struct oct_vitals_fault {
    char code[48];
    uint64_t times;
    int64_t first_ns;
    int64_t last_ns;
    uint64_t detail[3];
};

struct oct_vitals_pulse {
    const char *name;
    int64_t beat_ns;
    uint64_t turns;
    uint32_t pid;
    uint32_t state;
};

struct oct_vitals_status {
    uint64_t run_id;
    uint64_t config_hash;
    uint64_t build_id;
    int64_t start_ns;
    int64_t midnight_ns;
    uint64_t memory_sz;
    uint64_t input;
    int64_t now_ns;
    uint64_t feed_seq;
    uint32_t inst_cnt;
    uint32_t lane_core;
    uint32_t session_state; /* enum oct_session_state */
    uint32_t ladder;        /* enum oct_ladder_state */
    uint32_t feed_state;    /* 0 waiting, 1 live, 2 recovering, 3 stale, 4 ended */
    uint8_t huge_pages;
    uint8_t sealed;
    char version[32];
    char instance[32];
    char feed[32];
    char venue[32];
};

struct oct_vitals {
    /* False while the dataplane's regions are not there; then the others have nothing. */
    bool (*attached)(void *self);
    bool (*status)(void *self, struct oct_vitals_status *out);
    bool (*counter)(void *self, uint32_t idx, struct oct_vitals_counter *out); /* false: past it */
    bool (*hist)(void *self, uint32_t idx, const char **name, struct oct_hist *out);
    bool (*fault)(void *self, uint32_t idx, struct oct_vitals_fault *out);
    bool (*pulse)(void *self, uint32_t idx, struct oct_vitals_pulse *out);
    /* Records that wait to be read. */
    uint64_t (*lag)(void *self);
    /* Sends a command record; fills in cmd_id.  0, -ENOTCONN, -ENOBUFS when the lane is behind. */
    int (*command)(void *self, struct oct_in_cmd *cmd);
    void *self;
};

#endif
