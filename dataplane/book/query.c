#include "dataplane/base/hash.h"
#include "dataplane/book/book_priv.h"

/* Reading: best, depth, queue, digest. */

static bool count_order(void *ctx, uint32_t slot)
{
    (void)slot;
    ++*(uint32_t *)ctx;
    return true;
}

static void level_copy(const struct oct_books *b, uint32_t owner, const struct oct_book_entry *e,
                       struct oct_level *out)
{
    uint64_t cnt = e->sum & OCT_BOOK_CNT_MAX;
    *out = (struct oct_level){.px = {oct_book_px(b, owner & 1, e->key)},
                              .qty = {(int64_t)((e->sum >> 16) * b->qty.unit)},
                              .order_cnt = (uint32_t)cnt};
    if (oct_unlikely(cnt == OCT_BOOK_CNT_MAX)) {
        out->order_cnt = 0;
        oct_book_queue_walk(b, e->tail, count_order, &out->order_cnt);
    }
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
    return oct_book_depth(b, inst, side, out, 1) == 1;
}

struct depth_ctx {
    const struct oct_books *b;
    struct oct_level *out;
    uint32_t n;
    uint32_t cnt;
};

static bool depth_visit(void *ctx, uint32_t owner, const struct oct_book_entry *level)
{
    struct depth_ctx *c = ctx;
    if (c->cnt == c->n)
        return false;
    level_copy(c->b, owner, level, &c->out[c->cnt++]);
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
    return owner_of(b, inst, side, &owner)
               ? oct_book_side_top_cnt(b, owner) + b->more[owner].deep_cnt
               : 0;
}

bool oct_book_incomplete(const struct oct_books *b, uint32_t inst)
{
    return inst < b->inst_cnt && b->more[2 * inst].incomplete != 0;
}

static void order_copy(const struct oct_books *b, uint32_t slot, struct oct_book_order *out)
{
    const struct oct_book_slot *s = &b->slot[slot];
    uint32_t owner = s->owner;
    *out = (struct oct_book_order){.ref = s->ref,
                                   .inst = owner >> 1,
                                   .side = (uint8_t)(owner & 1),
                                   .px = {oct_book_px(b, owner & 1, s->key)},
                                   .qty = {(int64_t)(s->qty * b->qty.unit)}};
}

bool oct_book_order(const struct oct_books *b, uint64_t ref, struct oct_book_order *out)
{
    struct oct_book_id id = oct_book_id(b, ref);
    struct oct_book_place p = oct_book_find(b, &id);
    if (p.slot == OCT_BOOK_NONE)
        return false;
    order_copy(b, p.slot, out);
    return true;
}

bool oct_book_queue_walk(const struct oct_books *b, uint32_t tail, oct_book_order_fn *visit,
                         void *ctx)
{
    uint32_t at = tail;
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
    uint64_t units = oct_book_units(&b->px, px.v);
    if (!owner_of(b, inst, side, &owner) || !oct_book_fits(&b->px, units))
        return 0;
    uint32_t key = oct_book_key((uint32_t)side, units);
    uint32_t at = oct_book_eight_at(&b->best[owner], key);
    struct oct_book_cell cell =
        at != 0 ? oct_book_eight_cell(&b->best[owner], (uint32_t)__builtin_ctz(at))
                : oct_book_side_far(b, owner, key);
    struct queue_ctx c = {.b = b, .out = out, .n = n};
    if (cell.tail != NULL)
        oct_book_queue_walk(b, *cell.tail, queue_visit, &c);
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
    digest_word(c, c->b->slot[slot].qty * c->b->qty.unit);
    return true;
}

static bool digest_level(void *ctx, uint32_t owner, const struct oct_book_entry *level)
{
    struct digest_ctx *c = ctx;
    struct oct_level l;
    level_copy(c->b, owner, level, &l);
    digest_word(c, (uint64_t)((owner & 1) == OCT_BUY ? l.px.v : -l.px.v));
    digest_word(c, l.order_cnt);
    return oct_book_queue_walk(c->b, level->tail, digest_order, ctx);
}

static void digest_inst(struct digest_ctx *c, uint32_t inst)
{
    digest_word(c, inst);
    digest_word(c, c->b->more[2 * inst].incomplete);
    for (uint32_t i = 0; i < 2; i++) {
        digest_word(c, oct_book_level_cnt(c->b, inst, (enum oct_side)i));
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
        if ((b->best[2 * i].key[0] | b->best[2 * i + 1].key[0] | b->more[2 * i].incomplete) != 0)
            digest_inst(&c, i);
    }
    return c.h;
}
