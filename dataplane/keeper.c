#include "dataplane/keeper.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/log.h"
#include "dataplane/base/time.h"
#include "dataplane/journal/recorder.h"

#define TURN_NS     OCT_NS_PER_MS
#define PROGRESS_NS OCT_NS_PER_S

/* What is reported is on disk first; when it cannot be, nothing is reported. */
static void sync_state(struct oct_keeper *k)
{
    int got = oct_state_sync(k->state);

    if (got < 0) {
        if (got != k->state_err) /* once, not a thousand times a second */
            oct_log(
                OCT_LOG_ERROR, "state.sync",
                "ladder.state cannot be written: %s; changes of the ladder are in force and are "
                "not told until it can",
                strerror(-got));
        k->state_err = got;
        return;
    }
    k->state_err = 0;
    if (got > 0)
        atomic_store_explicit(&k->src->instance->status->ladder, k->state->now.firm,
                              memory_order_release);
}

/* The newest of the recorder's faults: its code and errno. */
static int recorder_fault(const struct oct_keeper *k, struct oct_fault_row *newest)
{
    struct oct_fault_row row;

    memset(newest, 0, sizeof *newest);
    for (uint32_t i = 0; i < oct_faults_cnt(k->src->instance->recorder_faults); i++)
        if (oct_faults_get(k->src->instance->recorder_faults, i, &row) &&
            strcmp(row.code, "journal.lapped") != 0 && row.last_ns >= newest->last_ns)
            *newest = row;
    return (int)newest->detail[0];
}

static void tell_recorder(struct oct_keeper *k)
{
    const struct oct_pulse *p = &k->src->instance->pulses[OCT_PULSE_RECORDER];
    uint32_t now = atomic_load_explicit(&p->state, memory_order_relaxed);
    struct oct_fault_row row;

    if (now == k->recorder_state || !k->src->journal_dir)
        return;
    if (now == OCT_REC_FAILED) {
        int err = recorder_fault(k, &row);
        bool room = err == ENOSPC || err == EDQUOT || err == EFBIG;
        oct_log(
            OCT_LOG_ERROR, row.code[0] ? row.code : "journal.failed",
            "%s: %s. The ring keeps what comes: new orders are refused when it is 7/8 full, and "
            "when it overflows the lane is HALTED. %s",
            k->src->journal_dir, strerror(err),
            room ? "Free space there: writing goes on by itself within a second"
                 : "It is not tried again: stop the dataplane, mend the disk, start it again");
    } else if (k->recorder_state == OCT_REC_FAILED && now == OCT_REC_RUNNING) {
        oct_log(OCT_LOG_INFO, "journal.resumed", "%s: writing goes on where it stood",
                k->src->journal_dir);
    }
    k->recorder_state = now;
}

/* The alarm for people: the lane itself never logs. */
static void tell_control(struct oct_keeper *k)
{
    const struct oct_pub_status *s = k->src->instance->status;
    uint32_t now = atomic_load_explicit(&s->control_state, memory_order_relaxed);

    if (now == OCT_CONTROL_SILENT && k->control_state != now)
        oct_log(OCT_LOG_WARN, "control.silent",
                "the control process gives no sign of life: limits are frozen; orders go on as "
                "risk.on_control_silent says");
    else if (now == OCT_CONTROL_ALIVE && k->control_state == OCT_CONTROL_SILENT)
        oct_log(OCT_LOG_INFO, "control.back", "the control process is back");
    k->control_state = now;
}

static void ask_clock(struct oct_keeper *k)
{
    int64_t now = oct_mono_ns();

    if (now < k->clock_at_ns)
        return;
    k->clock_at_ns = now + OCT_NS_PER_S;
    atomic_store_explicit(k->clock_error_ns, oct_clock_told_error_ns(), memory_order_relaxed);
}

static void take_position(struct oct_keeper *k, const struct oct_position *p)
{
    uint32_t i = 0;

    if (p->strategy == OCT_STRATEGY_NONE)
        return;
    while (i < k->pos_cnt && (k->pos[i].inst != p->inst || k->pos[i].strategy != p->strategy))
        i++;
    if (i == OCT_ARRAY_CNT(k->pos))
        return; /* more than a screen can show */
    if (i == k->pos_cnt)
        k->pos_cnt++;
    k->pos[i].inst = p->inst;
    k->pos[i].strategy = p->strategy;
    k->pos[i].pnl = oct_money_unpack(p->pnl);
}

static void read_ring(struct oct_keeper *k)
{
    _Alignas(8) uint8_t buf[OCT_MSG_SZ_MAX];
    const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)buf;
    enum oct_ring_read got;

    for (unsigned n = 0; n < 65536 && (got = oct_ring_read(&k->reader, buf)) != OCT_RING_EMPTY; n++)
        if (got == OCT_RING_RECORD && m->type == OCT_POSITION)
            take_position(k, (const struct oct_position *)m);
}

static void show(struct oct_keeper *k)
{
    char line[512];
    oct_money pnl = {0};

    for (uint32_t i = 0; i < k->pos_cnt; i++)
        pnl.v += k->pos[i].pnl.v;
    oct_summary_progress(k->src, pnl, line, sizeof line);
    fprintf(stderr, isatty(2) ? "\r%s\033[K" : "%s\n", line);
}

static void *run(void *arg)
{
    struct oct_keeper *k = arg;
    const struct timespec nap = {0, TURN_NS};
    int64_t show_at = oct_mono_ns() + PROGRESS_NS;

    while (!atomic_load_explicit(&k->stop, memory_order_relaxed)) {
        sync_state(k);
        tell_control(k);
        tell_recorder(k);
        ask_clock(k);
        if (k->progress) {
            read_ring(k);
            if (oct_mono_ns() >= show_at) {
                show_at += PROGRESS_NS;
                show(k);
            }
        }
        nanosleep(&nap, NULL);
    }
    sync_state(k);
    if (k->progress) {
        read_ring(k);
        show(k);
        if (isatty(2))
            fprintf(stderr, "\n");
    }
    return NULL;
}

int oct_keeper_start(struct oct_keeper *k, struct oct_state *state,
                     const struct oct_summary_src *src, _Atomic int64_t *clock_error_ns,
                     bool progress)
{
    memset(k, 0, sizeof *k);
    k->state = state;
    k->clock_error_ns = clock_error_ns;
    k->src = src;
    k->progress = progress;
    oct_ring_reader_init(&k->reader, src->instance->ring, true);
    int err = pthread_create(&k->thread, NULL, run, k);
    k->running = err == 0;
    return -err;
}

void oct_keeper_stop(struct oct_keeper *k)
{
    if (!k->running)
        return;
    atomic_store_explicit(&k->stop, 1, memory_order_relaxed);
    pthread_join(k->thread, NULL);
    k->running = false;
}
