#include "dataplane/book/book_priv.h"

/* A B-tree with links downwards only; paths are kept on the stack.  Nodes are merged when two
 * neighbours under one parent fit into one with a little room, so that together they always hold
 * more than NODE_LOW entries; books.c sizes the pool from that. */
#define NODE_LOW   7u  /* below this a merge is tried */
#define NODE_MERGE 13u /* and done when the two hold at most this many */

struct path {
    uint32_t node[OCT_BOOK_HEIGHT_MAX];
    uint32_t idx[OCT_BOOK_HEIGHT_MAX]; /* child taken in that node; entry in the leaf */
    uint32_t depth;                    /* of the leaf in the two arrays */
};

static uint32_t node_take(struct oct_books *b, uint16_t height)
{
    uint32_t n = b->node_free;
    if (n != OCT_BOOK_NONE)
        b->node_free = b->node[n].val[0];
    else
        n = ++b->node_used;
    OCT_ASSERT(n <= b->node_cnt_max);
    b->node_cnt++;
    b->node[n].cnt = 0;
    b->node[n].height = height;
    return n;
}

static void node_give(struct oct_books *b, uint32_t n)
{
    b->node[n].val[0] = b->node_free;
    b->node_free = n;
    b->node_cnt--;
}

/* One bit for each entry whose key is at most this one. */
static uint32_t up_to(const struct oct_book_node *n, uint32_t key)
{
    __m256i x = _mm256_set1_epi32((int)key);
    __m256i lo = _mm256_load_si256((const __m256i *)&n->key[0]);
    __m256i hi = _mm256_load_si256((const __m256i *)&n->key[8]); /* and cnt, height */
    lo = _mm256_cmpeq_epi32(_mm256_min_epu32(lo, x), lo);
    hi = _mm256_cmpeq_epi32(_mm256_min_epu32(hi, x), hi);
    uint32_t bits = (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(lo)) |
                    (uint32_t)_mm256_movemask_ps(_mm256_castsi256_ps(hi)) << 8;
    return bits & ((1u << n->cnt) - 1);
}

/* Entries with a key below this one; key is not 0. */
static uint32_t lower_bound(const struct oct_book_node *n, uint32_t key)
{
    return (uint32_t)__builtin_popcount(up_to(n, key - 1));
}

/* The first key is a bound that holds for all. */
static uint32_t child_of(const struct oct_book_node *n, uint32_t key)
{
    return (uint32_t)__builtin_popcount(up_to(n, key) & ~1u);
}

static void entry_copy(struct oct_book_node *to, uint32_t i, const struct oct_book_node *from,
                       uint32_t k)
{
    to->key[i] = from->key[k];
    to->val[i] = from->val[k];
    to->sum[i] = from->sum[k];
}

static void entry_insert(struct oct_book_node *n, uint32_t at, const struct oct_book_entry *e)
{
    for (uint32_t i = n->cnt; i > at; i--)
        entry_copy(n, i, n, i - 1);
    n->key[at] = e->key;
    n->val[at] = e->tail;
    n->sum[at] = e->sum;
    n->cnt++;
}

static void entry_remove(struct oct_book_node *n, uint32_t at)
{
    n->cnt--;
    for (uint32_t i = at; i < n->cnt; i++)
        entry_copy(n, i, n, i + 1);
}

struct oct_book_cell oct_book_tree_find(const struct oct_books *b, uint32_t root, uint32_t key)
{
    if (root == OCT_BOOK_NONE)
        return (struct oct_book_cell){NULL, NULL};
    struct oct_book_node *n = &b->node[root];
    while (n->height != 0)
        n = &b->node[n->val[child_of(n, key)]];
    uint32_t at = lower_bound(n, key);
    if (at == n->cnt || n->key[at] != key)
        return (struct oct_book_cell){NULL, NULL};
    return (struct oct_book_cell){&n->val[at], &n->sum[at]};
}

/* Splits the full child at idx of parent in two; the parent has room. */
static void child_split(struct oct_books *b, struct oct_book_node *parent, uint32_t idx)
{
    struct oct_book_node *left = &b->node[parent->val[idx]];
    uint32_t right_n = node_take(b, left->height);
    struct oct_book_node *right = &b->node[right_n];
    uint32_t keep = (OCT_BOOK_FANOUT + 1) / 2;
    for (uint32_t i = keep; i < OCT_BOOK_FANOUT; i++)
        entry_copy(right, i - keep, left, i);
    right->cnt = (uint16_t)(OCT_BOOK_FANOUT - keep);
    left->cnt = (uint16_t)keep;
    entry_insert(parent, idx + 1, &(struct oct_book_entry){right->key[0], right_n, 0});
}

bool oct_book_tree_insert(struct oct_books *b, uint32_t *root, const struct oct_book_entry *e)
{
    uint32_t height = *root == OCT_BOOK_NONE ? 0 : b->node[*root].height;
    /* The most a single insertion can take: one node a level and a new root. */
    if (b->node_cnt_max - b->node_cnt < height + 2 || height + 2 > OCT_BOOK_HEIGHT_MAX)
        return false;
    if (*root == OCT_BOOK_NONE)
        *root = node_take(b, 0);
    if (b->node[*root].cnt == OCT_BOOK_FANOUT) {
        uint32_t up = node_take(b, (uint16_t)(height + 1));
        entry_insert(&b->node[up], 0, &(struct oct_book_entry){b->node[*root].key[0], *root, 0});
        *root = up;
        child_split(b, &b->node[up], 0);
    }
    struct oct_book_node *n = &b->node[*root];
    while (n->height != 0) {
        uint32_t at = child_of(n, e->key);
        if (b->node[n->val[at]].cnt == OCT_BOOK_FANOUT) {
            child_split(b, n, at);
            at = child_of(n, e->key);
        }
        n = &b->node[n->val[at]];
    }
    entry_insert(n, lower_bound(n, e->key), e);
    return true;
}

/* Moves all of the child at idx + 1 of parent to the end of the child at idx. */
static void children_merge(struct oct_books *b, struct oct_book_node *parent, uint32_t idx)
{
    struct oct_book_node *left = &b->node[parent->val[idx]];
    struct oct_book_node *right = &b->node[parent->val[idx + 1]];
    if (right->height != 0)
        right->key[0] = parent->key[idx + 1]; /* unused so far */
    for (uint32_t i = 0; i < right->cnt; i++)
        entry_copy(left, left->cnt + i, right, i);
    left->cnt = (uint16_t)(left->cnt + right->cnt);
    node_give(b, parent->val[idx + 1]);
    entry_remove(parent, idx + 1);
}

/* The entry at the end of the path goes; nodes that became small or empty go with it. */
static void path_remove(struct oct_books *b, uint32_t *root, const struct path *p)
{
    uint32_t d = p->depth;
    entry_remove(&b->node[p->node[d]], p->idx[d]);
    for (; d > 0; d--) {
        struct oct_book_node *n = &b->node[p->node[d]];
        struct oct_book_node *up = &b->node[p->node[d - 1]];
        uint32_t at = p->idx[d - 1];
        if (n->cnt >= NODE_LOW)
            break;
        if (n->cnt == 0) {
            node_give(b, up->val[at]);
            entry_remove(up, at);
        } else if (at + 1 < up->cnt && n->cnt + b->node[up->val[at + 1]].cnt <= NODE_MERGE) {
            children_merge(b, up, at);
        } else if (at > 0 && n->cnt + b->node[up->val[at - 1]].cnt <= NODE_MERGE) {
            children_merge(b, up, at - 1);
        } else {
            break;
        }
    }
    while (*root != OCT_BOOK_NONE) {
        struct oct_book_node *r = &b->node[*root];
        if (r->cnt == 0) {
            node_give(b, *root);
            *root = OCT_BOOK_NONE;
        } else if (r->height != 0 && r->cnt == 1) {
            uint32_t only = r->val[0];
            node_give(b, *root);
            *root = only;
        } else {
            break;
        }
    }
}

void oct_book_tree_remove(struct oct_books *b, uint32_t *root, uint32_t key)
{
    struct path p = {.depth = 0};
    OCT_ASSERT(*root != OCT_BOOK_NONE);
    p.node[0] = *root;
    const struct oct_book_node *n = &b->node[*root];
    while (n->height != 0) {
        p.idx[p.depth] = child_of(n, key);
        p.node[p.depth + 1] = n->val[p.idx[p.depth]];
        n = &b->node[p.node[++p.depth]];
    }
    p.idx[p.depth] = lower_bound(n, key);
    OCT_ASSERT(p.idx[p.depth] < n->cnt && n->key[p.idx[p.depth]] == key);
    path_remove(b, root, &p);
}

struct oct_book_entry oct_book_tree_pop(struct oct_books *b, uint32_t *root)
{
    struct path p = {.depth = 0};
    OCT_ASSERT(*root != OCT_BOOK_NONE);
    p.node[0] = *root;
    const struct oct_book_node *n = &b->node[*root];
    while (n->height != 0) {
        p.idx[p.depth] = n->cnt - 1u;
        p.node[p.depth + 1] = n->val[n->cnt - 1];
        n = &b->node[p.node[++p.depth]];
    }
    uint32_t last = p.idx[p.depth] = n->cnt - 1u;
    struct oct_book_entry e = {n->key[last], n->val[last], n->sum[last]};
    path_remove(b, root, &p);
    return e;
}

void oct_book_tree_free(struct oct_books *b, uint32_t *root)
{
    if (*root == OCT_BOOK_NONE)
        return;
    struct oct_book_node *n = &b->node[*root];
    if (n->height != 0) {
        for (uint32_t i = 0; i < n->cnt; i++)
            oct_book_tree_free(b, &n->val[i]);
    }
    node_give(b, *root);
    *root = OCT_BOOK_NONE;
}

bool oct_book_tree_walk(const struct oct_books *b, uint32_t root, uint32_t owner,
                        oct_book_level_fn *visit, void *ctx)
{
    if (root == OCT_BOOK_NONE)
        return true;
    const struct oct_book_node *n = &b->node[root];
    for (uint32_t i = n->cnt; i-- > 0;) {
        struct oct_book_entry e = {n->key[i], n->val[i], n->sum[i]};
        bool on = n->height != 0 ? oct_book_tree_walk(b, n->val[i], owner, visit, ctx)
                                 : visit(ctx, owner, &e);
        if (!on)
            return false;
    }
    return true;
}
