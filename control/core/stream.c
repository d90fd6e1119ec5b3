#include "control/core/stream.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control/core/loop_priv.h"
#include "control/core/tls.h"
#include "dataplane/base/time.h"

#define DRAIN_NS       (10 * OCT_NS_PER_S) /* for what is pending when we close */
#define LINGER_NS      (2 * OCT_NS_PER_S)
#define LINGER_DROP_SZ (1u << 20)  /* input dropped while closing before we lose patience */
#define KEEP_SZ        (16u << 10) /* buffer memory an idle connection keeps */
#define TLS_READ_SZ    16384u

enum phase {
    OPEN,
    DRAINING,  /* closing: what is pending goes out first */
    LINGERING, /* our side is shut; waiting for the peer's */
    DEAD,      /* nothing more is sent or delivered; goes when no op is in flight */
};

struct oct_stream {
    struct oct_op recv;
    struct oct_op send;
    struct oct_task task; /* flush, or the next step of closing */
    struct oct_alarm linger;
    struct oct_loop *loop;
    const struct oct_stream_ops *ops;
    void *self;
    struct oct_tls *tls;
    struct oct_buf out;  /* plain bytes being collected */
    struct oct_buf wire; /* bytes on their way to the kernel */
    size_t wire_off;     /* of them, taken */
    size_t dropped;
    int fd;
    enum phase phase;
    bool paused;
    bool eof;
    bool shut; /* socket was shut to make ops complete */
};

static void recv_arm(struct oct_stream *s, bool poll_first)
{
    if (s->recv.pending || s->paused || s->eof || s->phase == DEAD)
        return;
    struct io_uring_sqe *sqe = oct_loop_sqe(s->loop);
    io_uring_prep_recv(sqe, s->fd, NULL, OCT_LOOP_RX_SZ, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = OCT_LOOP_RX_GROUP;
    if (poll_first)
        sqe->ioprio |= IORING_RECVSEND_POLL_FIRST;
    oct_loop_own(sqe, &s->recv);
}

static void send_arm(struct oct_stream *s)
{
    struct io_uring_sqe *sqe = oct_loop_sqe(s->loop);
    io_uring_prep_send(sqe, s->fd, s->wire.p + s->wire_off, s->wire.sz - s->wire_off,
                       MSG_NOSIGNAL | MSG_WAITALL);
    oct_loop_own(sqe, &s->send);
}

static void die(struct oct_stream *s)
{
    s->phase = DEAD;
    oct_loop_task(s->loop, &s->task);
}

/* Moves collected bytes to the wire, encrypting on the way. */
static void wire_fill(struct oct_stream *s)
{
    if (s->tls == NULL) {
        struct oct_buf t = s->wire;
        s->wire = s->out;
        s->out = t;
        s->out.max = s->wire.max;
        oct_buf_reset(&s->out);
        return;
    }
    if (s->out.sz > 0) {
        int rc = oct_tls_write(s->tls, s->out.p, s->out.sz);
        if (rc == 0)
            oct_buf_reset(&s->out);
        else if (rc != -EAGAIN)
            die(s);
    }
    oct_tls_take(s->tls, &s->wire);
}

static void flush_now(struct oct_stream *s)
{
    if (s->phase == DEAD || s->phase == LINGERING || s->send.pending)
        return;
    if (s->out.failed) { /* no memory for what should have been sent: the peer would see a hole */
        die(s);
        return;
    }
    s->wire_off = 0;
    oct_buf_reset(&s->wire);
    wire_fill(s);
    if (s->wire.failed)
        die(s);
    else if (s->wire.sz > 0 && s->phase != DEAD)
        send_arm(s);
}

static void teardown(struct oct_stream *s)
{
    if (s->recv.pending || s->send.pending) {
        if (!s->shut) {
            s->shut = true;
            shutdown(s->fd, SHUT_RDWR);
        }
        return; /* their completions bring us back */
    }
    oct_loop_alarm_clear(s->loop, &s->linger);
    close(s->fd);
    s->ops->closed(s->self);
    OCT_ASSERT(!s->task.queued);
    oct_tls_destroy(s->tls);
    oct_buf_fini(&s->out);
    oct_buf_fini(&s->wire);
    free(s);
}

static void linger_done(struct oct_alarm *a)
{
    die((struct oct_stream *)((char *)a - offsetof(struct oct_stream, linger)));
}

static void task_run(struct oct_task *t)
{
    struct oct_stream *s = (struct oct_stream *)((char *)t - offsetof(struct oct_stream, task));
    if (s->phase != DEAD)
        flush_now(s);
    if (s->phase == DRAINING && s->send.pending && s->linger.place == 0)
        oct_loop_alarm(s->loop, &s->linger, oct_loop_now(s->loop) + DRAIN_NS);
    if (s->phase == DRAINING && !s->send.pending) {
        s->phase = LINGERING;
        shutdown(s->fd, SHUT_WR);
        if (s->eof) {
            die(s);
        } else {
            oct_loop_alarm(s->loop, &s->linger, oct_loop_now(s->loop) + LINGER_NS);
            s->paused = false;
            recv_arm(s, true);
        }
    }
    if (s->phase == DEAD && !t->queued) /* queued: we run once more, and end then */
        teardown(s);
}

static void tls_data(struct oct_stream *s, const uint8_t *p, size_t sz)
{
    uint8_t plain[TLS_READ_SZ];
    if (oct_tls_feed(s->tls, p, sz) != 0) {
        die(s);
        return;
    }
    for (;;) {
        int n = oct_tls_read(s->tls, plain, sizeof(plain));
        if (n > 0 && s->phase == OPEN) {
            s->ops->data(s->self, plain, (size_t)n);
        } else if (n <= 0) {
            if (n == -EPIPE)
                s->eof = true;
            else if (n < 0 && s->phase == OPEN)
                s->phase = DRAINING; /* the alert goes out, then it ends */
            break;
        }
    }
    oct_loop_task(s->loop, &s->task); /* handshake and alerts */
}

static void recv_bytes(struct oct_stream *s, const uint8_t *p, size_t sz)
{
    if (s->phase == OPEN) {
        if (s->tls != NULL)
            tls_data(s, p, sz);
        else
            s->ops->data(s->self, p, sz);
        return;
    }
    s->dropped += sz;
    if (s->dropped > LINGER_DROP_SZ)
        die(s);
}

static void recv_done(struct oct_op *op, int res, uint32_t flags)
{
    struct oct_stream *s = (struct oct_stream *)((char *)op - offsetof(struct oct_stream, recv));
    if (res > 0)
        recv_bytes(s, oct_loop_rx(s->loop, flags), (size_t)res);
    if ((flags & IORING_CQE_F_BUFFER) != 0)
        oct_loop_rx_return(s->loop, flags);
    if (res == 0) {
        s->eof = true;
    } else if (res < 0 && res != -ENOBUFS && res != -EINTR && res != -EAGAIN) {
        s->eof = true;
        s->phase = DEAD;
    }
    if (s->eof && s->phase != DEAD) {
        /* A half-closed client still gets what it asked for, and nothing more. */
        s->phase = s->phase == LINGERING ? DEAD : DRAINING;
    }
    if (s->phase == DEAD || s->phase == DRAINING)
        oct_loop_task(s->loop, &s->task);
    recv_arm(s, res < (int)OCT_LOOP_RX_SZ);
}

static void send_done(struct oct_op *op, int res, uint32_t flags)
{
    struct oct_stream *s = (struct oct_stream *)((char *)op - offsetof(struct oct_stream, send));
    (void)flags;
    if (s->phase == DEAD || (res < 0 && res != -EINTR && res != -EAGAIN)) {
        die(s);
        return;
    }
    s->wire_off += res > 0 ? (size_t)res : 0;
    if (s->wire_off < s->wire.sz) {
        send_arm(s);
        return;
    }
    s->wire_off = 0;
    oct_buf_reset(&s->wire);
    if (s->out.sz == 0) {
        oct_buf_trim(&s->wire, KEEP_SZ);
        oct_buf_trim(&s->out, KEEP_SZ);
        if (s->phase == OPEN && s->ops->drained != NULL)
            s->ops->drained(s->self);
    }
    if (s->out.sz > 0 || s->phase != OPEN)
        oct_loop_task(s->loop, &s->task);
}

struct oct_stream *oct_stream_new(struct oct_loop *l, int fd, struct oct_tls_ctx *tls,
                                  const struct oct_stream_ops *ops, void *self)
{
    struct oct_stream *s = calloc(1, sizeof(*s));
    if (s != NULL && tls != NULL) {
        s->tls = oct_tls_create(tls);
        if (s->tls == NULL) {
            free(s);
            s = NULL;
        }
    }
    if (s == NULL) {
        close(fd);
        return NULL;
    }
    s->recv.fn = recv_done;
    s->send.fn = send_done;
    s->task.fn = task_run;
    s->linger.fn = linger_done;
    s->loop = l;
    s->ops = ops;
    s->self = self;
    s->fd = fd;
    recv_arm(s, false);
    return s;
}

void oct_stream_own(struct oct_stream *s, const struct oct_stream_ops *ops, void *self)
{
    s->ops = ops;
    s->self = self;
}

struct oct_buf *oct_stream_out(struct oct_stream *s)
{
    return &s->out;
}

void oct_stream_flush(struct oct_stream *s)
{
    if (s->phase == OPEN || s->phase == DRAINING)
        oct_loop_task(s->loop, &s->task);
}

size_t oct_stream_pending(const struct oct_stream *s)
{
    return s->out.sz + (s->wire.sz - s->wire_off);
}

size_t oct_stream_queued(const struct oct_stream *s)
{
    return s->out.sz;
}

void oct_stream_pause(struct oct_stream *s, bool pause)
{
    s->paused = pause;
    if (!pause)
        recv_arm(s, false);
}

void oct_stream_close(struct oct_stream *s)
{
    if (s->phase != OPEN)
        return;
    if (s->tls != NULL) {
        /* The closing alert follows what is still to be written. */
        if (s->out.sz > 0 && oct_tls_write(s->tls, s->out.p, s->out.sz) == 0)
            oct_buf_reset(&s->out);
        oct_tls_bye(s->tls);
    }
    s->phase = DRAINING;
    oct_loop_task(s->loop, &s->task);
}

void oct_stream_abort(struct oct_stream *s)
{
    die(s);
}

void *oct_stream_self(const struct oct_stream *s)
{
    return s->self;
}

int oct_stream_fd(const struct oct_stream *s)
{
    return s->fd;
}

bool oct_stream_is_tls(const struct oct_stream *s)
{
    return s->tls != NULL;
}
