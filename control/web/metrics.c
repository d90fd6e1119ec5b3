/* metrics.c - everything that is counted, as Prometheus text (exposition format 0.0.4).
 *
 * Counters of the dataplane come from its table by name; names that end in or contain _ns are
 * given in seconds, as the base unit wants.  Histograms are given as few fixed buckets and, beside
 * them, exact quantiles as gauges. */
#include <stdlib.h>
#include <string.h>

#include "control/web/md.h"
#include "dataplane/msg/desc.h"

static void head(struct oct_buf *b, const char *name, const char *type, const char *help)
{
    oct_buf_printf(b, "# HELP octopus_%s %s\n# TYPE octopus_%s %s\n", name, help, name, type);
}

static void value(struct oct_buf *b, const char *name, const char *labels, uint64_t v)
{
    oct_buf_str(b, "octopus_");
    oct_buf_str(b, name);
    if (labels[0] != '\0')
        oct_buf_printf(b, "{%s}", labels);
    oct_buf_chr(b, ' ');
    oct_buf_u64(b, v);
    oct_buf_chr(b, '\n');
}

static void one(struct oct_buf *b, const char *name, const char *type, const char *help, uint64_t v)
{
    head(b, name, type, help);
    value(b, name, "", v);
}

static void seconds(struct oct_buf *b, const char *name, const char *labels, double ns)
{
    oct_buf_str(b, "octopus_");
    oct_buf_str(b, name);
    if (labels[0] != '\0')
        oct_buf_printf(b, "{%s}", labels);
    oct_buf_printf(b, " %.9f\n", ns / 1e9);
}

/* ---- the dataplane's counters ----------------------------------------------------------------- */

/* Length of a unit of nanoseconds at p, as a word of its own; 0 when there is none. */
static size_t unit_len(const char *p)
{
    static const char *const units[] = {"_nanoseconds", "_ns"};
    for (size_t i = 0; i < OCT_ARRAY_CNT(units); i++) {
        size_t n = strlen(units[i]);
        if (strncmp(p, units[i], n) == 0 && (p[n] == '\0' || p[n] == '_'))
            return n;
    }
    return 0;
}

/* The name as Prometheus wants it; true when the value counts nanoseconds. */
static bool metric_name(const struct oct_vitals_counter *c, char out[96])
{
    size_t n = 0;
    bool ns = false;
    for (const char *p = c->name; *p != '\0' && n < 70;) {
        size_t unit = unit_len(p);
        if (unit > 0) {
            memcpy(out + n, "_seconds", 8);
            n += 8;
            p += unit;
            ns = true;
            continue;
        }
        bool ok = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9' && n > 0) || *p == '_';
        out[n++] = ok ? *p : '_';
        p++;
    }
    out[n] = '\0';
    if (c->kind == OCT_COUNTER_TOTAL && (n < 6 || strcmp(out + n - 6, "_total") != 0))
        strcpy(out + n, "_total");
    return ns;
}

/* Label pairs come from another process: what could break the text is left out. */
static const char *safe_labels(const char *labels)
{
    int quotes = 0;
    for (const char *p = labels; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~' || *p == '{' || *p == '}' || *p == '\\')
            return "";
        quotes += *p == '"';
    }
    return quotes % 2 == 0 ? labels : "";
}

static void clean_help(char *help)
{
    for (; *help != '\0'; help++) {
        if (*help < ' ' || *help > '~' || *help == '\\')
            *help = ' ';
    }
}

/* Rows that modules named alike, labels and all, are one series: their sum. */
static void merge(struct oct_vitals_counter *row, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = i + 1; k < n && row[i].name[0] != '\0'; k++) {
            if (strcmp(row[i].name, row[k].name) == 0 &&
                strcmp(row[i].labels, row[k].labels) == 0) {
                row[i].value += row[k].value;
                row[k].name[0] = '\0';
            }
        }
    }
}

static void counters(struct oct_web *w, struct oct_buf *b)
{
    const struct oct_vitals *v = w->vitals;
    struct oct_vitals_counter one_row;
    uint32_t n = 0;
    while (v->counter(v->self, n, &one_row))
        n++;
    struct oct_vitals_counter *row = calloc(n + 1, sizeof(*row));
    if (row == NULL)
        return;
    for (uint32_t i = 0; i < n; i++)
        (void)v->counter(v->self, i, &row[i]);
    merge(row, n);
    for (uint32_t i = 0; i < n; i++) {
        char name[96];
        char first[OCT_VITALS_NAME_SZ];
        if (row[i].name[0] == '\0')
            continue;
        memcpy(first, row[i].name, sizeof(first));
        bool ns = metric_name(&row[i], name);
        clean_help(row[i].help);
        head(b, name, row[i].kind == OCT_COUNTER_TOTAL ? "counter" : "gauge", row[i].help);
        /* All series of a name stand together. */
        for (uint32_t k = i; k < n; k++) {
            if (strcmp(row[k].name, first) != 0)
                continue;
            if (ns)
                seconds(b, name, safe_labels(row[k].labels), (double)row[k].value);
            else
                value(b, name, safe_labels(row[k].labels), row[k].value);
            row[k].name[0] = '\0';
        }
    }
    free(row);
}

/* ---- histograms ------------------------------------------------------------------------------- */

static void buckets(struct oct_buf *b, const char *name, const char *label,
                    const uint64_t cnt[OCT_WEB_BUCKET_CNT + 1], uint64_t total, double sum_ns)
{
    uint64_t sum = 0;
    const char *sep = label[0] != '\0' ? "," : "";
    for (uint32_t i = 0; i < OCT_WEB_BUCKET_CNT; i++) {
        sum += cnt[i];
        oct_buf_printf(b, "octopus_%s_bucket{%s%sle=\"%g\"} %lu\n", name, label, sep,
                       (double)oct_web_bucket_ns[i] / 1e9, (unsigned long)sum);
    }
    oct_buf_printf(b, "octopus_%s_bucket{%s%sle=\"+Inf\"} %lu\n", name, label, sep,
                   (unsigned long)total);
    oct_buf_printf(b, label[0] != '\0' ? "octopus_%s_sum{%s} %.9f\n" : "octopus_%s_sum%s %.9f\n",
                   name, label, sum_ns / 1e9);
    oct_buf_printf(b, label[0] != '\0' ? "octopus_%s_count{%s} %lu\n" : "octopus_%s_count%s %lu\n",
                   name, label, (unsigned long)total);
}

static uint64_t spread(const struct oct_hist *h, uint64_t out[OCT_WEB_BUCKET_CNT + 1])
{
    uint64_t total = 0;
    uint32_t at = 0;
    memset(out, 0, (OCT_WEB_BUCKET_CNT + 1) * sizeof(*out));
    for (uint32_t i = 0; i < OCT_WEB_BUCKET_CNT; i++) {
        /* Values up to the bound share its index or have a lower one, to three digits. */
        uint32_t last = oct_hist_idx(oct_web_bucket_ns[i]);
        for (; at <= last && at < OCT_HIST_CNT; at++)
            out[i] += h->cnt[at];
        total += out[i];
    }
    for (; at < OCT_HIST_CNT; at++)
        out[OCT_WEB_BUCKET_CNT] += h->cnt[at];
    return total + out[OCT_WEB_BUCKET_CNT];
}

static void hops(struct oct_web *w, struct oct_buf *b, struct oct_hist *h)
{
    const struct oct_vitals *v = w->vitals;
    static const double q[] = {0.5, 0.9, 0.99, 0.999, 0.9999};
    uint64_t cnt[OCT_WEB_BUCKET_CNT + 1];
    char label[96];
    const char *name;
    head(b, "hop_latency_seconds", "histogram", "Time spent in each hop of the lane.");
    for (uint32_t i = 0; v->hist(v->self, i, &name, h); i++) {
        uint64_t total = spread(h, cnt);
        snprintf(label, sizeof(label), "hop=\"%s\"", name);
        buckets(b, "hop_latency_seconds", label, cnt, total, oct_hist_mean(h) * (double)total);
    }
    head(b, "hop_latency_quantile_seconds", "gauge", "Exact quantiles of each hop since start.");
    for (uint32_t i = 0; v->hist(v->self, i, &name, h); i++) {
        for (size_t k = 0; k < OCT_ARRAY_CNT(q); k++) {
            snprintf(label, sizeof(label), "hop=\"%s\",quantile=\"%g\"", name, q[k]);
            seconds(b, "hop_latency_quantile_seconds", label, (double)oct_hist_quantile(h, q[k]));
        }
        snprintf(label, sizeof(label), "hop=\"%s\",quantile=\"1\"", name);
        seconds(b, "hop_latency_quantile_seconds", label, (double)h->max_ns);
    }
    static const char *const own[][3] = {
        {"tick_to_trade", "tick_to_order_seconds",
         "From the receive stamp of a packet to its order handed to the nic."},
        {"ack", "order_ack_seconds", "From an order handed to the nic to the venue's answer."},
    };
    for (size_t k = 0; k < OCT_ARRAY_CNT(own); k++) {
        for (uint32_t i = 0; v->hist(v->self, i, &name, h); i++) {
            if (strcmp(name, own[k][0]) != 0)
                continue;
            uint64_t total = spread(h, cnt);
            head(b, own[k][1], "histogram", own[k][2]);
            buckets(b, own[k][1], "", cnt, total, oct_hist_mean(h) * (double)total);
        }
    }
}

/* ---- what control itself knows ------------------------------------------------------------------ */

static void states(struct oct_buf *b, const char *name, const char *help, const char *const *words,
                   uint32_t cnt, uint32_t now)
{
    char label[64];
    head(b, name, "gauge", help);
    for (uint32_t i = 0; i < cnt; i++) {
        snprintf(label, sizeof(label), "state=\"%s\"", words[i]);
        value(b, name, label, i == now);
    }
}

static void dataplane(struct oct_web *w, struct oct_buf *b)
{
    static const char *const feed[] = {"waiting", "live", "recovering", "stale", "ended"};
    static const char *const session[] = {"down", "login", "up", "ended", "refused", "held"};
    static const char *const ladder[] = {"active", "reducing", "halted", "killed"};
    struct oct_vitals_status st = {0};
    bool up = w->vitals->attached(w->vitals->self) && w->vitals->status(w->vitals->self, &st);
    one(b, "dataplane_up", "gauge", "Whether the dataplane's shared memory is attached.", up);
    states(b, "feed_state", "State of the feed.", feed, 5, st.feed_state);
    states(b, "session_state", "State of the order session.", session, OCT_ARRAY_CNT(session),
           st.session_state);
    states(b, "risk_state", "State ladder of the firm.", ladder, 4, st.ladder);
    one(b, "memory_bytes", "gauge", "Memory of the dataplane, fixed at start.", st.memory_sz);
    head(b, "run_start_timestamp_seconds", "gauge", "When the run started.");
    seconds(b, "run_start_timestamp_seconds", "", (double)st.start_ns);
    head(b, "build_info", "gauge", "Version of control, build and configuration of the dataplane.");
    oct_buf_printf(b, "octopus_build_info{version=\"%s\",build=\"%016lx\",config=\"%016lx\"} 1\n",
                   w->cfg.version, (unsigned long)st.build_id, (unsigned long)st.config_hash);
}

static void mirror(struct oct_web *w, struct oct_buf *b)
{
    const struct oct_mirror *m = w->mirror;
    const struct oct_mirror_totals *t = &m->totals;
    const struct {
        const char *result;
        uint64_t n;
    } orders[] = {{"sent", t->orders_sent},    {"acked", t->acked},       {"fill", t->fills},
                  {"cancelled", t->cancelled}, {"rejected", t->rejected}, {"refused", t->refused}};
    char label[96];
    uint64_t stale = 0;
    for (uint32_t i = 0; i < m->cfg.inst_cnt; i++)
        stale += m->inst[i].known && oct_mirror_book_doubt(m, i) != 0;
    head(b, "orders_total", "counter", "Orders by what became of them.");
    for (size_t i = 0; i < OCT_ARRAY_CNT(orders); i++) {
        snprintf(label, sizeof(label), "result=\"%s\"", orders[i].result);
        value(b, "orders_total", label, orders[i].n);
    }
    head(b, "risk_refusals_total", "counter", "Refused intents by the first reason that held.");
    for (uint32_t i = 1; i < OCT_MIRROR_REASON_CNT; i++) {
        if (oct_enum_text("RISK", i) == NULL)
            continue;
        snprintf(label, sizeof(label), "reason=\"%s\"", oct_enum_text("RISK", i));
        value(b, "risk_refusals_total", label, t->refused_by[i]);
    }
    one(b, "book_stale_symbols", "gauge", "Instruments whose book may be wrong.", stale);
    one(b, "kill_engaged", "gauge", "Whether a kill bit was seen by the lane.", m->kill_bits != 0);
    one(b, "bridge_records_total", "counter", "Records taken in.", t->records);
    one(b, "bridge_lost_total", "counter", "Times records were lost.", t->lost);
    one(b, "bridge_bad_records_total", "counter", "Records that were not usable.", t->bad_records);
    one(b, "bridge_lag_slots", "gauge", "Ring slots not read yet.",
        w->vitals->lag(w->vitals->self));
    one(b, "bridge_restarts_total", "counter", "Runs of the dataplane after the first.",
        t->restarts);
}

static void web(struct oct_web *w, struct oct_buf *b)
{
    const struct oct_web_stats *s = &w->stats;
    char label[32];
    head(b, "http_requests_total", "counter", "Answers by class of status.");
    for (int i = 1; i < 6; i++) {
        snprintf(label, sizeof(label), "code=\"%dxx\"", i);
        value(b, "http_requests_total", label, s->requests[i]);
    }
    head(b, "http_request_duration_seconds", "histogram", "From a whole request to its answer.");
    buckets(b, "http_request_duration_seconds", "", s->http_ns.cnt, s->http_ns.total,
            (double)s->http_ns.sum_ns);
    one(b, "http_clients", "gauge", "Open HTTP connections.", s->http_clients);
    one(b, "http_refused_clients_total", "counter", "Connections beyond the limit.",
        s->refused_clients);
    one(b, "http_bad_requests_total", "counter", "Requests the parser refused.", s->bad_requests);
    one(b, "http_timeouts_total", "counter", "Connections closed for being late or idle.",
        s->timeouts);
    one(b, "auth_failures_total", "counter", "Requests without a valid token.", s->auth_failures);
    one(b, "ws_clients", "gauge", "Open WebSocket connections.", s->ws_clients);
    one(b, "ws_opened_total", "counter", "WebSocket connections accepted.", s->ws_opened);
    one(b, "ws_queue_bytes", "gauge", "Bytes not taken by clients yet.", oct_md_queue_bytes(w));
    one(b, "ws_received_messages_total", "counter", "Messages from clients.", s->ws_in);
    one(b, "ws_sent_messages_total", "counter", "Messages to clients.", s->ws_out);
    one(b, "ws_sent_bytes_total", "counter", "Bytes of messages to clients.", s->ws_out_bytes);
    one(b, "ws_conflated_messages_total", "counter", "Messages that a later state replaced.",
        s->ws_conflated);
    one(b, "ws_skipped_messages_total", "counter", "Messages a slow client was not sent.",
        s->ws_skipped);
    one(b, "ws_slow_closed_total", "counter", "Slow clients disconnected.", s->ws_slow_closed);
    one(b, "ctl_clients", "gauge", "Open control sockets.", s->ctl_clients);
    one(b, "ctl_requests_total", "counter", "Requests on control sockets.", s->ctl_requests);
}

void oct_web_metrics(struct oct_http_call *c)
{
    struct oct_web *w = c->w;
    struct oct_hist *h = malloc(sizeof(*h));
    if (h == NULL) {
        oct_http_problem(c, 503, "SYS_001", NULL, "no memory for a histogram");
        return;
    }
    dataplane(w, c->out);
    counters(w, c->out);
    hops(w, c->out, h);
    mirror(w, c->out);
    web(w, c->out);
    free(h);
    c->type = "text/plain; version=0.0.4; charset=utf-8";
}
