/* Fusion against values worked by hand, and its invariants on random votes. */
#include <criterion/criterion.h>
#include <math.h>

#include "agents/strategy/fusion.h"
#include "dataplane/base/rng.h"
#include "dataplane/msg/msg.h"

static struct oct_fusion out;

Test(fusion, one_vote_is_the_score)
{
    struct oct_vote v = {.weight = 3, .signal = -0.5, .confidence = 0.7, .strategy = 4};

    oct_fuse(&v, 1, &out);
    cr_expect_eq(out.cnt, 1);
    cr_expect_eq(out.strategy[0], 4);
    cr_expect_eq(out.strategy[1], OCT_STRATEGY_NONE);
    cr_expect(out.weight[0] == 1.0);
    cr_expect_float_eq(out.score, -0.5, 1e-15);
    cr_expect_float_eq(out.confidence, 0.9, 1e-15);
}

Test(fusion, weights_are_weight_times_confidence_over_their_sum)
{
    struct oct_vote v[] = {{.weight = 1, .signal = 1.0, .confidence = 0.6, .strategy = 0},
                           {.weight = 2, .signal = -0.5, .confidence = 0.7, .strategy = 2}};

    /* 0.6 and 1.4 of 2.0: score 0.3 - 0.35; 0.3 x 0.6 + 0.7 x 0.7 + 0.2 x 0.7 */
    oct_fuse(v, 2, &out);
    cr_expect_float_eq(out.weight[0], 0.3, 1e-15);
    cr_expect_float_eq(out.weight[1], 0.7, 1e-15);
    cr_expect_float_eq(out.score, -0.05, 1e-15);
    cr_expect_float_eq(out.confidence, 0.18 + 0.49 + 0.14, 1e-12);
}

Test(fusion, votes_without_weight_do_not_count)
{
    struct oct_vote v[] = {
        {.weight = 0, .signal = 1.0, .confidence = 0.6, .strategy = 0},
        {.weight = 2, .signal = 1.0, .confidence = 0.0, .strategy = 1},
        {.weight = (double)NAN, .signal = 1.0, .confidence = 0.5, .strategy = 2}};

    oct_fuse(v, 3, &out);
    cr_expect_eq(out.cnt, 0);
    cr_expect(out.score == 0 && out.confidence == 0);
    cr_expect_eq(out.strategy[0], OCT_STRATEGY_NONE);
    oct_fuse(v, 0, &out);
    cr_expect_eq(out.cnt, 0);
}

Test(fusion, confidence_stays_between_a_twentieth_and_nineteen)
{
    struct oct_vote v = {.weight = 1, .signal = 1, .confidence = 1, .strategy = 4};

    oct_fuse(&v, 1, &out);
    cr_expect(out.confidence == 0.95);
    v.confidence = 1e-6;
    v.signal = 0; /* agrees with nothing */
    oct_fuse(&v, 1, &out);
    cr_expect(out.confidence == 0.05);
}

Test(fusion, weights_always_sum_to_one_and_the_score_lies_among_the_signals)
{
    struct oct_rng rng;

    oct_rng_init(&rng, 42);
    for (int round = 0; round < 20000; round++) {
        struct oct_vote v[8];
        uint32_t n = 1 + (uint32_t)oct_rng_below(&rng, 8);
        double sum = 0, low = 1, high = -1;
        for (uint32_t i = 0; i < n; i++) {
            v[i] = (struct oct_vote){.weight = oct_rng_f64(&rng) * 100 + 1e-9,
                                     .signal = oct_rng_f64(&rng) * 2 - 1,
                                     .confidence = oct_rng_f64(&rng) + 1e-9,
                                     .strategy = (uint16_t)i};
        }
        oct_fuse(v, n, &out);
        cr_assert_eq(out.cnt, n < OCT_FUSION_MAX ? n : OCT_FUSION_MAX);
        for (uint32_t i = 0; i < OCT_FUSION_MAX; i++) {
            sum += out.weight[i];
            cr_assert_eq(out.strategy[i], i < out.cnt ? i : OCT_STRATEGY_NONE);
            if (i < out.cnt) {
                low = fmin(low, out.signal[i]);
                high = fmax(high, out.signal[i]);
            }
        }
        cr_assert_float_eq(sum, 1.0, 1e-12);
        cr_assert(out.score >= low - 1e-12 && out.score <= high + 1e-12);
        cr_assert(out.confidence >= 0.05 && out.confidence <= 0.95);
    }
}
