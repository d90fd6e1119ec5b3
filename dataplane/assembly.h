/* assembly.h - the hot agents of one lane, sized, carved and wired together.
 *
 * The one place that knows all agents: the dataplane, replay, benches and simulations assemble the
 * same lane from the same configuration.
 *
 *   core -> realtime -> strategy -> risk -> execution -> tx
 *                          ^          ^---------'
 *
 * Thread:  one.
 * Memory:  one block from huge pages when asked for and free, else from 4 KiB pages; fixed. */
#ifndef OCT_DATAPLANE_ASSEMBLY_H
#define OCT_DATAPLANE_ASSEMBLY_H

#include "agents/execution/execution.h"
#include "agents/realtime/realtime.h"
#include "agents/risk/risk.h"
#include "agents/strategy/strategy.h"
#include "dataplane/lane/core.h"
#include "dataplane/shm/counters.h"

struct oct_assembly_cfg {
    /* Sizes and parameters; sinks, views and counters are filled in here. */
    struct oct_realtime_cfg realtime;
    struct oct_strategy_cfg strategy;
    struct oct_risk_cfg risk;
    struct oct_execution_cfg execution;
    const struct oct_feed_ops *feed;
    const struct oct_order_ops *orders;
    uint32_t inst_base;
    uint32_t timer_cnt;
    bool huge_pages;
    bool no_prefetch;
    struct oct_counters *counters; /* NULL: counted in private memory */
    struct oct_counter *types;     /* 256; NULL: private */
    struct oct_faults *faults;     /* NULL: private */
    struct oct_out out;
    struct oct_sink tx;
};

struct oct_assembly {
    struct oct_core *core;
    struct oct_realtime *realtime;
    struct oct_strategy *strategy;
    struct oct_risk *risk;
    struct oct_execution *execution;
    struct oct_view view;
    struct oct_counter *core_counters;
    struct oct_counter *realtime_counters;
    struct oct_counter *strategy_counters;
    struct oct_counter *risk_counters;
    struct oct_counter *execution_counters;
    struct oct_counter *types;
    struct oct_faults *faults;
    void *mem;
    size_t sz;
    bool huge;
    bool private_counters;
    bool private_types;
};

/* Sizes, carves and wires everything.  0; -EINVAL with *what naming the part whose configuration is
 * out of range; -ENOMEM; -ENOSPC when the counter table is full. */
int oct_assembly_create(struct oct_assembly *a, const struct oct_assembly_cfg *cfg,
                        const char **what);
void oct_assembly_destroy(struct oct_assembly *a);

#endif
