#include "dataplane/book/book_priv.h"

/* The best levels of a side are taken from the tree in lots, so that a touch that comes and goes
 * does not reach the tree each time. */
#define TOP_LOW    3u /* below this */
#define TOP_REFILL 6u /* fill up to this */

struct lanes {
    __m256i lo;
    __m256i hi;
};

static inline struct lanes keys_load(const struct oct_book_side *s)
{
    return (struct lanes){_mm256_load_si256((const __m256i *)&s->key[0]),
                          _mm256_load_si256((const __m256i *)&s->key[4])};
}

static inline uint32_t lanes_mask(__m256i lo, __m256i hi)
{
    return (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(lo)) |
           (uint32_t)_mm256_movemask_pd(_mm256_castsi256_pd(hi)) << 4;
}

/* One bit for each of the best levels with this key. */
static inline uint32_t keys_eq(struct lanes k, int64_t key)
{
    __m256i x = _mm256_set1_epi64x(key);
    return lanes_mask(_mm256_cmpeq_epi64(k.lo, x), _mm256_cmpeq_epi64(k.hi, x));
}

/* How many of the best levels are better than key. */
static inline uint32_t keys_better(struct lanes k, int64_t key)
{
    __m256i x = _mm256_set1_epi64x(key);
    return (uint32_t)__builtin_popcount(
        lanes_mask(_mm256_cmpgt_epi64(k.lo, x), _mm256_cmpgt_epi64(k.hi, x)));
}

/* Opens a gap at pos and puts the level in it; what was last falls out. */
static inline void top_insert(struct oct_book_side *s, uint32_t pos, int64_t key, uint32_t lvl)
{
    __m256i at = _mm256_set1_epi64x((int64_t)pos);
    __m256i i_lo = _mm256_set_epi64x(3, 2, 1, 0);
    __m256i i_hi = _mm256_set_epi64x(7, 6, 5, 4);
    __m256i x = _mm256_set1_epi64x(key);
    struct lanes k = keys_load(s);
    __m256i lo = _mm256_permute4x64_epi64(k.lo, 0x90);
    __m256i hi = _mm256_loadu_si256((const __m256i *)&s->key[3]);
    lo = _mm256_blendv_epi8(k.lo, lo, _mm256_cmpgt_epi64(i_lo, at));
    hi = _mm256_blendv_epi8(k.hi, hi, _mm256_cmpgt_epi64(i_hi, at));
    lo = _mm256_blendv_epi8(lo, x, _mm256_cmpeq_epi64(i_lo, at));
    hi = _mm256_blendv_epi8(hi, x, _mm256_cmpeq_epi64(i_hi, at));
    _mm256_store_si256((__m256i *)&s->key[0], lo);
    _mm256_store_si256((__m256i *)&s->key[4], hi);

    __m256i at4 = _mm256_set1_epi32((int)pos);
    __m256i i4 = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    __m256i v = _mm256_load_si256((const __m256i *)s->lvl);
    __m256i w = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(6, 5, 4, 3, 2, 1, 0, 0));
    v = _mm256_blendv_epi8(v, w, _mm256_cmpgt_epi32(i4, at4));
    v = _mm256_blendv_epi8(v, _mm256_set1_epi32((int)lvl), _mm256_cmpeq_epi32(i4, at4));
    _mm256_store_si256((__m256i *)s->lvl, v);
}

static inline void top_remove(struct oct_book_side *s, uint32_t pos)
{
    __m256i at = _mm256_set1_epi64x((int64_t)pos - 1);
    struct lanes k = keys_load(s);
    __m256i lo = _mm256_loadu_si256((const __m256i *)&s->key[1]);
    __m256i hi = _mm256_permute4x64_epi64(k.hi, 0xf9);
    lo = _mm256_blendv_epi8(k.lo, lo, _mm256_cmpgt_epi64(_mm256_set_epi64x(3, 2, 1, 0), at));
    hi = _mm256_blendv_epi8(k.hi, hi, _mm256_cmpgt_epi64(_mm256_set_epi64x(7, 6, 5, 4), at));
    _mm256_store_si256((__m256i *)&s->key[0], lo);
    _mm256_store_si256((__m256i *)&s->key[4], hi);
    s->key[OCT_BOOK_TOP_CNT - 1] = OCT_BOOK_KEY_NONE;

    __m256i at4 = _mm256_set1_epi32((int)pos - 1);
    __m256i i4 = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    __m256i v = _mm256_load_si256((const __m256i *)s->lvl);
    __m256i w = _mm256_permutevar8x32_epi32(v, _mm256_set_epi32(7, 7, 6, 5, 4, 3, 2, 1));
    v = _mm256_blendv_epi8(v, w, _mm256_cmpgt_epi32(i4, at4));
    _mm256_store_si256((__m256i *)s->lvl, v);
    s->lvl[OCT_BOOK_TOP_CNT - 1] = OCT_BOOK_NONE;
}

uint32_t oct_book_side_find(const struct oct_books *b, const struct oct_book_side *s, int64_t key)
{
    uint32_t eq = keys_eq(keys_load(s), key);
    if (oct_likely(eq != 0))
        return s->lvl[__builtin_ctz(eq)];
    if (s->deep_cnt == 0 || key > s->key[s->top_cnt - 1])
        return OCT_BOOK_NONE;
    return oct_book_tree_find(b, s->root, key);
}

bool oct_book_side_insert(struct oct_books *b, struct oct_book_side *s, int64_t key, uint32_t lvl)
{
    uint32_t pos = keys_better(keys_load(s), key);
    bool among_top = pos < s->top_cnt || (s->deep_cnt == 0 && s->top_cnt < OCT_BOOK_TOP_CNT);
    if (!among_top) {
        if (!oct_book_tree_insert(b, &s->root, key, lvl))
            return false;
        s->deep_cnt++;
        return true;
    }
    if (s->top_cnt == OCT_BOOK_TOP_CNT) {
        uint32_t last = OCT_BOOK_TOP_CNT - 1;
        if (!oct_book_tree_insert(b, &s->root, s->key[last], s->lvl[last]))
            return false;
        s->deep_cnt++;
        s->top_cnt--;
    }
    top_insert(s, pos, key, lvl);
    s->top_cnt++;
    return true;
}

void oct_book_side_remove(struct oct_books *b, struct oct_book_side *s, int64_t key)
{
    uint32_t eq = keys_eq(keys_load(s), key);
    if (eq == 0) {
        oct_book_tree_remove(b, &s->root, key);
        s->deep_cnt--;
        return;
    }
    top_remove(s, (uint32_t)__builtin_ctz(eq));
    s->top_cnt--;
    if (s->top_cnt >= TOP_LOW || s->deep_cnt == 0)
        return;
    while (s->top_cnt < TOP_REFILL && s->deep_cnt != 0) {
        s->lvl[s->top_cnt] = oct_book_tree_pop(b, &s->root, &s->key[s->top_cnt]);
        s->top_cnt++;
        s->deep_cnt--;
    }
}

bool oct_book_side_walk(const struct oct_books *b, const struct oct_book_side *s,
                        oct_book_visit_fn *visit, void *ctx)
{
    for (uint32_t i = 0; i < s->top_cnt; i++) {
        if (!visit(ctx, s->lvl[i]))
            return false;
    }
    return oct_book_tree_walk(b, s->root, visit, ctx);
}
