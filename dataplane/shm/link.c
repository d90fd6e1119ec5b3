#include "dataplane/shm/link.h"

#include <errno.h>
#include <string.h>

#include "dataplane/shm/slot.h"

#define LINK_MAGIC     UINT64_C(0x314b4e494c54434f)
#define LINK_VERSION   1u
#define LINK_DEPTH_MIN 16u
#define LINK_DEPTH_MAX (1u << 20)

static bool depth_ok(uint32_t depth)
{
    return oct_is_pow2(depth) && depth >= LINK_DEPTH_MIN && depth <= LINK_DEPTH_MAX;
}

size_t oct_link_footprint(uint32_t depth)
{
    return depth_ok(depth) ? sizeof(struct oct_link_shm) + (size_t)depth * OCT_SLOT_SZ : 0;
}

int oct_link_new(struct oct_link *link, void *mem, uint32_t depth)
{
    struct oct_link_shm *shm = mem;
    size_t sz = oct_link_footprint(depth);

    if (mem == NULL || sz == 0)
        return -EINVAL;
    OCT_ASSERT((uintptr_t)mem % OCT_BLOCK_SZ == 0);
    memset(mem, 0, sz);
    shm->version = LINK_VERSION;
    shm->depth = depth;
    shm->magic = LINK_MAGIC;
    *link = (struct oct_link){.shm = shm, .mask = depth - 1};
    return 0;
}

int oct_link_join(struct oct_link *link, void *mem, size_t sz, enum oct_link_end end)
{
    struct oct_link_shm *shm = mem;

    if (mem == NULL || (uintptr_t)mem % 64 != 0 || sz < sizeof *shm)
        return -EBADMSG;
    uint32_t depth = shm->depth;
    if (shm->magic != LINK_MAGIC || shm->version != LINK_VERSION || !depth_ok(depth) ||
        oct_link_footprint(depth) > sz)
        return -EBADMSG;
    uint64_t head = atomic_load_explicit(&shm->head, memory_order_acquire);
    uint64_t tail = atomic_load_explicit(&shm->tail, memory_order_acquire);
    /* The last publisher may have died between a record and its head, after which the poller is
     * ahead of it: the poller's word counts.  The same for a head that no poller could see. */
    if (end == OCT_LINK_PUBLISHER && head - tail > depth)
        head = tail;
    *link = (struct oct_link){.shm = shm,
                              .mask = depth - 1,
                              .pos = end == OCT_LINK_PUBLISHER ? head : tail,
                              .peer = tail};
    return 0;
}

int oct_link_publish(struct oct_link *link, const struct oct_msg_hdr *m)
{
    struct oct_link_shm *shm = link->shm;
    const uint64_t *words = (const uint64_t *)(const void *)m;

    OCT_ASSERT(oct_slot_msg_sz_ok(m->sz));
    uint32_t word_cnt = m->sz / 8u, slot_cnt = oct_slot_cnt(m->sz);
    uint64_t pos = link->pos;
    if (pos + slot_cnt - link->peer > link->mask + 1) {
        /* pairs with the poller's store: its reads are over before we overwrite */
        uint64_t tail = atomic_load_explicit(&shm->tail, memory_order_acquire);
        /* A tail that is behind the last one or ahead of us is no tail: the link stays full. */
        if (pos - tail > link->mask + 1 || tail - link->peer > link->mask + 1)
            return -ENOBUFS;
        link->peer = tail;
        if (pos + slot_cnt - tail > link->mask + 1)
            return -ENOBUFS;
    }
    for (uint32_t k = slot_cnt; k-- > 0;) {
        uint32_t at = k * OCT_SLOT_WORD_CNT, left = word_cnt - at;
        oct_slot_put(&shm->slot[(pos + k) & link->mask], pos + k, words + at,
                     left < OCT_SLOT_WORD_CNT ? left : OCT_SLOT_WORD_CNT);
    }
    link->pos = pos + slot_cnt;
    atomic_store_explicit(&shm->head, link->pos, memory_order_release); /* pairs with skip */
    return 0;
}

/* Gives up what is there: on to the publisher's head if that is believable, else one slot. */
static OCT_COLD int skip(struct oct_link *link)
{
    /* pairs with oct_link_publish */
    uint64_t head = atomic_load_explicit(&link->shm->head, memory_order_acquire);
    uint64_t ahead = head - link->pos;

    link->pos += ahead > 0 && ahead <= link->mask + 1 ? ahead : 1;
    atomic_store_explicit(&link->shm->tail, link->pos, memory_order_release);
    return -EBADMSG;
}

int oct_link_poll(struct oct_link *link, void *buf)
{
    struct oct_link_shm *shm = link->shm;
    uint64_t *words = buf, pos = link->pos;

    if (!oct_slot_get(&shm->slot[pos & link->mask], pos, words, OCT_SLOT_WORD_CNT))
        return 0;
    uint32_t sz = oct_slot_msg_sz(words[0]);
    if (oct_unlikely(!oct_slot_msg_sz_ok(sz)))
        return skip(link);
    uint32_t left = sz / 8, slot_cnt = oct_slot_cnt(sz);
    if (oct_unlikely(slot_cnt > link->mask + 1))
        return skip(link);
    for (uint32_t k = 1; k < slot_cnt; k++) {
        left -= OCT_SLOT_WORD_CNT;
        if (!oct_slot_get(&shm->slot[(pos + k) & link->mask], pos + k,
                          words + k * OCT_SLOT_WORD_CNT,
                          left < OCT_SLOT_WORD_CNT ? left : OCT_SLOT_WORD_CNT))
            return skip(link);
    }
    link->pos = pos + slot_cnt;
    /* pairs with oct_link_publish: the copy is done */
    atomic_store_explicit(&shm->tail, link->pos, memory_order_release);
    return 1;
}
