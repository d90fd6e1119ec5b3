#include "dataplane/book/book_priv.h"

/* When the best levels run low, they are taken from the tree in lots, so that a touch that comes
 * and goes does not reach the tree each time. */
#define TOP_LOW    OCT_BOOK_EIGHT
#define TOP_REFILL 12u

/* One bit for each level that is at least as good as key, or has it. */
static inline uint32_t eight_from(const struct oct_book_eight *e, uint32_t key)
{
    __m256i v = _mm256_load_si256((const __m256i *)e->key);
    __m256i top = _mm256_max_epu32(v, _mm256_set1_epi32((int)key));
    return (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(_mm256_cmpeq_epi32(top, v)));
}

/* How many levels are at least as good as key; key is not 0. */
static inline uint32_t eight_better(const struct oct_book_eight *e, uint32_t key)
{
    return (uint32_t)__builtin_popcount(eight_from(e, key));
}

static inline uint32_t eight_cnt(const struct oct_book_eight *e)
{
    return eight_better(e, 1);
}

/* Opens a gap at pos and puts x in it; what was last falls out. */
static inline void open64(uint64_t v[OCT_BOOK_EIGHT], uint32_t pos, uint64_t x)
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
static inline void close64(uint64_t v[OCT_BOOK_EIGHT], uint32_t pos, uint64_t x)
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

static inline struct oct_book_entry eight_get(const struct oct_book_eight *e, uint32_t pos)
{
    return (struct oct_book_entry){e->key[pos], e->tail[pos], e->sum[pos]};
}

static inline void eight_open(struct oct_book_eight *e, uint32_t pos,
                              const struct oct_book_entry *x)
{
    open32(e->key, pos, x->key);
    open32(e->tail, pos, x->tail);
    open64(e->sum, pos, x->sum);
}

/* last comes in behind. */
static inline void eight_close(struct oct_book_eight *e, uint32_t pos,
                               const struct oct_book_entry *last)
{
    close32(e->key, pos, last->key);
    close32(e->tail, pos, last->tail);
    close64(e->sum, pos, last->sum);
}

static const struct oct_book_entry nothing;

void oct_book_side_init(struct oct_books *b, uint32_t owner)
{
    b->best[owner] = (struct oct_book_eight){.key = {0}};
    b->more[owner] = (struct oct_book_more){.root = OCT_BOOK_NONE};
}

uint32_t oct_book_side_top_cnt(const struct oct_books *b, uint32_t owner)
{
    return eight_cnt(&b->best[owner]) + eight_cnt(&b->more[owner].hi);
}

struct oct_book_cell oct_book_side_far(const struct oct_books *b, uint32_t owner, uint32_t key)
{
    const struct oct_book_cell none = {NULL, NULL};
    if (key > b->best[owner].key[OCT_BOOK_EIGHT - 1])
        return none;
    struct oct_book_more *m = &b->more[owner];
    uint32_t at = oct_book_eight_at(&m->hi, key);
    if (at != 0)
        return oct_book_eight_cell(&m->hi, (uint32_t)__builtin_ctz(at));
    return m->deep_cnt == 0 ? none : oct_book_tree_find(b, m->root, key);
}

static bool deep_insert(struct oct_books *b, struct oct_book_more *m,
                        const struct oct_book_entry *x)
{
    if (!oct_book_tree_insert(b, &m->root, x))
        return false;
    m->deep_cnt++;
    return true;
}

/* Into the second block, whose worst goes to the tree when there is no room. */
static bool more_insert(struct oct_books *b, struct oct_book_more *m, uint32_t pos,
                        const struct oct_book_entry *x)
{
    struct oct_book_entry worst = eight_get(&m->hi, OCT_BOOK_EIGHT - 1);
    if (worst.key != OCT_BOOK_NONE && !deep_insert(b, m, &worst))
        return false;
    eight_open(&m->hi, pos, x);
    return true;
}

bool oct_book_side_insert(struct oct_books *b, uint32_t owner, const struct oct_book_entry *x)
{
    struct oct_book_eight *best = &b->best[owner];
    struct oct_book_more *m = &b->more[owner];
    uint32_t pos = eight_better(best, x->key);
    if (pos < OCT_BOOK_EIGHT) {
        struct oct_book_entry last = eight_get(best, OCT_BOOK_EIGHT - 1);
        if (last.key != OCT_BOOK_NONE && !more_insert(b, m, 0, &last))
            return false;
        eight_open(best, pos, x);
        return true;
    }
    pos = eight_better(&m->hi, x->key);
    bool here = pos < eight_cnt(&m->hi) || (m->deep_cnt == 0 && pos < OCT_BOOK_EIGHT);
    return here ? more_insert(b, m, pos, x) : deep_insert(b, m, x);
}

static OCT_COLD void refill(struct oct_books *b, uint32_t owner)
{
    struct oct_book_more *m = &b->more[owner];
    for (uint32_t i = oct_book_side_top_cnt(b, owner); i < TOP_REFILL && m->deep_cnt != 0; i++) {
        struct oct_book_entry x = oct_book_tree_pop(b, &m->root);
        eight_open(i < OCT_BOOK_EIGHT ? &b->best[owner] : &m->hi, i % OCT_BOOK_EIGHT, &x);
        m->deep_cnt--;
    }
}

void oct_book_side_remove(struct oct_books *b, uint32_t owner, uint32_t key)
{
    struct oct_book_eight *best = &b->best[owner];
    struct oct_book_more *m = &b->more[owner];
    uint32_t at = oct_book_eight_at(best, key), far = 0;
    if (at == 0)
        far = oct_book_eight_at(&m->hi, key);
    if ((at | far) == 0) {
        oct_book_tree_remove(b, &m->root, key);
        m->deep_cnt--;
        return;
    }
    if (at != 0) {
        struct oct_book_entry next = eight_get(&m->hi, 0);
        /* The second block is empty while the first has room. */
        bool moves = best->key[OCT_BOOK_EIGHT - 1] != OCT_BOOK_NONE && next.key != OCT_BOOK_NONE;
        eight_close(best, (uint32_t)__builtin_ctz(at), moves ? &next : &nothing);
        far = moves;
    }
    if (far != 0)
        eight_close(&m->hi, (uint32_t)__builtin_ctz(far), &nothing);
    if (best->key[TOP_LOW - 1] == OCT_BOOK_NONE && m->deep_cnt != 0)
        refill(b, owner);
}

static bool eight_walk(const struct oct_book_eight *e, uint32_t owner, oct_book_level_fn *visit,
                       void *ctx)
{
    for (uint32_t i = 0; i < OCT_BOOK_EIGHT && e->key[i] != OCT_BOOK_NONE; i++) {
        struct oct_book_entry x = eight_get(e, i);
        if (!visit(ctx, owner, &x))
            return false;
    }
    return true;
}

bool oct_book_side_walk(const struct oct_books *b, uint32_t owner, oct_book_level_fn *visit,
                        void *ctx)
{
    const struct oct_book_more *m = &b->more[owner];
    return eight_walk(&b->best[owner], owner, visit, ctx) &&
           eight_walk(&m->hi, owner, visit, ctx) &&
           oct_book_tree_walk(b, m->root, owner, visit, ctx);
}
