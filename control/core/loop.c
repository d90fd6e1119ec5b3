#include "control/core/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "control/core/loop_priv.h"
#include "dataplane/base/time.h"

#define SQ_CNT   1024u
#define CQ_CNT   8192u
#define IDLE_NS  OCT_NS_PER_S
#define TASK_MAX 64 /* rounds of tasks that queue tasks in one turn */

struct oct_loop {
    struct io_uring ring;
    struct io_uring_buf_ring *br;
    uint8_t *rx; /* OCT_LOOP_RX_CNT buffers */
    struct oct_alarm **heap;
    uint32_t heap_cnt;
    uint32_t heap_cap;
    struct oct_task *tasks;
    struct oct_task **tasks_end;
    int64_t now_ns;
    int64_t utc_ns;
    int error; /* of the ring itself */
    bool stop;
};

static int ring_init(struct io_uring *ring)
{
    /* Newest manners first; an older kernel refuses flags that it does not know. */
    static const unsigned flags[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN,
        IORING_SETUP_COOP_TASKRUN,
        0,
    };
    int rc = -EINVAL;
    for (unsigned i = 0; i < OCT_ARRAY_CNT(flags) && rc == -EINVAL; i++) {
        struct io_uring_params p = {.flags = flags[i] | IORING_SETUP_CQSIZE, .cq_entries = CQ_CNT};
        rc = io_uring_queue_init_params(SQ_CNT, ring, &p);
    }
    return rc;
}

static int rx_init(struct oct_loop *l)
{
    size_t ring_sz = OCT_LOOP_RX_CNT * sizeof(struct io_uring_buf);
    size_t sz = oct_align_up(ring_sz, 4096) + (size_t)OCT_LOOP_RX_CNT * OCT_LOOP_RX_SZ;
    void *mem = mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (mem == MAP_FAILED)
        return -errno;
    l->br = mem;
    l->rx = (uint8_t *)mem + oct_align_up(ring_sz, 4096);
    struct io_uring_buf_reg reg = {
        .ring_addr = (uint64_t)(uintptr_t)mem,
        .ring_entries = OCT_LOOP_RX_CNT,
        .bgid = OCT_LOOP_RX_GROUP,
    };
    int rc = io_uring_register_buf_ring(&l->ring, &reg, 0);
    if (rc < 0) {
        munmap(mem, sz);
        l->br = NULL;
        return rc;
    }
    io_uring_buf_ring_init(l->br);
    for (uint32_t i = 0; i < OCT_LOOP_RX_CNT; i++)
        io_uring_buf_ring_add(l->br, l->rx + (size_t)i * OCT_LOOP_RX_SZ, OCT_LOOP_RX_SZ,
                              (uint16_t)i, io_uring_buf_ring_mask(OCT_LOOP_RX_CNT), (int)i);
    io_uring_buf_ring_advance(l->br, OCT_LOOP_RX_CNT);
    return 0;
}

int oct_loop_create(struct oct_loop **out)
{
    struct oct_loop *l = calloc(1, sizeof(*l));
    if (l == NULL)
        return -ENOMEM;
    l->tasks_end = &l->tasks;
    l->now_ns = oct_mono_ns();
    l->utc_ns = oct_utc_ns();
    int rc = ring_init(&l->ring);
    if (rc < 0)
        goto out_free;
    rc = rx_init(l);
    if (rc < 0)
        goto out_ring;
    *out = l;
    return 0;
out_ring:
    io_uring_queue_exit(&l->ring);
out_free:
    free(l);
    return rc;
}

void oct_loop_destroy(struct oct_loop *l)
{
    if (l == NULL)
        return;
    size_t ring_sz = oct_align_up(OCT_LOOP_RX_CNT * sizeof(struct io_uring_buf), 4096);
    io_uring_queue_exit(&l->ring);
    munmap(l->br, ring_sz + (size_t)OCT_LOOP_RX_CNT * OCT_LOOP_RX_SZ);
    free(l->heap);
    free(l);
}

/* ---- alarms: a binary heap by due time --------------------------------------------------- */

static void heap_put(struct oct_loop *l, uint32_t i, struct oct_alarm *a)
{
    l->heap[i] = a;
    a->place = i + 1;
}

static void heap_up(struct oct_loop *l, uint32_t i, struct oct_alarm *a)
{
    while (i > 0) {
        uint32_t parent = (i - 1) / 2;
        if (l->heap[parent]->due_ns <= a->due_ns)
            break;
        heap_put(l, i, l->heap[parent]);
        i = parent;
    }
    heap_put(l, i, a);
}

static void heap_down(struct oct_loop *l, uint32_t i, struct oct_alarm *a)
{
    for (;;) {
        uint32_t kid = 2 * i + 1;
        if (kid >= l->heap_cnt)
            break;
        if (kid + 1 < l->heap_cnt && l->heap[kid + 1]->due_ns < l->heap[kid]->due_ns)
            kid++;
        if (a->due_ns <= l->heap[kid]->due_ns)
            break;
        heap_put(l, i, l->heap[kid]);
        i = kid;
    }
    heap_put(l, i, a);
}

void oct_loop_alarm_clear(struct oct_loop *l, struct oct_alarm *a)
{
    if (a->place == 0)
        return;
    uint32_t i = a->place - 1;
    OCT_ASSERT(i < l->heap_cnt && l->heap[i] == a);
    struct oct_alarm *last = l->heap[--l->heap_cnt];
    a->place = 0;
    if (last == a)
        return;
    if (last->due_ns < a->due_ns)
        heap_up(l, i, last);
    else
        heap_down(l, i, last);
}

void oct_loop_alarm(struct oct_loop *l, struct oct_alarm *a, int64_t due_ns)
{
    OCT_ASSERT(a->fn != NULL);
    oct_loop_alarm_clear(l, a);
    if (l->heap_cnt == l->heap_cap) {
        uint32_t cap = l->heap_cap == 0 ? 64 : l->heap_cap * 2;
        struct oct_alarm **heap = realloc(l->heap, cap * sizeof(*heap));
        /* Without its alarms the process would hang open connections for ever. */
        OCT_ASSERT(heap != NULL);
        l->heap = heap;
        l->heap_cap = cap;
    }
    a->due_ns = due_ns;
    heap_up(l, l->heap_cnt++, a);
}

static void alarms_fire(struct oct_loop *l)
{
    /* Those set for the past while firing wait for the next turn: no starvation. */
    for (uint32_t n = l->heap_cnt; n > 0 && l->heap_cnt > 0; n--) {
        struct oct_alarm *a = l->heap[0];
        if (a->due_ns > l->now_ns)
            break;
        oct_loop_alarm_clear(l, a);
        a->fn(a);
    }
}

/* ---- tasks ---------------------------------------------------------------------------------- */

void oct_loop_task(struct oct_loop *l, struct oct_task *t)
{
    if (t->queued)
        return;
    t->queued = true;
    t->next = NULL;
    *l->tasks_end = t;
    l->tasks_end = &t->next;
}

static void tasks_run(struct oct_loop *l)
{
    for (int round = 0; l->tasks != NULL && round < TASK_MAX; round++) {
        struct oct_task *t = l->tasks;
        l->tasks = NULL;
        l->tasks_end = &l->tasks;
        while (t != NULL) {
            struct oct_task *next = t->next;
            t->queued = false;
            t->fn(t); /* may free t */
            t = next;
        }
    }
}

/* ---- the ring ------------------------------------------------------------------------------- */

struct io_uring_sqe *oct_loop_sqe(struct oct_loop *l)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&l->ring);
    if (oct_likely(sqe != NULL))
        return sqe;
    int rc = io_uring_submit(&l->ring);
    if (rc < 0)
        l->error = rc;
    sqe = io_uring_get_sqe(&l->ring);
    OCT_ASSERT(sqe != NULL);
    return sqe;
}

void oct_loop_cancel(struct oct_loop *l, struct oct_op *op)
{
    struct io_uring_sqe *sqe = oct_loop_sqe(l);
    io_uring_prep_cancel(sqe, op, 0);
    io_uring_sqe_set_data(sqe, NULL);
}

uint8_t *oct_loop_rx(struct oct_loop *l, uint32_t cqe_flags)
{
    OCT_ASSERT((cqe_flags & IORING_CQE_F_BUFFER) != 0);
    uint32_t id = cqe_flags >> IORING_CQE_BUFFER_SHIFT;
    OCT_ASSERT(id < OCT_LOOP_RX_CNT);
    return l->rx + (size_t)id * OCT_LOOP_RX_SZ;
}

void oct_loop_rx_return(struct oct_loop *l, uint32_t cqe_flags)
{
    uint32_t id = cqe_flags >> IORING_CQE_BUFFER_SHIFT;
    io_uring_buf_ring_add(l->br, oct_loop_rx(l, cqe_flags), OCT_LOOP_RX_SZ, (uint16_t)id,
                          io_uring_buf_ring_mask(OCT_LOOP_RX_CNT), 0);
    io_uring_buf_ring_advance(l->br, 1);
}

static void reap(struct oct_loop *l)
{
    unsigned head;
    unsigned n = 0;
    struct io_uring_cqe *cqe;
    io_uring_for_each_cqe(&l->ring, head, cqe)
    {
        struct oct_op *op = io_uring_cqe_get_data(cqe);
        n++;
        if (op == NULL)
            continue;
        if ((cqe->flags & IORING_CQE_F_MORE) == 0)
            op->pending = false;
        op->fn(op, cqe->res, cqe->flags);
    }
    io_uring_cq_advance(&l->ring, n);
}

int oct_loop_turn(struct oct_loop *l, int64_t wait_ns)
{
    tasks_run(l);
    if (l->tasks != NULL || l->stop)
        wait_ns = 0;
    if (l->heap_cnt > 0) {
        int64_t left = l->heap[0]->due_ns - oct_mono_ns();
        wait_ns = left < wait_ns ? left : wait_ns;
    }
    if (wait_ns < 0)
        wait_ns = 0;
    struct __kernel_timespec ts = {wait_ns / OCT_NS_PER_S, wait_ns % OCT_NS_PER_S};
    struct io_uring_cqe *cqe;
    int rc = io_uring_submit_and_wait_timeout(&l->ring, &cqe, 1, &ts, NULL);
    if (rc < 0 && rc != -ETIME && rc != -EINTR && rc != -EAGAIN && rc != -EBUSY)
        l->error = rc;
    l->now_ns = oct_mono_ns();
    l->utc_ns = oct_utc_ns();
    reap(l);
    alarms_fire(l);
    tasks_run(l);
    return l->error;
}

int oct_loop_run(struct oct_loop *l)
{
    int rc = 0;
    l->stop = false;
    while (!l->stop && rc == 0)
        rc = oct_loop_turn(l, IDLE_NS);
    return rc;
}

void oct_loop_stop(struct oct_loop *l)
{
    l->stop = true;
}

int64_t oct_loop_now(const struct oct_loop *l)
{
    return l->now_ns;
}

int64_t oct_loop_utc(const struct oct_loop *l)
{
    return l->utc_ns;
}

/* ---- polls ---------------------------------------------------------------------------------- */

static void poll_arm(struct oct_poll *p)
{
    struct io_uring_sqe *sqe = oct_loop_sqe(p->loop);
    io_uring_prep_poll_multishot(sqe, p->fd, POLLIN);
    oct_loop_own(sqe, &p->op);
}

static void poll_done(struct oct_op *op, int res, uint32_t flags)
{
    struct oct_poll *p = (struct oct_poll *)op; /* first member */
    (void)flags;
    if (p->off)
        return;
    if (res >= 0)
        p->fn(p);
    if (!op->pending && !p->off && res >= 0)
        poll_arm(p);
}

void oct_loop_poll(struct oct_loop *l, struct oct_poll *p, int fd, void (*fn)(struct oct_poll *))
{
    *p = (struct oct_poll){.op = {.fn = poll_done}, .fn = fn, .loop = l, .fd = fd};
    poll_arm(p);
}

void oct_loop_poll_end(struct oct_poll *p)
{
    if (p->loop == NULL || p->off)
        return;
    p->off = true;
    if (p->op.pending)
        oct_loop_cancel(p->loop, &p->op);
}
