#include "dataplane/lane/lane.h"

#include <string.h>

#include "dataplane/base/wire.h"
#include "dataplane/lane/lane_priv.h"
#include "dataplane/shm/ring_inl.h"

const struct oct_counter_def oct_lane_counter_defs[OCT_LANE_COUNTER_CNT] = {
    [OCT_LANE_TURNS] = {"lane_turns", "Turns of the lane's loop.", OCT_COUNTER_TOTAL},
    [OCT_LANE_IDLE_TURNS] = {"lane_idle_turns", "Turns that found nothing to do.",
                             OCT_COUNTER_TOTAL},
    [OCT_LANE_RECORDS] = {"lane_records", "Records written to the ring.", OCT_COUNTER_TOTAL},
    [OCT_LANE_ORDERS_SENT] = {"order_messages_sent", "Order messages handed to the nic.",
                              OCT_COUNTER_TOTAL},
    [OCT_LANE_ORDERS_WITHHELD] = {"orders_withheld",
                                  "Order messages that the kill word stopped at the encoder.",
                                  OCT_COUNTER_TOTAL},
    [OCT_LANE_SEND_FAILURES] = {"order_send_failures",
                                "Order messages whose bytes could not be sent.", OCT_COUNTER_TOTAL},
    [OCT_LANE_CMD_BAD] = {"commands_bad", "Records on a command link that were not commands.",
                          OCT_COUNTER_TOTAL},
    [OCT_LANE_SESSION_CONNECTS] = {"session_connects", "Connections made to the venue.",
                                   OCT_COUNTER_TOTAL},
    [OCT_LANE_SESSION_LOSSES] = {"session_losses", "Connections to the venue lost.",
                                 OCT_COUNTER_TOTAL},
    [OCT_LANE_SESSION_REFUSALS] = {"session_refusals", "Logins the venue rejected.",
                                   OCT_COUNTER_TOTAL},
    [OCT_LANE_SESSION_ERRORS] = {"session_errors", "Connections dropped for nonsense or silence.",
                                 OCT_COUNTER_TOTAL},
    [OCT_LANE_POSITION_REPORTS] = {"position_reports", "Lock-step position reports sent.",
                                   OCT_COUNTER_TOTAL},
    [OCT_LANE_RECORDER_BEHIND] = {"recorder_behind",
                                  "Times the recorder came too close to being lapped.",
                                  OCT_COUNTER_TOTAL},
    [OCT_LANE_CONTROL_SILENCES] = {"control_silences",
                                   "Times the control process gave no sign of life for too long.",
                                   OCT_COUNTER_TOTAL},
    [OCT_LANE_CLOCK_ERRORS] = {"clock_errors", "Times the system clock was off by too much.",
                               OCT_COUNTER_TOTAL},
};

size_t oct_lane_footprint(void)
{
    return oct_align_up(sizeof(struct oct_lane), OCT_BLOCK_SZ);
}

struct oct_lane *oct_lane_new(void *mem, const struct oct_lane_cfg *cfg)
{
    struct oct_lane *l = mem;

    memset(l, 0, sizeof *l);
    l->cfg = *cfg;
    l->stream = -1;
    l->next_input = cfg->first_input;
    return l;
}

void oct_lane_set_core(struct oct_lane *l, struct oct_core *core)
{
    l->cfg.core = core;
    l->now_ns = core->step.now_ns;
}

uint64_t oct_lane_next_input(const struct oct_lane *l)
{
    return l->next_input;
}

/* ---- output ---------------------------------------------------------------------------------- */

#define PUT(l, m, name) \
    oct_ring_put((l)->cfg.ring, (const uint64_t *)(const void *)(m), sizeof(struct oct_##name) / 8)

/* Records that are many, or that a trade waits for, go into their slots without a call: their sizes
 * are known here. */
OCT_HOT static void emit(void *self, const struct oct_msg_hdr *m)
{
    struct oct_lane *l = self;
    uint64_t pos;

    oct_count(&l->cfg.counters[OCT_LANE_RECORDS], 1);
    if (oct_likely(m->type == OCT_BBO)) {
        PUT(l, m, bbo);
        return;
    }
    switch (m->type) {
    case OCT_TRADE:
        PUT(l, m, trade);
        return;
    case OCT_INTENT:
        PUT(l, m, intent);
        l->t_intent = oct_tsc();
        return;
    case OCT_VERDICT:
        PUT(l, m, verdict);
        l->t_verdict = oct_tsc();
        return;
    case OCT_ORDER:
        PUT(l, m, order);
        return;
    default:
        break;
    }
    pos = oct_ring_publish(l->cfg.ring, m);
    switch (m->type) {
    case OCT_MARK:
        l->mark_pos = pos;
        l->mark = ((const struct oct_mark *)m)->mark;
        break;
    case OCT_INSTRUMENT: {
        const struct oct_instrument *in = (const struct oct_instrument *)m;
        if (l->cfg.symbols && in->inst < l->cfg.inst_cnt)
            l->cfg.symbols[in->inst] = in->symbol;
        break;
    }
    case OCT_LADDER:
        oct_lane_on_ladder(l, (const struct oct_ladder *)m);
        break;
    default:
        break;
    }
}

struct oct_out oct_lane_out(struct oct_lane *l, uint16_t lane)
{
    return (struct oct_out){emit, l, lane};
}

/* ---- intake ---------------------------------------------------------------------------------- */

void oct_lane_input(struct oct_lane *l, struct oct_msg_hdr *m)
{
    m->input = l->next_input++;
    m->lane = l->cfg.core->cfg.out.lane;
    ((struct oct_in_time *)m)->now_ns = oct_lane_clock(l);
    oct_ring_publish(l->cfg.ring, m);
    oct_count(&l->cfg.counters[OCT_LANE_RECORDS], 1);
    l->t_intake = oct_tsc();
    l->ts_rx_ns = 0;
    oct_core_input(l->cfg.core, m);
    oct_lane_after_step(l);
}

OCT_HOT void oct_lane_payload(void *lane, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                              uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz)
{
    struct oct_lane *l = lane;
    struct oct_in_packet m = {
        OCT_MSG_HDR(IN_PACKET, in_packet),
        .ts_rx_ns = ts_rx_ns,
        .first_seq = first_seq,
        .msg_cnt = msg_cnt,
        .pkt_sz = (uint16_t)sz,
        .line = line,
    };

    if (ts_rx_ns > l->now_ns)
        l->now_ns = ts_rx_ns;
    m.now_ns = l->now_ns;
    m.hdr.input = l->next_input++;
    m.hdr.lane = l->cfg.core->cfg.out.lane;
    l->t_intake = oct_tsc();
    l->ts_rx_ns = ts_rx_ns;
    oct_core_burst_near(l->cfg.core);
    for (uint32_t off = 0; off < sz || off == 0;) {
        uint32_t n = sz - off < OCT_IN_PACKET_FRAG ? sz - off : (uint32_t)OCT_IN_PACKET_FRAG;
        m.frag_off = (uint16_t)off;
        m.frag_sz = (uint16_t)n;
        m.hdr.sz = (uint16_t)oct_align_up(sizeof m + n, 8);
        oct_ring_publish2(l->cfg.ring, &m.hdr, sizeof m, blocks + off, n);
        oct_count(&l->cfg.counters[OCT_LANE_RECORDS], 1);
        off += n;
        if (n == 0)
            break;
    }
    oct_core_packet(l->cfg.core, &m, blocks);
    oct_lane_hop(l, OCT_HOP_RX, oct_clock_at(l->cfg.clock, l->t_intake) - ts_rx_ns);
    oct_lane_after_step(l);
}

void oct_lane_feed_event(void *lane, enum oct_feed_event ev, uint64_t from, uint64_t to)
{
    struct oct_in_feed m = {
        OCT_MSG_HDR(IN_FEED, in_feed),
        .from_seq = from,
        .to_seq = to,
        .event = (uint8_t)ev,
    };
    static const uint8_t state[] = {
        [OCT_FEED_LIVE] = 1,  [OCT_FEED_GAP] = 2, [OCT_FEED_RECOVERED] = 1,
        [OCT_FEED_STALE] = 3, [OCT_FEED_END] = 4, [OCT_FEED_BAD] = 3,
    };
    struct oct_lane *l = lane;

    atomic_store_explicit(&l->cfg.status->feed_state, state[ev], memory_order_relaxed);
    oct_lane_input(l, &m.hdr);
}

/* ---- kill word, commands --------------------------------------------------------------------- */

OCT_COLD static void kill_input(struct oct_lane *l, uint64_t bits)
{
    struct oct_in_kill m = {
        OCT_MSG_HDR(IN_KILL, in_kill),
        .bits = bits,
        .unsent_from = l->withheld_from,
    };

    l->kill_seen = bits;
    l->withheld_from = 0;
    oct_lane_input(l, &m.hdr);
    atomic_store_explicit(&l->cfg.kill->acked, bits, memory_order_release);
}

OCT_INLINE void poll_kill(struct oct_lane *l)
{
    uint64_t bits = oct_kill_bits(l->cfg.kill);

    if (oct_unlikely(bits != l->kill_seen || l->withheld_from))
        kill_input(l, bits);
}

/* A person took one scope up from KILLED: its kill bit goes, and no other; the one way that one goes.
 * A bit that was set since and not yet acted on stays, and kills again. */
OCT_COLD static void rearmed(struct oct_lane *l, const struct oct_ladder *m)
{
    uint64_t bit = m->scope == OCT_SCOPE_FIRM       ? OCT_KILL_ALL
                   : m->scope == OCT_SCOPE_STRATEGY ? OCT_KILL_STRATEGY(m->strategy)
                                                    : OCT_KILL_ACCOUNT(m->account);

    bit &= l->kill_seen;
    atomic_fetch_and_explicit(&l->cfg.kill->bits, ~bit, memory_order_acq_rel);
    l->kill_seen &= ~bit;
}

void oct_lane_on_ladder(struct oct_lane *l, const struct oct_ladder *m)
{
    if (l->cfg.state)
        oct_state_set(l->cfg.state, m);
    if (m->prev == OCT_LADDER_KILLED && m->state < OCT_LADDER_KILLED)
        rearmed(l, m);
}

static bool poll_links(struct oct_lane *l)
{
    bool any = false;

    for (uint32_t i = 0; i < OCT_LANE_LINK_CNT; i++) {
        if (!l->cfg.link[i])
            continue;
        int got = oct_link_poll(l->cfg.link[i], l->buf);
        if (got == 0)
            continue;
        any = true;
        struct oct_msg_hdr *m = (struct oct_msg_hdr *)l->buf;
        if (got < 0 || m->type != OCT_IN_CMD || m->sz != sizeof(struct oct_in_cmd)) {
            oct_count(&l->cfg.counters[OCT_LANE_CMD_BAD], 1);
            oct_fault(l->cfg.faults, "lane.bad_command", l->now_ns, i, got < 0 ? 0 : m->type, 0);
            continue;
        }
        m->flags = 0;
        oct_lane_input(l, m);
    }
    return any;
}

/* ---- after a step: what did not leave comes back as inputs ------------------------------------
 */

/* seq is the order id, the one byte of data the action. */
OCT_COLD static void send_failures(struct oct_lane *l)
{
    struct {
        struct oct_in_venue m;
        uint8_t data[8];
    } rec[OCT_LANE_PENDING_MAX];
    uint32_t n = l->unsent_cnt;

    for (uint32_t i = 0; i < n; i++) {
        memset(&rec[i], 0, sizeof rec[i]);
        rec[i].m.hdr.type = OCT_IN_VENUE;
        rec[i].m.hdr.sz = sizeof rec[i];
        rec[i].m.ts_rx_ns = l->now_ns;
        rec[i].m.seq = l->unsent[i].order_id;
        rec[i].m.event = OCT_VENUE_SEND_FAILED;
        rec[i].m.session = l->cfg.session_idx;
        rec[i].m.data_sz = 1;
        rec[i].data[0] = l->unsent[i].action;
    }
    l->unsent_cnt = 0;
    for (uint32_t i = 0; i < n; i++)
        oct_lane_input(l, &rec[i].m.hdr);
}

void oct_lane_after_step(struct oct_lane *l)
{
    l->t_intent = l->t_verdict = 0;
    oct_ring_ready(l->cfg.ring);
    if (oct_unlikely(l->unsent_cnt))
        send_failures(l);
    poll_kill(l);
}

/* ---- recorder -------------------------------------------------------------------------------- */

void oct_lane_watch_recorder(struct oct_lane *l)
{
    const struct oct_ring *r = l->cfg.ring;

    uint64_t durable = l->cfg.recorder ? atomic_load_explicit(&r->durable, memory_order_acquire)
                                       : UINT64_MAX; /* pairs with the recorder's release */
    if (l->mark_pos && durable >= l->mark_pos) {
        struct oct_in_mark m = {OCT_MSG_HDR(IN_MARK, in_mark), .mark = l->mark};
        l->mark_pos = 0;
        oct_lane_input(l, &m.hdr);
    }
    if (!l->cfg.recorder)
        return;
    uint64_t head = atomic_load_explicit(&r->head, memory_order_relaxed);
    uint64_t taken = atomic_load_explicit(&r->recorded, memory_order_relaxed);
    uint64_t behind = head - taken;
    uint8_t state = behind > r->depth                  ? OCT_RECORDER_FAILED
                    : behind > r->depth - r->depth / 8 ? OCT_RECORDER_BEHIND
                    : l->recorder_state == OCT_RECORDER_BEHIND && behind > r->depth / 2
                        ? OCT_RECORDER_BEHIND
                        : OCT_RECORDER_OK;
    if (l->recorder_state == OCT_RECORDER_FAILED)
        state = OCT_RECORDER_FAILED; /* what was lost stays lost */
    if (oct_unlikely(state != l->recorder_state)) {
        struct oct_in_recorder m = {OCT_MSG_HDR(IN_RECORDER, in_recorder),
                                    .lost = behind > r->depth ? behind - r->depth : 0,
                                    .state = state};
        l->recorder_state = state;
        OCT_COUNT_IF(state != OCT_RECORDER_OK, &l->cfg.counters[OCT_LANE_RECORDER_BEHIND]);
        oct_lane_input(l, &m.hdr);
    }
}

/* ---- control ---------------------------------------------------------------------------------- */

/* Its clock does not count, only whether it turns: what it writes is never trusted further. */
void oct_lane_watch_control(struct oct_lane *l)
{
    if (!l->cfg.control)
        return;
    uint64_t turns = atomic_load_explicit(&l->cfg.control->turns, memory_order_relaxed);
    int64_t span = l->control_look_ns ? l->now_ns - l->control_look_ns : 0;

    l->control_look_ns = l->now_ns;
    l->control_quiet_ns += span < OCT_LANE_LOOK_MAX_NS ? span : OCT_LANE_LOOK_MAX_NS;
    if (turns != l->control_turns)
        l->control_quiet_ns = 0;
    uint8_t state = turns != l->control_turns                        ? OCT_CONTROL_ALIVE
                    : l->control_quiet_ns > l->cfg.control_silent_ns ? OCT_CONTROL_SILENT
                                                                     : l->control_state;
    l->control_turns = turns;
    if (oct_likely(state == l->control_state))
        return;
    bool told = state == OCT_CONTROL_SILENT || l->control_state == OCT_CONTROL_SILENT;
    l->control_state = state;
    atomic_store_explicit(&l->cfg.status->control_state, state, memory_order_relaxed);
    if (!told)
        return; /* seen for the first time: nothing was wrong */
    struct oct_in_cmd m = {
        OCT_MSG_HDR(IN_CMD, in_cmd),
        .cmd = state == OCT_CONTROL_SILENT ? OCT_CMD_CONTROL_SILENT : OCT_CMD_CONTROL_BACK,
        .user = {"lane    "},
    };
    if (state == OCT_CONTROL_SILENT) {
        oct_count(&l->cfg.counters[OCT_LANE_CONTROL_SILENCES], 1);
        oct_fault(l->cfg.faults, "control.silent", l->now_ns, turns, (uint64_t)l->control_quiet_ns,
                  0);
    }
    oct_lane_input(l, &m.hdr);
}

/* ---- clock ------------------------------------------------------------------------------------ */

/* After the clock was disciplined: a difference found then means that somebody set the system clock.
 * It counts as good again when nothing was wrong for OCT_LANE_CLOCK_LOOKS looks. */
void oct_lane_watch_clock(struct oct_lane *l)
{
    int64_t jump = l->cfg.clock->err_ns < 0 ? -l->cfg.clock->err_ns : l->cfg.clock->err_ns;
    int64_t told = atomic_load_explicit(l->cfg.clock_error_ns, memory_order_relaxed);
    bool bad = (jump > told ? jump : told) > l->cfg.clock_error_max_ns;

    l->clock_good_looks = bad ? 0 : (uint8_t)(l->clock_good_looks + l->clock_bad);
    if (bad == l->clock_bad || (!bad && l->clock_good_looks < OCT_LANE_CLOCK_LOOKS))
        return;
    l->clock_bad = bad;
    struct oct_in_cmd m = {
        OCT_MSG_HDR(IN_CMD, in_cmd),
        .cmd = bad ? OCT_CMD_CLOCK_BAD : OCT_CMD_CLOCK_GOOD,
        .user = {"lane    "},
    };
    if (bad) {
        oct_count(&l->cfg.counters[OCT_LANE_CLOCK_ERRORS], 1);
        oct_fault(l->cfg.faults, "clock.bad", l->now_ns, (uint64_t)jump, (uint64_t)told,
                  (uint64_t)l->cfg.clock_error_max_ns);
    }
    oct_lane_input(l, &m.hdr);
}

/* ---- lock-step ------------------------------------------------------------------------------- */

void oct_lane_report(struct oct_lane *l, bool idle)
{
    uint8_t p[40];
    uint64_t feed = l->cfg.core->feed_next;
    uint64_t venue = l->cfg.core->venue_next;

    /* The session starts when we are ready for it: logged in, and the account state answered. */
    if (l->cfg.session && !l->cfg.core->venue_ready)
        return;
    if (feed == l->rep_feed && l->sent_cnt == l->rep_sent && venue == l->rep_venue)
        return;
    if (!idle && l->sent_cnt == l->rep_sent && venue == l->rep_venue && ++l->rep_skip < 16)
        return;
    memcpy(p, "OCTPOS01", 8);
    oct_store_be64(p + 8, feed);
    oct_store_be64(p + 16, l->sent_cnt);
    oct_store_be64(p + 24, venue);
    oct_store_be64(p + 32, 0);
    if (l->cfg.nic->ops->tx(l->cfg.nic, l->cfg.report_addr_be, l->cfg.report_port, p, sizeof p))
        return; /* the next turn tries again */
    l->rep_feed = feed;
    l->rep_sent = l->sent_cnt;
    l->rep_venue = venue;
    l->rep_skip = 0;
    oct_count(&l->cfg.counters[OCT_LANE_POSITION_REPORTS], 1);
}

/* ---- the loop -------------------------------------------------------------------------------- */

static void publish_status(struct oct_lane *l)
{
    struct oct_pub_status *s = l->cfg.status;

    atomic_store_explicit(&s->input, l->next_input - 1, memory_order_relaxed);
    atomic_store_explicit(&s->now_ns, l->now_ns, memory_order_relaxed);
    atomic_store_explicit(&s->feed_seq, l->cfg.core->feed_next, memory_order_relaxed);
    if (l->cfg.session)
        atomic_store_explicit(&s->session_state,
                              oct_unlikely(l->cfg.session_hold_ns > 0)
                                  ? OCT_SESSION_HELD
                                  : l->cfg.session->state(l->cfg.session_state),
                              memory_order_relaxed);
    atomic_store_explicit(&l->cfg.pulse->beat_ns, l->now_ns, memory_order_relaxed);
    atomic_store_explicit(&l->cfg.pulse->turns, oct_count_get(&l->cfg.counters[OCT_LANE_TURNS]),
                          memory_order_relaxed);
}

/* Kill word, commands, order session: between any two packets. */
OCT_INLINE bool poll_between(struct oct_lane *l)
{
    poll_kill(l);
    bool any = poll_links(l);
    if (l->cfg.session)
        oct_lane_session_poll(l);
    return any;
}

static void housekeeping(struct oct_lane *l)
{
    int64_t now = oct_lane_clock(l);

    if (oct_timers_next(l->cfg.core->cfg.timers) <= now) {
        struct oct_in_time m = {OCT_MSG_HDR(IN_TIME, in_time)};
        oct_lane_input(l, &m.hdr);
    }
    oct_lane_watch_recorder(l);
    if (l->cfg.collector.deadline(l->cfg.collector.self) <= now)
        l->cfg.collector.tick(l->cfg.collector.self, now);
    if (now < l->slow_at_ns)
        return;
    l->slow_at_ns = now + OCT_LANE_SLOW_NS;
    oct_lane_watch_control(l);
    publish_status(l);
    if (now >= l->clock_at_ns) {
        l->clock_at_ns = now + OCT_NS_PER_S;
        oct_clock_discipline(l->cfg.clock); /* reads the vDSO: no system call */
        oct_lane_watch_clock(l);
    }
}

/* The collector reads a packet from end to end before any message of it is decided. */
OCT_INLINE void fetch_packet(const struct oct_nic_pkt *p)
{
    for (uint32_t off = 0; off < p->sz; off += 64)
        __builtin_prefetch(p->data + off);
}

OCT_HOT bool oct_lane_turn(struct oct_lane *l)
{
    struct oct_nic_pkt pkts[OCT_NIC_BURST];
    struct oct_nic *nic = l->cfg.nic;

    oct_count(&l->cfg.counters[OCT_LANE_TURNS], 1);
    uint64_t input = l->next_input;
    int n = nic->ops->rx(nic, pkts, OCT_NIC_BURST);
    if (n > 0)
        oct_core_burst(l->cfg.core, pkts, (uint32_t)n);
    for (int i = 0; i < n; i++) {
        if (i + 1 < n)
            fetch_packet(&pkts[i + 1]);
        oct_core_burst_at(l->cfg.core, (uint32_t)i);
        oct_lane_clock(l);
        l->cfg.collector.packet(l->cfg.collector.self, &pkts[i], l->now_ns);
        nic->ops->release(nic, &pkts[i], 1);
        poll_between(l);
        if (l->cfg.position_report)
            oct_lane_report(l, false);
    }
    if (n > 0)
        oct_core_burst(l->cfg.core, NULL, 0);
    else
        poll_between(l);
    housekeeping(l);
    bool any = n > 0 || l->next_input != input;
    if (l->cfg.position_report)
        oct_lane_report(l, !any);
    OCT_COUNT_IF(!any, &l->cfg.counters[OCT_LANE_IDLE_TURNS]);
    if (!any && l->worked)
        oct_ring_ready_idle(l->cfg.ring);
    l->worked = any;
    return any;
}

void oct_lane_run(struct oct_lane *l)
{
    uint32_t idle = 0;

    while (!atomic_load_explicit(l->cfg.stop, memory_order_relaxed)) {
        if (oct_lane_turn(l)) {
            idle = 0;
            continue;
        }
        if (l->cfg.busy || ++idle < OCT_LANE_SPIN_TURNS) {
            __builtin_ia32_pause();
            continue;
        }
        l->cfg.nic->ops->wait(l->cfg.nic, OCT_LANE_IDLE_WAIT_NS);
    }
    publish_status(l);
}
