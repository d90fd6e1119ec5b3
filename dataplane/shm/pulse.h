/* pulse.h - signs of life and the kill word. */
#ifndef OCT_SHM_PULSE_H
#define OCT_SHM_PULSE_H

#include <stdatomic.h>

#include "dataplane/base/attr.h"

/* One per thread or process that others watch; one writer. */
struct oct_pulse {
    _Atomic int64_t beat_ns; /* UTC of the last turn of its loop, at least every 100 ms */
    _Atomic uint64_t turns;  /* turns of its loop */
    _Atomic uint32_t pid;
    _Atomic uint32_t state; /* meaning by owner; for a lane enum oct_ladder_state */
    uint64_t pad[13];
};
_Static_assert(sizeof(struct oct_pulse) == 128, "one block");

/* The kill word: a region of its own, set-only.  Any holder of the file permission may set bits;
 * only a person's rearm of that scope, through the lane, clears its bit. */
struct oct_kill {
    uint64_t magic;
    uint32_t version;
    uint32_t pad0;
    _Atomic uint64_t bits;  /* OCT_KILL_ALL or OCT_KILL_ACCOUNT(n) / OCT_KILL_STRATEGY(n) */
    _Atomic uint64_t acked; /* lane: the bits it has acted on */
    uint64_t pad[12];
};
_Static_assert(sizeof(struct oct_kill) == 128, "one block");

#define OCT_KILL_ALL         UINT64_C(1)
#define OCT_KILL_STRATEGY(n) (UINT64_C(1) << (1 + (n)))  /* n in 0..30 */
#define OCT_KILL_ACCOUNT(n)  (UINT64_C(1) << (32 + (n))) /* n in 0..31 */

struct oct_kill *oct_kill_new(void *mem);
struct oct_kill *oct_kill_join(void *mem, size_t sz);

OCT_INLINE void oct_kill_set(struct oct_kill *k, uint64_t bits)
{
    atomic_fetch_or_explicit(&k->bits, bits, memory_order_release); /* pairs with oct_kill_bits */
}

OCT_INLINE uint64_t oct_kill_bits(const struct oct_kill *k)
{
    return atomic_load_explicit(&k->bits, memory_order_acquire); /* pairs with oct_kill_set */
}

#endif
