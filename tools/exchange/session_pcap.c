/* Captures: MoldUDP64 packets put in the order of their numbers, each message once. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"
#include "drivers/feed/moldudp64.h"
#include "drivers/nic/pcap/pcap_file.h"
#include "tools/exchange/session_priv.h"

#define PCAP_SZ_MAX (UINT64_C(16) << 30) /* decompressed capture */
#define NEW_YORK_NS (-5 * 3600 * OCT_NS_PER_S)

struct packet {
    uint64_t first_seq;
    uint64_t order; /* in the capture: of two with one number the first wins */
    const uint8_t *blocks;
    uint32_t blocks_sz;
    uint16_t msg_cnt;
};

struct pcap_state {
    struct oct_pcap *pcap;
    uint8_t *bytes; /* decompressed capture; NULL when the file is mapped */
    struct packet *packet;
    uint64_t packet_cnt;
    uint64_t packet_cap;
    uint64_t at;
    uint64_t next_seq; /* next message to hand out */
    uint64_t seq;      /* of the cursor's next message */
    struct oct_feed_cursor cursor;
    uint8_t session[OCT_MOLDUDP64_SESSION_SZ];
    uint8_t msg[OCT_SESSFILE_MSG_MAX + SESS_PAD];
};

static int pcap_next(struct oct_sessfile *s, struct oct_sessfile_msg *msg)
{
    struct pcap_state *st = s->state;
    const uint8_t *m;
    uint32_t sz;
    for (;;) {
        while (oct_moldudp64_next(&st->cursor, &m, &sz)) {
            if (st->seq++ < st->next_seq) {
                s->stats.dup_msgs++;
                continue;
            }
            st->next_seq = st->seq;
            if (sz == 0) {
                s->stats.empty++;
                continue;
            }
            if (sz > OCT_SESSFILE_MSG_MAX)
                return sess_fail(s, -EBADMSG, st->seq - 1, "a message longer than any of ITCH 5.0",
                                 "the offset is its sequence number: is this TotalView-ITCH?");
            memcpy(st->msg, m, sz);
            memset(st->msg + sz, 0, SESS_PAD);
            *msg = (struct oct_sessfile_msg){.data = st->msg, .sz = (uint16_t)sz};
            msg->stamp_ns = sz >= 11 ? (int64_t)oct_load_be48(m + 5) : 0;
            return 1;
        }
        if (st->at == st->packet_cnt)
            return 0;
        const struct packet *p = &st->packet[st->at++];
        if (p->first_seq > st->next_seq) {
            s->stats.lost_msgs += p->first_seq - st->next_seq;
            st->next_seq = p->first_seq;
        }
        st->seq = p->first_seq;
        st->cursor = (struct oct_feed_cursor){p->blocks, p->blocks + p->blocks_sz};
    }
}

static void pcap_close(void *state)
{
    struct pcap_state *st = state;
    if (!st)
        return;
    oct_pcap_close(st->pcap);
    free(st->bytes);
    free(st->packet);
    free(st);
}

/* Reads the rest of the stream into memory. */
static int slurp(struct oct_sessfile *s, struct pcap_state *st, size_t *out_sz)
{
    size_t sz = s->sz - s->pos, cap = sz + SESS_BUF_SZ;
    uint8_t *p = malloc(cap);
    if (!p)
        return sess_fail(s, -ENOMEM, 0, "out of memory", "decompress it first");
    memcpy(p, s->buf + s->pos, sz);
    ssize_t n = 0;
    while (!s->in_end && (n = oct_stream_read(s->in, p + sz, cap - sz)) > 0) {
        sz += (size_t)n;
        if (sz > PCAP_SZ_MAX)
            break;
        if (cap - sz < SESS_BUF_SZ) {
            uint8_t *q = realloc(p, cap * 2);
            if (!q)
                break;
            p = q;
            cap *= 2;
        }
    }
    st->bytes = p;
    *out_sz = sz;
    if (n > 0)
        return sess_fail(s, -ENOMEM, sz, "the decompressed capture is too large",
                         "decompress it first");
    s->in_error = s->in_end ? s->in_error : (int)n;
    return sess_stream_end(s);
}

static int keep(struct oct_sessfile *s, struct pcap_state *st, const struct oct_feed_pkt *pkt)
{
    if (st->packet_cnt == st->packet_cap) {
        uint64_t cap = st->packet_cap ? st->packet_cap * 2 : 4096;
        struct packet *p = realloc(st->packet, cap * sizeof *p);
        if (!p)
            return sess_fail(s, -ENOMEM, 0, "out of memory", "give a shorter capture");
        st->packet = p;
        st->packet_cap = cap;
    }
    st->packet[st->packet_cnt] = (struct packet){.first_seq = pkt->first_seq,
                                                 .order = st->packet_cnt,
                                                 .blocks = pkt->blocks,
                                                 .blocks_sz = pkt->blocks_sz,
                                                 .msg_cnt = pkt->msg_cnt};
    st->packet_cnt++;
    return 0;
}

static int index_packets(struct oct_sessfile *s, struct pcap_state *st, uint16_t port)
{
    struct oct_pcap_dgram d;
    int rc;
    while ((rc = oct_pcap_next(st->pcap, &d)) == 1) {
        struct oct_feed_pkt pkt;
        if ((port && d.dst_port != port) ||
            oct_moldudp64_packet(d.data, d.sz, &pkt) != OCT_FEED_OK ||
            (s->stats.packets > 0 && memcmp(pkt.session, st->session, sizeof st->session) != 0)) {
            s->stats.other++;
            continue;
        }
        if (s->stats.packets++ == 0) {
            time_t t = (time_t)((d.ts_ns + NEW_YORK_NS) / OCT_NS_PER_S);
            struct tm tm;
            memcpy(st->session, pkt.session, sizeof st->session);
            if (gmtime_r(&t, &tm))
                s->stats.date =
                    (uint32_t)((tm.tm_year + 1900) * 10000 + (tm.tm_mon + 1) * 100 + tm.tm_mday);
        }
        if (pkt.kind == OCT_FEED_PKT_DATA && (rc = keep(s, st, &pkt)) != 0)
            return rc;
    }
    const struct oct_pcap_stats *ps = oct_pcap_stats(st->pcap);
    if (rc < 0) {
        s->stats.truncated = true;
        sess_say(s->warning,
                 "%s: offset %llu: %s; played up to it, capture or fetch the file again", s->path,
                 (unsigned long long)ps->error_off, ps->error ? ps->error : "unreadable");
    }
    return 0;
}

static int by_seq(const void *a, const void *b)
{
    const struct packet *x = a, *y = b;
    if (x->first_seq != y->first_seq)
        return x->first_seq < y->first_seq ? -1 : 1;
    return x->order < y->order ? -1 : 1;
}

int sess_pcap_open(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg)
{
    struct pcap_state *st = calloc(1, sizeof *st);
    if (!st)
        return sess_fail(s, -ENOMEM, 0, "out of memory", "free some");
    s->state = st;
    s->reader = (struct sess_reader){pcap_next, pcap_close};
    int rc;
    if (oct_stream_kind(s->in)[0] == 'p') { /* plain: mapped as it is */
        rc = oct_pcap_open(cfg->path, &st->pcap);
    } else {
        size_t sz = 0;
        rc = slurp(s, st, &sz);
        if (rc != 0)
            return rc;
        rc = oct_pcap_open_mem(st->bytes, sz, &st->pcap);
    }
    if (rc != 0)
        return sess_fail(s, rc, 0, "not a capture that can be read", "give pcap or pcapng");
    rc = index_packets(s, st, cfg->port);
    if (rc != 0)
        return rc;
    if (st->packet_cnt == 0)
        return sess_fail(s, -EBADMSG, 0, "no MoldUDP64 packet with messages in the capture",
                         "check --pcap-port, and that the capture is of a MoldUDP64 line");
    qsort(st->packet, st->packet_cnt, sizeof *st->packet, by_seq);
    st->next_seq = st->packet[0].first_seq;
    return 0;
}
