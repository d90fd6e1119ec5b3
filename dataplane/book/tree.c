#include "dataplane/book/book_priv.h"

/* A B-tree with links downwards only; paths are kept on the stack.  Nodes are merged when two
 * neighbours under one parent fit into one with a little room, so that together they always hold
 * more than NODE_LOW entries; books.c sizes the pool from that. */
#define NODE_LOW   10u /* below this a merge is tried */
#define NODE_MERGE 20u /* and done when the two hold at most this many */

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

/* Entries with a key below this one; the vectors are short, so that a count without branches beats
 * a binary search. */
static uint32_t lower_bound(const struct oct_book_node *n, int64_t key)
{
    uint32_t below = 0;
    for (uint32_t i = 0; i < n->cnt; i++)
        below += n->key[i] < key;
    return below;
}

static uint32_t child_of(const struct oct_book_node *n, int64_t key)
{
    uint32_t at = 0;
    for (uint32_t i = 1; i < n->cnt; i++)
        at += n->key[i] <= key;
    return at;
}

static void entry_insert(struct oct_book_node *n, uint32_t at, int64_t key, uint32_t val)
{
    for (uint32_t i = n->cnt; i > at; i--) {
        n->key[i] = n->key[i - 1];
        n->val[i] = n->val[i - 1];
    }
    n->key[at] = key;
    n->val[at] = val;
    n->cnt++;
}

static void entry_remove(struct oct_book_node *n, uint32_t at)
{
    n->cnt--;
    for (uint32_t i = at; i < n->cnt; i++) {
        n->key[i] = n->key[i + 1];
        n->val[i] = n->val[i + 1];
    }
}

uint32_t oct_book_tree_find(const struct oct_books *b, uint32_t root, int64_t key)
{
    if (root == OCT_BOOK_NONE)
        return OCT_BOOK_NONE;
    const struct oct_book_node *n = &b->node[root];
    while (n->height != 0)
        n = &b->node[n->val[child_of(n, key)]];
    uint32_t at = lower_bound(n, key);
    return at < n->cnt && n->key[at] == key ? n->val[at] : OCT_BOOK_NONE;
}

/* Splits the full child at idx of parent in two; the parent has room. */
static void child_split(struct oct_books *b, struct oct_book_node *parent, uint32_t idx)
{
    struct oct_book_node *left = &b->node[parent->val[idx]];
    uint32_t right_n = node_take(b, left->height);
    struct oct_book_node *right = &b->node[right_n];
    uint32_t keep = (OCT_BOOK_FANOUT + 1) / 2;
    for (uint32_t i = keep; i < OCT_BOOK_FANOUT; i++) {
        right->key[i - keep] = left->key[i];
        right->val[i - keep] = left->val[i];
    }
    right->cnt = (uint16_t)(OCT_BOOK_FANOUT - keep);
    left->cnt = (uint16_t)keep;
    entry_insert(parent, idx + 1, right->key[0], right_n);
}

bool oct_book_tree_insert(struct oct_books *b, uint32_t *root, int64_t key, uint32_t lvl)
{
    uint32_t height = *root == OCT_BOOK_NONE ? 0 : b->node[*root].height;
    /* The most a single insertion can take: one node a level and a new root. */
    if (b->node_cnt_max - b->node_cnt < height + 2 || height + 2 > OCT_BOOK_HEIGHT_MAX)
        return false;
    if (*root == OCT_BOOK_NONE)
        *root = node_take(b, 0);
    if (b->node[*root].cnt == OCT_BOOK_FANOUT) {
        uint32_t up = node_take(b, (uint16_t)(height + 1));
        entry_insert(&b->node[up], 0, b->node[*root].key[0], *root);
        *root = up;
        child_split(b, &b->node[up], 0);
    }
    struct oct_book_node *n = &b->node[*root];
    while (n->height != 0) {
        uint32_t at = child_of(n, key);
        if (b->node[n->val[at]].cnt == OCT_BOOK_FANOUT) {
            child_split(b, n, at);
            at = child_of(n, key);
        }
        n = &b->node[n->val[at]];
    }
    entry_insert(n, lower_bound(n, key), key, lvl);
    return true;
}

/* Moves all of the child at idx + 1 of parent to the end of the child at idx. */
static void children_merge(struct oct_books *b, struct oct_book_node *parent, uint32_t idx)
{
    struct oct_book_node *left = &b->node[parent->val[idx]];
    struct oct_book_node *right = &b->node[parent->val[idx + 1]];
    if (right->height != 0)
        right->key[0] = parent->key[idx + 1]; /* unused so far */
    for (uint32_t i = 0; i < right->cnt; i++) {
        left->key[left->cnt + i] = right->key[i];
        left->val[left->cnt + i] = right->val[i];
    }
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

void oct_book_tree_remove(struct oct_books *b, uint32_t *root, int64_t key)
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

uint32_t oct_book_tree_pop(struct oct_books *b, uint32_t *root, int64_t *key)
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
    p.idx[p.depth] = n->cnt - 1u;
    uint32_t lvl = n->val[n->cnt - 1];
    *key = n->key[n->cnt - 1];
    path_remove(b, root, &p);
    return lvl;
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

bool oct_book_tree_walk(const struct oct_books *b, uint32_t root, oct_book_visit_fn *visit,
                        void *ctx)
{
    if (root == OCT_BOOK_NONE)
        return true;
    const struct oct_book_node *n = &b->node[root];
    for (uint32_t i = n->cnt; i-- > 0;) {
        bool on =
            n->height != 0 ? oct_book_tree_walk(b, n->val[i], visit, ctx) : visit(ctx, n->val[i]);
        if (!on)
            return false;
    }
    return true;
}
