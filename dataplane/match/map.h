/* map.h - 64-bit key to 32-bit index: open addressing in the caller's memory, deletion without
 * tombstones.  Never full: its owner gives it at least twice the slots it has entries. */
#ifndef OCT_MATCH_MAP_H
#define OCT_MATCH_MAP_H

#include "dataplane/base/hash.h"

#define MAP_NONE UINT32_MAX

struct map_slot {
    uint64_t key;
    uint32_t idx; /* MAP_NONE: empty */
    uint32_t pad;
};

struct map {
    struct map_slot *slot;
    uint32_t mask;
    uint32_t pad;
    uint64_t seed;
};

/* Slots for cnt entries. */
OCT_INLINE uint32_t map_slot_cnt(uint32_t cnt)
{
    uint32_t n = 16;
    while (n < cnt * 2)
        n *= 2;
    return n;
}

OCT_INLINE void map_init(struct map *m, struct map_slot *slot, uint32_t slot_cnt, uint64_t seed)
{
    OCT_ASSERT(oct_is_pow2(slot_cnt));
    *m = (struct map){slot, slot_cnt - 1, 0, seed};
    for (uint32_t i = 0; i < slot_cnt; i++)
        slot[i] = (struct map_slot){0, MAP_NONE, 0};
}

OCT_INLINE uint32_t map_home(const struct map *m, uint64_t key)
{
    return (uint32_t)oct_mix64(key ^ m->seed) & m->mask;
}

/* Where the key is, or the empty slot where it would go. */
OCT_INLINE uint32_t map_find(const struct map *m, uint64_t key)
{
    uint32_t i = map_home(m, key);
    while (m->slot[i].idx != MAP_NONE && m->slot[i].key != key)
        i = (i + 1) & m->mask;
    return i;
}

OCT_INLINE uint32_t map_get(const struct map *m, uint64_t key)
{
    return m->slot[map_find(m, key)].idx;
}

OCT_INLINE void map_put(struct map *m, uint64_t key, uint32_t idx)
{
    uint32_t i = map_find(m, key);
    OCT_ASSERT(m->slot[i].idx == MAP_NONE);
    m->slot[i] = (struct map_slot){key, idx, 0};
}

OCT_INLINE void map_del(struct map *m, uint64_t key)
{
    uint32_t hole = map_find(m, key);
    OCT_ASSERT(m->slot[hole].idx != MAP_NONE);
    for (uint32_t i = (hole + 1) & m->mask; m->slot[i].idx != MAP_NONE; i = (i + 1) & m->mask) {
        uint32_t home = map_home(m, m->slot[i].key);
        if (((i - home) & m->mask) >= ((i - hole) & m->mask)) {
            m->slot[hole] = m->slot[i];
            hole = i;
        }
    }
    m->slot[hole].idx = MAP_NONE;
}

#endif
