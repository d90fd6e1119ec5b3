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

/* Opens a gap at pos and puts x in it; what was last falls out. */
static inline void open64(int64_t v[OCT_BOOK_EIGHT], uint32_t pos, int64_t x)
{
    __m256i at = _mm256_set1_epi64x((int64_t)pos);
    __m256i i_lo = _mm256_set_epi64x(3, 2, 1, 0);
    __m256i i_hi = _mm256_set_epi64x(7, 6, 5, 4);
    __m256i v_lo = _mm256_load_si256((const __m256i *)&v[0]);
    __m256i v_hi = _mm256_load_si256((const __m256i *)&v[4]);
    __m256i lo = _mm256_permute4x64_epi64(v_lo, 0x90);
    __m256i hi = _mm256_loadu_si256((const __m256i *)&v[3]);
    lo = _mm256_blendv_epi8(v_lo, lo, _mm256_cmpgt_epi64(i_lo, at));
    hi = _mm256_blendv_epi8(v_hi, hi, _mm256_cmpgt_epi64(i_hi, at));
    _mm256_store_si256((__m256i *)&v[0], lo);
    _mm256_store_si256((__m256i *)&v[4], hi);
    v[pos] = x;
}

/* Closes the gap; x comes last. */
static inline void close64(int64_t v[OCT_BOOK_EIGHT], uint32_t pos, int64_t x)
{
    __m256i at = _mm256_set1_epi64x((int64_t)pos - 1);
    __m256i v_lo = _mm256_load_si256((const __m256i *)&v[0]);
    __m256i v_hi = _mm256_load_si256((const __m256i *)&v[4]);
    __m256i lo = _mm256_loadu_si256((const __m256i *)&v[1]);
    __m256i hi = _mm256_permute4x64_epi64(v_hi, 0xf9);
    lo = _mm256_blendv_epi8(v_lo, lo, _mm256_cmpgt_epi64(_mm256_set_epi64x(3, 2, 1, 0), at));
    hi = _mm256_blendv_epi8(v_hi, hi, _mm256_cmpgt_epi64(_mm256_set_epi64x(7, 6, 5, 4), at));
    _mm256_store_si256((__m256i *)&v[0], lo);
    _mm256_store_si256((__m256i *)&v[4], hi);
    v[OCT_BOOK_EIGHT - 1] = x;
}

static inline void open32(uint32_t v[OCT_BOOK_EIGHT], uint32_t pos, uint32_t x)
{
    __m256i at = _mm256_set1_epi32((int)pos);
    __m256i i = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    __m256i a = _mm256_load_si256((const __m256i *)v);
    __m256i b = _mm256_permutevar8x32_epi32(a, _mm256_set_epi32(6, 5, 4, 3, 2, 1, 0, 0));
    a = _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi32(i, at));
    a = _mm256_blendv_epi8(a, _mm256_set1_epi32((int)x), _mm256_cmpeq_epi32(i, at));
    _mm256_store_si256((__m256i *)v, a);
}

static inline void close32(uint32_t v[OCT_BOOK_EIGHT], uint32_t pos, uint32_t x)
{
    __m256i at = _mm256_set1_epi32((int)pos - 1);
    __m256i i = _mm256_set_epi32(7, 6, 5, 4, 3, 2, 1, 0);
    __m256i a = _mm256_load_si256((const __m256i *)v);
    __m256i b = _mm256_permutevar8x32_epi32(a, _mm256_set_epi32(7, 7, 6, 5, 4, 3, 2, 1));
    a = _mm256_blendv_epi8(a, b, _mm256_cmpgt_epi32(i, at));
    a = _mm256_blend_epi32(a, _mm256_set1_epi32((int)x), 0x80);
    _mm256_store_si256((__m256i *)v, a);
}

/* One level as it moves between blocks and tree. */
struct entry {
    int64_t key;
    int64_t qty;
    uint32_t lvl;
    uint32_t cnt;
    uint32_t tail;
};

static inline struct entry eight_get(const struct oct_book_eight *e, uint32_t pos)
{
    return (struct entry){e->key[pos], e->qty[pos], e->lvl[pos], e->cnt[pos], e->tail[pos]};
}

static inline void eight_open(struct oct_book_eight *e, uint32_t pos, const struct entry *x)
{
    open64(e->key, pos, x->key);
    open64(e->qty, pos, x->qty);
    open32(e->lvl, pos, x->lvl);
    open32(e->cnt, pos, x->cnt);
    open32(e->tail, pos, x->tail);
}

static inline void eight_close(struct oct_book_eight *e, uint32_t pos, const struct entry *last)
{
    close64(e->key, pos, last->key);
    close64(e->qty, pos, last->qty);
    close32(e->lvl, pos, last->lvl);
    close32(e->cnt, pos, last->cnt);
    close32(e->tail, pos, last->tail);
}

static const struct entry nothing = {.key = OCT_BOOK_KEY_NONE, .lvl = OCT_BOOK_NONE};

void oct_book_side_init(struct oct_books *b, uint32_t owner)
{
    struct oct_book_side *s = &b->side[owner];
    struct oct_book_eight *hi = &b->more[owner].hi;
    *s = (struct oct_book_side){.root = OCT_BOOK_NONE};
    *hi = (struct oct_book_eight){.key = {0}};
    for (uint32_t i = 0; i < OCT_BOOK_EIGHT; i++)
        s->lo.key[i] = hi->key[i] = OCT_BOOK_KEY_NONE;
}

uint32_t oct_book_side_find(const struct oct_books *b, uint32_t owner, int64_t key)
{
    const struct oct_book_side *s = &b->side[owner];
    uint32_t eq = oct_book_eight_eq(&s->lo, key);
    if (eq != 0)
        return s->lo.lvl[__builtin_ctz(eq)];
    if (key > s->lo.key[OCT_BOOK_EIGHT - 1])
        return OCT_BOOK_NONE;
    const struct oct_book_eight *hi = &b->more[owner].hi;
    eq = oct_book_eight_eq(hi, key);
    if (eq != 0)
        return hi->lvl[__builtin_ctz(eq)];
    return s->deep_cnt == 0 ? OCT_BOOK_NONE : oct_book_tree_find(b, s->root, key);
}

struct oct_book_cell oct_book_side_cell(const struct oct_books *b, uint32_t owner, uint32_t level)
{
    struct oct_book_eight *lo = &b->side[owner].lo, *hi = &b->more[owner].hi;
    uint32_t at = oct_book_eight_at(lo, level);
    if (at != 0)
        return oct_book_eight_cell(lo, (uint32_t)__builtin_ctz(at));
    at = oct_book_eight_at(hi, level);
    if (at != 0)
        return oct_book_eight_cell(hi, (uint32_t)__builtin_ctz(at));
    struct oct_book_lvl *l = &b->lvl[level];
    return (struct oct_book_cell){&l->qty, &l->cnt, &l->tail};
}

/* Blocks in use hold no gap: an entry goes in at pos, the last of the first becomes the first of
 * the second. */
static void top_insert(struct oct_books *b, uint32_t owner, uint32_t pos, const struct entry *x)
{
    struct oct_book_side *s = &b->side[owner];
    if (pos < OCT_BOOK_EIGHT) {
        if (s->top_cnt >= OCT_BOOK_EIGHT) {
            struct entry last = eight_get(&s->lo, OCT_BOOK_EIGHT - 1);
            eight_open(&b->more[owner].hi, 0, &last);
        }
        eight_open(&s->lo, pos, x);
    } else {
        eight_open(&b->more[owner].hi, pos - OCT_BOOK_EIGHT, x);
    }
    s->top_cnt++;
}

static void top_remove(struct oct_books *b, uint32_t owner, uint32_t pos)
{
    struct oct_book_side *s = &b->side[owner];
    if (pos >= OCT_BOOK_EIGHT) {
        eight_close(&b->more[owner].hi, pos - OCT_BOOK_EIGHT, &nothing);
    } else if (s->top_cnt > OCT_BOOK_EIGHT) {
        struct entry first = eight_get(&b->more[owner].hi, 0);
        eight_close(&s->lo, pos, &first);
        eight_close(&b->more[owner].hi, 0, &nothing);
    } else {
        eight_close(&s->lo, pos, &nothing);
    }
    s->top_cnt--;
}

/* Into the tree, with what it holds; false when there is no room. */
static bool deep_insert(struct oct_books *b, struct oct_book_side *s, const struct entry *x)
{
    if (!oct_book_tree_insert(b, &s->root, x->key, x->lvl))
        return false;
    struct oct_book_lvl *l = &b->lvl[x->lvl];
    l->qty = x->qty;
    l->cnt = x->cnt;
    l->tail = x->tail;
    s->deep_cnt++;
    return true;
}

bool oct_book_side_insert(struct oct_books *b, uint32_t owner, int64_t key, uint32_t lvl)
{
    struct oct_book_side *s = &b->side[owner];
    struct entry x = {.key = key, .lvl = lvl};
    uint32_t pos = eight_better(&s->lo, key);
    if (pos == OCT_BOOK_EIGHT)
        pos += eight_better(&b->more[owner].hi, key);
    bool among_top = pos < s->top_cnt || (s->deep_cnt == 0 && pos < OCT_BOOK_TOP_CNT);
    if (!among_top)
        return deep_insert(b, s, &x);
    if (s->top_cnt == OCT_BOOK_TOP_CNT) {
        struct entry worst = eight_get(&b->more[owner].hi, OCT_BOOK_EIGHT - 1);
        if (!deep_insert(b, s, &worst))
            return false;
        s->top_cnt--; /* the worst falls out of the block */
    }
    top_insert(b, owner, pos, &x);
    return true;
}

static OCT_COLD void refill(struct oct_books *b, uint32_t owner)
{
    struct oct_book_side *s = &b->side[owner];
    while (s->top_cnt < TOP_REFILL && s->deep_cnt != 0) {
        int64_t key;
        uint32_t lvl = oct_book_tree_pop(b, &s->root, &key), at = s->top_cnt % OCT_BOOK_EIGHT;
        struct oct_book_eight *e = s->top_cnt < OCT_BOOK_EIGHT ? &s->lo : &b->more[owner].hi;
        e->key[at] = key;
        e->qty[at] = b->lvl[lvl].qty;
        e->lvl[at] = lvl;
        e->cnt[at] = b->lvl[lvl].cnt;
        e->tail[at] = b->lvl[lvl].tail;
        s->top_cnt++;
        s->deep_cnt--;
    }
}

void oct_book_side_remove(struct oct_books *b, uint32_t owner, int64_t key)
{
    struct oct_book_side *s = &b->side[owner];
    uint32_t eq = oct_book_eight_eq(&s->lo, key);
    if (eq == 0)
        eq = oct_book_eight_eq(&b->more[owner].hi, key) << OCT_BOOK_EIGHT;
    if (eq == 0) {
        oct_book_tree_remove(b, &s->root, key);
        s->deep_cnt--;
        return;
    }
    top_remove(b, owner, (uint32_t)__builtin_ctz(eq));
    if (s->top_cnt < OCT_BOOK_TOP_LOW && s->deep_cnt != 0)
        refill(b, owner);
}

bool oct_book_side_walk(const struct oct_books *b, uint32_t owner, oct_book_visit_fn *visit,
                        void *ctx)
{
    const struct oct_book_side *s = &b->side[owner];
    for (uint32_t i = 0; i < s->top_cnt; i++) {
        const struct oct_book_eight *e = i < OCT_BOOK_EIGHT ? &s->lo : &b->more[owner].hi;
        if (!visit(ctx, e->lvl[i % OCT_BOOK_EIGHT]))
            return false;
    }
    return oct_book_tree_walk(b, s->root, visit, ctx);
}
