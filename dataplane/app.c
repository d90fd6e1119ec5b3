#include "dataplane/app.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/log.h"
#include "dataplane/lane/pin.h"
#include "dataplane/stated.h"
#include "drivers/venue/soupbintcp.h"

#define LANE            0
#define SESSION_HOLD_NS (10 * OCT_NS_PER_S)

/* ---- start ----------------------------------------------------------------------------------- */

static int complain(const char *what, int err)
{
    fprintf(stderr, "octopus-dataplane: %s: %s\n", what, strerror(-err));
    return err;
}

static int make_dirs(struct oct_app *a)
{
    const char *data = a->setup.conf->data_dir;

    if (mkdir(data, 0750) && errno != EEXIST)
        return complain(data, -errno);
    snprintf(a->journal_dir, sizeof a->journal_dir, "%s/journal", data);
    if (mkdir(a->journal_dir, 0750) && errno != EEXIST)
        return complain(a->journal_dir, -errno);
    return 0;
}

/* The effective settings beside the journal, so that a replay can find what it was made with. */
static void keep_config(const struct oct_app *a)
{
    char path[600];

    snprintf(path, sizeof path, "%s/config-%016llx.yaml", a->journal_dir,
             (unsigned long long)a->setup.config_hash);
    FILE *f = fopen(path, "w");
    if (f) {
        oct_conf_print(a->setup.conf, f);
        fclose(f);
    }
}

static uint64_t build_digest(const char *version)
{
#ifdef __OPTIMIZE__
    static const char compiler[] = __VERSION__ " optimized";
#else
    static const char compiler[] = __VERSION__ " debug";
#endif
    uint64_t h = oct_digest64(oct_msg_layout_hash(), version, strlen(version));

    return oct_digest64(h, compiler, sizeof compiler);
}

static int make_instance(struct oct_app *a)
{
    const struct oct_conf *c = a->setup.conf;
    const struct oct_instance_cfg cfg = {
        .run_dir = c->run_dir,
        .ring_depth = c->lane.ring_depth,
        .link_depth = c->lane.link_depth,
        .inst_cnt = c->lane.inst_cnt,
        .huge_pages = c->lane.huge_pages,
    };
    const char *what;
    int err = oct_instance_create(&a->instance, &cfg, &what);

    if (err)
        return complain(what, err);
    struct oct_pub_status *s = a->instance.status;
    if (getrandom(&a->run_id, sizeof a->run_id, 0) != (ssize_t)sizeof a->run_id)
        return complain("getrandom", -EIO);
    s->run_id = a->run_id;
    s->config_hash = a->setup.config_hash;
    s->build_id = a->build_id;
    s->start_ns = oct_utc_ns();
    s->midnight_ns = a->setup.midnight_ns;
    s->inst_cnt = c->lane.inst_cnt;
    s->lane_core = c->lane.core < 0 ? UINT32_MAX : (uint32_t)c->lane.core;
    s->huge_pages = a->instance.pub.huge;
    snprintf(s->version, sizeof s->version, "%s", a->version);
    snprintf(s->instance, sizeof s->instance, "%s", c->instance);
    snprintf(s->feed, sizeof s->feed, "moldudp64 itch50");
    snprintf(s->venue, sizeof s->venue, "%s", c->venue.server.port ? "soupbintcp ouch50" : "none");
    return 0;
}

/* Assembles the agents, with their output going to the comparison first. */
static int assemble(struct oct_app *a)
{
    struct oct_assembly_cfg cfg = a->setup.assembly;
    const char *what;

    oct_verify_init(&a->recovery.verify);
    cfg.counters = a->instance.counters;
    cfg.types = a->instance.types;
    cfg.faults = a->instance.faults;
    cfg.out = oct_verify_out(&a->recovery.verify, LANE);
    /* One tx sink for both lives of the core: it looks at which one is running. */
    cfg.tx = oct_lane_tx_sink(a->lane);
    int err = oct_assembly_create(&a->assembly, &cfg, &what);
    if (err)
        fprintf(stderr, "octopus-dataplane: %s: a size is out of range or too large: %s\n", what,
                strerror(-err));
    return err;
}

static int open_journal(struct oct_app *a)
{
    if (!a->setup.conf->journal.enabled)
        return 0;
    int err = oct_recovery_open(&a->recovery, a->journal_dir, LANE, &a->instance);
    if (a->recovery.set_aside)
        oct_log(
            OCT_LOG_ERROR, "journal.damaged",
            "%s; moved as it is to %s. Starting HALTED with a new journal; orders come from the "
            "venue's replay, which is asked for when the feed has named the symbols, after %lld s "
            "at "
            "the latest. Compare positions with the venue, then: octopusctl rearm",
            a->recovery.note, a->recovery.where, (long long)(SESSION_HOLD_NS / OCT_NS_PER_S));
    return err ? complain(a->recovery.note[0] ? a->recovery.note : a->journal_dir, err) : 0;
}

static void recover(struct oct_app *a)
{
    oct_recovery_replay(&a->recovery, a->assembly.core, a->build_id);
    if (a->recovery.note[0] && !a->recovery.set_aside)
        oct_log(OCT_LOG_ERROR, "recovery.difference", "%s", a->recovery.note);
    if (a->recovery.existed)
        oct_log(OCT_LOG_INFO, "recovery.done",
                "replayed %llu inputs, %llu decisions; %llu bytes of torn tail set aside",
                (unsigned long long)a->recovery.verify.inputs,
                (unsigned long long)a->recovery.verify.compared,
                (unsigned long long)a->recovery.cut);
    oct_recovery_close(&a->recovery);
}

static int complain_journal(const struct oct_app *a, int err)
{
    fprintf(stderr, "octopus-dataplane: %s: the journal cannot be written: %s%s\n", a->journal_dir,
            strerror(-err),
            err == -ENOSPC || err == -EDQUOT
                ? ": a segment needs journal.segment_mb of room; free space there or lower it"
                : "");
    return err;
}

static int start_recorder(struct oct_app *a)
{
    const struct oct_conf_journal *j = &a->setup.conf->journal;

    if (!j->enabled)
        return 0;
    keep_config(a);
    const struct oct_recorder_cfg cfg = {
        .dir = a->journal_dir,
        .ring = a->instance.ring,
        .faults = a->instance.recorder_faults,
        .counters = oct_counters_add(a->instance.counters, oct_recorder_counter_defs,
                                     OCT_RECORDER_COUNTER_CNT, ""),
        .pulse = &a->instance.pulses[OCT_PULSE_RECORDER],
        .run_id = a->run_id,
        .build_id = a->build_id,
        .plugin_hash = a->setup.plugin_hash,
        .config_hash = a->setup.config_hash,
        .group_ns = (int64_t)j->group_us * OCT_NS_PER_US,
        .segment_sz = (uint64_t)j->segment_mb << 20,
        .mode = j->durability == OCT_CONF_STRICT  ? OCT_DURABILITY_STRICT
                : j->durability == OCT_CONF_GROUP ? OCT_DURABILITY_GROUP
                                                  : OCT_DURABILITY_ASYNC,
        .core = j->core,
        .lane = LANE,
    };
    int err = oct_recorder_create(&cfg, &a->recorder);
    if (!err)
        err = oct_recorder_start(a->recorder);
    if (err)
        return complain_journal(a, err);
    return 0;
}

/* ---- collector ------------------------------------------------------------------------------- */

static int rewind_request(void *self, uint32_t server, const uint8_t *data, uint32_t sz)
{
    struct oct_app *a = self;
    const struct oct_conf_endpoint *e = &a->setup.conf->feed.rewind[server];

    return a->nic->ops->tx(a->nic, e->addr_be, e->port, data, sz);
}

static void on_payload(void *self, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                       uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz)
{
    oct_lane_payload(((struct oct_app *)self)->lane, line, ts_rx_ns, first_seq, msg_cnt, blocks,
                     sz);
}

static void on_event(void *self, enum oct_feed_event event, uint64_t from, uint64_t to)
{
    oct_lane_feed_event(((struct oct_app *)self)->lane, event, from, to);
}

static void on_fault(void *self, const char *code, int64_t now_ns, uint64_t d0, uint64_t d1,
                     uint64_t d2)
{
    oct_fault(((struct oct_app *)self)->instance.faults, code, now_ns, d0, d1, d2);
}

static int make_collector(struct oct_app *a)
{
    static const char *const lines[] = {"line=\"a\"", "line=\"b\"", "line=\"rewind\""};
    const struct oct_collector_out out = {on_payload, on_event, rewind_request, on_fault, a};
    struct oct_collector_cfg cfg;

    oct_setup_collector(&a->setup, &cfg);
    for (unsigned i = 0; i <= cfg.line_cnt; i++)
        cfg.line_counters[i] =
            oct_counters_add(a->instance.counters, oct_collector_line_counter_defs,
                             OCT_LINE_COUNTER_CNT, lines[i == cfg.line_cnt ? 2 : i]);
    cfg.counters = oct_counters_add(a->instance.counters, oct_collector_counter_defs,
                                    OCT_COLLECTOR_COUNTER_CNT, "");
    size_t sz = oct_collector_footprint(&cfg);
    if (sz == 0)
        return complain("feed: a value is out of range", -EINVAL);
    a->collector_mem = aligned_alloc(OCT_BLOCK_SZ, oct_align_up(sz, OCT_BLOCK_SZ));
    if (!a->collector_mem)
        return complain("collector", -ENOMEM);
    a->collector = oct_collector_new(a->collector_mem, &cfg, &out);
    if (!a->collector)
        return complain("collector", -EINVAL);
    a->instance.status->memory_sz += sz;
    if (a->recovery.existed && a->assembly.core->feed_next > cfg.first_seq)
        return oct_collector_resume(a->collector, a->assembly.core->feed_next);
    return 0;
}

static void collector_packet(void *self, const struct oct_nic_pkt *pkt, int64_t now_ns)
{
    oct_collector_packet(self, pkt, now_ns);
}

static void collector_tick(void *self, int64_t now_ns)
{
    oct_collector_tick(self, now_ns);
}

static int64_t collector_deadline(const void *self)
{
    return oct_collector_deadline(self);
}

/* ---- lane ------------------------------------------------------------------------------------ */

/* The lane exists before the agents, which need its sinks; what it needs of them comes later. */
static int make_lane(struct oct_app *a)
{
    a->lane_mem = aligned_alloc(OCT_BLOCK_SZ, oct_lane_footprint());
    if (!a->lane_mem)
        return complain("lane", -ENOMEM);
    memset(a->lane_mem, 0, oct_lane_footprint());
    a->lane = a->lane_mem;
    return 0;
}

static int make_session(struct oct_app *a)
{
    const struct oct_conf_venue *v = &a->setup.conf->venue;
    struct oct_session_cfg cfg = {
        .next_seq = a->recovery.existed ? oct_execution_next_seq(a->assembly.execution) : 1,
        .heartbeat_ns = (int64_t)v->heartbeat_ms * OCT_NS_PER_MS,
        .silence_ns = (int64_t)v->silence_ms * OCT_NS_PER_MS,
    };

    snprintf(cfg.user, sizeof cfg.user, "%s", v->user);
    snprintf(cfg.session, sizeof cfg.session, "%s", v->session);
    int got = oct_conf_secret(v->password, cfg.password, sizeof cfg.password);
    if (got < 0)
        return complain("venue.password", got);
    int err = oct_session_soupbintcp.init(a->session, &cfg);
    oct_conf_wipe(&cfg, sizeof cfg);
    return err ? complain("venue: session", err) : 0;
}

static int finish_lane(struct oct_app *a)
{
    const struct oct_conf *c = a->setup.conf;
    bool venue = c->venue.server.port != 0;
    struct oct_lane_cfg cfg = {
        .core = a->assembly.core,
        .nic = a->nic,
        .collector = {collector_packet, collector_tick, collector_deadline, a->collector},
        .session = venue ? &oct_session_soupbintcp : NULL,
        .orders = a->setup.assembly.orders,
        .session_state = a->session,
        .venue_addr_be = c->venue.server.addr_be,
        .venue_port = c->venue.server.port,
        .reconnect_ns = (int64_t)c->venue.reconnect_ms * OCT_NS_PER_MS,
        .ring = a->instance.ring,
        .link = {&a->instance.link[0], &a->instance.link[1]},
        .kill = a->instance.kill,
        .pulse = &a->instance.pulses[OCT_PULSE_LANE],
        .control = a->instance.control,
        .control_silent_ns = (int64_t)c->risk.control_silent_ms * OCT_NS_PER_MS,
        .state = &a->state,
        .status = a->instance.status,
        .hists = a->instance.hists,
        .clock = &a->clock,
        .clock_error_ns = &a->clock_error_ns,
        .clock_error_max_ns = (int64_t)c->risk.clock_error_max_us * OCT_NS_PER_US,
        .counters =
            oct_counters_add(a->instance.counters, oct_lane_counter_defs, OCT_LANE_COUNTER_CNT, ""),
        .faults = a->instance.faults,
        .stop = a->stop,
        .busy = c->lane.poll == OCT_CONF_POLL_BUSY,
        .recorder = c->journal.enabled,
        .position_report = c->feed.position_report && c->feed.rewind_cnt > 0,
        .report_addr_be = c->feed.rewind[0].addr_be,
        .report_port = c->feed.rewind[0].port,
        .symbols = a->instance.symbols,
        .inst_cnt = c->lane.inst_cnt,
        .first_input = a->recovery.last_input + 1,
        .session_hold_ns = a->recovery.set_aside ? SESSION_HOLD_NS : 0,
    };

    memcpy(cfg.firm, c->venue.firm, strnlen(c->venue.firm, 4));
    for (size_t i = strnlen(c->venue.firm, 4); i < 4; i++)
        cfg.firm[i] = ' ';
    if (venue) {
        int err = make_session(a);
        if (err)
            return err;
    }
    for (uint32_t i = 0; i < a->assembly.view.inst_cnt; i++)
        if (a->assembly.view.ref[i].symbol.c[0])
            a->instance.symbols[i] = a->assembly.view.ref[i].symbol;
    oct_lane_new(a->lane_mem, &cfg);
    /* From replay to live: what the core says goes to the ring now. */
    a->assembly.core->cfg.out = oct_lane_out(a->lane, LANE);
    oct_lane_set_core(a->lane, a->assembly.core);
    atomic_store_explicit(&a->instance.pulses[OCT_PULSE_LANE].pid, (uint32_t)getpid(),
                          memory_order_relaxed);
    return 0;
}

/* A state on disk that is lower than what replay came to (a power failure took the journal's end)
 * is taken over by commands, so that it is an input like any other. */
static void restate(struct oct_app *a, enum oct_scope scope, uint32_t id, uint8_t state)
{
    struct oct_risk_ladder now;
    struct oct_in_cmd m = {
        OCT_MSG_HDR(IN_CMD, in_cmd),
        .cmd = state >= OCT_LADDER_HALTED ? OCT_CMD_HALT : OCT_CMD_REDUCE,
        .scope = (uint8_t)scope,
        .account = (uint16_t)id,
        .strategy = (uint16_t)id,
        .user = {"restart "},
    };

    oct_risk_ladder_state(a->assembly.risk, &now);
    uint8_t have = scope == OCT_SCOPE_FIRM      ? now.firm
                   : scope == OCT_SCOPE_ACCOUNT ? now.account[id]
                                                : now.strategy[id];
    if (state <= have)
        return;
    if (state == OCT_LADDER_KILLED)
        oct_kill_set(a->instance.kill, scope == OCT_SCOPE_FIRM      ? OCT_KILL_ALL
                                       : scope == OCT_SCOPE_ACCOUNT ? OCT_KILL_ACCOUNT(id)
                                                                    : OCT_KILL_STRATEGY(id));
    oct_lane_input(a->lane, &m.hdr);
}

static void restrict_symbols(struct oct_app *a)
{
    const struct oct_conf_symbols *r = &a->setup.conf->risk.restricted;
    const struct oct_view *v = &a->assembly.view;

    for (uint32_t k = 0; k < r->cnt; k++) {
        for (uint32_t i = 0; i < v->inst_cnt; i++) {
            size_t n = strlen(r->name[k]);
            if (memcmp(v->ref[i].symbol.c, r->name[k], n) != 0 ||
                (n < 8 && v->ref[i].symbol.c[n] != ' '))
                continue;
            struct oct_in_cmd m = {
                OCT_MSG_HDR(IN_CMD, in_cmd),   .cmd = OCT_CMD_RESTRICT,
                .scope = OCT_SCOPE_INSTRUMENT, .inst = i,
                .user = {"config  "},
            };
            oct_lane_input(a->lane, &m.hdr);
        }
    }
}

/* Why this start is not as people expect it, where they look. */
static void tell_start(struct oct_app *a, bool halted, int state_err)
{
    struct oct_pub_status *s = a->instance.status;
    const struct oct_recovery *r = &a->recovery;

    if (r->damaged)
        oct_fault(a->instance.faults, "journal.damaged", oct_utc_ns(), r->last_input, r->mark,
                  r->set_aside);
    if (state_err == -EBADMSG)
        oct_fault(a->instance.faults, "state.damaged", oct_utc_ns(), 0, 0, 0);
    if (!halted)
        return;
    snprintf(
        s->note, sizeof s->note,
        "started HALTED: %.300s%s%.120s; compare positions with the venue, then octopusctl rearm",
        state_err == -EBADMSG ? "ladder.state cannot be read" : r->note,
        r->set_aside ? "; kept in " : "", r->where);
}

/* What the lane starts with is on disk before it is told, as every later change is. */
static void keep_ladder(struct oct_app *a)
{
    struct oct_risk_ladder now;
    struct oct_ladder m = {OCT_MSG_HDR(LADDER, ladder), .scope = OCT_SCOPE_FIRM};

    oct_risk_ladder_state(a->assembly.risk, &now);
    m.state = now.firm;
    if (now.firm != a->state.now.firm)
        oct_state_set(&a->state, &m);
    for (uint16_t i = 0; i < OCT_RISK_STRATEGY_MAX; i++) {
        m.scope = OCT_SCOPE_STRATEGY;
        m.strategy = i;
        m.state = now.strategy[i];
        if (m.state != a->state.now.strategy[i])
            oct_state_set(&a->state, &m);
    }
    for (uint16_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++) {
        m.scope = OCT_SCOPE_ACCOUNT;
        m.account = i;
        m.state = now.account[i];
        if (m.state != a->state.now.account[i])
            oct_state_set(&a->state, &m);
    }
    /* Unchanged means that it is on disk already; else the keeper tells it once it is. */
    if (atomic_load(&a->state.written) == a->state.synced)
        atomic_store(&a->instance.status->ladder, now.firm);
}

static void command(void *lane, struct oct_in_cmd *m)
{
    oct_lane_input(lane, &m->hdr);
}

/* The configuration's limits hold until a person changes one; from then on the journal's do. */
static void state_limits(struct oct_app *a)
{
    if (oct_risk_limits_in_force(a->assembly.risk)->version == 0)
        oct_stated_limits(a->setup.limits, command, a->lane);
}

/* The rest of the step that a crash cut, then the start of this run, then what the disk knows. */
static void first_inputs(struct oct_app *a, int state_err)
{
    size_t rest_sz;
    const uint8_t *rest = oct_verify_rest(&a->recovery.verify, &rest_sz);

    for (size_t off = 0; rest && !a->recovery.differs && off < rest_sz;) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(rest + off);
        oct_ring_publish(a->instance.ring, m);
        off += m->sz;
    }
    bool halted = (a->recovery.differs && !(a->recovery.other_build && a->accept_other_build)) ||
                  a->recovery.damaged || state_err == -EBADMSG;
    struct oct_in_start m = {
        OCT_MSG_HDR(IN_START, in_start),
        .run_id = a->run_id,
        .config_hash = a->setup.config_hash,
        .layout_hash = oct_msg_layout_hash(),
        .build_id = a->build_id,
        .midnight_ns = a->setup.midnight_ns,
        .mark = a->recovery.mark,
        .recovered = a->recovery.existed,
        .ladder = halted ? OCT_LADDER_HALTED : OCT_LADDER_ACTIVE,
    };
    oct_lane_input(a->lane, &m.hdr);
    tell_start(a, halted, state_err);
    for (uint32_t i = 0; i < OCT_RISK_STRATEGY_MAX; i++)
        restate(a, OCT_SCOPE_STRATEGY, i, a->state.now.strategy[i]);
    for (uint32_t i = 0; i < OCT_RISK_ACCOUNT_MAX; i++)
        restate(a, OCT_SCOPE_ACCOUNT, i, a->state.now.account[i]);
    restate(a, OCT_SCOPE_FIRM, 0, a->state.now.firm);
    state_limits(a);
    restrict_symbols(a);
    keep_ladder(a);
}

int oct_app_start(struct oct_app *a)
{
    const struct oct_conf *c = a->setup.conf;

    a->build_id = build_digest(a->version);
    int err = make_dirs(a);
    if (err)
        return err;
    int state_err = oct_state_open(&a->state, c->data_dir);
    if (state_err && state_err != -ENOENT && state_err != -EBADMSG) {
        fprintf(stderr, "octopus-dataplane: %s/ladder.state: %s\n", c->data_dir,
                strerror(-state_err));
        return state_err;
    }
    oct_instance_find_old(&a->instance, c->run_dir);
    if ((err = oct_clock_init(&a->clock, 20 * OCT_NS_PER_MS)) != 0)
        return complain("the time-stamp counter is not invariant", err);
    if ((err = open_journal(a)) || (err = make_instance(a)) || (err = make_lane(a)) ||
        (err = assemble(a)))
        return err;
    recover(a);
    if (c->lane.lock_memory && oct_pin_lock_memory())
        oct_log(OCT_LOG_WARN, "lane.memory",
                "memory cannot be locked: pages may fault on the lane");
    struct oct_counter *nic =
        oct_counters_add(a->instance.counters, oct_nic_counter_defs, OCT_NIC_COUNTER_CNT, "");
    if (!a->nic && (err = oct_setup_nic(&a->setup, nic, &a->nic)) != 0) {
        fprintf(stderr, "octopus-dataplane: %s\n", a->setup.err);
        return err;
    }
    if ((err = make_collector(a)) || (err = start_recorder(a)) || (err = finish_lane(a)))
        return err;
    if ((err = a->nic->ops->start(a->nic)) != 0)
        return complain("nic", err);
    a->instance.status->memory_sz += a->assembly.sz + a->instance.pub.sz + a->instance.cmd.sz;
    oct_log(OCT_LOG_INFO, "dataplane.start", "instance %s, %llu MiB of memory%s", c->instance,
            (unsigned long long)(a->instance.status->memory_sz >> 20),
            a->assembly.huge ? " on huge pages" : "");
    a->src = (struct oct_summary_src){&a->setup, &a->instance, &a->assembly,
                                      c->journal.enabled ? a->journal_dir : NULL, LANE};
    first_inputs(a, state_err);
    oct_instance_seal(&a->instance);
    oct_instance_drop_old(&a->instance);
    return oct_keeper_start(&a->keeper, &a->state, &a->src, &a->clock_error_ns, a->progress);
}

int oct_app_finish(struct oct_app *a)
{
    int err = 0;

    if (a->recorder && (err = oct_recorder_stop(a->recorder)) != 0)
        fprintf(
            stderr,
            "octopus-dataplane: %s: %s: the last records are only in the ring in %s: free space "
            "and start again with the same run_dir before it is removed\n",
            a->journal_dir, strerror(-err), a->setup.conf->run_dir);
    oct_keeper_stop(&a->keeper);
    if (a->summary && !err) {
        err = oct_summary_write(&a->src, a->summary);
        if (err)
            complain(a->summary, err);
    }
    return err;
}

void oct_app_release(struct oct_app *a)
{
    oct_keeper_stop(&a->keeper);
    oct_recorder_destroy(a->recorder);
    if (a->nic)
        a->nic->ops->close(a->nic);
    oct_recovery_close(&a->recovery);
    oct_verify_fini(&a->recovery.verify);
    oct_assembly_destroy(&a->assembly);
    oct_instance_close(&a->instance);
    oct_state_close(&a->state);
    free(a->collector_mem);
    free(a->lane_mem);
    oct_setup_free(&a->setup);
}
