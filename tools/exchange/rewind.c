/* The rewind port: requests for old messages, and the consumer's position reports. */
#include <string.h>
#include <sys/socket.h>

#include "dataplane/base/wire.h"
#include "tools/exchange/publisher.h"

#define REPORT_SZ 40u

static void on_report(struct oct_exch_pub *p, const uint8_t *data,
                      const struct oct_exch_order_side *side, int64_t now_ns)
{
    p->reported = true;
    p->report_ns = now_ns;
    p->reports++;
    p->pos_feed = oct_load_be64(data + 8);
    p->pos_sent = oct_load_be64(data + 16);
    p->pos_venue = oct_load_be64(data + 24);
    /* Orders sent before this report have been taken: the sockets were emptied first. So what the
     * consumer counts beyond ours was sent on another connection, or by another process. */
    if (p->rebase) {
        p->rebase = false;
        p->sent_base = p->pos_sent > side->in_msgs ? p->pos_sent - side->in_msgs : 0;
    }
}

static void answer(struct oct_exch_pub *p, const struct oct_moldudp64_request *r,
                   const struct sockaddr_in *to)
{
    uint8_t pkt[OCT_EXCH_PKT_MAX];
    struct oct_moldudp64_builder b;
    uint32_t cnt = 0;
    oct_moldudp64_begin(&b, pkt, p->cfg.pkt_sz_max, p->session, r->first_seq);
    for (; cnt < r->cnt; cnt++) {
        uint32_t sz;
        const uint8_t *m = oct_exch_store_get(&p->store, r->first_seq + cnt, &sz);
        if (!m || !oct_moldudp64_append(&b, m, sz))
            break;
    }
    if (cnt == 0) {
        p->rewind.not_held++;
        return;
    }
    uint32_t sz = oct_moldudp64_finish(&b);
    sendto(p->rewind_fd, pkt, sz, MSG_DONTWAIT, (const struct sockaddr *)to, sizeof *to);
    p->rewind.answers++;
    p->rewind.messages += cnt;
}

static void on_request(struct oct_exch_pub *p, const uint8_t *data, uint32_t sz,
                       const struct sockaddr_in *from)
{
    struct oct_moldudp64_request r;
    if (oct_moldudp64_request_read(data, sz, &r) != OCT_FEED_OK) {
        p->rewind.bad++;
        return;
    }
    p->rewind.requests++;
    if (p->cfg.faults.rewind_off)
        p->rewind.refused++;
    else if (memcmp(r.session, p->session, sizeof r.session) != 0)
        p->rewind.bad_session++;
    else
        answer(p, &r, from);
}

void oct_exch_pub_requests(struct oct_exch_pub *p, const struct oct_exch_order_side *side,
                           int64_t now_ns)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint8_t buf[64];
        struct sockaddr_in from;
        socklen_t len = sizeof from;
        ssize_t n =
            recvfrom(p->rewind_fd, buf, sizeof buf, MSG_TRUNC, (struct sockaddr *)&from, &len);
        if (n < 0)
            return;
        if (n == REPORT_SZ && memcmp(buf, "OCTPOS01", 8) == 0)
            on_report(p, buf, side, now_ns);
        else
            on_request(p, buf, (uint32_t)(n <= (ssize_t)sizeof buf ? n : 0), &from);
    }
}

void oct_exch_pub_login(struct oct_exch_pub *p)
{
    p->rebase = true;
    p->hold_since_ns = 0;
}
