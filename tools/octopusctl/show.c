/* show.c - status, feed, counters, latency, errors: shared memory alone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/time.h"
#include "dataplane/msg/desc.h"
#include "tools/octopusctl/cli.h"

static json_t *time_text(int64_t ns)
{
    char text[OCT_RFC3339_SZ];
    if (ns == 0)
        return json_null();
    size_t n = oct_rfc3339_format(text, ns);
    return json_stringn(text, n);
}

static json_t *id_text(uint64_t v)
{
    return json_sprintf("%llu", (unsigned long long)v);
}

static const char *word(const char *const *words, size_t cnt, uint32_t i)
{
    return i < cnt ? words[i] : "unknown";
}

static const char *feed_word(uint32_t s)
{
    static const char *const words[] = {"waiting", "live", "recovering", "stale", "ended"};
    return word(words, OCT_ARRAY_CNT(words), s);
}

static const char *control_word(uint32_t s)
{
    static const char *const words[] = {"unseen", "alive", "silent"};
    return word(words, OCT_ARRAY_CNT(words), s);
}

static const char *session_word(uint32_t s)
{
    static const char *const words[] = {"down", "login", "up", "ended", "refused", "held"};
    return word(words, OCT_ARRAY_CNT(words), s);
}

static json_t *text_of(const char *s, size_t sz)
{
    size_t n = strnlen(s, sz);
    json_t *v = n > 0 ? json_stringn(s, n) : NULL;
    return v != NULL ? v : json_null();
}

/* ---- status ----------------------------------------------------------------------------------- */

static json_t *pulses_json(const struct oct_pub *s)
{
    static const char *const names[OCT_PULSE_CNT] = {"lane", "recorder"};
    json_t *list = json_array();
    int64_t now = oct_utc_ns();
    for (int i = 0; i < OCT_PULSE_CNT; i++) {
        const struct oct_pulse *p = &s->pulses[i];
        int64_t beat = atomic_load_explicit(&p->beat_ns, memory_order_relaxed);
        int64_t age = now > beat ? now - beat : 0;
        json_array_append_new(
            list,
            json_pack("{s:s, s:I, s:o, s:I}", "name", names[i], "pid",
                      (json_int_t)atomic_load_explicit(&p->pid, memory_order_relaxed),
                      "beat_age_ms", beat != 0 ? json_integer(age / OCT_NS_PER_MS) : json_null(),
                      "turns", (json_int_t)atomic_load_explicit(&p->turns, memory_order_relaxed)));
    }
    return list;
}

static json_t *status_json(const struct oct_pub *s, bool control)
{
    const struct oct_pub_status *st = s->status;
    uint32_t ladder = atomic_load_explicit(&st->ladder, memory_order_relaxed);
    uint32_t feed = atomic_load_explicit(&st->feed_state, memory_order_relaxed);
    uint32_t session = atomic_load_explicit(&st->session_state, memory_order_relaxed);
    uint64_t unknown = oct_cli_counter(s, "orders_unknown");
    bool alive = oct_cli_shm_alive(s);
    bool good = alive && ladder == OCT_LADDER_ACTIVE && feed != 3 && unknown == 0 && control;
    const char *ladder_text = oct_enum_text("LADDER", ladder);
    json_t *dp = json_pack(
        "{s:b, s:o, s:o, s:o, s:o, s:I, s:o, s:s, s:b, s:b, s:o, s:b, s:o}", "attached", 1,
        "run_id", id_text(st->run_id), "version", text_of(st->version, sizeof(st->version)),
        "instance", text_of(st->instance, sizeof(st->instance)), "started_at",
        time_text(st->start_ns), "memory_bytes", (json_int_t)st->memory_sz, "input",
        id_text(atomic_load_explicit(&st->input, memory_order_relaxed)), "ladder",
        ladder_text != NULL ? ladder_text : "unknown", "sealed", st->sealed != 0, "huge_pages",
        st->huge_pages != 0, "pulses", pulses_json(s), "alive", alive, "note",
        text_of(st->note, sizeof(st->note)));
    return json_pack(
        "{s:s, s:o, s:o, s:{s:o, s:s, s:o}, s:{s:o, s:s}, s:{s:b, s:s}, s:{s:I, s:I, s:I, s:I}}",
        "status",
        good    ? "ok"
        : alive ? "degraded"
                : "down",
        "timestamp", time_text(oct_utc_ns()), "dataplane", dp, "feed", "name",
        text_of(st->feed, sizeof(st->feed)), "state", feed_word(feed), "next_seq",
        id_text(atomic_load_explicit(&st->feed_seq, memory_order_relaxed)), "session", "name",
        text_of(st->venue, sizeof(st->venue)), "state", session_word(session), "control", "running",
        control, "state",
        control_word(atomic_load_explicit(&st->control_state, memory_order_relaxed)), "orders",
        "open", (json_int_t)oct_cli_counter(s, "orders_open"), "unknown", (json_int_t)unknown,
        "intents", (json_int_t)oct_cli_counter(s, "risk_intents"), "refused",
        (json_int_t)oct_cli_counter(s, "risk_refused"));
}

static int status_once(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col facts[] = {
        {"status", "status", false},
        {"run", "dataplane.run_id", false},
        {"version", "dataplane.version", false},
        {"started", "dataplane.started_at", false},
        {"ladder", "dataplane.ladder", false},
        {"feed", "feed.name", false},
        {"feed state", "feed.state", false},
        {"feed next", "feed.next_seq", false},
        {"session", "session.name", false},
        {"session state", "session.state", false},
        {"input", "dataplane.input", false},
        {"orders open", "orders.open", false},
        {"orders unknown", "orders.unknown", false},
        {"memory bytes", "dataplane.memory_bytes", false},
        {"control answers", "control.running", false},
        {"control pulse", "control.state", false},
        {"note", "dataplane.note", false},
    };
    static const struct oct_cli_col pulses[] = {{"PULSE", "name", false},
                                                {"PID", "pid", true},
                                                {"AGE ms", "beat_age_ms", true},
                                                {"TURNS", "turns", true}};
    struct oct_pub s;
    json_t *ctl = NULL;
    (void)arg;
    int rc = oct_cli_shm_join(c, &s, false);
    if (rc != OCT_CLI_OK)
        return rc;
    double timeout = c->timeout_s;
    c->timeout_s = 0.3; /* a dead control must not hold us up */
    bool control = oct_cli_ask(c, "status", NULL, &ctl, true) == OCT_CLI_OK;
    c->timeout_s = timeout;
    json_decref(ctl);
    json_t *v = status_json(&s, control);
    oct_pub_leave(&s);
    if (!oct_cli_json(c, v, NULL)) {
        oct_cli_facts(v, facts, OCT_ARRAY_CNT(facts));
        fputc('\n', stdout);
        oct_cli_table(c, oct_cli_path(v, "dataplane.pulses"), pulses, OCT_ARRAY_CNT(pulses));
    }
    const char *word_now = json_string_value(json_object_get(v, "status"));
    rc = strcmp(word_now, "ok") == 0     ? OCT_CLI_OK
         : strcmp(word_now, "down") == 0 ? OCT_CLI_NOT_RUNNING
                                         : OCT_CLI_DEGRADED;
    json_decref(v);
    return rc;
}

int oct_cli_status(struct oct_cli *c)
{
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, status_once, NULL);
}

/* ---- counters and feed ------------------------------------------------------------------------ */

static json_t *counters_json(const struct oct_pub *s, const char *const *prefix, size_t cnt)
{
    json_t *list = json_array();
    struct oct_counter_row row;
    uint64_t value;
    for (uint32_t i = 0; oct_counters_get(s->counters, i, &row, &value); i++) {
        bool want = cnt == 0;
        for (size_t k = 0; k < cnt; k++)
            want |= strncmp(row.name, prefix[k], strlen(prefix[k])) == 0;
        if (want)
            json_array_append_new(list, json_pack("{s:o, s:o, s:s, s:I, s:o}", "name",
                                                  text_of(row.name, sizeof(row.name)), "labels",
                                                  text_of(row.labels, sizeof(row.labels)), "kind",
                                                  row.kind == OCT_COUNTER_GAUGE ? "gauge" : "total",
                                                  "value", (json_int_t)value, "help",
                                                  text_of(row.help, sizeof(row.help))));
    }
    return list;
}

struct counter_arg {
    const char *prefix[4];
    size_t cnt;
    bool feed;
    bool all; /* zeros, too */
};

/* "line=\"a\"" -> 0, b -> 1, rewind -> 2; -1 for a counter that is no line's. */
static int line_of(const json_t *row)
{
    static const char *const labels[] = {"line=\"a\"", "line=\"b\"", "line=\"rewind\""};
    const char *l = json_string_value(json_object_get(row, "labels"));
    for (int i = 0; l != NULL && i < (int)OCT_ARRAY_CNT(labels); i++)
        if (strcmp(l, labels[i]) == 0)
            return i;
    return -1;
}

/* A row a counter and a column a line; what is zero everywhere is left out unless all is wanted. */
static void feed_tables(const struct oct_cli *c, const json_t *counters, bool all)
{
    static const char *const keys[] = {"a", "b", "rewind"};
    static const struct oct_cli_col by_line[] = {{"COUNTER", "name", false},
                                                 {"LINE A", "a", true},
                                                 {"LINE B", "b", true},
                                                 {"REWIND", "rewind", true}};
    static const struct oct_cli_col rest[] = {{"COUNTER", "name", false}, {"VALUE", "value", true}};
    json_t *lines = json_object(); /* by name, in the order of the table */
    json_t *lined = json_array();
    json_t *others = json_array();
    size_t i;
    json_t *row;
    json_array_foreach(counters, i, row)
    {
        const char *name = json_string_value(json_object_get(row, "name"));
        json_t *value = json_object_get(row, "value");
        int line = line_of(row);
        if (!all && json_integer_value(value) == 0)
            continue;
        if (line < 0) {
            json_array_append(others, row);
            continue;
        }
        json_t *r = json_object_get(lines, name);
        if (r == NULL) {
            r = json_pack("{s:s, s:i, s:i, s:i}", "name", name, "a", 0, "b", 0, "rewind", 0);
            json_object_set_new(lines, name, r);
            json_array_append(lined, r);
        }
        json_object_set(r, keys[line], value);
    }
    oct_cli_table(c, lined, by_line, OCT_ARRAY_CNT(by_line));
    fputc('\n', stdout);
    oct_cli_table(c, others, rest, OCT_ARRAY_CNT(rest));
    json_decref(lines);
    json_decref(lined);
    json_decref(others);
}

static int counters_once(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col cols[] = {
        {"COUNTER", "name", false}, {"LABELS", "labels", false}, {"VALUE", "value", true}};
    const struct counter_arg *a = arg;
    struct oct_pub s;
    int rc = oct_cli_shm_join(c, &s, false);
    if (rc != OCT_CLI_OK)
        return rc;
    json_t *v = json_pack("{s:o}", "counters", counters_json(&s, a->prefix, a->cnt));
    if (a->feed) {
        const struct oct_pub_status *st = s.status;
        json_object_set_new(v, "name", text_of(st->feed, sizeof(st->feed)));
        json_object_set_new(
            v, "state",
            json_string(feed_word(atomic_load_explicit(&st->feed_state, memory_order_relaxed))));
        json_object_set_new(v, "next_seq",
                            id_text(atomic_load_explicit(&st->feed_seq, memory_order_relaxed)));
    }
    oct_pub_leave(&s);
    bool none = json_array_size(json_object_get(v, "counters")) == 0;
    if (!oct_cli_json(c, v, "counters")) {
        static const struct oct_cli_col facts[] = {
            {"feed", "name", false}, {"state", "state", false}, {"next", "next_seq", false}};
        if (a->feed) {
            oct_cli_facts(v, facts, OCT_ARRAY_CNT(facts));
            fputc('\n', stdout);
            feed_tables(c, json_object_get(v, "counters"), a->all);
        } else {
            oct_cli_table(c, json_object_get(v, "counters"), cols, OCT_ARRAY_CNT(cols));
        }
    }
    json_decref(v);
    if (none && !a->feed)
        return oct_cli_fail(c, OCT_CLI_NOT_FOUND, "no_counter", NULL, "no counter begins with %s",
                            a->prefix[0]);
    return OCT_CLI_OK;
}

int oct_cli_counters(struct oct_cli *c)
{
    struct counter_arg a = {0};
    const char *prefix = oct_cli_arg(c);
    if (prefix != NULL)
        a.prefix[a.cnt++] = prefix;
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, counters_once, &a);
}

int oct_cli_feed(struct oct_cli *c)
{
    struct counter_arg a = {.prefix = {"feed_", "lane_", "nic_rx_"}, .cnt = 3, .feed = true};
    const char *verb = oct_cli_arg(c);
    if (verb != NULL && strcmp(verb, "stats") != 0 && strcmp(verb, "show") != 0)
        return oct_cli_usage(c, "feed show or feed stats is wanted, not feed %s", verb);
    a.all = verb != NULL && strcmp(verb, "stats") == 0;
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, counters_once, &a);
}

/* ---- latency ---------------------------------------------------------------------------------- */

static json_t *hist_json(const struct oct_pub_hist *p, struct oct_hist *h)
{
    oct_hist_copy(h, &p->h); /* the lane goes on counting */
    bool none = h->total == 0;
    return json_pack(
        "{s:o, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:f}", "hop", text_of(p->name, sizeof(p->name)),
        "count", (json_int_t)h->total, "p50", (json_int_t)oct_hist_quantile(h, 0.5), "p90",
        (json_int_t)oct_hist_quantile(h, 0.9), "p99", (json_int_t)oct_hist_quantile(h, 0.99),
        "p999", (json_int_t)oct_hist_quantile(h, 0.999), "p9999",
        (json_int_t)oct_hist_quantile(h, 0.9999), "max", (json_int_t)(none ? 0 : h->max_ns), "mean",
        none ? 0.0 : oct_hist_mean(h));
}

static int write_hlog(struct oct_cli *c, const struct oct_pub *s, const char *path,
                      struct oct_hist *h)
{
    FILE *f = fopen(path, "w");
    if (f == NULL)
        return oct_cli_fail(c, OCT_CLI_NEGATIVE, "file", NULL, "%s: %s", path, strerror(errno));
    int rc = 0;
    for (int i = 0; i < OCT_HOP_CNT && rc == 0; i++) {
        char tag[33];
        snprintf(tag, sizeof(tag), "%.32s", s->hists[i].name);
        oct_hist_copy(h, &s->hists[i].h);
        rc = oct_hist_hlog(h, f, tag, s->status->start_ns, oct_utc_ns(), i == 0);
    }
    if (fclose(f) != 0 && rc == 0)
        rc = -errno;
    return rc == 0 ? OCT_CLI_OK
                   : oct_cli_fail(c, OCT_CLI_NEGATIVE, "file", NULL, "%s: %s", path, strerror(-rc));
}

struct latency_arg {
    const char *hop;
    const char *hlog;
};

static int latency_once(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col cols[] = {{"HOP (ns)", "hop", false}, {"COUNT", "count", true},
                                              {"P50", "p50", true},       {"P90", "p90", true},
                                              {"P99", "p99", true},       {"P99.9", "p999", true},
                                              {"P99.99", "p9999", true},  {"MAX", "max", true}};
    const struct latency_arg *a = arg;
    struct oct_pub s;
    int rc = oct_cli_shm_join(c, &s, false);
    if (rc != OCT_CLI_OK)
        return rc;
    struct oct_hist *h = malloc(sizeof(*h));
    if (s.hists == NULL || h == NULL) {
        oct_pub_leave(&s);
        free(h);
        return oct_cli_fail(c, OCT_CLI_NEGATIVE, "no_histograms", NULL,
                            "the dataplane publishes no histograms");
    }
    json_t *list = json_array();
    for (int i = 0; i < OCT_HOP_CNT; i++) {
        if (a->hop == NULL || strncmp(s.hists[i].name, a->hop, sizeof(s.hists[i].name)) == 0)
            json_array_append_new(list, hist_json(&s.hists[i], h));
    }
    json_t *v = json_pack("{s:s, s:o}", "unit", "ns", "hops", list);
    if (a->hlog != NULL)
        rc = write_hlog(c, &s, a->hlog, h);
    if (rc == OCT_CLI_OK && json_array_size(list) == 0)
        rc = oct_cli_fail(c, OCT_CLI_NOT_FOUND, "no_hop", "octopusctl latency shows all of them",
                          "there is no hop %s", a->hop);
    else if (!oct_cli_json(c, v, "hops"))
        oct_cli_table(c, list, cols, OCT_ARRAY_CNT(cols));
    json_decref(v);
    free(h);
    oct_pub_leave(&s);
    return rc;
}

int oct_cli_latency(struct oct_cli *c)
{
    struct latency_arg a = {.hop = oct_cli_take(c, "--hop"), .hlog = oct_cli_take(c, "--hdr")};
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, latency_once, &a);
}

/* ---- errors ----------------------------------------------------------------------------------- */

static int errors_once(struct oct_cli *c, void *arg)
{
    static const struct oct_cli_col cols[] = {{"FAULT", "code", false},  {"TIMES", "times", true},
                                              {"FIRST", "first", false}, {"LAST", "last", false},
                                              {"D0", "detail0", true},   {"D1", "detail1", true},
                                              {"D2", "detail2", true}};
    struct oct_pub s;
    (void)arg;
    int rc = oct_cli_shm_join(c, &s, false);
    if (rc != OCT_CLI_OK)
        return rc;
    json_t *list = json_array();
    for (size_t t = 0; t < OCT_ARRAY_CNT(s.faults); t++) {
        struct oct_fault_row row;
        for (uint32_t i = 0; s.faults[t] != NULL && oct_faults_get(s.faults[t], i, &row); i++)
            json_array_append_new(
                list, json_pack("{s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "code",
                                text_of(row.code, sizeof(row.code)), "times", (json_int_t)row.times,
                                "first", time_text(row.first_ns), "last", time_text(row.last_ns),
                                "detail0", id_text(row.detail[0]), "detail1",
                                id_text(row.detail[1]), "detail2", id_text(row.detail[2])));
    }
    json_t *v = json_pack("{s:o}", "faults", list);
    oct_pub_leave(&s);
    if (!oct_cli_json(c, v, "faults")) {
        if (json_array_size(list) == 0)
            puts("no faults");
        else
            oct_cli_table(c, list, cols, OCT_ARRAY_CNT(cols));
    }
    json_decref(v);
    return OCT_CLI_OK;
}

int oct_cli_errors(struct oct_cli *c)
{
    int rc = oct_cli_done(c);
    return rc != OCT_CLI_OK ? rc : oct_cli_watch(c, errors_once, NULL);
}
