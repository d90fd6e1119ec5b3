#include "drivers/nic/fault/fault.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/time.h"
#include "dataplane/msg/msg.h"

#define FAULT_LATE_MAX 64u /* datagrams of a line held back for reordering */
#define FAULT_LINES    (OCT_NIC_FAULT_LINE_CNT + 1) /* the last is the rewind line */

/* First in, first out, of slot numbers; room for every slot, so it never fills. */
struct fault_fifo {
    uint32_t *slot;
    uint32_t head, tail;
};

struct fault_late {
    uint64_t after; /* comes out behind this datagram of its line */
    int64_t until_ns;
    uint32_t slot;
};

struct fault_line {
    struct oct_nic_fault_line cfg;
    struct oct_rng rng;
    uint64_t seen;
    struct fault_fifo skewed;
    struct fault_late late[FAULT_LATE_MAX];
    uint32_t late_cnt;
};

struct fault_nic {
    struct oct_nic nic;
    struct oct_nic_fault_cfg cfg;
    struct oct_nic_fault_stats stats;
    int64_t newest_ns;
    bool ended;
    bool flushing;
    uint32_t mask; /* hold_cnt - 1 */
    size_t stride;
    uint8_t *bufs;
    struct oct_nic_pkt *pkts; /* by slot */
    uint32_t *free_slots;
    uint32_t free_cnt;
    uint32_t *fifo_mem;
    struct fault_fifo out;
    struct fault_line line[FAULT_LINES];
};

static struct fault_nic *self(struct oct_nic *nic)
{
    return (struct fault_nic *)nic;
}

static struct oct_nic *inner(struct oct_nic *nic)
{
    return self(nic)->cfg.inner;
}

static void put(const struct fault_nic *f, struct fault_fifo *q, uint32_t slot)
{
    q->slot[q->tail++ & f->mask] = slot;
}

static int64_t now_ns(const struct fault_nic *f)
{
    return f->flushing ? INT64_MAX : f->cfg.clock ? f->cfg.clock() : f->newest_ns;
}

/* ---- the path of a datagram: copy, decide, hold back, delay, out ------------------------------ */

static uint32_t copy(struct fault_nic *f, const struct oct_nic_pkt *pkt)
{
    OCT_ASSERT(f->free_cnt > 0);
    uint32_t slot = f->free_slots[--f->free_cnt];
    uint8_t *buf = f->bufs + slot * f->stride;
    struct oct_nic_pkt *p = &f->pkts[slot];

    *p = *pkt;
    if (p->sz > f->cfg.pkt_sz_max) {
        p->sz = f->cfg.pkt_sz_max;
        p->truncated = 1;
    }
    memcpy(buf, pkt->data, p->sz);
    p->data = buf;
    p->cookie = slot;
    return slot;
}

static void delay(struct fault_nic *f, struct fault_line *l, uint32_t slot)
{
    if (!l || l->cfg.skew_ns <= 0) {
        put(f, &f->out, slot);
        return;
    }
    f->pkts[slot].ts_rx_ns += l->cfg.skew_ns;
    put(f, &l->skewed, slot);
    f->stats.skewed++;
}

static void hold_back(struct fault_nic *f, struct fault_line *l, uint32_t slot, uint64_t after)
{
    if (l->late_cnt == FAULT_LATE_MAX) {
        delay(f, l, slot);
        return;
    }
    l->late[l->late_cnt++] = (struct fault_late){
        .after = after, .until_ns = f->pkts[slot].ts_rx_ns + f->cfg.hold_ns, .slot = slot};
    f->stats.reordered++;
}

/* Lets go what is due, the earliest promised first. */
static void let_go(struct fault_nic *f, struct fault_line *l, int64_t now, int64_t ts_ns)
{
    for (;;) {
        uint32_t best = UINT32_MAX;
        for (uint32_t i = 0; i < l->late_cnt; i++) {
            bool due = l->late[i].after <= l->seen || l->late[i].until_ns <= now;
            if (due && (best == UINT32_MAX || l->late[i].after < l->late[best].after))
                best = i;
        }
        if (best == UINT32_MAX)
            return;
        struct fault_late it = l->late[best];
        l->late_cnt--;
        memmove(&l->late[best], &l->late[best + 1], (l->late_cnt - best) * sizeof it);
        if (f->pkts[it.slot].ts_rx_ns < ts_ns)
            f->pkts[it.slot].ts_rx_ns = ts_ns; /* it arrives only now */
        delay(f, l, it.slot);
    }
}

static void take(struct fault_nic *f, const struct oct_nic_pkt *pkt)
{
    uint32_t idx = pkt->line == OCT_LINE_REWIND ? OCT_NIC_FAULT_LINE_CNT : pkt->line;

    f->stats.seen++;
    if (pkt->ts_rx_ns > f->newest_ns)
        f->newest_ns = pkt->ts_rx_ns;
    if (pkt->line != OCT_LINE_REWIND && pkt->line >= OCT_NIC_FAULT_LINE_CNT) {
        delay(f, NULL, copy(f, pkt));
        return;
    }
    struct fault_line *l = &f->line[idx];
    /* The same number of draws for each, so that the n-th meets the same fate in every run. */
    bool drop = oct_rng_f64(&l->rng) < l->cfg.drop;
    bool dup = oct_rng_f64(&l->rng) < l->cfg.dup;
    bool reorder = oct_rng_f64(&l->rng) < l->cfg.reorder;
    uint64_t span = 1 + oct_rng_below(&l->rng, f->cfg.reorder_span);
    uint64_t dup_span = oct_rng_below(&l->rng, f->cfg.reorder_span);
    l->seen++;
    if (drop) {
        f->stats.dropped++;
    } else {
        if (reorder)
            hold_back(f, l, copy(f, pkt), l->seen + span);
        else
            delay(f, l, copy(f, pkt));
        if (dup) {
            f->stats.duplicated++;
            if (dup_span)
                hold_back(f, l, copy(f, pkt), l->seen + dup_span);
            else
                delay(f, l, copy(f, pkt));
        }
    }
    let_go(f, l, INT64_MIN, pkt->ts_rx_ns);
}

/* Moves what is due from the delayed lines to the output, earliest first. */
static void move_due(struct fault_nic *f, int64_t now)
{
    for (uint32_t i = 0; i < FAULT_LINES; i++) {
        if (f->line[i].late_cnt)
            let_go(f, &f->line[i], now, INT64_MIN);
    }
    for (;;) {
        struct fault_fifo *best = NULL;
        int64_t best_ns = now;
        for (uint32_t i = 0; i < FAULT_LINES; i++) {
            struct fault_fifo *q = &f->line[i].skewed;
            if (q->head == q->tail)
                continue;
            int64_t due = f->pkts[q->slot[q->head & f->mask]].ts_rx_ns;
            if (due < best_ns || (due == best_ns && !best)) {
                best = q;
                best_ns = due;
            }
        }
        if (!best)
            return;
        put(f, &f->out, best->slot[best->head++ & f->mask]);
    }
}

static void pull(struct fault_nic *f)
{
    struct oct_nic_pkt pkts[OCT_NIC_BURST];
    struct oct_nic *in = f->cfg.inner;

    if (f->ended || f->free_cnt < OCT_NIC_BURST * 2) /* each may be duplicated */
        return;
    int n = in->ops->rx(in, pkts, OCT_NIC_BURST);
    if (n == -ENODATA)
        f->ended = f->flushing = true;
    if (n <= 0)
        return;
    for (int i = 0; i < n; i++)
        take(f, &pkts[i]);
    in->ops->release(in, pkts, (uint32_t)n);
}

static int fault_rx(struct oct_nic *nic, struct oct_nic_pkt *pkts, uint32_t n)
{
    struct fault_nic *f = self(nic);
    uint32_t got = 0;

    pull(f);
    move_due(f, now_ns(f));
    if (!f->ended)
        f->flushing = false;
    for (; got < n && f->out.head != f->out.tail; got++)
        pkts[got] = f->pkts[f->out.slot[f->out.head++ & f->mask]];
    return got ? (int)got : f->ended ? -ENODATA : 0;
}

static void fault_release(struct oct_nic *nic, const struct oct_nic_pkt *pkts, uint32_t n)
{
    struct fault_nic *f = self(nic);

    for (uint32_t i = 0; i < n; i++) {
        OCT_ASSERT(f->free_cnt <= f->mask);
        f->free_slots[f->free_cnt++] = pkts[i].cookie;
    }
}

/* ---- what passes through ---------------------------------------------------------------------- */

static int fault_join(struct oct_nic *nic, const struct oct_nic_group *group)
{
    return inner(nic)->ops->join(inner(nic), group);
}

static int fault_start(struct oct_nic *nic)
{
    return inner(nic)->ops->start(inner(nic));
}

static int fault_tx(struct oct_nic *nic, uint32_t addr_be, uint16_t port, const void *data,
                    uint32_t sz)
{
    return inner(nic)->ops->tx(inner(nic), addr_be, port, data, sz);
}

static int fault_stream_open(struct oct_nic *nic, uint32_t addr_be, uint16_t port)
{
    return inner(nic)->ops->stream_open(inner(nic), addr_be, port);
}

static enum oct_nic_stream_state fault_stream_state(struct oct_nic *nic, int handle)
{
    return inner(nic)->ops->stream_state(inner(nic), handle);
}

static uint32_t fault_stream_peek(struct oct_nic *nic, int handle, const uint8_t **data,
                                  int64_t *ts_rx_ns)
{
    return inner(nic)->ops->stream_peek(inner(nic), handle, data, ts_rx_ns);
}

static void fault_stream_consume(struct oct_nic *nic, int handle, uint32_t sz)
{
    inner(nic)->ops->stream_consume(inner(nic), handle, sz);
}

static int fault_stream_send(struct oct_nic *nic, int handle, const void *data, uint32_t sz)
{
    return inner(nic)->ops->stream_send(inner(nic), handle, data, sz);
}

static void fault_stream_close(struct oct_nic *nic, int handle)
{
    inner(nic)->ops->stream_close(inner(nic), handle);
}

static int64_t next_due_ns(const struct fault_nic *f)
{
    int64_t due = INT64_MAX;

    for (uint32_t i = 0; i < FAULT_LINES; i++) {
        const struct fault_line *l = &f->line[i];
        if (l->skewed.head != l->skewed.tail) {
            int64_t ns = f->pkts[l->skewed.slot[l->skewed.head & f->mask]].ts_rx_ns;
            due = ns < due ? ns : due;
        }
        for (uint32_t k = 0; k < l->late_cnt; k++)
            due = l->late[k].until_ns < due ? l->late[k].until_ns : due;
    }
    return due;
}

static void fault_wait(struct oct_nic *nic, int64_t timeout_ns)
{
    struct fault_nic *f = self(nic);
    int64_t due = next_due_ns(f);

    if (f->out.head != f->out.tail)
        return;
    if (f->cfg.clock && due != INT64_MAX) {
        int64_t left = due - f->cfg.clock();
        timeout_ns = left < timeout_ns ? left : timeout_ns;
    }
    if (timeout_ns > 0)
        f->cfg.inner->ops->wait(f->cfg.inner, timeout_ns);
}

static void free_all(struct fault_nic *f)
{
    free(f->bufs);
    free(f->pkts);
    free(f->free_slots);
    free(f->fifo_mem);
    free(f);
}

static void fault_close(struct oct_nic *nic)
{
    inner(nic)->ops->close(inner(nic));
    free_all(self(nic));
}

static const struct oct_nic_ops fault_ops = {
    .name = "fault",
    .join = fault_join,
    .start = fault_start,
    .rx = fault_rx,
    .release = fault_release,
    .tx = fault_tx,
    .stream_open = fault_stream_open,
    .stream_state = fault_stream_state,
    .stream_peek = fault_stream_peek,
    .stream_consume = fault_stream_consume,
    .stream_send = fault_stream_send,
    .stream_close = fault_stream_close,
    .wait = fault_wait,
    .close = fault_close,
};

/* ---- life ------------------------------------------------------------------------------------ */

static bool line_ok(const struct oct_nic_fault_line *l)
{
    return l->drop >= 0 && l->drop <= 1 && l->dup >= 0 && l->dup <= 1 && l->reorder >= 0 &&
           l->reorder <= 1 && l->skew_ns >= 0;
}

static int init(struct fault_nic *f)
{
    struct oct_nic_fault_cfg *c = &f->cfg;
    bool ok = c->inner && oct_is_pow2(c->hold_cnt) && c->hold_cnt >= OCT_NIC_BURST * 4 &&
              c->hold_cnt <= 1u << 20 && line_ok(&c->rewind);

    for (uint32_t i = 0; i < OCT_NIC_FAULT_LINE_CNT; i++)
        ok = ok && line_ok(&c->line[i]);
    if (!ok)
        return -EINVAL;
    f->mask = c->hold_cnt - 1;
    f->stride = oct_align_up(c->pkt_sz_max + OCT_NIC_PAD, 64);
    f->bufs = calloc(c->hold_cnt, f->stride);
    f->pkts = calloc(c->hold_cnt, sizeof *f->pkts);
    f->free_slots = calloc(c->hold_cnt, sizeof *f->free_slots);
    f->fifo_mem = calloc((size_t)c->hold_cnt * (FAULT_LINES + 1), sizeof *f->fifo_mem);
    if (!f->bufs || !f->pkts || !f->free_slots || !f->fifo_mem)
        return -ENOMEM;
    for (uint32_t i = 0; i < c->hold_cnt; i++)
        f->free_slots[f->free_cnt++] = f->mask - i;
    f->out.slot = f->fifo_mem;
    for (uint32_t i = 0; i < FAULT_LINES; i++) {
        struct fault_line *l = &f->line[i];
        l->cfg = i < OCT_NIC_FAULT_LINE_CNT ? c->line[i] : c->rewind;
        l->skewed.slot = f->fifo_mem + (size_t)c->hold_cnt * (i + 1);
        oct_rng_init(&l->rng, oct_mix64(c->seed ^ ((uint64_t)(i + 1) << 56)));
    }
    return 0;
}

int oct_nic_fault_create(const struct oct_nic_fault_cfg *cfg, struct oct_nic **out)
{
    struct fault_nic *f = calloc(1, sizeof *f);

    if (!f)
        return -ENOMEM;
    f->cfg = *cfg;
    f->cfg.reorder_span = cfg->reorder_span ? cfg->reorder_span : 4;
    f->cfg.hold_cnt = cfg->hold_cnt ? cfg->hold_cnt : 8192;
    f->cfg.pkt_sz_max = cfg->pkt_sz_max ? cfg->pkt_sz_max : 2048;
    f->cfg.hold_ns = cfg->hold_ns ? cfg->hold_ns : OCT_NS_PER_MS;
    f->newest_ns = INT64_MIN;
    int err = init(f);
    if (err) {
        free_all(f);
        return err;
    }
    f->nic = (struct oct_nic){.ops = &fault_ops, .counters = cfg->inner->counters};
    *out = &f->nic;
    return 0;
}

const struct oct_nic_fault_stats *oct_nic_fault_stats(const struct oct_nic *nic)
{
    return &((const struct fault_nic *)nic)->stats;
}

void oct_nic_fault_flush(struct oct_nic *nic)
{
    self(nic)->flushing = true;
}
