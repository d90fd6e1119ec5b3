#include "dataplane/lane/core.h"

#include <string.h>

#include "dataplane/base/hash.h"

const struct oct_counter_def oct_core_counter_defs[OCT_CORE_COUNTER_CNT] = {
    [OCT_CORE_INPUTS] = {"lane_inputs", "Inputs numbered by the lane.", OCT_COUNTER_TOTAL},
    [OCT_CORE_MESSAGES] = {"lane_messages", "Market-data messages decoded.", OCT_COUNTER_TOTAL},
    [OCT_CORE_MD_UNKNOWN_TYPE] = {"lane_unknown_messages",
                                  "Market-data messages of a type we do not know, skipped.",
                                  OCT_COUNTER_TOTAL},
    [OCT_CORE_MD_BAD] = {"lane_bad_messages",
                         "Market-data messages that did not decode; books may be wrong after one.",
                         OCT_COUNTER_TOTAL},
    [OCT_CORE_VENUE_MESSAGES] = {"lane_venue_messages", "Order-session messages decoded.",
                                 OCT_COUNTER_TOTAL},
    [OCT_CORE_VENUE_BAD] = {"lane_bad_venue_messages",
                            "Order-session messages that did not decode.", OCT_COUNTER_TOTAL},
    [OCT_CORE_TIMERS] = {"lane_timers", "Timers fired.", OCT_COUNTER_TOTAL},
    [OCT_CORE_BAD_INPUT] = {"lane_bad_inputs", "Input records that were not usable.",
                            OCT_COUNTER_TOTAL},
};

void oct_core_init(struct oct_core *c, const struct oct_core_cfg *cfg)
{
    memset(c, 0, sizeof *c);
    c->cfg = *cfg;
    c->step.out = &c->cfg.out;
    c->step.timers = cfg->timers;
    c->feed_next = 1;
    c->venue_next = 1;
    for (uint32_t i = 0; i < OCT_CORE_AHEAD_CNT; i++)
        c->ahead.ent[i].md = (struct oct_md){OCT_MSG_HDR(MD, md)};
    c->ahead.other.md = (struct oct_md){OCT_MSG_HDR(MD, md)};
}

static void call(const struct oct_agent *a, struct oct_core *c, const struct oct_msg_hdr *m)
{
    a->on_msg(a->self, &c->step, m);
}

static void fire_timers(struct oct_core *c)
{
    struct oct_timer m = {OCT_MSG_HDR(TIMER, timer)};

    while (oct_timers_pop(c->cfg.timers, c->step.now_ns, &m.id, &m.deadline_ns)) {
        m.hdr.input = c->step.input;
        oct_count(&c->cfg.counters[OCT_CORE_TIMERS], 1);
        switch (m.id >> 56) {
        case OCT_AGENT_REALTIME:
            call(&c->cfg.realtime, c, &m.hdr);
            break;
        case OCT_AGENT_STRATEGY:
            call(&c->cfg.strategy, c, &m.hdr);
            break;
        case OCT_AGENT_RISK:
            call(&c->cfg.risk, c, &m.hdr);
            break;
        case OCT_AGENT_EXECUTION:
            call(&c->cfg.execution, c, &m.hdr);
            break;
        default:
            OCT_ASSERT(m.id == 0); /* a timer of no agent */
        }
    }
}

/* Every input begins here: its number and time become those of the step, and what is due fires
 * before the input itself is looked at. */
static void begin(struct oct_core *c, const struct oct_msg_hdr *m, int64_t now_ns)
{
    c->step.input = m->input;
    if (now_ns > c->step.now_ns)
        c->step.now_ns = now_ns;
    c->step.ts_rx_ns = 0;
    c->step.ts_exch_ns = 0;
    c->step.feed_seq = 0;
    oct_count(&c->cfg.counters[OCT_CORE_INPUTS], 1);
    if (oct_unlikely(oct_timers_next(c->cfg.timers) <= c->step.now_ns))
        fire_timers(c);
}

OCT_COLD static void md_failed(struct oct_core *c, enum oct_feed_error err, const uint8_t *msg,
                               uint32_t sz, uint64_t seq)
{
    uint64_t type = sz ? msg[0] : 0;

    if (err == OCT_FEED_E_TYPE) {
        oct_count(&c->cfg.counters[OCT_CORE_MD_UNKNOWN_TYPE], 1);
        oct_fault(c->cfg.faults, "feed.unknown_type", c->step.now_ns, seq, type, sz);
        return;
    }
    oct_count(&c->cfg.counters[OCT_CORE_MD_BAD], 1);
    oct_fault(c->cfg.faults, "feed.bad_message", c->step.now_ns, seq, type,
              sz | (uint64_t)(uint32_t)-err << 32);
    struct oct_in_feed ev = {
        OCT_MSG_HDR(IN_FEED, in_feed), .now_ns = c->step.now_ns, .from_seq = seq, .to_seq = seq + 1,
        .event = OCT_FEED_BAD,
    };
    ev.hdr.input = c->step.input;
    call(&c->cfg.realtime, c, &ev.hdr);
}

/* ---- looking ahead ---------------------------------------------------------------------------- */

static void open_packet(struct oct_core *c, uint32_t idx)
{
    struct oct_core_ahead *a = &c->ahead;
    const struct oct_nic_pkt *p = &a->pkts[idx];
    uint32_t skip = p->sz < c->cfg.feed->hdr_sz ? p->sz : c->cfg.feed->hdr_sz;

    a->pkt = idx;
    a->cur = (struct oct_feed_cursor){p->data + skip, p->data + p->sz};
}

void oct_core_burst(struct oct_core *c, const struct oct_nic_pkt *pkts, uint32_t cnt)
{
    struct oct_core_ahead *a = &c->ahead;

    a->pkts = cnt ? pkts : NULL;
    a->pkt_cnt = cnt;
    a->got = a->staged = a->put = 0;
    a->cur = (struct oct_feed_cursor){NULL, NULL};
    if (cnt)
        open_packet(c, 0);
}

/* The next block of a cursor; false at its end. */
OCT_INLINE bool take_block(const struct oct_core *c, struct oct_feed_cursor *cur,
                           struct oct_core_seen *s)
{
    s->at = cur->p;
    if (!c->cfg.feed->next(cur, &s->msg, &s->sz))
        return false;
    s->next = cur->p;
    s->err = c->cfg.feed->decode(s->msg, s->sz, c->midnight_ns, c->cfg.inst_base, &s->md);
    return true;
}

/* What did not decode leaves the slot's last message, which is as good a hint as any.  No branches:
 * what a message is, is a coin toss. */
OCT_INLINE void hint_of(const struct oct_md *md, struct oct_book_hint *hint)
{
    hint->ref = md->ref;
    hint->new_ref = md->ref2 & (0 - (uint64_t)(md->kind == OCT_MD_REPLACE));
    hint->px = md->px;
    hint->inst = md->inst;
    hint->side = md->side | (uint32_t)(md->kind != OCT_MD_ADD) << 1;
}

/* Stage 1 of one more message; false when there is none. */
OCT_INLINE bool pull(struct oct_core *c)
{
    struct oct_core_ahead *a = &c->ahead;
    struct oct_core_seen *s = &a->ent[a->put % OCT_CORE_AHEAD_CNT];

    while (!take_block(c, &a->cur, s)) {
        if (a->pkt + 1 >= a->pkt_cnt)
            return false;
        open_packet(c, a->pkt + 1);
    }
    bool lone = a->put++ == a->got;
    s->pkt = a->pkt;
    hint_of(&s->md, &s->hint);
    (lone ? c->cfg.prefetch_lone : c->cfg.prefetch1)(c->cfg.prefetch_self, &s->hint);
    return true;
}

OCT_INLINE void stage1(struct oct_core *c)
{
    const struct oct_core_ahead *a = &c->ahead;

    while (a->put - a->got <= OCT_CORE_AHEAD1 && pull(c))
        ;
}

OCT_INLINE struct oct_book_hint *hint_at(struct oct_core *c, uint32_t i)
{
    return &c->ahead.ent[i % OCT_CORE_AHEAD_CNT].hint;
}

/* Stage 2 as far as it may look, and stages 3 and 4 of the messages that many behind it. */
OCT_INLINE void stage2(struct oct_core *c)
{
    struct oct_core_ahead *a = &c->ahead;

    for (; a->staged != a->put && a->staged - a->got <= OCT_CORE_AHEAD2; a->staged++) {
        uint32_t i = a->staged, far = i - a->got;
        c->cfg.prefetch2(c->cfg.prefetch_self, hint_at(c, i));
        i -= OCT_CORE_AHEAD2 - OCT_CORE_AHEAD3;
        if (oct_likely(far >= OCT_CORE_AHEAD2 - OCT_CORE_AHEAD3))
            c->cfg.prefetch3(c->cfg.prefetch_self, hint_at(c, i));
        i -= OCT_CORE_AHEAD3 - OCT_CORE_AHEAD4;
        if (oct_likely(far >= OCT_CORE_AHEAD2 - OCT_CORE_AHEAD4))
            c->cfg.prefetch4(c->cfg.prefetch_self, hint_at(c, i));
    }
}

/* The packet's next message, which is decided next; NULL at its end. */
OCT_INLINE struct oct_core_seen *next_message(struct oct_core *c, struct oct_feed_cursor *cur)
{
    struct oct_core_ahead *a = &c->ahead;
    struct oct_core_seen *s = &a->ent[a->got % OCT_CORE_AHEAD_CNT];

    if (oct_likely(c->cfg.prefetch)) {
        stage1(c);
        stage2(c);
        if (oct_likely(a->got != a->put && s->at == cur->p && s->next <= cur->end)) {
            a->got++;
            cur->p = s->next;
            return s;
        }
    }
    return take_block(c, cur, &a->other) ? &a->other : NULL;
}

void oct_core_burst_at(struct oct_core *c, uint32_t idx)
{
    struct oct_core_ahead *a = &c->ahead;

    while (a->got != a->put && a->ent[a->got % OCT_CORE_AHEAD_CNT].pkt < idx)
        a->got++;
    if (a->staged < a->got)
        a->staged = a->got;
    if (a->pkt < idx)
        open_packet(c, idx);
    if (c->cfg.prefetch)
        stage1(c);
}

/* Where nothing else hides the misses of an order that may come of a message, they are asked for at
 * once, at a price that many messages together would not pay. */
OCT_INLINE void look_alone(struct oct_core *c)
{
    struct oct_core_ahead *a = &c->ahead;

    if (a->put - a->got == 1 && a->pkt + 1 >= a->pkt_cnt)
        c->cfg.prefetch_alone(c->cfg.prefetch_self, hint_at(c, a->got));
}

void oct_core_burst_near(struct oct_core *c)
{
    if (c->cfg.prefetch) {
        stage2(c);
        look_alone(c);
    }
}

/* ---- packets ---------------------------------------------------------------------------------- */

OCT_INLINE void run_message(struct oct_core *c, struct oct_core_seen *s, uint64_t seq)
{
    const struct oct_core_cfg *cfg = &c->cfg;

    c->step.feed_seq = seq;
    if (oct_unlikely(s->err != OCT_FEED_OK)) {
        md_failed(c, (enum oct_feed_error)s->err, s->msg, s->sz, seq);
        return;
    }
    oct_count(&cfg->types[s->msg[0]], 1);
    s->md.hdr.input = c->step.input;
    c->step.ts_exch_ns = s->md.ts_exch_ns;
    cfg->realtime.on_msg(cfg->realtime.self, &c->step, &s->md.hdr);
}

OCT_HOT void oct_core_packet(struct oct_core *c, const struct oct_in_packet *m,
                             const uint8_t *blocks)
{
    struct oct_feed_cursor cur = {blocks, blocks + m->pkt_sz};
    struct oct_core_seen *s;
    uint64_t seq = m->first_seq;

    begin(c, &m->hdr, m->now_ns);
    c->step.ts_rx_ns = m->ts_rx_ns;
    if (!c->ahead.pkts) {
        oct_core_burst(c, NULL, 0);
        c->ahead.cur = cur;
    }
    for (; (s = next_message(c, &cur)) != NULL; seq++)
        run_message(c, s, seq);
    oct_count(&c->cfg.counters[OCT_CORE_MESSAGES], seq - m->first_seq);
    if (oct_unlikely(seq != m->first_seq + m->msg_cnt)) {
        oct_count(&c->cfg.counters[OCT_CORE_BAD_INPUT], 1);
        oct_fault(c->cfg.faults, "lane.packet_count", c->step.now_ns, m->first_seq, m->msg_cnt,
                  seq - m->first_seq);
    }
    c->feed_next = m->first_seq + m->msg_cnt;
}

static void bad_input(struct oct_core *c, const struct oct_msg_hdr *m, uint64_t why)
{
    oct_count(&c->cfg.counters[OCT_CORE_BAD_INPUT], 1);
    oct_fault(c->cfg.faults, "lane.bad_input", c->step.now_ns, m->input, m->type, why);
}

/* Fragments of one packet come in order and back to back. */
static void on_fragment(struct oct_core *c, const struct oct_in_packet *m)
{
    if (m->frag_off == 0) {
        c->frag_input = m->hdr.input;
        c->frag_have = 0;
    }
    if (m->hdr.input != c->frag_input || m->frag_off != c->frag_have ||
        (uint32_t)m->frag_off + m->frag_sz > m->pkt_sz) {
        bad_input(c, &m->hdr, m->frag_off);
        return;
    }
    memcpy(c->frag + m->frag_off, OCT_MSG_DATA(m), m->frag_sz);
    c->frag_have += m->frag_sz;
    if (c->frag_have == m->pkt_sz) {
        memset(c->frag + c->frag_have, 0, 64);
        oct_core_packet(c, m, c->frag);
    }
}

static void on_venue(struct oct_core *c, const struct oct_in_venue *m)
{
    begin(c, &m->hdr, m->now_ns);
    c->step.ts_rx_ns = m->ts_rx_ns;
    if (m->event != OCT_VENUE_DATA) {
        call(&c->cfg.execution, c, &m->hdr);
        call(&c->cfg.risk, c, &m->hdr);
        return;
    }
    struct oct_ven ven = {OCT_MSG_HDR(VEN, ven)};
    uint32_t off = 0;
    c->venue_next = m->seq + 1;
    c->venue_user_ref = 0;
    oct_count(&c->cfg.counters[OCT_CORE_VENUE_MESSAGES], 1);
    if (c->cfg.orders->decode(OCT_MSG_DATA(m), m->data_sz, c->midnight_ns, &ven, &off)) {
        oct_count(&c->cfg.counters[OCT_CORE_VENUE_BAD], 1);
        oct_fault(c->cfg.faults, "venue.bad_message", c->step.now_ns, m->seq, off,
                  m->data_sz ? *OCT_MSG_DATA(m) : 0);
        return;
    }
    c->venue_user_ref = ven.user_ref;
    c->venue_ready |= ven.event == OCT_VEN_ACCOUNT;
    ven.hdr.input = m->hdr.input;
    ven.session = m->session;
    ven.seq = m->seq;
    c->step.ts_exch_ns = ven.ts_exch_ns;
    call(&c->cfg.execution, c, &ven.hdr);
}

/* Inputs that every agent may have a part in. */
static void to_all(struct oct_core *c, const struct oct_msg_hdr *m)
{
    call(&c->cfg.realtime, c, m);
    call(&c->cfg.execution, c, m);
    call(&c->cfg.risk, c, m);
    call(&c->cfg.strategy, c, m);
}

static void on_start(struct oct_core *c, const struct oct_in_start *m)
{
    c->midnight_ns = m->midnight_ns;
    c->ahead.got = c->ahead.staged = c->ahead.put; /* these had another midnight */
    c->venue_ready = false;
    begin(c, &m->hdr, m->now_ns);
    to_all(c, &m->hdr);
}

void oct_core_input(struct oct_core *c, const struct oct_msg_hdr *m)
{
    /* now_ns is the first field of every input record. */
    int64_t now_ns = ((const struct oct_in_time *)m)->now_ns;

    switch (m->type) {
    case OCT_IN_PACKET:
        on_fragment(c, (const struct oct_in_packet *)m);
        break;
    case OCT_IN_VENUE:
        on_venue(c, (const struct oct_in_venue *)m);
        break;
    case OCT_IN_START:
        on_start(c, (const struct oct_in_start *)m);
        break;
    case OCT_IN_TIME:
        begin(c, m, now_ns);
        break;
    default:
        if (!oct_msg_is_input(m->type)) {
            bad_input(c, m, 0);
            return;
        }
        begin(c, m, now_ns);
        to_all(c, m);
        break;
    }
}

uint64_t oct_core_digest(const struct oct_core *c)
{
    const struct oct_agent *agents[] = {&c->cfg.realtime, &c->cfg.strategy, &c->cfg.risk,
                                        &c->cfg.execution};
    uint64_t own[4] = {(uint64_t)c->step.now_ns, c->feed_next, c->venue_next,
                       oct_timers_digest(c->cfg.timers)};
    uint64_t h = oct_digest64(0, own, sizeof own);

    for (size_t i = 0; i < OCT_ARRAY_CNT(agents); i++) {
        uint64_t d = agents[i]->digest(agents[i]->self);
        h = oct_digest64(h, &d, sizeof d);
    }
    return h;
}
