#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "dataplane/base/wire.h"
#include "drivers/nic/pcap/pcap.h"

static struct oct_counter counters[OCT_NIC_COUNTER_CNT];

/* ---- captures made here ---------------------------------------------------------------------- */

struct file {
    uint8_t b[8192];
    size_t sz;
    bool be;
};

static void w32(struct file *f, uint32_t v)
{
    if (f->be)
        oct_store_be32(f->b + f->sz, v);
    else
        oct_store_le32(f->b + f->sz, v);
    f->sz += 4;
}

static void w16(struct file *f, uint16_t v)
{
    if (f->be)
        oct_store_be16(f->b + f->sz, v);
    else
        oct_store_le16(f->b + f->sz, v);
    f->sz += 2;
}

static void wbytes(struct file *f, const void *p, size_t n)
{
    memcpy(f->b + f->sz, p, n);
    f->sz += n;
}

/* An Ethernet frame with a UDP datagram to 233.1.2.3:4000; returns its size. */
static uint32_t frame(uint8_t *p, const char *payload, unsigned vlan_tags, unsigned ip_opt_words)
{
    uint32_t n = (uint32_t)strlen(payload), at = 12;
    uint32_t ihl = 20 + ip_opt_words * 4;

    memset(p, 0, 256);
    for (unsigned i = 0; i < vlan_tags; i++, at += 4)
        oct_store_be16(p + at, i ? 0x8100 : 0x88a8);
    oct_store_be16(p + at, 0x0800);
    uint8_t *ip = p + at + 2;
    ip[0] = (uint8_t)(0x40 | ihl / 4);
    oct_store_be16(ip + 2, (uint16_t)(ihl + 8 + n));
    ip[9] = 17;
    oct_store_be32(ip + 12, 0x0a000001);
    oct_store_be32(ip + 16, 0xe9010203);
    oct_store_be16(ip + ihl, 1234);
    oct_store_be16(ip + ihl + 2, 4000);
    oct_store_be16(ip + ihl + 4, (uint16_t)(8 + n));
    memcpy(ip + ihl + 8, payload, n);
    uint32_t sz = at + 2 + ihl + 8 + n;
    return sz < 60 ? 60 : sz; /* Ethernet pads short frames */
}

static void classic_header(struct file *f, bool be, bool nano, uint32_t link)
{
    *f = (struct file){.be = be};
    w32(f, nano ? 0xa1b23c4d : 0xa1b2c3d4);
    w16(f, 2);
    w16(f, 4);
    w32(f, 0);
    w32(f, 0);
    w32(f, 65535);
    w32(f, link);
}

static void classic_packet(struct file *f, uint32_t s, uint32_t frac, const uint8_t *p,
                           uint32_t cap, uint32_t full)
{
    w32(f, s);
    w32(f, frac);
    w32(f, cap);
    w32(f, full);
    wbytes(f, p, cap);
}

static struct oct_pcap *open_file(const struct file *f)
{
    struct oct_pcap *p = NULL;

    cr_assert_eq(oct_pcap_open_mem(f->b, f->sz, &p), 0);
    return p;
}

Test(pcap, every_byte_order_and_resolution_reads_the_same)
{
    for (int be = 0; be < 2; be++) {
        for (int nano = 0; nano < 2; nano++) {
            struct file f;
            struct oct_pcap_dgram d;
            uint8_t p[256];
            uint32_t sz = frame(p, "market data", 0, 0);
            classic_header(&f, be, nano, 1);
            classic_packet(&f, 1600000000, nano ? 123456789 : 123456, p, sz, sz);
            struct oct_pcap *c = open_file(&f);
            cr_assert_eq(oct_pcap_next(c, &d), 1);
            cr_assert_eq(d.ts_ns, 1600000000000000000 + (nano ? 123456789 : 123456000));
            cr_assert_eq(d.sz, 11); /* without the padding of the frame */
            cr_assert_eq(d.full_sz, 11);
            cr_assert_arr_eq(d.data, "market data", 11);
            cr_assert_eq(d.dst_be, inet_addr("233.1.2.3"));
            cr_assert_eq(d.src_be, inet_addr("10.0.0.1"));
            cr_assert(d.dst_port == 4000 && d.src_port == 1234 && d.off == 24);
            cr_assert_eq(oct_pcap_next(c, &d), 0);
            cr_assert_eq(oct_pcap_next(c, &d), 0);
            cr_assert_null(oct_pcap_stats(c)->error);
            oct_pcap_close(c);
        }
    }
}

Test(pcap, tags_options_and_link_types_are_seen_through)
{
    struct {
        uint32_t link;
        unsigned tags, opts;
        uint32_t skip; /* bytes of Ethernet to leave out */
        uint32_t head; /* bytes of another header instead */
        uint8_t h[20];
    } c[] = {
        {1, 1, 0, 0, 0, {0}},
        {1, 3, 2, 0, 0, {0}},
        {101, 0, 10, 14, 0, {0}},
        {228, 0, 0, 14, 0, {0}},
        {0, 0, 0, 14, 4, {2}},
        {0, 0, 0, 14, 4, {0, 0, 0, 2}},
        {113, 0, 0, 14, 16, {[14] = 8}},
        {276, 0, 0, 14, 20, {[0] = 8}},
    };

    for (size_t i = 0; i < OCT_ARRAY_CNT(c); i++) {
        struct file f;
        struct oct_pcap_dgram d;
        uint8_t p[256], q[256];
        uint32_t sz = frame(p, "0123456789012345678901234567", c[i].tags, c[i].opts);
        memcpy(q, c[i].h, c[i].head);
        memcpy(q + c[i].head, p + c[i].skip, sz - c[i].skip);
        sz = sz - c[i].skip + c[i].head;
        classic_header(&f, false, false, c[i].link);
        classic_packet(&f, 1, 0, q, sz, sz);
        struct oct_pcap *r = open_file(&f);
        cr_assert_eq(oct_pcap_next(r, &d), 1, "case %zu", i);
        cr_assert_eq(d.sz, 28);
        cr_assert_arr_eq(d.data, "0123456789012345678901234567", 28);
        oct_pcap_close(r);
    }
}

Test(pcap, a_capture_that_cut_the_payload_says_how_long_it_was)
{
    struct file f;
    struct oct_pcap_dgram d;
    uint8_t p[256];
    uint32_t sz = frame(p, "a payload of some length, longer than padding", 0, 0);

    classic_header(&f, false, false, 1);
    classic_packet(&f, 1, 0, p, sz - 10, sz);
    struct oct_pcap *r = open_file(&f);
    cr_assert_eq(oct_pcap_next(r, &d), 1);
    cr_assert_eq(d.full_sz, 45);
    cr_assert_eq(d.sz, 35);
    oct_pcap_close(r);
}

Test(pcap, malformed_packets_are_counted_with_their_offsets_and_skipped)
{
    struct file f;
    struct oct_pcap_dgram d;
    uint8_t p[256], q[256];
    uint32_t sz = frame(p, "good", 0, 0);

    classic_header(&f, false, false, 1);
    classic_packet(&f, 1, 0, p, sz, sz);
    uint64_t first = f.sz;
    memcpy(q, p, 256);
    q[14] = 0x42; /* a header of eight bytes */
    classic_packet(&f, 1, 0, q, sz, sz);
    memcpy(q, p, 256);
    oct_store_be16(q + 14 + 2, 5000); /* longer than the frame */
    classic_packet(&f, 1, 0, q, sz, sz);
    memcpy(q, p, 256);
    oct_store_be16(q + 14 + 20 + 4, 7); /* UDP shorter than its header */
    classic_packet(&f, 1, 0, q, sz, sz);
    classic_packet(&f, 1, 1000000, p, sz, sz); /* a second of a million microseconds */
    classic_packet(&f, 1, 0, p, sz, sz - 1);   /* more captured than there was */
    uint64_t last = f.sz;
    classic_packet(&f, 1, 0, p, 13, 13); /* not even Ethernet */
    memcpy(q, p, 256);
    oct_store_be16(q + 14 + 6, 0x2000); /* more fragments */
    classic_packet(&f, 1, 0, q, sz, sz);
    memcpy(q, p, 256);
    q[14 + 9] = 6; /* TCP */
    classic_packet(&f, 1, 0, q, sz, sz);
    classic_packet(&f, 1, 0, p, sz, sz);
    struct oct_pcap *r = open_file(&f);
    cr_assert_eq(oct_pcap_next(r, &d), 1);
    cr_assert_eq(oct_pcap_next(r, &d), 1);
    cr_assert_eq(oct_pcap_next(r, &d), 0);
    const struct oct_pcap_stats *s = oct_pcap_stats(r);
    cr_assert(s->dgrams == 2 && s->malformed == 6 && s->fragments == 1 && s->other == 1);
    cr_assert_eq(s->malformed_off_first, first);
    cr_assert_eq(s->malformed_off_last, last);
    oct_pcap_rewind(r);
    cr_assert_eq(oct_pcap_next(r, &d), 1);
    cr_assert_eq(oct_pcap_stats(r)->malformed, 0);
    oct_pcap_close(r);
}

Test(pcap, a_file_that_ends_early_names_the_place)
{
    struct file f;
    struct oct_pcap_dgram d;
    uint8_t p[256];
    uint32_t sz = frame(p, "good", 0, 0);

    classic_header(&f, false, false, 1);
    classic_packet(&f, 1, 0, p, sz, sz);
    size_t second = f.sz;
    classic_packet(&f, 2, 0, p, sz, sz);
    size_t whole = f.sz;
    for (f.sz = second + 1; f.sz < whole; f.sz++) {
        struct oct_pcap *r = open_file(&f);
        cr_assert_eq(oct_pcap_next(r, &d), 1);
        cr_assert_eq(oct_pcap_next(r, &d), -EBADMSG);
        cr_assert_eq(oct_pcap_next(r, &d), -EBADMSG);
        cr_assert_eq(oct_pcap_stats(r)->error_off, second);
        cr_assert_not_null(oct_pcap_stats(r)->error);
        oct_pcap_close(r);
    }
    f.sz = whole;
    oct_store_le32(f.b + second + 8, 0x7fffffff);
    struct oct_pcap *r = open_file(&f);
    cr_assert_eq(oct_pcap_next(r, &d), 1);
    cr_assert_eq(oct_pcap_next(r, &d), -EBADMSG);
    cr_assert_str_eq(oct_pcap_stats(r)->error, "impossible packet length");
    oct_pcap_close(r);
}

Test(pcap, what_is_no_capture_is_refused)
{
    struct oct_pcap *r = NULL;
    uint8_t junk[64] = "certainly not a capture file";

    cr_assert_eq(oct_pcap_open_mem(junk, sizeof junk, &r), -EBADMSG);
    cr_assert_eq(oct_pcap_open_mem(junk, 0, &r), -EBADMSG);
    cr_assert_eq(oct_pcap_open("/nonexistent/file", &r), -ENOENT);
    cr_assert_eq(oct_pcap_open("/", &r), -EINVAL);
    cr_assert_eq(oct_pcap_open("/dev/null", &r), -EINVAL);
}

/* ---- pcapng ---------------------------------------------------------------------------------- */

static size_t ng_begin(struct file *f, uint32_t type)
{
    size_t at = f->sz;

    w32(f, type);
    w32(f, 0);
    return at;
}

static void ng_end(struct file *f, size_t at)
{
    while (f->sz % 4)
        f->b[f->sz++] = 0;
    uint32_t total = (uint32_t)(f->sz - at + 4);
    size_t end = f->sz;
    f->sz = at + 4;
    w32(f, total);
    f->sz = end;
    w32(f, total);
}

static void ng_section(struct file *f, bool be)
{
    f->be = be;
    size_t at = ng_begin(f, 0x0a0d0d0a);
    w32(f, 0x1a2b3c4d);
    w16(f, 1);
    w16(f, 0);
    w32(f, UINT32_MAX);
    w32(f, UINT32_MAX);
    ng_end(f, at);
}

static void ng_iface(struct file *f, uint16_t link, int resol, int64_t offset_s)
{
    size_t at = ng_begin(f, 1);
    w16(f, link);
    w16(f, 0);
    w32(f, 0);
    if (resol >= 0) {
        w16(f, 9);
        w16(f, 1);
        wbytes(f, (uint8_t[4]){(uint8_t)resol}, 4);
    }
    if (offset_s) {
        w16(f, 14);
        w16(f, 8);
        if (f->be)
            oct_store_be64(f->b + f->sz, (uint64_t)offset_s);
        else
            oct_store_le64(f->b + f->sz, (uint64_t)offset_s);
        f->sz += 8;
    }
    w32(f, 0);
    ng_end(f, at);
}

static void ng_packet(struct file *f, uint32_t iface, uint64_t ticks, const uint8_t *p, uint32_t sz)
{
    size_t at = ng_begin(f, 6);
    w32(f, iface);
    w32(f, (uint32_t)(ticks >> 32));
    w32(f, (uint32_t)ticks);
    w32(f, sz);
    w32(f, sz);
    wbytes(f, p, sz);
    ng_end(f, at);
}

Test(pcap, pcapng_sections_interfaces_and_resolutions)
{
    struct file f = {0};
    struct oct_pcap_dgram d;
    uint8_t p[256];
    uint32_t sz = frame(p, "ng", 0, 0);
    int64_t want[] = {
        1500000000123456000, 1500000000123456789, 1500000000500000000,
        1500000100000000000, 15000000001,
    };

    ng_section(&f, false);
    ng_iface(&f, 1, -1, 0); /* microseconds unless it says otherwise */
    ng_iface(&f, 1, 9, 0);  /* nanoseconds */
    ng_packet(&f, 0, 1500000000123456, p, sz);
    ng_packet(&f, 1, 1500000000123456789, p, sz);
    ng_iface(&f, 1, 0x80 | 10, 0); /* 1/1024 s */
    ng_packet(&f, 2, 1500000000ull * 1024 + 512, p, sz);
    size_t unknown = ng_begin(&f, 0xbad);
    wbytes(&f, "whatever", 8);
    ng_end(&f, unknown);
    ng_section(&f, true); /* the other byte order from here on */
    ng_iface(&f, 1, 0, 100);
    ng_packet(&f, 0, 1500000000, p, sz);
    ng_iface(&f, 1, 12, 0); /* picoseconds */
    ng_packet(&f, 1, 15000000001239, p, sz);
    struct oct_pcap *r = open_file(&f);
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(oct_pcap_next(r, &d), 1);
        cr_assert_eq(d.ts_ns, want[i], "packet %d: %ld", i, d.ts_ns);
        cr_assert_eq(d.iface, (uint32_t)i);
        cr_assert_arr_eq(d.data, "ng", 2);
    }
    cr_assert_eq(oct_pcap_next(r, &d), 0);
    oct_pcap_close(r);
}

Test(pcap, malformed_pcapng_blocks_are_counted_and_skipped)
{
    struct file f = {0};
    struct oct_pcap_dgram d;
    uint8_t p[256];
    uint32_t sz = frame(p, "ng", 0, 0);

    ng_section(&f, false);
    ng_iface(&f, 1, 9, 0);
    uint64_t first = f.sz;
    ng_packet(&f, 7, 1, p, sz); /* no such interface */
    size_t at = f.sz;
    ng_packet(&f, 0, 1, p, sz);
    oct_store_le32(f.b + at + 20, 9999); /* captures more than its block holds */
    ng_packet(&f, 0, UINT64_MAX, p, sz); /* later than time goes */
    at = f.sz;
    ng_packet(&f, 0, 1, p, sz);
    oct_store_le32(f.b + f.sz - 4, 0x1234); /* ends with another length */
    ng_packet(&f, 0, 5, p, sz);
    struct oct_pcap *r = open_file(&f);
    cr_assert_eq(oct_pcap_next(r, &d), 1);
    cr_assert_eq(d.ts_ns, 5);
    cr_assert_eq(oct_pcap_next(r, &d), 0);
    cr_assert_eq(oct_pcap_stats(r)->malformed, 4);
    cr_assert_eq(oct_pcap_stats(r)->malformed_off_first, first);
    cr_assert_eq(oct_pcap_stats(r)->malformed_off_last, at);
    oct_pcap_close(r);
    oct_store_le32(f.b + first + 4, 7); /* framing that cannot be followed */
    r = open_file(&f);
    cr_assert_eq(oct_pcap_next(r, &d), -EBADMSG);
    cr_assert_eq(oct_pcap_stats(r)->error_off, first);
    oct_pcap_close(r);
}

/* ---- as a nic -------------------------------------------------------------------------------- */

static const char *write_temp(const void *b, size_t sz)
{
    static char path[] = P_tmpdir "/oct_pcap_XXXXXX";
    int fd = mkstemp(path);

    cr_assert_eq(write(fd, b, sz), (ssize_t)sz);
    close(fd);
    return path;
}

Test(pcap, a_file_plays_through_the_nic_on_the_lines_joined)
{
    struct file f;
    struct oct_nic *nic = NULL;
    struct oct_nic_pkt p[64];
    uint8_t e[256];
    uint32_t sz = frame(e, "line b", 0, 0);

    classic_header(&f, false, true, 1);
    classic_packet(&f, 1, 1, e, sz, sz);
    oct_store_be32(e + 14 + 16, 0xe9010204);
    classic_packet(&f, 1, 2, e, sz, sz);
    oct_store_be32(e + 14 + 16, 0xe9010205); /* nobody joined this one */
    classic_packet(&f, 1, 3, e, sz, sz);
    const char *path = write_temp(f.b, f.sz);
    struct oct_nic_pcap_cfg cfg = {.counters = counters, .path = path};
    cr_assert_eq(oct_nic_pcap_create(&cfg, &nic), 0);
    struct oct_nic_group b = {.group_be = inet_addr("233.1.2.3"), .port = 4000, .line = 1};
    struct oct_nic_group a = {.group_be = inet_addr("233.1.2.4"), .port = 4000, .line = 0};
    cr_assert_eq(nic->ops->join(nic, &a), 0);
    cr_assert_eq(nic->ops->join(nic, &b), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    cr_assert_eq(nic->ops->rx(nic, p, 64), 2);
    cr_assert(p[0].line == 1 && p[0].ts_rx_ns == 1000000001);
    cr_assert(p[1].line == 0 && p[1].ts_rx_ns == 1000000002);
    volatile uint8_t sum = 0;
    for (uint32_t i = 0; i < OCT_NIC_PAD; i++)
        sum = (uint8_t)(sum + p[1].data[p[1].sz + i]);
    nic->ops->release(nic, p, 2);
    cr_assert_eq(nic->ops->rx(nic, p, 64), -ENODATA);
    cr_assert_eq(nic->ops->tx(nic, 1, 2, "x", 1), -ENOTSUP);
    cr_assert_eq(nic->ops->stream_open(nic, 1, 2), -ENOTSUP);
    nic->ops->close(nic);
    cr_assert_eq(oct_nic_pcap_create(&cfg, &nic), 0);
    cr_assert_eq(nic->ops->rx(nic, p, 64), 3); /* nothing joined: in order of appearance */
    cr_assert(p[0].line == 0 && p[1].line == 1 && p[2].line == 2);
    nic->ops->close(nic);
    unlink(path);
}

/* ---- recorded sessions ----------------------------------------------------------------------- */

static char *shared(const char *rest)
{
    static char path[512];
    const char *root = getenv("OCTOPUS_SHARED");

    snprintf(path, sizeof path, "%s/data/%s", root ? root : "../shared", rest);
    if (access(path, R_OK)) {
        printf("SKIP: %s is not here\n", path);
        cr_skip_test("recorded data is not here");
    }
    return path;
}

static uint8_t *gunzip(const char *path, size_t *sz)
{
    size_t cap = 64u << 20;
    uint8_t *b = malloc(cap);
    gzFile f = gzopen(path, "rb");
    int n;

    *sz = 0;
    while ((n = gzread(f, b + *sz, 1 << 20)) > 0)
        *sz += (size_t)n;
    gzclose(f);
    return b;
}

static uint8_t *unxz(const char *path, size_t *sz)
{
    size_t cap = 64u << 20, in_pos = 0;
    uint64_t limit = UINT64_MAX;
    uint8_t *b = malloc(cap), *in = malloc(8u << 20);
    FILE *f = fopen(path, "rb");
    size_t in_sz = fread(in, 1, 8u << 20, f);

    fclose(f);
    *sz = 0;
    cr_assert_eq(lzma_stream_buffer_decode(&limit, 0, NULL, in, &in_pos, in_sz, b, sz, cap),
                 LZMA_OK);
    free(in);
    return b;
}

/* Counts datagrams, and payload bytes, of a capture in memory. */
static void count_all(const uint8_t *b, size_t sz, struct oct_pcap_stats *out, int64_t *first_ns,
                      int64_t *last_ns)
{
    struct oct_pcap *r = NULL;
    struct oct_pcap_dgram d;
    int got;

    *first_ns = *last_ns = 0;
    cr_assert_eq(oct_pcap_open_mem(b, sz, &r), 0);
    while ((got = oct_pcap_next(r, &d)) == 1) {
        if (!*first_ns)
            *first_ns = d.ts_ns;
        *last_ns = d.ts_ns;
        cr_assert_eq(d.sz, d.full_sz);
    }
    *out = *oct_pcap_stats(r);
    oct_pcap_close(r);
}

Test(pcap, the_iex_tops_session_has_its_57719_packets)
{
    struct oct_pcap_stats s;
    int64_t first, last;
    size_t sz;
    uint8_t *b = gunzip(shared("iex-tops-20180127/20180127_IEXTP1_TOPS1.6.pcap.gz"), &sz);

    count_all(b, sz, &s, &first, &last);
    cr_assert_eq(s.dgrams, 57719);
    cr_assert_eq(s.malformed + s.fragments, 0);
    cr_assert_null(s.error);
    free(b);
}

Test(pcap, the_iex_deep_session_has_its_3500_packets)
{
    struct oct_pcap_stats s;
    int64_t first, last;
    size_t sz;
    uint8_t *b = gunzip(
        shared("iex-deep-20231002-first3500/20231002_IEXTP1_DEEP1.0_first3500pkts.pcap.gz"), &sz);

    count_all(b, sz, &s, &first, &last);
    cr_assert_eq(s.dgrams, 3500);
    cr_assert_eq(s.malformed + s.fragments + s.other, 0);
    cr_assert_eq(first / 1000000000 / 86400, 1696204800 / 86400); /* 2023-10-02 */
    free(b);
}

Test(pcap, the_cme_session_has_5000_packets_on_each_line)
{
    struct oct_nic *nic = NULL;
    struct oct_nic_pkt p[64];
    uint32_t line[256] = {0};
    size_t sz;
    uint8_t *b =
        unxz(shared("cme-mdp3-20161112-ab/cme_mdp3_v6_20161112_ab_10000pkts.pcapng.xz"), &sz);
    const char *path = write_temp(b, sz);
    int n;

    cr_assert_eq(
        oct_nic_pcap_create(&(struct oct_nic_pcap_cfg){.counters = counters, .path = path}, &nic),
        0);
    while ((n = nic->ops->rx(nic, p, 64)) > 0) {
        for (int i = 0; i < n; i++)
            line[p[i].line]++;
        nic->ops->release(nic, p, (uint32_t)n);
    }
    cr_assert_eq(n, -ENODATA);
    cr_assert_eq(line[0], 5000);
    cr_assert_eq(line[1], 5000);
    cr_assert_eq(oct_nic_pcap_stats(nic)->malformed, 0);
    cr_assert_null(oct_nic_pcap_stats(nic)->error);
    nic->ops->close(nic);
    unlink(path);
    free(b);
}

Test(pcap, every_one_of_the_397_small_captures_is_read_to_its_end)
{
    struct oct_pcap_stats s;
    int64_t first, last;
    size_t sz;
    uint32_t files = 0, with_udp = 0;
    uint8_t *b = unxz(shared("omi-data-packets/omi-data-packets.tar.xz"), &sz);

    for (size_t at = 0; at + 512 <= sz && b[at];) {
        const char *name = (const char *)b + at;
        size_t len = strtoul((const char *)b + at + 124, NULL, 8);
        size_t n = strnlen(name, 100);
        if (n > 5 && strcmp(name + n - 5, ".pcap") == 0) {
            files++;
            count_all(b + at + 512, len, &s, &first, &last);
            cr_assert_null(s.error, "%.100s: %s", name, s.error);
            cr_assert_eq(s.malformed, 0, "%.100s", name);
            cr_assert_gt(s.dgrams + s.other, 0, "%.100s", name);
            with_udp += s.dgrams > 0;
        }
        at += 512 + oct_align_up(len, 512);
    }
    cr_assert_eq(files, 397);
    cr_assert_gt(with_udp, 150);
    free(b);
}
