#include "drivers/nic/uring/uring_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* A window mapped twice in a row: whatever its head, len bytes from there are contiguous. */
static uint8_t *map_window(size_t sz)
{
    int fd = memfd_create("octopus-stream", MFD_CLOEXEC);
    uint8_t *p = MAP_FAILED;

    if (fd < 0)
        return NULL;
    if (ftruncate(fd, (off_t)sz) == 0)
        p = mmap(NULL, sz * 2, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    for (int half = 0; p != MAP_FAILED && half < 2; half++) {
        void *at = mmap(p + (size_t)half * sz, sz, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_FIXED | MAP_POPULATE, fd, 0);
        if (at == MAP_FAILED) {
            munmap(p, sz * 2);
            p = MAP_FAILED;
        }
    }
    close(fd);
    return p == MAP_FAILED ? NULL : p;
}

int uring_streams_init(struct uring_nic *u)
{
    u->streams = calloc(u->cfg.stream_cnt, sizeof *u->streams);
    if (!u->streams)
        return -ENOMEM;
    for (uint32_t i = 0; i < u->cfg.stream_cnt; i++) {
        u->streams[i].fd = -1;
        u->streams[i].win = map_window(u->cfg.stream_buf_sz);
        if (!u->streams[i].win)
            return -ENOMEM;
    }
    return 0;
}

void uring_streams_fini(struct uring_nic *u)
{
    for (uint32_t i = 0; u->streams && i < u->cfg.stream_cnt; i++) {
        if (u->streams[i].fd >= 0)
            close(u->streams[i].fd);
        if (u->streams[i].win)
            munmap(u->streams[i].win, (size_t)u->cfg.stream_buf_sz * 2);
    }
    free(u->streams);
}

static struct uring_stream *at(struct uring_nic *u, int handle)
{
    OCT_ASSERT(handle >= 0 && (uint32_t)handle < u->cfg.stream_cnt);
    return &u->streams[handle];
}

static uint32_t index_of(const struct uring_nic *u, const struct uring_stream *s)
{
    return (uint32_t)(s - u->streams);
}

/* ---- events ---------------------------------------------------------------------------------- */

static void arm_recv(struct uring_nic *u, struct uring_stream *s)
{
    uint32_t cap = u->cfg.stream_buf_sz;

    if (s->recv_armed || s->eof || s->len == cap)
        return;
    s->iov.iov_base = s->win + ((s->head + s->len) & (cap - 1));
    s->iov.iov_len = cap - s->len;
    s->msg = (struct msghdr){.msg_iov = &s->iov,
                             .msg_iovlen = 1,
                             .msg_control = s->ctrl,
                             .msg_controllen = sizeof s->ctrl};
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_recvmsg(sqe, s->fd, &s->msg, 0);
    io_uring_sqe_set_data64(sqe, uring_tag(URING_RECV, index_of(u, s)));
    s->recv_armed = true;
}

static void arm_poll(struct uring_nic *u, struct uring_stream *s)
{
    if (s->poll_armed)
        return;
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_poll_add(sqe, s->fd, POLLOUT);
    io_uring_sqe_set_data64(sqe, uring_tag(URING_POLL, index_of(u, s)));
    s->poll_armed = true;
}

/* The connection is over; what was received before stays readable. */
static void fail(struct uring_nic *u, struct uring_stream *s)
{
    if (!s->eof)
        uring_count(u, OCT_NIC_STREAM_FAILURES, 1);
    s->eof = true;
    s->rest_sz = 0;
    if (s->state == OCT_STREAM_CONNECTING)
        s->state = OCT_STREAM_FAILED;
}

/* Sends what is left of a message that the kernel took in part.  False when the stream failed. */
static bool flush_rest(struct uring_nic *u, struct uring_stream *s)
{
    while (s->rest_sz) {
        ssize_t n = send(s->fd, s->rest + s->rest_off, s->rest_sz, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN) {
            arm_poll(u, s);
            return true;
        }
        if (n < 0) {
            fail(u, s);
            return false;
        }
        s->rest_off += (uint32_t)n;
        s->rest_sz -= (uint32_t)n;
    }
    return true;
}

static void on_writable(struct uring_nic *u, struct uring_stream *s)
{
    int err = 0;
    socklen_t len = sizeof err;

    if (s->state == OCT_STREAM_CONNECTING) {
        if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &err, &len) || err) {
            fail(u, s);
            return;
        }
        s->state = OCT_STREAM_OPEN;
        arm_recv(u, s);
    }
    flush_rest(u, s);
}

static void on_received(struct uring_nic *u, struct uring_stream *s, int res)
{
    if (res > 0) {
        s->len += (uint32_t)res;
        s->ts_rx_ns = uring_stamp(&s->msg, CMSG_FIRSTHDR(&s->msg));
        uring_count(u, OCT_NIC_STREAM_RX_BYTES, (uint64_t)res);
        OCT_ASSERT(s->len <= u->cfg.stream_buf_sz);
    } else if (res != -EINTR && res != -EAGAIN) {
        fail(u, s);
    }
    arm_recv(u, s);
}

void uring_stream_event(struct uring_nic *u, enum uring_kind kind, uint32_t idx, int res)
{
    struct uring_stream *s = at(u, (int)idx);

    if (kind == URING_POLL)
        s->poll_armed = false;
    else
        s->recv_armed = false;
    if (s->state == OCT_STREAM_CLOSED)
        return; /* the last word of a connection that was closed */
    if (kind == URING_POLL)
        on_writable(u, s);
    else
        on_received(u, s, res);
}

/* ---- the interface --------------------------------------------------------------------------- */

int uring_stream_open(struct oct_nic *nic, uint32_t addr_be, uint16_t port)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct uring_stream *s = NULL;
    int on = 1, tries = 4;

    int bound = uring_bind(u);
    if (bound)
        return bound;
    uring_harvest(u);
    for (uint32_t i = 0; i < u->cfg.stream_cnt && !s; i++) {
        struct uring_stream *c = &u->streams[i];
        if (c->state == OCT_STREAM_CLOSED && !c->recv_armed && !c->poll_armed)
            s = c;
    }
    if (!s)
        return -EMFILE;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr_be};
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) ||
        setsockopt(fd, IPPROTO_TCP, TCP_SYNCNT, &tries, sizeof tries) ||
        setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) ||
        (connect(fd, (const struct sockaddr *)&a, sizeof a) && errno != EINPROGRESS)) {
        int err = -errno;
        close(fd);
        return err;
    }
    s->fd = fd;
    s->state = OCT_STREAM_CONNECTING;
    s->eof = s->told = false;
    s->head = s->len = s->peeked = 0;
    s->rest_sz = s->rest_off = 0;
    s->ts_rx_ns = 0;
    arm_poll(u, s);
    io_uring_submit(&u->ring);
    return (int)index_of(u, s);
}

enum oct_nic_stream_state uring_stream_state(struct oct_nic *nic, int handle)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct uring_stream *s = at(u, handle);

    if (s->state == OCT_STREAM_CLOSED)
        return OCT_STREAM_CLOSED;
    uring_harvest(u);
    /* Open until the caller has seen what the peer sent before it went. */
    if (s->state == OCT_STREAM_OPEN && s->eof && (s->told || s->len == 0))
        s->state = OCT_STREAM_FAILED;
    return (enum oct_nic_stream_state)s->state;
}

uint32_t uring_stream_peek(struct oct_nic *nic, int handle, const uint8_t **data, int64_t *ts_rx_ns)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct uring_stream *s = at(u, handle);

    if (s->state == OCT_STREAM_CLOSED)
        return 0;
    uring_harvest(u);
    *data = s->win + s->head;
    *ts_rx_ns = s->ts_rx_ns;
    if (oct_unlikely(s->eof)) {
        s->told = s->told || s->peeked == s->len; /* the caller came back having taken nothing */
        s->peeked = s->len;
    }
    return s->len;
}

void uring_stream_consume(struct oct_nic *nic, int handle, uint32_t sz)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct uring_stream *s = at(u, handle);

    OCT_ASSERT(sz <= s->len);
    s->head = (s->head + sz) & (u->cfg.stream_buf_sz - 1);
    s->len -= sz;
    if (s->state == OCT_STREAM_OPEN)
        arm_recv(u, s);
}

int uring_stream_send(struct oct_nic *nic, int handle, const void *data, uint32_t sz)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct uring_stream *s = at(u, handle);
    ssize_t n;

    if (s->state != OCT_STREAM_OPEN || s->eof)
        return -EPIPE;
    if (sz > sizeof s->rest)
        return -EMSGSIZE;
    if (oct_unlikely(s->rest_sz)) { /* never a second message behind an unfinished one */
        if (!flush_rest(u, s))
            return -EPIPE;
        if (s->rest_sz)
            return -EAGAIN;
    }
    do
        n = send(s->fd, data, sz, MSG_DONTWAIT | MSG_NOSIGNAL);
    while (n < 0 && errno == EINTR);
    if (oct_unlikely(n < 0)) {
        if (errno == EAGAIN || errno == ENOBUFS)
            return -EAGAIN;
        fail(u, s);
        return -EPIPE;
    }
    uring_count(u, OCT_NIC_STREAM_TX_BYTES, sz);
    if (oct_unlikely((uint32_t)n < sz)) { /* begun, so it must be finished: it counts as sent */
        s->rest_off = 0;
        s->rest_sz = sz - (uint32_t)n;
        memcpy(s->rest, (const uint8_t *)data + n, s->rest_sz);
        arm_poll(u, s);
    }
    return 0;
}

static void cancel(struct uring_nic *u, enum uring_kind kind, const struct uring_stream *s)
{
    struct io_uring_sqe *sqe = uring_sqe(u);

    io_uring_prep_cancel64(sqe, uring_tag(kind, index_of(u, s)), 0);
    io_uring_sqe_set_data64(sqe, uring_tag(URING_CANCEL, 0));
}

void uring_stream_close(struct oct_nic *nic, int handle)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct uring_stream *s = at(u, handle);

    if (s->state == OCT_STREAM_CLOSED)
        return;
    s->state = OCT_STREAM_CLOSED;
    shutdown(s->fd, SHUT_RDWR);
    if (s->recv_armed)
        cancel(u, URING_RECV, s);
    if (s->poll_armed)
        cancel(u, URING_POLL, s);
    /* The kernel may write into the window until the receive has completed; a handle whose
     * operations have not all ended is not given out again. */
    for (int i = 0; i < 16 && (s->recv_armed || s->poll_armed); i++)
        uring_harvest(u);
    close(s->fd);
    s->fd = -1;
}
