#include "dataplane/base/rng.h"

void oct_rng_init(struct oct_rng *r, uint64_t seed)
{
    for (unsigned i = 0; i < OCT_ARRAY_CNT(r->s); i++) {
        uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));
        z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
        r->s[i] = z ^ (z >> 31);
    }
}
