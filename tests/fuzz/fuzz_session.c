/* Any bytes as a session file, packed or plain, of every kind: reading ends, says why when it fails,
 * gives the same twice, and what it gives neither breaks matching nor fills us for nothing. */
#include <errno.h>
#include <lzma.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/wire.h"
#include "dataplane/match/match.h"
#include "drivers/feed/itch50.h"
#include "tests/fuzz/fuzz.h"
#include "tools/exchange/session.h"

#define MSG_MAX 200000u /* of one small input: even the best packed zeros give fewer */

struct sum {
    uint64_t digest, msgs;
    int end;
};

static int64_t left[64]; /* what our orders may still fill, by id */

static void on_match(void *ctx, const struct oct_match_event *ev)
{
    (void)ctx;
    FUZZ_CHECK(ev->id < 64 && ev->qty.v > 0 && ev->qty.v <= left[ev->id]);
    left[ev->id] -= ev->qty.v;
    FUZZ_CHECK(left[ev->id] == ev->left.v);
}

static struct oct_match *new_match(void)
{
    static const struct oct_match_cfg cfg = {
        .books = {.inst_cnt = 32, .order_cnt_max = 512, .level_cnt_max = 256, .seed = 5},
        .order_cnt_max = 64,
        .ledger_cnt_max = 64,
        .first_match_id = 1};
    static void *mem;
    if (!mem)
        mem = aligned_alloc(128, oct_align_up(oct_match_footprint(&cfg), 128));
    return oct_match_new(mem, &cfg, on_match, NULL);
}

/* An order of ours beside every third add, at its price, on either side. */
static void join_in(struct oct_match *m, const struct oct_md *md, uint64_t n)
{
    uint64_t id = 1 + n % 63;
    if (md->kind != OCT_MD_ADD || n % 3 != 0 || left[id] != 0)
        return;
    struct oct_match_order o = {.id = id,
                                .inst = md->inst,
                                .px = md->px,
                                .qty = oct_qty_from_shares(1 + (uint32_t)(n % 500)),
                                .side = (uint8_t)(n / 3 % 2),
                                .ioc = n % 7 == 0,
                                .hidden = n % 11 == 0};
    left[id] = o.qty.v;
    if (oct_match_enter(m, &o) != 0)
        left[id] = 0;
}

static struct sum play(const char *path, enum oct_sessfile_format format, struct oct_match *m)
{
    struct oct_sessfile_cfg cfg = {.path = path, .format = format};
    struct sum s = {0};
    char err[OCT_SESSFILE_ERR_SZ];
    struct oct_sessfile *f;
    s.end = oct_sessfile_open(&f, &cfg, err);
    if (s.end != 0) {
        FUZZ_CHECK(err[0] != 0);
        return s;
    }
    struct oct_sessfile_msg msg;
    while ((s.end = oct_sessfile_next(f, &msg)) == 1 && s.msgs < MSG_MAX) {
        struct oct_md md;
        FUZZ_CHECK(msg.sz > 0 && msg.sz <= OCT_SESSFILE_MSG_MAX);
        s.digest = oct_digest64(s.digest, msg.data, msg.sz);
        s.msgs++;
        if (m && oct_itch50_md(msg.data, msg.sz, 0, 0, &md) == OCT_FEED_OK) {
            oct_match_md(m, &md);
            join_in(m, &md, s.msgs);
        }
    }
    FUZZ_CHECK(s.end >= 0 || oct_sessfile_error(f)[0] != 0);
    FUZZ_CHECK(oct_sessfile_stats(f)->msgs >= s.msgs);
    oct_sessfile_close(f);
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    char path[64];
    if (sz < 1)
        return 0;
    int fd = memfd_create("session_message", MFD_CLOEXEC);
    FUZZ_CHECK(fd >= 0 && write(fd, data + 1, sz - 1) == (ssize_t)(sz - 1));
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    enum oct_sessfile_format format = data[0] % 4;
    memset(left, 0, sizeof left);
    struct oct_match *m = new_match();
    struct sum a = play(path, format, m);
    oct_match_close(m, OCT_MATCH_CLOSED);
    FUZZ_CHECK(oct_match_order_cnt(m) == 0);
    struct sum b = play(path, format, NULL);
    FUZZ_CHECK(a.digest == b.digest && a.msgs == b.msgs && a.end == b.end);
    close(fd);
    return 0;
}

/* ---- seeds ----------------------------------------------------------------------------------- */

static size_t put(uint8_t *out, struct oct_itch50_msg *m, char type, uint64_t ref)
{
    m->hdr.type = type;
    m->hdr.locate = 7;
    m->hdr.ts_ns = 34200000000000 + ref;
    uint32_t n = oct_itch50_encode(m, out + 2);
    oct_store_be16(out, (uint16_t)n);
    return n + 2u;
}

static size_t itch(uint8_t *out)
{
    struct oct_itch50_msg m;
    size_t n = 0;
    for (uint64_t ref = 1; ref <= 6; ref++) {
        memset(&m, 0, sizeof m);
        m.add.ref = ref;
        m.add.side = ref % 2 ? 'B' : 'S';
        m.add.shares = 100 * (uint32_t)ref;
        m.add.px = 1000000 + (uint32_t)(ref % 2 ? 0 : 100);
        memcpy(m.add.stock, "AAPL    ", 8);
        n += put(out + n, &m, OCT_ITCH50_ADD_TYPE, ref);
    }
    memset(&m, 0, sizeof m);
    m.exec.ref = 1;
    m.exec.shares = 40;
    n += put(out + n, &m, OCT_ITCH50_EXEC_TYPE, 7);
    memset(&m, 0, sizeof m);
    m.replace.ref = 2;
    m.replace.new_ref = 20;
    m.replace.shares = 300;
    m.replace.px = 1000000;
    n += put(out + n, &m, OCT_ITCH50_REPLACE_TYPE, 8);
    memset(&m, 0, sizeof m);
    m.delete.ref = 3;
    n += put(out + n, &m, OCT_ITCH50_DELETE_TYPE, 9);
    return n;
}

static size_t lobster(uint8_t *out)
{
    static const char text[] = "34200.017459617,5,0,1,2238200,-1\n"
                               "34200.18960767,1,11885113,21,2238100,1\n"
                               "34200.190226476,4,11885113,21,2238100,1\n"
                               "34200.190226476,4,11534792,26,2237500,1\n"
                               "34200.39141294,2,14585251,60,2239500,-1\n"
                               "34200.39141294,3,14585251,40,2239500,-1\n"
                               "34201,7,0,0,-1,-1\n34202,7,0,0,1,-1\n";
    memcpy(out, text, sizeof text - 1);
    return sizeof text - 1;
}

/* A pcap with one MoldUDP64 packet of two messages. */
static size_t capture(uint8_t *out)
{
    uint8_t body[1024];
    size_t msgs = 2 * (36 + 2), udp = 20 + msgs, n = 0;
    itch(body);
    memset(out, 0, 24 + 16 + 42);
    oct_store_le32(out, 0xa1b2c3d4);
    oct_store_le16(out + 4, 2);
    oct_store_le16(out + 6, 4);
    oct_store_le32(out + 16, 65535);
    oct_store_le32(out + 20, 1);
    n = 24;
    oct_store_le32(out + n + 8, (uint32_t)(42 + udp));
    oct_store_le32(out + n + 12, (uint32_t)(42 + udp));
    uint8_t *f = out + n + 16;
    oct_store_be16(f + 12, 0x0800);
    f[14] = 0x45;
    oct_store_be16(f + 16, (uint16_t)(28 + udp));
    f[22] = 1;
    f[23] = 17;
    oct_store_be32(f + 30, 0xe9360c6f);
    oct_store_be16(f + 36, 26477);
    oct_store_be16(f + 38, (uint16_t)(8 + udp));
    memcpy(f + 42, "SESSION001", 10);
    oct_store_be64(f + 52, 1);
    oct_store_be16(f + 60, 2);
    memcpy(f + 62, body, msgs);
    return n + 16 + 42 + udp;
}

static size_t gzip(const uint8_t *in, size_t sz, uint8_t *out, size_t cap)
{
    z_stream z = {0};
    deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
    z.next_in = (uint8_t *)(uintptr_t)in;
    z.avail_in = (uInt)sz;
    z.next_out = out;
    z.avail_out = (uInt)cap;
    deflate(&z, Z_FINISH);
    deflateEnd(&z);
    return cap - z.avail_out;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    uint8_t plain[4096];
    size_t n, xz = 0;
    if (idx >= 8 || cap < sizeof plain)
        return 0;
    out[0] = 0; /* format by the first bytes */
    switch (idx) {
    case 0:
        return 1 + itch(out + 1);
    case 1:
        return 1 + lobster(out + 1);
    case 2:
        return 1 + capture(out + 1);
    case 3:
        out[0] = OCT_SESSFILE_LOBSTER;
        return 1 + lobster(out + 1) / 2;
    case 4:
        n = itch(plain);
        return 1 + gzip(plain, n, out + 1, cap - 1);
    case 5:
        n = lobster(plain);
        return 1 + ZSTD_compress(out + 1, cap - 1, plain, n, 1);
    case 6:
        n = capture(plain);
        lzma_easy_buffer_encode(0, LZMA_CHECK_CRC32, NULL, plain, n, out + 1, &xz, cap - 1);
        return 1 + xz;
    default:
        n = itch(plain);
        return 1 + gzip(plain, n, out + 1, cap - 1) - 6; /* cut short */
    }
}
