/* What the core makes of packets does not depend on how far ahead it looks. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/rng.h"
#include "dataplane/lane/core.h"
#include "drivers/feed/itch50.h"
#include "drivers/feed/moldudp64.h"

#define PKT_CNT 64u
#define PKT_SZ  512u

/* An agent that writes down all it is told. */
struct told {
    uint64_t digest;
    uint32_t mds, feeds;
};

struct world {
    struct oct_core *core;
    struct told told[4];
    struct oct_timers *timers;
    struct oct_faults *faults;
    struct oct_counter counters[OCT_CORE_COUNTER_CNT];
    struct oct_counter types[256];
    uint32_t hints;
    uint8_t data[PKT_CNT][PKT_SZ + OCT_NIC_PAD];
    struct oct_nic_pkt pkt[PKT_CNT];
    struct oct_in_packet in[PKT_CNT];
};

static void on_msg(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    struct told *t = self;
    uint64_t when[4] = {step->input, step->feed_seq, (uint64_t)step->ts_exch_ns,
                        (uint64_t)step->now_ns};

    t->digest = oct_digest64(t->digest, when, sizeof when);
    t->digest = oct_digest64(t->digest, m, m->sz);
    t->mds += m->type == OCT_MD;
    t->feeds += m->type == OCT_IN_FEED;
}

static uint64_t digest(const void *self)
{
    return ((const struct told *)self)->digest;
}

static void emit(void *self, const struct oct_msg_hdr *m)
{
    (void)self;
    (void)m;
}

static void prefetch(const void *self, struct oct_book_hint *hint)
{
    (void)hint;
    ++*(uint32_t *)(uintptr_t)self;
}

static struct world *world_new(bool ahead)
{
    struct world *w = calloc(1, sizeof *w);

    cr_assert(w);
    w->core = aligned_alloc(64, oct_align_up(sizeof *w->core, 64));
    w->timers = oct_timers_new(aligned_alloc(128, oct_align_up(oct_timers_footprint(8), 128)), 8);
    w->faults =
        oct_faults_new(aligned_alloc(128, oct_align_up(oct_faults_footprint(), OCT_BLOCK_SZ)));
    const struct oct_core_cfg cfg = {
        .feed = &oct_feed_itch50_mold,
        .prefetch = ahead,
        .prefetch1 = prefetch,
        .prefetch2 = prefetch,
        .prefetch3 = prefetch,
        .prefetch4 = prefetch,
        .prefetch_lone = prefetch,
        .prefetch_alone = prefetch,
        .prefetch_self = &w->hints,
        .realtime = {"realtime", on_msg, digest, &w->told[0]},
        .strategy = {"strategy", on_msg, digest, &w->told[1]},
        .risk = {"risk", on_msg, digest, &w->told[2]},
        .execution = {"execution", on_msg, digest, &w->told[3]},
        .timers = w->timers,
        .counters = w->counters,
        .types = w->types,
        .faults = w->faults,
        .out = {emit, NULL, 0},
    };
    oct_core_init(w->core, &cfg);
    return w;
}

static void world_free(struct world *w)
{
    free(w->core);
    free(w->timers);
    free(w->faults);
    free(w);
}

/* One message: mostly good, some of no type, of a wrong length, without a byte, with a bad side. */
static uint32_t message(struct oct_rng *rng, uint8_t *buf)
{
    static const char types[] = "AFECXDUPSRH";
    struct oct_itch50_msg m = {.hdr = {.type = types[oct_rng_below(rng, sizeof types - 1)]}};

    m.hdr.locate = (uint16_t)oct_rng_below(rng, 100);
    m.hdr.ts_ns = oct_rng_below(rng, 1u << 30);
    if (m.hdr.type == 'A' || m.hdr.type == 'F' || m.hdr.type == 'P') {
        m.add.ref = oct_rng_below(rng, 1000);
        m.add.side = "BS"[oct_rng_below(rng, 2)];
        m.add.shares = 100;
        m.add.px = 1000000;
    }
    if (m.hdr.type == 'C')
        m.exec_px.printable = 'Y';
    uint32_t sz = oct_itch50_encode(&m, buf);
    switch (oct_rng_below(rng, 24)) {
    case 0:
        buf[0] = 'z';
        break;
    case 1:
        return sz - 1;
    case 2:
        return 0;
    case 3:
        buf[19] = '?'; /* the side of an add */
        break;
    default:
        break;
    }
    return sz;
}

static void make_packets(struct world *w, uint64_t seed)
{
    uint8_t session[OCT_MOLDUDP64_SESSION_SZ];
    struct oct_rng rng;
    uint64_t seq = 1;

    oct_rng_init(&rng, seed);
    oct_moldudp64_session(session, "CORE");
    for (uint32_t i = 0; i < PKT_CNT; i++) {
        struct oct_moldudp64_builder b;
        uint32_t n = (uint32_t)oct_rng_below(&rng, 9);
        oct_moldudp64_begin(&b, w->data[i], PKT_SZ, session, seq);
        for (uint32_t k = 0; k < n; k++) {
            uint8_t buf[64];
            uint32_t sz = message(&rng, buf);
            cr_assert(oct_moldudp64_append(&b, buf, sz));
        }
        uint32_t sz = oct_moldudp64_finish(&b);
        w->pkt[i] = (struct oct_nic_pkt){.data = w->data[i], .sz = sz};
        w->in[i] = (struct oct_in_packet){OCT_MSG_HDR(IN_PACKET, in_packet), .now_ns = (int64_t)seq,
                                          .first_seq = seq, .msg_cnt = (uint16_t)n,
                                          .pkt_sz = (uint16_t)(sz - OCT_MOLDUDP64_HDR_SZ)};
        w->in[i].hdr.input = i + 1;
        seq += n;
    }
}

/* Packets in bursts; some of them are copies or come out of turn, as a collector has it, or are not
 * taken at all, and those that are held back come from another place. */
static void run(struct world *w, uint64_t seed)
{
    static uint8_t held[PKT_SZ + OCT_NIC_PAD];
    struct oct_rng rng;

    make_packets(w, seed);
    oct_rng_init(&rng, seed + 1000);
    for (uint32_t i = 0; i < PKT_CNT;) {
        uint32_t n = 1 + (uint32_t)oct_rng_below(&rng, 16);
        n = n < PKT_CNT - i ? n : PKT_CNT - i;
        oct_core_burst(w->core, &w->pkt[i], n);
        for (uint32_t k = 0; k < n; k++) {
            const uint8_t *data = w->pkt[i + k].data;
            oct_core_burst_at(w->core, k);
            oct_core_burst_near(w->core);
            switch (oct_rng_below(&rng, 8)) {
            case 0: /* not taken */
                continue;
            case 1: /* from the collector's own memory */
                memcpy(held, data, sizeof held);
                data = held;
                break;
            default:
                break;
            }
            oct_core_packet(w->core, &w->in[i + k], data + OCT_MOLDUDP64_HDR_SZ);
        }
        oct_core_burst(w->core, NULL, 0);
        i += n;
    }
}

static void same_faults(const struct world *a, const struct world *b)
{
    cr_assert_eq(oct_faults_cnt(a->faults), oct_faults_cnt(b->faults));
    for (uint32_t i = 0; i < oct_faults_cnt(a->faults); i++) {
        struct oct_fault_row x, y;
        cr_assert(oct_faults_get(a->faults, i, &x) && oct_faults_get(b->faults, i, &y));
        cr_assert_arr_eq(&x, &y, sizeof x, "%s", x.code);
    }
}

Test(core, a_message_decoded_early_is_told_at_its_turn_and_no_other_way)
{
    uint64_t bad = 0, unknown = 0;

    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct world *ahead = world_new(true), *plain = world_new(false);
        run(ahead, seed);
        run(plain, seed);
        cr_assert_gt(ahead->hints, 0);
        cr_assert_eq(plain->hints, 0);
        cr_assert_gt(plain->told[0].mds, 50);
        for (uint32_t i = 0; i < 4; i++)
            cr_assert_eq(ahead->told[i].digest, plain->told[i].digest, "seed %lu agent %u", seed,
                         i);
        for (uint32_t i = 0; i < OCT_CORE_COUNTER_CNT; i++)
            cr_assert_eq(oct_count_get(&ahead->counters[i]), oct_count_get(&plain->counters[i]),
                         "%s", oct_core_counter_defs[i].name);
        for (uint32_t i = 0; i < 256; i++)
            cr_assert_eq(oct_count_get(&ahead->types[i]), oct_count_get(&plain->types[i]));
        same_faults(ahead, plain);
        cr_assert_eq(oct_core_digest(ahead->core), oct_core_digest(plain->core));
        bad += oct_count_get(&ahead->counters[OCT_CORE_MD_BAD]);
        unknown += oct_count_get(&ahead->counters[OCT_CORE_MD_UNKNOWN_TYPE]);
        cr_assert_eq(ahead->told[0].feeds, oct_count_get(&ahead->counters[OCT_CORE_MD_BAD]));
        world_free(ahead);
        world_free(plain);
    }
    cr_assert_gt(bad, 100);
    cr_assert_gt(unknown, 100);
}

Test(core, a_new_midnight_holds_for_messages_already_in_sight)
{
    struct world *ahead = world_new(true), *plain = world_new(false);
    struct oct_in_start start = {OCT_MSG_HDR(IN_START, in_start), .midnight_ns = 1000000};
    struct world *both[] = {ahead, plain};

    for (uint32_t i = 0; i < 2; i++) {
        struct world *w = both[i];
        make_packets(w, 7);
        oct_core_burst(w->core, w->pkt, 2);
        oct_core_burst_at(w->core, 0);
        oct_core_input(w->core, &start.hdr);
        oct_core_packet(w->core, &w->in[0], w->data[0] + OCT_MOLDUDP64_HDR_SZ);
        oct_core_packet(w->core, &w->in[1], w->data[1] + OCT_MOLDUDP64_HDR_SZ);
    }
    cr_assert_gt(plain->told[0].mds, 0);
    cr_assert_eq(ahead->told[0].digest, plain->told[0].digest);
    world_free(ahead);
    world_free(plain);
}
