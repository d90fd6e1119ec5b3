/* Session files: counts of the recorded ones, and what is refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#include "dataplane/base/wire.h"
#include "drivers/feed/moldudp64.h"
#include "tests/unit/tools/exchange/fixture.h"
#include "tools/exchange/generator.h"

#define AAPL    "nasdaq-itch50-aapl-20191230-0935-20k-derived/aapl_20191230_0935_first20000.itch50.xz"
#define MORNING "nasdaq-itch50-20191230-0930/12302019_SNIPPET.NASDAQ_ITCH50"
#define START   "nasdaq-itch50-daystart-35k/nasdaq_itch50_first1MiB.bin.xz"

struct tally {
    uint64_t by_type[256];
    uint64_t total;
    uint64_t hash;
    int rc;
    struct oct_sessfile_stats stats;
    enum oct_sessfile_format format;
    char error[OCT_SESSFILE_ERR_SZ];
    char warning[OCT_SESSFILE_ERR_SZ];
};

static struct tally play_cfg(const struct oct_sessfile_cfg *cfg)
{
    struct tally t = {0};
    struct oct_sessfile *s;
    t.rc = oct_sessfile_open(&s, cfg, t.error);
    if (t.rc != 0)
        return t;
    struct oct_sessfile_msg m;
    while ((t.rc = oct_sessfile_next(s, &m)) == 1) {
        t.by_type[m.data[0]]++;
        t.total++;
        for (uint32_t i = 0; i < m.sz; i++)
            t.hash = t.hash * 1099511628211u + m.data[i];
    }
    t.stats = *oct_sessfile_stats(s);
    t.format = oct_sessfile_format(s);
    snprintf(t.error, sizeof t.error, "%s", oct_sessfile_error(s));
    snprintf(t.warning, sizeof t.warning, "%s", oct_sessfile_warning(s));
    oct_sessfile_close(s);
    return t;
}

static struct tally play(const char *path)
{
    struct oct_sessfile_cfg cfg = {.path = path};
    return play_cfg(&cfg);
}

/* ---- recorded sessions ----------------------------------------------------------------------- */

Test(session, aapl_morning_has_its_20000_messages)
{
    struct tally t = play(shared_file(AAPL));
    cr_assert_eq(t.rc, 0);
    cr_expect_eq(t.total, 20000);
    cr_expect_eq(t.by_type['A'], 8569);
    cr_expect_eq(t.by_type['D'], 9378);
    cr_expect_eq(t.by_type['E'], 1179);
    cr_expect_eq(t.by_type['U'], 709);
    cr_expect_eq(t.by_type['P'], 113);
    cr_expect_eq(t.by_type['X'], 52);
    cr_expect_not(t.stats.truncated);
}

Test(session, market_open_has_its_1000_messages)
{
    struct tally t = play(shared_file(MORNING));
    static const char types[] = "AUFDEXIPQSC";
    static const uint64_t want[] = {367, 225, 193, 167, 28, 6, 4, 4, 4, 1, 1};
    cr_assert_eq(t.rc, 0);
    cr_expect_eq(t.total, 1000);
    for (int i = 0; types[i]; i++)
        cr_expect_eq(t.by_type[(uint8_t)types[i]], want[i], "%c", types[i]);
}

Test(session, day_start_is_played_to_its_torn_end_and_says_so)
{
    struct tally t = play(shared_file(START));
    cr_assert_eq(t.rc, 0);
    cr_expect_eq(t.total, 35581);
    cr_expect_eq(t.by_type['R'], 8713);
    cr_expect_eq(t.by_type['H'], 8707);
    cr_expect_eq(t.by_type['Y'], 8707);
    cr_expect_eq(t.by_type['L'], 9453);
    cr_expect(t.stats.truncated);
    cr_expect_eq(t.stats.tail_bytes, 2);
    cr_expect(strstr(t.warning, "offset 1048574"), "%s", t.warning);
}

Test(session, filter_keeps_only_the_wanted_symbols)
{
    struct oct_sessfile_cfg cfg = {.path = shared_file(START), .symbols = "AAPL,MSFT"};
    struct tally t = play_cfg(&cfg);
    cr_assert_eq(t.rc, 0);
    cr_expect_eq(t.by_type['R'], 2);
    cr_expect_eq(t.by_type['H'], 2);
    cr_expect_eq(t.by_type['S'], 1, "what concerns the whole market stays");
    cr_expect_eq(t.stats.msgs + t.stats.filtered, 35581);
}

Test(session, filter_knows_a_locate_before_its_symbol_is_named)
{
    /* the first messages of a mid-day session delete orders whose adds nobody saw */
    struct oct_sessfile_cfg cfg = {.path = shared_file(AAPL), .symbols = "AAPL"};
    struct tally t = play_cfg(&cfg);
    cr_assert_eq(t.rc, 0);
    cr_expect_eq(t.total, 20000);
}

Test(session, missing_symbol_is_refused_by_name)
{
    struct oct_sessfile_cfg cfg = {.path = shared_file(START), .symbols = "AAPL,NOSUCH"};
    struct tally t = play_cfg(&cfg);
    cr_assert_eq(t.rc, -ENOENT);
    cr_expect(strstr(t.error, "NOSUCH"), "%s", t.error);
    cr_expect_not(strstr(t.error, "AAPL,"), "%s", t.error);
}

/* ---- packed files ---------------------------------------------------------------------------- */

Test(session, gzip_and_zstd_give_the_same_messages_as_xz)
{
    char xz[512];
    snprintf(xz, sizeof xz, "%s", shared_file(AAPL));
    struct tally want = play(xz);
    size_t sz;
    uint8_t *plain = read_all(xz, &sz);

    struct tally t = play(temp_file(".itch", plain, sz));
    cr_expect_eq(t.hash, want.hash, "plain");

    size_t cap = ZSTD_compressBound(sz);
    uint8_t *packed = malloc(cap);
    size_t half = ZSTD_compress(packed, cap, plain, sz / 2, 1);
    size_t rest = ZSTD_compress(packed + half, cap - half, plain + sz / 2, sz - sz / 2, 1);
    cr_assert_not(ZSTD_isError(rest));
    t = play(temp_file(".zst", packed, half + rest));
    cr_expect_eq(t.hash, want.hash, "zstd, two frames: %s", t.error);

    z_stream z = {0};
    cr_assert_eq(deflateInit2(&z, 1, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = plain;
    z.avail_in = (uInt)sz;
    z.next_out = packed;
    z.avail_out = (uInt)cap;
    cr_assert_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
    size_t gz = cap - z.avail_out;
    deflateEnd(&z);
    t = play(temp_file(".gz", packed, gz));
    cr_expect_eq(t.hash, want.hash, "gzip: %s", t.error);

    /* cut short: everything before is there, and it says so */
    t = play(temp_file(".gz", packed, gz / 2));
    cr_expect_eq(t.rc, 0);
    cr_expect(t.total > 1000 && t.total < 20000, "%lu", t.total);
    cr_expect(t.stats.truncated);
    cr_expect(strstr(t.warning, "ends"), "%s", t.warning);
    free(packed);
    free(plain);
}

Test(session, corrupt_xz_is_an_error_with_its_offset)
{
    char path[512];
    snprintf(path, sizeof path, "%s", shared_file(AAPL));
    FILE *f = fopen(path, "rb");
    static uint8_t buf[200000];
    size_t sz = fread(buf, 1, sizeof buf, f);
    fclose(f);
    memset(buf + sz / 2, 0x5a, 64);
    struct tally t = play(temp_file(".xz", buf, sz));
    cr_assert_eq(t.rc, -EBADMSG);
    cr_expect(strstr(t.error, "offset "), "%s", t.error);
    /* the check at the end of a block, when what comes out still looks like messages */
    memset(buf + sz / 2, 0, 64);
    f = fopen(path, "rb");
    cr_assert_eq(fread(buf, 1, sizeof buf, f), sz);
    fclose(f);
    buf[sz - 30] ^= 0xff;
    t = play(temp_file(".xz", buf, sz));
    cr_expect_eq(t.rc, -EBADMSG);
    cr_expect(strstr(t.error, "xz data, offset"), "%s", t.error);
}

/* ---- refusals -------------------------------------------------------------------------------- */

Test(session, missing_file_is_refused)
{
    struct tally t = play("/nowhere/session.itch");
    cr_assert_eq(t.rc, -ENOENT);
    cr_expect(strstr(t.error, "/nowhere/session.itch: cannot open"), "%s", t.error);
}

Test(session, folder_is_refused)
{
    cr_assert_eq(play("/tmp").rc, -EISDIR);
}

Test(session, empty_file_is_refused)
{
    struct tally t = play(temp_file(".itch", "", 0));
    cr_assert_eq(t.rc, -EBADMSG);
    cr_expect(strstr(t.error, "empty"), "%s", t.error);
}

Test(session, text_is_refused)
{
    struct tally t = play(temp_file(".txt", "hello, world\n", 13));
    cr_assert_eq(t.rc, -EBADMSG);
    cr_expect(strstr(t.error, "give length-framed ITCH"), "%s", t.error);
}

Test(session, lost_framing_is_an_error_with_its_offset)
{
    uint8_t buf[256];
    size_t n = framed_add(buf, 1, 'B', 100, 1000000, "AAPL", 1);
    n += framed_add(buf + n, 2, 'B', 100, 1000000, "AAPL", 1);
    size_t good = n;
    memset(buf + n, 0xee, 64);
    struct tally t = play(temp_file(".itch", buf, n + 64));
    char want[32];
    snprintf(want, sizeof want, "offset %zu", good);
    cr_assert_eq(t.rc, -EBADMSG);
    cr_expect_eq(t.total, 2);
    cr_expect(strstr(t.error, want), "%s", t.error);
}

Test(session, zero_length_frames_are_skipped_and_counted)
{
    uint8_t buf[256];
    size_t n = framed_add(buf, 1, 'B', 100, 1000000, "AAPL", 1);
    buf[n] = buf[n + 1] = 0;
    n += 2;
    n += framed_add(buf + n, 2, 'B', 100, 1000000, "AAPL", 1);
    struct tally t = play(temp_file(".itch", buf, n));
    cr_assert_eq(t.rc, 0);
    cr_expect_eq(t.total, 2);
    cr_expect_eq(t.stats.empty, 1);
}

Test(session, every_cut_of_a_file_ends_cleanly)
{
    uint8_t buf[256];
    size_t n = framed_add(buf, 1, 'B', 100, 1000000, "AAPL", 1);
    size_t one = n;
    n += framed_add(buf + n, 2, 'S', 100, 1000100, "AAPL", 1);
    for (size_t cut = 3; cut <= n; cut++) {
        struct oct_sessfile_cfg cfg = {.path = temp_file(".itch", buf, cut)};
        struct tally t = play_cfg(&cfg);
        cr_expect_eq(t.rc, 0, "cut at %zu: %s", cut, t.error);
        cr_expect_eq(t.total, cut == n ? 2 : cut >= one ? 1 : 0);
        cr_expect_eq(t.stats.truncated, cut != one && cut != n, "cut at %zu", cut);
        if (cut == 60) /* the table of temporary files is small */
            cut = n - 3;
    }
}

/* ---- captures -------------------------------------------------------------------------------- */

/* A pcap in the making: Ethernet, IPv4, UDP to 233.54.12.<line>:26477. */
struct capture {
    uint8_t b[65536];
    size_t sz;
};

static void capture_begin(struct capture *c)
{
    memset(c, 0, sizeof *c);
    oct_store_le32(c->b, 0xa1b2c3d4);
    oct_store_le16(c->b + 4, 2);
    oct_store_le16(c->b + 6, 4);
    oct_store_le32(c->b + 16, 65535);
    oct_store_le32(c->b + 20, 1);
    c->sz = 24;
}

static void capture_dgram(struct capture *c, uint8_t line, const uint8_t *p, uint32_t n)
{
    uint8_t *rec = c->b + c->sz, *f = rec + 16;
    oct_store_le32(rec, 1577716200); /* 2019-12-30 09:30 in New York */
    oct_store_le32(rec + 8, 42 + n);
    oct_store_le32(rec + 12, 42 + n);
    oct_store_be16(f + 12, 0x0800);
    f[14] = 0x45;
    oct_store_be16(f + 16, (uint16_t)(28 + n));
    f[22] = 1;
    f[23] = 17;
    oct_store_be32(f + 30, 0xe9360c00u | line);
    oct_store_be16(f + 36, 26477);
    oct_store_be16(f + 38, (uint16_t)(8 + n));
    memcpy(f + 42, p, n);
    c->sz += 16 + 42 + n;
}

/* A packet of adds whose references are their sequence numbers. */
static void capture_adds(struct capture *c, uint8_t line, uint64_t first, uint32_t cnt)
{
    uint8_t pkt[1400], session[10];
    struct oct_moldudp64_builder b;
    oct_moldudp64_session(session, "DAY1");
    oct_moldudp64_begin(&b, pkt, sizeof pkt, session, first);
    for (uint32_t i = 0; i < cnt; i++) {
        uint8_t msg[64];
        size_t n = framed_add(msg, first + i, 'B', 100, 1000000, "AAPL", 1);
        cr_assert(oct_moldudp64_append(&b, msg + 2, (uint32_t)n - 2));
    }
    capture_dgram(c, line, pkt, oct_moldudp64_finish(&b));
}

/* The references of a session's messages, as text. */
static void refs_of(const char *path, char *out, size_t cap, struct oct_sessfile_stats *stats)
{
    struct oct_sessfile_cfg cfg = {.path = path};
    char err[OCT_SESSFILE_ERR_SZ];
    struct oct_sessfile *s;
    struct oct_sessfile_msg m;
    size_t n = 0;
    out[0] = 0;
    cr_assert_eq(oct_sessfile_open(&s, &cfg, err), 0, "%s", err);
    while (oct_sessfile_next(s, &m) == 1)
        n += (size_t)snprintf(out + n, cap - n, "%lu ", oct_load_be64(m.data + 11));
    *stats = *oct_sessfile_stats(s);
    oct_sessfile_close(s);
}

Test(session, capture_of_both_lines_gives_each_message_once_and_in_order)
{
    static struct capture c;
    char got[256];
    struct oct_sessfile_stats st;
    capture_begin(&c);
    capture_adds(&c, 1, 1, 3); /* 1 2 3 on A */
    capture_adds(&c, 2, 1, 3);
    capture_adds(&c, 2, 6, 2); /* 6 7 on B, before */
    capture_adds(&c, 2, 4, 2); /* 4 5 on B only */
    capture_adds(&c, 1, 6, 2);
    capture_dgram(&c, 9, (const uint8_t *)"something else", 14);
    capture_adds(&c, 1, 10, 1); /* 8 and 9 are nowhere */
    refs_of(temp_file(".pcap", c.b, c.sz), got, sizeof got, &st);
    cr_expect_str_eq(got, "1 2 3 4 5 6 7 10 ");
    cr_expect_eq(st.packets, 6);
    cr_expect_eq(st.dup_msgs, 5);
    cr_expect_eq(st.lost_msgs, 2);
    cr_expect_eq(st.other, 1);
    cr_expect_eq(st.date, 20191230);
}

Test(session, packed_capture_is_read_too)
{
    static struct capture c;
    static uint8_t packed[65536];
    char got[256];
    struct oct_sessfile_stats st;
    capture_begin(&c);
    capture_adds(&c, 1, 1, 4);
    size_t n = ZSTD_compress(packed, sizeof packed, c.b, c.sz, 1);
    refs_of(temp_file(".pcap.zst", packed, n), got, sizeof got, &st);
    cr_expect_str_eq(got, "1 2 3 4 ");
}

Test(session, capture_cut_short_is_played_to_there_and_told)
{
    static struct capture c;
    char got[256];
    struct oct_sessfile_stats st;
    capture_begin(&c);
    capture_adds(&c, 1, 1, 4);
    capture_adds(&c, 1, 5, 4);
    refs_of(temp_file(".pcap", c.b, c.sz - 40), got, sizeof got, &st);
    cr_expect_eq(strncmp(got, "1 2 3 4 ", 8), 0, "%s", got);
    cr_expect(st.truncated);
}

Test(session, capture_without_a_mold_packet_is_refused)
{
    static struct capture c;
    capture_begin(&c);
    capture_dgram(&c, 1, (const uint8_t *)"no MoldUDP64 here at all", 24);
    struct tally t = play(temp_file(".pcap", c.b, c.sz));
    cr_assert_eq(t.rc, -EBADMSG);
    cr_expect(strstr(t.error, "no MoldUDP64 packet"), "%s", t.error);
}

Test(session, captured_packets_of_the_venue_are_read)
{
    size_t sz;
    uint8_t *tar = read_all(shared_file("omi-data-packets/omi-data-packets.tar.xz"), &sz);
    uint64_t captures = 0, msgs = 0;
    for (size_t at = 0; at + 512 <= sz && tar[at] != 0;) { /* a tar is headers of 512 bytes */
        const char *name = (const char *)tar + at;
        size_t len = strtoul(name + 124, NULL, 8);
        if (strstr(name, "Nasdaq.Equities.TotalView.Itch.v5.0/") && strstr(name, ".pcap") && len) {
            struct tally t = play(temp_file(".pcap", tar + at + 512, len));
            cr_expect_eq(t.rc, 0, "%s: %s", name, t.error);
            captures++;
            msgs += t.total;
        }
        at += 512 + oct_align_up(len, 512);
    }
    free(tar);
    printf("%lu captures, %lu messages\n", captures, msgs);
    cr_expect_gt(captures, 5);
    cr_expect_geq(msgs, captures);
}

/* ---- generator ------------------------------------------------------------------------------- */

Test(session, generator_repeats_itself_and_another_seed_differs)
{
    struct oct_gen_cfg a = {.seed = 5, .duration_s = 10}, b = {.seed = 6, .duration_s = 10};
    struct oct_sessfile_cfg cfg = {.gen = &a};
    struct tally x = play_cfg(&cfg), y = play_cfg(&cfg);
    cfg.gen = &b;
    struct tally z = play_cfg(&cfg);
    cr_assert_eq(x.rc, 0);
    cr_expect_gt(x.total, 3000);
    cr_expect_eq(x.hash, y.hash);
    cr_expect_neq(x.hash, z.hash);
    cr_expect_eq(x.by_type['R'], 8);
    cr_expect_eq(x.by_type['S'], 6);
}

Test(session, generator_refuses_impossible_sizes)
{
    struct oct_gen_cfg g = {.symbol_cnt = 65};
    struct oct_sessfile_cfg cfg = {.gen = &g};
    struct tally t = play_cfg(&cfg);
    cr_assert_eq(t.rc, -EINVAL);
    cr_expect(strstr(t.error, "64 symbols"), "%s", t.error);
}
