/* fusion.h - several opinions become one: a weighted average that says who said what.
 *
 * Thread:  any; no state. */
#ifndef OCT_STRATEGY_FUSION_H
#define OCT_STRATEGY_FUSION_H

#include "dataplane/base/attr.h"

#define OCT_FUSION_MAX 6u /* voters an intent can record */

struct oct_vote {
    double weight; /* >= 0, before they are made to sum to 1 */
    double signal;
    double confidence;
    uint16_t strategy;
    uint8_t pad[6];
};

struct oct_fusion {
    double score;      /* sum of weight x signal, -1 to 1 */
    double confidence; /* 0.05 to 0.95 */
    uint32_t cnt;
    uint32_t pad;
    uint16_t strategy[OCT_FUSION_MAX]; /* OCT_STRATEGY_NONE beyond cnt */
    uint16_t pad1[2];
    double weight[OCT_FUSION_MAX]; /* sum to 1 when cnt > 0 */
    double signal[OCT_FUSION_MAX];
};

/* Weight of a vote is its weight times its confidence, divided by the sum of these.  Confidence is
 * the weighted mean of the votes' plus a fifth of the weight that agrees with the score's sign, kept
 * between 0.05 and 0.95.  Votes without weight do not count; beyond OCT_FUSION_MAX the first ones
 * do.  The order of votes decides nothing but the order of the sums, so give them in a fixed one. */
void oct_fuse(const struct oct_vote *votes, uint32_t cnt, struct oct_fusion *out);

#endif
