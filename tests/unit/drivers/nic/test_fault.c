#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/msg/msg.h"
#include "drivers/nic/fault/fault.h"
#include "drivers/nic/loopback/loopback.h"

#define PKT_CNT 2000u

static struct oct_counter counters[OCT_NIC_COUNTER_CNT];

struct result {
    uint32_t times[2][PKT_CNT]; /* by line and number */
    uint32_t total;
    uint32_t backwards; /* packets of line 0 that came behind a later one */
    uint64_t digest;
    struct oct_nic_fault_stats stats;
};

/* Plays PKT_CNT datagrams on each of two lines, 1 us apart, in bursts of `burst`. */
static void play(struct oct_nic_fault_cfg cfg, uint32_t burst, struct result *r)
{
    struct oct_nic *in = NULL, *nic = NULL;
    struct oct_nic_pkt p[OCT_NIC_BURST];
    uint32_t last = 0;
    int n;

    memset(r, 0, sizeof *r);
    cr_assert_eq(oct_nic_loopback_create(&(struct oct_nic_loopback_cfg){.counters = counters}, &in),
                 0);
    cfg.inner = in;
    cr_assert_eq(oct_nic_fault_create(&cfg, &nic), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    uint32_t sent = 0;
    for (;;) {
        for (uint32_t i = 0; i < burst && sent < PKT_CNT; i++, sent++) {
            for (uint8_t line = 0; line < 2; line++)
                cr_assert_eq(oct_nic_loopback_push(in, line, 1000 + (int64_t)sent * 1000, &sent, 4),
                             0);
        }
        if (sent == PKT_CNT)
            oct_nic_loopback_end(in);
        n = nic->ops->rx(nic, p, OCT_NIC_BURST);
        if (n == -ENODATA)
            break;
        for (int i = 0; i < n; i++) {
            uint32_t num;
            cr_assert_eq(p[i].sz, 4);
            memcpy(&num, p[i].data, 4);
            cr_assert_lt(num, PKT_CNT);
            cr_assert_lt(p[i].line, 2);
            r->times[p[i].line][num]++;
            r->total++;
            if (p[i].line == 0) {
                r->backwards += num < last;
                last = num > last ? num : last;
            }
            uint64_t key[2] = {num, (uint64_t)p[i].line << 56 | (uint64_t)p[i].ts_rx_ns};
            r->digest = oct_digest64(r->digest, key, sizeof key);
        }
        nic->ops->release(nic, p, (uint32_t)n);
    }
    r->stats = *oct_nic_fault_stats(nic);
    nic->ops->close(nic);
}

static struct result a, b;

Test(fault, without_faults_everything_passes_in_order)
{
    play((struct oct_nic_fault_cfg){.seed = 1}, 8, &a);
    cr_assert_eq(a.total, 2 * PKT_CNT);
    cr_assert_eq(a.backwards, 0);
    cr_assert_eq(a.stats.dropped + a.stats.duplicated + a.stats.reordered + a.stats.skewed, 0);
}

Test(fault, the_same_seed_gives_the_same_run_whatever_the_bursts)
{
    struct oct_nic_fault_cfg cfg = {
        .seed = 7,
        .line = {{.drop = 0.05, .dup = 0.05, .reorder = 0.1}, {.drop = 0.1, .skew_ns = 50000}},
    };

    play(cfg, 1, &a);
    play(cfg, 1, &b);
    cr_assert_eq(a.digest, b.digest);
    play(cfg, 8, &b);
    cr_assert_arr_eq(a.times, b.times, sizeof a.times); /* the same fates */
    cfg.seed = 8;
    play(cfg, 1, &b);
    cr_assert_neq(a.digest, b.digest);
}

Test(fault, drop_and_duplicate_are_near_their_rates_and_add_up)
{
    play((struct oct_nic_fault_cfg){.seed = 3, .line = {{.drop = 0.1, .dup = 0.2}}}, 8, &a);
    cr_assert(a.stats.dropped > 120 && a.stats.dropped < 280);
    cr_assert(a.stats.duplicated > 260 && a.stats.duplicated < 460);
    cr_assert_eq(a.stats.seen, 2 * PKT_CNT);
    cr_assert_eq(a.total, 2 * PKT_CNT - a.stats.dropped + a.stats.duplicated);
    for (uint32_t i = 0; i < PKT_CNT; i++)
        cr_assert_eq(a.times[1][i], 1); /* the other line is untouched */
}

Test(fault, reordering_loses_nothing)
{
    play((struct oct_nic_fault_cfg){.seed = 5, .line = {{.reorder = 0.2}}, .reorder_span = 6}, 8,
         &a);
    cr_assert_eq(a.total, 2 * PKT_CNT);
    cr_assert_gt(a.backwards, 100);
    for (uint32_t i = 0; i < PKT_CNT; i++)
        cr_assert_eq(a.times[0][i], 1);
}

Test(fault, skew_delays_a_line_by_its_time)
{
    struct oct_nic *in = NULL, *nic = NULL;
    struct oct_nic_pkt p[8];
    struct oct_nic_fault_cfg cfg = {.line = {{0}, {.skew_ns = 5000}}};

    oct_nic_loopback_create(&(struct oct_nic_loopback_cfg){.counters = counters}, &in);
    cfg.inner = in;
    cr_assert_eq(oct_nic_fault_create(&cfg, &nic), 0);
    oct_nic_loopback_push(in, 0, 1000, "a", 1);
    oct_nic_loopback_push(in, 1, 1000, "a", 1);
    cr_assert_eq(nic->ops->rx(nic, p, 8), 1);
    cr_assert(p[0].line == 0 && p[0].ts_rx_ns == 1000);
    nic->ops->release(nic, p, 1);
    oct_nic_loopback_push(in, 0, 5999, "b", 1);
    cr_assert_eq(nic->ops->rx(nic, p, 8), 1);
    nic->ops->release(nic, p, 1);
    oct_nic_loopback_push(in, 0, 6000, "c", 1);
    cr_assert_eq(nic->ops->rx(nic, p, 8), 2);
    cr_assert_eq(p[1].line, 1);
    cr_assert_eq(p[1].ts_rx_ns, 6000);
    nic->ops->release(nic, p, 2);
    oct_nic_loopback_push(in, 1, 7000, "d", 1);
    cr_assert_eq(nic->ops->rx(nic, p, 8), 0);
    oct_nic_fault_flush(nic);
    cr_assert_eq(nic->ops->rx(nic, p, 8), 1);
    nic->ops->close(nic);
}

Test(fault, a_full_store_stops_taking_and_loses_nothing)
{
    struct oct_nic *in = NULL, *nic = NULL;
    struct oct_nic_pkt p[64];
    struct oct_nic_fault_cfg cfg = {.line = {{.skew_ns = 1000000}}, .hold_cnt = 256};
    uint32_t got = 0;

    oct_nic_loopback_create(&(struct oct_nic_loopback_cfg){.counters = counters}, &in);
    cfg.inner = in;
    cr_assert_eq(oct_nic_fault_create(&cfg, &nic), 0);
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(oct_nic_loopback_push(in, 0, 1000 + i, &i, 4), 0);
    for (int i = 0; i < 100; i++)
        cr_assert_eq(nic->ops->rx(nic, p, 64), 0);
    cr_assert_gt(oct_nic_loopback_pending(in), 700);
    for (int turn = 0; turn < 200; turn++) {
        oct_nic_fault_flush(nic);
        int n = nic->ops->rx(nic, p, 64);
        cr_assert_geq(n, 0);
        nic->ops->release(nic, p, (uint32_t)n);
        got += (uint32_t)n;
    }
    cr_assert_eq(got, 1000);
    nic->ops->close(nic);
}

Test(fault, impossible_settings_are_refused)
{
    struct oct_nic *in = NULL, *nic = NULL;

    oct_nic_loopback_create(&(struct oct_nic_loopback_cfg){.counters = counters}, &in);
    cr_assert_eq(oct_nic_fault_create(&(struct oct_nic_fault_cfg){0}, &nic), -EINVAL);
    cr_assert_eq(oct_nic_fault_create(
                     &(struct oct_nic_fault_cfg){.inner = in, .line = {{.drop = 1.5}}}, &nic),
                 -EINVAL);
    cr_assert_eq(oct_nic_fault_create(
                     &(struct oct_nic_fault_cfg){.inner = in, .line = {{.skew_ns = -1}}}, &nic),
                 -EINVAL);
    cr_assert_eq(
        oct_nic_fault_create(&(struct oct_nic_fault_cfg){.inner = in, .hold_cnt = 100}, &nic),
        -EINVAL);
    in->ops->close(in);
}
