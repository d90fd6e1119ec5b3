/* What is missing: waiting for it, asking for it, giving it up. */
#include "agents/collector/collector_priv.h"

#include <string.h>

/* Up to where messages are missing at the front: the window may begin inside the hole. */
static uint64_t missing_to(const struct oct_collector *c, uint64_t limit)
{
    const struct oct_held *h = oct_collector_head(c);
    return h != NULL && h->first < limit ? h->first : limit;
}

static bool servers_down(const struct oct_collector *c)
{
    return c->strikes >= OCT_COLLECTOR_DOWN;
}

static void send_request(struct oct_collector *c, int64_t now_ns)
{
    struct oct_feed_pkt like = {.kind = OCT_FEED_PKT_DATA};
    uint8_t buf[64];
    uint64_t cnt = missing_to(c, c->hole_to) - c->next;
    if (cnt > c->fit)
        cnt = c->fit;
    memcpy(like.session, c->session, sizeof(like.session));
    uint32_t sz = c->cfg.ops->request(&like, c->next, (uint16_t)cnt, buf);
    OCT_ASSERT(cnt > 0 && sz <= sizeof(buf));

    c->req_from = c->next;
    c->req_to = c->next + cnt;
    c->requests++;
    c->answered = false;
    c->deadline_ns = now_ns + c->cfg.retry_ns;
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_REQUESTS), 1);
    int err = c->out.request(c->out.self, c->server, buf, sz);
    if (oct_unlikely(err != 0)) {
        oct_count(oct_collector_ctr(c, OCT_COLLECTOR_REQUEST_ERRORS), 1);
        oct_collector_fault(c, "feed.request_failed", now_ns, c->server, (uint64_t)-err, c->next);
    }
}

/* The wait is over: this is a gap. */
OCT_COLD static void declare(struct oct_collector *c, int64_t now_ns)
{
    c->hole = OCT_HOLE_OPEN;
    c->hole_from = c->next;
    c->tries = 0;
    c->requests = 0;
    c->fit = c->cfg.request_max;
    c->live = false;
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_GAPS), 1);
    c->out.on_event(c->out.self, OCT_FEED_GAP, c->hole_from, c->hole_to);
    if (c->cfg.rewind_cnt != 0)
        send_request(c, now_ns);
    /* Nobody answers: the age of the gap counts, so that many gaps do not queue up. */
    if (c->cfg.rewind_cnt == 0 || servers_down(c))
        c->deadline_ns = c->hole_since_ns + c->cfg.gap_timeout_ns;
}

void oct_collector_close_hole(struct oct_collector *c)
{
    if (c->hole == OCT_HOLE_OPEN) {
        oct_count(oct_collector_ctr(c, OCT_COLLECTOR_GAPS_RECOVERED), 1);
        oct_count(oct_collector_ctr(c, OCT_COLLECTOR_MSGS_RECOVERED), c->hole_to - c->hole_from);
        c->live = true;
        c->hole = OCT_HOLE_NONE;
        c->out.on_event(c->out.self, OCT_FEED_RECOVERED, c->hole_from, c->hole_to);
    } else {
        oct_count(oct_collector_ctr(c, OCT_COLLECTOR_REORDERED), 1);
        c->hole = OCT_HOLE_NONE;
    }
    c->deadline_ns = INT64_MAX;
}

static void open_hole(struct oct_collector *c)
{
    const struct oct_held *h = oct_collector_head(c);
    c->hole_to = missing_to(c, c->known);
    c->hole_since_ns = h != NULL && h->first == c->hole_to ? h->since_ns : c->known_ns;
    c->hole = OCT_HOLE_WAIT;
    c->deadline_ns = c->hole_since_ns + c->cfg.reorder_ns;
}

/* Nothing is missing: say so, once. */
void oct_collector_current(struct oct_collector *c)
{
    if (!c->live && !c->silent && c->started && !c->ended) {
        c->live = true;
        c->out.on_event(c->out.self, OCT_FEED_LIVE, c->next, c->next);
    }
    if (oct_unlikely(c->end_known && !c->ended && c->next >= c->end_seq)) {
        c->ended = true;
        c->out.on_event(c->out.self, OCT_FEED_END, c->next, c->next);
    }
}

/* What was asked for last has come, or as much of it as fits one answer. */
static bool asked_enough(const struct oct_collector *c)
{
    return c->cfg.rewind_cnt != 0 && c->next > c->req_from &&
           (c->next >= c->req_to || c->answered) && !servers_down(c);
}

static void ask_on(struct oct_collector *c, int64_t now_ns)
{
    c->tries = 0;
    send_request(c, now_ns);
}

void oct_collector_advance(struct oct_collector *c, int64_t now_ns)
{
    oct_collector_drain(c);
    if (c->hole == OCT_HOLE_NONE) {
        if (c->known <= c->next) {
            oct_collector_current(c);
            return;
        }
        open_hole(c);
    }
    if (c->hole == OCT_HOLE_WAIT && (now_ns >= c->deadline_ns || c->held_cnt == c->cfg.window_pkts))
        declare(c, now_ns);
    else if (c->hole == OCT_HOLE_OPEN && asked_enough(c))
        ask_on(c, now_ns);
}

void oct_collector_answer(struct oct_collector *c, uint16_t msg_cnt, uint64_t end)
{
    c->strikes = 0;
    if (c->hole != OCT_HOLE_OPEN || end <= c->next)
        return;
    /* A server that sends one packet for a request is asked for the rest at once; one that sends
     * many must not be asked for the same again with each: twice what came is enough. */
    uint32_t twice = 2u * msg_cnt;
    c->fit = twice < c->cfg.request_max ? twice : c->cfg.request_max;
    c->answered = true;
}

void oct_collector_stale(struct oct_collector *c, uint64_t to, int64_t now_ns)
{
    uint64_t from = c->next;
    OCT_ASSERT(to > from);
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_GAPS_STALE), 1);
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_MSGS_LOST), to - from);
    oct_collector_fault(c, "feed.gap_stale", now_ns, from, to, c->requests);
    c->hole = OCT_HOLE_NONE;
    c->deadline_ns = INT64_MAX;
    c->live = false;
    c->next = to;
    oct_count_set(oct_collector_ctr(c, OCT_COLLECTOR_NEXT_SEQ), to);
    if (c->known < to)
        c->known = to;
    c->out.on_event(c->out.self, OCT_FEED_STALE, from, to);
}

static void give_up(struct oct_collector *c, int64_t now_ns)
{
    if (c->cfg.rewind_cnt != 0 && c->strikes < OCT_COLLECTOR_DOWN)
        c->strikes++;
    oct_collector_stale(c, missing_to(c, c->hole_to), now_ns);
    oct_collector_advance(c, now_ns);
}

void oct_collector_overdue(struct oct_collector *c, int64_t now_ns)
{
    if (c->hole == OCT_HOLE_WAIT) {
        declare(c, now_ns);
        return;
    }
    if (c->cfg.rewind_cnt == 0 || servers_down(c) || c->tries >= c->cfg.retry_max) {
        give_up(c, now_ns);
        return;
    }
    c->tries++;
    c->server = (c->server + 1) % c->cfg.rewind_cnt;
    oct_count(oct_collector_ctr(c, OCT_COLLECTOR_RETRIES), 1);
    send_request(c, now_ns);
}
