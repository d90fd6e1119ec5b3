/* parse: every message of the session, every field; beside it the bare frame walk of the same run.
 *
 * Decoded structs go round a ring of 64, as a burst would have them, and the compiler is told that
 * they are read: nothing is optimised away.  Normalization and the way through MoldUDP64 and the
 * collector are given for information. */
#include <errno.h>
#include <string.h>

#include "agents/collector/collector.h"
#include "bench/bench.h"
#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"
#include "drivers/feed/moldudp64.h"

#define RING    64u
#define MOLD_SZ ((size_t)64 << 20) /* bytes of packets for the collector's row */
#define PKT_SZ  1400u

/* ns a message; *bad counts messages that do not decode. */
static double decode_all(const uint8_t *p, const uint8_t *end, uint64_t *bad)
{
    static struct oct_itch50_msg ring[RING];
    uint64_t n = 0;
    uint64_t t0 = oct_bench_tick();
    while (p < end) {
        uint32_t len = oct_load_be16(p);
        struct oct_itch50_msg *m = &ring[n % RING];
        *bad += oct_itch50_decode(p + 2, len, m) != OCT_FEED_OK;
        __asm__ volatile("" : : "m"(*m));
        p += 2 + len;
        n++;
    }
    return oct_bench_tick_ns(oct_bench_tick() - t0) / (double)n;
}

static double normalize_all(const uint8_t *p, const uint8_t *end, uint64_t *bad)
{
    static struct oct_md ring[RING];
    uint64_t n = 0;
    uint64_t t0 = oct_bench_tick();
    while (p < end) {
        uint32_t len = oct_load_be16(p);
        struct oct_md *m = &ring[n % RING];
        *bad += oct_itch50_md(p + 2, len, 0, 0, m) != OCT_FEED_OK;
        __asm__ volatile("" : : "m"(*m));
        p += 2 + len;
        n++;
    }
    return oct_bench_tick_ns(oct_bench_tick() - t0) / (double)n;
}

/* ---- packets through the collector ------------------------------------------------------------- */

/* Packets end to end, each behind four length bytes, with padding after the last. */
struct packets {
    uint8_t *buf;
    size_t sz;
    uint64_t msg_cnt;
};

static void make_packets(struct packets *k, const uint8_t *p, const uint8_t *end)
{
    static const uint8_t session[10] = "BENCH     ";
    while (p < end && k->sz + PKT_SZ + 4 + OCT_NIC_PAD < MOLD_SZ) {
        struct oct_moldudp64_builder b;
        uint8_t *at = k->buf + k->sz;
        oct_moldudp64_begin(&b, at + 4, PKT_SZ, session, k->msg_cnt + 1);
        while (p < end && oct_moldudp64_append(&b, p + 2, oct_load_be16(p)))
            p += 2 + oct_load_be16(p);
        k->msg_cnt += b.msg_cnt;
        uint32_t sz = oct_moldudp64_finish(&b);
        memcpy(at, &sz, sizeof(sz));
        k->sz += 4 + sz;
    }
}

static void on_payload(void *self, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                       uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz)
{
    (void)line;
    (void)ts_rx_ns;
    (void)first_seq;
    (void)blocks;
    (void)sz;
    *(uint64_t *)self += msg_cnt;
}

static void on_event(void *self, enum oct_feed_event event, uint64_t from, uint64_t to)
{
    (void)self;
    (void)event;
    (void)from;
    (void)to;
}

/* Every packet on both lines, the second copy right behind the first; ns a packet of one line.
 * Negative errno when something was lost. */
static double collect(const struct packets *k, uint64_t *pkt_cnt, int *err)
{
    static struct oct_counter feed[OCT_COLLECTOR_COUNTER_CNT];
    static struct oct_counter line[3][OCT_LINE_COUNTER_CNT];
    struct oct_collector_cfg cfg;
    uint64_t handed = 0;
    struct oct_collector_out out = {
        .on_payload = on_payload, .on_event = on_event, .self = &handed};
    oct_collector_cfg_default(&cfg);
    cfg.ops = &oct_feed_itch50_mold;
    cfg.line_cnt = 2;
    cfg.counters = feed;
    for (uint32_t i = 0; i < 3; i++)
        cfg.line_counters[i] = line[i];
    size_t mem_sz = oct_collector_footprint(&cfg);
    void *mem = oct_bench_alloc(mem_sz);
    struct oct_collector *c = oct_collector_new(mem, &cfg, &out);

    *pkt_cnt = 0;
    uint64_t t0 = oct_bench_tick();
    for (size_t at = 0; at < k->sz;) {
        struct oct_nic_pkt pkt = {.data = k->buf + at + 4, .ts_rx_ns = (int64_t)at};
        memcpy(&pkt.sz, k->buf + at, sizeof(pkt.sz));
        oct_collector_packet(c, &pkt, (int64_t)at);
        pkt.line = 1;
        oct_collector_packet(c, &pkt, (int64_t)at);
        at += 4 + pkt.sz;
        (*pkt_cnt)++;
    }
    uint64_t t1 = oct_bench_tick();
    oct_bench_free(mem, mem_sz);
    *err = handed == k->msg_cnt ? 0 : -EPROTO;
    return oct_bench_tick_ns(t1 - t0) / (double)(2 * *pkt_cnt);
}

static int collector_rows(struct oct_bench *b, const uint8_t *data, const uint8_t *end)
{
    double ns[OCT_BENCH_RUN_MAX];
    struct packets k = {.buf = oct_bench_alloc(MOLD_SZ)};
    uint64_t pkt_cnt = 1;
    int err = 0;
    make_packets(&k, data, end);
    for (uint32_t i = 0; i < oct_bench_opts(b)->runs && err == 0; i++)
        ns[i] = collect(&k, &pkt_cnt, &err);
    oct_bench_free(k.buf, MOLD_SZ);
    if (err != 0)
        return err;
    oct_bench_result(b, "parse", "collector, per packet",
                     oct_bench_median(ns, oct_bench_opts(b)->runs), "ns/pkt", OCT_BENCH_NONE, 0);
    oct_bench_result(b, "parse", "messages in a packet", (double)k.msg_cnt / (double)pkt_cnt, "",
                     OCT_BENCH_NONE, 0);
    return 0;
}

int oct_bench_parse(struct oct_bench *b)
{
    const uint8_t *data;
    size_t sz;
    double walk[OCT_BENCH_RUN_MAX];
    double ns[OCT_BENCH_RUN_MAX];
    double ratio[OCT_BENCH_RUN_MAX];
    double md[OCT_BENCH_RUN_MAX];
    uint64_t bad = 0;
    uint32_t runs = oct_bench_opts(b)->runs;
    int err = oct_bench_session(b, &data, &sz);
    if (err != 0)
        return err;
    for (uint32_t i = 0; i < runs; i++) {
        walk[i] = oct_bench_walk(b);
        ns[i] = decode_all(data, data + sz, &bad);
        ratio[i] = ns[i] / walk[i];
        md[i] = normalize_all(data, data + sz, &bad);
    }
    oct_bench_result(b, "parse", "frame walk", oct_bench_median(walk, runs), "ns/msg",
                     OCT_BENCH_NONE, 0);
    oct_bench_result(b, "parse", "every field", oct_bench_median(ns, runs), "ns/msg",
                     OCT_BENCH_AT_MOST, 10.9);
    oct_bench_result(b, "parse", "every field over walk", oct_bench_median(ratio, runs), "x",
                     OCT_BENCH_AT_MOST, 1.65);
    oct_bench_result(b, "parse", "normalized", oct_bench_median(md, runs), "ns/msg", OCT_BENCH_NONE,
                     0);
    oct_bench_result(b, "parse", "messages refused", (double)bad, "", OCT_BENCH_AT_MOST, 0);
    return collector_rows(b, data, data + sz);
}
