/* Marks: which recorded orders stand ahead of ours, and how much of each is ours already. */
#include "dataplane/match/match_priv.h"

uint32_t match_mark_find(const struct oct_match *m, uint64_t ref)
{
    return m->mark_pool.used ? map_get(&m->by_ref, ref) : NONE;
}

uint32_t match_mark_get(struct oct_match *m, uint64_t ref)
{
    uint32_t idx = map_get(&m->by_ref, ref);
    if (idx != NONE)
        return idx;
    idx = m->mark_pool.free;
    if (idx == NONE)
        return NONE;
    m->mark_pool.free = m->mark[idx].next;
    m->mark_pool.used++;
    m->mark[idx] = (struct mark){.ref = ref, .level = NONE, .prev = NONE, .next = NONE};
    map_put(&m->by_ref, ref, idx);
    return idx;
}

static void leave(struct oct_match *m, uint32_t idx)
{
    struct mark *k = &m->mark[idx];
    if (k->level == NONE)
        return;
    if (k->prev == NONE)
        m->level[k->level].mark = k->next;
    else
        m->mark[k->prev].next = k->next;
    if (k->next != NONE)
        m->mark[k->next].prev = k->prev;
    k->level = k->prev = k->next = NONE;
    k->stamp = 0;
}

void match_mark_free(struct oct_match *m, uint32_t idx)
{
    leave(m, idx);
    map_del(&m->by_ref, m->mark[idx].ref);
    m->mark[idx].next = m->mark_pool.free;
    m->mark_pool.free = idx;
    m->mark_pool.used--;
}

void match_mark_join(struct oct_match *m, uint32_t idx, uint32_t level, uint64_t stamp)
{
    struct mark *k = &m->mark[idx];
    OCT_ASSERT(k->level == NONE);
    k->level = level;
    k->stamp = stamp;
    k->prev = NONE;
    k->next = m->level[level].mark;
    if (k->next != NONE)
        m->mark[k->next].prev = idx;
    m->level[level].mark = idx;
}

void match_level_unmark(struct oct_match *m, uint32_t level)
{
    for (uint32_t i = m->level[level].mark, next; i != NONE; i = next) {
        next = m->mark[i].next;
        if (m->mark[i].taken == 0)
            match_mark_free(m, i);
        else
            leave(m, i);
    }
}

int64_t match_taken(const struct oct_match *m, uint64_t ref)
{
    uint32_t idx = match_mark_find(m, ref);
    return idx == NONE ? 0 : m->mark[idx].taken;
}
