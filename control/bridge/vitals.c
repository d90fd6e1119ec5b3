#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "control/bridge/bridge_priv.h"

static const struct oct_pub *pub(const void *self)
{
    return &((const struct oct_bridge *)self)->shm.pub;
}

static bool attached(void *self)
{
    return ((const struct oct_bridge *)self)->shm.attached;
}

/* Text of another process: ended here, whatever it holds. */
static void text(char *out, size_t out_sz, const char *in, size_t in_sz)
{
    size_t n = in_sz < out_sz - 1 ? in_sz : out_sz - 1;
    memcpy(out, in, n);
    out[n] = '\0';
    for (char *p = out; *p != '\0'; p++) {
        if (*p < ' ' || *p > '~')
            *p = '?';
    }
}

static bool status(void *self, struct oct_vitals_status *out)
{
    const struct oct_pub_status *s = pub(self)->status;
    if (s == NULL)
        return false;
    *out = (struct oct_vitals_status){
        .run_id = s->run_id,
        .config_hash = s->config_hash,
        .build_id = s->build_id,
        .start_ns = s->start_ns,
        .midnight_ns = s->midnight_ns,
        .memory_sz = s->memory_sz,
        .input = atomic_load_explicit(&s->input, memory_order_relaxed),
        .now_ns = atomic_load_explicit(&s->now_ns, memory_order_relaxed),
        .feed_seq = atomic_load_explicit(&s->feed_seq, memory_order_relaxed),
        .inst_cnt = s->inst_cnt,
        .lane_core = s->lane_core,
        .session_state = atomic_load_explicit(&s->session_state, memory_order_relaxed),
        .ladder = atomic_load_explicit(&s->ladder, memory_order_relaxed),
        .feed_state = atomic_load_explicit(&s->feed_state, memory_order_relaxed),
        .huge_pages = s->huge_pages,
        .sealed = s->sealed,
    };
    text(out->version, sizeof(out->version), s->version, sizeof(s->version));
    text(out->instance, sizeof(out->instance), s->instance, sizeof(s->instance));
    text(out->feed, sizeof(out->feed), s->feed, sizeof(s->feed));
    text(out->venue, sizeof(out->venue), s->venue, sizeof(s->venue));
    return true;
}

/* Rows of the table, then one for each message type that was seen. */
static bool counter(void *self, uint32_t idx, struct oct_vitals_counter *out)
{
    const struct oct_pub *s = pub(self);
    struct oct_counter_row row;
    uint32_t cnt = s->counters != NULL ? oct_counters_cnt(s->counters) : 0;
    *out = (struct oct_vitals_counter){.kind = OCT_COUNTER_TOTAL};
    if (idx < cnt) {
        if (!oct_counters_get(s->counters, idx, &row, &out->value))
            return false;
        text(out->name, sizeof(out->name), row.name, sizeof(row.name));
        text(out->labels, sizeof(out->labels), row.labels, sizeof(row.labels));
        text(out->help, sizeof(out->help), row.help, sizeof(row.help));
        out->kind = row.kind == OCT_COUNTER_GAUGE ? OCT_COUNTER_GAUGE : OCT_COUNTER_TOTAL;
        return true;
    }
    uint32_t type = idx - cnt;
    if (s->types == NULL || type > 255)
        return false;
    out->value = oct_count_get(&s->types[type]);
    if (out->value == 0 || type <= ' ' || type > '~' || type == '"' || type == '\\')
        return true; /* without a name: nothing to show */
    snprintf(out->name, sizeof(out->name), "feed_messages_by_type");
    snprintf(out->labels, sizeof(out->labels), "type=\"%c\"", (char)type);
    snprintf(out->help, sizeof(out->help), "Market-data messages by type as on the wire.");
    return true;
}

static bool hist(void *self, uint32_t idx, const char **name, struct oct_hist *out)
{
    static char names[OCT_HOP_CNT][33];
    const struct oct_pub *s = pub(self);
    if (s->hists == NULL || idx >= OCT_HOP_CNT)
        return false;
    text(names[idx], sizeof(names[idx]), s->hists[idx].name, sizeof(s->hists[idx].name));
    for (char *p = names[idx]; *p != '\0'; p++) {
        if (!((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9')))
            *p = '_';
    }
    *name = names[idx];
    oct_hist_copy(out, &s->hists[idx].h);
    return true;
}

static bool fault(void *self, uint32_t idx, struct oct_vitals_fault *out)
{
    const struct oct_pub *s = pub(self);
    for (size_t i = 0; i < OCT_ARRAY_CNT(s->faults); i++) {
        struct oct_fault_row row;
        uint32_t cnt = s->faults[i] != NULL ? oct_faults_cnt(s->faults[i]) : 0;
        if (idx >= cnt) {
            idx -= cnt;
            continue;
        }
        if (!oct_faults_get(s->faults[i], idx, &row))
            return false;
        *out = (struct oct_vitals_fault){
            .times = row.times, .first_ns = row.first_ns, .last_ns = row.last_ns};
        text(out->code, sizeof(out->code), row.code, sizeof(row.code));
        memcpy(out->detail, row.detail, sizeof(out->detail));
        return true;
    }
    return false;
}

static bool pulse(void *self, uint32_t idx, struct oct_vitals_pulse *out)
{
    static const char *const names[OCT_PULSE_CNT] = {
        [OCT_PULSE_LANE] = "lane",
        [OCT_PULSE_RECORDER] = "recorder",
    };
    const struct oct_pulse *p = pub(self)->pulses;
    if (p == NULL || idx >= OCT_PULSE_CNT)
        return false;
    *out = (struct oct_vitals_pulse){
        .name = names[idx],
        .beat_ns = atomic_load_explicit(&p[idx].beat_ns, memory_order_relaxed),
        .turns = atomic_load_explicit(&p[idx].turns, memory_order_relaxed),
        .pid = atomic_load_explicit(&p[idx].pid, memory_order_relaxed),
        .state = atomic_load_explicit(&p[idx].state, memory_order_relaxed),
    };
    return true;
}

static uint64_t lag(void *self)
{
    const struct oct_bridge *b = self;
    const struct oct_pub_status *s = b->shm.pub.status;
    if (s == NULL)
        return 0;
    uint64_t input = atomic_load_explicit(&s->input, memory_order_relaxed);
    return input > b->cfg.mirror->input ? input - b->cfg.mirror->input : 0;
}

static int command(void *self, struct oct_in_cmd *cmd)
{
    struct oct_bridge *b = self;
    if (!b->shm.attached || !b->shm.link_ok)
        return -ENOTCONN;
    cmd->cmd_id = b->next_cmd;
    int rc = oct_link_publish(&b->shm.link, &cmd->hdr);
    if (rc == 0)
        b->next_cmd++;
    return rc;
}

void oct_bridge_vitals_init(struct oct_bridge *b)
{
    b->vitals = (struct oct_vitals){
        .attached = attached,
        .status = status,
        .counter = counter,
        .hist = hist,
        .fault = fault,
        .pulse = pulse,
        .lag = lag,
        .command = command,
        .self = b,
    };
}
