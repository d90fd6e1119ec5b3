/* The whole lane: collector, books, indicators, five strategies on all symbols, risk, execution,
 * journal on.  And tick to trade: packet bytes in memory to order bytes in memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/rig.h"
#include "dataplane/base/wire.h"
#include "dataplane/journal/reader.h"
#include "dataplane/lane/pin.h"
#include "drivers/feed/moldudp64.h"
#include "drivers/nic/loopback/loopback.h"

#ifndef OCT_BENCH_CONFIG
#error "the build says where the configuration is"
#endif

#define PKT_SZ   1400u
#define LANE_CPU 1
#define BURST    64u

struct packets {
    uint8_t *mem;
    size_t mem_sz;
    uint32_t *sz; /* bytes of each */
    uint64_t *off;
    uint64_t cnt;
    uint64_t messages;
};

/* Packs messages into MoldUDP64 packets, per_pkt at most in each (0: as many as fit). */
static int pack(struct oct_bench *b, uint64_t limit, uint32_t per_pkt, struct packets *p)
{
    const uint8_t *data;
    uint8_t session[OCT_MOLDUDP64_SESSION_SZ];
    size_t sz;
    int err = oct_bench_session(b, &data, &sz);

    if (err)
        return err;
    oct_moldudp64_session(session, "BENCH");
    memset(p, 0, sizeof *p);
    uint64_t total = oct_bench_session_cnt(b);
    uint64_t most = limit && limit < total ? limit : total;
    uint64_t cap = per_pkt ? most / per_pkt + 2 : most / 8 + 2;
    p->mem_sz = (per_pkt == 1 ? most * 160 : sz + sz / 4) + (1u << 20);
    p->mem = oct_bench_alloc(p->mem_sz);
    p->sz = calloc(cap, sizeof p->sz[0]);
    p->off = calloc(cap, sizeof p->off[0]);
    if (!p->mem || !p->sz || !p->off)
        return -ENOMEM;
    size_t at = 0, off = 0;
    while (at + 2 <= sz && p->messages < most) {
        struct oct_moldudp64_builder mb;
        uint32_t n = 0;
        oct_moldudp64_begin(&mb, p->mem + off, PKT_SZ, session, p->messages + 1);
        while (at + 2 <= sz && (!per_pkt || n < per_pkt) && p->messages < most) {
            uint32_t len = oct_load_be16(data + at);
            if (!oct_moldudp64_append(&mb, data + at + 2, len))
                break;
            at += 2 + len;
            n++;
            p->messages++;
        }
        p->off[p->cnt] = off;
        p->sz[p->cnt] = oct_moldudp64_finish(&mb);
        off += oct_align_up(p->sz[p->cnt] + OCT_NIC_PAD, 64);
        p->cnt++;
        OCT_ASSERT(p->cnt < cap && off < p->mem_sz);
    }
    return 0;
}

static void unpack(struct packets *p)
{
    oct_bench_free(p->mem, p->mem_sz);
    free(p->sz);
    free(p->off);
}

/* The journal goes to a folder of its own below the bench's, shared memory to where it always is. */
struct place {
    char dir[512];
    char run_dir[64];
};

static int place_open(struct place *p, const char *base, const char *name)
{
    char cmd[1200];

    snprintf(p->dir, sizeof p->dir, "%s/%s", base, name);
    snprintf(p->run_dir, sizeof p->run_dir, "/dev/shm/octopus-bench-%d", (int)getpid());
    snprintf(cmd, sizeof cmd, "rm -rf '%s' '%s' && mkdir -p '%s'", p->run_dir, p->dir, p->dir);
    return system(cmd) ? -EIO : 0;
}

static void place_close(const struct place *p)
{
    char cmd[100];

    snprintf(cmd, sizeof cmd, "rm -rf '%s'", p->run_dir);
    if (system(cmd))
        fprintf(stderr, "%s was not removed\n", p->run_dir);
}

/* ---- the whole lane --------------------------------------------------------------------------- */

static uint64_t lag(const struct oct_rig *r)
{
    const struct oct_ring *ring = r->app.instance.ring;

    return atomic_load_explicit(&ring->head, memory_order_relaxed) -
           atomic_load_explicit(&ring->recorded, memory_order_relaxed);
}

/* Waits until no more than slots records' slots wait for the recorder.  -EIO when it has failed and
 * never takes them. */
static int wait_for_recorder(const struct oct_rig *r, uint64_t slots)
{
    while (lag(r) > slots) {
        if (oct_recorder_state(r->app.recorder) == OCT_REC_FAILED)
            return -EIO;
        __builtin_ia32_pause();
    }
    return 0;
}

/* Messages in the journal, and their first sequence numbers in order: what went in came out. */
static uint64_t count_journal(const char *dir)
{
    struct oct_journal *j;
    const struct oct_msg_hdr *m;
    uint64_t next = 1;

    if (oct_journal_open(dir, 0, &j, NULL))
        return 0;
    while (oct_journal_next(j, &m) == OCT_JOURNAL_RECORD) {
        const struct oct_in_packet *p = (const struct oct_in_packet *)m;
        if (m->type != OCT_IN_PACKET || p->frag_off)
            continue;
        if (p->first_seq != next)
            break;
        next += p->msg_cnt;
    }
    oct_journal_close(j);
    return next - 1;
}

struct lane_run {
    double ns;     /* a message, waiting left out */
    double waited; /* a message, for the recorder */
    bool complete;
};

static int run_lane(struct oct_bench *b, const struct packets *p, struct lane_run *out)
{
    static struct oct_rig rig;
    char journal[600];
    struct place place;
    int err = place_open(&place, oct_bench_opts(b)->dir, "lane");
    const struct oct_rig_cfg cfg = {.config = OCT_BENCH_CONFIG,
                                    .profile = "bench",
                                    .dir = place.dir,
                                    .run_dir = place.run_dir,
                                    .pkt_cnt = 1024};

    memset(&rig, 0, sizeof rig);
    if (err || (err = oct_rig_open(&rig, &cfg)) != 0)
        return err;
    uint64_t waited = 0, t0 = oct_bench_tick();
    uint32_t depth = rig.app.instance.ring->depth;
    for (uint64_t i = 0; i < p->cnt;) {
        int64_t now = oct_clock_now(&rig.app.clock);
        for (uint32_t k = 0; k < BURST && i < p->cnt; k++, i++)
            oct_nic_loopback_push_ref(rig.nic, 0, now, p->mem + p->off[i], p->sz[i]);
        oct_lane_turn(rig.app.lane);
        oct_rig_venue(&rig);
        if (lag(&rig) > depth / 2) {
            uint64_t w = oct_bench_tick();
            err = wait_for_recorder(&rig, depth / 4);
            if (err)
                return err;
            waited += oct_bench_tick() - w;
        }
    }
    uint64_t ticks = oct_bench_tick() - t0;
    out->ns = oct_bench_tick_ns(ticks - waited) / (double)p->messages;
    out->waited = oct_bench_tick_ns(waited) / (double)p->messages;
    const struct oct_counter *strategy = rig.app.assembly.strategy_counters;
    uint64_t calls = oct_count_get(&strategy[OCT_STRATEGY_C_CALLS]);
    uint64_t intents = oct_count_get(&strategy[OCT_STRATEGY_C_INTENTS]);
    uint64_t cancels = oct_count_get(&strategy[OCT_STRATEGY_C_CANCELS]);
    uint64_t refused = oct_count_get(&strategy[OCT_STRATEGY_C_REFUSED]);
    uint64_t bbo = oct_count_get(&rig.app.assembly.realtime_counters[OCT_REALTIME_BBO]);
    uint64_t trades = oct_count_get(&rig.app.assembly.realtime_counters[OCT_REALTIME_TRADES]);
    oct_bench_result(b, "lane", "strategy calls", (double)calls, "", OCT_BENCH_NONE, 0);
    oct_bench_result(b, "lane", "bbo changes and trades", (double)(bbo + trades), "",
                     OCT_BENCH_NONE, 0);
    oct_bench_result(b, "lane", "intents", (double)intents, "", OCT_BENCH_NONE, 0);
    oct_bench_result(b, "lane", "of them cancels", (double)cancels, "", OCT_BENCH_NONE, 0);
    oct_bench_result(b, "lane", "of them refused by risk", (double)refused, "", OCT_BENCH_NONE, 0);
    for (uint32_t i = OCT_RISK_C_REASON0; i < OCT_RISK_C_CNT; i++) {
        uint64_t n = oct_count_get(&rig.app.assembly.risk_counters[i]);
        if (n)
            oct_bench_result(b, "lane", oct_risk_counter_defs[i].name, (double)n, "",
                             OCT_BENCH_NONE, 0);
    }
    oct_bench_result(b, "lane", "memory", (double)rig.app.instance.status->memory_sz / 1048576.0,
                     "MiB", OCT_BENCH_AT_MOST, 512);
    snprintf(journal, sizeof journal, "%s", rig.app.journal_dir);
    err = oct_rig_close(&rig);
    place_close(&place);
    out->complete = !err && count_journal(journal) == p->messages;
    return err;
}

int oct_bench_lane(struct oct_bench *b)
{
    double ns[OCT_BENCH_RUN_MAX], ratio[OCT_BENCH_RUN_MAX], waited[OCT_BENCH_RUN_MAX];
    uint32_t runs = oct_bench_opts(b)->runs;
    struct packets p = {0};
    bool complete = true;
    int err = pack(b, 0, 0, &p);

    oct_pin_thread(LANE_CPU);
    for (uint32_t i = 0; i < runs && !err; i++) {
        struct lane_run r = {0};
        double walk = oct_bench_walk(b);
        err = run_lane(b, &p, &r);
        ns[i] = r.ns;
        waited[i] = r.waited;
        ratio[i] = r.ns / walk;
        complete = complete && r.complete;
    }
    unpack(&p);
    if (err)
        return err;
    oct_bench_result(b, "lane", "whole lane, journal on", oct_bench_median(ns, runs), "ns/msg",
                     OCT_BENCH_AT_MOST, 150);
    oct_bench_result(b, "lane", "over the frame walk", oct_bench_median(ratio, runs), "x",
                     OCT_BENCH_AT_MOST, 23);
    oct_bench_result(b, "lane", "waiting for the recorder, not in the above",
                     oct_bench_median(waited, runs), "ns/msg", OCT_BENCH_NONE, 0);
    oct_bench_result(b, "lane", "journal holds every message", complete ? 1 : 0, "",
                     OCT_BENCH_AT_LEAST, 1);
    return 0;
}

/* ---- tick to trade ---------------------------------------------------------------------------- */

#define TICK_MESSAGES UINT64_C(2000000)

/* Where the time goes, between the stamps that a live lane takes too (docs/latency.md). */
static void hops(struct oct_bench *b, const char *name, const struct oct_pub_hist *h)
{
    static const enum oct_hop parts[] = {OCT_HOP_SIGNAL, OCT_HOP_RISK, OCT_HOP_ENCODE, OCT_HOP_TX};
    char metric[64];

    for (size_t i = 0; i < OCT_ARRAY_CNT(parts); i++) {
        snprintf(metric, sizeof metric, "of it %s, p50", h[parts[i]].name);
        oct_bench_result(b, name, metric, (double)oct_hist_quantile(&h[parts[i]].h, 0.5), "ns",
                         OCT_BENCH_NONE, 0);
        snprintf(metric, sizeof metric, "of it %s, p99", h[parts[i]].name);
        oct_bench_result(b, name, metric, (double)oct_hist_quantile(&h[parts[i]].h, 0.99), "ns",
                         OCT_BENCH_NONE, 0);
    }
}

static int run_tick(struct oct_bench *b, const struct packets *p, uint32_t burst, const char *name)
{
    static struct oct_rig rig;
    struct place place;
    int err = place_open(&place, oct_bench_opts(b)->dir, "tick");
    const struct oct_rig_cfg cfg = {.config = OCT_BENCH_CONFIG,
                                    .profile = "bench",
                                    .dir = place.dir,
                                    .run_dir = place.run_dir,
                                    .pkt_cnt = 1024,
                                    .fill_every = 4};

    memset(&rig, 0, sizeof rig);
    if (err || (err = oct_rig_open(&rig, &cfg)) != 0)
        return err;
    uint32_t depth = rig.app.instance.ring->depth;
    for (uint64_t i = 0; i < p->cnt;) {
        int64_t now = oct_clock_now(&rig.app.clock);
        for (uint32_t k = 0; k < burst && i < p->cnt; k++, i++)
            oct_nic_loopback_push_ref(rig.nic, 0, now, p->mem + p->off[i], p->sz[i]);
        bool busy;
        do {
            busy = oct_lane_turn(rig.app.lane);
            oct_rig_venue(&rig);
        } while (busy && burst == 1); /* a packet is alone when the lane has rested before it */
        err = wait_for_recorder(&rig, depth / 2);
        if (err)
            return err;
    }
    oct_bench_hist(b, name, &rig.app.instance.hists[OCT_HOP_IN_PROCESS].h, 300, 1000);
    hops(b, name, rig.app.instance.hists);
    err = oct_rig_close(&rig);
    place_close(&place);
    return err;
}

int oct_bench_tick_to_trade(struct oct_bench *b)
{
    struct packets p = {0};
    int err = pack(b, TICK_MESSAGES, 1, &p);

    oct_pin_thread(LANE_CPU);
    if (!err)
        err = run_tick(b, &p, 1, "tick-to-trade, lone packets");
    if (!err)
        err = run_tick(b, &p, BURST, "tick-to-trade, bursts of 64");
    unpack(&p);
    return err;
}
