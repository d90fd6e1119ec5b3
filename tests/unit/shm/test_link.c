#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/shm/link.h"

struct rec {
    struct oct_msg_hdr hdr;
    uint64_t w[54];
};

struct pair {
    void *mem;
    size_t sz;
    struct oct_link pub, poll;
};

static struct pair make_pair(uint32_t depth)
{
    struct pair p = {.sz = oct_link_footprint(depth)};

    p.mem = aligned_alloc(OCT_BLOCK_SZ, oct_align_up(p.sz, OCT_BLOCK_SZ));
    cr_assert_eq(oct_link_new(&p.poll, p.mem, depth), 0);
    cr_assert_eq(oct_link_join(&p.pub, p.mem, p.sz, OCT_LINK_PUBLISHER), 0);
    return p;
}

static int put(struct oct_link *l, uint64_t n, uint16_t sz)
{
    struct rec r = {.hdr = {.type = 6, .sz = sz, .input = n}};

    for (size_t i = 0; i < OCT_ARRAY_CNT(r.w); i++)
        r.w[i] = n * 1000 + i;
    return oct_link_publish(l, &r.hdr);
}

static void check(const struct rec *r, uint64_t n)
{
    cr_assert_eq(r->hdr.input, n);
    for (size_t i = 0; i < (r->hdr.sz - sizeof r->hdr) / 8; i++)
        cr_assert_eq(r->w[i], n * 1000 + i);
}

Test(link, bad_depths_are_refused)
{
    static const uint32_t bad[] = {0, 1, 8, 15, 24, (1u << 20) + 1, 1u << 21, UINT32_MAX};
    struct oct_link l;
    char mem[64];

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        cr_assert_eq(oct_link_footprint(bad[i]), 0u);
        cr_assert_eq(oct_link_new(&l, mem, bad[i]), -EINVAL);
    }
    cr_assert_eq(oct_link_new(&l, NULL, 16), -EINVAL);
}

Test(link, every_record_taken_is_delivered_once_and_in_order)
{
    struct pair p = make_pair(64);
    struct oct_rng rng;
    struct rec got;
    uint64_t in = 0, out = 0, full = 0;

    oct_rng_init(&rng, 4);
    for (int i = 0; i < 20000; i++) {
        if (oct_rng_below(&rng, 100) < 55) {
            uint16_t sz = (uint16_t)(16 + 8 * oct_rng_below(&rng, 55));
            int rc = put(&p.pub, in + 1, sz);
            cr_assert(rc == 0 || rc == -ENOBUFS);
            in += rc == 0;
            full += rc != 0;
        } else {
            int rc = oct_link_poll(&p.poll, &got);
            cr_assert_eq(rc, out < in ? 1 : 0);
            if (rc == 1)
                check(&got, ++out);
        }
    }
    cr_assert_gt(full, 100u);
    free(p.mem);
}

Test(link, full_link_takes_what_fits_and_overwrites_nothing)
{
    struct pair p = make_pair(16);
    struct rec got;

    for (uint64_t n = 1; n <= 5; n++)
        cr_assert_eq(put(&p.pub, n, 136), 0); /* three slots each: 15 of 16 */
    cr_assert_eq(put(&p.pub, 6, 72), -ENOBUFS);
    cr_assert_eq(put(&p.pub, 6, 16), 0);
    cr_assert_eq(put(&p.pub, 7, 16), -ENOBUFS);
    for (uint64_t n = 1; n <= 6; n++) {
        cr_assert_eq(oct_link_poll(&p.poll, &got), 1);
        check(&got, n);
    }
    cr_assert_eq(oct_link_poll(&p.poll, &got), 0);
    cr_assert_eq(put(&p.pub, 7, OCT_MSG_SZ_MAX), 0);
    cr_assert_eq(oct_link_poll(&p.poll, &got), 1);
    check(&got, 7);
    free(p.mem);
}

Test(link, both_ends_continue_after_their_holder_died)
{
    struct pair p = make_pair(16);
    struct rec got;

    cr_assert_eq(put(&p.pub, 1, 72), 0);
    cr_assert_eq(put(&p.pub, 2, 72), 0);
    cr_assert_eq(oct_link_poll(&p.poll, &got), 1);
    struct oct_link pub2, poll2;
    cr_assert_eq(oct_link_join(&pub2, p.mem, p.sz, OCT_LINK_PUBLISHER), 0);
    cr_assert_eq(oct_link_join(&poll2, p.mem, p.sz, OCT_LINK_POLLER), 0);
    cr_assert_eq(put(&pub2, 3, 72), 0);
    cr_assert_eq(oct_link_poll(&poll2, &got), 1);
    check(&got, 2);
    cr_assert_eq(oct_link_poll(&poll2, &got), 1);
    check(&got, 3);
    /* died between the record and its head, and the poller has taken it */
    atomic_store(&p.poll.shm->head, 4);
    cr_assert_eq(oct_link_join(&pub2, p.mem, p.sz, OCT_LINK_PUBLISHER), 0);
    cr_assert_eq(put(&pub2, 4, 72), 0);
    cr_assert_eq(oct_link_poll(&poll2, &got), 1);
    check(&got, 4);
    free(p.mem);
}

Test(link, join_refuses_what_is_not_a_link)
{
    struct pair p = make_pair(64);
    struct oct_link l;
    struct oct_link_shm *shm = p.mem;

    cr_assert_eq(oct_link_join(&l, NULL, p.sz, OCT_LINK_POLLER), -EBADMSG);
    cr_assert_eq(oct_link_join(&l, p.mem, p.sz - 1, OCT_LINK_POLLER), -EBADMSG);
    cr_assert_eq(oct_link_join(&l, p.mem, 10, OCT_LINK_POLLER), -EBADMSG);
    cr_assert_eq(oct_link_join(&l, (uint8_t *)p.mem + 4, p.sz, OCT_LINK_POLLER), -EBADMSG);
    shm->depth = 1u << 20;
    cr_assert_eq(oct_link_join(&l, p.mem, p.sz, OCT_LINK_POLLER), -EBADMSG);
    shm->depth = 60;
    cr_assert_eq(oct_link_join(&l, p.mem, p.sz, OCT_LINK_POLLER), -EBADMSG);
    shm->depth = 64;
    shm->version = 9;
    cr_assert_eq(oct_link_join(&l, p.mem, p.sz, OCT_LINK_POLLER), -EBADMSG);
    shm->version = 1;
    shm->magic = 0;
    cr_assert_eq(oct_link_join(&l, p.mem, p.sz, OCT_LINK_POLLER), -EBADMSG);
    free(p.mem);
}

Test(link, a_bad_record_is_refused_and_the_link_goes_on)
{
    static const uint16_t bad[] = {0, 8, 17, 456, 65535};
    struct pair p = make_pair(64);
    struct rec got;

    for (size_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        uint64_t at = p.pub.pos;
        cr_assert_eq(put(&p.pub, 1, 72), 0);
        atomic_store(&p.pub.shm->slot[at & 63].word[0], (uint64_t)bad[i] << 16 | 6);
        cr_assert_eq(oct_link_poll(&p.poll, &got), -EBADMSG, "size %u", bad[i]);
        cr_assert_eq(oct_link_poll(&p.poll, &got), 0);
        cr_assert_eq(put(&p.pub, 2, 72), 0);
        cr_assert_eq(oct_link_poll(&p.poll, &got), 1);
        check(&got, 2);
    }
    /* the second slot of a record is missing */
    uint64_t at = p.pub.pos;
    cr_assert_eq(put(&p.pub, 3, 136), 0);
    atomic_store(&p.pub.shm->slot[(at + 1) & 63].seq, 0);
    cr_assert_eq(oct_link_poll(&p.poll, &got), -EBADMSG);
    cr_assert_eq(oct_link_poll(&p.poll, &got), 0);
    free(p.mem);
}

Test(link, a_lying_poller_only_makes_the_link_full)
{
    struct pair p = make_pair(16);

    for (uint64_t n = 1; n <= 16; n++)
        cr_assert_eq(put(&p.pub, n, 16), 0);
    static const uint64_t lies[] = {17, 1000, UINT64_MAX, (uint64_t)1 << 63};
    for (size_t i = 0; i < OCT_ARRAY_CNT(lies); i++) {
        atomic_store(&p.pub.shm->tail, lies[i]);
        cr_assert_eq(put(&p.pub, 99, 16), -ENOBUFS, "tail %llu", (unsigned long long)lies[i]);
    }
    atomic_store(&p.pub.shm->tail, 16);
    cr_assert_eq(put(&p.pub, 17, 16), 0);
    atomic_store(&p.pub.shm->tail, 3); /* backwards */
    for (uint64_t n = 18; n <= 32; n++)
        cr_assert_eq(put(&p.pub, n, 16), 0);
    cr_assert_eq(put(&p.pub, 99, 16), -ENOBUFS);
    free(p.mem);
}

Test(link, random_damage_never_leads_outside_the_memory)
{
    struct pair p = make_pair(16);
    struct oct_rng rng;
    struct rec got;

    oct_rng_init(&rng, 8);
    for (int i = 0; i < 50000; i++) {
        uint64_t *w = p.mem;
        w[oct_rng_below(&rng, p.sz / 8)] = oct_rng_below(&rng, 2) ? oct_rng_u64(&rng)
                                           : oct_rng_below(&rng, 2)
                                               ? p.poll.pos + 1
                                               : oct_rng_below(&rng, 512) << 16;
        (void)put(&p.pub, (uint64_t)i, (uint16_t)(16 + 8 * oct_rng_below(&rng, 55)));
        int rc = oct_link_poll(&p.poll, &got);
        cr_assert(rc == 0 || rc == 1 || rc == -EBADMSG);
        if (rc == 1)
            cr_assert(got.hdr.sz >= 16 && got.hdr.sz <= OCT_MSG_SZ_MAX);
    }
    cr_assert_eq(p.poll.mask, 15u);
    cr_assert_eq(p.pub.mask, 15u);
    free(p.mem);
}
