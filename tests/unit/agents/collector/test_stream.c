/* Arbitration, reordering, overlap, start, end and silence. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/agents/collector/rig.h"

static struct rig r;

static void setup(void)
{
    rig_init(&r);
}

static void teardown(void)
{
    rig_close(&r);
}

TestSuite(collector, .init = setup, .fini = teardown);

Test(collector, first_copy_wins_and_the_second_is_dropped)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 2);
    rig_data(&r, 1, 1, 2);
    rig_data(&r, 1, 3, 1);
    rig_data(&r, 0, 3, 1);
    SAID(&r, "live:1 a1+2 b3+1");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_WON), 2);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_WON), 1);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_DUPLICATE), 1);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_DUPLICATE), 1);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_REPEATED), 0);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_MSGS), 3);
    cr_assert_eq(oct_collector_next_seq(r.c), 4);
}

Test(collector, packet_seen_twice_on_one_line_is_repeated)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 2);
    rig_data(&r, 0, 1, 2);
    SAID(&r, "live:1 a1+2");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_REPEATED), 1);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_LATE), 0);
}

Test(collector, skew_of_the_slower_line_is_measured)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    r.now += 700;
    rig_data(&r, 1, 1, 1);
    rig_data(&r, 0, 2, 1);
    r.now += 300;
    rig_data(&r, 1, 2, 1);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_SKEW_SAMPLES), 2);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_SKEW_NS), 1000);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_SKEW_NS_MAX), 700);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_SKEW_SAMPLES), 0);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_LAST_RX_NS), (uint64_t)RIG_T0 + 700);
}

Test(collector, reordered_packets_come_out_in_order_without_a_gap)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 4, 2);
    rig_data(&r, 0, 3, 1);
    SAID(&r, "live:1 a1+1");
    rig_data(&r, 0, 2, 1);
    SAID(&r, "a2+1 a3+1 a4+2");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_REORDERED), 1);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_GAPS), 0);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_LATE), 2);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_MISSING), 0);
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_HELD), 2);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_HELD), 0);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_HELD_MAX), 2);
    cr_assert_eq(oct_collector_deadline(r.c), INT64_MAX);
}

Test(collector, what_one_line_lost_the_other_fills)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 3, 1);
    rig_data(&r, 1, 1, 1);
    rig_data(&r, 1, 2, 1);
    rig_data(&r, 1, 3, 1);
    SAID(&r, "live:1 a1+1 b2+1 a3+1");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_MISSING), 1);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_MISSING), 0);
}

Test(collector, only_the_new_part_of_an_overlapping_packet_is_handed_on)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 3);
    rig_data(&r, 1, 1, 5);
    rig_data(&r, 0, 4, 2);
    rig_data(&r, 0, 5, 3);
    SAID(&r, "live:1 a1+3 b4+2 a6+2");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_OVERLAPS), 2);
}

Test(collector, overlapping_packets_in_the_window_come_out_once)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 3, 3);
    rig_data(&r, 1, 3, 3);
    rig_data(&r, 1, 4, 4);
    rig_data(&r, 1, 4, 1);
    rig_data(&r, 0, 2, 2);
    SAID(&r, "live:1 a1+1 a2+2 a4+2 b6+2");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_HELD), 0);
}

Test(collector, heartbeat_keeps_a_quiet_stream_live)
{
    rig_open(&r);
    rig_heartbeat(&r, 0, 1);
    SAID(&r, "live:1");
    rig_heartbeat(&r, 1, 1);
    rig_data(&r, 0, 1, 1);
    rig_heartbeat(&r, 0, 2);
    SAID(&r, "a1+1");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_HEARTBEAT), 2);
}

Test(collector, end_comes_after_the_last_message_and_once)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 2);
    rig_end(&r, 0, 3);
    rig_end(&r, 1, 3);
    SAID(&r, "live:1 a1+2 end:3");
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_END), 1);
}

Test(collector, end_waits_for_what_is_still_missing)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 2);
    rig_end(&r, 0, 5);
    SAID(&r, "live:1 a1+2");
    rig_data(&r, 1, 3, 2);
    SAID(&r, "b3+2 end:5");
}

Test(collector, messages_after_the_end_are_refused)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 2);
    rig_end(&r, 0, 3);
    rig_data(&r, 0, 3, 1);
    rig_data(&r, 0, 2, 2);
    SAID(&r, "live:1 a1+2 end:3 !feed.after_end !feed.after_end");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_AFTER_END), 2);
    rig_wait(&r, 1000 * RIG_MS);
    SAID(&r, "");
}

Test(collector, end_below_what_was_seen_is_refused)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 5);
    rig_end(&r, 0, 3);
    rig_data(&r, 0, 6, 1);
    SAID(&r, "live:1 a1+5 !feed.backward a6+1");
}

Test(collector, late_start_asks_from_the_first_message)
{
    r.cfg.rewind_cnt = 1;
    rig_open(&r);
    rig_data(&r, 0, 101, 2);
    SAID(&r, "");
    rig_wait(&r, 100 * RIG_US);
    SAID(&r, "gap:1-101 ask0:1+100");
    rig_data(&r, RIG_REWIND, 1, 100);
    SAID(&r, "r1+100 recovered:1-101 a101+2");
}

Test(collector, late_start_may_be_accepted_and_says_what_is_missing)
{
    r.cfg.start = OCT_COLLECTOR_START_ACCEPT;
    rig_open(&r);
    rig_data(&r, 0, 101, 2);
    SAID(&r, "!feed.gap_stale stale:1-101 live:101 a101+2");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_MSGS_LOST), 100);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_GAPS), 1);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_GAPS_STALE), 1);
}

Test(collector, recovery_resumes_at_the_next_message_wanted)
{
    rig_open(&r);
    cr_assert_eq(oct_collector_resume(r.c, 50), 0);
    rig_data(&r, 0, 40, 10);
    rig_data(&r, 0, 48, 4);
    SAID(&r, "live:50 a50+2");
    cr_assert_eq(oct_collector_resume(r.c, 60), -EBUSY);
}

Test(collector, silence_of_all_lines_is_told_and_ends)
{
    r.cfg.silence_ns = 10 * RIG_MS;
    rig_open(&r);
    rig_wait(&r, 100 * RIG_MS);
    SAID(&r, "");
    rig_data(&r, 0, 1, 1);
    cr_assert_eq(oct_collector_deadline(r.c), r.now + 10 * RIG_MS);
    rig_wait(&r, 9 * RIG_MS);
    rig_heartbeat(&r, 1, 2);
    rig_wait(&r, 9 * RIG_MS);
    SAID(&r, "live:1 a1+1");
    rig_wait(&r, 1 * RIG_MS);
    rig_wait(&r, 50 * RIG_MS);
    SAID(&r, "!feed.silent stale:2-2");
    rig_data(&r, 1, 2, 1);
    SAID(&r, "live:2 b2+1");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_SILENCES), 1);
}

Test(collector, silence_after_the_end_is_nothing_to_tell)
{
    r.cfg.silence_ns = 10 * RIG_MS;
    rig_open(&r);
    rig_end(&r, 0, 1);
    rig_wait(&r, 100 * RIG_MS);
    SAID(&r, "live:1 end:1");
}

Test(collector, snapshot_tells_state_and_place)
{
    struct oct_collector_snapshot s;
    r.cfg.rewind_cnt = 1;
    rig_open(&r);
    oct_collector_snapshot(r.c, &s);
    cr_assert_eq(s.state, OCT_COLLECTOR_WAITING);
    rig_data(&r, 0, 1, 1);
    oct_collector_snapshot(r.c, &s);
    cr_assert_eq(s.state, OCT_COLLECTOR_LIVE);
    cr_assert_arr_eq(s.session, "SESSION001\0\0\0\0\0\0", 16);
    rig_data(&r, 0, 5, 1);
    oct_collector_snapshot(r.c, &s);
    cr_assert_eq(s.state, OCT_COLLECTOR_REORDERING);
    rig_wait(&r, 100 * RIG_US);
    oct_collector_snapshot(r.c, &s);
    cr_assert_eq(s.state, OCT_COLLECTOR_RECOVERING);
    cr_assert(s.next_seq == 2 && s.known_seq == 6 && s.gap_from == 2 && s.gap_to == 5);
    cr_assert(s.held_pkts == 1 && s.tries == 0 && !s.servers_down);
    rig_data(&r, RIG_REWIND, 2, 3);
    rig_end(&r, 0, 6);
    oct_collector_snapshot(r.c, &s);
    cr_assert_eq(s.state, OCT_COLLECTOR_ENDED);
}

Test(collector, configuration_outside_its_bounds_is_refused)
{
    struct oct_collector_cfg good;
    rig_open(&r);
    good = r.cfg;
#define REFUSES(member, value)                                         \
    do {                                                               \
        struct oct_collector_cfg bad = good;                           \
        bad.member = (value);                                          \
        cr_assert_eq(oct_collector_footprint(&bad), 0, #member);       \
        cr_assert_null(oct_collector_new(r.mem, &bad, NULL), #member); \
    } while (0)
    REFUSES(ops, NULL);
    REFUSES(line_cnt, 0);
    REFUSES(line_cnt, 9);
    REFUSES(rewind_cnt, 9);
    REFUSES(start, 2);
    REFUSES(request_max, 0);
    REFUSES(request_max, 65535);
    REFUSES(window_pkts, 0);
    REFUSES(window_pkts, 65537);
    REFUSES(pkt_sz_max, 19);
    REFUSES(pkt_sz_max, 65536);
    REFUSES(jump_max, 0);
    REFUSES(reorder_ns, -1);
    REFUSES(retry_ns, 0);
    REFUSES(gap_timeout_ns, -1);
    REFUSES(silence_ns, -1);
}
