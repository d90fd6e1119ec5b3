#include "dataplane/summary.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/journal/reader.h"
#include "dataplane/lane/lane.h"
#include "dataplane/msg/desc.h"

#define TOP 5u

/* ---- orders and fills, read back from the journal --------------------------------------------- */

struct order_row {
    uint64_t order_id;
    uint32_t user_ref;
    uint32_t inst;
    uint16_t strategy;
    uint8_t state;
    uint8_t side;
    bool acked;
    oct_px px;
    oct_qty qty;
    oct_qty filled;
};

struct tally {
    struct order_row *orders;
    size_t order_cnt, order_cap;
    struct oct_fill *fills;
    size_t fill_cnt, fill_cap;
    uint64_t records, bytes, decisions, intents;
    uint64_t sent, replaces, cancels, acked, filled, cancelled, rejected, refused;
    uint64_t refused_by[64];
    bool lost; /* the feed was declared stale and messages were lost */
    uint64_t sent_after_loss;
    bool no_memory;
};

static bool grow(void **p, size_t cnt, size_t *cap, size_t sz)
{
    if (cnt < *cap)
        return true;
    size_t next = *cap ? *cap * 2 : 1024;
    void *q = realloc(*p, next * sz);
    if (!q)
        return false;
    *p = q;
    *cap = next;
    return true;
}

/* Orders come with rising numbers; an adopted one may come late, hence the search from the end. */
static struct order_row *order_of(struct tally *t, uint64_t order_id, bool add)
{
    for (size_t i = t->order_cnt; i > 0; i--)
        if (t->orders[i - 1].order_id == order_id)
            return &t->orders[i - 1];
    if (!add || !grow((void **)&t->orders, t->order_cnt, &t->order_cap, sizeof t->orders[0])) {
        t->no_memory |= add;
        return NULL;
    }
    t->orders[t->order_cnt] = (struct order_row){.order_id = order_id};
    return &t->orders[t->order_cnt++];
}

static void take_update(struct tally *t, const struct oct_order_update *u)
{
    struct order_row *o = order_of(t, u->order_id, true);

    if (!o)
        return;
    if (u->user_ref)
        o->user_ref = u->user_ref;
    o->inst = u->inst;
    o->strategy = u->strategy;
    o->side = u->side;
    o->px = u->px;
    o->qty = u->qty;
    o->filled = u->filled;
    if (o->state != u->state) {
        t->filled += u->state == OCT_ORD_STATE_FILLED;
        t->cancelled += u->state == OCT_ORD_STATE_CANCELLED;
        t->rejected += u->state == OCT_ORD_STATE_REJECTED && u->event == OCT_VEN_REJECTED;
    }
    /* Whatever had become of the order by then.  Of a replacement both orders are told: the old one
     * closes. */
    bool ack = u->event == OCT_VEN_ACCEPTED ||
               (u->event == OCT_VEN_REPLACED && u->state != OCT_ORD_STATE_CLOSED);
    t->acked += ack && !o->acked;
    o->acked |= ack;
    o->state = u->state;
}

static void take(struct tally *t, const struct oct_msg_hdr *m)
{
    t->records++;
    t->bytes += m->sz;
    t->decisions += !oct_msg_is_input(m->type);
    switch (m->type) {
    case OCT_INTENT:
        t->intents++;
        break;
    case OCT_VERDICT: {
        const struct oct_verdict *v = (const struct oct_verdict *)m;
        if (v->reason != OCT_RISK_OK) {
            t->refused++;
            t->refused_by[v->reason & 63]++;
        }
        break;
    }
    case OCT_ORDER: {
        const struct oct_order *o = (const struct oct_order *)m;
        bool opens = o->action == OCT_ACTION_NEW || o->action == OCT_ACTION_REPLACE;
        t->sent += opens;
        t->sent_after_loss += opens && t->lost;
        t->replaces += o->action == OCT_ACTION_REPLACE;
        t->cancels += o->action == OCT_ACTION_CANCEL || o->action == OCT_ACTION_REDUCE;
        break;
    }
    case OCT_IN_FEED: {
        const struct oct_in_feed *f = (const struct oct_in_feed *)m;
        t->lost |= f->event == OCT_FEED_STALE && f->to_seq > f->from_seq;
        break;
    }
    case OCT_ORDER_UPDATE:
        take_update(t, (const struct oct_order_update *)m);
        break;
    case OCT_FILL:
        if (grow((void **)&t->fills, t->fill_cnt, &t->fill_cap, sizeof t->fills[0]))
            t->fills[t->fill_cnt++] = *(const struct oct_fill *)m;
        else
            t->no_memory = true;
        break;
    default:
        break;
    }
}

static int read_journal(const struct oct_summary_src *src, struct tally *t)
{
    struct oct_journal *j;
    const struct oct_msg_hdr *m;

    if (!src->journal_dir)
        return 0;
    int err = oct_journal_open(src->journal_dir, src->lane, &j, NULL);
    if (err)
        return err == -ENOENT ? 0 : err;
    while ((err = oct_journal_next(j, &m)) == OCT_JOURNAL_RECORD)
        take(t, m);
    oct_journal_close(j);
    return err < 0 ? err : t->no_memory ? -ENOMEM : 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_px(FILE *f, oct_px px)
{
    char buf[OCT_DECIMAL_SZ];

    oct_px_format(buf, px);
    fprintf(f, "\"%s\"", buf);
}

static void put_qty(FILE *f, oct_qty qty)
{
    char buf[OCT_DECIMAL_SZ];

    oct_qty_format(buf, qty);
    fprintf(f, "\"%s\"", buf);
}

static void put_symbol(FILE *f, const struct oct_summary_src *src, uint32_t inst)
{
    char name[9] = "";

    if (inst < src->assembly->view.inst_cnt)
        memcpy(name, src->assembly->view.ref[inst].symbol.c, 8);
    name[strcspn(name, " ")] = 0;
    fprintf(f, "\"%s\"", name[0] ? name : "?");
}

static uint64_t line_sum(const struct oct_summary_src *src, const char *name, const char *labels)
{
    return oct_counters_sum(src->instance->counters, name, labels);
}

static void put_packets(FILE *f, const struct oct_summary_src *src)
{
    static const char *const names[] = {"a", "b", "rewind"};

    fprintf(f, "  \"packets\": {");
    for (unsigned i = 0; i < 3; i++) {
        char labels[32];
        snprintf(labels, sizeof labels, "line=\"%s\"", names[i]);
        fprintf(f, "%s\"%s\": %" PRIu64, i ? ", " : "", names[i],
                line_sum(src, oct_collector_line_counter_defs[OCT_LINE_PKTS].name, labels));
    }
    fprintf(f, "},\n");
}

static void put_messages(FILE *f, const struct oct_summary_src *src)
{
    const struct oct_counter *types = src->assembly->types;
    uint64_t total = 0;
    bool first = true;

    fprintf(f, "  \"messages\": {\"by_type\": {");
    for (unsigned i = 0; i < 256; i++) {
        uint64_t n = oct_count_get(&types[i]);
        if (!n)
            continue;
        total += n;
        fprintf(f, "%s\"%c\": %" PRIu64, first ? "" : ", ", i >= 32 && i < 127 ? (char)i : '?', n);
        first = false;
    }
    fprintf(f, "}, \"total\": %" PRIu64 "},\n", total);
}

static void put_unknown(FILE *f, const struct oct_assembly *a)
{
    static const struct {
        const char *type;
        unsigned idx;
    } rows[] = {{"E", OCT_REALTIME_UNKNOWN_EXEC},
                {"C", OCT_REALTIME_UNKNOWN_EXEC_PX},
                {"X", OCT_REALTIME_UNKNOWN_REDUCE},
                {"D", OCT_REALTIME_UNKNOWN_DELETE},
                {"U", OCT_REALTIME_UNKNOWN_REPLACE}};
    uint64_t total = 0;

    fprintf(f, "  \"unknown_references\": {");
    for (size_t i = 0; i < OCT_ARRAY_CNT(rows); i++) {
        uint64_t n = oct_count_get(&a->realtime_counters[rows[i].idx]);
        total += n;
        if (n)
            fprintf(f, "\"%s\": %" PRIu64 ", ", rows[i].type, n);
    }
    fprintf(f, "\"total\": %" PRIu64 "},\n", total);
}

static void put_market_data(FILE *f, const struct oct_summary_src *src)
{
    const struct oct_counter_def *d = oct_collector_counter_defs;
    const struct oct_counter_def *l = oct_collector_line_counter_defs;

    fprintf(f, " \"market_data\": {\n");
    put_packets(f, src);
    put_messages(f, src);
    put_unknown(f, src->assembly);
    fprintf(f, "  \"duplicates\": %" PRIu64 ",\n", line_sum(src, l[OCT_LINE_DUPLICATE].name, NULL));
    fprintf(f, "  \"malformed\": %" PRIu64 ",\n", line_sum(src, l[OCT_LINE_MALFORMED].name, NULL));
    fprintf(f, "  \"gaps_detected\": %" PRIu64 ",\n",
            line_sum(src, d[OCT_COLLECTOR_GAPS].name, NULL));
    fprintf(f, "  \"gaps_recovered\": %" PRIu64 ",\n",
            line_sum(src, d[OCT_COLLECTOR_GAPS_RECOVERED].name, NULL));
    fprintf(f, "  \"gaps_stale\": %" PRIu64 ",\n",
            line_sum(src, d[OCT_COLLECTOR_GAPS_STALE].name, NULL));
    fprintf(f, "  \"messages_lost\": %" PRIu64 ",\n",
            line_sum(src, d[OCT_COLLECTOR_MSGS_LOST].name, NULL));
    fprintf(f, "  \"open_orders\": %u\n },\n", oct_books_order_cnt(src->assembly->view.books));
}

static void put_side(FILE *f, const struct oct_summary_src *src, uint32_t inst, enum oct_side side)
{
    struct oct_level lv[TOP];
    uint32_t n = oct_book_depth(src->assembly->view.books, inst, side, lv, TOP);

    fprintf(f, "[");
    for (uint32_t i = 0; i < n; i++) {
        fprintf(f, "%s[", i ? ", " : "");
        put_px(f, lv[i].px);
        fprintf(f, ", ");
        put_qty(f, lv[i].qty);
        fprintf(f, "]");
    }
    fprintf(f, "]");
}

static void put_books(FILE *f, const struct oct_summary_src *src)
{
    const struct oct_view *v = &src->assembly->view;
    bool first = true;

    fprintf(f, " \"books\": {");
    for (uint32_t i = 0; i < v->inst_cnt; i++) {
        if (v->ref[i].symbol.c[0] == ' ' || v->ref[i].symbol.c[0] == 0)
            continue;
        fprintf(f, "%s\n  ", first ? "" : ",");
        first = false;
        put_symbol(f, src, i);
        fprintf(f, ": {\"bids\": ");
        put_side(f, src, i, OCT_BUY);
        fprintf(f, ", \"asks\": ");
        put_side(f, src, i, OCT_SELL);
        fprintf(f, ", \"bid_levels\": %u, \"ask_levels\": %u, \"stale\": %s}",
                oct_book_level_cnt(v->books, i, OCT_BUY), oct_book_level_cnt(v->books, i, OCT_SELL),
                v->inst[i].stale ? "true" : "false");
    }
    fprintf(f, "\n },\n");
}

static void put_orders(FILE *f, const struct oct_summary_src *src, const struct tally *t)
{
    bool first = true;

    fprintf(f,
            " \"orders\": {\"intents\": %" PRIu64 ", \"sent\": %" PRIu64 ", \"replaces\": %" PRIu64
            ", \"cancels_sent\": %" PRIu64 ", \"acked\": %" PRIu64 ", \"fills\": %zu"
            ", \"filled\": %" PRIu64 ", \"cancelled\": %" PRIu64 ", \"rejected\": %" PRIu64
            ", \"refused\": %" PRIu64 ", \"withheld\": %" PRIu64 ",\n  \"refused_by_reason\": {",
            t->intents, t->sent, t->replaces, t->cancels, t->acked, t->fill_cnt, t->filled,
            t->cancelled, t->rejected, t->refused,
            line_sum(src, oct_lane_counter_defs[OCT_LANE_ORDERS_WITHHELD].name, NULL));
    for (unsigned i = 1; i < 64; i++) {
        const char *text = oct_enum_text("RISK", i);
        if (!t->refused_by[i])
            continue;
        fprintf(f, "%s\"%s\": %" PRIu64, first ? "" : ", ", text ? text : "?", t->refused_by[i]);
        first = false;
    }
    fprintf(f, "}},\n \"orders_detail\": [");
    first = true;
    for (size_t i = 0; i < t->order_cnt; i++) {
        const struct order_row *o = &t->orders[i];
        if (!o->user_ref)
            continue;
        fprintf(f, "%s\n  {\"order_id\": \"%" PRIu64 "\", \"user_ref\": %u, \"symbol\": ",
                first ? "" : ",", o->order_id, o->user_ref);
        first = false;
        put_symbol(f, src, o->inst);
        fprintf(f, ", \"strategy\": %u, \"side\": \"%s\", \"price\": ", o->strategy,
                oct_enum_text("SIDE", o->side));
        put_px(f, o->px);
        fprintf(f, ", \"quantity\": ");
        put_qty(f, o->qty);
        fprintf(f, ", \"filled\": ");
        put_qty(f, o->filled);
        fprintf(f, ", \"state\": \"%s\"}", oct_enum_text("ORD_STATE", o->state));
    }
    fprintf(f, "\n ],\n \"fills_detail\": [");
    for (size_t i = 0; i < t->fill_cnt; i++) {
        const struct oct_fill *x = &t->fills[i];
        fprintf(f,
                "%s\n  {\"user_ref\": %u, \"match_id\": \"%" PRIu64 "\", \"price\": ", i ? "," : "",
                x->user_ref, x->match_id);
        put_px(f, x->px);
        fprintf(f, ", \"quantity\": ");
        put_qty(f, x->qty);
        fprintf(f, "}");
    }
    fprintf(f, "\n ],\n");
}

struct put {
    FILE *f;
    const struct oct_summary_src *src;
    bool first;
};

static void put_position(void *arg, const struct oct_position *p)
{
    struct put *put = arg;

    if (p->strategy == OCT_STRATEGY_NONE)
        return;
    fprintf(put->f, "%s\n  {\"symbol\": ", put->first ? "" : ",");
    put->first = false;
    put_symbol(put->f, put->src, p->inst);
    fprintf(put->f, ", \"strategy\": %u, \"account\": %u, \"position\": ", p->strategy, p->account);
    put_qty(put->f, p->pos);
    char pnl[OCT_DECIMAL_SZ];
    oct_money_format(pnl, oct_money_unpack(p->pnl));
    fprintf(put->f, ", \"position_raw\": \"%" PRId64 "\", \"pnl\": \"%s\"}", p->pos.v, pnl);
}

static void put_total(struct put *put, enum oct_scope scope, uint32_t id, const char *name)
{
    struct oct_risk_totals t;
    char pnl[OCT_DECIMAL_SZ];

    oct_risk_totals(put->src->assembly->risk, scope, id, &t);
    oct_money_format(pnl, (oct_money){t.pnl});
    fprintf(put->f,
            "%s\n  {\"scope\": \"%s\", \"id\": %u, \"name\": \"%s\", \"pnl\": \"%s\", "
            "\"open_orders\": %u, \"ladder\": \"%s\"}",
            put->first ? "" : ",", oct_enum_text("SCOPE", scope), id, name, pnl, t.open_orders,
            oct_enum_text("LADDER", t.ladder));
    put->first = false;
}

static void put_money(FILE *f, const struct oct_summary_src *src)
{
    const struct oct_conf *c = src->setup->conf;
    struct put put = {f, src, true};

    fprintf(f, " \"positions\": [");
    oct_risk_each(src->assembly->risk, put_position, &put);
    fprintf(f, "\n ],\n \"pnl\": [");
    put.first = true;
    for (uint32_t i = 0; i < c->strategy_cnt; i++)
        put_total(&put, OCT_SCOPE_STRATEGY, c->strategy[i].id, c->strategy[i].name);
    for (uint32_t i = 0; i < c->risk.account_cnt; i++)
        put_total(&put, OCT_SCOPE_ACCOUNT, c->risk.account[i].id, c->risk.account[i].name);
    put_total(&put, OCT_SCOPE_FIRM, 0, "firm");
    fprintf(f, "\n ],\n");
}

static void put_latency(FILE *f, const struct oct_summary_src *src)
{
    fprintf(f, " \"latency_ns\": {");
    for (unsigned i = 0; i < OCT_HOP_CNT; i++) {
        const struct oct_pub_hist *p = &src->instance->hists[i];
        fprintf(f,
                "%s\n  \"%s\": {\"p50\": %" PRId64 ", \"p90\": %" PRId64 ", \"p99\": %" PRId64
                ", \"p999\": %" PRId64 ", \"max\": %" PRId64 ", \"count\": %" PRIu64 "}",
                i ? "," : "", p->name, oct_hist_quantile(&p->h, 0.5), oct_hist_quantile(&p->h, 0.9),
                oct_hist_quantile(&p->h, 0.99), oct_hist_quantile(&p->h, 0.999), p->h.max_ns,
                p->h.total);
    }
    fprintf(f, "\n },\n");
}

static void put_faults(FILE *f, const struct oct_faults *t, bool *first)
{
    struct oct_fault_row row;

    for (uint32_t i = 0; oct_faults_get(t, i, &row); i++) {
        fprintf(f, "%s\n  {\"code\": \"%s\", \"times\": %" PRIu64 "}", *first ? "" : ",", row.code,
                row.times);
        *first = false;
    }
}

static void put_all(FILE *f, const struct oct_summary_src *src, const struct tally *t)
{
    bool first = true;

    fprintf(f, "{\n \"instance\": \"%s\", \"run_id\": \"%016" PRIx64 "\",\n",
            src->setup->conf->instance, src->instance->status->run_id);
    put_market_data(f, src);
    put_books(f, src);
    put_orders(f, src, t);
    put_money(f, src);
    put_latency(f, src);
    fprintf(f,
            " \"orders_on_stale\": %" PRIu64 ",\n"
            " \"journal\": {\"records\": %" PRIu64 ", \"bytes\": %" PRIu64
            ", \"decisions\": %" PRIu64 "},\n",
            t->sent_after_loss, t->records, t->bytes, t->decisions);
    fprintf(f, " \"memory_bytes\": %" PRIu64 ",\n \"state_digest\": \"%016" PRIx64 "\",\n",
            src->instance->status->memory_sz, oct_core_digest(src->assembly->core));
    fprintf(f, " \"faults\": [");
    put_faults(f, src->instance->faults, &first);
    put_faults(f, src->instance->recorder_faults, &first);
    fprintf(f, "\n ]\n}\n");
}

int oct_summary_write(const struct oct_summary_src *src, const char *path)
{
    struct tally t = {0};
    char tmp[512];

    if ((size_t)snprintf(tmp, sizeof tmp, "%s.new", path) >= sizeof tmp)
        return -ENAMETOOLONG;
    int err = read_journal(src, &t);
    FILE *f = err ? NULL : fopen(tmp, "w");
    if (!err && !f)
        err = -errno;
    if (f) {
        put_all(f, src, &t);
        if (ferror(f))
            err = -EIO;
        if (fclose(f))
            err = -errno;
    }
    if (!err && rename(tmp, path))
        err = -errno;
    free(t.orders);
    free(t.fills);
    return err;
}

void oct_summary_progress(const struct oct_summary_src *src, oct_money pnl_now, char *buf,
                          size_t sz)
{
    const struct oct_counter *core = src->assembly->core_counters;
    const struct oct_counter *ex = src->assembly->execution_counters;
    const struct oct_hist *h = &src->instance->hists[OCT_HOP_TICK_TO_TRADE].h;
    char pnl[OCT_DECIMAL_SZ];

    oct_money_format(pnl, pnl_now);
    snprintf(buf, sz,
             "messages %" PRIu64 "  next %" PRIu64 "  bbo %" PRIu64 "  orders %" PRIu64
             "  fills %" PRIu64 "  open %" PRIu64 "  P&L %s  tick-to-trade p50 %.1f us p99 %.1f us",
             oct_count_get(&core[OCT_CORE_MESSAGES]),
             (uint64_t)atomic_load_explicit(&src->instance->status->feed_seq, memory_order_relaxed),
             oct_count_get(&src->assembly->realtime_counters[OCT_REALTIME_BBO]),
             oct_count_get(&ex[OCT_EXECUTION_SENT]), oct_count_get(&ex[OCT_EXECUTION_FILLS]),
             oct_count_get(&ex[OCT_EXECUTION_OPEN]), pnl, (double)oct_hist_quantile(h, 0.5) / 1e3,
             (double)oct_hist_quantile(h, 0.99) / 1e3);
}
