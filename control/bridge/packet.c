#include <string.h>

#include "control/bridge/bridge_priv.h"

/* As the lane does (dataplane/lane/core.c): a type we do not know is skipped, anything else that
 * does not decode may have concerned any book. */
static void decode(struct oct_bridge *b, const struct oct_in_packet *m, const uint8_t *blocks)
{
    struct oct_mirror *mir = b->cfg.mirror;
    const struct oct_feed_ops *ops = b->cfg.feed;
    struct oct_feed_cursor cur = {blocks, blocks + m->pkt_sz};
    struct oct_md md = {OCT_MSG_HDR(MD, md)};
    uint64_t seq = m->first_seq;
    const uint8_t *msg;
    uint32_t sz;
    while (ops->next(&cur, &msg, &sz)) {
        enum oct_feed_error err = ops->decode(msg, sz, mir->midnight_ns, b->cfg.inst_base, &md);
        if (err == OCT_FEED_OK)
            oct_mirror_md(mir, &md, seq, m->ts_rx_ns);
        else if (err != OCT_FEED_E_TYPE)
            oct_mirror_bad(mir, seq);
        seq++;
    }
    mir->feed_next = m->first_seq + m->msg_cnt;
    mir->totals.packets++;
}

void oct_bridge_packet(struct oct_bridge *b, const struct oct_in_packet *m)
{
    uint32_t data_sz = (uint32_t)(m->hdr.sz - sizeof(*m));
    if (m->frag_off == 0) {
        b->frag_input = m->hdr.input;
        b->frag_have = 0;
    }
    if (m->hdr.input != b->frag_input || m->frag_off != b->frag_have || m->frag_sz > data_sz ||
        (uint32_t)m->frag_off + m->frag_sz > m->pkt_sz) {
        b->cfg.mirror->totals.bad_records++;
        return;
    }
    memcpy(b->frag + m->frag_off, OCT_MSG_DATA(m), m->frag_sz);
    b->frag_have += m->frag_sz;
    if (b->frag_have < m->pkt_sz)
        return;
    memset(b->frag + b->frag_have, 0, OCT_BRIDGE_PAD);
    b->frag_input = UINT64_MAX; /* this packet is done: a second copy of it is not taken */
    decode(b, m, b->frag);
}
