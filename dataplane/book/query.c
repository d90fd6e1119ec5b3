#include "dataplane/base/hash.h"
#include "dataplane/book/book_priv.h"

/* Reading: best, depth, queue, digest. */

static void level_copy(const struct oct_books *b, uint32_t level, struct oct_level *out)
{
    const struct oct_book_lvl *l = &b->lvl[level];
    struct oct_book_cell c = oct_book_side_cell(b, l->owner, level);
    *out = (struct oct_level){
        .px = {oct_book_key(l->owner & 1, l->key)}, .qty = {*c.qty}, .order_cnt = *c.cnt};
}

/* False when there is no such side. */
static bool owner_of(const struct oct_books *b, uint32_t inst, enum oct_side side, uint32_t *owner)
{
    *owner = 2 * inst + (uint32_t)side;
    return inst < b->inst_cnt && (uint32_t)side <= OCT_SELL;
}

bool oct_book_best(const struct oct_books *b, uint32_t inst, enum oct_side side,
                   struct oct_level *out)
{
    uint32_t owner;
    if (!owner_of(b, inst, side, &owner) || b->side[owner].top_cnt == 0)
        return false;
    const struct oct_book_eight *e = &b->side[owner].lo;
    *out = (struct oct_level){.px = {oct_book_key((uint32_t)side, e->key[0])},
                              .qty = {e->qty[0]},
                              .order_cnt = e->cnt[0]};
    return true;
}

struct depth_ctx {
    const struct oct_books *b;
    struct oct_level *out;
    uint32_t n;
    uint32_t cnt;
};

static bool depth_visit(void *ctx, uint32_t level)
{
    struct depth_ctx *c = ctx;
    if (c->cnt == c->n)
        return false;
    level_copy(c->b, level, &c->out[c->cnt++]);
    return true;
}

uint32_t oct_book_depth(const struct oct_books *b, uint32_t inst, enum oct_side side,
                        struct oct_level *out, uint32_t n)
{
    uint32_t owner;
    if (!owner_of(b, inst, side, &owner))
        return 0;
    struct depth_ctx c = {.b = b, .out = out, .n = n};
    oct_book_side_walk(b, owner, depth_visit, &c);
    return c.cnt;
}

uint32_t oct_book_level_cnt(const struct oct_books *b, uint32_t inst, enum oct_side side)
{
    uint32_t owner;
    return owner_of(b, inst, side, &owner) ? b->side[owner].top_cnt + b->side[owner].deep_cnt : 0;
}

bool oct_book_incomplete(const struct oct_books *b, uint32_t inst)
{
    return inst < b->inst_cnt && b->side[2 * inst].incomplete != 0;
}

static void order_copy(const struct oct_books *b, uint32_t slot, struct oct_book_order *out)
{
    const struct oct_book_slot *s = &b->slot[slot];
    const struct oct_book_lvl *l = &b->lvl[s->level];
    *out = (struct oct_book_order){.ref = s->ref,
                                   .inst = l->owner >> 1,
                                   .side = (uint8_t)(l->owner & 1),
                                   .px = {oct_book_key(l->owner & 1, l->key)},
                                   .qty = {s->qty}};
}

bool oct_book_order(const struct oct_books *b, uint64_t ref, struct oct_book_order *out)
{
    uint32_t slot = oct_book_find(b, ref, oct_book_home(b, ref));
    if (slot == OCT_BOOK_NONE)
        return false;
    order_copy(b, slot, out);
    return true;
}

bool oct_book_queue_walk(const struct oct_books *b, uint32_t level, oct_book_visit_fn *visit,
                         void *ctx)
{
    uint32_t tail = *oct_book_side_cell(b, b->lvl[level].owner, level).tail, at = tail;
    while (b->slot[at].prev != OCT_BOOK_NONE)
        at = b->slot[at].prev;
    for (uint32_t next; at != OCT_BOOK_NONE; at = next) {
        next = at == tail ? OCT_BOOK_NONE : b->slot[at].next;
        if (!visit(ctx, at))
            return false;
    }
    return true;
}

struct queue_ctx {
    const struct oct_books *b;
    struct oct_book_order *out;
    uint32_t n;
    uint32_t cnt;
};

static bool queue_visit(void *ctx, uint32_t slot)
{
    struct queue_ctx *c = ctx;
    if (c->cnt == c->n)
        return false;
    order_copy(c->b, slot, &c->out[c->cnt++]);
    return true;
}

uint32_t oct_book_queue(const struct oct_books *b, uint32_t inst, enum oct_side side, oct_px px,
                        struct oct_book_order *out, uint32_t n)
{
    uint32_t owner;
    if (!owner_of(b, inst, side, &owner) || px.v <= 0)
        return 0;
    uint32_t level = oct_book_side_find(b, owner, oct_book_key((uint32_t)side, px.v));
    if (level == OCT_BOOK_NONE)
        return 0;
    struct queue_ctx c = {.b = b, .out = out, .n = n};
    oct_book_queue_walk(b, level, queue_visit, &c);
    return c.cnt;
}

uint32_t oct_books_order_cnt(const struct oct_books *b)
{
    return b->order_cnt;
}

uint32_t oct_books_level_cnt(const struct oct_books *b)
{
    return b->level_cnt;
}

uint32_t oct_books_stash_cnt(const struct oct_books *b)
{
    return b->stash_cnt;
}

struct digest_ctx {
    const struct oct_books *b;
    uint64_t h;
};

static void digest_word(struct digest_ctx *c, uint64_t w)
{
    c->h = oct_mix64(c->h ^ w) + UINT64_C(0x9e3779b97f4a7c15);
}

static bool digest_order(void *ctx, uint32_t slot)
{
    struct digest_ctx *c = ctx;
    digest_word(c, c->b->slot[slot].ref);
    digest_word(c, (uint64_t)c->b->slot[slot].qty);
    return true;
}

static bool digest_level(void *ctx, uint32_t level)
{
    struct digest_ctx *c = ctx;
    const struct oct_book_lvl *l = &c->b->lvl[level];
    digest_word(c, (uint64_t)l->key);
    digest_word(c, *oct_book_side_cell(c->b, l->owner, level).cnt);
    return oct_book_queue_walk(c->b, level, digest_order, ctx);
}

static void digest_inst(struct digest_ctx *c, uint32_t inst)
{
    const struct oct_book_side *s = &c->b->side[2 * inst];
    digest_word(c, inst);
    digest_word(c, s[0].incomplete);
    for (uint32_t i = 0; i < 2; i++) {
        digest_word(c, (uint64_t)s[i].top_cnt + s[i].deep_cnt);
        oct_book_side_walk(c->b, 2 * inst + i, digest_level, c);
    }
}

uint64_t oct_books_digest(const struct oct_books *b, uint32_t inst)
{
    struct digest_ctx c = {.b = b};
    if (inst != UINT32_MAX) {
        if (inst < b->inst_cnt)
            digest_inst(&c, inst);
        return c.h;
    }
    for (uint32_t i = 0; i < b->inst_cnt; i++) {
        if ((b->side[2 * i].top_cnt | b->side[2 * i + 1].top_cnt | b->side[2 * i].incomplete) != 0)
            digest_inst(&c, i);
    }
    return c.h;
}
