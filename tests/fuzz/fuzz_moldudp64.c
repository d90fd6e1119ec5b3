/* Any bytes as a downstream packet and as a request: what is accepted is exactly what our own
 * encoder would have written. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "dataplane/base/wire.h"
#include "drivers/feed/moldudp64.h"

static const uint8_t session[10] = "FUZZ000001";

/* The packet written again from what was read. */
static void same_again(const uint8_t *data, size_t sz, const struct oct_feed_pkt *p)
{
    uint8_t *buf = malloc(sz);
    struct oct_moldudp64_builder b;
    struct oct_feed_cursor c = {p->blocks, p->blocks + p->blocks_sz};
    const uint8_t *msg;
    uint32_t msg_sz;
    uint32_t cnt = 0;
    FUZZ_CHECK(buf != NULL);
    oct_moldudp64_begin(&b, buf, (uint32_t)sz, p->session, p->first_seq);
    while (oct_moldudp64_next(&c, &msg, &msg_sz)) {
        FUZZ_CHECK(msg >= data + 22 && msg + msg_sz <= data + sz);
        FUZZ_CHECK(oct_moldudp64_append(&b, msg, msg_sz));
        cnt++;
    }
    FUZZ_CHECK(cnt == p->msg_cnt && c.p == data + sz);
    FUZZ_CHECK(oct_moldudp64_finish(&b) == sz);
    if (p->kind == OCT_FEED_PKT_END)
        oct_moldudp64_end(buf, p->session, p->first_seq);
    FUZZ_CHECK(memcmp(buf, data, sz) == 0);
    free(buf);
}

static void as_packet(const uint8_t *data, size_t sz)
{
    struct oct_feed_pkt p;
    enum oct_feed_error err = oct_moldudp64_packet(data, (uint32_t)sz, &p);
    if (err == OCT_FEED_OK) {
        same_again(data, sz, &p);
        return;
    }
    if (sz < OCT_MOLDUDP64_HDR_SZ) {
        FUZZ_CHECK(err == OCT_FEED_E_SHORT);
        return;
    }
    FUZZ_CHECK(p.first_seq == oct_load_be64(data + 10));
    FUZZ_CHECK(p.blocks_sz <= sz - OCT_MOLDUDP64_HDR_SZ);
    struct oct_feed_cursor c = {p.blocks, p.blocks + p.blocks_sz};
    const uint8_t *msg;
    uint32_t msg_sz;
    uint32_t whole = 0;
    while (oct_moldudp64_next(&c, &msg, &msg_sz))
        whole++;
    FUZZ_CHECK(whole == p.msg_cnt && c.p == c.end);
    if (err == OCT_FEED_E_SHORT)
        FUZZ_CHECK(whole < oct_load_be16(data + 18));
}

static void as_request(const uint8_t *data, size_t sz)
{
    struct oct_moldudp64_request r;
    struct oct_feed_pkt like = {.kind = OCT_FEED_PKT_DATA};
    uint8_t buf[64];
    if (oct_moldudp64_request_read(data, (uint32_t)sz, &r) != OCT_FEED_OK)
        return;
    FUZZ_CHECK(r.cnt != 0 && r.first_seq + r.cnt > r.first_seq);
    if (r.cnt > OCT_MOLDUDP64_CNT_MAX)
        return;
    memcpy(like.session, r.session, sizeof(r.session));
    FUZZ_CHECK(oct_moldudp64_request(&like, r.first_seq, r.cnt, buf) == sz);
    FUZZ_CHECK(memcmp(buf, data, sz) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    as_packet(data, sz);
    as_request(data, sz);
    return 0;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    static const uint8_t msg[64] = "a message";
    struct oct_moldudp64_builder b;
    if (idx == 0)
        return oct_moldudp64_heartbeat(out, session, 1000);
    if (idx == 1)
        return oct_moldudp64_end(out, session, 1000);
    if (idx > 12)
        return 0;
    oct_moldudp64_begin(&b, out, (uint32_t)cap, session, idx * 1000);
    for (uint32_t i = 0; i + 2 < idx; i++)
        oct_moldudp64_append(&b, msg, i * 6);
    return oct_moldudp64_finish(&b);
}
