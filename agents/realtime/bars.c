#include <string.h>

#include "agents/realtime/realtime_priv.h"

static const uint32_t len_s[OCT_RT_LEVELS] = {1, 60, 300};

/* In a silence as many as this at once. */
#define SILENCE_CLOSE_MAX 256u

static struct oct_rt_bar *bar_at(struct oct_realtime *r, uint32_t inst, uint32_t level)
{
    struct oct_rt_tape *t = &r->tape[inst];
    return level == 0 ? &t->sec : &t->longer[level - 1];
}

static uint32_t second_of(int64_t ns)
{
    return ns < OCT_NS_PER_S                          ? 1
           : ns >= OCT_NS_PER_S * (int64_t)UINT32_MAX ? UINT32_MAX - 1
                                                      : (uint32_t)(ns / OCT_NS_PER_S);
}

static void list_push(struct oct_realtime *r, uint32_t level, uint32_t inst)
{
    struct oct_rt_list *l = &r->list[level];
    OCT_ASSERT(l->cnt < r->cfg.inst_cnt);
    uint32_t at = l->head + l->cnt;
    l->inst[at >= r->cfg.inst_cnt ? at - r->cfg.inst_cnt : at] = inst;
    l->cnt++;
}

static uint32_t list_pop(struct oct_realtime *r, uint32_t level)
{
    struct oct_rt_list *l = &r->list[level];
    uint32_t inst = l->inst[l->head];
    l->head = l->head + 1 == r->cfg.inst_cnt ? 0 : l->head + 1;
    l->cnt--;
    return inst;
}

static void bar_list(struct oct_realtime *r, uint32_t inst, uint32_t level, struct oct_rt_bar *b)
{
    if (!b->listed) {
        b->listed = 1;
        list_push(r, level, inst);
    }
}

static void add_volume(int64_t *sum, int64_t qty)
{
    if (__builtin_add_overflow(*sum, qty, sum))
        *sum = INT64_MAX;
}

/* Joins a closed bar to the one of the next length. */
static void bar_merge(struct oct_rt_bar *b, const struct oct_rt_bar *a)
{
    b->high = a->high > b->high ? a->high : b->high;
    b->low = a->low < b->low ? a->low : b->low;
    b->close = a->close;
    b->trade_cnt += a->trade_cnt;
    b->money += a->money;
    add_volume(&b->volume, a->volume);
}

static void bar_publish(struct oct_realtime *r, struct oct_step *step, uint32_t inst,
                        const struct oct_rt_bar *b, uint32_t interval_s)
{
    struct oct_bar m = {
        OCT_MSG_HDR(BAR, bar),    .inst = inst,
        .interval_s = interval_s, .start_ns = b->start_s * OCT_NS_PER_S,
        .open = {b->open},        .high = {b->high},
        .low = {b->low},          .close = {b->close},
        .volume = {b->volume},    .vwap = {(int64_t)(b->money / (uint64_t)b->volume)},
        .trade_cnt = b->trade_cnt};
    oct_emit(step, &m.hdr);
    oct_rt_count(r, OCT_REALTIME_BARS);
}

static void bar_close(struct oct_realtime *r, struct oct_step *step, uint32_t inst, uint32_t level)
{
    for (; level < OCT_RT_LEVELS; level++) {
        struct oct_rt_bar *b = bar_at(r, inst, level);
        struct oct_rt_bar done = *b;
        b->trade_cnt = 0;
        bar_publish(r, step, inst, &done, len_s[level]);
        if (len_s[level] == r->cfg.bar_interval_s)
            oct_ind_bar(&r->ind[inst], &r->features[inst], done.high, done.low, done.close);
        struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = inst,
                               .what = OCT_MARKET_BAR,      .px = {done.close},
                               .qty = {done.volume},        .interval_s = len_s[level]};
        oct_rt_tell(r, step, &m);
        if (level + 1 == OCT_RT_LEVELS)
            return;

        struct oct_rt_bar *up = bar_at(r, inst, level + 1);
        uint32_t start_s = done.start_s - done.start_s % len_s[level + 1];
        bool over = up->trade_cnt != 0 && up->start_s != start_s;
        if (up->trade_cnt != 0 && !over) {
            bar_merge(up, &done);
            return;
        }
        /* The longer bar that was open goes first, then this one begins the next. */
        if (over)
            bar_close(r, step, inst, level + 1);
        done.start_s = start_s;
        done.listed = up->listed;
        *up = done;
        bar_list(r, inst, level + 1, up);
        return;
    }
}

static bool bar_over(const struct oct_rt_bar *b, uint32_t level, uint32_t now_s)
{
    return b->trade_cnt != 0 && now_s >= b->start_s && now_s - b->start_s >= len_s[level];
}

/* Closes all of an instrument's bars that are over. */
static OCT_COLD void bars_catch_up(struct oct_realtime *r, struct oct_step *step, uint32_t inst,
                                   uint32_t now_s)
{
    for (uint32_t level = 0; level < OCT_RT_LEVELS; level++) {
        if (bar_over(bar_at(r, inst, level), level, now_s))
            bar_close(r, step, inst, level);
    }
}

static void arm(struct oct_realtime *r, struct oct_step *step, int64_t deadline_ns)
{
    r->silence_armed = oct_timer_arm(
        step->timers, oct_timer_id(OCT_AGENT_REALTIME, OCT_RT_TIMER_SILENCE), deadline_ns);
}

void oct_rt_bar_trade(struct oct_realtime *r, struct oct_step *step, uint32_t inst, int64_t px,
                      int64_t qty)
{
    struct oct_rt_tape *t = &r->tape[inst];
    struct oct_rt_bar *b = &t->sec;
    int64_t begin_ns = b->start_s * OCT_NS_PER_S;
    if (step->ts_exch_ns < begin_ns || step->ts_exch_ns >= begin_ns + OCT_NS_PER_S ||
        b->trade_cnt == 0) {
        uint32_t now_s = second_of(step->ts_exch_ns);
        bars_catch_up(r, step, inst, now_s);
        if (b->trade_cnt == 0) {
            b->start_s = now_s;
            b->open = b->high = b->low = px;
            b->volume = 0;
            b->money = 0;
            bar_list(r, inst, 0, b);
            if (!r->silence_armed)
                arm(r, step, step->now_ns + r->cfg.silence_ns);
        }
    }
    b->high = px > b->high ? px : b->high;
    b->low = px < b->low ? px : b->low;
    b->close = px;
    b->trade_cnt++;
    unsigned __int128 money = (unsigned __int128)(uint64_t)px * (uint64_t)qty;
    b->money += money;
    add_volume(&b->volume, qty);
    t->money += money;
    add_volume(&t->volume, qty);
    double num = (double)(uint64_t)(t->money >> 64) * 0x1p64 + (double)(uint64_t)t->money;
    r->features[inst].vwap = num / (double)t->volume * 1e-9;
}

void oct_rt_bar_roll(struct oct_realtime *r, int64_t ts_exch_ns)
{
    uint32_t was_s = second_of(r->exch_ns), now_s = second_of(ts_exch_ns);
    for (uint32_t level = 0; level < OCT_RT_LEVELS; level++) {
        if (was_s / len_s[level] != now_s / len_s[level] && r->list[level].cnt != 0)
            r->list[level].want = r->sweeping = true;
    }
    /* A bar of the second that ends here may still become the first of its minute. */
    for (uint32_t level = 1; level < OCT_RT_LEVELS; level++) {
        if (was_s / len_s[level] != now_s / len_s[level])
            r->list[level].want = r->sweeping;
    }
    r->next_sec_ns = ((int64_t)now_s + 1) * OCT_NS_PER_S;
    oct_count_set(&r->cfg.counters[OCT_REALTIME_ORDERS], oct_books_order_cnt(r->books));
    oct_count_set(&r->cfg.counters[OCT_REALTIME_LEVELS], oct_books_level_cnt(r->books));
    oct_count_set(&r->cfg.counters[OCT_REALTIME_STASHED], oct_books_stash_cnt(r->books));
}

/* How far ahead of the bar being closed the lines of those to come are asked for. */
#define AHEAD1 8u
#define AHEAD2 4u

OCT_INLINE uint32_t list_at(const struct oct_realtime *r, const struct oct_rt_list *l, uint32_t n)
{
    uint32_t at = l->head + n;
    return l->inst[at >= r->cfg.inst_cnt ? at - r->cfg.inst_cnt : at];
}

/* Closing a bar moves the next longer one and, at the interval of the indicators, all of those. */
static void look_ahead(struct oct_realtime *r, const struct oct_rt_list *l, uint32_t level)
{
    if (l->left > AHEAD1) {
        uint32_t inst = list_at(r, l, AHEAD1);
        __builtin_prefetch(bar_at(r, inst, level), 1);
        if (level + 1 < OCT_RT_LEVELS)
            __builtin_prefetch(bar_at(r, inst, level + 1), 1);
        if (len_s[level] == r->cfg.bar_interval_s) {
            __builtin_prefetch(&r->ind[inst], 1);
            __builtin_prefetch(&r->ind[inst].cnt, 1);
        }
    }
    if (l->left > AHEAD2 && len_s[level] == r->cfg.bar_interval_s) {
        uint32_t inst = list_at(r, l, AHEAD2);
        oct_ind_prefetch(&r->ind[inst]);
        __builtin_prefetch(&r->features[inst], 1);
        __builtin_prefetch(&r->features[inst].macd_signal, 1);
        __builtin_prefetch(&r->features[inst].bar_cnt, 1);
        __builtin_prefetch(&r->view[inst]);
    }
}

/* A sweep looks at every instrument in the list once; shorter bars go first, because they become
 * part of longer ones. */
static void sweep(struct oct_realtime *r, struct oct_step *step, uint32_t now_s, uint32_t budget)
{
    for (uint32_t level = 0; level < OCT_RT_LEVELS; level++) {
        struct oct_rt_list *l = &r->list[level];
        if (l->want) {
            l->want = false;
            l->left = l->cnt;
        }
        for (; l->left != 0; l->left--, budget--) {
            if (budget == 0)
                return;
            look_ahead(r, l, level);
            uint32_t inst = list_pop(r, level);
            struct oct_rt_bar *b = bar_at(r, inst, level);
            if (bar_over(b, level, now_s))
                bar_close(r, step, inst, level);
            b->listed = b->trade_cnt != 0;
            if (b->listed)
                list_push(r, level, inst);
        }
    }
    r->sweeping = false;
}

void oct_rt_bar_sweep(struct oct_realtime *r, struct oct_step *step)
{
    sweep(r, step, second_of(r->exch_ns), OCT_REALTIME_CLOSE_MAX);
}

static bool any_open(const struct oct_realtime *r)
{
    return (r->list[0].cnt | r->list[1].cnt | r->list[2].cnt) != 0;
}

void oct_rt_bar_silence(struct oct_realtime *r, struct oct_step *step)
{
    r->silence_armed = false;
    int64_t quiet_ns = step->now_ns - r->last_md_ns;
    if (!any_open(r))
        return;
    if (quiet_ns < r->cfg.silence_ns) {
        arm(r, step, r->last_md_ns + r->cfg.silence_ns);
        return;
    }
    for (uint32_t level = 0; level < OCT_RT_LEVELS; level++)
        r->list[level].want = true;
    r->sweeping = true;
    sweep(r, step, second_of(r->exch_ns + quiet_ns), SILENCE_CLOSE_MAX);
    if (any_open(r))
        arm(r, step, step->now_ns + (r->sweeping ? OCT_NS_PER_MS : OCT_NS_PER_S));
}

void oct_rt_bar_reset(struct oct_realtime *r)
{
    memset(r->tape, 0, sizeof(*r->tape) * r->cfg.inst_cnt);
    for (uint32_t level = 0; level < OCT_RT_LEVELS; level++)
        r->list[level] = (struct oct_rt_list){.inst = r->list[level].inst};
    r->sweeping = false;
}
