/* Any bytes as a configuration and a story of packets, waits and answers: the collector hands on
 * every number at most once and in order, accounts for the rest, and never waits for ever.
 *
 * Input: four bytes of configuration, then steps: an operation byte and three bytes of arguments;
 * operation 7 is followed by that many bytes of raw packet. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "agents/collector/collector.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"
#include "drivers/feed/moldudp64.h"

#define US INT64_C(1000)

struct story {
    struct oct_collector *c;
    struct oct_collector_cfg cfg;
    int64_t now_ns;
    uint64_t expect;
    uint64_t handed;
    uint64_t lost;
    uint64_t asked_from; /* newest request: what a rewind server would answer */
    uint16_t asked_cnt;
    bool ended;
    bool gap;
    struct oct_counter feed[OCT_COLLECTOR_COUNTER_CNT];
    struct oct_counter line[OCT_COLLECTOR_LINE_MAX + 1][OCT_LINE_COUNTER_CNT];
};

static const uint8_t session[10] = "FUZZ000001";

static void on_payload(void *self, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                       uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz)
{
    struct story *s = self;
    struct oct_feed_cursor cur = {blocks, blocks + sz};
    const uint8_t *msg;
    uint32_t msg_sz;
    uint32_t cnt = 0;
    FUZZ_CHECK(line < s->cfg.line_cnt || line == OCT_LINE_REWIND);
    FUZZ_CHECK(first_seq == s->expect && msg_cnt > 0 && !s->ended);
    FUZZ_CHECK(ts_rx_ns <= s->now_ns);
    while (oct_moldudp64_next(&cur, &msg, &msg_sz))
        cnt++;
    FUZZ_CHECK(cnt == msg_cnt && cur.p == cur.end);
    for (uint32_t i = 0; i < OCT_NIC_PAD; i++)
        (void)*(const volatile uint8_t *)(blocks + sz + i);
    s->expect += msg_cnt;
    s->handed += msg_cnt;
}

static void on_event(void *self, enum oct_feed_event event, uint64_t from, uint64_t to)
{
    struct story *s = self;
    FUZZ_CHECK(!s->ended);
    switch (event) {
    case OCT_FEED_LIVE:
        FUZZ_CHECK(from == s->expect && to == from && !s->gap);
        break;
    case OCT_FEED_GAP:
        FUZZ_CHECK(from == s->expect && to > from && !s->gap);
        s->gap = true;
        break;
    case OCT_FEED_RECOVERED:
        FUZZ_CHECK(s->gap && to > from && s->expect >= to);
        s->gap = false;
        break;
    case OCT_FEED_STALE:
        FUZZ_CHECK(from == s->expect && to >= from);
        s->lost += to - from;
        s->expect = to;
        s->gap = to == from && s->gap;
        break;
    case OCT_FEED_END:
        FUZZ_CHECK(from == s->expect && !s->gap);
        s->ended = true;
        break;
    case OCT_FEED_BAD:
        break;
    }
}

static int request(void *self, uint32_t server, const uint8_t *data, uint32_t sz)
{
    struct story *s = self;
    struct oct_moldudp64_request r;
    FUZZ_CHECK(server < s->cfg.rewind_cnt);
    FUZZ_CHECK(oct_moldudp64_request_read(data, sz, &r) == OCT_FEED_OK);
    FUZZ_CHECK(r.first_seq == s->expect && r.cnt <= s->cfg.request_max);
    s->asked_from = r.first_seq;
    s->asked_cnt = r.cnt;
    return s->now_ns % 7 == 0 ? -1 : 0;
}

static void open_story(struct story *s, const uint8_t *conf)
{
    struct oct_collector_cfg *cfg = &s->cfg;
    s->now_ns = INT64_C(1000000000000);
    oct_collector_cfg_default(cfg);
    cfg->ops = &oct_feed_itch50_mold;
    cfg->line_cnt = (uint8_t)(1 + conf[0] % 3);
    cfg->rewind_cnt = conf[0] / 3 % 3;
    cfg->start = conf[0] >> 7;
    cfg->retry_max = conf[1] % 4;
    cfg->request_max = (uint16_t)(1 + conf[1] / 4);
    cfg->window_pkts = 1 + conf[2] % 32;
    cfg->pkt_sz_max = 1024;
    cfg->jump_max = UINT64_C(1) << (conf[2] >> 4);
    cfg->back_max = conf[3];
    cfg->reorder_ns = conf[3] % 4 * 50 * US;
    cfg->retry_ns = 100 * US;
    cfg->gap_timeout_ns = conf[3] % 8 * 100 * US;
    cfg->silence_ns = conf[3] % 2 * 5000 * US;
    cfg->counters = s->feed;
    if (conf[1] % 2 != 0)
        memcpy(cfg->session, session, sizeof(session));
    for (uint32_t i = 0; i <= cfg->line_cnt; i++)
        cfg->line_counters[i] = s->line[i];
    struct oct_collector_out out = {
        .on_payload = on_payload, .on_event = on_event, .request = request, .self = s};
    void *mem = aligned_alloc(128, oct_collector_footprint(cfg));
    FUZZ_CHECK(mem != NULL);
    s->c = oct_collector_new(mem, cfg, &out);
    FUZZ_CHECK(s->c != NULL);
    s->expect = 1;
}

static void deliver(struct story *s, uint8_t line, const uint8_t *data, uint32_t sz)
{
    uint8_t *buf = malloc(sz + OCT_NIC_PAD);
    FUZZ_CHECK(buf != NULL);
    memcpy(buf, data, sz);
    memset(buf + sz, 0x5a, OCT_NIC_PAD);
    struct oct_nic_pkt pkt = {.data = buf, .ts_rx_ns = s->now_ns, .sz = sz, .line = line};
    oct_collector_packet(s->c, &pkt, s->now_ns);
    free(buf);
}

static void data_packet(struct story *s, uint8_t line, uint64_t first, uint32_t cnt)
{
    uint8_t buf[1200];
    struct oct_moldudp64_builder b;
    uint8_t msg[8];
    oct_moldudp64_begin(&b, buf, sizeof(buf), session, first);
    for (uint32_t i = 0; i < cnt; i++) {
        oct_store_be64(msg, first + i);
        if (!oct_moldudp64_append(&b, msg, (uint32_t)((first + i) % 9)))
            break;
    }
    deliver(s, line, buf, oct_moldudp64_finish(&b));
}

static void wait(struct story *s, int64_t ns)
{
    s->now_ns += ns;
    oct_collector_tick(s->c, s->now_ns);
    FUZZ_CHECK(oct_collector_deadline(s->c) > s->now_ns);
}

/* One step; returns the bytes it took beyond its four. */
static size_t step(struct story *s, const uint8_t *p, size_t left)
{
    uint8_t buf[20];
    uint8_t line = p[1] == 255 ? OCT_LINE_REWIND : p[1] % 4;
    int64_t ahead = (int8_t)p[2];
    uint64_t at = s->expect + (uint64_t)ahead;
    s->now_ns += US;
    switch (p[0] % 8) {
    case 0:
    case 1:
        data_packet(s, line, at, 1 + p[3] % 70);
        return 0;
    case 2:
        data_packet(s, line, s->expect, 1 + p[3] % 16);
        return 0;
    case 3:
        wait(s, p[3] * 10 * US);
        return 0;
    case 4:
        if (s->asked_cnt != 0)
            data_packet(s, OCT_LINE_REWIND, s->asked_from + p[2] % 4,
                        1 + p[3] % (uint32_t)(s->asked_cnt < 60 ? s->asked_cnt : 60));
        return 0;
    case 5:
        deliver(s, line, buf, oct_moldudp64_heartbeat(buf, session, at << (p[3] % 64)));
        return 0;
    case 6:
        deliver(s, line, buf, oct_moldudp64_end(buf, session, at + p[3]));
        return 0;
    default: {
        size_t n = p[3] < left ? p[3] : left;
        deliver(s, line, p + 4, (uint32_t)n);
        return n;
    }
    }
}

static void check_story(struct story *s)
{
    uint64_t gaps = oct_count_get(&s->feed[OCT_COLLECTOR_GAPS]);
    uint64_t done = oct_count_get(&s->feed[OCT_COLLECTOR_GAPS_RECOVERED]) +
                    oct_count_get(&s->feed[OCT_COLLECTOR_GAPS_STALE]);
    FUZZ_CHECK(s->handed == oct_count_get(&s->feed[OCT_COLLECTOR_MSGS]));
    FUZZ_CHECK(s->lost == oct_count_get(&s->feed[OCT_COLLECTOR_MSGS_LOST]));
    FUZZ_CHECK(1 + s->handed + s->lost == s->expect);
    FUZZ_CHECK(oct_collector_next_seq(s->c) == s->expect);
    FUZZ_CHECK(gaps == done + s->gap);
    FUZZ_CHECK(oct_count_get(&s->feed[OCT_COLLECTOR_HELD]) <= s->cfg.window_pkts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    struct story *s = calloc(1, sizeof(*s));
    FUZZ_CHECK(s != NULL);
    if (sz >= 4) {
        open_story(s, data);
        for (size_t at = 4; at + 4 <= sz;)
            at += 4 + step(s, data + at, sz - at - 4);
        check_story(s);
        /* Left alone it gives up what nobody brings: nothing stays open for ever. */
        for (uint32_t i = 0; i < 2000 && s->gap; i++)
            wait(s, 1000 * US);
        if (s->gap)
            FUZZ_CHECK(s->cfg.rewind_cnt != 0 || s->cfg.gap_timeout_ns > 0);
        check_story(s);
        struct oct_collector_snapshot snap;
        oct_collector_snapshot(s->c, &snap);
        FUZZ_CHECK(!s->gap && snap.held_pkts <= s->cfg.window_pkts);
        free(s->c);
    }
    free(s);
    return 0;
}

/* Many steps, mostly near the stream's place: holes, answers, copies, waits; no raw bytes. */
#define STORY_STEPS 300u
#define STORY_CNT   16u

static size_t long_story(size_t idx, uint8_t *out)
{
    struct oct_rng rng;
    oct_rng_init(&rng, idx);
    for (uint32_t i = 0; i < 4; i++)
        out[i] = (uint8_t)oct_rng_u64(&rng);
    for (uint32_t i = 0; i < STORY_STEPS; i++) {
        uint8_t *p = out + 4 + 4 * i;
        uint64_t r = oct_rng_u64(&rng);
        p[0] = (uint8_t)(r % 64 == 0 ? 6 : r % 6);
        p[1] = (uint8_t)(r >> 8) % 3;
        p[2] = (uint8_t)((r >> 16) % 24 - 4);
        p[3] = (uint8_t)((r >> 24) % (p[0] == 5 ? 1 : 40));
    }
    return 4 + 4 * STORY_STEPS;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    /* op, line, ahead, argument */
    static const uint8_t plain[] = {0, 0, 0, 0, 2, 0, 0, 3, 2, 1, 0, 3, 5, 0, 0, 0, 6, 0, 0, 0};
    static const uint8_t hole[] = {3, 3, 8, 7, 2, 0, 0, 3,  0, 0, 5, 2,   3, 0, 0, 50,
                                   4, 0, 0, 1, 4, 0, 0, 60, 3, 0, 0, 200, 6, 1, 0, 0};
    static const uint8_t mess[] = {130, 9, 3, 1, 0,  0, 9, 9,   0, 1, 4, 2, 0, 0, 2, 1, 5, 1, 9,
                                   0,   3, 0, 0, 99, 0, 1, 250, 8, 7, 0, 0, 6, 1, 2, 3, 4, 5, 6};
    static const struct {
        const uint8_t *data;
        size_t sz;
    } all[] = {{plain, sizeof(plain)}, {hole, sizeof(hole)}, {mess, sizeof(mess)}};
    if (cap < 4 + 4 * STORY_STEPS || idx >= OCT_ARRAY_CNT(all) + STORY_CNT)
        return 0;
    if (idx >= OCT_ARRAY_CNT(all))
        return long_story(idx, out);
    memcpy(out, all[idx].data, all[idx].sz);
    return all[idx].sz;
}
