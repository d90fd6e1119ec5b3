#include "dataplane/assembly.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* ---- counters -------------------------------------------------------------------------------- */

static struct oct_counter *counters(struct oct_assembly *a, const struct oct_assembly_cfg *cfg,
                                    const struct oct_counter_def *defs, uint32_t cnt)
{
    (void)a;
    if (cfg->counters)
        return oct_counters_add(cfg->counters, defs, cnt, "");
    return calloc(cnt, sizeof(struct oct_counter));
}

static int make_counters(struct oct_assembly *a, const struct oct_assembly_cfg *cfg)
{
    a->core_counters = counters(a, cfg, oct_core_counter_defs, OCT_CORE_COUNTER_CNT);
    a->realtime_counters = counters(a, cfg, oct_realtime_counter_defs, OCT_REALTIME_COUNTER_CNT);
    a->strategy_counters = counters(a, cfg, oct_strategy_counter_defs, OCT_STRATEGY_C_CNT);
    a->risk_counters = counters(a, cfg, oct_risk_counter_defs, OCT_RISK_C_CNT);
    a->execution_counters = counters(a, cfg, oct_execution_counter_defs, OCT_EXECUTION_COUNTER_CNT);
    a->types = cfg->types ? cfg->types : calloc(256, sizeof(struct oct_counter));
    a->private_counters = !cfg->counters;
    a->private_types = !cfg->types;
    if (a->core_counters && a->realtime_counters && a->strategy_counters && a->risk_counters &&
        a->execution_counters && a->types)
        return 0;
    return cfg->counters ? -ENOSPC : -ENOMEM;
}

/* ---- memory ---------------------------------------------------------------------------------- */

struct carve {
    size_t off;
    uint8_t *base; /* NULL while only sizing */
};

static void *carve(struct carve *c, size_t sz)
{
    void *p = c->base ? c->base + c->off : NULL;

    c->off += oct_align_up(sz, OCT_BLOCK_SZ);
    return p;
}

struct parts {
    void *core;
    void *timers;
    void *faults;
    void *realtime;
    void *strategy;
    void *risk;
    void *execution;
};

static size_t lay_out(const struct oct_assembly_cfg *cfg, uint8_t *base, struct parts *p,
                      const char **what)
{
    struct carve c = {0, base};
    const struct {
        const char *name;
        size_t sz;
        void **at;
    } rows[] = {
        {"core", sizeof(struct oct_core), &p->core},
        {"timers", oct_timers_footprint(cfg->timer_cnt), &p->timers},
        {"faults", oct_faults_footprint(), &p->faults},
        {"realtime", oct_realtime_footprint(&cfg->realtime), &p->realtime},
        {"strategy", oct_strategy_footprint(&cfg->strategy), &p->strategy},
        {"risk", oct_risk_footprint(&cfg->risk), &p->risk},
        {"execution", oct_execution_footprint(&cfg->execution), &p->execution},
    };

    for (size_t i = 0; i < OCT_ARRAY_CNT(rows); i++) {
        if (rows[i].sz == 0) {
            *what = rows[i].name;
            return 0;
        }
        *rows[i].at = carve(&c, rows[i].sz);
    }
    return c.off;
}

static void *map(size_t sz, bool want_huge, bool *huge)
{
    void *p = MAP_FAILED;

    *huge = false;
    if (want_huge) {
        p = mmap(NULL, oct_align_up(sz, (size_t)2 << 20), PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB | MAP_POPULATE, -1, 0);
        *huge = p != MAP_FAILED;
    }
    if (p == MAP_FAILED) {
        p = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (p == MAP_FAILED)
            return NULL;
        /* Transparent huge pages where the kernel has them; then every page is touched, so that
         * none faults on the lane. */
        (void)madvise(p, sz, MADV_HUGEPAGE);
        memset(p, 0, sz);
    }
    return p;
}

/* ---- wiring ---------------------------------------------------------------------------------- */

/* Agents are at known addresses before any of them is made, so sinks can point at each other. */
static void wire(struct oct_assembly *a, struct oct_assembly_cfg *c, const struct parts *p)
{
    a->view.position = oct_risk_position;
    a->view.order_soon = oct_risk_order_soon;
    a->view.risk = p->risk;
    a->view.order = oct_execution_order;
    a->view.order_ready = oct_execution_ready;
    a->view.execution = p->execution;

    c->realtime.counters = a->realtime_counters;
    c->realtime.market = (struct oct_sink){oct_strategy_on_msg, p->strategy};

    c->strategy.counters = a->strategy_counters;
    c->strategy.view = &a->view;
    c->strategy.risk = (struct oct_sink){oct_risk_on_msg, p->risk};

    c->risk.counters = a->risk_counters;
    c->risk.view = &a->view;
    c->risk.submit = (struct oct_submit_sink){oct_execution_submit, p->execution};
    c->risk.execution = (struct oct_sink){oct_execution_on_msg, p->execution};
    c->risk.strategy = (struct oct_sink){oct_strategy_on_msg, p->strategy};
    c->risk.venue_check = c->orders->fits;

    c->execution.counters = a->execution_counters;
    c->execution.view = &a->view;
    c->execution.orders = c->orders;
    c->execution.tx = c->tx;
    c->execution.risk = (struct oct_sink){oct_risk_on_msg, p->risk};
    c->execution.strategy = (struct oct_sink){oct_strategy_on_msg, p->strategy};
}

/* Market events pass through risk first: it marks positions before a strategy may act on them. */
static void on_market(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct oct_assembly *a = self;

    oct_risk_on_msg(a->risk, step, m);
    oct_strategy_on_msg(a->strategy, step, m);
}

/* Everything that a change of an instrument's best prices goes through. */
static void prefetch1(const void *self, struct oct_book_hint *hint)
{
    const struct oct_assembly *a = self;

    oct_realtime_prefetch1(a->realtime, hint);
    oct_strategy_prefetch(a->strategy, hint->inst);
    oct_risk_prefetch1(a->risk, hint->inst);
}

static void prefetch2(const void *self, struct oct_book_hint *hint)
{
    const struct oct_assembly *a = self;

    oct_realtime_prefetch2(a->realtime, hint);
    oct_risk_prefetch2(a->risk, hint->inst);
}

static void prefetch3(const void *self, struct oct_book_hint *hint)
{
    oct_realtime_prefetch3(((const struct oct_assembly *)self)->realtime, hint);
}

static void prefetch4(const void *self, struct oct_book_hint *hint)
{
    oct_realtime_prefetch4(((const struct oct_assembly *)self)->realtime, hint);
}

static void prefetch_lone(const void *self, struct oct_book_hint *hint)
{
    const struct oct_assembly *a = self;

    oct_realtime_prefetch_lone(a->realtime, hint);
    oct_strategy_prefetch(a->strategy, hint->inst);
    oct_risk_prefetch1(a->risk, hint->inst);
}

static void prefetch_alone(const void *self, struct oct_book_hint *hint)
{
    oct_strategy_prefetch_alone(((const struct oct_assembly *)self)->strategy, hint->inst);
}

static bool make_agents(struct oct_assembly *a, const struct oct_assembly_cfg *c,
                        const struct parts *p, const char **what)
{
    a->realtime = oct_realtime_new(p->realtime, &c->realtime);
    if (a->realtime)
        oct_realtime_view(a->realtime, &a->view);
    a->strategy = oct_strategy_new(p->strategy, &c->strategy);
    a->risk = oct_risk_new(p->risk, &c->risk);
    a->execution = oct_execution_new(p->execution, &c->execution);
    *what = !a->realtime ? "realtime" : !a->strategy ? "strategy" : !a->risk ? "risk" : "execution";
    return a->realtime && a->strategy && a->risk && a->execution;
}

static void make_core(struct oct_assembly *a, const struct oct_assembly_cfg *c,
                      const struct parts *p)
{
    struct oct_core_cfg core = {
        .feed = c->feed,
        .orders = c->orders,
        .inst_base = c->inst_base,
        .prefetch = !c->no_prefetch,
        .prefetch1 = prefetch1,
        .prefetch2 = prefetch2,
        .prefetch3 = prefetch3,
        .prefetch4 = prefetch4,
        .prefetch_lone = prefetch_lone,
        .prefetch_alone = prefetch_alone,
        .prefetch_self = a,
        .realtime = {"realtime", oct_realtime_on_msg, oct_realtime_digest, a->realtime},
        .strategy = {"strategy", oct_strategy_on_msg, oct_strategy_digest, a->strategy},
        .risk = {"risk", oct_risk_on_msg, oct_risk_digest, a->risk},
        .execution = {"execution", oct_execution_on_msg, oct_execution_digest, a->execution},
        .venue_holds = oct_execution_holds,
        .timers = oct_timers_new(p->timers, c->timer_cnt),
        .counters = a->core_counters,
        .types = a->types,
        .faults = a->faults,
        .out = c->out,
    };

    a->core = p->core;
    oct_core_init(a->core, &core);
}

int oct_assembly_create(struct oct_assembly *a, const struct oct_assembly_cfg *cfg,
                        const char **what)
{
    struct oct_assembly_cfg c = *cfg;
    struct parts p;

    memset(a, 0, sizeof *a);
    *what = "memory";
    size_t sz = lay_out(&c, NULL, &p, what);
    if (sz == 0)
        return -EINVAL;
    a->mem = map(sz, c.huge_pages, &a->huge);
    if (!a->mem)
        return -ENOMEM;
    a->sz = sz;
    *what = "counters";
    int err = make_counters(a, &c);
    if (err) {
        oct_assembly_destroy(a);
        return err;
    }
    lay_out(&c, a->mem, &p, what);
    a->faults = c.faults ? c.faults : oct_faults_new(p.faults);
    wire(a, &c, &p);
    c.realtime.market = (struct oct_sink){on_market, a};
    if (!make_agents(a, &c, &p, what)) {
        oct_assembly_destroy(a);
        return -EINVAL;
    }
    make_core(a, &c, &p);
    return 0;
}

void oct_assembly_destroy(struct oct_assembly *a)
{
    if (a->private_counters) {
        free(a->core_counters);
        free(a->realtime_counters);
        free(a->strategy_counters);
        free(a->risk_counters);
        free(a->execution_counters);
    }
    if (a->private_types)
        free(a->types);
    if (a->mem)
        munmap(a->mem, a->huge ? oct_align_up(a->sz, (size_t)2 << 20) : a->sz);
    memset(a, 0, sizeof *a);
}
