/* Any bytes as a capture: nothing is read outside them, every datagram lies inside, the walk ends,
 * and a second walk finds the same. */
#include <errno.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/wire.h"
#include "drivers/nic/pcap/pcap_file.h"
#include "tests/fuzz/fuzz.h"

struct sum {
    struct oct_pcap_stats stats;
    uint64_t digest;
    int end;
};

static struct sum walk(struct oct_pcap *p, const uint8_t *data, size_t sz)
{
    struct sum s = {0};
    struct oct_pcap_dgram d;
    uint64_t off = 0;

    while ((s.end = oct_pcap_next(p, &d)) == 1) {
        FUZZ_CHECK(d.data >= data && d.sz <= sz && d.data + d.sz <= data + sz);
        FUZZ_CHECK(d.sz <= d.full_sz && d.off >= off && d.off < sz);
        FUZZ_CHECK(d.ts_ns >= 0);
        off = d.off;
        s.digest = oct_digest64(s.digest, d.data, d.sz);
        s.digest = oct_mix64(s.digest ^ (uint64_t)d.ts_ns ^ d.dst_port);
    }
    FUZZ_CHECK(s.end == 0 || s.end == -EBADMSG);
    s.stats = *oct_pcap_stats(p);
    FUZZ_CHECK((s.stats.error != NULL) == (s.end == -EBADMSG));
    FUZZ_CHECK(s.stats.malformed == 0 || s.stats.malformed_off_first <= s.stats.malformed_off_last);
    FUZZ_CHECK(s.stats.malformed_off_last <= sz && s.stats.error_off <= sz);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    struct oct_pcap *p;

    if (oct_pcap_open_mem(data, sz, &p))
        return 0;
    struct sum a = walk(p, data, sz);
    oct_pcap_rewind(p);
    struct sum b = walk(p, data, sz);
    FUZZ_CHECK(a.digest == b.digest && a.end == b.end);
    FUZZ_CHECK(memcmp(&a.stats, &b.stats, sizeof a.stats) == 0);
    oct_pcap_close(p);
    return 0;
}

/* ---- seeds ----------------------------------------------------------------------------------- */

struct out {
    uint8_t *b;
    size_t sz;
    bool be;
};

static void w32(struct out *o, uint32_t v)
{
    (o->be ? oct_store_be32 : oct_store_le32)(o->b + o->sz, v);
    o->sz += 4;
}

static void w16(struct out *o, uint16_t v)
{
    (o->be ? oct_store_be16 : oct_store_le16)(o->b + o->sz, v);
    o->sz += 2;
}

/* An Ethernet frame with `tags` VLAN tags and a UDP datagram of n bytes. */
static uint32_t frame(uint8_t *p, unsigned tags, uint32_t n)
{
    uint32_t at = 12;

    memset(p, 0, 42 + tags * 4 + n);
    for (unsigned i = 0; i < tags; i++, at += 4)
        oct_store_be16(p + at, 0x8100);
    oct_store_be16(p + at, 0x0800);
    at += 2;
    p[at] = 0x45;
    oct_store_be16(p + at + 2, (uint16_t)(28 + n));
    p[at + 9] = 17;
    oct_store_be32(p + at + 16, 0xe9010203);
    oct_store_be16(p + at + 22, 4000);
    oct_store_be16(p + at + 24, (uint16_t)(8 + n));
    return at + 28 + n;
}

static void classic(struct out *o, uint32_t magic, uint32_t link)
{
    uint8_t p[256];

    w32(o, magic);
    w16(o, 2);
    w16(o, 4);
    w32(o, 0);
    w32(o, 0);
    w32(o, 65535);
    w32(o, link);
    for (uint32_t i = 0; i < 3; i++) {
        uint32_t sz = frame(p, i, 10 * i), skip = link == 1 ? 0 : 14 + 4 * i;
        w32(o, 1600000000 + i);
        w32(o, i);
        w32(o, sz - skip);
        w32(o, sz - skip);
        memcpy(o->b + o->sz, p + skip, sz - skip);
        o->sz += sz - skip;
    }
}

static void block(struct out *o, uint32_t type, const uint32_t *head, uint32_t head_cnt,
                  const uint8_t *data, uint32_t data_sz)
{
    uint32_t total = 12 + head_cnt * 4 + (uint32_t)oct_align_up(data_sz, 4);

    w32(o, type);
    w32(o, total);
    for (uint32_t i = 0; i < head_cnt; i++)
        w32(o, head[i]);
    memcpy(o->b + o->sz, data, data_sz);
    memset(o->b + o->sz + data_sz, 0, oct_align_up(data_sz, 4) - data_sz);
    o->sz += oct_align_up(data_sz, 4);
    w32(o, total);
}

static void ng(struct out *o)
{
    uint8_t p[256], opt[8] = {0};
    uint32_t sz = frame(p, 1, 20);

    block(o, 0x0a0d0d0a, (uint32_t[]){0x1a2b3c4d, o->be ? 0x10000 : 1, ~0u, ~0u}, 4, p, 0);
    (o->be ? oct_store_be16 : oct_store_le16)(opt, 9);
    (o->be ? oct_store_be16 : oct_store_le16)(opt + 2, 1);
    opt[4] = 9;
    block(o, 1, (uint32_t[]){o->be ? 0x10000 : 1, 0}, 2, opt, 8);
    block(o, 6, (uint32_t[]){0, 0x16345785, 0xd8a0000, sz, sz}, 5, p, sz);
    block(o, 3, (uint32_t[]){sz}, 1, p, sz);
    block(o, 2, (uint32_t[]){0, 0, 5, sz, sz}, 5, p, sz);
    block(o, 5, (uint32_t[]){0, 0, 0}, 3, p, 0);
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    struct out o = {.b = out, .be = idx & 1};

    if (cap < 4096)
        return 0;
    switch (idx) {
    case 0:
    case 1:
        classic(&o, 0xa1b2c3d4, 1);
        break;
    case 2:
    case 3:
        classic(&o, 0xa1b23c4d, 101);
        break;
    case 4:
    case 5:
        ng(&o);
        break;
    case 6: /* two sections, of either byte order */
        ng(&o);
        o.be = true;
        ng(&o);
        break;
    default:
        return 0;
    }
    return o.sz;
}
