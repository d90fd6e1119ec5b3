#include "dataplane/book/book_priv.h"

/* When the best levels run low, they are taken from the tree in lots, so that a touch that comes
 * and goes does not reach the tree each time. */
#define TOP_REFILL 12u

struct lanes {
    __m256i lo;
    __m256i hi;
};

static inline struct lanes keys_load(const struct oct_book_eight *e)
{
    return (struct lanes){_mm256_load_si256((const __m256i *)&e->key[0]),
                          _mm256_load_si256((const __m256i *)&e->key[4])};
}

/* How many of the levels are better than key. */
static inline uint32_t eight_better(const struct oct_book_eight *e, int64_t key)
{
    __m256i x = _mm256_set1_epi64x(key);
    struct lanes k = keys_load(e);
    __m256i lo = _mm256_cmpgt_epi64(k.lo, x), hi = _mm256_cmpgt_epi64(k.hi, x);
    return (uint32_t)__builtin_popcount((uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(lo)) |
                                        (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(hi)) << 4);
}

/* Opens a gap at pos and puts the level in it; what was last falls out. */
static inline void eight_insert(struct oct_book_eight *e, uint32_t pos, int64_t key, uint32_t lvl)
{
    __m256i at = _mm256_set1_epi64x((int64_t)pos);
    __m256i i_lo = _mm256_set_epi64x(3, 2, 1, 0);
    __m256i i_hi = _mm256_set_epi64x(7, 6, 5, 4);
    __m256i x = _mm256_set1_epi64x(key);
    struct lanes k = keys_load(e);
    __m256i lo = _mm256_permute4x64_epi64(k.lo, 0x90);
    __m256i hi = _mm256_loadu_si256((const __m256i *)&e->key[3]);
    lo = _mm256_blendv_epi8(k.lo, lo, _mm256_cmpgt_epi64(i_lo, at));
    hi = _mm256_blendv_epi8(k.hi, hi, _mm256_cmpgt_epi64(i_hi, at));
    lo = _mm256_blendv_epi8(lo, x, _mm256_cmpeq_epi64(i_lo, at));
    hi = _mm256_blendv_epi8(hi, x, _mm256_cmpeq_epi64(i_hi, at));
    _mm256_store_si256((__m256i *)&e->key[0], lo);
    _mm256_store_si256((__m256i *)&e->key[4], hi);

    __m256i at4 = _mm256_set1_epi32((int)pos);
    __m256i i4 = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    __m256i v = _mm256_load_si256((const __m256i *)e->lvl);
    __m256i w = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(6, 5, 4, 3, 2, 1, 0, 0));
    v = _mm256_blendv_epi8(v, w, _mm256_cmpgt_epi32(i4, at4));
    v = _mm256_blendv_epi8(v, _mm256_set1_epi32((int)lvl), _mm256_cmpeq_epi32(i4, at4));
    _mm256_store_si256((__m256i *)e->lvl, v);
}

/* Closes the gap; nothing is left at the end. */
static inline void eight_remove(struct oct_book_eight *e, uint32_t pos)
{
    __m256i at = _mm256_set1_epi64x((int64_t)pos - 1);
    struct lanes k = keys_load(e);
    __m256i lo = _mm256_loadu_si256((const __m256i *)&e->key[1]);
    __m256i hi = _mm256_permute4x64_epi64(k.hi, 0xf9);
    lo = _mm256_blendv_epi8(k.lo, lo, _mm256_cmpgt_epi64(_mm256_set_epi64x(3, 2, 1, 0), at));
    hi = _mm256_blendv_epi8(k.hi, hi, _mm256_cmpgt_epi64(_mm256_set_epi64x(7, 6, 5, 4), at));
    _mm256_store_si256((__m256i *)&e->key[0], lo);
    _mm256_store_si256((__m256i *)&e->key[4], hi);
    e->key[OCT_BOOK_EIGHT - 1] = OCT_BOOK_KEY_NONE;

    __m256i at4 = _mm256_set1_epi32((int)pos - 1);
    __m256i i4 = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    __m256i v = _mm256_load_si256((const __m256i *)e->lvl);
    __m256i w = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(7, 7, 6, 5, 4, 3, 2, 1));
    v = _mm256_blendv_epi8(v, w, _mm256_cmpgt_epi32(i4, at4));
    _mm256_store_si256((__m256i *)e->lvl, v);
    e->lvl[OCT_BOOK_EIGHT - 1] = OCT_BOOK_NONE;
}

void oct_book_side_init(struct oct_book_side *s)
{
    *s = (struct oct_book_side){.root = OCT_BOOK_NONE};
    for (uint32_t i = 0; i < OCT_BOOK_EIGHT; i++)
        s->lo.key[i] = s->hi.key[i] = OCT_BOOK_KEY_NONE;
}

uint32_t oct_book_side_find_far(const struct oct_books *b, const struct oct_book_side *s,
                                int64_t key)
{
    uint32_t eq = oct_book_eight_eq(&s->hi, key);
    if (eq != 0)
        return s->hi.lvl[__builtin_ctz(eq)];
    return s->deep_cnt == 0 ? OCT_BOOK_NONE : oct_book_tree_find(b, s->root, key);
}

/* The worst of the best; there is one. */
static void worst_of(const struct oct_book_side *s, int64_t *key, uint32_t *lvl)
{
    uint32_t at = s->top_cnt - 1;
    const struct oct_book_eight *e = at < OCT_BOOK_EIGHT ? &s->lo : &s->hi;
    *key = e->key[at % OCT_BOOK_EIGHT];
    *lvl = e->lvl[at % OCT_BOOK_EIGHT];
}

static void top_insert(struct oct_book_side *s, uint32_t pos, int64_t key, uint32_t lvl)
{
    if (pos < OCT_BOOK_EIGHT) {
        int64_t last_key = s->lo.key[OCT_BOOK_EIGHT - 1];
        uint32_t last_lvl = s->lo.lvl[OCT_BOOK_EIGHT - 1];
        eight_insert(&s->lo, pos, key, lvl);
        if (s->top_cnt >= OCT_BOOK_EIGHT)
            eight_insert(&s->hi, 0, last_key, last_lvl);
    } else {
        eight_insert(&s->hi, pos - OCT_BOOK_EIGHT, key, lvl);
    }
    s->top_cnt++;
}

static void top_remove(struct oct_book_side *s, uint32_t pos)
{
    if (pos < OCT_BOOK_EIGHT) {
        eight_remove(&s->lo, pos);
        if (s->top_cnt > OCT_BOOK_EIGHT) {
            s->lo.key[OCT_BOOK_EIGHT - 1] = s->hi.key[0];
            s->lo.lvl[OCT_BOOK_EIGHT - 1] = s->hi.lvl[0];
            eight_remove(&s->hi, 0);
        }
    } else {
        eight_remove(&s->hi, pos - OCT_BOOK_EIGHT);
    }
    s->top_cnt--;
}

bool oct_book_side_insert(struct oct_books *b, struct oct_book_side *s, int64_t key, uint32_t lvl)
{
    uint32_t pos = eight_better(&s->lo, key);
    if (pos == OCT_BOOK_EIGHT)
        pos += eight_better(&s->hi, key);
    bool among_top = pos < s->top_cnt || (s->deep_cnt == 0 && pos < OCT_BOOK_TOP_CNT);
    if (!among_top || s->top_cnt == OCT_BOOK_TOP_CNT) {
        int64_t deep_key = key;
        uint32_t deep_lvl = lvl;
        if (among_top)
            worst_of(s, &deep_key, &deep_lvl);
        if (!oct_book_tree_insert(b, &s->root, deep_key, deep_lvl))
            return false;
        s->deep_cnt++;
        if (!among_top)
            return true;
        s->top_cnt--; /* the worst falls out of the block */
    }
    if (pos == 0)
        b->lvl[s->lo.lvl[0]].inst_side &= ~OCT_BOOK_BEST;
    top_insert(s, pos, key, lvl);
    return true;
}

static void refill(struct oct_books *b, struct oct_book_side *s)
{
    while (s->top_cnt < TOP_REFILL && s->deep_cnt != 0) {
        int64_t key;
        uint32_t lvl = oct_book_tree_pop(b, &s->root, &key);
        struct oct_book_eight *e = s->top_cnt < OCT_BOOK_EIGHT ? &s->lo : &s->hi;
        e->key[s->top_cnt % OCT_BOOK_EIGHT] = key;
        e->lvl[s->top_cnt % OCT_BOOK_EIGHT] = lvl;
        s->top_cnt++;
        s->deep_cnt--;
    }
}

void oct_book_side_remove(struct oct_books *b, struct oct_book_side *s, int64_t key)
{
    uint32_t lo = oct_book_eight_eq(&s->lo, key);
    uint32_t eq = lo != 0 ? lo : oct_book_eight_eq(&s->hi, key) << OCT_BOOK_EIGHT;
    if (eq == 0) {
        oct_book_tree_remove(b, &s->root, key);
        s->deep_cnt--;
        return;
    }
    uint32_t pos = (uint32_t)__builtin_ctz(eq);
    top_remove(s, pos);
    if (s->top_cnt < OCT_BOOK_TOP_LOW && s->deep_cnt != 0)
        refill(b, s);
    if (pos == 0)
        b->lvl[s->lo.lvl[0]].inst_side |= OCT_BOOK_BEST;
}

bool oct_book_side_walk(const struct oct_books *b, const struct oct_book_side *s,
                        oct_book_visit_fn *visit, void *ctx)
{
    for (uint32_t i = 0; i < s->top_cnt; i++) {
        const struct oct_book_eight *e = i < OCT_BOOK_EIGHT ? &s->lo : &s->hi;
        if (!visit(ctx, e->lvl[i % OCT_BOOK_EIGHT]))
            return false;
    }
    return oct_book_tree_walk(b, s->root, visit, ctx);
}
