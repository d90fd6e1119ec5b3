#include "tests/unit/agents/realtime/rig.h"
#include "tests/unit/keep.h"

#include <criterion/criterion.h>
#include <stdlib.h>

#define KEEP(field, type)                                     \
    do {                                                      \
        cr_assert_lt(g->field##_cnt, RIG_KEEP_MAX);           \
        g->field[g->field##_cnt++] = *(const struct type *)m; \
    } while (0)

static void on_out(void *self, const struct oct_msg_hdr *m)
{
    struct rig *g = self;
    cr_assert_eq(m->input, g->step.input);
    switch (m->type) {
    case OCT_BBO:
        KEEP(bbo, oct_bbo);
        break;
    case OCT_TRADE:
        KEEP(trade, oct_trade);
        break;
    case OCT_BAR:
        KEEP(bar, oct_bar);
        break;
    case OCT_INSTRUMENT:
        KEEP(inst, oct_instrument);
        break;
    default:
        cr_assert_fail("record %u", m->type);
    }
}

static void on_market(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct rig *g = self;
    cr_assert_eq(step, &g->step);
    cr_assert_eq(m->type, OCT_MARKET);
    KEEP(market, oct_market);
}

struct oct_realtime_cfg rig_cfg(void)
{
    return (struct oct_realtime_cfg){.inst_cnt = RIG_INST_CNT,
                                     .order_cnt_max = 1000,
                                     .level_cnt_max = 1000,
                                     .bar_interval_s = 1,
                                     .seed = 5,
                                     .silence_ns = SECONDS(1),
                                     .tick = PX(0.01),
                                     .tick_sub = PX(0.0001),
                                     .lot = 100};
}

struct rig *rig_new(const struct oct_realtime_cfg *cfg)
{
    struct rig *g = test_keep(calloc(1, sizeof(*g)));
    g->cfg = *cfg;
    g->cfg.counters = g->counters;
    g->cfg.market = (struct oct_sink){.fn = on_market, .self = g};
    g->out = (struct oct_out){.emit = on_out, .self = g};
    g->timers = oct_timers_new(
        test_keep(aligned_alloc(128, oct_align_up(oct_timers_footprint(16), 128))), 16);
    g->step = (struct oct_step){.out = &g->out, .timers = g->timers, .input = 1};
    size_t sz = oct_realtime_footprint(&g->cfg);
    cr_assert_gt(sz, 0);
    g->rt = oct_realtime_new(test_keep(aligned_alloc(128, sz)), &g->cfg);
    oct_realtime_view(g->rt, &g->view);
    return g;
}

uint64_t rig_count(const struct rig *g, enum oct_realtime_counter c)
{
    return oct_count_get(&g->counters[c]);
}

void rig_forget(struct rig *g)
{
    g->bbo_cnt = g->trade_cnt = g->bar_cnt = g->inst_cnt = g->market_cnt = 0;
}

void rig_at(struct rig *g, int64_t ts_exch_ns)
{
    g->step.ts_exch_ns = ts_exch_ns;
    rig_wait(g, ts_exch_ns - g->step.now_ns);
}

void rig_md(struct rig *g, struct oct_md md)
{
    md.hdr = (struct oct_msg_hdr){.type = OCT_MD, .sz = sizeof(md)};
    md.ts_exch_ns = g->step.ts_exch_ns;
    if (md.symbol.c[0] == 0)
        md.symbol = SYM("AAA     ");
    g->step.input++;
    g->step.feed_seq++;
    oct_realtime_on_msg(g->rt, &g->step, &md.hdr);
}

void rig_add(struct rig *g, uint32_t inst, uint64_t ref, enum oct_side side, oct_px px, oct_qty qty)
{
    rig_md(g, (struct oct_md){.kind = OCT_MD_ADD,
                              .inst = inst,
                              .ref = ref,
                              .side = (uint8_t)side,
                              .px = px,
                              .qty = qty});
}

void rig_exec(struct rig *g, uint32_t inst, uint64_t ref, oct_qty qty)
{
    rig_md(g, (struct oct_md){.kind = OCT_MD_EXEC,
                              .inst = inst,
                              .ref = ref,
                              .ref2 = 4711,
                              .qty = qty,
                              .printable = 1});
}

void rig_delete(struct rig *g, uint32_t inst, uint64_t ref)
{
    rig_md(g, (struct oct_md){.kind = OCT_MD_DELETE, .inst = inst, .ref = ref});
}

void rig_trade(struct rig *g, uint32_t inst, oct_px px, oct_qty qty)
{
    rig_md(g, (struct oct_md){
                  .kind = OCT_MD_TRADE, .inst = inst, .px = px, .qty = qty, .printable = 1});
}

void rig_code(struct rig *g, enum oct_md_kind kind, uint32_t inst, char code)
{
    rig_md(g, (struct oct_md){.kind = (uint8_t)kind, .inst = inst, .code = code, .code2 = 'Q'});
}

void rig_feed(struct rig *g, enum oct_feed_event event, uint64_t from, uint64_t to)
{
    struct oct_in_feed m = {OCT_MSG_HDR(IN_FEED, in_feed), .now_ns = g->step.now_ns,
                            .from_seq = from, .to_seq = to, .event = (uint8_t)event};
    oct_realtime_on_msg(g->rt, &g->step, &m.hdr);
}

void rig_wait(struct rig *g, int64_t ns)
{
    int64_t until = g->step.now_ns + ns;
    struct oct_timer m = {OCT_MSG_HDR(TIMER, timer)};
    while (oct_timers_next(g->timers) <= until) {
        /* An idle lane wakes for each timer. */
        int64_t due = oct_timers_next(g->timers);
        if (due > g->step.now_ns)
            g->step.now_ns = due;
        cr_assert(oct_timers_pop(g->timers, g->step.now_ns, &m.id, &m.deadline_ns));
        cr_assert_eq(m.id >> 56, OCT_AGENT_REALTIME);
        oct_realtime_on_msg(g->rt, &g->step, &m.hdr);
    }
    if (until > g->step.now_ns)
        g->step.now_ns = until;
}
