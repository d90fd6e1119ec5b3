#include "drivers/nic/uring/uring_priv.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/time.h"

/* ---- sockets --------------------------------------------------------------------------------- */

static int set_flag(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) ? -errno : 0;
}

/* A datagram socket with stamps, drop counts and a large buffer.  Returns the descriptor or
 * negative errno. */
static int dgram_socket(uint32_t rcvbuf_sz)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int sz = (int)rcvbuf_sz;
    int err;

    if (fd < 0)
        return -errno;
    err = set_flag(fd, SOL_SOCKET, SO_TIMESTAMPNS, 1);
    if (!err)
        err = set_flag(fd, SOL_SOCKET, SO_RXQ_OVFL, 1);
    if (!err && set_flag(fd, SOL_SOCKET, SO_RCVBUFFORCE, sz))
        err = set_flag(fd, SOL_SOCKET, SO_RCVBUF, sz); /* without the privilege: what is allowed */
    if (err) {
        close(fd);
        return err;
    }
    return fd;
}

static int bind_to(int fd, uint32_t addr_be, uint16_t port)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr_be};

    return bind(fd, (const struct sockaddr *)&a, sizeof a) ? -errno : 0;
}

static int uring_join(struct oct_nic *nic, const struct oct_nic_group *group)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    int err = 0;

    if (u->started || group->line == OCT_LINE_REWIND)
        return -EINVAL;
    if (u->group_cnt == OCT_NIC_URING_GROUP_MAX)
        return -ENOSPC;
    int fd = dgram_socket(u->cfg.rcvbuf_sz);
    if (fd < 0)
        return fd;
    bool multicast = IN_MULTICAST(ntohl(group->group_be));
    if (multicast)
        err = set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (!err)
        err = bind_to(fd, group->group_be, group->port);
    if (!err && multicast) {
        struct ip_mreq m = {.imr_multiaddr.s_addr = group->group_be,
                            .imr_interface.s_addr = group->iface_be};
        if (setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &m, sizeof m))
            err = -errno;
        else /* only what this socket joined, not what anybody on this host did */
            err = set_flag(fd, IPPROTO_IP, IP_MULTICAST_ALL, 0);
    }
    if (err) {
        close(fd);
        return err;
    }
    u->sock[u->group_cnt++] = (struct uring_sock){.fd = fd, .line = group->line};
    return 0;
}

/* ---- receive buffers ------------------------------------------------------------------------- */

static uint8_t *buf_at(const struct uring_nic *u, uint32_t bid)
{
    return u->bufs + (size_t)bid * u->buf_stride;
}

static void *map_anon(size_t sz)
{
    void *p =
        mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

static int make_buffers(struct uring_nic *u)
{
    uint32_t n = u->cfg.rx_buf_cnt;

    u->msg = (struct msghdr){.msg_controllen = URING_CTRL_SZ};
    u->buf_len = (uint32_t)sizeof(struct io_uring_recvmsg_out) + URING_CTRL_SZ + u->cfg.rx_sz_max;
    u->buf_stride = (uint32_t)oct_align_up(u->buf_len + OCT_NIC_PAD, 64);
    u->bufs_sz = (size_t)u->buf_stride * n;
    u->br_sz = oct_align_up(n * sizeof(struct io_uring_buf), 4096);
    u->bufs = map_anon(u->bufs_sz);
    u->br = map_anon(u->br_sz);
    u->ready = calloc(n, sizeof *u->ready);
    if (!u->bufs || !u->br || !u->ready)
        return -ENOMEM;
    struct io_uring_buf_reg reg = {
        .ring_addr = (uint64_t)(uintptr_t)u->br, .ring_entries = n, .bgid = URING_BUF_GROUP};
    int err = io_uring_register_buf_ring(&u->ring, &reg, 0);
    if (err)
        return err;
    io_uring_buf_ring_init(u->br);
    for (uint32_t i = 0; i < n; i++)
        io_uring_buf_ring_add(u->br, buf_at(u, i), u->buf_len, (uint16_t)i,
                              io_uring_buf_ring_mask(n), (int)i);
    io_uring_buf_ring_advance(u->br, (int)n);
    return 0;
}

/* ---- the ring -------------------------------------------------------------------------------- */

static int make_ring(struct uring_nic *u)
{
    /* Disabled until the first call, so that the thread that polls, not the one that prepares,
     * becomes the single issuer.  TASKRUN_FLAG lets an idle poll see without a system call that
     * there is nothing to do. */
    static const unsigned flags[] = {
        IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_COOP_TASKRUN | IORING_SETUP_TASKRUN_FLAG, /* kernels before 6.1 */
    };
    int err = -ENOSYS;

    for (size_t i = 0; i < OCT_ARRAY_CNT(flags); i++) {
        struct io_uring_params p = {
            .flags = flags[i] | IORING_SETUP_R_DISABLED | IORING_SETUP_CQSIZE,
            .cq_entries = u->cfg.rx_buf_cnt * 2 < 4096 ? 4096 : u->cfg.rx_buf_cnt * 2,
        };
        err = io_uring_queue_init_params(URING_SQ_CNT, &u->ring, &p);
        if (!err) {
            u->ring_open = true;
            return 0;
        }
        if (err != -EINVAL)
            break;
    }
    return err;
}

struct io_uring_sqe *uring_sqe(struct uring_nic *u)
{
    struct io_uring_sqe *sqe = io_uring_get_sqe(&u->ring);

    if (oct_unlikely(!sqe)) {
        io_uring_submit(&u->ring);
        sqe = io_uring_get_sqe(&u->ring);
        OCT_ASSERT(sqe); /* submit empties the queue */
    }
    return sqe;
}

static void arm_sock(struct uring_nic *u, uint32_t i)
{
    struct uring_sock *s = &u->sock[i];

    if (s->fd < 0 || s->armed)
        return;
    struct io_uring_sqe *sqe = uring_sqe(u);
    io_uring_prep_recvmsg_multishot(sqe, s->fd, &u->msg, 0);
    sqe->flags |= IOSQE_BUFFER_SELECT;
    sqe->buf_group = URING_BUF_GROUP;
    io_uring_sqe_set_data64(sqe, uring_tag(URING_RX, i));
    s->armed = true;
}

int uring_bind(struct uring_nic *u)
{
    if (oct_likely(u->bound))
        return 0;
    OCT_ASSERT(u->started);
    /* io_uring_enable_rings is declared but not exported by liburing 2.3. */
    int err = io_uring_register((unsigned)u->ring.ring_fd, IORING_REGISTER_ENABLE_RINGS, NULL, 0);
    if (err)
        return err;
    u->bound = true;
    for (uint32_t i = 0; i < URING_SOCK_MAX; i++)
        arm_sock(u, i);
    io_uring_submit(&u->ring);
    return 0;
}

static void rx_event(struct uring_nic *u, uint32_t i, const struct io_uring_cqe *cqe)
{
    if (!(cqe->flags & IORING_CQE_F_MORE)) {
        u->sock[i].armed = false;
        u->starved = true;
    }
    if (cqe->res < 0 || !(cqe->flags & IORING_CQE_F_BUFFER))
        return;
    uint32_t at = (u->ready_head + u->ready_cnt++) & (u->cfg.rx_buf_cnt - 1);
    OCT_ASSERT(u->ready_cnt <= u->cfg.rx_buf_cnt);
    u->ready[at] = (struct uring_ready){
        .bid = (uint16_t)(cqe->flags >> IORING_CQE_BUFFER_SHIFT),
        .sock = (uint16_t)i,
        .len = (uint32_t)cqe->res,
    };
    u->held++;
}

void uring_harvest(struct uring_nic *u)
{
    struct io_uring *ring = &u->ring;
    struct io_uring_cqe *cqe;
    unsigned head, n = 0;

    if (oct_unlikely(u->starved && u->held < u->cfg.rx_buf_cnt)) {
        u->starved = false;
        for (uint32_t i = 0; i < URING_SOCK_MAX; i++)
            arm_sock(u, i);
    }
    if (io_uring_sq_ready(ring))
        io_uring_submit_and_get_events(ring);
    else if (!io_uring_cq_ready(ring) &&
             IO_URING_READ_ONCE(*ring->sq.kflags) & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW))
        io_uring_get_events(ring);
    io_uring_for_each_cqe(ring, head, cqe)
    {
        uint64_t tag = io_uring_cqe_get_data64(cqe);
        enum uring_kind kind = (enum uring_kind)(tag >> 56);
        n++;
        if (kind == URING_RX)
            rx_event(u, (uint32_t)tag, cqe);
        else if (kind != URING_CANCEL)
            uring_stream_event(u, kind, (uint32_t)tag, cqe->res);
    }
    io_uring_cq_advance(ring, n);
}

/* ---- datagrams ------------------------------------------------------------------------------- */

int64_t uring_stamp(struct msghdr *msg, struct cmsghdr *first)
{
    for (struct cmsghdr *c = first; c; c = CMSG_NXTHDR(msg, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_TIMESTAMPNS) {
            struct timespec ts;
            memcpy(&ts, CMSG_DATA(c), sizeof ts);
            return ts.tv_sec * OCT_NS_PER_S + ts.tv_nsec;
        }
    }
    return oct_utc_ns();
}

static void count_drops(struct uring_nic *u, struct uring_sock *s, struct msghdr *view,
                        struct cmsghdr *first)
{
    for (struct cmsghdr *c = first; c; c = CMSG_NXTHDR(view, c)) {
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SO_RXQ_OVFL) {
            uint32_t drops;
            memcpy(&drops, CMSG_DATA(c), sizeof drops);
            if (drops != s->drops)
                uring_count(u, OCT_NIC_RX_DROPPED, drops - s->drops);
            s->drops = drops;
        }
    }
}

/* Takes one arrived datagram apart. */
static void describe(struct uring_nic *u, const struct uring_ready *r, struct oct_nic_pkt *pkt)
{
    uint8_t *buf = buf_at(u, r->bid);
    struct io_uring_recvmsg_out *o = io_uring_recvmsg_validate(buf, (int)r->len, &u->msg);

    *pkt = (struct oct_nic_pkt){.cookie = r->bid, .line = u->sock[r->sock].line};
    OCT_ASSERT(o); /* the kernel fills at least the header */
    struct msghdr view = {.msg_control = io_uring_recvmsg_name(o), .msg_controllen = o->controllen};
    struct cmsghdr *first = CMSG_FIRSTHDR(&view);
    pkt->data = io_uring_recvmsg_payload(o, &u->msg);
    pkt->sz = io_uring_recvmsg_payload_length(o, (int)r->len, &u->msg);
    pkt->truncated = (o->flags & MSG_TRUNC) != 0;
    pkt->ts_rx_ns = uring_stamp(&view, first);
    count_drops(u, &u->sock[r->sock], &view, first);
    uring_count(u, OCT_NIC_RX_BYTES, pkt->sz);
    OCT_COUNT_IF(pkt->truncated, &u->nic.counters[OCT_NIC_RX_TRUNCATED]);
}

static int uring_rx(struct oct_nic *nic, struct oct_nic_pkt *pkts, uint32_t n)
{
    struct uring_nic *u = (struct uring_nic *)nic;

    int err = uring_bind(u);
    if (oct_unlikely(err))
        return err;
    if (u->ready_cnt < n)
        uring_harvest(u);
    if (n > u->ready_cnt)
        n = u->ready_cnt;
    for (uint32_t i = 0; i < n; i++) {
        describe(u, &u->ready[u->ready_head], &pkts[i]);
        u->ready_head = (u->ready_head + 1) & (u->cfg.rx_buf_cnt - 1);
    }
    u->ready_cnt -= n;
    if (n)
        uring_count(u, OCT_NIC_RX_PKTS, n);
    return (int)n;
}

static void uring_release(struct oct_nic *nic, const struct oct_nic_pkt *pkts, uint32_t n)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    int mask = io_uring_buf_ring_mask(u->cfg.rx_buf_cnt);

    OCT_ASSERT(n <= u->held);
    for (uint32_t i = 0; i < n; i++)
        io_uring_buf_ring_add(u->br, buf_at(u, pkts[i].cookie), u->buf_len,
                              (uint16_t)pkts[i].cookie, mask, (int)i);
    io_uring_buf_ring_advance(u->br, (int)n);
    u->held -= n;
}

static int uring_tx(struct oct_nic *nic, uint32_t addr_be, uint16_t port, const void *data,
                    uint32_t sz)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = addr_be};
    ssize_t n = sendto(u->sock[URING_SOCK_MAX - 1].fd, data, sz, MSG_DONTWAIT | MSG_NOSIGNAL,
                       (const struct sockaddr *)&a, sizeof a);

    if (n != (ssize_t)sz) {
        uring_count(u, OCT_NIC_TX_ERRORS, 1);
        return n < 0 ? -errno : -EIO;
    }
    uring_count(u, OCT_NIC_TX_PKTS, 1);
    return 0;
}

static void uring_wait(struct oct_nic *nic, int64_t timeout_ns)
{
    struct uring_nic *u = (struct uring_nic *)nic;
    struct io_uring_cqe *cqe;

    if (uring_bind(u) || u->cfg.busy || u->ready_cnt || timeout_ns <= 0)
        return;
    if (io_uring_sq_ready(&u->ring))
        io_uring_submit(&u->ring);
    struct __kernel_timespec ts = {.tv_sec = timeout_ns / OCT_NS_PER_S,
                                   .tv_nsec = timeout_ns % OCT_NS_PER_S};
    (void)io_uring_wait_cqe_timeout(&u->ring, &cqe, &ts); /* the next rx looks anyway */
}

/* ---- life ------------------------------------------------------------------------------------ */

static int uring_start(struct oct_nic *nic)
{
    struct uring_nic *u = (struct uring_nic *)nic;

    if (u->started)
        return -EALREADY;
    int err = make_buffers(u);
    if (!err)
        err = uring_streams_init(u);
    u->started = !err;
    return err;
}

static void uring_close(struct oct_nic *nic)
{
    struct uring_nic *u = (struct uring_nic *)nic;

    /* The ring first: it holds the sockets and may still write into the buffers. */
    if (u->ring_open)
        io_uring_queue_exit(&u->ring);
    uring_streams_fini(u);
    for (uint32_t i = 0; i < URING_SOCK_MAX; i++) {
        if (u->sock[i].fd >= 0)
            close(u->sock[i].fd);
    }
    if (u->bufs)
        munmap(u->bufs, u->bufs_sz);
    if (u->br)
        munmap(u->br, u->br_sz);
    free(u->ready);
    free(u);
}

static const struct oct_nic_ops uring_ops = {
    .name = "uring",
    .join = uring_join,
    .start = uring_start,
    .rx = uring_rx,
    .release = uring_release,
    .tx = uring_tx,
    .stream_open = uring_stream_open,
    .stream_state = uring_stream_state,
    .stream_peek = uring_stream_peek,
    .stream_consume = uring_stream_consume,
    .stream_send = uring_stream_send,
    .stream_close = uring_stream_close,
    .wait = uring_wait,
    .close = uring_close,
};

static int fill_defaults(struct oct_nic_uring_cfg *c)
{
    c->rx_buf_cnt = c->rx_buf_cnt ? c->rx_buf_cnt : 4096;
    c->rx_sz_max = c->rx_sz_max ? c->rx_sz_max : 2048;
    c->rcvbuf_sz = c->rcvbuf_sz ? c->rcvbuf_sz : 16u << 20;
    c->stream_cnt = c->stream_cnt ? c->stream_cnt : 4;
    c->stream_buf_sz = c->stream_buf_sz ? c->stream_buf_sz : 256u << 10;
    bool ok = c->counters && oct_is_pow2(c->rx_buf_cnt) && c->rx_buf_cnt <= 32768 &&
              c->rx_sz_max <= 65536 && c->rcvbuf_sz <= INT32_MAX / 2 &&
              c->stream_cnt <= OCT_NIC_URING_STREAM_MAX && oct_is_pow2(c->stream_buf_sz) &&
              c->stream_buf_sz >= 4096 && c->stream_buf_sz <= 64u << 20;
    return ok ? 0 : -EINVAL;
}

int oct_nic_uring_create(const struct oct_nic_uring_cfg *cfg, struct oct_nic **out)
{
    struct oct_nic_uring_cfg c = *cfg;
    int err = fill_defaults(&c);

    if (err)
        return err;
    struct uring_nic *u = calloc(1, sizeof *u);
    if (!u)
        return -ENOMEM;
    u->nic = (struct oct_nic){.ops = &uring_ops, .counters = c.counters};
    u->cfg = c;
    for (uint32_t i = 0; i < URING_SOCK_MAX; i++)
        u->sock[i].fd = -1;
    err = make_ring(u);
    if (err)
        goto out_close;
    struct uring_sock *rewind = &u->sock[URING_SOCK_MAX - 1];
    rewind->line = OCT_LINE_REWIND;
    rewind->fd = dgram_socket(c.rcvbuf_sz);
    err = rewind->fd < 0 ? rewind->fd : bind_to(rewind->fd, c.unicast_addr_be, c.unicast_port);
    if (err)
        goto out_close;
    *out = &u->nic;
    return 0;

out_close:
    uring_close(&u->nic);
    return err;
}

uint16_t oct_nic_uring_port(const struct oct_nic *nic)
{
    const struct uring_nic *u = (const struct uring_nic *)nic;
    struct sockaddr_in a = {0};
    socklen_t len = sizeof a;

    if (getsockname(u->sock[URING_SOCK_MAX - 1].fd, (struct sockaddr *)&a, &len))
        return 0;
    return ntohs(a.sin_port);
}

size_t oct_nic_uring_memory(const struct oct_nic *nic)
{
    const struct uring_nic *u = (const struct uring_nic *)nic;

    return sizeof *u + u->bufs_sz + u->br_sz + u->cfg.rx_buf_cnt * sizeof *u->ready +
           u->cfg.stream_cnt * (sizeof *u->streams + u->cfg.stream_buf_sz);
}
