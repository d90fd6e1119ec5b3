#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/rng.h"
#include "dataplane/port/nic.h"
#include "dataplane/port/timer.h"

static struct oct_timers *make(uint32_t max_cnt)
{
    size_t sz = oct_align_up(oct_timers_footprint(max_cnt), 128);
    void *mem = aligned_alloc(128, sz);

    memset(mem, 0xa5, sz);
    return oct_timers_new(mem, max_cnt);
}

Test(timer, fires_by_deadline_then_id)
{
    struct oct_timers *t = make(10);
    uint64_t id = 0;
    int64_t at = 0;

    cr_assert_eq(oct_timers_next(t), INT64_MAX);
    cr_assert_not(oct_timers_pop(t, INT64_MAX, &id, &at));
    cr_assert(oct_timer_arm(t, 9, 100));
    cr_assert(oct_timer_arm(t, 3, 100));
    cr_assert(oct_timer_arm(t, 5, 50));
    cr_assert(oct_timer_arm(t, 1, 200));
    cr_assert_eq(oct_timers_next(t), 50);
    cr_assert_not(oct_timers_pop(t, 49, &id, &at));
    static const uint64_t order[] = {5, 3, 9, 1};
    for (size_t i = 0; i < OCT_ARRAY_CNT(order); i++) {
        cr_assert(oct_timers_pop(t, 200, &id, &at));
        cr_assert_eq(id, order[i]);
    }
    cr_assert_eq(at, 200);
    free(t);
}

Test(timer, arming_again_moves_and_a_full_table_refuses_only_new_ones)
{
    struct oct_timers *t = make(2);
    uint64_t id = 0;
    int64_t at = 0;

    cr_assert(oct_timer_arm(t, 0, 10));
    cr_assert(oct_timer_arm(t, UINT64_MAX, 20));
    cr_assert_not(oct_timer_arm(t, 7, 1));
    cr_assert(oct_timer_arm(t, 0, 30));
    cr_assert_eq(oct_timers_next(t), 20);
    oct_timer_disarm(t, 12345);
    oct_timer_disarm(t, UINT64_MAX);
    cr_assert(oct_timer_arm(t, 7, INT64_MIN));
    cr_assert(oct_timers_pop(t, 100, &id, &at));
    cr_assert_eq(id, 7u);
    cr_assert(oct_timers_pop(t, 100, &id, &at));
    cr_assert_eq(id, 0u);
    cr_assert_eq(at, 30);
    cr_assert_null(oct_timers_new(NULL, 4));
    free(t);
}

/* A table of (armed, deadline) by id is the model. */
Test(timer, agrees_with_a_plain_list)
{
    enum { IDS = 40, MAX = 24 };
    struct oct_timers *t = make(MAX);
    bool armed[IDS] = {0};
    int64_t due[IDS] = {0};
    unsigned cnt = 0;
    struct oct_rng r;

    oct_rng_init(&r, 17);
    for (int step = 0; step < 200000; step++) {
        uint64_t n = oct_rng_below(&r, IDS), id = n * UINT64_C(0x100000000000000) + n;
        uint64_t what = oct_rng_below(&r, 10);
        if (what < 5) {
            int64_t at = (int64_t)oct_rng_below(&r, 50);
            bool ok = oct_timer_arm(t, id, at);
            cr_assert_eq(ok, armed[n] || cnt < MAX);
            if (ok) {
                cnt += !armed[n];
                armed[n] = true;
                due[n] = at;
            }
        } else if (what < 7) {
            oct_timer_disarm(t, id);
            cnt -= armed[n];
            armed[n] = false;
        } else {
            int64_t now = (int64_t)oct_rng_below(&r, 60), at = 0;
            int best = -1;
            for (int i = 0; i < IDS; i++)
                if (armed[i] && due[i] <= now && (best < 0 || due[i] < due[best]))
                    best = i;
            cr_assert_eq(oct_timers_pop(t, now, &id, &at), best >= 0);
            if (best >= 0) {
                cr_assert_eq(id & 0xff, (uint64_t)best);
                cr_assert_eq(at, due[best]);
                armed[best] = false;
                cnt--;
            }
        }
        int64_t next = INT64_MAX;
        for (int i = 0; i < IDS; i++)
            if (armed[i] && due[i] < next)
                next = due[i];
        cr_assert_eq(oct_timers_next(t), next);
    }
    free(t);
}

Test(timer, digest_depends_on_what_is_armed_and_not_on_how_it_came_about)
{
    struct oct_timers *a = make(8), *b = make(64);

    cr_assert_eq(oct_timers_digest(a), oct_timers_digest(b));
    for (uint64_t i = 0; i < 6; i++)
        oct_timer_arm(a, i, (int64_t)(100 + i));
    for (uint64_t i = 60; i-- > 0;)
        oct_timer_arm(b, i, 7);
    for (uint64_t i = 6; i < 60; i++)
        oct_timer_disarm(b, i);
    for (uint64_t i = 6; i-- > 0;)
        oct_timer_arm(b, i, (int64_t)(100 + i));
    cr_assert_eq(oct_timers_digest(a), oct_timers_digest(b));
    oct_timer_arm(b, 3, 104);
    cr_assert_neq(oct_timers_digest(a), oct_timers_digest(b));
    free(a);
    free(b);
}

Test(nic, every_counter_has_a_name_and_help)
{
    for (int i = 0; i < OCT_NIC_COUNTER_CNT; i++) {
        cr_assert_not_null(oct_nic_counter_defs[i].name);
        cr_assert_gt(strlen(oct_nic_counter_defs[i].help), 10u);
        for (int k = 0; k < i; k++)
            cr_assert_str_neq(oct_nic_counter_defs[i].name, oct_nic_counter_defs[k].name);
    }
}
