#include "drivers/feed/moldudp64.h"

#include "dataplane/base/wire.h"

enum {
    OFF_SEQ = 10,
    OFF_CNT = 18,
};

/* Walks cnt blocks; the count of whole ones and their bytes go into *out. */
static enum oct_feed_error walk_blocks(const uint8_t *p, const uint8_t *end, uint32_t cnt,
                                       struct oct_feed_pkt *out)
{
    const uint8_t *start = p;
    enum oct_feed_error err = OCT_FEED_OK;
    uint32_t i;
    for (i = 0; i < cnt; i++) {
        if (oct_unlikely(end - p < (ptrdiff_t)OCT_MOLDUDP64_BLOCK_SZ))
            break;
        ptrdiff_t block = (ptrdiff_t)OCT_MOLDUDP64_BLOCK_SZ + oct_load_be16(p);
        if (oct_unlikely(end - p < block))
            break;
        p += block;
    }
    if (oct_unlikely(i < cnt))
        err = OCT_FEED_E_SHORT;
    else if (oct_unlikely(p != end))
        err = OCT_FEED_E_LONG;
    out->msg_cnt = (uint16_t)i;
    out->blocks_sz = (uint32_t)(p - start);
    return err;
}

enum oct_feed_error oct_moldudp64_packet(const uint8_t *data, uint32_t sz, struct oct_feed_pkt *out)
{
    if (oct_unlikely(sz < OCT_MOLDUDP64_HDR_SZ))
        return OCT_FEED_E_SHORT;
    uint32_t cnt = oct_load_be16(data + OFF_CNT);
    memcpy(out->session, data, OCT_MOLDUDP64_SESSION_SZ);
    memset(out->session + OCT_MOLDUDP64_SESSION_SZ, 0,
           sizeof(out->session) - OCT_MOLDUDP64_SESSION_SZ);
    out->first_seq = oct_load_be64(data + OFF_SEQ);
    out->blocks = data + OCT_MOLDUDP64_HDR_SZ;
    out->blocks_sz = 0;
    out->msg_cnt = 0;
    out->kind = OCT_FEED_PKT_DATA;
    out->pad = 0;
    if (oct_unlikely(cnt == 0 || cnt == OCT_MOLDUDP64_CNT_END)) {
        out->kind = cnt == 0 ? OCT_FEED_PKT_HEARTBEAT : OCT_FEED_PKT_END;
        return sz == OCT_MOLDUDP64_HDR_SZ ? OCT_FEED_OK : OCT_FEED_E_LONG;
    }
    if (oct_unlikely(out->first_seq > UINT64_MAX - cnt))
        return OCT_FEED_E_VALUE;
    return walk_blocks(out->blocks, data + sz, cnt, out);
}

static uint32_t write_header(uint8_t *buf, const uint8_t *session, uint64_t seq, uint16_t cnt)
{
    memcpy(buf, session, OCT_MOLDUDP64_SESSION_SZ);
    oct_store_be64(buf + OFF_SEQ, seq);
    oct_store_be16(buf + OFF_CNT, cnt);
    return OCT_MOLDUDP64_HDR_SZ;
}

uint32_t oct_moldudp64_request(const struct oct_feed_pkt *like, uint64_t first_seq, uint16_t cnt,
                               uint8_t *buf)
{
    OCT_ASSERT(cnt != 0 && cnt <= OCT_MOLDUDP64_CNT_MAX);
    return write_header(buf, like->session, first_seq, cnt);
}

enum oct_feed_error oct_moldudp64_request_read(const uint8_t *data, uint32_t sz,
                                               struct oct_moldudp64_request *out)
{
    if (sz < OCT_MOLDUDP64_HDR_SZ)
        return OCT_FEED_E_SHORT;
    if (sz > OCT_MOLDUDP64_HDR_SZ)
        return OCT_FEED_E_LONG;
    uint64_t seq = oct_load_be64(data + OFF_SEQ);
    uint16_t cnt = oct_load_be16(data + OFF_CNT);
    if (cnt == 0 || seq > UINT64_MAX - cnt)
        return OCT_FEED_E_VALUE;
    memcpy(out->session, data, OCT_MOLDUDP64_SESSION_SZ);
    out->first_seq = seq;
    out->cnt = cnt;
    out->pad = 0;
    return OCT_FEED_OK;
}

void oct_moldudp64_begin(struct oct_moldudp64_builder *b, uint8_t *buf, uint32_t cap,
                         const uint8_t session[OCT_MOLDUDP64_SESSION_SZ], uint64_t first_seq)
{
    OCT_ASSERT(cap >= OCT_MOLDUDP64_HDR_SZ);
    b->buf = buf;
    b->cap = cap;
    b->sz = write_header(buf, session, first_seq, 0);
    b->msg_cnt = 0;
    b->pad = 0;
}

bool oct_moldudp64_append(struct oct_moldudp64_builder *b, const void *msg, uint32_t sz)
{
    if (sz > UINT16_MAX || b->msg_cnt >= OCT_MOLDUDP64_CNT_MAX)
        return false;
    if (b->cap - b->sz < OCT_MOLDUDP64_BLOCK_SZ + sz)
        return false;
    oct_store_be16(b->buf + b->sz, (uint16_t)sz);
    if (sz != 0)
        memcpy(b->buf + b->sz + OCT_MOLDUDP64_BLOCK_SZ, msg, sz);
    b->sz += OCT_MOLDUDP64_BLOCK_SZ + sz;
    b->msg_cnt++;
    return true;
}

uint32_t oct_moldudp64_finish(struct oct_moldudp64_builder *b)
{
    OCT_ASSERT(b->sz >= OCT_MOLDUDP64_HDR_SZ && b->sz <= b->cap);
    oct_store_be16(b->buf + OFF_CNT, (uint16_t)b->msg_cnt);
    return b->sz;
}

uint32_t oct_moldudp64_heartbeat(uint8_t *buf, const uint8_t session[OCT_MOLDUDP64_SESSION_SZ],
                                 uint64_t next_seq)
{
    return write_header(buf, session, next_seq, 0);
}

uint32_t oct_moldudp64_end(uint8_t *buf, const uint8_t session[OCT_MOLDUDP64_SESSION_SZ],
                           uint64_t next_seq)
{
    return write_header(buf, session, next_seq, OCT_MOLDUDP64_CNT_END);
}

void oct_moldudp64_session(uint8_t session[OCT_MOLDUDP64_SESSION_SZ], const char *text)
{
    memset(session, ' ', OCT_MOLDUDP64_SESSION_SZ);
    for (uint32_t i = 0; i < OCT_MOLDUDP64_SESSION_SZ && text[i] != 0; i++)
        session[i] = (uint8_t)text[i];
}
