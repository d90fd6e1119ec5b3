#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/shm/ring.h"

struct rec {
    struct oct_msg_hdr hdr;
    uint64_t w[54];
};
_Static_assert(sizeof(struct rec) == OCT_MSG_SZ_MAX, "largest record");

static struct oct_ring *make_ring(uint32_t depth)
{
    size_t sz = oct_ring_footprint(depth);
    void *mem = aligned_alloc(OCT_BLOCK_SZ, oct_align_up(sz, OCT_BLOCK_SZ));

    cr_assert_not_null(mem);
    struct oct_ring *ring = oct_ring_new(mem, depth);
    cr_assert_not_null(ring);
    return ring;
}

/* A record whose every word tells its number. */
static uint64_t put(struct oct_ring *ring, uint64_t n, uint16_t sz)
{
    struct rec r = {.hdr = {.type = 1, .sz = sz, .input = n}};

    for (size_t i = 0; i < OCT_ARRAY_CNT(r.w); i++)
        r.w[i] = n * 1000 + i;
    return oct_ring_publish(ring, &r.hdr);
}

static void check(const struct rec *r)
{
    cr_assert_eq(r->hdr.type, 1);
    for (size_t i = 0; i < (r->hdr.sz - sizeof r->hdr) / 8; i++)
        cr_assert_eq(r->w[i], r->hdr.input * 1000 + i, "torn record %llu",
                     (unsigned long long)r->hdr.input);
}

Test(ring, depths_that_are_no_power_of_two_in_range_have_no_footprint)
{
    static const uint32_t bad[] = {0, 1, 2, 8, 15, 17, 100, (1u << 26) + 1, 1u << 27, UINT32_MAX};

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        char mem[64];
        cr_assert_eq(oct_ring_footprint(bad[i]), 0u);
        cr_assert_null(oct_ring_new(mem, bad[i]));
    }
    cr_assert_eq(oct_ring_footprint(16), sizeof(struct oct_ring) + 16 * 64);
    cr_assert_null(oct_ring_new(NULL, 16));
}

Test(ring, records_of_every_size_come_out_as_they_went_in)
{
    struct oct_ring *ring = make_ring(1024);
    struct oct_ring_reader r;
    struct rec got;
    uint64_t n = 0;

    oct_ring_reader_init(&r, ring, true);
    cr_assert_eq(oct_ring_read(&r, &got), OCT_RING_EMPTY);
    for (int round = 0; round < 20; round++)
        for (uint16_t sz = 16; sz <= OCT_MSG_SZ_MAX; sz = (uint16_t)(sz + 8)) {
            uint64_t at = put(ring, ++n, sz);
            cr_assert_eq(oct_ring_read(&r, &got), OCT_RING_RECORD);
            cr_assert_eq(got.hdr.sz, sz);
            cr_assert_eq(got.hdr.input, n);
            check(&got);
            cr_assert_eq(r.pos, at);
            cr_assert_eq(oct_ring_read(&r, &got), OCT_RING_EMPTY);
        }
    cr_assert_eq(r.lapped, 0u);
    free(ring);
}

Test(ring, a_record_in_two_pieces_is_padded_with_zeros)
{
    struct oct_ring *ring = make_ring(64);
    struct oct_ring_reader r;
    uint8_t data[OCT_IN_PACKET_FRAG];
    uint64_t buf[OCT_MSG_SZ_MAX / 8];

    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (uint8_t)(1 + i * 7);
    oct_ring_reader_init(&r, ring, true);
    for (uint16_t n = 0; n <= OCT_IN_PACKET_FRAG; n++) {
        struct oct_in_packet p = {OCT_MSG_HDR(IN_PACKET, in_packet), .frag_sz = n, .pkt_sz = n};
        p.hdr.sz = (uint16_t)(sizeof p + oct_align_up(n, 8));
        oct_ring_publish2(ring, &p.hdr, sizeof p, data, n);
        memset(buf, 0xff, sizeof buf);
        cr_assert_eq(oct_ring_read(&r, buf), OCT_RING_RECORD);
        const struct oct_in_packet *got = (const struct oct_in_packet *)buf;
        cr_assert(oct_msg_valid(&got->hdr, sizeof buf));
        cr_assert_eq(memcmp(OCT_MSG_DATA(got), data, n), 0);
        for (size_t i = n; i < oct_align_up(n, 8); i++)
            cr_assert_eq(OCT_MSG_DATA(got)[i], 0);
    }
    free(ring);
}

Test(ring, a_slow_reader_is_lapped_counts_it_and_goes_on_with_a_whole_record)
{
    struct oct_ring *ring = make_ring(256);
    struct oct_ring_reader r;
    struct rec got;
    struct oct_rng rng;
    uint64_t n = 0, head = 0, last = 0, laps = 0;

    oct_rng_init(&rng, 11);
    oct_ring_reader_init(&r, ring, true);
    for (int i = 0; i < 3000; i++) {
        for (uint64_t k = oct_rng_below(&rng, 300); k > 0; k--)
            head = put(ring, ++n, (uint16_t)(16 + 8 * oct_rng_below(&rng, 55)));
        uint64_t before = r.pos, lapped = r.lapped;
        for (uint64_t k = oct_rng_below(&rng, 200); k > 0; k--) {
            enum oct_ring_read rc = oct_ring_read(&r, &got);
            if (rc == OCT_RING_EMPTY) {
                cr_assert_eq(r.pos, head);
                cr_assert_eq(last, n);
                break;
            }
            if (rc == OCT_RING_LAPPED) {
                laps++;
                cr_assert_gt(r.lapped, lapped);
                cr_assert_geq(r.pos, before);
                cr_assert_leq(r.pos, head);
                continue;
            }
            check(&got);
            cr_assert_gt(got.hdr.input, last, "never backwards");
            last = got.hdr.input;
        }
    }
    cr_assert_gt(laps, 100u);
    free(ring);
}

Test(ring, a_lapped_reader_keeps_a_good_part_of_the_ring)
{
    struct oct_ring *ring = make_ring(4096);
    struct oct_ring_reader r;
    struct rec got;
    uint64_t cnt = 0;

    oct_ring_reader_init(&r, ring, true);
    for (uint64_t n = 0; n < 10000; n++)
        put(ring, n, 72); /* two slots */
    cr_assert_eq(oct_ring_read(&r, &got), OCT_RING_LAPPED);
    while (oct_ring_read(&r, &got) == OCT_RING_RECORD)
        cnt++;
    cr_assert(cnt >= 4096 / 2 * 3 / 8 && cnt <= 4096 / 2 / 2, "%llu", (unsigned long long)cnt);
    cr_assert_eq(got.hdr.input, 9999u);
    cr_assert_eq(r.lapped + cnt * 2, 20000u);
    free(ring);
}

Test(ring, a_late_reader_starts_at_a_record_near_the_oldest_or_at_the_head)
{
    struct oct_ring *ring = make_ring(1024);
    struct oct_ring_reader r;
    struct rec got;
    uint64_t n = 0;

    for (; n < 100; n++)
        put(ring, n, 136); /* three slots */
    oct_ring_reader_init(&r, ring, true);
    cr_assert_eq(r.pos, 0u);
    oct_ring_reader_init(&r, ring, false);
    cr_assert_eq(r.pos, 300u);
    for (; n < 5000; n++)
        put(ring, n, 136);
    oct_ring_reader_init(&r, ring, true);
    cr_assert_geq(r.pos, 15000u - 1024u + 128u);
    cr_assert_leq(r.pos, 15000u - 1024u + 256u + 3u);
    uint64_t first = r.pos / 3;
    cr_assert_eq(r.pos % 3, 0u);
    for (uint64_t want = first; want < n; want++) {
        cr_assert_eq(oct_ring_read(&r, &got), OCT_RING_RECORD);
        cr_assert_eq(got.hdr.input, want);
        check(&got);
    }
    cr_assert_eq(oct_ring_read(&r, &got), OCT_RING_EMPTY);
    free(ring);
}

Test(ring, join_refuses_what_is_not_a_ring)
{
    struct oct_ring *ring = make_ring(64);
    size_t sz = oct_ring_footprint(64);

    cr_assert_eq(oct_ring_join(ring, sz), ring);
    cr_assert_null(oct_ring_join(NULL, sz));
    cr_assert_null(oct_ring_join(ring, 0));
    cr_assert_null(oct_ring_join(ring, sizeof *ring - 1));
    cr_assert_null(oct_ring_join(ring, sz - 1), "shorter than its depth says");
    cr_assert_null(oct_ring_join((uint8_t *)ring + 8, sz - 8), "misaligned");
    static const uint32_t bad[] = {0, 63, 65, 128, 1u << 26, 1u << 31, UINT32_MAX};
    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        ring->depth = bad[i];
        cr_assert_null(oct_ring_join(ring, sz), "depth %u", bad[i]);
    }
    ring->depth = 64;
    ring->version++;
    cr_assert_null(oct_ring_join(ring, sz));
    ring->version--;
    ring->magic ^= 1;
    cr_assert_null(oct_ring_join(ring, sz));
    free(ring);
}

Test(ring, nonsense_in_a_header_is_never_followed)
{
    static const uint16_t bad[] = {0, 8, 15, 17, 20, 452, 456, 1000, 65535};
    struct oct_ring *ring = make_ring(64);
    struct oct_ring_reader r;
    struct rec got;

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        oct_ring_reader_init(&r, ring, false);
        uint64_t at = r.pos;
        put(ring, 1, 72);
        uint64_t after = put(ring, 2, 16);
        atomic_store(&ring->slot[at & 63].word[0], (uint64_t)bad[i] << 16 | 1);
        cr_assert_eq(oct_ring_read(&r, &got), OCT_RING_LAPPED, "size %u", bad[i]);
        cr_assert_gt(r.pos, at);
        cr_assert_leq(r.pos, after);
        cr_assert_eq(r.lapped, r.pos - at);
    }
    free(ring);
}

Test(ring, a_hostile_writer_can_waste_a_readers_turns_but_no_more)
{
    struct oct_ring *ring = make_ring(64);
    size_t sz = oct_ring_footprint(64);
    struct oct_ring_reader r;
    struct oct_rng rng;
    struct rec got;

    oct_rng_init(&rng, 99);
    for (int round = 0; round < 300; round++) {
        oct_ring_reader_init(&r, ring, round & 1);
        for (int i = 0; i < 200; i++) {
            uint64_t *w = (uint64_t *)ring;
            /* any word but the reader's own copy of the depth */
            uint64_t at = 16 + oct_rng_below(&rng, sz / 8 - 16);
            uint64_t pick = oct_rng_below(&rng, 4);
            w[at] = pick == 0   ? oct_rng_u64(&rng)
                    : pick == 1 ? r.pos + 1
                    : pick == 2 ? UINT64_MAX
                                : oct_rng_below(&rng, 512) << 16;
            if (oct_rng_below(&rng, 2))
                atomic_store(&ring->slot[r.pos & 63].seq, r.pos + 1);
            uint64_t before = r.pos;
            enum oct_ring_read rc = oct_ring_read(&r, &got);
            if (rc == OCT_RING_EMPTY)
                cr_assert_eq(r.pos, before);
            else
                cr_assert_neq(r.pos, before);
            if (rc == OCT_RING_RECORD)
                cr_assert(got.hdr.sz >= 16 && got.hdr.sz <= OCT_MSG_SZ_MAX && got.hdr.sz % 8 == 0);
        }
    }
    free(ring);
}

Test(ring, a_depth_changed_after_the_reader_began_is_not_used)
{
    struct oct_ring *ring = make_ring(16);
    struct oct_ring_reader r;
    struct rec got;

    oct_ring_reader_init(&r, ring, true);
    put(ring, 1, 72);
    ring->depth = 1u << 30;
    for (int i = 0; i < 40; i++) {
        r.pos = (uint64_t)i;
        (void)oct_ring_read(&r, &got); /* stays in memory: the sanitizers watch */
    }
    cr_assert_eq(r.mask, 15u);
    free(ring);
}
