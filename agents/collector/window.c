/* Packets that are ahead of the stream, copied and sorted. */
#include "agents/collector/collector_priv.h"

#include <string.h>

static uint32_t slot_at(const struct oct_collector *c, uint32_t i)
{
    uint32_t at = c->head + i;
    return at < c->cfg.window_pkts ? at : at - c->cfg.window_pkts;
}

static const struct oct_held *held_at(const struct oct_collector *c, uint32_t i)
{
    return &c->held[c->order[slot_at(c, i)]];
}

uint8_t oct_collector_line_out(const struct oct_collector *c, uint32_t line)
{
    return line == c->cfg.line_cnt ? OCT_LINE_REWIND : (uint8_t)line;
}

const struct oct_held *oct_collector_head(const struct oct_collector *c)
{
    return c->held_cnt != 0 ? held_at(c, 0) : NULL;
}

static void set_held(struct oct_collector *c, uint32_t cnt)
{
    c->held_cnt = cnt;
    oct_count_set(oct_collector_ctr(c, OCT_COLLECTOR_HELD), cnt);
    if (cnt > oct_count_get(oct_collector_ctr(c, OCT_COLLECTOR_HELD_MAX)))
        oct_count_set(oct_collector_ctr(c, OCT_COLLECTOR_HELD_MAX), cnt);
}

/* Makes room by letting the farthest go; false when p itself is the farthest. */
static bool make_room(struct oct_collector *c, const struct oct_feed_pkt *p, uint32_t line,
                      int64_t now_ns)
{
    if (c->held_cnt < c->cfg.window_pkts)
        return true;
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_WINDOW_FULL), 1);
    oct_collector_fault(c, "feed.window_full", now_ns, line, p->first_seq, c->next);
    const struct oct_held *last = held_at(c, c->held_cnt - 1);
    if (p->first_seq >= last->first)
        return false;
    c->free[c->free_cnt++] = (uint32_t)(last - c->held);
    set_held(c, c->held_cnt - 1);
    return true;
}

void oct_collector_hold(struct oct_collector *c, const struct oct_feed_pkt *p, uint32_t line,
                        int64_t ts_rx_ns, int64_t now_ns)
{
    uint64_t end = p->first_seq + p->msg_cnt;
    uint32_t i = c->held_cnt;
    while (i > 0 && held_at(c, i - 1)->first > p->first_seq)
        i--;
    if (i > 0 && held_at(c, i - 1)->end >= end)
        return; /* all of it is here already */
    if (!make_room(c, p, line, now_ns))
        return;

    OCT_ASSERT(c->free_cnt > 0);
    uint32_t slot = c->free[--c->free_cnt];
    struct oct_held *h = &c->held[slot];
    *h = (struct oct_held){
        .first = p->first_seq,
        .end = end,
        .ts_rx_ns = ts_rx_ns,
        .since_ns = now_ns,
        .sz = p->blocks_sz,
        .msg_cnt = p->msg_cnt,
        .line = oct_collector_line_out(c, line),
    };
    memcpy(c->buf + (size_t)slot * c->slot_sz, p->blocks, p->blocks_sz);

    /* Packets come nearly sorted: what moves is what arrived before its time. */
    for (uint32_t j = c->held_cnt; j > i; j--)
        c->order[slot_at(c, j)] = c->order[slot_at(c, j - 1)];
    c->order[slot_at(c, i)] = slot;
    set_held(c, c->held_cnt + 1);
    oct_count(oct_collector_line_ctr(c, line, OCT_LINE_HELD), 1);
}

void oct_collector_drain(struct oct_collector *c)
{
    while (c->held_cnt != 0) {
        uint32_t slot = c->order[slot_at(c, 0)];
        const struct oct_held *h = &c->held[slot];
        if (h->first > c->next)
            return;
        if (h->end > c->next)
            oct_collector_deliver(c, h->line, h->ts_rx_ns, h->first, h->msg_cnt,
                                  c->buf + (size_t)slot * c->slot_sz, h->sz);
        c->free[c->free_cnt++] = slot;
        c->head = slot_at(c, 1);
        set_held(c, c->held_cnt - 1);
    }
}
