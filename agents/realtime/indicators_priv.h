/* indicators_priv.h - streaming indicators of one instrument; formulas in realtime.h.
 *
 * Window sums are integers, so that they never drift; what is smoothed is double. */
#ifndef OCT_REALTIME_INDICATORS_PRIV_H
#define OCT_REALTIME_INDICATORS_PRIV_H

#include "dataplane/port/view.h"

#define OCT_IND_RING 64u

struct oct_ind {
    unsigned __int128 sq20; /* sum of squares of the last 20 closes */
    uint64_t sum20;
    uint64_t sum50;
    double gain; /* Wilder's mean, or the sum while it fills */
    double loss;
    double atr;
    double signal;
    uint32_t cnt;
    uint32_t pad[3];
    int64_t close[OCT_IND_RING];
};

/* All NAN, no bars. */
void oct_ind_init(struct oct_ind *s, struct oct_features *f);
/* Asks for the closes that the next bar uses; the counter itself should be there already. */
OCT_INLINE void oct_ind_prefetch(const struct oct_ind *s)
{
    __builtin_prefetch(&s->close[s->cnt % OCT_IND_RING], 1);
    __builtin_prefetch(&s->close[(s->cnt - 10) % OCT_IND_RING]);
    __builtin_prefetch(&s->close[(s->cnt - 20) % OCT_IND_RING]);
    __builtin_prefetch(&s->close[(s->cnt - 50) % OCT_IND_RING]);
}

/* One more bar.  Sets everything in *f but vwap. */
void oct_ind_bar(struct oct_ind *s, struct oct_features *f, int64_t high, int64_t low,
                 int64_t close);

#endif
