#include "agents/strategy/fusion.h"

#include "dataplane/msg/msg.h"

void oct_fuse(const struct oct_vote *votes, uint32_t cnt, struct oct_fusion *out)
{
    double total = 0, agree = 0, sure = 0;

    out->score = 0;
    out->confidence = 0;
    out->cnt = 0;
    out->pad = 0;
    for (uint32_t i = 0; i < OCT_FUSION_MAX; i++) {
        out->strategy[i] = OCT_STRATEGY_NONE;
        out->weight[i] = 0;
        out->signal[i] = 0;
    }
    for (uint32_t i = 0; i < cnt && out->cnt < OCT_FUSION_MAX; i++) {
        double w = votes[i].weight * votes[i].confidence;
        if (!(w > 0))
            continue;
        out->strategy[out->cnt] = votes[i].strategy;
        out->signal[out->cnt] = votes[i].signal;
        out->weight[out->cnt] = w;
        /* Until the weights are known this is the sum of w x confidence. */
        sure += w * votes[i].confidence;
        total += w;
        out->cnt++;
    }
    if (out->cnt == 0)
        return;
    for (uint32_t i = 0; i < out->cnt; i++) {
        out->weight[i] /= total;
        out->score += out->weight[i] * out->signal[i];
    }
    for (uint32_t i = 0; i < out->cnt; i++)
        agree += out->signal[i] * out->score > 0 ? out->weight[i] : 0;
    out->confidence = sure / total + 0.2 * agree;
    out->confidence = out->confidence < 0.05   ? 0.05
                      : out->confidence > 0.95 ? 0.95
                                               : out->confidence;
}
