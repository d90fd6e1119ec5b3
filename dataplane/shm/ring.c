#include "dataplane/shm/ring.h"

#include <string.h>

#include "dataplane/shm/ring_inl.h"

#define RING_MAGIC     UINT64_C(0x31474e4952544f43)
#define RING_VERSION   1u
#define RING_DEPTH_MIN 16u
#define RING_DEPTH_MAX (1u << 26)
#define WORD_MAX       (OCT_MSG_SZ_MAX / 8)

static bool depth_ok(uint32_t depth)
{
    return oct_is_pow2(depth) && depth >= RING_DEPTH_MIN && depth <= RING_DEPTH_MAX;
}

size_t oct_ring_footprint(uint32_t depth)
{
    return depth_ok(depth) ? sizeof(struct oct_ring) + (size_t)depth * OCT_SLOT_SZ : 0;
}

struct oct_ring *oct_ring_new(void *mem, uint32_t depth)
{
    struct oct_ring *ring = mem;
    size_t sz = oct_ring_footprint(depth);

    if (mem == NULL || sz == 0)
        return NULL;
    OCT_ASSERT((uintptr_t)mem % OCT_BLOCK_SZ == 0);
    memset(mem, 0, sz);
    ring->version = RING_VERSION;
    ring->depth = depth;
    ring->magic = RING_MAGIC;
    return ring;
}

struct oct_ring *oct_ring_join(void *mem, size_t sz)
{
    struct oct_ring *ring = mem;

    if (mem == NULL || (uintptr_t)mem % 64 != 0 || sz < sizeof *ring)
        return NULL;
    uint32_t depth = ring->depth;
    if (ring->magic != RING_MAGIC || ring->version != RING_VERSION || !depth_ok(depth) ||
        oct_ring_footprint(depth) > sz)
        return NULL;
    return ring;
}

void oct_ring_mark_start(struct oct_ring *ring, uint64_t pos)
{
    uint64_t idx = pos / (ring->depth / OCT_RING_MARK_CNT) % OCT_RING_MARK_CNT;

    atomic_store_explicit(&ring->start[idx], pos, memory_order_release); /* pairs with find_start */
}

uint64_t oct_ring_publish(struct oct_ring *ring, const struct oct_msg_hdr *m)
{
    OCT_ASSERT(oct_slot_msg_sz_ok(m->sz));
    return oct_ring_put(ring, (const uint64_t *)(const void *)m, m->sz / 8);
}

uint64_t oct_ring_publish2(struct oct_ring *ring, const struct oct_msg_hdr *m, uint32_t head_sz,
                           const uint8_t *data, uint32_t data_sz)
{
    uint64_t words[WORD_MAX];
    uint32_t sz = head_sz + (uint32_t)oct_align_up(data_sz, 8);

    OCT_ASSERT(head_sz >= sizeof *m && head_sz % 8 == 0 && data_sz <= OCT_MSG_SZ_MAX &&
               sz <= OCT_MSG_SZ_MAX && m->sz == sz);
    if (head_sz == OCT_SLOT_DATA_SZ && data_sz != 0)
        return oct_ring_put_data(ring, (const uint64_t *)(const void *)m, data, data_sz);
    memcpy(words, m, head_sz);
    words[sz / 8 - 1] = 0; /* the padding; the fixed part, or data, covers the rest */
    if (data_sz == 0)
        return oct_ring_put(ring, (const uint64_t *)(const void *)m, sz / 8);
    memcpy((uint8_t *)words + head_sz, data, data_sz);
    return oct_ring_put(ring, words, sz / 8);
}

/* The oldest record start at or after least that the marks know; else the head. */
static OCT_COLD uint64_t find_start(const struct oct_ring *ring, uint64_t head, uint64_t least)
{
    uint64_t best = head;

    for (uint32_t i = 0; i < OCT_RING_MARK_CNT; i++) {
        /* pairs with oct_ring_mark_start */
        uint64_t at = atomic_load_explicit(&ring->start[i], memory_order_acquire);
        if (at >= least && at < best)
            best = at;
    }
    return best;
}

void oct_ring_reader_init(struct oct_ring_reader *r, const struct oct_ring *ring, bool from_start)
{
    /* pairs with oct_ring_put */
    uint64_t head = atomic_load_explicit(&ring->head, memory_order_acquire);
    uint32_t depth = ring->depth;

    OCT_ASSERT(depth_ok(depth));
    *r = (struct oct_ring_reader){.ring = ring, .mask = depth - 1, .pos = head};
    if (from_start) {
        uint64_t keep = depth - depth / OCT_RING_MARK_CNT;
        r->pos = head <= keep ? 0 : find_start(ring, head, head - keep);
    }
}

enum oct_ring_read oct_ring_resync(struct oct_ring_reader *r)
{
    /* pairs with oct_ring_put */
    uint64_t head = atomic_load_explicit(&r->ring->head, memory_order_acquire);
    uint64_t half = (r->mask + 1) / 2;
    uint64_t least = head > half ? head - half : 0;
    uint64_t to = find_start(r->ring, head, least > r->pos ? least : r->pos + 1);

    /* A hostile writer may offer nothing ahead: go on one slot, so that there is an end to it. */
    if (to <= r->pos)
        to = r->pos + 1;
    r->lapped += to - r->pos;
    r->pos = to;
    return OCT_RING_LAPPED;
}

enum oct_ring_read oct_ring_read(struct oct_ring_reader *r, void *buf)
{
    return oct_ring_take(r, buf);
}
