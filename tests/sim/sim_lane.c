/* sim_lane.c - whole lanes in a hostile world, by seed: lines that lose, repeat and reorder, a
 * rewind server that loses answers, order sessions that drop and stall, crashes.
 *
 *   sim_lane CONFIG DIR PACKETS SEED [power]
 *
 * With power, a crash is a loss of power: the journal is cut back to what was durable, and shared
 * memory is gone.  At the end the books equal those of a lane that saw every message in order, the
 * positions equal the venue's, each of its orders is known with what was filled of it and none
 * beside them, and the journal replays to the same decisions.  A failure prints the seed. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/rig.h"
#include "dataplane/base/rng.h"
#include "dataplane/journal/reader.h"
#include "drivers/feed/moldudp64.h"
#include "drivers/nic/loopback/loopback.h"
#include "drivers/venue/soupbintcp.h"
#include "tests/sim/power.h"
#include "tools/exchange/generator.h"
#include "tools/exchange/session.h"
#include "tests/sim/amount.h"

#define PKT_SZ 1400u

struct packet {
    uint64_t first_seq;
    uint32_t sz;
    uint16_t cnt;
    uint8_t data[PKT_SZ + OCT_NIC_PAD];
};

/* What the journal says of an order in the end. */
struct end {
    uint64_t order_id;
    uint8_t state;
    bool there; /* at the venue, too */
};

struct sim {
    struct oct_rng rng;
    struct oct_rig rig;
    struct oct_rig_cfg cfg;
    struct packet *pkts;
    uint64_t pkt_cnt;
    bool power;
    struct end *ends;
    size_t end_cnt;
    uint64_t fill_cnt;
    uint64_t crash_at; /* one that is sure to come, early */
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

/* Numbers may be used, and what follows is at the disk's mercy. */
static void wait_for_mark(struct sim *s)
{
    const struct oct_ring *ring = s->rig.app.instance.ring;
    uint64_t now = atomic_load_explicit(&ring->head, memory_order_relaxed);

    while (atomic_load_explicit(&ring->durable, memory_order_acquire) < now)
        turn(s, true);
    turn(s, true);
}

/* The world is many times faster than the clock by which a session comes back. */
static void wait_for_session(struct sim *s)
{
    int64_t until = oct_mono_ns() + 5 * OCT_NS_PER_S;

    do
        turn(s, true);
    while (oct_session_soupbintcp.state(s->rig.app.session) != OCT_SESSION_UP &&
           oct_mono_ns() < until);
}

static int crash(struct sim *s)
{
    s->crashes++;
    oct_rig_crash(&s->rig);
    if (s->power) {
        char cmd[600], run[600], journal[600];
        snprintf(run, sizeof run, "%s/run", s->cfg.dir);
        snprintf(journal, sizeof journal, "%s/data/journal", s->cfg.dir);
        snprintf(cmd, sizeof cmd, "rm -rf '%s/run'", s->cfg.dir);
        CHECK(oct_power_loss(run, journal, &s->rng) == 0 && system(cmd) == 0, "power loss");
    }
    int err = oct_rig_open(&s->rig, &s->cfg);
    CHECK(err == 0, "restart after crash %llu: %s", (unsigned long long)s->crashes, strerror(-err));
    CHECK(!s->rig.app.recovery.differs && !s->rig.app.recovery.damaged, "recovery: %s",
          s->rig.app.recovery.note);
    if (s->power && chance(s, 8000))
        wait_for_mark(s);
    return 0;
}

static int play(struct sim *s)
{
    if (s->power)
        wait_for_mark(s);
    for (uint64_t i = 0; i < s->pkt_cnt; i++) {
        wire(s, i);
        if (chance(s, 3000))
            turn(s, true);
        if (chance(s, 5)) {
            s->drops++;
            oct_rig_drop(&s->rig);
            if (chance(s, 2000))
                wait_for_session(s);
        }
        while (oct_nic_loopback_pending(s->rig.nic) > 256)
            turn(s, true);
        bool now =
            s->pkt_cnt > 1000 && oct_rng_below(&s->rng, s->pkt_cnt / (s->power ? 12 : 4)) == 0;
        if ((now || i == s->crash_at) && crash(s))
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
    /* The session may have to be opened again, or wait for the feed with a message. */
    const struct oct_core *core = s->rig.app.assembly.core;
    while (!core->venue_ready || core->venue_next != s->rig.store.cnt + 1) {
        turn(s, false);
        CHECK(oct_mono_ns() < until, "the order session does not come back");
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

static struct end *end_of(struct sim *s, uint64_t order_id, bool make)
{
    for (size_t i = s->end_cnt; i-- > 0;)
        if (s->ends[i].order_id == order_id)
            return &s->ends[i];
    if (!make)
        return NULL;
    s->ends = realloc(s->ends, (s->end_cnt + 1) * sizeof *s->ends);
    OCT_ASSERT(s->ends);
    s->ends[s->end_cnt] = (struct end){.order_id = order_id};
    return &s->ends[s->end_cnt++];
}

/* What becomes of each order; refusals name ids that never were. */
static void note_end(struct sim *s, const struct oct_msg_hdr *m)
{
    const struct oct_order_update *u = (const struct oct_order_update *)m;

    s->fill_cnt += m->type == OCT_FILL;
    if (m->type == OCT_ORDER_UPDATE && u->user_ref)
        end_of(s, u->order_id, true)->state = u->state;
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
    while ((got = oct_journal_next(j, &m)) == OCT_JOURNAL_RECORD) {
        note_end(s, m);
        CHECK(oct_verify_record(&v, m) == 0, "replay: %s", v.why);
    }
    CHECK(got == OCT_JOURNAL_END, "journal: %s", oct_journal_error(j)->reason);
    printf("sim_lane: replay identical: %llu inputs, %llu decisions\n",
           (unsigned long long)v.inputs, (unsigned long long)v.compared);
    CHECK(v.compared > 0, "nothing was decided");
    oct_journal_close(j);
    oct_assembly_destroy(&a);
    oct_verify_fini(&v);
    return 0;
}

/* The venue's own stream against what the journal says of each order in the end. */
static int orders_agree(struct sim *s)
{
    const struct oct_counter *c = s->rig.app.assembly.execution_counters;
    const struct oct_rig_store *st = &s->rig.store;
    uint64_t filled = 0, rejected = 0, both = 0;

    for (size_t i = 0; i < st->cnt; i++) {
        struct oct_ouch50_out m;
        uint32_t off;
        CHECK(oct_ouch50_out_decode(st->bytes + st->off[i], (uint32_t)(st->off[i + 1] - st->off[i]),
                                    &m, &off) == 0,
              "the venue's own message %zu", i);
        filled += m.type == 'E';
        if (m.type != 'A' && m.type != 'U' && m.type != 'J')
            continue;
        struct end *e = end_of(s, oct_ouch50_order_id((const uint8_t *)m.cl_ord_id), false);
        CHECK(e, "order %u is only at the venue", m.user_ref);
        CHECK((m.type == 'J') == (e->state == OCT_ORD_STATE_REJECTED),
              "order %u: %c there, state %u here", m.user_ref, m.type, e->state);
        e->there = true;
        rejected += m.type == 'J';
        both++;
    }
    for (size_t i = 0; i < s->end_cnt; i++)
        CHECK(s->ends[i].there || s->ends[i].state == OCT_ORD_STATE_CLOSED, "order %u is only here",
              (uint32_t)s->ends[i].order_id);
    /* A world in which the session is always down, or every order is refused, shows nothing.  How many
     * orders there are depends on the wall clock, which the order session lives by: for one seed 78 to
     * 7,000 were seen. */
    CHECK(s->power || s->pkt_cnt < 10000 || both >= s->pkt_cnt / 10000, "only %llu orders in all",
          (unsigned long long)both);
    CHECK(filled == s->fill_cnt, "%llu fills there, %llu here", (unsigned long long)filled,
          (unsigned long long)s->fill_cnt);
    printf(
        "sim_lane: %llu orders on both sides, %llu rejected, %llu fills; in the last run %llu were "
        "taken up from the venue, %llu messages held back\n",
        (unsigned long long)both, (unsigned long long)rejected, (unsigned long long)filled,
        (unsigned long long)oct_count_get(&c[OCT_EXECUTION_ADOPTED]),
        (unsigned long long)oct_count_get(&c[OCT_EXECUTION_HELD]));
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
    struct oct_risk_totals firm;
    oct_risk_totals(s->rig.app.assembly.risk, OCT_SCOPE_FIRM, 0, &firm);
    CHECK(firm.ladder == OCT_LADDER_ACTIVE, "the firm ended in ladder state %u", firm.ladder);
    snprintf(journal, sizeof journal, "%s", s->rig.app.journal_dir);
    printf("sim_lane: %llu packets, %llu lost on a line, %llu session drops, %llu crashes, "
           "%llu answers of the venue, position %lld on both sides\n",
           (unsigned long long)s->pkt_cnt, (unsigned long long)s->losses,
           (unsigned long long)s->drops, (unsigned long long)s->crashes,
           (unsigned long long)s->rig.store.cnt, (long long)ours);
    oct_lane_close(s->rig.app.lane);
    CHECK(oct_app_finish(&s->rig.app) == 0, "the journal did not end in order");
    return replay(s, journal) || orders_agree(s);
}

/* What a failure should be read with. */
static void tell_state(const struct sim *s)
{
    const struct oct_app *a = &s->rig.app;

    if (!a->assembly.core)
        return;
    const struct oct_core *c = a->assembly.core;
    fprintf(stderr, "feed at %llu, venue at %llu of %zu, ready %d, holds %d\n",
            (unsigned long long)c->feed_next, (unsigned long long)c->venue_next,
            s->rig.store.cnt + 1, c->venue_ready, oct_core_venue_holds(c));
    for (uint32_t i = 0; i < OCT_EXECUTION_COUNTER_CNT; i++)
        fprintf(stderr, "%s %llu\n", oct_execution_counter_defs[i].name,
                (unsigned long long)oct_count_get(&a->assembly.execution_counters[i]));
}

static int run_seed(char **argv, bool power, uint64_t pkt_cnt, uint64_t seed)
{
    static struct sim s;
    char cmd[1200];

    s.power = power;
    snprintf(cmd, sizeof cmd, "rm -rf '%s' && mkdir -p '%s'", argv[2], argv[2]);
    if (system(cmd))
        return 1;
    s.pkt_cnt = pkt_cnt;
    s.pkts = calloc(s.pkt_cnt, sizeof s.pkts[0]);
    s.cfg = (struct oct_rig_cfg){.config = argv[1],
                                 .profile = "sim",
                                 .dir = argv[2],
                                 .fill_every = 3,
                                 .reject_every = 17,
                                 .pkt_cnt = 1024};
    if (s.power) /* a slow disk: more is lost */
        s.cfg.set[s.cfg.set_cnt++] = "journal.group_us=20000";
    oct_rng_init(&s.rng, seed);
    s.crash_at = s.power ? oct_rng_below(&s.rng, s.pkt_cnt / 8 + 1) : UINT64_MAX;
    oct_moldudp64_session(s.session, "SIM");
    int bad = make_packets(&s, seed);
    if (!bad && oct_rig_open(&s.rig, &s.cfg))
        bad = 1;
    bad = bad || play(&s) || finish(&s);
    if (bad)
        tell_state(&s);
    if (bad)
        fprintf(stderr, "sim_lane: FAILED with seed %llu; the same seed repeats it\n",
                (unsigned long long)seed);
    return bad;
}

/* A session has an end: more than all of it is further sessions, each in a process of its own, with
 * seeds that are far apart. */
int main(int argc, char **argv)
{
    bool power = argc == 6 && strcmp(argv[5], "power") == 0;
    if (argc != 5 && !power) {
        fprintf(stderr, "usage: sim_lane CONFIG DIR PACKETS SEED [power]\n");
        return 2;
    }
    uint64_t pkt_cnt = strtoull(argv[3], NULL, 10), seed = strtoull(argv[4], NULL, 10);
    uint64_t rounds = sim_percent() / 100;
    if (rounds <= 1)
        return run_seed(argv, power, rounds == 1 ? pkt_cnt : sim_amount(pkt_cnt), seed);
    for (uint64_t i = 0; i < rounds; i++) {
        int status;
        pid_t pid = fork();
        if (pid == 0)
            exit(run_seed(argv, power, pkt_cnt, seed + 1000 * i));
        if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
            return 1;
    }
    return 0;
}
