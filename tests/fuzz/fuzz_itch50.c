/* Any bytes as message blocks.  Each message, in a buffer that ends where the padding does:
 *   decode and encode give the same bytes; what stands behind a message changes nothing;
 *   the fast normalization equals a slow one made from the decoded fields, or refuses as it does;
 *   an error leaves the output alone; decoding ahead of time changes nothing. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "dataplane/port/nic.h"
#include "drivers/feed/itch50.h"

#define MIDNIGHT INT64_C(1577682000000000000)
#define BASE     7u

/* What order messages become, field by field; false for a value that must be refused. */
static bool slow_md(const struct oct_itch50_msg *m, struct oct_md *md)
{
    md->printable = 1;
    md->code = md->code2 = md->code3 = ' ';
    memset(md->symbol.c, ' ', sizeof(md->symbol.c));
    memset(md->mpid, ' ', sizeof(md->mpid));
    md->inst = BASE + m->hdr.locate;
    md->ts_exch_ns = MIDNIGHT + (int64_t)m->hdr.ts_ns;
    md->ref = m->add.ref; /* the first field of every order message */
    switch (m->hdr.type) {
    case 'F':
        memcpy(md->mpid, m->add_mpid.mpid, 4);
        /* fall through */
    case 'A':
        md->kind = OCT_MD_ADD;
        md->side = m->add.side == 'S' ? OCT_SELL : OCT_BUY;
        md->px = oct_px_from_e4(m->add.px);
        md->qty = oct_qty_from_shares(m->add.shares);
        memcpy(md->symbol.c, m->add.stock, 8);
        return m->add.side == 'B' || m->add.side == 'S';
    case 'P':
        md->kind = OCT_MD_TRADE;
        md->side = m->trade.side == 'S' ? OCT_SELL : OCT_BUY;
        md->px = oct_px_from_e4(m->trade.px);
        md->qty = oct_qty_from_shares(m->trade.shares);
        md->ref2 = m->trade.match;
        memcpy(md->symbol.c, m->trade.stock, 8);
        return m->trade.side == 'B' || m->trade.side == 'S';
    case 'E':
        md->kind = OCT_MD_EXEC;
        md->qty = oct_qty_from_shares(m->exec.shares);
        md->ref2 = m->exec.match;
        return true;
    case 'C':
        md->kind = OCT_MD_EXEC_PX;
        md->qty = oct_qty_from_shares(m->exec_px.shares);
        md->ref2 = m->exec_px.match;
        md->px = oct_px_from_e4(m->exec_px.px);
        md->printable = m->exec_px.printable == 'Y';
        return m->exec_px.printable == 'Y' || m->exec_px.printable == 'N';
    case 'X':
        md->kind = OCT_MD_REDUCE;
        md->qty = oct_qty_from_shares(m->cancel.shares);
        return true;
    case 'D':
        md->kind = OCT_MD_DELETE;
        return true;
    default:
        md->kind = OCT_MD_REPLACE;
        md->ref2 = m->replace.new_ref;
        md->px = oct_px_from_e4(m->replace.px);
        md->qty = oct_qty_from_shares(m->replace.shares);
        return true;
    }
}

static void check_md(const uint8_t *msg, uint32_t sz, enum oct_feed_error decoded,
                     const struct oct_itch50_msg *m, struct oct_md *md)
{
    struct oct_md before;
    memset(md, 0x77, sizeof(*md));
    before = *md;
    enum oct_feed_error err = oct_itch50_md(msg, sz, MIDNIGHT, BASE, md);
    if (err != OCT_FEED_OK)
        FUZZ_CHECK(memcmp(md, &before, sizeof(before)) == 0);
    if (decoded != OCT_FEED_OK) {
        FUZZ_CHECK(err == decoded);
        return;
    }
    FUZZ_CHECK(err == OCT_FEED_OK || err == OCT_FEED_E_VALUE);
    if (memchr("AFECXDUP", m->hdr.type, 8) == NULL)
        return;
    struct oct_md slow = {OCT_MSG_HDR(MD, md)};
    slow.hdr.lane = before.hdr.lane;
    slow.hdr.input = before.hdr.input;
    FUZZ_CHECK(slow_md(m, &slow) == (err == OCT_FEED_OK));
    if (err == OCT_FEED_OK)
        FUZZ_CHECK(memcmp(md, &slow, sizeof(slow)) == 0);
}

/* One message with this byte behind it; the digest of all that came out. */
static uint64_t one(const uint8_t *msg, uint32_t sz, int behind)
{
    uint8_t *buf = malloc(sz + OCT_NIC_PAD);
    struct oct_itch50_msg m;
    struct oct_md md;
    uint8_t again[OCT_ITCH50_SZ_MAX];
    FUZZ_CHECK(buf != NULL);
    memcpy(buf, msg, sz);
    memset(buf + sz, behind, OCT_NIC_PAD);
    memset(&m, 0x77, sizeof(m));
    enum oct_feed_error err = oct_itch50_decode(buf, sz, &m);
    if (err == OCT_FEED_OK) {
        FUZZ_CHECK(oct_itch50_sz((char)msg[0]) == sz);
        FUZZ_CHECK(oct_itch50_encode(&m, again) == sz && memcmp(again, msg, sz) == 0);
    } else {
        for (uint32_t i = 0; i < 64; i++)
            FUZZ_CHECK(m.bytes[i] == 0x77);
    }
    check_md(buf, sz, err, &m, &md);
    uint64_t h = oct_digest64((uint64_t)(int64_t)err, m.bytes, sizeof(m.bytes));
    h = oct_digest64(h, &md, sizeof(md));
    free(buf);
    return h;
}

/* The whole input as one payload, with or without decoding each message twelve ahead of its turn, as
 * the lane does. */
static uint64_t stream(const uint8_t *data, size_t sz, bool ahead)
{
    const struct oct_feed_ops *ops = &oct_feed_itch50_mold;
    struct oct_feed_cursor c = {data, data + sz};
    struct oct_feed_cursor scout = c;
    struct oct_md md, early;
    const uint8_t *msg;
    uint32_t msg_sz;
    uint64_t refs = 0;
    uint64_t h = 0;
    memset(&md, 0, sizeof(md));
    memset(&early, 0, sizeof(early));
    for (uint32_t i = 0; ahead && i < 12 && ops->next(&scout, &msg, &msg_sz); i++)
        ops->decode(msg, msg_sz, MIDNIGHT, BASE, &early);
    while (ops->next(&c, &msg, &msg_sz)) {
        h = oct_digest64(h + (uint64_t)(int64_t)ops->decode(msg, msg_sz, MIDNIGHT, BASE, &md), &md,
                         sizeof(md));
        if (ahead && ops->next(&scout, &msg, &msg_sz)) {
            ops->decode(msg, msg_sz, MIDNIGHT, BASE, &early);
            refs += early.ref;
        }
    }
    __asm__ volatile("" : : "r"(refs));
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    uint8_t *buf = malloc(sz + OCT_NIC_PAD);
    struct oct_feed_cursor c = {data, data + sz};
    const uint8_t *msg;
    uint32_t msg_sz;
    FUZZ_CHECK(buf != NULL);
    memcpy(buf, data, sz);
    memset(buf + sz, 0, OCT_NIC_PAD);
    uint64_t without = stream(buf, sz, false);
    FUZZ_CHECK(stream(buf, sz, true) == without);
    FUZZ_CHECK(memcmp(buf, data, sz) == 0);
    memset(buf + sz, 0xff, OCT_NIC_PAD);
    FUZZ_CHECK(stream(buf, sz, true) == without);
    free(buf);
    for (uint32_t n = 0; n < 64 && oct_feed_itch50_mold.next(&c, &msg, &msg_sz); n++)
        FUZZ_CHECK(one(msg, msg_sz, 0x00) == one(msg, msg_sz, 0xff));
    return 0;
}

/* A message of each type alone, then all of them in one payload; fields at random but codes that
 * are checked. */
size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    struct oct_rng rng;
    uint32_t at = 0;
    if (idx > OCT_ITCH50_TYPE_CNT || cap < 2048)
        return 0;
    oct_rng_init(&rng, idx);
    for (uint32_t t = 0; t < OCT_ITCH50_TYPE_CNT; t++) {
        const struct oct_itch50_desc *d = oct_itch50_desc_at(t);
        struct oct_itch50_msg m = {.hdr = {.type = d->type}};
        if (idx < OCT_ITCH50_TYPE_CNT && t != idx)
            continue;
        for (uint32_t i = 1; i < d->field_cnt; i++)
            oct_itch50_field_set(&m, &d->fields[i],
                                 oct_rng_u64(&rng) >> (64 - 8 * d->fields[i].wire_sz));
        if (d->type == 'A' || d->type == 'F' || d->type == 'P')
            m.add.side = t % 2 != 0 ? 'B' : 'S';
        if (d->type == 'C')
            m.exec_px.printable = 'Y';
        uint32_t sz = oct_itch50_encode(&m, out + at + 2);
        oct_store_be16(out + at, (uint16_t)sz);
        at += 2 + sz;
    }
    return at;
}
