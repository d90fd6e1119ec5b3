/* feed_dump.c - our decoders as text, for comparison with others.
 *
 *   feed_dump itch           length-framed messages on standard input; a line each:
 *                            type, then name=value, characters as hexadecimal
 *   feed_dump mold           packets on standard input, each behind four big-endian length bytes;
 *                            a line each: session, first number, kind or count, block sizes
 *   feed_dump synth SEED N   writes N length-framed messages of every type, every field at random
 *   feed_dump packets SEED   writes MoldUDP64 packets as `mold` reads them: data, heartbeats, ends */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "dataplane/port/nic.h"
#include "drivers/feed/itch50.h"
#include "drivers/feed/moldudp64.h"

static uint8_t buf[65536 + OCT_NIC_PAD];

static bool read_exactly(size_t sz)
{
    return fread(buf, 1, sz, stdin) == sz;
}

static void print_field(const struct oct_itch50_msg *m, const struct oct_itch50_field *f)
{
    unsigned long long v = oct_itch50_field_get(m, f);
    if (f->kind >= OCT_ITCH50_K_chr)
        printf(" %s=%0*llx", f->name, 2 * f->wire_sz, v);
    else
        printf(" %s=%llu", f->name, v);
}

static int dump_itch(void)
{
    while (read_exactly(2)) {
        uint32_t sz = oct_load_be16(buf);
        struct oct_itch50_msg m;
        if (!read_exactly(sz)) {
            printf("cut\n");
            return 0;
        }
        enum oct_feed_error err = oct_itch50_decode(buf, sz, &m);
        if (err != OCT_FEED_OK) {
            printf("error %d\n", (int)err);
            continue;
        }
        const struct oct_itch50_desc *d = oct_itch50_desc(m.hdr.type);
        printf("%c", m.hdr.type);
        for (uint32_t i = 1; i < d->field_cnt; i++)
            print_field(&m, &d->fields[i]);
        printf("\n");
    }
    return 0;
}

static int dump_mold(void)
{
    while (read_exactly(4)) {
        uint32_t sz = oct_load_be32(buf);
        struct oct_feed_pkt p;
        const uint8_t *msg;
        uint32_t msg_sz;
        if (sz > 65536 || !read_exactly(sz))
            return 1;
        enum oct_feed_error err = oct_moldudp64_packet(buf, sz, &p);
        for (uint32_t i = 0; i < OCT_MOLDUDP64_SESSION_SZ; i++)
            printf("%02x", p.session[i]);
        printf(" %llu ", (unsigned long long)p.first_seq);
        if (p.kind == OCT_FEED_PKT_DATA)
            printf("%s%u", err == OCT_FEED_OK ? "" : "cut:", p.msg_cnt);
        else
            printf("%s", p.kind == OCT_FEED_PKT_END ? "end" : "heartbeat");
        struct oct_feed_cursor c = {p.blocks, p.blocks + p.blocks_sz};
        while (oct_moldudp64_next(&c, &msg, &msg_sz))
            printf(" %u", msg_sz);
        printf("\n");
    }
    return 0;
}

/* Characters stay printable: other decoders make text of them. */
static uint64_t random_value(struct oct_rng *rng, const struct oct_itch50_field *f)
{
    uint64_t v = 0;
    if (f->kind < OCT_ITCH50_K_chr)
        return oct_rng_u64(rng) >> (64 - 8 * f->wire_sz);
    for (uint32_t i = 0; i < f->wire_sz; i++)
        v = v << 8 | ('A' + oct_rng_below(rng, 26));
    return v;
}

static int synth(uint64_t seed, uint64_t n)
{
    struct oct_rng rng;
    oct_rng_init(&rng, seed);
    for (uint64_t i = 0; i < n * OCT_ITCH50_TYPE_CNT; i++) {
        const struct oct_itch50_desc *d = oct_itch50_desc_at((uint32_t)(i % OCT_ITCH50_TYPE_CNT));
        struct oct_itch50_msg m = {.hdr = {.type = d->type}};
        for (uint32_t f = 1; f < d->field_cnt; f++)
            oct_itch50_field_set(&m, &d->fields[f], random_value(&rng, &d->fields[f]));
        uint32_t sz = oct_itch50_encode(&m, buf + 2);
        oct_store_be16(buf, (uint16_t)sz);
        fwrite(buf, 1, sz + 2, stdout);
    }
    return 0;
}

static void write_packet(const uint8_t *pkt, uint32_t sz)
{
    uint8_t len[4];
    oct_store_be32(len, sz);
    fwrite(len, 1, sizeof(len), stdout);
    fwrite(pkt, 1, sz, stdout);
}

static int packets(uint64_t seed)
{
    static const uint8_t session[10] = "ORACLE 001";
    struct oct_rng rng;
    uint64_t seq = 1;
    uint8_t msg[256] = {0};
    oct_rng_init(&rng, seed);
    for (uint32_t i = 0; i < 500; i++) {
        struct oct_moldudp64_builder b;
        oct_moldudp64_begin(&b, buf, 1400, session, seq);
        for (uint64_t n = oct_rng_below(&rng, 12); n > 0; n--)
            oct_moldudp64_append(&b, msg, 1 + (uint32_t)oct_rng_below(&rng, 60));
        seq += b.msg_cnt;
        write_packet(buf, oct_moldudp64_finish(&b));
    }
    write_packet(buf, oct_moldudp64_heartbeat(buf, session, seq));
    write_packet(buf, oct_moldudp64_end(buf, session, seq));
    return 0;
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    uint64_t a = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
    uint64_t b = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    if (strcmp(what, "itch") == 0)
        return dump_itch();
    if (strcmp(what, "mold") == 0)
        return dump_mold();
    if (strcmp(what, "synth") == 0)
        return synth(a, b);
    if (strcmp(what, "packets") == 0)
        return packets(a);
    fprintf(stderr, "usage: feed_dump itch | mold | synth SEED N | packets SEED\n");
    return 2;
}
