#include "tools/exchange/publisher.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "drivers/feed/itch50.h"

#define BURST_PKTS  16u
#define BEAT_NS     OCT_NS_PER_S
#define BEAT_NS_MIN (20 * OCT_NS_PER_MS) /* while a consumer is waited for */
#define END_NS      (100 * OCT_NS_PER_MS)
#define FORCE_NS    (2 * OCT_NS_PER_S)

/* ---- messages -------------------------------------------------------------------------------- */

/* Makes the next message known; false when there is none. */
static bool want_head(struct oct_exch_pub *p)
{
    if (p->have_head)
        return true;
    if (p->source_over)
        return false;
    int rc = oct_sessfile_next(p->source, &p->head);
    bool late = rc == 1 && p->cfg.duration_ns > 0 && p->packets > 0 &&
                p->head.stamp_ns - p->first_stamp > p->cfg.duration_ns;
    if (rc != 1 || late) {
        p->source_over = true;
        p->source_rc = rc < 0 ? rc : 0;
        return false;
    }
    p->have_head = true;
    return true;
}

/* The message goes out: to the desk, to the store, into the counts. */
static void pass(struct oct_exch_pub *p)
{
    const struct oct_sessfile_msg *m = &p->head;
    struct oct_md md;
    uint64_t unknown = oct_match_stats(p->desk->match)->unknown_ref;
    p->msg_cnt[m->data[0]]++;
    if (oct_itch50_md(m->data, m->sz, 0, 0, &md) == OCT_FEED_OK)
        oct_exch_desk_md(p->desk, &md, (uint64_t)m->stamp_ns);
    else
        p->bad_msgs++;
    p->unknown_cnt[m->data[0]] += oct_match_stats(p->desk->match)->unknown_ref - unknown;
    oct_exch_store_append(&p->store, m->data, m->sz);
    p->last_stamp = m->stamp_ns;
    p->have_head = false;
}

static void send_both(struct oct_exch_pub *p, const uint8_t *pkt, uint32_t sz, int64_t now_ns,
                      bool sure)
{
    oct_exch_line_send(&p->line[0], now_ns, pkt, sz, sure);
    oct_exch_line_send(&p->line[1], now_ns, pkt, sz, sure);
    p->last_send_ns = now_ns;
}

static void send_packet(struct oct_exch_pub *p, int64_t now_ns)
{
    uint8_t pkt[OCT_EXCH_PKT_MAX];
    struct oct_moldudp64_builder b;
    int64_t stamp = p->head.stamp_ns;
    uint32_t cnt = 0;
    oct_moldudp64_begin(&b, pkt, p->cfg.pkt_sz_max, p->session, p->store.next);
    while (want_head(p) && (p->cfg.per_packet == 0 || cnt < p->cfg.per_packet) &&
           p->head.stamp_ns - stamp <= p->cfg.pack_ns &&
           oct_moldudp64_append(&b, p->head.data, p->head.sz)) {
        pass(p);
        cnt++;
    }
    OCT_ASSERT(cnt > 0);
    uint32_t sz = oct_moldudp64_finish(&b);
    p->bound[p->packets % OCT_EXCH_WINDOW_MAX] = p->store.next;
    p->packets++;
    p->last_packet_ns = now_ns;
    p->idle_beats = 0;
    send_both(p, pkt, sz, now_ns, false);
}

/* ---- when ------------------------------------------------------------------------------------ */

static bool window_open(const struct oct_exch_pub *p)
{
    return p->packets < p->cfg.window ||
           p->pos_feed >= p->bound[(p->packets - p->cfg.window) % OCT_EXCH_WINDOW_MAX];
}

/* Every order that was announced has come, and every answer has been read. */
static bool orders_settled(struct oct_exch_pub *p, const struct oct_exch_order_side *side,
                           int64_t now_ns)
{
    if (side->next_seq == 0 || !p->reported)
        return true; /* nobody to wait for */
    if (!p->rebase && p->pos_sent > p->sent_base + side->in_msgs) {
        if (p->hold_since_ns == 0)
            p->hold_since_ns = now_ns;
        if (now_ns - p->hold_since_ns < FORCE_NS)
            return false;
        p->forced++; /* the order was lost with a connection */
        p->sent_base = p->pos_sent - side->in_msgs;
    }
    p->hold_since_ns = 0;
    return p->pos_venue >= side->next_seq;
}

/* Monotonic time at which the next message is due; cuts long silences. */
static int64_t due_ns(struct oct_exch_pub *p)
{
    double wall = p->packets ? (double)(p->head.stamp_ns - p->last_stamp) / p->cfg.speed : 0;
    if (wall > (double)p->cfg.gap_max_ns)
        p->cut_ns += (int64_t)((wall - (double)p->cfg.gap_max_ns) * p->cfg.speed);
    int64_t played = p->head.stamp_ns - p->first_stamp - p->cut_ns;
    return p->start_ns + (int64_t)((double)played / p->cfg.speed);
}

/* Whether the next packet may go; if not, when to ask again. */
static bool may_go(struct oct_exch_pub *p, const struct oct_exch_order_side *side, int64_t now_ns,
                   int64_t *again_ns)
{
    switch (p->cfg.pace) {
    case OCT_EXCH_FLOOD:
        return true;
    case OCT_EXCH_LOCK_STEP:
        *again_ns = now_ns + 10 * OCT_NS_PER_MS;
        return window_open(p) && orders_settled(p, side, now_ns);
    case OCT_EXCH_PACED:
        break;
    }
    if (p->due_ns == 0)
        p->due_ns = due_ns(p);
    *again_ns = p->due_ns;
    return p->due_ns <= now_ns;
}

static int64_t beat(struct oct_exch_pub *p, int64_t now_ns)
{
    int64_t every = p->ended ? END_NS : BEAT_NS;
    if (!p->ended && p->cfg.pace == OCT_EXCH_LOCK_STEP && p->started && p->idle_beats < 6)
        every = BEAT_NS_MIN << p->idle_beats;
    if (now_ns - p->last_send_ns >= every) {
        uint8_t pkt[OCT_MOLDUDP64_HDR_SZ];
        uint32_t sz = p->ended ? oct_moldudp64_end(pkt, p->session, p->store.next)
                               : oct_moldudp64_heartbeat(pkt, p->session, p->store.next);
        send_both(p, pkt, sz, now_ns, true);
        p->heartbeats++;
        p->idle_beats++;
    }
    return p->last_send_ns + every;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void oct_exch_pub_start(struct oct_exch_pub *p, int64_t now_ns)
{
    p->started = true;
    p->start_ns = now_ns;
    if (want_head(p))
        p->first_stamp = p->last_stamp = p->head.stamp_ns;
}

int64_t oct_exch_pub_turn(struct oct_exch_pub *p, const struct oct_exch_order_side *side,
                          int64_t now_ns)
{
    int64_t again = INT64_MAX;
    for (uint32_t i = 0; i < BURST_PKTS && p->started && !p->ended && want_head(p); i++) {
        if (!may_go(p, side, now_ns, &again))
            break;
        send_packet(p, now_ns);
        p->due_ns = 0;
        again = 0;
    }
    if (again == 0 && p->cfg.pace == OCT_EXCH_LOCK_STEP && p->desk->live > 0)
        again = now_ns; /* answers go out before more is sent */
    again = earlier(again, oct_exch_line_tick(&p->line[0], now_ns));
    again = earlier(again, oct_exch_line_tick(&p->line[1], now_ns));
    return earlier(again, beat(p, now_ns));
}

bool oct_exch_pub_done(const struct oct_exch_pub *p)
{
    return p->source_over && !p->have_head;
}

bool oct_exch_pub_settled(const struct oct_exch_pub *p, const struct oct_exch_order_side *side)
{
    bool answers = side->expected ? side->next_seq != 0 && p->pos_venue >= side->next_seq : true;
    return p->reported && p->pos_feed >= p->store.next && answers;
}

void oct_exch_pub_end(struct oct_exch_pub *p, int64_t now_ns)
{
    oct_exch_line_flush(&p->line[0]);
    oct_exch_line_flush(&p->line[1]);
    p->ended = true;
    p->last_send_ns = now_ns - END_NS;
}

/* ---- set up ---------------------------------------------------------------------------------- */

static int open_rewind(struct oct_exch_pub *p)
{
    struct sockaddr_in got;
    socklen_t len = sizeof got;
    int buf = 4 << 20;
    p->rewind_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (p->rewind_fd < 0)
        return -errno;
    setsockopt(p->rewind_fd, SOL_SOCKET, SO_RCVBUF, &buf, sizeof buf);
    setsockopt(p->rewind_fd, SOL_SOCKET, SO_SNDBUF, &buf, sizeof buf);
    if (bind(p->rewind_fd, (const struct sockaddr *)&p->cfg.rewind, sizeof p->cfg.rewind) != 0 ||
        getsockname(p->rewind_fd, (struct sockaddr *)&got, &len) != 0)
        return -errno;
    p->rewind_port = ntohs(got.sin_port);
    return 0;
}

int oct_exch_pub_init(struct oct_exch_pub *p, const struct oct_exch_pub_cfg *cfg,
                      struct oct_sessfile *source, struct oct_exch_desk *desk, char *err,
                      size_t err_sz)
{
    OCT_ASSERT(cfg->window > 0 && cfg->window <= OCT_EXCH_WINDOW_MAX);
    OCT_ASSERT(cfg->pkt_sz_max <= OCT_EXCH_PKT_MAX);
    memset(p, 0, sizeof *p);
    p->cfg = *cfg;
    p->source = source;
    p->desk = desk;
    p->rewind_fd = p->line[0].fd = p->line[1].fd = -1;
    oct_moldudp64_session(p->session, cfg->session);
    int rc = oct_exch_store_init(&p->store, cfg->rewind_bytes);
    if (rc != 0) {
        snprintf(err, err_sz, "no memory for the rewind window (%llu bytes)",
                 (unsigned long long)cfg->rewind_bytes);
        return rc;
    }
    for (uint32_t i = 0; i < 2 && rc == 0; i++) {
        rc = oct_exch_line_open(&p->line[i], i, &cfg->line[i], cfg->iface_be, cfg->ttl,
                                &cfg->faults, cfg->seed);
        if (rc != 0)
            snprintf(err, err_sz, "line %c: %s; check --interface", 'A' + (int)i, strerror(-rc));
    }
    if (rc == 0) {
        rc = open_rewind(p);
        if (rc != 0)
            snprintf(err, err_sz, "rewind port %u: %s; choose another or 0",
                     ntohs(cfg->rewind.sin_port), strerror(-rc));
    }
    if (rc != 0)
        oct_exch_pub_fini(p);
    return rc;
}

void oct_exch_pub_fini(struct oct_exch_pub *p)
{
    for (uint32_t i = 0; i < 2; i++)
        oct_exch_line_close(&p->line[i]);
    if (p->rewind_fd >= 0)
        close(p->rewind_fd);
    p->rewind_fd = -1;
    oct_exch_store_fini(&p->store);
}
