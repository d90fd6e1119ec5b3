/* What realtime computes, as text for scripts that compute it again.
 *
 *   realtime_dump indicators          reads "high low close" in 1e-9 a line, one bar each; writes
 *                                     the indicators after each, in the order of FIELDS
 *   realtime_dump session FILE        runs length-framed ITCH with 1 s bars; writes
 *                                     T inst ts_exch_ns px qty   for each printable trade
 *                                     B inst interval_s start_ns open high low close volume vwap trades
 *   realtime_dump generated COUNT SEED FILE   makes a session with the bench's generator, then
 *                                     the same */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/realtime/indicators_priv.h"
#include "agents/realtime/realtime.h"
#include "bench/bench.h"
#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"

static int indicators(void)
{
    struct oct_ind ind;
    struct oct_features f;
    int64_t high, low, close;
    oct_ind_init(&ind, &f);
    while (scanf("%" SCNd64 " %" SCNd64 " %" SCNd64, &high, &low, &close) == 3) {
        oct_ind_bar(&ind, &f, high, low, close);
        printf("%.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g %.17g\n",
               f.sma_fast, f.sma_slow, f.ema_fast, f.ema_slow, f.rsi, f.macd, f.macd_signal,
               f.boll_mid, f.boll_up, f.boll_low, f.atr, f.momentum, f.last_close);
    }
    return 0;
}

static void on_market(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    (void)self;
    (void)step;
    (void)m;
}

static void on_out(void *self, const struct oct_msg_hdr *m)
{
    (void)self;
    if (m->type == OCT_TRADE) {
        const struct oct_trade *t = (const struct oct_trade *)m;
        if (t->printable)
            printf("T %u %ld %ld %ld\n", t->inst, t->ts_exch_ns, t->px.v, t->qty.v);
    } else if (m->type == OCT_BAR) {
        const struct oct_bar *b = (const struct oct_bar *)m;
        printf("B %u %u %ld %ld %ld %ld %ld %ld %ld %u\n", b->inst, b->interval_s, b->start_ns,
               b->open.v, b->high.v, b->low.v, b->close.v, b->volume.v, b->vwap.v, b->trade_cnt);
    }
}

static uint8_t *load(const char *path, size_t *sz)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL)
        return NULL;
    fseek(f, 0, SEEK_END);
    *sz = (size_t)ftell(f);
    rewind(f);
    uint8_t *data = calloc(1, *sz + 64);
    if (data != NULL && fread(data, 1, *sz, f) != *sz) {
        free(data);
        data = NULL;
    }
    fclose(f);
    return data;
}

static int session(const char *path)
{
    static struct oct_counter counters[OCT_REALTIME_COUNTER_CNT];
    struct oct_realtime_cfg cfg = {.inst_cnt = 16384,
                                   .order_cnt_max = 300000,
                                   .level_cnt_max = 300000,
                                   .bar_interval_s = 1,
                                   .silence_ns = OCT_NS_PER_S,
                                   .tick = {OCT_PX_ONE / 100},
                                   .tick_sub = {OCT_PX_ONE / 10000},
                                   .lot = 100,
                                   .counters = counters,
                                   .market = {.fn = on_market}};
    struct oct_out out = {.emit = on_out};
    struct oct_step step = {.out = &out};
    size_t sz, timers_sz = oct_align_up(oct_timers_footprint(16), 128);
    uint8_t *data = load(path, &sz);
    if (data == NULL) {
        fprintf(stderr, "realtime_dump: cannot read %s\n", path);
        return 1;
    }
    step.timers = oct_timers_new(aligned_alloc(128, timers_sz), 16);
    struct oct_realtime *rt =
        oct_realtime_new(aligned_alloc(128, oct_realtime_footprint(&cfg)), &cfg);
    struct oct_md md = {OCT_MSG_HDR(MD, md)};
    for (size_t at = 0; at + 2 <= sz; at += 2u + oct_load_be16(data + at)) {
        if (oct_itch50_md(data + at + 2, oct_load_be16(data + at), 0, 0, &md) != OCT_FEED_OK)
            continue;
        step.now_ns = step.ts_exch_ns = md.ts_exch_ns;
        oct_realtime_on_msg(rt, &step, &md.hdr);
    }
    struct oct_timer timer = {OCT_MSG_HDR(TIMER, timer)};
    while (oct_timers_next(step.timers) != INT64_MAX) {
        step.now_ns = oct_timers_next(step.timers);
        oct_timers_pop(step.timers, step.now_ns, &timer.id, &timer.deadline_ns);
        oct_realtime_on_msg(rt, &step, &timer.hdr);
    }
    free(data);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "indicators") == 0)
        return indicators();
    if (argc == 3 && strcmp(argv[1], "session") == 0)
        return session(argv[2]);
    if (argc == 5 && strcmp(argv[1], "generated") == 0)
        return oct_bench_gen(argv[4], strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10)) ||
               session(argv[4]);
    fprintf(stderr, "usage: realtime_dump indicators | session FILE | generated COUNT SEED FILE\n");
    return 2;
}
