#include "drivers/nic/loopback/loopback.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lb_pkt {
    struct oct_nic_pkt pkt;
    uint8_t *own; /* this slot's buffer */
};

struct lb_stream {
    uint8_t state; /* enum oct_nic_stream_state */
    bool stalled;
    int64_t ts_rx_ns;
    uint8_t *in; /* from the peer, contiguous from 0 */
    uint32_t in_sz;
    uint8_t *out; /* to the peer */
    uint32_t out_sz;
};

struct lb_nic {
    struct oct_nic nic;
    struct oct_nic_loopback_cfg cfg;
    bool ended;
    uint8_t *bufs;
    /* Three marks on one ring: released <= handed out <= pushed. */
    struct lb_pkt *pkts;
    uint32_t released, given, pushed;
    struct oct_nic_loopback_sent *sent;
    uint8_t *sent_bufs;
    uint32_t sent_head, sent_tail;
    struct lb_stream *streams;
    uint8_t *stream_bufs;
};

static struct lb_nic *self(struct oct_nic *nic)
{
    return (struct lb_nic *)nic;
}

static struct lb_stream *at(struct oct_nic *nic, int handle)
{
    OCT_ASSERT(handle >= 0 && (uint32_t)handle < self(nic)->cfg.stream_cnt);
    return &self(nic)->streams[handle];
}

/* ---- the driver's side ----------------------------------------------------------------------- */

static int lb_join(struct oct_nic *nic, const struct oct_nic_group *group)
{
    (void)nic;
    (void)group; /* whoever pushes says the line */
    return 0;
}

static int lb_start(struct oct_nic *nic)
{
    (void)nic;
    return 0;
}

static int lb_rx(struct oct_nic *nic, struct oct_nic_pkt *pkts, uint32_t n)
{
    struct lb_nic *l = self(nic);
    uint32_t have = l->pushed - l->given;

    if (have == 0)
        return l->ended ? -ENODATA : 0;
    if (n > have)
        n = have;
    for (uint32_t i = 0; i < n; i++) {
        pkts[i] = l->pkts[l->given++ & (l->cfg.pkt_cnt - 1)].pkt;
        oct_count(&nic->counters[OCT_NIC_RX_BYTES], pkts[i].sz);
        OCT_COUNT_IF(pkts[i].truncated, &nic->counters[OCT_NIC_RX_TRUNCATED]);
    }
    oct_count(&nic->counters[OCT_NIC_RX_PKTS], n);
    return (int)n;
}

static void lb_release(struct oct_nic *nic, const struct oct_nic_pkt *pkts, uint32_t n)
{
    struct lb_nic *l = self(nic);

    for (uint32_t i = 0; i < n; i++, l->released++) {
        OCT_ASSERT(l->released != l->given);       /* once each */
        OCT_ASSERT(pkts[i].cookie == l->released); /* in order */
    }
}

static int lb_tx(struct oct_nic *nic, uint32_t addr_be, uint16_t port, const void *data,
                 uint32_t sz)
{
    struct lb_nic *l = self(nic);

    if (l->sent_tail - l->sent_head == l->cfg.pkt_cnt || sz > l->cfg.pkt_sz_max) {
        oct_count(&nic->counters[OCT_NIC_TX_ERRORS], 1);
        return sz > l->cfg.pkt_sz_max ? -EMSGSIZE : -EAGAIN;
    }
    uint32_t i = l->sent_tail++ & (l->cfg.pkt_cnt - 1);
    uint8_t *buf = l->sent_bufs + (size_t)i * l->cfg.pkt_sz_max;
    memcpy(buf, data, sz);
    l->sent[i] =
        (struct oct_nic_loopback_sent){.data = buf, .sz = sz, .addr_be = addr_be, .port = port};
    oct_count(&nic->counters[OCT_NIC_TX_PKTS], 1);
    return 0;
}

static int lb_stream_open(struct oct_nic *nic, uint32_t addr_be, uint16_t port)
{
    struct lb_nic *l = self(nic);

    (void)addr_be;
    (void)port;
    for (uint32_t i = 0; i < l->cfg.stream_cnt; i++) {
        struct lb_stream *s = &l->streams[i];
        if (s->state != OCT_STREAM_CLOSED)
            continue;
        s->state = l->cfg.manual_open ? OCT_STREAM_CONNECTING : OCT_STREAM_OPEN;
        s->stalled = false;
        s->in_sz = s->out_sz = 0;
        s->ts_rx_ns = 0;
        return (int)i;
    }
    return -EMFILE;
}

static enum oct_nic_stream_state lb_stream_state(struct oct_nic *nic, int handle)
{
    return (enum oct_nic_stream_state)at(nic, handle)->state;
}

static uint32_t lb_stream_peek(struct oct_nic *nic, int handle, const uint8_t **data,
                               int64_t *ts_rx_ns)
{
    struct lb_stream *s = at(nic, handle);

    *data = s->in;
    *ts_rx_ns = s->ts_rx_ns;
    return s->state == OCT_STREAM_CLOSED ? 0 : s->in_sz;
}

static void lb_stream_consume(struct oct_nic *nic, int handle, uint32_t sz)
{
    struct lb_stream *s = at(nic, handle);

    OCT_ASSERT(sz <= s->in_sz);
    memmove(s->in, s->in + sz, s->in_sz - sz);
    s->in_sz -= sz;
}

static int lb_stream_send(struct oct_nic *nic, int handle, const void *data, uint32_t sz)
{
    struct lb_nic *l = self(nic);
    struct lb_stream *s = at(nic, handle);

    if (s->state != OCT_STREAM_OPEN)
        return -EPIPE;
    if (s->stalled || sz > l->cfg.stream_buf_sz - s->out_sz)
        return -EAGAIN;
    memcpy(s->out + s->out_sz, data, sz);
    s->out_sz += sz;
    oct_count(&nic->counters[OCT_NIC_STREAM_TX_BYTES], sz);
    return 0;
}

static void lb_stream_close(struct oct_nic *nic, int handle)
{
    at(nic, handle)->state = OCT_STREAM_CLOSED;
}

static void lb_wait(struct oct_nic *nic, int64_t timeout_ns)
{
    (void)nic;
    (void)timeout_ns; /* nothing can arrive while the one thread waits */
}

static void lb_close(struct oct_nic *nic)
{
    struct lb_nic *l = self(nic);

    free(l->bufs);
    free(l->pkts);
    free(l->sent);
    free(l->sent_bufs);
    free(l->streams);
    free(l->stream_bufs);
    free(l);
}

static const struct oct_nic_ops lb_ops = {
    .name = "loopback",
    .join = lb_join,
    .start = lb_start,
    .rx = lb_rx,
    .release = lb_release,
    .tx = lb_tx,
    .stream_open = lb_stream_open,
    .stream_state = lb_stream_state,
    .stream_peek = lb_stream_peek,
    .stream_consume = lb_stream_consume,
    .stream_send = lb_stream_send,
    .stream_close = lb_stream_close,
    .wait = lb_wait,
    .close = lb_close,
};

int oct_nic_loopback_create(const struct oct_nic_loopback_cfg *cfg, struct oct_nic **out)
{
    struct lb_nic *l = calloc(1, sizeof *l);

    if (!l)
        return -ENOMEM;
    l->nic = (struct oct_nic){.ops = &lb_ops, .counters = cfg->counters};
    l->cfg = *cfg;
    l->cfg.pkt_cnt = cfg->pkt_cnt ? cfg->pkt_cnt : 1024;
    l->cfg.pkt_sz_max = cfg->pkt_sz_max ? cfg->pkt_sz_max : 2048;
    l->cfg.stream_cnt = cfg->stream_cnt ? cfg->stream_cnt : 4;
    l->cfg.stream_buf_sz = cfg->stream_buf_sz ? cfg->stream_buf_sz : 64u << 10;
    const struct oct_nic_loopback_cfg *c = &l->cfg;
    if (!cfg->counters || !oct_is_pow2(c->pkt_cnt)) {
        lb_close(&l->nic);
        return -EINVAL;
    }
    size_t stride = oct_align_up(c->pkt_sz_max + OCT_NIC_PAD, 64);
    l->bufs = calloc(c->pkt_cnt, stride);
    l->pkts = calloc(c->pkt_cnt, sizeof *l->pkts);
    l->sent = calloc(c->pkt_cnt, sizeof *l->sent);
    l->sent_bufs = calloc(c->pkt_cnt, c->pkt_sz_max);
    l->streams = calloc(c->stream_cnt, sizeof *l->streams);
    l->stream_bufs = calloc(c->stream_cnt, (size_t)c->stream_buf_sz * 2);
    if (!l->bufs || !l->pkts || !l->sent || !l->sent_bufs || !l->streams || !l->stream_bufs) {
        lb_close(&l->nic);
        return -ENOMEM;
    }
    for (uint32_t i = 0; i < c->pkt_cnt; i++)
        l->pkts[i].own = l->bufs + i * stride;
    for (uint32_t i = 0; i < c->stream_cnt; i++) {
        l->streams[i].in = l->stream_bufs + (size_t)i * c->stream_buf_sz * 2;
        l->streams[i].out = l->streams[i].in + c->stream_buf_sz;
    }
    *out = &l->nic;
    return 0;
}

/* ---- the test's side ------------------------------------------------------------------------- */

static struct lb_pkt *slot(struct lb_nic *l, uint8_t line, int64_t ts_rx_ns)
{
    if (l->pushed - l->released == l->cfg.pkt_cnt)
        return NULL;
    struct lb_pkt *p = &l->pkts[l->pushed & (l->cfg.pkt_cnt - 1)];
    p->pkt = (struct oct_nic_pkt){.ts_rx_ns = ts_rx_ns, .cookie = l->pushed, .line = line};
    l->pushed++;
    return p;
}

int oct_nic_loopback_push(struct oct_nic *nic, uint8_t line, int64_t ts_rx_ns, const void *data,
                          uint32_t sz)
{
    struct lb_nic *l = self(nic);
    struct lb_pkt *p = slot(l, line, ts_rx_ns);

    if (!p)
        return -ENOBUFS;
    p->pkt.truncated = sz > l->cfg.pkt_sz_max;
    p->pkt.sz = p->pkt.truncated ? l->cfg.pkt_sz_max : sz;
    p->pkt.data = p->own;
    memcpy(p->own, data, p->pkt.sz);
    return 0;
}

int oct_nic_loopback_push_ref(struct oct_nic *nic, uint8_t line, int64_t ts_rx_ns,
                              const uint8_t *data, uint32_t sz)
{
    struct lb_pkt *p = slot(self(nic), line, ts_rx_ns);

    if (!p)
        return -ENOBUFS;
    p->pkt.data = data;
    p->pkt.sz = sz;
    return 0;
}

void oct_nic_loopback_end(struct oct_nic *nic)
{
    self(nic)->ended = true;
}

uint32_t oct_nic_loopback_pending(const struct oct_nic *nic)
{
    const struct lb_nic *l = (const struct lb_nic *)nic;

    return l->pushed - l->released;
}

bool oct_nic_loopback_take(struct oct_nic *nic, struct oct_nic_loopback_sent *out)
{
    struct lb_nic *l = self(nic);

    if (l->sent_head == l->sent_tail)
        return false;
    *out = l->sent[l->sent_head++ & (l->cfg.pkt_cnt - 1)];
    return true;
}

void oct_nic_loopback_accept(struct oct_nic *nic, int handle)
{
    struct lb_stream *s = at(nic, handle);

    if (s->state == OCT_STREAM_CONNECTING)
        s->state = OCT_STREAM_OPEN;
}

void oct_nic_loopback_fail(struct oct_nic *nic, int handle)
{
    struct lb_stream *s = at(nic, handle);

    if (s->state == OCT_STREAM_CLOSED || s->state == OCT_STREAM_FAILED)
        return;
    s->state = OCT_STREAM_FAILED;
    oct_count(&nic->counters[OCT_NIC_STREAM_FAILURES], 1);
}

uint32_t oct_nic_loopback_stream_push(struct oct_nic *nic, int handle, int64_t ts_rx_ns,
                                      const void *data, uint32_t sz)
{
    struct lb_nic *l = self(nic);
    struct lb_stream *s = at(nic, handle);
    uint32_t room = l->cfg.stream_buf_sz - s->in_sz;

    if (s->state != OCT_STREAM_OPEN)
        return 0;
    if (sz > room)
        sz = room;
    memcpy(s->in + s->in_sz, data, sz);
    s->in_sz += sz;
    s->ts_rx_ns = ts_rx_ns;
    oct_count(&nic->counters[OCT_NIC_STREAM_RX_BYTES], sz);
    return sz;
}

uint32_t oct_nic_loopback_stream_take(struct oct_nic *nic, int handle, void *buf, uint32_t sz)
{
    struct lb_stream *s = at(nic, handle);

    if (sz > s->out_sz)
        sz = s->out_sz;
    memcpy(buf, s->out, sz);
    memmove(s->out, s->out + sz, s->out_sz - sz);
    s->out_sz -= sz;
    return sz;
}

void oct_nic_loopback_stall(struct oct_nic *nic, int handle, bool stalled)
{
    at(nic, handle)->stalled = stalled;
}
