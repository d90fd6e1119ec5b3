/* Any bytes as order messages: the books agree with the plainest ones there are, message by message,
 * and with a second set of books that never prefetches.
 *
 * Input: two bytes of configuration, then steps of eight: operation and instrument, side, reference
 * (two bytes), price (two), quantity (two).  References are spread over all 64 bits, some of them
 * crowding a home. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/rng.h"
#include "dataplane/base/wire.h"
#include "dataplane/book/book.h"
#include "tests/unit/book/slow_book.h"

#define STEP_SZ  8u
#define STEP_MAX 400u
#define INST_CNT 3u
#define PX_MAX   INT64_C(0xfffffffe)
#define QTY_MAX  ((INT64_C(1) << 48) - 1)

struct step {
    uint8_t op;
    uint32_t inst;
    uint32_t side;
    uint64_t ref;
    uint64_t ref2;
    int64_t px;
    int64_t qty;
};

static uint64_t spread(uint32_t n)
{
    switch (n % 4) {
    case 0:
        return n;
    case 1:
        return UINT64_MAX - n;
    case 2:
        return (uint64_t)n << 33;
    default:
        return oct_mix64(n);
    }
}

static struct step step_of(const uint8_t *p)
{
    uint32_t r = oct_load_le16(p + 2);
    struct step s = {.op = p[0] & 7,
                     .inst = (p[0] >> 3) % (INST_CNT + 1),
                     .side = p[1] % 5 == 4 ? 2 : p[1] & 1,
                     .ref = spread(r & 0x3f),
                     .ref2 = spread(r >> 6),
                     .px = (int64_t)oct_load_le16(p + 4) - 8,
                     .qty = (int64_t)oct_load_le16(p + 6) - 8};
    if (p[1] == 255) { /* about the largest there may be */
        s.px = PX_MAX + 8 - (s.px & 15);
        s.qty = QTY_MAX + 8 - (s.qty + 8);
    }
    return s;
}

static int fast(struct oct_books *b, const struct step *s, struct oct_book_touch *t)
{
    switch (s->op) {
    case 0:
    case 1:
    case 2:
        return oct_book_add(b, s->inst, s->ref, (enum oct_side)s->side, (oct_px){s->px},
                            (oct_qty){s->qty}, t);
    case 3:
        return oct_book_delete(b, s->ref, t);
    case 4:
        return oct_book_reduce(b, s->ref, (oct_qty){s->qty}, t);
    case 5:
    case 6:
        return oct_book_replace(b, s->ref, s->ref2, (oct_px){s->px}, (oct_qty){s->qty}, t);
    default:
        if (s->px % 64 == 0)
            oct_book_clear(b, s->inst);
        return OCT_BOOK_OK;
    }
}

/* The slow books know no largest values: what is beyond them is as wrong as a zero. */
static int slow(struct slow_book *b, const struct step *s)
{
    int64_t px = s->px > PX_MAX ? 0 : s->px, qty = s->qty > QTY_MAX ? 0 : s->qty;
    switch (s->op) {
    case 0:
    case 1:
    case 2:
        if (s->inst >= INST_CNT || s->side > 1)
            return OCT_BOOK_RANGE;
        return slow_add(b, s->inst, s->ref, s->side, px, qty);
    case 3:
        return slow_delete(b, s->ref);
    case 4:
        return slow_reduce(b, s->ref, qty);
    case 5:
    case 6:
        return slow_replace(b, s->ref, s->ref2, px, qty);
    default:
        if (s->px % 64 == 0)
            slow_clear(b, s->inst);
        return OCT_BOOK_OK;
    }
}

/* Sums that do not fit are refused by the books; the slow ones do not look. */
static bool sum_refused(const struct slow_book *b, const struct step *s, int res)
{
    if (res != OCT_BOOK_RANGE || s->qty < QTY_MAX / 4)
        return false;
    return b->order_cnt != 0;
}

static void compare(const struct oct_books *b, const struct slow_book *s)
{
    static struct oct_level l[STEP_MAX], want[STEP_MAX];
    static struct oct_book_order q[STEP_MAX];
    static uint64_t refs[STEP_MAX];
    for (uint32_t i = 0; i < 2 * INST_CNT; i++) {
        uint32_t n = oct_book_depth(b, i / 2, (enum oct_side)(i % 2), l, STEP_MAX);
        FUZZ_CHECK(n == slow_depth(s, i / 2, i % 2, want, STEP_MAX));
        for (uint32_t k = 0; k < n; k++) {
            FUZZ_CHECK(l[k].px.v == want[k].px.v && l[k].qty.v == want[k].qty.v);
            uint32_t m = oct_book_queue(b, i / 2, (enum oct_side)(i % 2), l[k].px, q, STEP_MAX);
            FUZZ_CHECK(m == slow_queue(s, i / 2, i % 2, l[k].px.v, refs, STEP_MAX));
            for (uint32_t o = 0; o < m; o++)
                FUZZ_CHECK(q[o].ref == refs[o]);
        }
    }
}

static struct oct_books *books(const struct oct_books_cfg *cfg)
{
    return oct_books_new(aligned_alloc(128, oct_books_footprint(cfg)), cfg);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    if (sz < 2)
        return 0;
    struct oct_books_cfg cfg = {INST_CNT, 1 + data[0] % 64u, 1 + data[1] % 64u, 0, data[0], {1},
                                {1}};
    struct oct_books *b = books(&cfg), *plain = books(&cfg);
    struct slow_book s = {0};
    struct oct_book_touch t, t2;
    for (size_t at = 2; at + STEP_SZ <= sz && at < STEP_SZ * STEP_MAX; at += STEP_SZ) {
        struct step st = step_of(data + at);
        struct oct_book_hint hint = {
            .ref = st.ref, .new_ref = st.ref2, .px = {st.px}, .inst = st.inst, .side = st.side};
        oct_books_prefetch1(b, &hint);
        oct_books_prefetch2(b, &hint);
        oct_books_prefetch3(b, &hint);
        oct_books_prefetch4(b, &hint);
        oct_books_prefetch_lone(b, &hint);
        int res = fast(b, &st, &t);
        FUZZ_CHECK(res == fast(plain, &st, &t2));
        if (res == OCT_BOOK_FULL)
            continue;
        if (sum_refused(&s, &st, res))
            break;
        FUZZ_CHECK(res == slow(&s, &st));
        FUZZ_CHECK(oct_books_order_cnt(b) == s.order_cnt);
    }
    compare(b, &s);
    FUZZ_CHECK(oct_books_digest(b, UINT32_MAX) == oct_books_digest(plain, UINT32_MAX));
    for (uint32_t i = 0; i < INST_CNT; i++) {
        oct_book_clear(b, i);
        slow_clear(&s, i);
    }
    FUZZ_CHECK(oct_books_order_cnt(b) == 0 && oct_books_level_cnt(b) == 0);
    free(b);
    free(plain);
    return 0;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    struct oct_rng rng;
    size_t sz = 2 + STEP_SZ * (8 + 40 * idx);
    if (idx >= 8 || sz > cap)
        return 0;
    oct_rng_init(&rng, idx);
    for (size_t i = 0; i < sz; i++)
        out[i] = (uint8_t)oct_rng_u64(&rng);
    /* Prices near each other, quantities that mostly suffice. */
    for (size_t at = 2; at < sz; at += STEP_SZ) {
        oct_store_le16(out + at + 4, (uint16_t)(9 + oct_rng_below(&rng, 5 + 20 * idx)));
        oct_store_le16(out + at + 6, (uint16_t)(9 + oct_rng_below(&rng, 100)));
    }
    return sz;
}
