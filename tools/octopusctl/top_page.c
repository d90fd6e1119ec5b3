/* top_page.c - the pages of top, as lines of text. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "dataplane/msg/desc.h"
#include "tools/octopusctl/top.h"

static void OCT_PRINTF(2, 3) line(struct oct_top *t, const char *fmt, ...)
{
    if (t->line_cnt == OCT_TOP_LINE_MAX)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(t->line[t->line_cnt++], OCT_TOP_LINE_SZ, fmt, ap);
    va_end(ap);
}

/* A number of at most six characters: 999999, 12.3M. */
static const char *brief(double v, char out[16])
{
    static const char units[] = " kMGTP";
    size_t u = 0;
    while (v >= 100000 && units[u + 1] != '\0') {
        v /= 1000;
        u++;
    }
    snprintf(out, 16, u == 0 ? "%.0f" : v < 100 ? "%.1f%c" : "%.0f%c", v, units[u]);
    return out;
}

static const char *feed_word(uint32_t s)
{
    static const char *const words[] = {"waiting", "live", "RECOVERING", "STALE", "ended"};
    return s < OCT_ARRAY_CNT(words) ? words[s] : "?";
}

static const char *session_word(uint32_t s)
{
    static const char *const words[] = {"down", "login", "up", "ended", "REFUSED", "held"};
    return s < OCT_ARRAY_CNT(words) ? words[s] : "?";
}

static const char *ladder_word(uint32_t s)
{
    const char *w = oct_enum_text("LADDER", s);
    return w != NULL ? w : "?";
}

static bool wanted(const struct oct_top *t, const char *text)
{
    return t->filter[0] == '\0' || strstr(text, t->filter) != NULL;
}

static void head(struct oct_top *t)
{
    const struct oct_pub_status *st = t->shm.status;
    char lane[24];
    if (!t->joined) {
        line(t, "octopus  no dataplane in %.150s", t->c->run_dir);
        line(t, "%s", "");
        return;
    }
    bool alive = oct_cli_shm_alive(&t->shm);
    int64_t beat =
        atomic_load_explicit(&t->shm.pulses[OCT_PULSE_LANE].beat_ns, memory_order_relaxed);
    snprintf(lane, sizeof(lane), alive ? "running" : beat != 0 ? "SILENT" : "starting");
    line(t, "octopus %.20s  lane %s  %s  feed %s next %lu  session %s  input %lu%s", st->instance,
         lane, ladder_word(atomic_load_explicit(&st->ladder, memory_order_relaxed)),
         feed_word(atomic_load_explicit(&st->feed_state, memory_order_relaxed)),
         (unsigned long)atomic_load_explicit(&st->feed_seq, memory_order_relaxed),
         session_word(atomic_load_explicit(&st->session_state, memory_order_relaxed)),
         (unsigned long)atomic_load_explicit(&st->input, memory_order_relaxed),
         t->reader.lapped > 0 ? "  (lapped)" : "");
    line(t, "%s", "");
}

/* ---- counters of some prefixes ---------------------------------------------------------------- */

static void counters(struct oct_top *t, const char *const *prefix, size_t cnt)
{
    struct oct_counter_row row;
    uint64_t v;
    char a[16];
    char b[16];
    line(t, "%-34s %-14s %12s %10s", "COUNTER", "LABELS", "TOTAL", "PER SECOND");
    for (uint32_t i = 0; i < OCT_TOP_COUNTER_MAX; i++) {
        if (!oct_counters_get(t->shm.counters, i, &row, &v))
            break;
        bool mine = false;
        for (size_t k = 0; k < cnt; k++)
            mine |= strncmp(row.name, prefix[k], strlen(prefix[k])) == 0;
        /* A stamp says nothing as a number; `octopusctl feed stats` has it. */
        bool stamp = strstr(row.name, "last_receive") != NULL;
        if (!mine || !wanted(t, row.name) || ((stamp || t->value[i] == 0) && t->filter[0] == '\0'))
            continue;
        double rate = row.kind == OCT_COUNTER_TOTAL && t->span_s > 0 && t->value[i] >= t->then[i]
                          ? (double)(t->value[i] - t->then[i]) / t->span_s
                          : 0;
        if (t->totals)
            line(t, "%-34.34s %-14.14s %12lu", row.name, row.labels, (unsigned long)t->value[i]);
        else
            line(t, "%-34.34s %-14.14s %12s %10s", row.name, row.labels,
                 brief((double)t->value[i], a),
                 row.kind == OCT_COUNTER_TOTAL ? brief(rate, b) : "");
    }
}

static void page_feeds(struct oct_top *t)
{
    static const char *const prefix[] = {"feed_", "lane_messages", "lane_unknown", "lane_bad",
                                         "nic_rx"};
    line(t, "FEEDS  %.31s  %s", t->shm.status->feed,
         feed_word(atomic_load_explicit(&t->shm.status->feed_state, memory_order_relaxed)));
    counters(t, prefix, OCT_ARRAY_CNT(prefix));
}

static void page_sessions(struct oct_top *t)
{
    static const char *const prefix[] = {"session_", "lane_venue", "nic_stream", "nic_tx",
                                         "journal_"};
    line(t, "SESSIONS  %.31s  %s", t->shm.status->venue,
         session_word(atomic_load_explicit(&t->shm.status->session_state, memory_order_relaxed)));
    counters(t, prefix, OCT_ARRAY_CNT(prefix));
}

/* ---- books ------------------------------------------------------------------------------------ */

static const struct oct_top *sorting; /* qsort has no argument */

static int by_activity(const void *a, const void *b)
{
    uint64_t x = sorting->inst[*(const uint32_t *)a].changes;
    uint64_t y = sorting->inst[*(const uint32_t *)b].changes;
    return x < y ? 1 : x > y ? -1 : 0;
}

static int by_name(const void *a, const void *b)
{
    char x[12];
    char y[12];
    oct_cli_symbol(&sorting->shm, *(const uint32_t *)a, x);
    oct_cli_symbol(&sorting->shm, *(const uint32_t *)b, y);
    return strcmp(x, y);
}

static const char *px(oct_px p, char out[OCT_DECIMAL_SZ + 1])
{
    size_t n = p.v != 0 ? oct_px_format(out, p) : 1;
    if (p.v == 0)
        out[0] = '-';
    out[n] = '\0';
    return out;
}

static const char *qty(oct_qty q, char out[OCT_DECIMAL_SZ + 1])
{
    out[oct_qty_format(out, q)] = '\0';
    return out;
}

static void page_books(struct oct_top *t)
{
    uint32_t *pick = calloc(t->inst_cnt + 1, sizeof(*pick));
    uint32_t n = 0;
    char sym[12];
    char s[5][OCT_DECIMAL_SZ + 1];
    if (pick == NULL)
        return;
    for (uint32_t i = 0; i < t->inst_cnt; i++) {
        oct_cli_symbol(&t->shm, i, sym);
        if (t->inst[i].changes + t->inst[i].trades > 0 && wanted(t, sym))
            pick[n++] = i;
    }
    sorting = t;
    qsort(pick, n, sizeof(*pick), t->by_name ? by_name : by_activity);
    line(t, "BOOKS  %u active since top looked", n);
    line(t, "%-8s %9s %12s %12s %-9s %12s %9s %9s", "SYMBOL", "SIZE", "BID", "ASK", "SIZE", "LAST",
         "CHANGES", "TRADES");
    for (uint32_t i = 0; i < n && i < OCT_TOP_LINE_MAX / 2; i++) {
        const struct oct_top_inst *in = &t->inst[pick[i]];
        oct_cli_symbol(&t->shm, pick[i], sym);
        line(t, "%-8s %9s %12s %12s %-9s %12s %9lu %9lu", sym, qty(in->bid_qty, s[0]),
             px(in->bid, s[1]), px(in->ask, s[2]), qty(in->ask_qty, s[3]), px(in->last, s[4]),
             (unsigned long)in->changes, (unsigned long)in->trades);
    }
    free(pick);
}

/* ---- orders ----------------------------------------------------------------------------------- */

static void page_orders(struct oct_top *t)
{
    uint64_t n = t->order_cnt < OCT_TOP_ORDER_MAX ? t->order_cnt : OCT_TOP_ORDER_MAX;
    char s[3][OCT_DECIMAL_SZ + 1];
    line(t, "ORDERS  %lu open, %lu unknown; %lu seen since top looked",
         (unsigned long)oct_cli_counter(&t->shm, "orders_open"),
         (unsigned long)oct_cli_counter(&t->shm, "orders_unknown"), (unsigned long)t->order_cnt);
    line(t, "%-16s %-8s %-4s %8s %12s %8s %-15s %5s", "ORDER", "SYMBOL", "SIDE", "QTY", "PRICE",
         "FILLED", "STATE", "STRAT");
    for (uint64_t i = 1; i <= n; i++) {
        const struct oct_top_order *o = &t->order[(t->order_cnt - i) % OCT_TOP_ORDER_MAX];
        bool told = o->update.hdr.type == OCT_ORDER_UPDATE;
        const char *state = oct_enum_text("ORD_STATE", told ? o->update.state : OCT_ORD_STATE_SENT);
        char sym[9];
        snprintf(sym, sizeof(sym), "%.8s", o->order.symbol.c);
        if (!wanted(t, sym))
            continue;
        line(t, "%-16lu %-8s %-4s %8s %12s %8s %-15s %5u", (unsigned long)o->order.order_id, sym,
             o->order.side == OCT_SELL ? "sell" : "buy",
             qty(told ? o->update.qty : o->order.qty, s[0]),
             px(told ? o->update.px : o->order.px, s[1]),
             qty(told ? o->update.filled : (oct_qty){0}, s[2]), state != NULL ? state : "?",
             o->order.strategy);
    }
}

/* ---- risk ------------------------------------------------------------------------------------- */

static void page_risk(struct oct_top *t)
{
    static const char *const prefix[] = {"risk_", "order_", "orders_", "strategy_"};
    char s[3][OCT_DECIMAL_SZ + 1];
    char sym[12];
    __int128 sum = 0;
    line(t, "RISK  %s",
         ladder_word(atomic_load_explicit(&t->shm.status->ladder, memory_order_relaxed)));
    for (uint32_t i = 0; i < t->pos_cnt; i++) {
        if (t->pos[i].strategy != OCT_STRATEGY_NONE)
            sum += oct_money_unpack(t->pos[i].pnl).v;
    }
    s[0][oct_money_format(s[0], (oct_money){sum})] = '\0';
    line(t, "P&L of all strategies %s", s[0]);
    if (t->pos_cnt > 0)
        line(t, "%-8s %5s %5s %12s %12s %16s", "SYMBOL", "STRAT", "ACCT", "POSITION", "MARK",
             "P&L");
    for (uint32_t i = 0; i < t->pos_cnt && i < 100; i++) {
        const struct oct_position *p = &t->pos[i];
        oct_cli_symbol(&t->shm, p->inst, sym);
        if (!wanted(t, sym) || p->strategy == OCT_STRATEGY_NONE)
            continue;
        s[2][oct_money_format(s[2], oct_money_unpack(p->pnl))] = '\0';
        line(t, "%-8s %5u %5u %12s %12s %16s", sym, p->strategy, p->account, qty(p->pos, s[0]),
             px(p->mark, s[1]), s[2]);
    }
    line(t, "%s", "");
    counters(t, prefix, OCT_ARRAY_CNT(prefix));
}

/* ---- latency, errors, help -------------------------------------------------------------------- */

static void page_latency(struct oct_top *t)
{
    struct oct_hist *h = malloc(sizeof(*h));
    line(t, "LATENCY  nanoseconds since start");
    line(t, "%-16s %10s %9s %9s %9s %10s %11s", "HOP", "COUNT", "P50", "P90", "P99", "P99.9",
         "MAX");
    for (int i = 0; i < OCT_HOP_CNT && h != NULL && t->shm.hists != NULL; i++) {
        oct_hist_copy(h, &t->shm.hists[i].h);
        line(t, "%-16.32s %10lu %9ld %9ld %9ld %10ld %11ld", t->shm.hists[i].name,
             (unsigned long)h->total, (long)oct_hist_quantile(h, 0.5),
             (long)oct_hist_quantile(h, 0.9), (long)oct_hist_quantile(h, 0.99),
             (long)oct_hist_quantile(h, 0.999), (long)(h->total != 0 ? h->max_ns : 0));
    }
    free(h);
}

static void page_errors(struct oct_top *t)
{
    line(t, "FAULTS");
    line(t, "%-40s %10s %14s %14s %14s", "CODE", "TIMES", "D0", "D1", "D2");
    for (size_t k = 0; k < OCT_ARRAY_CNT(t->shm.faults); k++) {
        struct oct_fault_row row;
        for (uint32_t i = 0; t->shm.faults[k] != NULL && oct_faults_get(t->shm.faults[k], i, &row);
             i++)
            line(t, "%-40.40s %10lu %14lu %14lu %14lu", row.code, (unsigned long)row.times,
                 (unsigned long)row.detail[0], (unsigned long)row.detail[1],
                 (unsigned long)row.detail[2]);
    }
}

static void page_help(struct oct_top *t)
{
    static const char *const text[] = {
        "1 feeds  2 books  3 orders  4 risk  5 sessions  6 latency  e errors",
        "/ filter (empty: none)   s sort books by name or activity",
        "p pause   r rates or totals   K kill dialog   q quit   ? this page",
    };
    for (size_t i = 0; i < OCT_ARRAY_CNT(text); i++)
        line(t, "%s", text[i]);
}

void oct_top_page(struct oct_top *t)
{
    t->line_cnt = 0;
    head(t);
    if (t->pane == OCT_TOP_HELP)
        page_help(t);
    if (!t->joined)
        return;
    switch (t->pane) {
    case OCT_TOP_FEEDS:
        page_feeds(t);
        break;
    case OCT_TOP_BOOKS:
        page_books(t);
        break;
    case OCT_TOP_ORDERS:
        page_orders(t);
        break;
    case OCT_TOP_RISK:
        page_risk(t);
        break;
    case OCT_TOP_SESSIONS:
        page_sessions(t);
        break;
    case OCT_TOP_LATENCY:
        page_latency(t);
        break;
    case OCT_TOP_ERRORS:
        page_errors(t);
        break;
    case OCT_TOP_HELP:
        break;
    }
}
