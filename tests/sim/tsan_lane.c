/* tsan_lane.c - a whole lane at work with its recorder, and readers of all that it publishes, for
 * ThreadSanitizer (which does not run under Criterion): no data race, every record comes to the
 * reader in order or is counted as lapped, the recorder has everything at the end.
 *
 *   tsan_lane CONFIG DIR PACKETS SEED
 *
 * The readers use the lane's own mapping: the sanitizer knows memory by its address. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rig.h"
#include "drivers/feed/moldudp64.h"
#include "drivers/nic/loopback/loopback.h"
#include "tools/exchange/generator.h"
#include "tools/exchange/session.h"

#define PKT_SZ      1400u
#define PKT_MSG_CNT 8u

static struct oct_rig rig;
static _Atomic int done;

#define CHECK(x)                                                                   \
    do {                                                                           \
        if (!(x)) {                                                                \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #x); \
            exit(1);                                                               \
        }                                                                          \
    } while (0)

/* Follows the ring as control's bridge does. */
static void *follow(void *arg)
{
    static uint64_t buf[OCT_MSG_SZ_MAX / 8];
    const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)buf;
    struct oct_ring_reader r;
    uint64_t records = 0, input = 0;
    enum oct_ring_read got;

    (void)arg;
    oct_ring_reader_init(&r, rig.app.instance.ring, false);
    for (;;) {
        int last = atomic_load(&done);
        while ((got = oct_ring_read(&r, buf)) != OCT_RING_EMPTY) {
            if (got != OCT_RING_RECORD)
                continue;
            CHECK(m->input >= input);
            input = m->input;
            records++;
        }
        if (last)
            break;
    }
    CHECK(records > 0);
    printf("tsan_lane: %llu records followed, %llu slots lapped\n", (unsigned long long)records,
           (unsigned long long)r.lapped);
    return NULL;
}

/* Looks at everything else that is published, as octopusctl top does. */
static void *look(void *arg)
{
    const struct oct_instance *in = &rig.app.instance;
    struct oct_hist *h = calloc(1, sizeof(*h));
    struct oct_counter_row row;
    struct oct_fault_row fault;
    uint64_t v, turns = 0, input = 0, rounds = 0, sum = 0;

    (void)arg;
    CHECK(h != NULL);
    while (!atomic_load(&done) || rounds == 0) {
        for (uint32_t i = 0; oct_counters_get(in->counters, i, &row, &v); i++)
            sum += v;
        for (uint32_t i = 0; i < 256; i++)
            sum += oct_count_get(&in->types[i]);
        for (uint32_t i = 0; oct_faults_get(in->faults, i, &fault); i++)
            sum += fault.times;
        for (uint32_t i = 0; oct_faults_get(in->recorder_faults, i, &fault); i++)
            sum += fault.times;
        oct_hist_copy(h, &in->hists[rounds++ % OCT_HOP_CNT].h);
        v = atomic_load_explicit(&in->pulses[OCT_PULSE_LANE].turns, memory_order_relaxed);
        CHECK(v >= turns);
        turns = v;
        v = atomic_load_explicit(&in->status->input, memory_order_relaxed);
        CHECK(v >= input);
        input = v;
        sum += oct_kill_bits(in->kill);
    }
    CHECK(sum > 0 && input > 0);
    free(h);
    return NULL;
}

static void turn(void)
{
    const struct oct_ring *ring = rig.app.instance.ring;
    while (atomic_load_explicit(&ring->head, memory_order_relaxed) -
               atomic_load_explicit(&ring->recorded, memory_order_relaxed) >
           ring->depth / 2)
        __builtin_ia32_pause();
    oct_lane_turn(rig.app.lane);
    oct_rig_venue(&rig);
}

static uint64_t play(uint64_t pkt_cnt, uint64_t seed)
{
    const struct oct_gen_cfg gen = {.seed = seed, .duration_s = 3600};
    const struct oct_sessfile_cfg cfg = {.gen = &gen};
    uint8_t session[OCT_MOLDUDP64_SESSION_SZ];
    uint8_t pkt[PKT_SZ + OCT_NIC_PAD] = {0};
    struct oct_sessfile_msg m;
    struct oct_sessfile *f;
    char err[OCT_SESSFILE_ERR_SZ];
    uint64_t seq = 1;

    /* Numbers may be used once the mark is on disk, which may take longer than all that follows. */
    uint64_t mark = atomic_load(&rig.app.instance.ring->head);
    while (atomic_load(&rig.app.instance.ring->durable) < mark)
        turn();
    turn();
    oct_moldudp64_session(session, "SIM");
    CHECK(oct_sessfile_open(&f, &cfg, err) == 0);
    int got = oct_sessfile_next(f, &m);
    for (uint64_t n = 0; n < pkt_cnt && got == 1; n++) {
        struct oct_moldudp64_builder b;
        oct_moldudp64_begin(&b, pkt, PKT_SZ, session, seq);
        for (uint32_t i = 0; got == 1 && i < PKT_MSG_CNT && oct_moldudp64_append(&b, m.data, m.sz);
             i++) {
            seq++;
            got = oct_sessfile_next(f, &m);
        }
        uint32_t sz = oct_moldudp64_finish(&b);
        for (uint8_t line = 0; line < 2; line++)
            oct_nic_loopback_push(rig.nic, line, oct_clock_now(&rig.app.clock), pkt, sz);
        while (oct_nic_loopback_pending(rig.nic) > 64)
            turn();
    }
    oct_sessfile_close(f);
    oct_rig_settle(&rig);
    return seq;
}

int main(int argc, char **argv)
{
    pthread_t t[2];
    char cmd[1200];

    if (argc != 5) {
        fprintf(stderr, "usage: tsan_lane CONFIG DIR PACKETS SEED\n");
        return 2;
    }
    snprintf(cmd, sizeof cmd, "rm -rf '%s' && mkdir -p '%s'", argv[2], argv[2]);
    if (system(cmd))
        return 1;
    const struct oct_rig_cfg cfg = {
        .config = argv[1], .profile = "sim", .dir = argv[2], .fill_every = 3, .pkt_cnt = 1024};
    CHECK(oct_rig_open(&rig, &cfg) == 0);
    pthread_create(&t[0], NULL, follow, NULL);
    pthread_create(&t[1], NULL, look, NULL);
    uint64_t next = play(strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    CHECK(rig.app.assembly.core->feed_next == next);
    CHECK(rig.orders_seen > 0);
    atomic_store(&done, 1);
    for (int i = 0; i < 2; i++)
        pthread_join(t[i], NULL);
    printf("tsan_lane: %llu messages, %llu orders\n", (unsigned long long)(next - 1),
           (unsigned long long)rig.orders_seen);
    CHECK(oct_rig_close(&rig) == 0);
    return 0;
}
