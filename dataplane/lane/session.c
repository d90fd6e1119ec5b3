/* session.c - the order session: connect, log in, take messages in, send orders out. */
#include <errno.h>
#include <string.h>

#include "dataplane/lane/lane_priv.h"

/* Messages taken in one poll, so that a burst of fills cannot hold up the feed for long. */
#define POLL_MSG_MAX 64u

/* ---- orders out ------------------------------------------------------------------------------ */

OCT_COLD static void not_sent(struct oct_lane *l, const struct oct_order *o, const char *code,
                              int err)
{
    oct_count(&l->cfg.counters[OCT_LANE_SEND_FAILURES], 1);
    oct_fault(l->cfg.faults, code, l->now_ns, o->order_id, (uint64_t)-err, o->action);
    /* One step makes fewer orders than this: execution's limits per step are lower. */
    OCT_ASSERT(l->unsent_cnt < OCT_LANE_PENDING_MAX);
    l->unsent[l->unsent_cnt].order_id = o->order_id;
    l->unsent[l->unsent_cnt++].action = o->action;
}

static bool killed(const struct oct_order *o, uint64_t bits)
{
    if (o->action == OCT_ACTION_CANCEL || o->action == OCT_ACTION_REDUCE ||
        o->action == OCT_ACTION_ACCOUNT_QUERY)
        return false;
    return (bits & OCT_KILL_ALL) || (o->strategy < 31 && (bits & OCT_KILL_STRATEGY(o->strategy))) ||
           (o->account < 32 && (bits & OCT_KILL_ACCOUNT(o->account)));
}

static void stamp_hops(struct oct_lane *l, const struct oct_order *o, uint64_t t_encode,
                       uint64_t t_tx)
{
    const struct oct_clock *c = l->cfg.clock;

    l->in_flight[o->user_ref % OCT_ARRAY_CNT(l->in_flight)].user_ref = o->user_ref;
    l->in_flight[o->user_ref % OCT_ARRAY_CNT(l->in_flight)].tsc = t_tx;
    if (!l->ts_rx_ns || !l->t_intent || !l->t_verdict)
        return; /* not caused by a packet */
    oct_lane_hop(l, OCT_HOP_SIGNAL, oct_clock_span_ns(c, l->t_intent - l->t_intake));
    oct_lane_hop(l, OCT_HOP_RISK, oct_clock_span_ns(c, l->t_verdict - l->t_intent));
    oct_lane_hop(l, OCT_HOP_ENCODE, oct_clock_span_ns(c, t_encode - l->t_verdict));
    oct_lane_hop(l, OCT_HOP_TX, oct_clock_span_ns(c, t_tx - t_encode));
    oct_lane_hop(l, OCT_HOP_IN_PROCESS, oct_clock_span_ns(c, t_tx - l->t_intake));
    oct_lane_hop(l, OCT_HOP_TICK_TO_TRADE, oct_clock_at(c, t_tx) - l->ts_rx_ns);
}

/* The order's record is in the ring already; its bytes leave here or come back as an input. */
OCT_HOT static void tx(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    (void)step;
    struct oct_lane *l = self;
    const struct oct_order *o = (const struct oct_order *)m;
    const struct oct_session_ops *s = l->cfg.session;

    OCT_ASSERT(m->type == OCT_ORDER);
    if (oct_unlikely(!l->cfg.ring))
        return; /* recovery: this order left, or did not, in the run before */
    if (oct_unlikely(killed(o, oct_kill_bits(l->cfg.kill)))) {
        oct_count(&l->cfg.counters[OCT_LANE_ORDERS_WITHHELD], 1);
        if (!l->withheld_from)
            l->withheld_from = o->order_id;
        return;
    }
    if (oct_unlikely(!s || l->stream < 0 || s->state(l->cfg.session_state) != OCT_SESSION_UP)) {
        not_sent(l, o, "order.session_down", -ENOTCONN);
        return;
    }
    int sz = l->cfg.orders->encode(o, l->cfg.firm, l->out + s->headroom);
    if (oct_unlikely(sz < 0)) {
        not_sent(l, o, "order.encode", sz);
        return;
    }
    uint32_t total = s->frame(l->cfg.session_state, l->now_ns, l->out, (uint32_t)sz);
    uint64_t t_encode = oct_tsc();
    int err = l->cfg.nic->ops->stream_send(l->cfg.nic, l->stream, l->out, total);
    if (oct_unlikely(err)) {
        not_sent(l, o, "order.send", err);
        return;
    }
    l->sent_cnt++;
    oct_count(&l->cfg.counters[OCT_LANE_ORDERS_SENT], 1);
    stamp_hops(l, o, t_encode, oct_tsc());
}

struct oct_sink oct_lane_tx_sink(struct oct_lane *l)
{
    return (struct oct_sink){tx, l};
}

/* ---- messages in ----------------------------------------------------------------------------- */

static void session_input(struct oct_lane *l, const struct oct_session_event *ev, int64_t ts_rx_ns)
{
    struct oct_in_venue *m = (struct oct_in_venue *)l->buf;

    *m = (struct oct_in_venue){
        OCT_MSG_HDR(IN_VENUE, in_venue), .ts_rx_ns = ts_rx_ns, .seq = ev->seq, .event = ev->event,
        .session = l->cfg.session_idx,
    };
    if (ev->event == OCT_VENUE_DATA) {
        if (ev->data_sz > OCT_IN_VENUE_DATA) {
            /* Longer than any message of a protocol we speak: the record says so, undecoded. */
            oct_fault(l->cfg.faults, "venue.message_too_long", l->now_ns, ev->seq, ev->data_sz, 0);
        } else {
            m->data_sz = ev->data_sz;
            memcpy(m + 1, ev->data, ev->data_sz);
            memset((uint8_t *)(m + 1) + ev->data_sz, 0, oct_align_up(ev->data_sz, 8) - ev->data_sz);
            m->hdr.sz = (uint16_t)(sizeof *m + oct_align_up(ev->data_sz, 8));
        }
    }
    oct_lane_input(l, &m->hdr);
}

static void session_event(struct oct_lane *l, enum oct_venue_event event, uint64_t seq)
{
    struct oct_session_event ev = {.event = (uint8_t)event, .seq = seq};

    session_input(l, &ev, oct_lane_clock(l));
}

static void drop(struct oct_lane *l, int64_t now_ns)
{
    bool was_up = l->stream_up;

    l->cfg.session->lost(l->cfg.session_state);
    l->cfg.nic->ops->stream_close(l->cfg.nic, l->stream);
    l->stream = -1;
    l->stream_up = false;
    l->reconnect_at_ns = now_ns + l->cfg.reconnect_ns;
    if (was_up) {
        oct_count(&l->cfg.counters[OCT_LANE_SESSION_LOSSES], 1);
        session_event(l, OCT_VENUE_LOST, l->cfg.session->next_seq(l->cfg.session_state));
    }
}

/* Time from an order's bytes to its first answer. */
static void stamp_ack(struct oct_lane *l, uint64_t t_read)
{
    uint32_t ref = l->cfg.core->venue_user_ref;
    uint32_t i = ref % OCT_ARRAY_CNT(l->in_flight);

    if (!ref || l->in_flight[i].user_ref != ref || !l->in_flight[i].tsc)
        return;
    oct_lane_hop(l, OCT_HOP_ACK, oct_clock_span_ns(l->cfg.clock, t_read - l->in_flight[i].tsc));
    l->in_flight[i].tsc = 0;
}

/* Takes what has arrived.  Returns false when the connection must go. */
static bool take(struct oct_lane *l, int64_t now_ns)
{
    const struct oct_session_ops *s = l->cfg.session;
    struct oct_nic *nic = l->cfg.nic;
    const uint8_t *data;
    int64_t ts;
    uint32_t sz = nic->ops->stream_peek(nic, l->stream, &data, &ts);
    uint32_t used = 0;

    for (uint32_t i = 0; i < POLL_MSG_MAX && used < sz && !oct_core_venue_holds(l->cfg.core); i++) {
        struct oct_session_event ev = {0};
        int got = s->input(l->cfg.session_state, now_ns, data + used, sz - used, &ev);
        if (got < 0) {
            oct_fault(l->cfg.faults, "session.protocol", now_ns, s->next_seq(l->cfg.session_state),
                      (uint64_t)-got, data[used]);
            oct_count(&l->cfg.counters[OCT_LANE_SESSION_ERRORS], 1);
            return false;
        }
        if (got == 0)
            break;
        if (ev.event) {
            OCT_COUNT_IF(ev.event == OCT_VENUE_LOGIN_REJECTED,
                         &l->cfg.counters[OCT_LANE_SESSION_REFUSALS]);
            uint64_t t_read = oct_tsc();
            session_input(l, &ev, ts);
            if (ev.event == OCT_VENUE_DATA)
                stamp_ack(l, t_read);
        }
        used += (uint32_t)got;
    }
    if (used)
        nic->ops->stream_consume(nic, l->stream, used);
    return true;
}

/* Whether the feed is still on its way to its live end, and worth waiting for. */
OCT_COLD static bool held(struct oct_lane *l, int64_t now_ns)
{
    uint32_t feed = atomic_load_explicit(&l->cfg.status->feed_state, memory_order_relaxed);

    if (!l->hold_until_ns)
        l->hold_until_ns = now_ns + l->cfg.session_hold_ns;
    if (now_ns < l->hold_until_ns && (feed == 0 || feed == 2))
        return true;
    l->cfg.session_hold_ns = 0;
    return false;
}

static void try_connect(struct oct_lane *l, int64_t now_ns)
{
    enum oct_session_state st = l->cfg.session->state(l->cfg.session_state);

    if (now_ns < l->reconnect_at_ns || st == OCT_SESSION_ENDED || st == OCT_SESSION_REFUSED)
        return;
    if (oct_unlikely(l->cfg.session_hold_ns > 0) && held(l, now_ns))
        return;
    l->reconnect_at_ns = now_ns + l->cfg.reconnect_ns;
    int h = l->cfg.nic->ops->stream_open(l->cfg.nic, l->cfg.venue_addr_be, l->cfg.venue_port);
    if (h < 0) {
        oct_fault(l->cfg.faults, "session.connect", now_ns, l->cfg.venue_port, (uint64_t)-h, 0);
        return;
    }
    l->stream = h;
}

static void login(struct oct_lane *l, int64_t now_ns)
{
    uint32_t sz = l->cfg.session->connected(l->cfg.session_state, now_ns, l->out);

    l->stream_up = true;
    oct_count(&l->cfg.counters[OCT_LANE_SESSION_CONNECTS], 1);
    session_event(l, OCT_VENUE_CONNECTED, l->cfg.session->next_seq(l->cfg.session_state));
    if (l->cfg.nic->ops->stream_send(l->cfg.nic, l->stream, l->out, sz))
        drop(l, now_ns);
}

void oct_lane_session_poll(struct oct_lane *l)
{
    struct oct_nic *nic = l->cfg.nic;

    if (l->stream < 0) {
        try_connect(l, oct_lane_clock(l));
        return;
    }
    enum oct_nic_stream_state st = nic->ops->stream_state(nic, l->stream);
    if (st == OCT_STREAM_CONNECTING)
        return;
    int64_t now = oct_lane_clock(l);
    if (st == OCT_STREAM_OPEN && !l->stream_up)
        login(l, now);
    /* What the peer sent before it closed is still taken. */
    if (l->stream < 0 || !take(l, now) || st != OCT_STREAM_OPEN) {
        if (l->stream >= 0)
            drop(l, now);
        return;
    }
    uint8_t beat[OCT_VENUE_MSG_MAX];
    int sz = l->cfg.session->tick(l->cfg.session_state, now, beat);
    if (sz < 0) {
        oct_fault(l->cfg.faults, "session.silent", now, (uint64_t)-sz, 0, 0);
        oct_count(&l->cfg.counters[OCT_LANE_SESSION_ERRORS], 1);
        drop(l, now);
    } else if (sz > 0 && nic->ops->stream_send(nic, l->stream, beat, (uint32_t)sz)) {
        drop(l, now);
    }
}

void oct_lane_close(struct oct_lane *l)
{
    if (!l->cfg.session || l->stream < 0)
        return;
    if (l->stream_up) {
        uint32_t sz = l->cfg.session->logout(l->cfg.session_state, l->out);
        (void)l->cfg.nic->ops->stream_send(l->cfg.nic, l->stream, l->out, sz);
    }
    l->cfg.nic->ops->stream_close(l->cfg.nic, l->stream);
    l->stream = -1;
    l->stream_up = false;
}
