/* DPDK's ring, one producer and one consumer, elements of 64 bytes, on memory of our own and without
 * its environment layer. */
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "bench/queue/kind.h"

#define WORD_CNT 8u

struct rte_end {
    struct rte_ring *r;
};

static size_t rte_footprint(uint32_t depth)
{
    ssize_t sz = rte_ring_get_memsize_elem(WORD_CNT * 8, depth);

    return sz > 0 ? (size_t)sz : 0;
}

static int rte_init(void *mem, uint32_t depth)
{
    return rte_ring_init(mem, "bench", depth, RING_F_SP_ENQ | RING_F_SC_DEQ);
}

OCT_INLINE void rte_open(struct rte_end *e, void *mem)
{
    e->r = mem;
}

OCT_INLINE bool rte_put(struct rte_end *e, uint64_t n)
{
    uint64_t w[WORD_CNT] = {n};

    for (uint32_t i = 1; i < WORD_CNT; i++)
        w[i] = oct_queue_word(n, i);
    return rte_ring_sp_enqueue_elem(e->r, w, sizeof w) == 0;
}

OCT_INLINE bool rte_take(struct rte_end *e, uint64_t n, uint64_t *bad)
{
    uint64_t w[WORD_CNT];

    if (rte_ring_sc_dequeue_elem(e->r, w, sizeof w) != 0)
        return false;
    for (uint32_t i = 1; i < WORD_CNT; i++)
        *bad |= w[i] ^ oct_queue_word(n, i);
    *bad |= w[0] ^ n;
    return true;
}

#define Q(x) rte_##x
#include "bench/queue/loops.h"

static const struct oct_queue_kind rte_kind = {"rte_ring", rte_footprint, rte_init,   rte_ping,
                                               rte_pong,   rte_give,      rte_collect};

const struct oct_queue_kind *oct_queue_rte(void)
{
    return &rte_kind;
}
