/* slot.h - writing and reading one slot of a ring or a link.
 *
 * Words are stored with release and loaded with acquire: a reader that meets a word of a newer
 * record then also meets the newer sequence number, and throws its copy away.  On x86-64 both are
 * plain moves, and no fence is needed (ThreadSanitizer does not understand fences). */
#ifndef OCT_SHM_SLOT_H
#define OCT_SHM_SLOT_H

#include <stdatomic.h>

#include "dataplane/msg/msg.h"

/* seq of the slot at position p (0-based) is p + 1 once written, OCT_SLOT_BUSY while it is being
 * written.  Words hold a slice of the record.  The slots of a record are written last to first, so
 * that a reader which sees the first one finds the others written. */
struct oct_slot {
    _Atomic uint64_t seq;
    _Atomic uint64_t word[7];
};
_Static_assert(sizeof(struct oct_slot) == OCT_SLOT_SZ, "slot");
#define OCT_SLOT_BUSY UINT64_MAX

#define OCT_SLOT_WORD_CNT (OCT_SLOT_DATA_SZ / 8)

/* Slots that a record of sz bytes takes. */
OCT_INLINE uint32_t oct_slot_cnt(uint32_t sz)
{
    return (sz + OCT_SLOT_DATA_SZ - 1) / OCT_SLOT_DATA_SZ;
}

/* hdr.sz, from the first word of a record.  Not by copying the header out: a load wider than the
 * stores before it waits for them to reach the cache. */
OCT_INLINE uint32_t oct_slot_msg_sz(uint64_t word0)
{
    return (uint16_t)(word0 >> (8 * offsetof(struct oct_msg_hdr, sz)));
}

/* A size that a record header may have. */
OCT_INLINE bool oct_slot_msg_sz_ok(uint32_t sz)
{
    return sz >= sizeof(struct oct_msg_hdr) && sz <= OCT_MSG_SZ_MAX && sz % 8 == 0;
}

/* Writes word_cnt (1 to 7) words at position pos.  Unused words of the slot repeat the last one: that
 * way there is no loop and no branch on the size, which mixed records would mispredict. */
OCT_INLINE void oct_slot_put(struct oct_slot *s, uint64_t pos, const uint64_t *word,
                             uint32_t word_cnt)
{
    uint64_t last = word_cnt - 1;

    atomic_store_explicit(&s->seq, OCT_SLOT_BUSY, memory_order_relaxed);
#pragma GCC unroll 7
    for (uint64_t i = 0; i < OCT_SLOT_WORD_CNT; i++) /* each pairs with the loads in oct_slot_get */
        atomic_store_explicit(&s->word[i], word[i < last ? i : last], memory_order_release);
    /* pairs with readers' first load */
    atomic_store_explicit(&s->seq, pos + 1, memory_order_release);
}

/* Copies word_cnt words of the slot and tells whether it held position pos all the while. */
OCT_INLINE bool oct_slot_get(const struct oct_slot *s, uint64_t pos, uint64_t *word,
                             uint32_t word_cnt)
{
    /* pairs with the last store in oct_slot_put */
    if (atomic_load_explicit(&s->seq, memory_order_acquire) != pos + 1)
        return false;
#pragma GCC unroll 7
    for (uint32_t i = 0; i < word_cnt; i++) /* each pairs with the stores in oct_slot_put */
        word[i] = atomic_load_explicit(&s->word[i], memory_order_acquire);
    return atomic_load_explicit(&s->seq, memory_order_relaxed) == pos + 1;
}

#endif
