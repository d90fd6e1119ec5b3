/* book: parse every message and keep full order-by-order books with best bid and offer.
 *
 * Throughput runs over the whole session with the window of prefetches a burst gives; the lone
 * figure serialises each message, so that nothing overlaps and every cache miss is paid. */
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "dataplane/base/wire.h"
#include "dataplane/book/book.h"
#include "drivers/feed/itch50.h"

#define INST_CNT  8192u
#define ORDER_MAX 1500000u
#define LEVEL_MAX 500000u
#define AHEAD1    12u
#define AHEAD2    7u
#define AHEAD3    3u
#define AHEAD4    1u
#define SEEN_CNT  16u /* a power of two above AHEAD1 */
#define LONE_SKIP 37u /* one message in so many is timed alone */

struct bbo {
    oct_px px[2];
    oct_qty qty[2];
};

struct run {
    struct oct_books *books;
    struct bbo *bbo; /* [INST_CNT] */
    uint64_t tops;
    uint64_t refused;
};

static const struct oct_books_cfg cfg = {INST_CNT, ORDER_MAX, LEVEL_MAX, 0, 7, {0}, {0}};

static void run_new(struct run *r, void *mem, struct bbo *bbo)
{
    *r = (struct run){.books = oct_books_new(mem, &cfg), .bbo = bbo};
}

static inline void apply(struct run *r, const struct oct_md *md)
{
    struct oct_book_touch t;
    int res;
    switch ((enum oct_md_kind)md->kind) {
    case OCT_MD_ADD:
        res =
            oct_book_add(r->books, md->inst, md->ref, (enum oct_side)md->side, md->px, md->qty, &t);
        break;
    case OCT_MD_DELETE:
        res = oct_book_delete(r->books, md->ref, &t);
        break;
    case OCT_MD_REPLACE:
        res = oct_book_replace(r->books, md->ref, md->ref2, md->px, md->qty, &t);
        break;
    case OCT_MD_EXEC:
    case OCT_MD_EXEC_PX:
    case OCT_MD_REDUCE:
        res = oct_book_reduce(r->books, md->ref, md->qty, &t);
        break;
    default:
        return;
    }
    if (oct_unlikely(res < 0)) {
        r->refused++;
        return;
    }
    r->bbo[t.inst].px[t.side] = t.best_px; /* changed or not: that is a coin toss */
    r->bbo[t.inst].qty[t.side] = t.best_qty;
    r->tops += res == OCT_BOOK_TOP;
}

/* A message that was decoded when it came into sight, as a lane does it (dataplane/lane/core.h). */
struct seen {
    struct oct_md md;
    struct oct_book_hint hint;
    int32_t err;
    uint32_t pad;
} OCT_ALIGNED(64);

static inline const uint8_t *see(struct seen *s, const uint8_t *p)
{
    uint32_t len = oct_load_be16(p);
    s->err = oct_itch50_md(p + 2, len, 0, 0, &s->md);
    s->hint.ref = s->md.ref;
    s->hint.new_ref = s->md.kind == OCT_MD_REPLACE ? s->md.ref2 : 0;
    s->hint.px = s->md.px;
    s->hint.inst = s->md.inst;
    s->hint.side = s->md.side | (uint32_t)(s->md.kind != OCT_MD_ADD) << 1;
    return p + 2 + len;
}

/* ns a message. */
static double whole(struct run *r, const uint8_t *p, const uint8_t *end, bool prefetch)
{
    static struct seen ring[SEEN_CNT];
    uint64_t got = 0, put = 0;
    for (uint32_t i = 0; i < SEEN_CNT; i++)
        ring[i] = (struct seen){.md = {OCT_MSG_HDR(MD, md)}};
    uint64_t t0 = oct_bench_tick();
    for (; got != put || p < end; got++) {
        for (; p < end && put - got <= AHEAD1; put++) {
            struct seen *s = &ring[put % SEEN_CNT];
            p = see(s, p);
            if (prefetch)
                oct_books_prefetch1(r->books, &s->hint);
        }
        if (prefetch) {
            oct_books_prefetch2(r->books, &ring[(got + AHEAD2) % SEEN_CNT].hint);
            oct_books_prefetch3(r->books, &ring[(got + AHEAD3) % SEEN_CNT].hint);
            oct_books_prefetch4(r->books, &ring[(got + AHEAD4) % SEEN_CNT].hint);
        }
        const struct seen *s = &ring[got % SEEN_CNT];
        if (oct_likely(s->err == OCT_FEED_OK))
            apply(r, &s->md);
    }
    uint64_t t1 = oct_bench_tick();
    return oct_bench_tick_ns(t1 - t0) / (double)got;
}

/* One message alone: hints for itself are all the look-ahead there is. */
static inline void one(struct run *r, const uint8_t *p, struct seen *s)
{
    see(s, p);
    oct_books_prefetch_lone(r->books, &s->hint);
    if (s->err == OCT_FEED_OK)
        apply(r, &s->md);
}

static void lone(struct run *r, const uint8_t *p, const uint8_t *end, uint64_t warm,
                 struct oct_hist *h)
{
    static struct seen s = {.md = {OCT_MSG_HDR(MD, md)}};
    uint64_t cost = oct_bench_tick_cost(), n = 0;
    for (; p < end; n++) {
        uint32_t len = oct_load_be16(p);
        if (n < warm || n % LONE_SKIP != 0) {
            if (oct_itch50_md(p + 2, len, 0, 0, &s.md) == OCT_FEED_OK)
                apply(r, &s.md);
        } else {
            uint64_t t0 = oct_bench_tick();
            one(r, p, &s);
            uint64_t t1 = oct_bench_tick();
            uint64_t ticks = t1 - t0 > cost ? t1 - t0 - cost : 0;
            oct_hist_record(h, (int64_t)(oct_bench_tick_ns(ticks) + 0.5));
        }
        p += 2 + len;
    }
}

int oct_bench_book(struct oct_bench *b)
{
    const uint8_t *data;
    size_t sz, mem_sz = oct_books_footprint(&cfg);
    double ns[OCT_BENCH_RUN_MAX], cold[OCT_BENCH_RUN_MAX], ratio[OCT_BENCH_RUN_MAX];
    double walk[OCT_BENCH_RUN_MAX];
    int err = oct_bench_session(b, &data, &sz);
    if (err != 0)
        return err;
    void *mem = oct_bench_alloc(mem_sz);
    struct bbo *bbo = oct_bench_alloc(INST_CNT * sizeof(*bbo));
    struct oct_hist *h = malloc(sizeof(*h));
    struct run r = {0};
    uint32_t runs = oct_bench_opts(b)->runs;
    for (uint32_t i = 0; i < runs; i++) {
        walk[i] = oct_bench_walk(b);
        run_new(&r, mem, bbo);
        ns[i] = whole(&r, data, data + sz, true);
        ratio[i] = ns[i] / walk[i];
        run_new(&r, mem, bbo);
        cold[i] = whole(&r, data, data + sz, false);
    }
    oct_bench_result(b, "book", "frame walk", oct_bench_median(walk, runs), "ns/msg",
                     OCT_BENCH_NONE, 0);
    oct_bench_result(b, "book", "parse and books", oct_bench_median(ns, runs), "ns/msg",
                     OCT_BENCH_AT_MOST, 60);
    oct_bench_result(b, "book", "parse and books over walk", oct_bench_median(ratio, runs), "x",
                     OCT_BENCH_AT_MOST, 9);
    oct_bench_result(b, "book", "without prefetch", oct_bench_median(cold, runs), "ns/msg",
                     OCT_BENCH_NONE, 0);
    oct_bench_result(b, "book", "changes of the best",
                     100.0 * (double)r.tops / (double)oct_bench_session_cnt(b), "%", OCT_BENCH_NONE,
                     0);
    oct_bench_result(b, "book", "refused messages", (double)r.refused, "", OCT_BENCH_AT_MOST, 0);
    oct_bench_result(b, "book", "live orders at the end", (double)oct_books_order_cnt(r.books), "",
                     OCT_BENCH_NONE, 0);
    oct_bench_result(b, "book", "memory", (double)mem_sz / 1048576, "MiB", OCT_BENCH_AT_MOST, 256);
    oct_hist_init(h);
    run_new(&r, mem, bbo);
    lone(&r, data, data + sz, oct_bench_session_cnt(b) / 10, h);
    oct_bench_hist(b, "book-lone", h, 80, 0);
    free(h);
    oct_bench_free(bbo, INST_CNT * sizeof(*bbo));
    oct_bench_free(mem, mem_sz);
    return 0;
}
