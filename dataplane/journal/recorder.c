#include "dataplane/journal/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/recorder_priv.h"

#define REC_IDLE_MIN_NS  (20 * OCT_NS_PER_US)
#define REC_IDLE_MAX_NS  (500 * OCT_NS_PER_US)
#define REC_BEAT_NS      (10 * OCT_NS_PER_MS)
#define REC_STOP_WAIT_NS (30 * OCT_NS_PER_S)

const struct oct_counter_def oct_recorder_counter_defs[OCT_RECORDER_COUNTER_CNT] = {
    [OCT_REC_RECORDS] = {"journal_records", "Records written to the journal.", OCT_COUNTER_TOTAL},
    [OCT_REC_BYTES] = {"journal_record_bytes", "Bytes of these records.", OCT_COUNTER_TOTAL},
    [OCT_REC_FILE_BYTES] = {"journal_file_bytes", "Bytes written to segments, padding included.",
                            OCT_COUNTER_TOTAL},
    [OCT_REC_BLOCKS] = {"journal_blocks", "Blocks written.", OCT_COUNTER_TOTAL},
    [OCT_REC_SYNCS] = {"journal_syncs", "Syncs of group commit.", OCT_COUNTER_TOTAL},
    [OCT_REC_SEGMENTS] = {"journal_segments", "Segments begun.", OCT_COUNTER_TOTAL},
    [OCT_REC_LAPPED_SLOTS] = {"journal_lapped_slots",
                              "Ring slots overwritten before they were read.", OCT_COUNTER_TOTAL},
    [OCT_REC_WRITE_ERRORS] = {"journal_write_errors", "Writes and syncs that failed.",
                              OCT_COUNTER_TOTAL},
    [OCT_REC_RETRIES] = {"journal_retries", "Times writing was tried again after lack of room.",
                         OCT_COUNTER_TOTAL},
    [OCT_REC_LAG_SLOTS] = {"journal_lag_slots", "Ring slots not yet taken.", OCT_COUNTER_GAUGE},
    [OCT_REC_SYNC_NS_MAX] = {"journal_write_ns_max", "Longest write or sync, nanoseconds.",
                             OCT_COUNTER_GAUGE},
};

/* ---- failure --------------------------------------------------------------------------------- */

void rec_fail(struct oct_recorder *r, int err, const char *what, uint64_t detail, bool final)
{
    r->err = err;
    r->what = what;
    r->final = r->final || final;
    r->retry_at_ns = oct_mono_ns() + r->cfg.retry_ns;
    if (r->cfg.faults)
        oct_fault(r->cfg.faults, what, oct_utc_ns(), (uint64_t)err, detail, r->hdr.first_input);
    atomic_store_explicit(&r->state, OCT_REC_FAILED, memory_order_release);
}

bool rec_is_failed(const struct oct_recorder *r)
{
    return atomic_load_explicit(&r->state, memory_order_relaxed) == OCT_REC_FAILED;
}

/* Whether a failed recorder runs again. */
static bool mend(struct oct_recorder *r, int64_t now)
{
    bool waiting = false;

    if (r->final)
        return false;
    for (uint64_t i = r->head; i < r->tail; i++)
        waiting = waiting || rec_buf_at(r, i)->failed || rec_buf_at(r, i)->in_flight;
    if (waiting) {
        if (now >= r->retry_at_ns) {
            r->retry_at_ns = now + r->cfg.retry_ns;
            rec_retry(r);
        }
        return false;
    }
    if (r->stashed && r->fd < 0 && now < r->retry_at_ns)
        return false; /* no room for a segment: opened again in the turn that follows */
    r->err = 0;
    atomic_store_explicit(&r->state, OCT_REC_RUNNING, memory_order_release);
    return true;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool has_buf(const struct oct_recorder *r)
{
    return r->tail - r->head < REC_BUF_CNT;
}

static uint8_t *block_of(struct oct_recorder *r)
{
    return rec_buf_at(r, r->tail)->p;
}

static void seal(struct oct_recorder *r, uint32_t flags)
{
    struct rec_buf *b = rec_buf_at(r, r->tail);
    struct oct_block_hdr *h = (struct oct_block_hdr *)b->p;

    OCT_ASSERT(has_buf(r) && r->fd >= 0 && !r->ending);
    *h = (struct oct_block_hdr){
        .used = r->used,
        .seq = r->blocks,
        .prev = r->chain,
        .settled = r->settled,
        .run_id = r->cfg.run_id,
        .first_input = r->rec_cnt ? r->first_input : r->last_input,
        .last_input = r->last_input,
        .ring_pos = r->ring_pos,
        .ring_end = r->ring_end,
        .sealed_ns = oct_utc_ns(),
        .rec_cnt = r->rec_cnt,
        .flags = r->flags | flags,
    };
    oct_block_seal(b->p);
    bool sparse = r->index_cnt && r->off < r->index[r->index_cnt - 1].off + OCT_INDEX_STEP;
    if (!sparse && r->index_cnt < REC_INDEX_MAX)
        r->index[r->index_cnt++] = (struct oct_index_entry){h->first_input, r->off};
    r->chain = oct_block_hdr_digest(h);
    r->blocks++;
    b->off = r->off;
    b->sz = h->sz;
    b->done = 0;
    b->ring_end = r->ring_end;
    r->off += h->sz;
    r->ending = (flags & OCT_BLOCK_FINAL) != 0;
    r->tail++;
    r->used = r->rec_cnt = r->flags = 0;
    r->ring_pos = r->ring_end;
    rec_count(r, OCT_REC_BLOCKS, 1);
    rec_write(r, b);
}

/* Counts the record at the end of the block being filled as part of it. */
static void append(struct oct_recorder *r, const struct oct_msg_hdr *m, int64_t now)
{
    if (r->rec_cnt++ == 0) {
        r->first_input = m->input;
        rec_buf_at(r, r->tail)->oldest_ns = now;
    }
    r->used += m->sz;
    r->last_input = m->input;
    rec_count(r, OCT_REC_RECORDS, 1);
    rec_count(r, OCT_REC_BYTES, m->sz);
}

static struct oct_msg_hdr *next_place(struct oct_recorder *r)
{
    return (struct oct_msg_hdr *)(block_of(r) + sizeof(struct oct_block_hdr) + r->used);
}

static bool room(const struct oct_recorder *r)
{
    return sizeof(struct oct_block_hdr) + r->used + OCT_MSG_SZ_MAX <= OCT_BLOCK_MAX;
}

/* The ring was faster than the disk: say so where the records should be. */
static void write_lapped(struct oct_recorder *r, uint64_t lost, int64_t now)
{
    struct oct_discontinuity m = {
        OCT_MSG_HDR(DISCONTINUITY, discontinuity),
        .now_ns = oct_utc_ns(),
        .lost = lost,
    };

    m.hdr.lane = r->cfg.lane;
    m.hdr.input = r->last_input;
    memcpy(next_place(r), &m, sizeof m);
    append(r, &m.hdr, now);
    r->flags |= OCT_BLOCK_LAPPED;
}

static void note_lapped(struct oct_recorder *r, uint64_t lost, int64_t now)
{
    rec_count(r, OCT_REC_LAPPED_SLOTS, lost);
    if (r->cfg.faults)
        oct_fault(r->cfg.faults, "journal.lapped", oct_utc_ns(), lost, r->rd.pos, r->last_input);
    r->ring_end = r->rd.pos;
    if (r->fd >= 0)
        write_lapped(r, lost, now);
    else
        r->pending_lost += lost; /* said at the start of the segment to come */
}

/* ---- intake ---------------------------------------------------------------------------------- */

/* The stashed record opens a segment.  False when it cannot be opened now. */
static bool open_with_stash(struct oct_recorder *r, int64_t now)
{
    const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)r->stash;
    int err = rec_segment_open(r, m->input);

    if (err == -EAGAIN)
        return false; /* zeros are on their way to it */
    if (err) {
        rec_count(r, OCT_REC_WRITE_ERRORS, 1);
        rec_fail(r, -err, "journal.segment_failed", m->input,
                 err != -ENOSPC && err != -EDQUOT && err != -EFBIG);
        return false;
    }
    r->stashed = r->spare_failed = false;
    if (r->pending_lost)
        write_lapped(r, r->pending_lost, now);
    r->pending_lost = 0;
    memcpy(next_place(r), m, m->sz);
    append(r, m, now);
    r->ring_end = r->rd.pos;
    return true;
}

/* Looks at the record just read into its place.  False when the intake must pause. */
static bool take(struct oct_recorder *r, struct oct_msg_hdr *m, int64_t now)
{
    if (oct_msg_class(m->type) != 'J') {
        r->ring_end = r->rd.pos;
        return true;
    }
    if (!oct_msg_valid(m, OCT_MSG_SZ_MAX) || m->input < r->last_input) {
        rec_fail(r, EBADMSG, "journal.bad_record", m->input, true);
        return false;
    }
    bool full = r->fd >= 0 && r->off + r->used >= r->cfg.segment_sz && m->input > r->last_input &&
                oct_msg_is_input(m->type);
    if (r->fd >= 0 && !full) {
        append(r, m, now);
        r->ring_end = r->rd.pos;
        return true;
    }
    memcpy(r->stash, m, m->sz);
    r->stashed = true;
    if (full)
        seal(r, OCT_BLOCK_FINAL);
    return false;
}

static uint32_t fill(struct oct_recorder *r, int64_t now)
{
    uint32_t n = 0;

    if (r->stashed && r->fd < 0 && !open_with_stash(r, now))
        return 0;
    while (n < REC_FILL_BUDGET && !r->stashed && has_buf(r)) {
        if (!room(r)) {
            seal(r, 0);
            continue;
        }
        struct oct_msg_hdr *m = next_place(r);
        uint64_t lapped = r->rd.lapped;
        enum oct_ring_read got = oct_ring_read(&r->rd, m);
        if (got == OCT_RING_EMPTY)
            break;
        n++;
        if (got == OCT_RING_LAPPED)
            note_lapped(r, r->rd.lapped - lapped, now);
        else if (!take(r, m, now))
            break;
    }
    return n;
}

static bool flush_due(const struct oct_recorder *r, int64_t now, bool more, bool stopping)
{
    if (r->rec_cnt == 0 || r->fd < 0 || r->ending || !has_buf(r))
        return false;
    int64_t age = now - r->buf[r->tail % REC_BUF_CNT].oldest_ns;
    switch (r->cfg.mode) {
    case OCT_DURABILITY_STRICT: /* a few at a time, so that what comes meanwhile goes together */
        return stopping || (!more && r->tail - r->head < 4);
    case OCT_DURABILITY_GROUP:
        return stopping || age >= r->cfg.group_ns || r->used >= r->cfg.group_bytes;
    default:
        return stopping || age >= r->cfg.flush_ns;
    }
}

static void publish(struct oct_recorder *r)
{
    uint64_t head = atomic_load_explicit(&r->cfg.ring->head, memory_order_relaxed);

    /* Published records that need no disk count as written when nothing before them waits. */
    if (r->rec_cnt == 0 && !r->stashed) {
        if (r->written == r->tail)
            atomic_store_explicit(&r->cfg.ring->recorded, r->ring_end, memory_order_release);
        if (r->head == r->tail)
            atomic_store_explicit(&r->cfg.ring->durable, r->ring_end, memory_order_release);
    }
    if (r->cfg.counters)
        oct_count_set(&r->cfg.counters[OCT_REC_LAG_SLOTS], head - r->rd.pos);
}

/* One turn; finish: end the segment when the ring is empty.  Returns records taken. */
static uint32_t turn(struct oct_recorder *r, bool finish)
{
    int64_t now = oct_mono_ns();

    rec_reap(r);
    if (!r->final)
        rec_settle(r, now, r->ending || finish);
    if (rec_is_failed(r) && !mend(r, now))
        return 0;
    uint32_t n = r->ending ? 0 : fill(r, now);
    if (flush_due(r, now, n == REC_FILL_BUDGET, finish))
        seal(r, 0);
    /* The final block knows that all before it is settled: what is wrong there later is damage. */
    bool dry = finish && n == 0 && !r->stashed && r->rec_cnt == 0 && r->head == r->tail;
    if (dry && r->fd >= 0 && !r->ending && !rec_is_failed(r))
        seal(r, OCT_BLOCK_FINAL);
    if (r->ending && r->head == r->tail && !r->syncing) {
        int err = rec_segment_end(r);
        if (err)
            rec_fail(r, -err, "journal.sync_failed", r->off, true);
    }
    if (!rec_is_failed(r) && !finish && r->fd >= 0 && r->off > r->cfg.segment_sz / 4 &&
        !r->spare_failed)
        r->spare_failed = rec_spare_work(r, false) != 0;
    if (io_uring_sq_ready(&r->io))
        io_uring_submit(&r->io);
    if (!rec_is_failed(r))
        publish(r);
    return n;
}

static void beat(struct oct_recorder *r)
{
    struct oct_pulse *p = r->cfg.pulse;

    if (!p)
        return;
    atomic_store_explicit(&p->beat_ns, oct_utc_ns(), memory_order_relaxed);
    atomic_store_explicit(&p->turns, atomic_load_explicit(&p->turns, memory_order_relaxed) + 1,
                          memory_order_relaxed);
    atomic_store_explicit(&p->state,
                          (uint32_t)atomic_load_explicit(&r->state, memory_order_relaxed),
                          memory_order_relaxed);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Everything is written, settled and closed; or it cannot be. */
static bool finished(const struct oct_recorder *r)
{
    return r->fd < 0 && !r->stashed && r->rec_cnt == 0 && r->head == r->tail;
}

static void finish(struct oct_recorder *r)
{
    int64_t until = oct_mono_ns() + REC_STOP_WAIT_NS;

    for (;;) {
        uint32_t n = turn(r, true);
        beat(r);
        if (n == 0 && (finished(r) || rec_is_failed(r) || oct_mono_ns() > until))
            return;
        if (n == 0)
            rec_idle(r, REC_IDLE_MIN_NS);
    }
}

static void *run(void *arg)
{
    struct oct_recorder *r = arg;
    int64_t idle_ns = REC_IDLE_MIN_NS, beat_at = 0;
    int stop;

    if (r->cfg.core >= 0) {
        cpu_set_t set;
        CPU_ZERO(&set);
        CPU_SET((size_t)r->cfg.core, &set);
        (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set);
    }
    while (!(stop = atomic_load_explicit(&r->stop, memory_order_acquire))) {
        uint32_t n = turn(r, false);
        int64_t now = oct_mono_ns();
        if (now >= beat_at) {
            beat(r);
            beat_at = now + REC_BEAT_NS;
        }
        if (n) {
            idle_ns = REC_IDLE_MIN_NS;
        } else if (!r->cfg.busy) {
            rec_idle(r, idle_ns);
            idle_ns = idle_ns * 2 > REC_IDLE_MAX_NS ? REC_IDLE_MAX_NS : idle_ns * 2;
        } else {
            __builtin_ia32_pause();
        }
    }
    if (stop == 1)
        finish(r);
    return NULL;
}

uint32_t oct_recorder_poll(struct oct_recorder *r)
{
    OCT_ASSERT(!r->threaded);
    int idle = OCT_REC_IDLE;
    atomic_compare_exchange_strong(&r->state, &idle, OCT_REC_RUNNING);
    uint32_t n = turn(r, false);
    beat(r);
    return n;
}

int oct_recorder_start(struct oct_recorder *r)
{
    OCT_ASSERT(!r->threaded);
    atomic_store(&r->state, OCT_REC_RUNNING);
    int err = pthread_create(&r->thread, NULL, run, r);
    r->threaded = err == 0;
    return -err;
}

int oct_recorder_stop(struct oct_recorder *r)
{
    atomic_store_explicit(&r->stop, 1, memory_order_release);
    if (r->threaded)
        pthread_join(r->thread, NULL);
    else
        finish(r);
    r->threaded = false;
    if (!finished(r))
        return r->err ? -r->err : -ETIMEDOUT;
    rec_spare_drop(r);
    atomic_store(&r->state, OCT_REC_STOPPED);
    beat(r);
    return 0;
}

void oct_recorder_abandon(struct oct_recorder *r)
{
    atomic_store_explicit(&r->stop, 2, memory_order_release);
    if (r->threaded)
        pthread_join(r->thread, NULL);
    r->threaded = false;
}

enum oct_rec_state oct_recorder_state(const struct oct_recorder *r)
{
    return (enum oct_rec_state)atomic_load_explicit(&r->state, memory_order_acquire);
}

int oct_recorder_error(const struct oct_recorder *r, const char **what)
{
    if (what)
        *what = r->what;
    return r->err;
}

/* ---- life ------------------------------------------------------------------------------------ */

static int fill_defaults(struct oct_recorder *r)
{
    struct oct_recorder_cfg *c = &r->cfg;

    c->group_ns = c->group_ns ? c->group_ns : 2 * OCT_NS_PER_MS;
    c->group_bytes = c->group_bytes ? c->group_bytes : 1u << 20;
    c->flush_ns = c->flush_ns ? c->flush_ns : 2 * OCT_NS_PER_MS;
    c->retry_ns = c->retry_ns ? c->retry_ns : OCT_NS_PER_S;
    c->segment_sz = c->segment_sz ? c->segment_sz : 64u << 20;
    c->layout_hash = c->layout_hash ? c->layout_hash : oct_msg_layout_hash();
    if (!c->dir || !c->ring || c->group_ns < 0 || c->flush_ns < 0 || c->retry_ns < 0 ||
        c->segment_sz < 1u << 20 || c->segment_sz > UINT64_C(1) << 32 ||
        c->mode > OCT_DURABILITY_STRICT || (c->dict && strlen(c->dict) >= sizeof r->dict))
        return -EINVAL;
    if (strlen(c->dir) >= sizeof r->dir)
        return -ENAMETOOLONG;
    c->segment_sz = oct_align_up(c->segment_sz, REC_ZERO_SZ);
    snprintf(r->dir, sizeof r->dir, "%s", c->dir);
    if (c->dict)
        memcpy(r->dict, c->dict, strlen(c->dict));
    r->direct = !c->no_direct;
    return 0;
}

/* Takes the directory for this recorder alone and continues where its journal ends. */
static int take_over(struct oct_recorder *r)
{
    struct oct_journal_end end;
    char path[256];

    if (mkdir(r->dir, 0750) && errno != EEXIST)
        return -errno;
    snprintf(path, sizeof path, "%s/%u.lock", r->dir, r->cfg.lane);
    r->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (r->lock_fd < 0)
        return -errno;
    if (flock(r->lock_fd, LOCK_EX | LOCK_NB))
        return -EBUSY;
    int err = oct_journal_last(r->dir, r->cfg.lane, &end, NULL);
    if (err)
        return err;
    if (end.segments && end.blocks == 0)
        return -EUCLEAN; /* its name would be in the way: repair removes it */
    r->serial = end.serial;
    r->hdr = end.hdr;
    r->blocks = end.blocks;
    r->chain = end.hash;
    r->last_input = end.last_input;
    return 0;
}

int oct_recorder_create(const struct oct_recorder_cfg *cfg, struct oct_recorder **out)
{
    struct oct_recorder *r = calloc(1, sizeof *r);

    if (!r)
        return -ENOMEM;
    r->cfg = *cfg;
    r->fd = r->spare_fd = r->lock_fd = -1;
    int err = fill_defaults(r);
    if (!err)
        err = take_over(r);
    if (!err)
        err = rec_io_init(r);
    if (!err)
        err = rec_spare_work(r, true);
    if (err) {
        oct_recorder_destroy(r);
        return err;
    }
    oct_ring_reader_init(&r->rd, cfg->ring, true);
    r->ring_pos = r->ring_end = r->rd.pos;
    *out = r;
    return 0;
}

void oct_recorder_destroy(struct oct_recorder *r)
{
    if (!r)
        return;
    OCT_ASSERT(!r->threaded);
    rec_io_fini(r);
    rec_spare_drop(r);
    if (r->fd >= 0)
        close(r->fd);
    if (r->lock_fd >= 0)
        close(r->lock_fd);
    free(r);
}
