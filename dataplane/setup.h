/* setup.h - from the configuration of an instance to the parts of its dataplane.
 *
 * Thread:  cold, before the lane starts.
 * Errors:  one line for people in err, naming the configuration key where there is one. */
#ifndef OCT_DATAPLANE_SETUP_H
#define OCT_DATAPLANE_SETUP_H

#include "agents/collector/collector.h"
#include "dataplane/assembly.h"
#include "dataplane/conf/conf.h"
#include "dataplane/port/nic.h"

#define OCT_SETUP_ERR_SZ 4096u

struct oct_setup {
    struct oct_conf *conf;
    struct oct_conf_reference *reference; /* NULL: none */
    struct oct_assembly_cfg assembly;     /* without counters, faults, out and tx */
    /* What assembly points to. */
    struct oct_realtime_row *rows;
    struct oct_risk_limits *limits;
    struct oct_strategy_def *defs;
    uint64_t *inst_bits;
    int64_t midnight_ns;
    uint64_t config_hash;
    uint64_t plugin_hash;
    char err[OCT_SETUP_ERR_SZ];
};

/* Loads, checks and translates.  0 or negative errno with s->err. */
int oct_setup_load(struct oct_setup *s, const struct oct_conf_args *args);
void oct_setup_free(struct oct_setup *s);

/* Collector settings of the feed; counters and rewind are the caller's. */
void oct_setup_collector(const struct oct_setup *s, struct oct_collector_cfg *cfg);

/* Opens the nic the configuration names and joins its lines.  0 or negative errno. */
int oct_setup_nic(struct oct_setup *s, struct oct_counter *counters, struct oct_nic **out);

#endif
