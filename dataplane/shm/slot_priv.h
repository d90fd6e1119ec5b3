/* slot_priv.h - writing and reading one slot, for ring.c and link.c.
 *
 * Words are stored with release and loaded with acquire: a reader that meets a word of a newer
 * record then also meets the newer sequence number, and throws its copy away.  On x86-64 both are
 * plain moves, and no fence is needed (ThreadSanitizer does not understand fences). */
#ifndef OCT_SHM_SLOT_PRIV_H
#define OCT_SHM_SLOT_PRIV_H

#include "dataplane/shm/ring.h"

#define OCT_SLOT_WORD_CNT (OCT_SLOT_DATA_SZ / 8)

/* Slots that a record of sz bytes takes. */
OCT_INLINE uint32_t oct_slot_cnt(uint32_t sz)
{
    return (sz + OCT_SLOT_DATA_SZ - 1) / OCT_SLOT_DATA_SZ;
}

/* A size that a record header may have. */
OCT_INLINE bool oct_slot_msg_sz_ok(uint32_t sz)
{
    return sz >= sizeof(struct oct_msg_hdr) && sz <= OCT_MSG_SZ_MAX && sz % 8 == 0;
}

/* Writes word_cnt (1 to 7) words at position pos. */
OCT_INLINE void oct_slot_put(struct oct_slot *s, uint64_t pos, const uint64_t *word,
                             uint32_t word_cnt)
{
    atomic_store_explicit(&s->seq, OCT_SLOT_BUSY, memory_order_relaxed);
    for (uint32_t i = 0; i < word_cnt; i++) /* each pairs with the loads in oct_slot_get */
        atomic_store_explicit(&s->word[i], word[i], memory_order_release);
    atomic_store_explicit(&s->seq, pos + 1,
                          memory_order_release); /* pairs with readers' first load */
}

/* Copies word_cnt words of the slot and tells whether it held position pos all the while. */
OCT_INLINE bool oct_slot_get(const struct oct_slot *s, uint64_t pos, uint64_t *word,
                             uint32_t word_cnt)
{
    /* pairs with the last store in oct_slot_put */
    if (atomic_load_explicit(&s->seq, memory_order_acquire) != pos + 1)
        return false;
    for (uint32_t i = 0; i < word_cnt; i++) /* each pairs with the stores in oct_slot_put */
        word[i] = atomic_load_explicit(&s->word[i], memory_order_acquire);
    return atomic_load_explicit(&s->seq, memory_order_relaxed) == pos + 1;
}

#endif
