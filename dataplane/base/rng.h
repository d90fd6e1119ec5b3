/* rng.h - seeded random numbers (xoshiro256**, seeded by splitmix64), the same on every build. */
#ifndef OCT_BASE_RNG_H
#define OCT_BASE_RNG_H

#include "dataplane/base/attr.h"

struct oct_rng {
    uint64_t s[4];
};

void oct_rng_init(struct oct_rng *r, uint64_t seed);

OCT_INLINE uint64_t oct_rng_u64(struct oct_rng *r)
{
    uint64_t *s = r->s;
    uint64_t x = s[1] * 5;
    uint64_t out = ((x << 7) | (x >> 57)) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return out;
}

/* Uniform in [0, n); n > 0. */
OCT_INLINE uint64_t oct_rng_below(struct oct_rng *r, uint64_t n)
{
    return (uint64_t)(((unsigned __int128)oct_rng_u64(r) * n) >> 64);
}

/* Uniform in [0, 1). */
OCT_INLINE double oct_rng_f64(struct oct_rng *r)
{
    return (double)(oct_rng_u64(r) >> 11) * 0x1.0p-53;
}

#endif
