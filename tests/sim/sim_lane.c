/* sim_lane.c - whole lanes in a hostile world, by seed: lines that lose, repeat and reorder, a
 * rewind server that loses answers, order sessions that drop and stall, crashes.
 *
 *   sim_lane CONFIG DIR PACKETS SEED
 *
 * At the end the books equal those of a lane that saw every message in order, the positions equal
 * the venue's, and the journal replays to the same decisions.  A failure prints the seed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rig.h"
#include "dataplane/base/rng.h"
#include "dataplane/journal/reader.h"
#include "drivers/feed/moldudp64.h"
#include "drivers/nic/loopback/loopback.h"
#include "tools/exchange/generator.h"
#include "tools/exchange/session.h"

#define PKT_SZ 1400u

struct packet {
    uint64_t first_seq;
    uint32_t sz;
    uint16_t cnt;
    uint8_t data[PKT_SZ + OCT_NIC_PAD];
};

struct sim {
    struct oct_rng rng;
    struct oct_rig rig;
    struct oct_rig_cfg cfg;
    struct packet *pkts;
    uint64_t pkt_cnt;
    uint64_t crashes, drops, losses;
    uint8_t session[OCT_MOLDUDP64_SESSION_SZ];
};

#define CHECK(cond, ...)                                              \
    do {                                                              \
        if (!(cond)) {                                                \
            fprintf(stderr, "sim_lane: %s:%d: ", __FILE__, __LINE__); \
            fprintf(stderr, __VA_ARGS__);                             \
            fputc('\n', stderr);                                      \
            return 1;                                                 \
        }                                                             \
    } while (0)

static bool chance(struct sim *s, unsigned per_10k)
{
    return oct_rng_below(&s->rng, 10000) < per_10k;
}

/* A generated session in packets of random size. */
static int make_packets(struct sim *s, uint64_t seed)
{
    const struct oct_gen_cfg gen = {.seed = seed, .duration_s = 3600};
    struct oct_sessfile_msg m;
    struct oct_sessfile *f;
    char err[OCT_SESSFILE_ERR_SZ];
    uint64_t seq = 1;

    const struct oct_sessfile_cfg cfg = {.gen = &gen};
    CHECK(oct_sessfile_open(&f, &cfg, err) == 0, "%s", err);
    int got = oct_sessfile_next(f, &m);
    uint64_t n = 0;
    for (; n < s->pkt_cnt && got == 1; n++) {
        struct oct_moldudp64_builder b;
        struct packet *p = &s->pkts[n];
        uint64_t want = 1 + oct_rng_below(&s->rng, 12);
        oct_moldudp64_begin(&b, p->data, PKT_SZ, s->session, seq);
        p->first_seq = seq;
        while (got == 1 && p->cnt < want && oct_moldudp64_append(&b, m.data, m.sz)) {
            p->cnt++;
            seq++;
            got = oct_sessfile_next(f, &m);
        }
        p->sz = oct_moldudp64_finish(&b);
    }
    s->pkt_cnt = n;
    oct_sessfile_close(f);
    return 0;
}

static void push(struct sim *s, uint8_t line, uint64_t i)
{
    oct_nic_loopback_push(s->rig.nic, line, oct_clock_now(&s->rig.app.clock), s->pkts[i].data,
                          s->pkts[i].sz);
}

/* The rewind server: answers what it is asked, when it feels like it. */
static void rewind_server(struct sim *s, bool lossy)
{
    struct oct_nic_loopback_sent sent;

    while (oct_nic_loopback_take(s->rig.nic, &sent)) {
        struct oct_moldudp64_request req;
        if (oct_moldudp64_request_read(sent.data, sent.sz, &req) != OCT_FEED_OK)
            continue;
        if (lossy && chance(s, 500))
            continue;
        uint64_t lo = 0, hi = s->pkt_cnt;
        while (lo + 1 < hi) {
            uint64_t mid = (lo + hi) / 2;
            if (s->pkts[mid].first_seq <= req.first_seq)
                lo = mid;
            else
                hi = mid;
        }
        push(s, OCT_LINE_REWIND, lo);
    }
}

/* A simulation is faster than a disk; a lane that laps its recorder stops trading, as it should, so
 * the world waits for the recorder here. */
static void wait_for_recorder(const struct oct_ring *ring)
{
    while (atomic_load_explicit(&ring->head, memory_order_relaxed) -
               atomic_load_explicit(&ring->recorded, memory_order_relaxed) >
           ring->depth / 2)
        __builtin_ia32_pause();
}

static void turn(struct sim *s, bool lossy)
{
    wait_for_recorder(s->rig.app.instance.ring);
    oct_lane_turn(s->rig.app.lane);
    oct_rig_venue(&s->rig);
    rewind_server(s, lossy);
}

/* Packet i on both lines: lost, late, twice, as the seed says. */
static void wire(struct sim *s, uint64_t i)
{
    bool lost[2];

    for (uint8_t line = 0; line < 2; line++) {
        lost[line] = chance(s, 300);
        if (lost[line])
            s->losses++;
        else
            push(s, line, i);
        if (chance(s, 100))
            push(s, line, i);
        if (i > 8 && chance(s, 200))
            push(s, line, i - 1 - oct_rng_below(&s->rng, 8));
    }
}

static int crash(struct sim *s)
{
    s->crashes++;
    oct_rig_crash(&s->rig);
    int err = oct_rig_open(&s->rig, &s->cfg);
    CHECK(err == 0, "restart after crash %llu: %s", (unsigned long long)s->crashes, strerror(-err));
    CHECK(!s->rig.app.recovery.differs && !s->rig.app.recovery.damaged, "recovery: %s",
          s->rig.app.recovery.note);
    return 0;
}

static int play(struct sim *s)
{
    for (uint64_t i = 0; i < s->pkt_cnt; i++) {
        wire(s, i);
        if (chance(s, 3000))
            turn(s, true);
        if (chance(s, 5)) {
            s->drops++;
            oct_nic_loopback_fail(s->rig.nic, 0);
        }
        while (oct_nic_loopback_pending(s->rig.nic) > 256)
            turn(s, true);
        if (s->pkt_cnt > 1000 && oct_rng_below(&s->rng, s->pkt_cnt / 4) == 0 && crash(s))
            return 1;
    }
    uint8_t buf[64];
    const struct packet *last = &s->pkts[s->pkt_cnt - 1];
    uint64_t end = last->first_seq + last->cnt;
    int64_t until = oct_mono_ns() + 20 * OCT_NS_PER_S;
    while (s->rig.app.assembly.core->feed_next < end) {
        uint32_t sz = oct_moldudp64_heartbeat(buf, s->session, end);
        oct_nic_loopback_push(s->rig.nic, 0, oct_clock_now(&s->rig.app.clock), buf, sz);
        turn(s, false);
        CHECK(oct_mono_ns() < until, "stuck at %llu of %llu",
              (unsigned long long)s->rig.app.assembly.core->feed_next, (unsigned long long)end);
    }
    oct_rig_settle(&s->rig);
    return 0;
}

static void add_position(void *arg, const struct oct_position *p)
{
    if (p->strategy != OCT_STRATEGY_NONE)
        *(int64_t *)arg += p->pos.v / OCT_QTY_ONE;
}

/* A lane that sees every message once and in order must come to the same books. */
static uint64_t reference_books(struct sim *s)
{
    static struct oct_verify v;
    struct oct_assembly a;
    struct oct_assembly_cfg cfg = s->rig.app.setup.assembly;
    const char *what;

    oct_verify_init(&v);
    cfg.out = oct_verify_out(&v, 0);
    cfg.tx = oct_verify_tx(&v);
    if (oct_assembly_create(&a, &cfg, &what))
        return 0;
    for (uint64_t i = 0; i < s->pkt_cnt; i++) {
        struct oct_in_packet m = {
            OCT_MSG_HDR(IN_PACKET, in_packet),
            .first_seq = s->pkts[i].first_seq,
            .msg_cnt = s->pkts[i].cnt,
            .pkt_sz = (uint16_t)(s->pkts[i].sz - 20),
        };
        oct_core_packet(a.core, &m, s->pkts[i].data + 20);
        v.made_sz = v.made_off = 0;
    }
    uint64_t digest = oct_books_digest(a.view.books, UINT32_MAX);
    oct_assembly_destroy(&a);
    oct_verify_fini(&v);
    return digest;
}

static int replay(struct sim *s, const char *dir)
{
    static struct oct_verify v;
    struct oct_assembly a;
    struct oct_assembly_cfg cfg = s->rig.app.setup.assembly;
    struct oct_journal_error jerr = {0};
    struct oct_journal *j;
    const struct oct_msg_hdr *m;
    const char *what;
    int got;

    oct_verify_init(&v);
    cfg.out = oct_verify_out(&v, 0);
    cfg.tx = oct_verify_tx(&v);
    cfg.no_prefetch = true; /* prefetch is a hint: without it nothing changes */
    CHECK(oct_assembly_create(&a, &cfg, &what) == 0, "%s", what);
    v.core = a.core;
    CHECK(oct_journal_open(dir, 0, &j, &jerr) == 0, "%s", jerr.reason);
    while ((got = oct_journal_next(j, &m)) == OCT_JOURNAL_RECORD)
        CHECK(oct_verify_record(&v, m) == 0, "replay: %s", v.why);
    CHECK(got == OCT_JOURNAL_END, "journal: %s", oct_journal_error(j)->reason);
    printf("sim_lane: replay identical: %llu inputs, %llu decisions\n",
           (unsigned long long)v.inputs, (unsigned long long)v.compared);
    CHECK(v.compared > 0, "nothing was decided");
    oct_journal_close(j);
    oct_assembly_destroy(&a);
    oct_verify_fini(&v);
    return 0;
}

static int finish(struct sim *s)
{
    int64_t ours = 0;
    uint64_t want = reference_books(s);
    uint64_t have = oct_books_digest(s->rig.app.assembly.view.books, UINT32_MAX);
    char journal[512];

    CHECK(want == have, "books differ from those of a lane without faults");
    oct_risk_each(s->rig.app.assembly.risk, add_position, &ours);
    CHECK(ours == s->rig.net_shares, "position %lld here, %lld at the venue", (long long)ours,
          (long long)s->rig.net_shares);
    snprintf(journal, sizeof journal, "%s", s->rig.app.journal_dir);
    printf("sim_lane: %llu packets, %llu lost on a line, %llu session drops, %llu crashes, "
           "%llu answers of the venue, position %lld on both sides\n",
           (unsigned long long)s->pkt_cnt, (unsigned long long)s->losses,
           (unsigned long long)s->drops, (unsigned long long)s->crashes,
           (unsigned long long)s->rig.store.cnt, (long long)ours);
    oct_lane_close(s->rig.app.lane);
    CHECK(oct_app_finish(&s->rig.app) == 0, "the journal did not end in order");
    return replay(s, journal);
}

int main(int argc, char **argv)
{
    static struct sim s;

    if (argc != 5) {
        fprintf(stderr, "usage: sim_lane CONFIG DIR PACKETS SEED\n");
        return 2;
    }
    uint64_t seed = strtoull(argv[4], NULL, 10);
    char cmd[1200];
    snprintf(cmd, sizeof cmd, "rm -rf '%s' && mkdir -p '%s'", argv[2], argv[2]);
    if (system(cmd))
        return 1;
    s.pkt_cnt = strtoull(argv[3], NULL, 10);
    s.pkts = calloc(s.pkt_cnt, sizeof s.pkts[0]);
    s.cfg = (struct oct_rig_cfg){
        .config = argv[1], .profile = "sim", .dir = argv[2], .fill_every = 3, .pkt_cnt = 1024};
    oct_rng_init(&s.rng, seed);
    oct_moldudp64_session(s.session, "SIM");
    int bad = make_packets(&s, seed);
    if (!bad && oct_rig_open(&s.rig, &s.cfg))
        bad = 1;
    bad = bad || play(&s) || finish(&s);
    if (bad)
        fprintf(stderr, "sim_lane: FAILED with seed %llu; the same seed repeats it\n",
                (unsigned long long)seed);
    return bad;
}
