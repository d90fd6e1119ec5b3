#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/recorder_priv.h"

#define REC_SQ_CNT   64u
#define REC_DRAIN_NS (10 * OCT_NS_PER_S)

int rec_io_init(struct oct_recorder *r)
{
    struct iovec iov[REC_BUF_CNT];
    size_t sz = (size_t)REC_BUF_CNT * OCT_BLOCK_MAX + REC_ZERO_SZ;

    void *mem =
        mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (mem == MAP_FAILED)
        return -ENOMEM;
    r->mem = mem;
    r->zeros = r->mem + (size_t)REC_BUF_CNT * OCT_BLOCK_MAX;
    for (uint32_t i = 0; i < REC_BUF_CNT; i++) {
        r->buf[i].p = r->mem + (size_t)i * OCT_BLOCK_MAX;
        iov[i] = (struct iovec){r->buf[i].p, OCT_BLOCK_MAX};
    }
    r->index = calloc(REC_INDEX_MAX, sizeof *r->index);
    if (!r->index)
        return -ENOMEM;
    int err = io_uring_queue_init(REC_SQ_CNT, &r->io, 0);
    if (err)
        return err;
    r->io_open = true;
    /* Refused where little memory may be locked; then the kernel maps them at each write. */
    r->fixed = io_uring_register_buffers(&r->io, iov, REC_BUF_CNT) == 0;
    return 0;
}

static bool in_flight(const struct oct_recorder *r)
{
    bool any = r->syncing | r->spare_busy;

    for (uint32_t i = 0; i < REC_BUF_CNT; i++)
        any |= r->buf[i].in_flight;
    return any;
}

/* Waits until the kernel has done with our memory and our files; what came of it is nobody's any more.
 * False when it does not come to an end. */
static bool drain(struct oct_recorder *r)
{
    int64_t until = oct_mono_ns() + REC_DRAIN_NS;
    struct __kernel_timespec ts = {.tv_nsec = OCT_NS_PER_MS};
    struct io_uring_cqe *cqe;
    unsigned head, n;

    while (in_flight(r)) {
        if (io_uring_sq_ready(&r->io))
            io_uring_submit(&r->io);
        (void)io_uring_wait_cqe_timeout(&r->io, &cqe, &ts);
        n = 0;
        io_uring_for_each_cqe(&r->io, head, cqe)
        {
            uint64_t tag = io_uring_cqe_get_data64(cqe);
            n++;
            r->syncing = r->syncing && tag != REC_TAG_SYNC;
            r->spare_busy = r->spare_busy && tag != REC_TAG_ZERO;
            if (tag < REC_BUF_CNT)
                r->buf[tag].in_flight = false;
        }
        io_uring_cq_advance(&r->io, n);
        if (oct_mono_ns() > until)
            return false;
    }
    return true;
}

void rec_io_fini(struct oct_recorder *r)
{
    if (r->io_open && !drain(r))
        return; /* a disk that does not answer still has the memory */
    if (r->io_open)
        io_uring_queue_exit(&r->io);
    free(r->index);
    if (r->mem)
        munmap(r->mem, (size_t)REC_BUF_CNT * OCT_BLOCK_MAX + REC_ZERO_SZ);
}

static struct io_uring_sqe *get_sqe(struct oct_recorder *r)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->io);

    OCT_ASSERT(sqe); /* at most a write a buffer, a sync and a zero are in flight */
    return sqe;
}

void rec_write(struct oct_recorder *r, struct rec_buf *b)
{
    struct io_uring_sqe *sqe = get_sqe(r);
    uint32_t idx = (uint32_t)(b - r->buf);

    /* What was written of a short write is written again from its last whole 4 KiB. */
    b->done &= ~(OCT_BLOCK_ALIGN - 1);
    uint32_t left = b->sz - b->done;
    if (r->fixed)
        io_uring_prep_write_fixed(sqe, r->fd, b->p + b->done, left, b->off + b->done, (int)idx);
    else
        io_uring_prep_write(sqe, r->fd, b->p + b->done, left, b->off + b->done);
    if (r->cfg.mode == OCT_DURABILITY_STRICT)
        sqe->rw_flags = RWF_DSYNC;
    io_uring_sqe_set_data64(sqe, idx);
    b->in_flight = true;
    b->failed = false;
    b->submit_ns = oct_mono_ns();
}

static void note_time(struct oct_recorder *r, int64_t since_ns)
{
    uint64_t ns = (uint64_t)(oct_mono_ns() - since_ns);

    if (r->cfg.counters && ns > oct_count_get(&r->cfg.counters[OCT_REC_SYNC_NS_MAX]))
        oct_count_set(&r->cfg.counters[OCT_REC_SYNC_NS_MAX], ns);
}

static bool lack_of_room(int err)
{
    return err == ENOSPC || err == EDQUOT || err == EFBIG;
}

static void on_write(struct oct_recorder *r, struct rec_buf *b, int res)
{
    b->in_flight = false;
    if (res == -EINTR || res == -EAGAIN) {
        rec_write(r, b);
        return;
    }
    if (res <= 0) {
        int err = res < 0 ? -res : ENOSPC; /* nothing written and no reason: no room */
        b->failed = true;
        rec_count(r, OCT_REC_WRITE_ERRORS, 1);
        rec_fail(r, err, "journal.write_failed", b->off, !lack_of_room(err));
        return;
    }
    b->done += (uint32_t)res;
    rec_count(r, OCT_REC_FILE_BYTES, (uint64_t)res);
    if (b->done < b->sz)
        rec_write(r, b);
    else
        note_time(r, b->submit_ns);
}

/* Blocks up to `to` are settled in the sense of the mode. */
static void settle_to(struct oct_recorder *r, uint64_t to)
{
    if (to == r->head)
        return;
    uint64_t end = rec_buf_at(r, to - 1)->ring_end;
    r->settled += to - r->head;
    r->head = to;
    /* pairs with the lane's acquire */
    atomic_store_explicit(&r->cfg.ring->durable, end, memory_order_release);
}

static void on_sync(struct oct_recorder *r, int res)
{
    r->syncing = false;
    if (res < 0) { /* what the kernel did with the pages is unknown: never try again */
        rec_count(r, OCT_REC_WRITE_ERRORS, 1);
        rec_fail(r, -res, "journal.sync_failed", r->off, true);
        return;
    }
    rec_count(r, OCT_REC_SYNCS, 1);
    note_time(r, r->sync_ns);
    settle_to(r, r->sync_to);
}

void rec_reap(struct oct_recorder *r)
{
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    if (io_uring_sq_ready(&r->io))
        io_uring_submit(&r->io);
    io_uring_for_each_cqe(&r->io, head, cqe)
    {
        uint64_t tag = io_uring_cqe_get_data64(cqe);
        n++;
        if (tag == REC_TAG_SYNC)
            on_sync(r, cqe->res);
        else if (tag == REC_TAG_ZERO)
            rec_spare_zeroed(r, cqe->res);
        else if (tag < REC_BUF_CNT)
            on_write(r, &r->buf[tag], cqe->res);
    }
    io_uring_cq_advance(&r->io, n);
    while (r->written < r->tail) {
        const struct rec_buf *b = rec_buf_at(r, r->written);
        if (b->in_flight || b->failed || b->done < b->sz)
            break;
        r->written++;
        /* pairs with the lane's watch: what is behind this the ring need not keep for a crash */
        atomic_store_explicit(&r->cfg.ring->recorded, b->ring_end, memory_order_release);
    }
}

void rec_settle(struct oct_recorder *r, int64_t now, bool force)
{
    if (r->cfg.mode != OCT_DURABILITY_GROUP) {
        settle_to(r, r->written);
        return;
    }
    if (r->syncing || r->written == r->head)
        return;
    uint64_t bytes = 0;
    for (uint64_t i = r->head; i < r->written; i++)
        bytes += rec_buf_at(r, i)->sz;
    if (!force && bytes < r->cfg.group_bytes && r->written - r->head < REC_BUF_CNT / 2 &&
        now - rec_buf_at(r, r->head)->oldest_ns < r->cfg.group_ns)
        return;
    struct io_uring_sqe *sqe = get_sqe(r);
    io_uring_prep_fsync(sqe, r->fd, IORING_FSYNC_DATASYNC);
    io_uring_sqe_set_data64(sqe, REC_TAG_SYNC);
    r->syncing = true;
    r->sync_to = r->written;
    r->sync_ns = oct_mono_ns();
}

void rec_retry(struct oct_recorder *r)
{
    bool any = false;

    rec_count(r, OCT_REC_RETRIES, 1);
    for (uint64_t i = r->head; i < r->tail; i++) {
        struct rec_buf *b = rec_buf_at(r, i);
        if (b->failed) {
            rec_write(r, b);
            any = true;
        }
    }
    if (any)
        io_uring_submit(&r->io);
}

void rec_idle(struct oct_recorder *r, int64_t ns)
{
    struct io_uring_cqe *cqe;
    struct __kernel_timespec ts = {.tv_nsec = ns};

    if (io_uring_sq_ready(&r->io))
        io_uring_submit(&r->io);
    (void)io_uring_wait_cqe_timeout(&r->io, &cqe, &ts);
}
