#include "dataplane/port/timer.h"

#include "dataplane/base/hash.h"

struct timer_ent {
    int64_t deadline_ns;
    uint64_t id;
    uint32_t slot; /* where the index has it */
    uint32_t pad;
};

/* An open-addressed index by id, linear probing, never more than half full. */
struct timer_slot {
    uint64_t id;
    uint32_t pos1; /* heap position plus 1; 0 is an empty slot */
    uint32_t pad;
};

struct oct_timers {
    struct timer_ent *heap;
    struct timer_slot *slot;
    uint32_t cnt;
    uint32_t max_cnt;
    uint64_t slot_mask;
    uint64_t digest; /* sum over armed timers: free of the heap's order */
};

static uint64_t slot_cnt(uint32_t max_cnt)
{
    uint64_t n = 16;

    while (n < 2 * (uint64_t)max_cnt)
        n *= 2;
    return n;
}

size_t oct_timers_footprint(uint32_t max_cnt)
{
    return oct_align_up(sizeof(struct oct_timers), OCT_BLOCK_SZ) +
           oct_align_up(max_cnt * sizeof(struct timer_ent), OCT_BLOCK_SZ) +
           slot_cnt(max_cnt) * sizeof(struct timer_slot);
}

struct oct_timers *oct_timers_new(void *mem, uint32_t max_cnt)
{
    struct oct_timers *t = mem;
    uint8_t *p = mem;

    if (mem == NULL || max_cnt == 0)
        return NULL;
    p += oct_align_up(sizeof *t, OCT_BLOCK_SZ);
    t->heap = (struct timer_ent *)p;
    p += oct_align_up(max_cnt * sizeof(struct timer_ent), OCT_BLOCK_SZ);
    t->slot = (struct timer_slot *)p;
    t->cnt = 0;
    t->max_cnt = max_cnt;
    t->slot_mask = slot_cnt(max_cnt) - 1;
    t->digest = 0;
    for (uint64_t i = 0; i <= t->slot_mask; i++)
        t->slot[i] = (struct timer_slot){0};
    return t;
}

static uint64_t ent_digest(const struct timer_ent *e)
{
    return oct_mix64(oct_mix64(e->id) ^ (uint64_t)e->deadline_ns);
}

static bool before(const struct timer_ent *a, const struct timer_ent *b)
{
    return a->deadline_ns != b->deadline_ns ? a->deadline_ns < b->deadline_ns : a->id < b->id;
}

/* The slot that holds id, or the empty one where it would go. */
static uint64_t find_slot(const struct oct_timers *t, uint64_t id)
{
    uint64_t i = oct_mix64(id) & t->slot_mask;

    while (t->slot[i].pos1 != 0 && t->slot[i].id != id)
        i = (i + 1) & t->slot_mask;
    return i;
}

static void place(struct oct_timers *t, uint32_t pos, struct timer_ent e)
{
    t->heap[pos] = e;
    t->slot[e.slot].pos1 = pos + 1;
}

static void sift_up(struct oct_timers *t, uint32_t pos, struct timer_ent e)
{
    while (pos > 0 && before(&e, &t->heap[(pos - 1) / 2])) {
        place(t, pos, t->heap[(pos - 1) / 2]);
        pos = (pos - 1) / 2;
    }
    place(t, pos, e);
}

static void sift_down(struct oct_timers *t, uint32_t pos, struct timer_ent e)
{
    for (;;) {
        uint32_t kid = 2 * pos + 1;
        if (kid >= t->cnt)
            break;
        if (kid + 1 < t->cnt && before(&t->heap[kid + 1], &t->heap[kid]))
            kid++;
        if (!before(&t->heap[kid], &e))
            break;
        place(t, pos, t->heap[kid]);
        pos = kid;
    }
    place(t, pos, e);
}

static void settle(struct oct_timers *t, uint32_t pos, struct timer_ent e)
{
    if (pos > 0 && before(&e, &t->heap[(pos - 1) / 2]))
        sift_up(t, pos, e);
    else
        sift_down(t, pos, e);
}

/* Empties a slot and moves later ones of its run back, so that probing never meets a hole. */
static void drop_slot(struct oct_timers *t, uint64_t hole)
{
    uint64_t i = hole;

    for (;;) {
        i = (i + 1) & t->slot_mask;
        if (t->slot[i].pos1 == 0)
            break;
        uint64_t home = oct_mix64(t->slot[i].id) & t->slot_mask;
        if (((i - home) & t->slot_mask) < ((i - hole) & t->slot_mask))
            continue;
        t->slot[hole] = t->slot[i];
        t->heap[t->slot[hole].pos1 - 1].slot = (uint32_t)hole;
        hole = i;
    }
    t->slot[hole].pos1 = 0;
}

static void remove_at(struct oct_timers *t, uint32_t pos)
{
    OCT_ASSERT(pos < t->cnt);
    t->digest -= ent_digest(&t->heap[pos]);
    drop_slot(t, t->heap[pos].slot);
    struct timer_ent last = t->heap[--t->cnt];
    if (pos < t->cnt)
        settle(t, pos, last);
}

bool oct_timer_arm(struct oct_timers *t, uint64_t id, int64_t deadline_ns)
{
    uint64_t i = find_slot(t, id);
    struct timer_ent e = {.deadline_ns = deadline_ns, .id = id, .slot = (uint32_t)i};

    if (t->slot[i].pos1 != 0) {
        uint32_t pos = t->slot[i].pos1 - 1;
        OCT_ASSERT(pos < t->cnt && t->heap[pos].id == id);
        t->digest += ent_digest(&e) - ent_digest(&t->heap[pos]);
        settle(t, pos, e);
        return true;
    }
    if (oct_unlikely(t->cnt == t->max_cnt))
        return false;
    t->slot[i].id = id;
    t->digest += ent_digest(&e);
    sift_up(t, t->cnt++, e);
    return true;
}

void oct_timer_disarm(struct oct_timers *t, uint64_t id)
{
    uint64_t i = find_slot(t, id);

    if (t->slot[i].pos1 != 0)
        remove_at(t, t->slot[i].pos1 - 1);
}

int64_t oct_timers_next(const struct oct_timers *t)
{
    return t->cnt > 0 ? t->heap[0].deadline_ns : INT64_MAX;
}

bool oct_timers_pop(struct oct_timers *t, int64_t now_ns, uint64_t *id, int64_t *deadline_ns)
{
    if (t->cnt == 0 || t->heap[0].deadline_ns > now_ns)
        return false;
    *id = t->heap[0].id;
    *deadline_ns = t->heap[0].deadline_ns;
    remove_at(t, 0);
    return true;
}

uint64_t oct_timers_digest(const struct oct_timers *t)
{
    return oct_mix64(t->digest + t->cnt);
}
