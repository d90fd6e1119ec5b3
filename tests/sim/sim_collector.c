/* sim_collector.c - the collector under a seeded network that loses, doubles, delays and reorders.
 *
 * Usage: sim_collector [packets [seed]]
 * A stream of numbered messages goes out on two lines, packed differently on odd seeds; rewind
 * servers answer with losses of their own, one packet a request or several, and have outages.
 * Every message says its own number, so that what the collector hands on is checked byte by byte:
 * in order, exactly once, or declared stale; and never declared stale when it had come in time and
 * the window had room.  A failure prints the arguments that repeat it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agents/collector/collector.h"
#include "dataplane/base/hash.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"
#include "drivers/feed/moldudp64.h"
#include "tests/sim/amount.h"

#define LINE_CNT   2u
#define SERVER_CNT 2u
#define PKT_CAP    512u
#define US         INT64_C(1000)
#define MS         INT64_C(1000000)

struct profile {
    const char *name;
    double loss;  /* of a packet on a line */
    double burst; /* chance that a loss becomes a run of losses */
    double dup;   /* chance of a second copy */
    double late;  /* chance of an extra delay */
    int64_t late_ns;
    int64_t skew_ns;  /* line B behind line A */
    double junk;      /* packets that are none of ours, malformed or absurd */
    double rw_loss;   /* of a request or an answer */
    double rw_outage; /* part of the time that servers say nothing */
    uint32_t servers;
    uint32_t window;
};

static const struct profile profiles[] = {
    {"clean", 0, 0, 0, 0, 0, 20 * US, 0, 0, 0, 2, 1024},
    {"skewed", 0, 0, 0.01, 0.02, 30 * US, 3 * MS, 0, 0, 0, 2, 4096},
    {"lossy", 0.02, 0.1, 0.01, 0.02, 50 * US, 20 * US, 0.01, 0.05, 0, 2, 4096},
    {"very lossy", 0.03, 0.2, 0.05, 0.1, 500 * US, 1 * MS, 0.02, 0.2, 0.05, 2, 4096},
    {"storm", 0.2, 0.5, 0.05, 0.1, 500 * US, 1 * MS, 0.02, 0.3, 0.1, 2, 512},
    {"no servers", 0.05, 0.2, 0.01, 0.05, 100 * US, 50 * US, 0.01, 0, 0, 0, 2048},
    {"dead servers", 0.05, 0.2, 0.01, 0.05, 100 * US, 50 * US, 0, 0, 1.0, 2, 2048},
    {"tiny window", 0.05, 0.3, 0.05, 0.1, 300 * US, 500 * US, 0.01, 0.1, 0.05, 2, 4},
};

enum event_kind { EV_DATA, EV_HEARTBEAT, EV_END, EV_JUNK };

struct event {
    int64_t at_ns;
    uint64_t order; /* ties */
    uint64_t first;
    uint16_t cnt;
    uint8_t line;
    uint8_t kind;
};

struct sim {
    const struct profile *p;
    struct oct_rng rng;
    struct oct_collector *c;
    struct event *heap;
    size_t heap_cnt;
    size_t heap_cap;
    uint64_t order;
    uint64_t msg_cnt; /* messages of the session, 1 to msg_cnt */
    uint8_t *came;    /* bit per message that reached the collector */
    int64_t now_ns;
    uint64_t expect;
    uint64_t handed;
    uint64_t lost;
    uint64_t gap_from;
    uint64_t gap_to;
    uint64_t repeats;
    bool live;
    bool ended;
    struct oct_counter feed[OCT_COLLECTOR_COUNTER_CNT];
    struct oct_counter line[LINE_CNT + 1][OCT_LINE_COUNTER_CNT];
};

static const uint8_t session[16] = "SIMULATION";
static uint64_t arg_packets = 1000000;
static uint64_t arg_seed = 1;
static uint64_t arg_now;

#define CHECK(x, ...)                                                                \
    do {                                                                             \
        if (!(x)) {                                                                  \
            fprintf(stderr, "sim_collector: %s:%d: %s: ", __FILE__, __LINE__, #x);   \
            fprintf(stderr, __VA_ARGS__);                                            \
            fprintf(stderr, "\nrepeat with: sim_collector %llu %llu (round %llu)\n", \
                    (unsigned long long)arg_packets, (unsigned long long)arg_seed,   \
                    (unsigned long long)arg_now);                                    \
            exit(1);                                                                 \
        }                                                                            \
    } while (0)
#define LL(x) ((unsigned long long)(x))

/* ---- the session -------------------------------------------------------------------------------- */

/* Bytes of message seq: its number and a tail of 0 to 31 bytes, or nothing at all for some. */
static uint32_t message(uint64_t seq, uint8_t *out)
{
    uint64_t h = oct_mix64(seq);
    if (h % 64 == 0)
        return 0;
    uint32_t sz = 8 + (uint32_t)(h >> 8) % 32;
    oct_store_be64(out, seq);
    for (uint32_t i = 8; i < sz; i++)
        out[i] = (uint8_t)(h >> (i % 8 * 8));
    return sz;
}

/* Messages in a packet of a line that starts at first: the lines agree on even seeds. */
static uint16_t packet_cnt(const struct sim *s, uint32_t line, uint64_t first)
{
    uint64_t h = oct_mix64(first * 4 + (arg_seed & 1 ? line : 0));
    uint64_t cnt = 1 + h % 8;
    if (cnt > s->msg_cnt + 1 - first)
        cnt = s->msg_cnt + 1 - first;
    return (uint16_t)cnt;
}

static bool chance(struct sim *s, double p)
{
    return p > 0 && oct_rng_f64(&s->rng) < p;
}

/* ---- events in time order ------------------------------------------------------------------------ */

static bool before(const struct event *a, const struct event *b)
{
    return a->at_ns != b->at_ns ? a->at_ns < b->at_ns : a->order < b->order;
}

static void push(struct sim *s, struct event e)
{
    CHECK(s->heap_cnt < s->heap_cap, "too many events in flight");
    e.order = s->order++;
    size_t i = s->heap_cnt++;
    while (i > 0 && before(&e, &s->heap[(i - 1) / 2])) {
        s->heap[i] = s->heap[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    s->heap[i] = e;
}

static struct event pop(struct sim *s)
{
    struct event top = s->heap[0];
    struct event last = s->heap[--s->heap_cnt];
    size_t i = 0;
    for (;;) {
        size_t kid = 2 * i + 1;
        if (kid >= s->heap_cnt)
            break;
        if (kid + 1 < s->heap_cnt && before(&s->heap[kid + 1], &s->heap[kid]))
            kid++;
        if (!before(&s->heap[kid], &last))
            break;
        s->heap[i] = s->heap[kid];
        i = kid;
    }
    s->heap[i] = last;
    return top;
}

/* ---- what the collector says ---------------------------------------------------------------------- */

static void on_payload(void *self, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                       uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz)
{
    struct sim *s = self;
    struct oct_feed_cursor cur = {blocks, blocks + sz};
    uint8_t want[64];
    const uint8_t *msg;
    uint32_t msg_sz;
    CHECK(first_seq == s->expect, "payload %llu, expected %llu", LL(first_seq), LL(s->expect));
    CHECK(msg_cnt > 0, "empty payload");
    CHECK(line < LINE_CNT || line == OCT_LINE_REWIND, "line %u", line);
    CHECK(ts_rx_ns <= s->now_ns, "stamp from the future");
    CHECK(!s->ended, "payload after the end");
    for (uint32_t i = 0; i < msg_cnt; i++) {
        uint32_t want_sz = message(first_seq + i, want);
        CHECK(oct_moldudp64_next(&cur, &msg, &msg_sz), "message %llu", LL(first_seq + i));
        CHECK(msg_sz == want_sz && memcmp(msg, want, msg_sz) == 0, "message %llu is another",
              LL(first_seq + i));
    }
    CHECK(cur.p == cur.end, "bytes after the last message");
    s->expect += msg_cnt;
    s->handed += msg_cnt;
}

static void on_stale(struct sim *s, uint64_t from, uint64_t to)
{
    CHECK(from == s->expect, "stale from %llu, expected %llu", LL(from), LL(s->expect));
    CHECK(to > from, "nothing is stale");
    if (oct_count_get(&s->line[0][OCT_LINE_WINDOW_FULL]) == 0 &&
        oct_count_get(&s->line[1][OCT_LINE_WINDOW_FULL]) == 0) {
        for (uint64_t i = from; i < to; i++)
            CHECK((s->came[i >> 3] >> (i & 7) & 1) == 0, "message %llu came", LL(i));
    }
    s->expect = to;
    s->lost += to - from;
    s->gap_to = 0;
}

static void on_event(void *self, enum oct_feed_event event, uint64_t from, uint64_t to)
{
    struct sim *s = self;
    CHECK(!s->ended, "event %d after the end", (int)event);
    switch (event) {
    case OCT_FEED_LIVE:
        CHECK(!s->live && from == s->expect && to == from, "live twice");
        s->live = true;
        break;
    case OCT_FEED_GAP:
        CHECK(s->gap_to == 0 && from == s->expect && to > from, "gap %llu", LL(from));
        s->gap_from = from;
        s->gap_to = to;
        s->live = false;
        break;
    case OCT_FEED_RECOVERED:
        CHECK(from == s->gap_from && to == s->gap_to && s->expect >= to, "recovered %llu", LL(to));
        s->gap_to = 0;
        s->live = true;
        break;
    case OCT_FEED_STALE:
        s->live = false;
        on_stale(s, from, to);
        break;
    case OCT_FEED_END:
        CHECK(from == s->msg_cnt + 1 && s->expect == from, "end at %llu", LL(from));
        s->ended = true;
        break;
    case OCT_FEED_BAD:
        CHECK(s->p->junk > 0, "bad without reason");
        s->live = false;
        break;
    }
}

static bool outage(const struct sim *s)
{
    int64_t phase = s->now_ns % (200 * MS);
    return (double)phase < s->p->rw_outage * (double)(200 * MS);
}

/* A rewind server: reads the request, answers with one packet, or up to three from server 1. */
static int request(void *self, uint32_t server, const uint8_t *data, uint32_t sz)
{
    struct sim *s = self;
    struct oct_moldudp64_request r;
    CHECK(server < s->p->servers, "server %u", server);
    CHECK(oct_moldudp64_request_read(data, sz, &r) == OCT_FEED_OK, "request does not read");
    CHECK(memcmp(r.session, session, sizeof(r.session)) == 0, "session of the request");
    CHECK(r.first_seq == s->expect && r.cnt > 0 && r.cnt <= OCT_MOLDUDP64_CNT_MAX,
          "request for %llu, expected %llu", LL(r.first_seq), LL(s->expect));
    CHECK(r.first_seq + r.cnt - 1 <= s->msg_cnt, "request beyond what exists");
    if (chance(s, 0.001))
        return -EAGAIN;
    if (outage(s) || chance(s, s->p->rw_loss))
        return 0;
    uint64_t first = r.first_seq;
    uint64_t left = r.cnt;
    for (uint32_t i = 0; i < (server == 0 ? 1u : 3u) && left > 0; i++) {
        uint16_t cnt = (uint16_t)(left < 10 ? left : 10);
        int64_t delay = 50 * US + (int64_t)oct_rng_below(&s->rng, 50000) + i * 2 * US;
        if (!chance(s, s->p->rw_loss))
            push(s, (struct event){.at_ns = s->now_ns + delay,
                                   .first = first,
                                   .cnt = cnt,
                                   .line = OCT_LINE_REWIND,
                                   .kind = EV_DATA});
        first += cnt;
        left -= cnt;
    }
    return 0;
}

/* ---- the network ---------------------------------------------------------------------------------- */

static uint32_t build(struct sim *s, const struct event *e, uint8_t *buf)
{
    struct oct_moldudp64_builder b;
    uint8_t msg[64];
    if (e->kind == EV_HEARTBEAT)
        return oct_moldudp64_heartbeat(buf, session, e->first);
    if (e->kind == EV_END)
        return oct_moldudp64_end(buf, session, e->first);
    oct_moldudp64_begin(&b, buf, PKT_CAP, session, e->first);
    for (uint32_t i = 0; i < e->cnt; i++) {
        uint32_t sz = message(e->first + i, msg);
        CHECK(oct_moldudp64_append(&b, msg, sz), "packet too small");
        uint64_t seq = e->first + i;
        s->came[seq >> 3] |= (uint8_t)(1u << (seq & 7));
    }
    return oct_moldudp64_finish(&b);
}

/* Something that must be counted and change nothing: another session, a cut packet, bytes at
 * random, a number far ahead, a heartbeat far behind. */
static uint32_t build_junk(struct sim *s, const struct event *e, uint8_t *buf)
{
    static const uint8_t other[16] = "YESTERDAY";
    struct oct_moldudp64_builder b;
    uint32_t sz;
    switch (oct_rng_below(&s->rng, 5)) {
    case 0:
        oct_moldudp64_begin(&b, buf, PKT_CAP, other, e->first);
        oct_moldudp64_append(&b, "nonsense", 8);
        return oct_moldudp64_finish(&b);
    case 1:
        oct_moldudp64_begin(&b, buf, PKT_CAP, session, e->first);
        oct_moldudp64_append(&b, "nonsense", 8);
        sz = oct_moldudp64_finish(&b);
        return sz - 1 - (uint32_t)oct_rng_below(&s->rng, sz);
    case 2:
        sz = (uint32_t)oct_rng_below(&s->rng, 100);
        for (uint32_t i = 0; i < sz; i++)
            buf[i] = (uint8_t)oct_rng_u64(&s->rng);
        return sz;
    case 3:
        return oct_moldudp64_heartbeat(buf, session,
                                       UINT64_C(1) << (40 + oct_rng_below(&s->rng, 20)));
    default:
        return oct_moldudp64_heartbeat(buf, session, 0);
    }
}

static void arrive(struct sim *s, const struct event *e)
{
    static uint8_t buf[PKT_CAP + OCT_NIC_PAD];
    uint32_t sz = e->kind == EV_JUNK ? build_junk(s, e, buf) : build(s, e, buf);
    memset(buf + sz, 0xa5, OCT_NIC_PAD);
    struct oct_nic_pkt pkt = {.data = buf, .ts_rx_ns = s->now_ns, .sz = sz, .line = e->line};
    oct_collector_packet(s->c, &pkt, s->now_ns);
}

/* Sends one packet down a line, with what the network does to it. */
static void transmit(struct sim *s, struct event e, int64_t sent_ns, uint32_t *losing)
{
    e.at_ns = sent_ns + 10 * US + (e.line == 1 ? s->p->skew_ns : 0);
    if (chance(s, s->p->late))
        e.at_ns += (int64_t)oct_rng_below(&s->rng, (uint64_t)s->p->late_ns);
    if (chance(s, s->p->junk)) {
        struct event junk = e;
        junk.kind = EV_JUNK;
        push(s, junk);
    }
    if (*losing > 0) {
        (*losing)--;
        return;
    }
    if (chance(s, s->p->loss)) {
        if (chance(s, s->p->burst))
            *losing = (uint32_t)oct_rng_below(&s->rng, 30);
        return;
    }
    push(s, e);
    if (chance(s, s->p->dup)) {
        e.at_ns += (int64_t)oct_rng_below(&s->rng, 5000);
        push(s, e);
    }
}

/* Everything that arrives until t. */
static void run_until(struct sim *s, int64_t t)
{
    for (;;) {
        int64_t next = s->heap_cnt > 0 ? s->heap[0].at_ns : INT64_MAX;
        int64_t due = oct_collector_deadline(s->c);
        if (due < s->now_ns)
            due = s->now_ns;
        if (next > t && due > t)
            break;
        if (due <= next) {
            s->now_ns = due;
            oct_collector_tick(s->c, s->now_ns);
            CHECK(oct_collector_deadline(s->c) > s->now_ns, "tick left something due");
        } else {
            struct event e = pop(s);
            s->now_ns = e.at_ns;
            arrive(s, &e);
        }
    }
    s->now_ns = t;
}

static void play(struct sim *s)
{
    uint64_t next[LINE_CNT] = {1, 1};
    uint32_t losing[LINE_CNT] = {0, 0};
    int64_t sent_ns = s->now_ns;
    while (next[0] <= s->msg_cnt || next[1] <= s->msg_cnt) {
        bool quiet = chance(s, 0.0005);
        sent_ns += quiet ? 2 * MS : (int64_t)oct_rng_below(&s->rng, 20000);
        uint32_t behind = next[0] <= next[1] ? 0 : 1;
        for (uint32_t i = 0; i < LINE_CNT; i++) {
            uint32_t line = behind ^ i;
            if (next[line] > s->msg_cnt || (i == 1 && next[line] > next[behind]))
                continue;
            uint16_t cnt = packet_cnt(s, line, next[line]);
            struct event e = {.first = next[line], .cnt = cnt, .line = (uint8_t)line};
            transmit(s, e, sent_ns, &losing[line]);
            next[line] += cnt;
            if (quiet) {
                e.kind = EV_HEARTBEAT;
                e.first = next[line];
                transmit(s, e, sent_ns + 1 * MS, &losing[line]);
            }
        }
        run_until(s, sent_ns);
    }
    for (uint32_t i = 0; i < 200 && !s->ended; i++) {
        sent_ns += 20 * MS;
        struct event e = {.first = s->msg_cnt + 1, .kind = EV_END, .line = (uint8_t)(i % LINE_CNT)};
        transmit(s, e, sent_ns, &losing[i % LINE_CNT]);
        run_until(s, sent_ns + 10 * MS);
    }
}

static void check_end(struct sim *s)
{
    uint64_t gaps = oct_count_get(&s->feed[OCT_COLLECTOR_GAPS]);
    uint64_t recovered = oct_count_get(&s->feed[OCT_COLLECTOR_GAPS_RECOVERED]);
    uint64_t stale = oct_count_get(&s->feed[OCT_COLLECTOR_GAPS_STALE]);
    uint64_t full = oct_count_get(&s->line[0][OCT_LINE_WINDOW_FULL]) +
                    oct_count_get(&s->line[1][OCT_LINE_WINDOW_FULL]);
    printf("  %-12s messages %llu lost %llu; gaps %llu recovered %llu stale %llu; reorderings %llu "
           "requests %llu retries %llu window max %llu full %llu\n",
           s->p->name, LL(s->msg_cnt), LL(s->lost), LL(gaps), LL(recovered), LL(stale),
           LL(oct_count_get(&s->feed[OCT_COLLECTOR_REORDERED])),
           LL(oct_count_get(&s->feed[OCT_COLLECTOR_REQUESTS])),
           LL(oct_count_get(&s->feed[OCT_COLLECTOR_RETRIES])),
           LL(oct_count_get(&s->feed[OCT_COLLECTOR_HELD_MAX])), LL(full));
    CHECK(s->ended, "no end: next %llu of %llu", LL(s->expect), LL(s->msg_cnt));
    CHECK(s->handed + s->lost == s->msg_cnt, "%llu + %llu", LL(s->handed), LL(s->lost));
    CHECK(s->handed == oct_count_get(&s->feed[OCT_COLLECTOR_MSGS]), "counted otherwise");
    CHECK(s->lost == oct_count_get(&s->feed[OCT_COLLECTOR_MSGS_LOST]), "counted otherwise");
    CHECK(gaps == recovered + stale, "a gap was forgotten");
    CHECK(oct_count_get(&s->feed[OCT_COLLECTOR_HELD]) == 0, "the window is not empty");
    if (s->p->loss == 0)
        CHECK(s->lost == 0 && gaps == 0, "a gap without a loss");
    if (s->p->servers != 0 && s->p->rw_outage == 0)
        CHECK(s->lost * 1000 < s->msg_cnt, "servers work and yet much is lost");
    if (s->p->servers == 0)
        CHECK(oct_count_get(&s->feed[OCT_COLLECTOR_REQUESTS]) == 0, "asked nobody");
}

static void run_profile(const struct profile *p, uint64_t packets, uint64_t seed)
{
    struct sim *s = calloc(1, sizeof(*s));
    struct oct_collector_cfg cfg;
    CHECK(s != NULL, "memory");
    s->p = p;
    s->msg_cnt = packets * 9 / 2;
    s->expect = 1;
    s->now_ns = INT64_C(1700000000) * 1000000000;
    s->heap_cap = 1u << 20;
    s->heap = calloc(s->heap_cap, sizeof(*s->heap));
    s->came = calloc(1, s->msg_cnt / 8 + 2);
    oct_rng_init(&s->rng, seed);

    oct_collector_cfg_default(&cfg);
    cfg.ops = &oct_feed_itch50_mold;
    cfg.line_cnt = LINE_CNT;
    cfg.rewind_cnt = (uint8_t)p->servers;
    cfg.window_pkts = p->window;
    cfg.reorder_ns = p->loss == 0 ? 10 * MS : 200 * US;
    cfg.retry_ns = 1 * MS;
    cfg.gap_timeout_ns = 2 * MS;
    cfg.counters = s->feed;
    for (uint32_t i = 0; i <= LINE_CNT; i++)
        cfg.line_counters[i] = s->line[i];
    struct oct_collector_out out = {
        .on_payload = on_payload, .on_event = on_event, .request = request, .self = s};
    size_t sz = oct_collector_footprint(&cfg);
    void *mem = sz != 0 ? aligned_alloc(128, sz) : NULL;
    CHECK(mem != NULL && s->heap != NULL && s->came != NULL, "memory");
    s->c = oct_collector_new(mem, &cfg, &out);
    play(s);
    check_end(s);
    free(mem);
    free(s->heap);
    free(s->came);
    free(s);
}

int main(int argc, char **argv)
{
    if (argc > 1)
        arg_packets = sim_amount(strtoull(argv[1], NULL, 10));
    if (argc > 2)
        arg_seed = strtoull(argv[2], NULL, 10);
    if (arg_packets < OCT_ARRAY_CNT(profiles)) {
        fprintf(stderr, "usage: sim_collector [packets [seed]]\n");
        return 2;
    }
    printf("sim_collector: %llu packets on each line, seed %llu\n", LL(arg_packets), LL(arg_seed));
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(profiles); i++) {
        arg_now = i;
        run_profile(&profiles[i], arg_packets / OCT_ARRAY_CNT(profiles),
                    arg_seed * OCT_ARRAY_CNT(profiles) + i);
    }
    return 0;
}
