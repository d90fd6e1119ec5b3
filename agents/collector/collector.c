#include "agents/collector/collector.h"

#include <errno.h>
#include <string.h>

#include "agents/collector/collector_priv.h"
#include "dataplane/base/wire.h"

void oct_collector_fault(struct oct_collector *c, const char *code, int64_t now_ns, uint64_t d0,
                         uint64_t d1, uint64_t d2)
{
    if (c->out.fault != NULL)
        c->out.fault(c->out.self, code, now_ns, d0, d1, d2);
}

/* ---- handing on ------------------------------------------------------------------------------- */

void oct_collector_deliver(struct oct_collector *c, uint8_t line, int64_t ts_rx_ns, uint64_t first,
                           uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz)
{
    uint64_t skip = c->next - first;
    OCT_ASSERT(skip < msg_cnt);
    if (oct_unlikely(skip != 0)) {
        struct oct_feed_cursor cur = {blocks, blocks + sz};
        const uint8_t *msg;
        uint32_t msg_sz;
        for (uint64_t i = 0; i < skip; i++)
            OCT_ASSERT(c->cfg.ops->next(&cur, &msg, &msg_sz));
        sz -= (uint32_t)(cur.p - blocks);
        blocks = cur.p;
        msg_cnt = (uint16_t)(msg_cnt - skip);
        oct_count(oct_collector_ctr(c, OCT_COLLECTOR_OVERLAPS), 1);
    }
    first = c->next;
    c->next = first + msg_cnt;
    uint32_t idx = line == OCT_LINE_REWIND ? c->cfg.line_cnt : line;
    oct_count(oct_collector_line_ctr(c, idx, OCT_LINE_WON), msg_cnt);
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_PKTS), 1);
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_MSGS), msg_cnt);
    oct_count_set(oct_collector_ctr(c, OCT_COLLECTOR_NEXT_SEQ), c->next);
    c->out.on_payload(c->out.self, line, ts_rx_ns, first, msg_cnt, blocks, sz);
    if (oct_unlikely(c->hole != OCT_HOLE_NONE && c->next >= c->hole_to))
        oct_collector_close_hole(c);
}

/* ---- per-line bookkeeping --------------------------------------------------------------------- */

static struct oct_recent *recent_of(struct oct_collector *c, uint64_t first)
{
    return &c->recent[(first * UINT64_C(0x9e3779b97f4a7c15)) >> 54];
}
_Static_assert(OCT_COLLECTOR_RECENT_CNT == 1u << 10, "ten bits of hash");

static void count_skew(struct oct_collector *c, uint32_t line, int64_t skew_ns)
{
    struct oct_line *l = &c->lines[line];
    if (skew_ns < 0)
        skew_ns = 0;
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_SKEW_SAMPLES), 1);
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_SKEW_NS), (uint64_t)skew_ns);
    if (skew_ns > l->skew_max) {
        l->skew_max = skew_ns;
        oct_count_set(oct_collector_line_ctr(c, line, OCT_LINE_SKEW_NS_MAX), (uint64_t)skew_ns);
    }
}

/* Who has seen this packet, how much later than the first, and what the line itself lacks. */
static void track_line(struct oct_collector *c, uint32_t line, const struct oct_feed_pkt *p,
                       int64_t ts_rx_ns)
{
    struct oct_line *l = &c->lines[line];
    struct oct_recent *r = recent_of(c, p->first_seq);
    uint64_t end = p->first_seq + p->msg_cnt;
    uint32_t bit = 1u << line;
    bool again = false;

    if (r->lines != 0 && r->first == p->first_seq) {
        again = (r->lines & bit) != 0;
        if (!again && line < c->cfg.line_cnt)
            count_skew(c, line, ts_rx_ns - r->ts_rx_ns);
        r->lines |= bit;
    } else if (p->first_seq >= c->next || r->lines == 0) {
        *r = (struct oct_recent){.first = p->first_seq, .ts_rx_ns = ts_rx_ns, .lines = bit};
    }
    if (oct_unlikely(again))
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_REPEATED), 1);
    if (line == c->cfg.line_cnt)
        return;

    if (oct_likely(p->first_seq >= l->next)) {
        if (oct_unlikely(p->first_seq > l->next && l->next != 0))
            l->missing += p->first_seq - l->next;
    } else if (!again) {
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_LATE), 1);
        l->missing = l->missing > p->msg_cnt ? l->missing - p->msg_cnt : 0;
    }
    if (end > l->next) {
        l->next = end;
        oct_count_set(oct_collector_line_ctr(c, line, OCT_LINE_NEXT_SEQ), end);
    }
    oct_count_set(oct_collector_line_ctr(c, line, OCT_LINE_MISSING), l->missing);
}

/* True when the line stays within back_max of its newest; else counted, and BAD when it goes on. */
static bool check_backward(struct oct_collector *c, uint32_t line, uint64_t end, int64_t now_ns)
{
    struct oct_line *l = &c->lines[line];
    if (oct_likely(line == c->cfg.line_cnt || l->next <= c->cfg.back_max ||
                   end >= l->next - c->cfg.back_max)) {
        l->back_run = 0;
        return true;
    }
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_BACKWARD), 1);
    oct_collector_fault(c, "feed.backward", now_ns, line, end, l->next);
    if (++l->back_run == OCT_COLLECTOR_CONFIRM && !c->ended) {
        c->live = false;
        c->out.on_event(c->out.self, OCT_FEED_BAD, end, c->next);
    }
    return false;
}

/* True when seq is within jump_max of what is known, or when enough packets in a row agree that the
 * stream is there now: one corrupt number must not carry the stream away. */
static bool check_jump(struct oct_collector *c, uint32_t line, uint64_t seq, uint64_t end,
                       int64_t now_ns)
{
    if (oct_likely(seq <= c->known || seq - c->known <= c->cfg.jump_max)) {
        c->jump_cnt = 0; /* the stream is still where it was */
        return true;
    }
    if (c->jump_cnt == 0 || seq < c->jump_first || seq - c->jump_first > c->cfg.jump_max) {
        c->jump_first = seq;
        c->jump_next = end;
        c->jump_cnt = 1;
    } else if (seq >= c->jump_next) { /* below: another line's copy, which proves nothing */
        c->jump_next = end;
        c->jump_cnt++;
    }
    if (c->jump_cnt >= OCT_COLLECTOR_CONFIRM) {
        c->jump_cnt = 0;
        return true;
    }
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_JUMP), 1);
    oct_collector_fault(c, "feed.jump", now_ns, line, seq, c->next);
    return false;
}

/* ---- packets ---------------------------------------------------------------------------------- */

static void raise_known(struct oct_collector *c, uint64_t seq, int64_t now_ns)
{
    if (seq > c->known) {
        c->known = seq;
        c->known_ns = now_ns;
    }
}

/* The first packet of the session has come: begin there if that was asked for. */
OCT_COLD static void start(struct oct_collector *c, uint64_t seq, int64_t now_ns)
{
    c->started = true;
    if (c->cfg.start != OCT_COLLECTOR_START_ACCEPT || seq <= c->next)
        return;
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_GAPS), 1);
    oct_collector_stale(c, seq, now_ns);
}

/* A packet that is to be believed. */
OCT_INLINE void heard(struct oct_collector *c, uint64_t seq, int64_t now_ns)
{
    c->last_rx_ns = now_ns;
    c->silent = false;
    if (oct_unlikely(!c->started))
        start(c, seq, now_ns);
}

/* A packet without messages: the number it carries is the next to come. */
static void take_mark(struct oct_collector *c, uint32_t line, const struct oct_feed_pkt *p,
                      int64_t now_ns)
{
    bool end = p->kind == OCT_FEED_PKT_END;
    oct_count(oct_collector_line_ctr(c, line, end ? OCT_LINE_END : OCT_LINE_HEARTBEAT), 1);
    if (!check_backward(c, line, p->first_seq, now_ns) ||
        !check_jump(c, line, p->first_seq, p->first_seq, now_ns))
        return;
    heard(c, p->first_seq, now_ns);
    if (end && p->first_seq < c->known) {
        /* An end before what we have seen is no end. */
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_BACKWARD), 1);
        oct_collector_fault(c, "feed.backward", now_ns, line, p->first_seq, c->known);
    } else if (end && !c->end_known) {
        c->end_known = true;
        c->end_seq = p->first_seq;
    }
    if (!c->end_known || p->first_seq <= c->end_seq)
        raise_known(c, p->first_seq, now_ns);
    oct_collector_advance(c, now_ns);
}

static void take_data(struct oct_collector *c, uint32_t line, const struct oct_feed_pkt *p,
                      int64_t ts_rx_ns, int64_t now_ns)
{
    uint64_t end = p->first_seq + p->msg_cnt;

    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_MSGS), p->msg_cnt);
    if (oct_unlikely(!check_backward(c, line, end, now_ns) ||
                     !check_jump(c, line, p->first_seq, end, now_ns)))
        return;
    if (oct_unlikely(c->end_known && end > c->end_seq)) {
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_AFTER_END), 1);
        oct_collector_fault(c, "feed.after_end", now_ns, line, end, c->end_seq);
        return;
    }
    heard(c, p->first_seq, now_ns);
    track_line(c, line, p, ts_rx_ns);
    raise_known(c, end, now_ns);
    if (line == c->cfg.line_cnt)
        oct_collector_answer(c, p->msg_cnt, end);

    if (end <= c->next) {
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_DUPLICATE), 1);
    } else if (p->first_seq <= c->next) {
        if (c->hole == OCT_HOLE_NONE)
            oct_collector_current(c);
        oct_collector_deliver(c, oct_collector_line_out(c, line), ts_rx_ns, p->first_seq,
                              p->msg_cnt, p->blocks, p->blocks_sz);
    } else {
        oct_collector_hold(c, p, line, ts_rx_ns, now_ns);
    }
    oct_collector_advance(c, now_ns);
}

/* Reads the header; false, counted, when the packet is not one. */
static bool read_packet(struct oct_collector *c, uint32_t line, const struct oct_nic_pkt *pkt,
                        struct oct_feed_pkt *p, int64_t now_ns)
{
    if (oct_unlikely(pkt->truncated)) {
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_TRUNCATED), 1);
        oct_collector_fault(c, "feed.truncated", now_ns, line, pkt->sz, c->cfg.pkt_sz_max);
        return false;
    }
    if (oct_unlikely(pkt->sz > c->cfg.pkt_sz_max)) {
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_OVERSIZE), 1);
        oct_collector_fault(c, "feed.oversize", now_ns, line, pkt->sz, c->cfg.pkt_sz_max);
        return false;
    }
    enum oct_feed_error err = c->cfg.ops->packet(pkt->data, pkt->sz, p);
    if (oct_unlikely(err == OCT_FEED_OK && p->first_seq > UINT64_MAX - p->msg_cnt))
        err = OCT_FEED_E_VALUE;
    if (oct_unlikely(err != OCT_FEED_OK)) {
        oct_count(oct_collector_line_ctr(c, line, OCT_LINE_MALFORMED), 1);
        oct_collector_fault(c, "feed.malformed", now_ns, line, (uint64_t)-err, pkt->sz);
        return false;
    }
    return true;
}

/* True for a packet of our session; the first packet of a line names it when nothing else did. */
static bool check_session(struct oct_collector *c, uint32_t line, const struct oct_feed_pkt *p,
                          int64_t now_ns)
{
    if (oct_likely(c->have_session && memcmp(c->session, p->session, sizeof(c->session)) == 0))
        return true;
    if (!c->have_session && line != c->cfg.line_cnt) {
        memcpy(c->session, p->session, sizeof(c->session));
        c->have_session = true;
        return true;
    }
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_WRONG_SESSION), 1);
    oct_collector_fault(c, "feed.wrong_session", now_ns, line, oct_load_be64(p->session),
                        p->first_seq);
    return false;
}

void oct_collector_packet(struct oct_collector *c, const struct oct_nic_pkt *pkt, int64_t now_ns)
{
    struct oct_feed_pkt p;
    uint32_t line = pkt->line == OCT_LINE_REWIND ? c->cfg.line_cnt : pkt->line;

    if (oct_unlikely(line > c->cfg.line_cnt ||
                     (line == c->cfg.line_cnt && pkt->line != OCT_LINE_REWIND))) {
        oct_count(oct_collector_ctr(c, OCT_COLLECTOR_UNKNOWN_LINE), 1);
        oct_collector_fault(c, "feed.unknown_line", now_ns, pkt->line, pkt->sz, 0);
        return;
    }
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_PKTS), 1);
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_BYTES), pkt->sz);
    oct_count_set(oct_collector_line_ctr(c, line, OCT_LINE_LAST_RX_NS), (uint64_t)pkt->ts_rx_ns);
    if (oct_unlikely(!read_packet(c, line, pkt, &p, now_ns) || !check_session(c, line, &p, now_ns)))
        return;
    if (oct_likely(p.kind == OCT_FEED_PKT_DATA))
        take_data(c, line, &p, pkt->ts_rx_ns, now_ns);
    else
        take_mark(c, line, &p, now_ns);
}

/* ---- time ------------------------------------------------------------------------------------- */

static int64_t silence_deadline(const struct oct_collector *c)
{
    if (c->cfg.silence_ns == 0 || !c->started || c->silent || c->ended)
        return INT64_MAX;
    return c->last_rx_ns + c->cfg.silence_ns;
}

OCT_COLD static void fall_silent(struct oct_collector *c, int64_t now_ns)
{
    c->silent = true;
    c->live = false;
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_SILENCES), 1);
    oct_collector_fault(c, "feed.silent", now_ns, (uint64_t)c->last_rx_ns, c->next, 0);
    c->out.on_event(c->out.self, OCT_FEED_STALE, c->next, c->next);
}

void oct_collector_tick(struct oct_collector *c, int64_t now_ns)
{
    /* Ends: each turn asks with a deadline ahead, or gives up a hole, of which the window bounds
     * the number. */
    while (oct_unlikely(now_ns >= c->deadline_ns))
        oct_collector_overdue(c, now_ns);
    if (oct_unlikely(now_ns >= silence_deadline(c)))
        fall_silent(c, now_ns);
}

int64_t oct_collector_deadline(const struct oct_collector *c)
{
    int64_t silence = silence_deadline(c);
    return silence < c->deadline_ns ? silence : c->deadline_ns;
}

/* ---- life ------------------------------------------------------------------------------------- */

void oct_collector_cfg_default(struct oct_collector_cfg *cfg)
{
    *cfg = (struct oct_collector_cfg){
        .first_seq = 1,
        .retry_max = 5,
        .request_max = 65534,
        .window_pkts = 4096,
        .pkt_sz_max = 1500,
        .jump_max = UINT64_C(1) << 20,
        .back_max = UINT64_C(1) << 16,
        .reorder_ns = 200 * INT64_C(1000),
        .retry_ns = 10 * INT64_C(1000000),
        .gap_timeout_ns = 250 * INT64_C(1000000),
    };
}

static bool cfg_valid(const struct oct_collector_cfg *cfg)
{
    return cfg->ops != NULL && cfg->start <= OCT_COLLECTOR_START_ACCEPT && cfg->line_cnt >= 1 &&
           cfg->line_cnt <= OCT_COLLECTOR_LINE_MAX && cfg->rewind_cnt <= OCT_COLLECTOR_REWIND_MAX &&
           cfg->request_max >= 1 && cfg->request_max <= 65534 && cfg->window_pkts >= 1 &&
           cfg->window_pkts <= OCT_COLLECTOR_WINDOW_MAX && cfg->pkt_sz_max >= 20 &&
           cfg->pkt_sz_max <= UINT16_MAX && cfg->jump_max >= 1 && cfg->reorder_ns >= 0 &&
           cfg->retry_ns > 0 && cfg->gap_timeout_ns >= 0 && cfg->silence_ns >= 0;
}

struct layout {
    size_t order;
    size_t free;
    size_t held;
    size_t buf;
    size_t sz;
    uint32_t slot_sz;
};

static struct layout layout_of(const struct oct_collector_cfg *cfg)
{
    struct layout l;
    size_t n = cfg->window_pkts;
    l.slot_sz = (uint32_t)oct_align_up(cfg->pkt_sz_max + OCT_NIC_PAD, 64);
    l.order = oct_align_up(sizeof(struct oct_collector), OCT_BLOCK_SZ);
    l.free = oct_align_up(l.order + n * sizeof(uint32_t), OCT_BLOCK_SZ);
    l.held = oct_align_up(l.free + n * sizeof(uint32_t), OCT_BLOCK_SZ);
    l.buf = oct_align_up(l.held + n * sizeof(struct oct_held), OCT_BLOCK_SZ);
    l.sz = oct_align_up(l.buf + n * l.slot_sz, OCT_BLOCK_SZ);
    return l;
}

size_t oct_collector_footprint(const struct oct_collector_cfg *cfg)
{
    return cfg_valid(cfg) ? layout_of(cfg).sz : 0;
}

struct oct_collector *oct_collector_new(void *mem, const struct oct_collector_cfg *cfg,
                                        const struct oct_collector_out *out)
{
    static const uint8_t blank[16];
    if (!cfg_valid(cfg))
        return NULL;
    OCT_ASSERT(out->on_payload != NULL && out->on_event != NULL && cfg->counters != NULL);
    OCT_ASSERT(cfg->rewind_cnt == 0 || out->request != NULL);
    for (uint32_t i = 0; i <= cfg->line_cnt; i++)
        OCT_ASSERT(cfg->line_counters[i] != NULL);

    struct layout l = layout_of(cfg);
    struct oct_collector *c = mem;
    memset(mem, 0, l.sz);
    c->cfg = *cfg;
    c->out = *out;
    c->next = cfg->first_seq;
    c->known = cfg->first_seq;
    c->have_session = memcmp(cfg->session, blank, sizeof(blank)) != 0;
    memcpy(c->session, cfg->session, sizeof(c->session));
    c->deadline_ns = INT64_MAX;
    c->fit = cfg->request_max;
    c->slot_sz = l.slot_sz;
    c->order = (uint32_t *)((uint8_t *)mem + l.order);
    c->free = (uint32_t *)((uint8_t *)mem + l.free);
    c->held = (struct oct_held *)((uint8_t *)mem + l.held);
    c->buf = (uint8_t *)mem + l.buf;
    for (uint32_t i = 0; i < cfg->window_pkts; i++)
        c->free[c->free_cnt++] = cfg->window_pkts - 1 - i;
    return c;
}

int oct_collector_resume(struct oct_collector *c, uint64_t next_seq)
{
    if (c->started)
        return -EBUSY;
    c->next = next_seq;
    c->known = next_seq;
    return 0;
}

uint64_t oct_collector_next_seq(const struct oct_collector *c)
{
    return c->next;
}

void oct_collector_snapshot(const struct oct_collector *c, struct oct_collector_snapshot *out)
{
    bool open = c->hole == OCT_HOLE_OPEN;
    *out = (struct oct_collector_snapshot){
        .next_seq = c->next,
        .known_seq = c->known,
        .gap_from = open ? c->hole_from : 0,
        .gap_to = open ? c->hole_to : 0,
        .held_pkts = c->held_cnt,
        .tries = open ? c->tries : 0,
        .silent = c->silent,
        .servers_down = c->strikes >= OCT_COLLECTOR_DOWN,
    };
    memcpy(out->session, c->session, sizeof(out->session));
    if (!c->started)
        out->state = OCT_COLLECTOR_WAITING;
    else if (c->ended)
        out->state = OCT_COLLECTOR_ENDED;
    else if (c->hole == OCT_HOLE_NONE)
        out->state = OCT_COLLECTOR_LIVE;
    else
        out->state = open ? OCT_COLLECTOR_RECOVERING : OCT_COLLECTOR_REORDERING;
}
