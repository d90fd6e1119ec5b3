/* Gaps: declared, asked for, recovered, given up; and packets that are refused. */
#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/wire.h"
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

TestSuite(gap, .init = setup, .fini = teardown);
TestSuite(refuse, .init = setup, .fini = teardown);

/* Message 1 handed on, 2 to 5 missing, 6 held; declared, asked for when there is a server. */
static void make_gap(void)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 6, 1);
    rig_wait(&r, 100 * RIG_US);
}

Test(gap, is_declared_when_the_straggler_does_not_come)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 6, 1);
    cr_assert_eq(oct_collector_deadline(r.c), r.now + 100 * RIG_US);
    rig_wait(&r, 99 * RIG_US);
    SAID(&r, "live:1 a1+1");
    rig_wait(&r, 1 * RIG_US);
    SAID(&r, "gap:2-6");
}

Test(gap, without_a_server_is_stale_at_its_timeout)
{
    make_gap();
    SAID(&r, "live:1 a1+1 gap:2-6");
    rig_wait(&r, 4899 * RIG_US);
    SAID(&r, "");
    rig_wait(&r, 1 * RIG_US);
    SAID(&r, "!feed.gap_stale stale:2-6 a6+1 live:7");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_GAPS_STALE), 1);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_MSGS_LOST), 4);
    rig_data(&r, 1, 2, 4);
    SAID(&r, "");
}

Test(gap, filled_late_by_the_other_line_is_recovered)
{
    make_gap();
    rig_wait(&r, 1 * RIG_MS);
    rig_data(&r, 1, 2, 2);
    rig_data(&r, 1, 4, 2);
    SAID(&r, "live:1 a1+1 gap:2-6 b2+2 b4+2 recovered:2-6 a6+1");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_GAPS_RECOVERED), 1);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_MSGS_RECOVERED), 4);
}

Test(gap, is_asked_for_and_recovered)
{
    r.cfg.rewind_cnt = 1;
    make_gap();
    SAID(&r, "live:1 a1+1 gap:2-6 ask0:2+4");
    rig_data(&r, RIG_REWIND, 2, 4);
    SAID(&r, "r2+4 recovered:2-6 a6+1");
    cr_assert_eq(oct_collector_deadline(r.c), INT64_MAX);
    cr_assert_eq(rig_line(&r, RIG_REWIND, OCT_LINE_WON), 4);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_REQUESTS), 1);
}

Test(gap, answer_in_part_leads_to_a_request_for_the_rest)
{
    r.cfg.rewind_cnt = 1;
    make_gap();
    SAID(&r, "live:1 a1+1 gap:2-6 ask0:2+4");
    rig_data(&r, RIG_REWIND, 2, 1);
    SAID(&r, "r2+1 ask0:3+2");
    rig_data(&r, RIG_REWIND, 3, 2);
    SAID(&r, "r3+2 ask0:5+1");
    rig_data(&r, RIG_REWIND, 5, 1);
    SAID(&r, "r5+1 recovered:2-6 a6+1");
}

Test(gap, request_never_asks_for_more_than_one_packet_can_count)
{
    r.cfg.rewind_cnt = 1;
    r.cfg.jump_max = 1000000;
    rig_open(&r);
    rig_data(&r, 0, 200001, 1);
    rig_wait(&r, 1 * RIG_MS);
    SAID(&r, "gap:1-200001 ask0:1+65534");
}

Test(gap, request_respects_the_configured_size)
{
    r.cfg.rewind_cnt = 1;
    r.cfg.request_max = 3;
    make_gap();
    SAID(&r, "live:1 a1+1 gap:2-6 ask0:2+3");
    rig_data(&r, RIG_REWIND, 2, 3);
    SAID(&r, "r2+3 ask0:5+1");
}

Test(gap, unanswered_request_goes_to_the_next_server_and_then_is_stale)
{
    r.cfg.rewind_cnt = 2;
    make_gap();
    SAID(&r, "live:1 a1+1 gap:2-6 ask0:2+4");
    rig_wait(&r, 999 * RIG_US);
    SAID(&r, "");
    rig_wait(&r, 1 * RIG_US);
    SAID(&r, "ask1:2+4");
    rig_wait(&r, 1 * RIG_MS);
    SAID(&r, "ask0:2+4");
    rig_wait(&r, 1 * RIG_MS);
    SAID(&r, "!feed.gap_stale stale:2-6 a6+1 live:7");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_RETRIES), 2);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_REQUESTS), 3);
}

Test(gap, progress_starts_the_retries_anew)
{
    r.cfg.rewind_cnt = 1;
    make_gap();
    rig_wait(&r, 1 * RIG_MS);
    rig_wait(&r, 1 * RIG_MS);
    rig_data(&r, RIG_REWIND, 2, 1);
    SAID(&r, "live:1 a1+1 gap:2-6 ask0:2+4 ask0:2+4 ask0:2+4 r2+1 ask0:3+2");
    rig_wait(&r, 1 * RIG_MS);
    rig_wait(&r, 1 * RIG_MS);
    SAID(&r, "ask0:3+2 ask0:3+2");
    rig_wait(&r, 1 * RIG_MS);
    SAID(&r, "!feed.gap_stale stale:3-6 a6+1 live:7");
}

Test(gap, request_that_cannot_be_sent_is_tried_again)
{
    r.cfg.rewind_cnt = 1;
    r.request_err = -ENETUNREACH;
    make_gap();
    SAID(&r, "live:1 a1+1 gap:2-6 ask0:2+4 !feed.request_failed");
    r.request_err = 0;
    rig_wait(&r, 1 * RIG_MS);
    SAID(&r, "ask0:2+4");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_REQUEST_ERRORS), 1);
}

Test(gap, answer_that_brings_nothing_new_does_not_lead_to_a_request)
{
    r.cfg.rewind_cnt = 1;
    make_gap();
    SAID(&r, "live:1 a1+1 gap:2-6 ask0:2+4");
    rig_data(&r, RIG_REWIND, 1, 1);
    rig_data(&r, RIG_REWIND, 4, 1);
    SAID(&r, "");
    rig_data(&r, RIG_REWIND, 2, 2);
    SAID(&r, "r2+2 r4+1 ask0:5+1");
}

Test(gap, is_revealed_by_a_heartbeat)
{
    r.cfg.rewind_cnt = 1;
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_heartbeat(&r, 1, 4);
    rig_wait(&r, 100 * RIG_US);
    SAID(&r, "live:1 a1+1 gap:2-4 ask0:2+2");
    rig_data(&r, RIG_REWIND, 2, 2);
    SAID(&r, "r2+2 recovered:2-4");
}

Test(gap, at_the_end_is_asked_for_before_the_end_is_told)
{
    r.cfg.rewind_cnt = 1;
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_end(&r, 0, 3);
    rig_wait(&r, 100 * RIG_US);
    rig_data(&r, RIG_REWIND, 2, 1);
    SAID(&r, "live:1 a1+1 gap:2-3 ask0:2+1 r2+1 recovered:2-3 end:3");
}

Test(gap, several_in_the_window_are_handled_one_after_the_other)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 3, 1);
    rig_data(&r, 0, 5, 1);
    rig_wait(&r, 100 * RIG_US);
    SAID(&r, "live:1 a1+1 gap:2-3");
    rig_wait(&r, 4900 * RIG_US);
    SAID(&r, "!feed.gap_stale stale:2-3 a3+1 gap:4-5 !feed.gap_stale stale:4-5 a5+1 live:6");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_GAPS), 2);
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_GAPS_STALE), 2);
}

Test(gap, given_up_ends_where_the_window_begins)
{
    make_gap();
    rig_data(&r, 1, 3, 1);
    SAID(&r, "live:1 a1+1 gap:2-6");
    rig_wait(&r, 4900 * RIG_US);
    SAID(&r, "!feed.gap_stale stale:2-3 b3+1 gap:4-6 !feed.gap_stale stale:4-6 a6+1 live:7");
}

Test(gap, full_window_declares_at_once_and_lets_the_farthest_go)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    for (uint32_t i = 0; i < 7; i++)
        rig_data(&r, 0, 3 + i, 1);
    SAID(&r, "live:1 a1+1");
    rig_data(&r, 0, 10, 1);
    SAID(&r, "gap:2-3");
    rig_data(&r, 0, 11, 1);
    SAID(&r, "!feed.window_full");
    rig_data(&r, 0, 2, 1);
    SAID(&r, "a2+1 recovered:2-3 a3+1 a4+1 a5+1 a6+1 a7+1 a8+1 a9+1 a10+1");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_WINDOW_FULL), 1);
    rig_wait(&r, 100 * RIG_US);
    SAID(&r, "gap:11-12");
}

Test(gap, full_window_makes_room_for_what_is_nearer)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    for (uint32_t i = 0; i < 8; i++)
        rig_data(&r, 0, 10 + i, 1);
    SAID(&r, "live:1 a1+1 gap:2-10");
    rig_data(&r, 1, 5, 1);
    SAID(&r, "!feed.window_full");
    rig_data(&r, 1, 2, 3);
    SAID(&r, "b2+3 b5+1");
    rig_data(&r, 1, 6, 4);
    SAID(&r, "b6+4 recovered:2-10 a10+1 a11+1 a12+1 a13+1 a14+1 a15+1 a16+1");
}

Test(gap, servers_that_left_three_unanswered_do_not_delay_the_next)
{
    r.cfg.rewind_cnt = 1;
    r.cfg.retry_max = 0;
    r.cfg.gap_timeout_ns = 200 * RIG_US;
    make_gap();
    rig_wait(&r, 1 * RIG_MS);
    for (uint64_t seq = 8; seq <= 10; seq += 2) {
        rig_data(&r, 0, seq, 1);
        rig_wait(&r, 100 * RIG_US);
        rig_wait(&r, 1 * RIG_MS);
    }
    struct oct_collector_snapshot s;
    oct_collector_snapshot(r.c, &s);
    cr_assert(s.servers_down);
    r.said_len = 0;
    rig_data(&r, 0, 12, 1);
    rig_wait(&r, 100 * RIG_US);
    SAID(&r, "gap:11-12 ask0:11+1");
    rig_wait(&r, 100 * RIG_US);
    SAID(&r, "!feed.gap_stale stale:11-12 a12+1 live:13");
    rig_data(&r, RIG_REWIND, 11, 1);
    oct_collector_snapshot(r.c, &s);
    cr_assert_not(s.servers_down, "an answer, though late, brings them back");
}

/* ---- refusals --------------------------------------------------------------------------------- */

Test(refuse, packets_cut_anywhere_are_malformed)
{
    uint8_t buf[64];
    rig_open(&r);
    memset(buf, 0, sizeof(buf));
    memcpy(buf, "SESSION001", 10);
    oct_store_be64(buf + 10, 1);
    oct_store_be16(buf + 18, 1);
    oct_store_be16(buf + 20, 8);
    oct_store_be64(buf + 22, 1);
    for (uint32_t sz = 0; sz < 30; sz++) {
        rig_raw(&r, 0, buf, sz);
        SAID(&r, "!feed.malformed");
    }
    rig_raw(&r, 0, buf, 31);
    SAID(&r, "!feed.malformed");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_MALFORMED), 31);
    rig_raw(&r, 0, buf, 30);
    SAID(&r, "live:1 a1+1");
}

Test(refuse, truncated_and_oversize_packets_are_counted)
{
    static uint8_t buf[2000 + OCT_NIC_PAD];
    rig_open(&r);
    struct oct_nic_pkt pkt = {.data = buf, .sz = 30, .truncated = 1, .line = 1};
    oct_collector_packet(r.c, &pkt, r.now);
    pkt.truncated = 0;
    pkt.sz = 1501;
    oct_collector_packet(r.c, &pkt, r.now);
    SAID(&r, "!feed.truncated !feed.oversize");
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_TRUNCATED), 1);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_OVERSIZE), 1);
}

Test(refuse, another_session_is_not_ours)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_other(&r, 0, "SESSION002", 2, 1);
    rig_data(&r, 0, 2, 1);
    SAID(&r, "live:1 a1+1 !feed.wrong_session a2+1");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_WRONG_SESSION), 1);
}

Test(refuse, configured_session_is_the_only_one)
{
    memcpy(r.cfg.session, "SESSION001", 10);
    rig_open(&r);
    rig_other(&r, 0, "SESSION000", 1, 1);
    rig_data(&r, 0, 1, 1);
    SAID(&r, "!feed.wrong_session live:1 a1+1");
}

Test(refuse, rewind_server_does_not_name_the_session)
{
    r.cfg.rewind_cnt = 1;
    rig_open(&r);
    rig_other(&r, RIG_REWIND, "SESSION666", 1, 1);
    rig_data(&r, 0, 1, 1);
    SAID(&r, "!feed.wrong_session live:1 a1+1");
}

Test(refuse, lines_that_are_none_of_ours_are_counted)
{
    rig_open(&r);
    rig_data(&r, 2, 1, 1);
    rig_data(&r, 3, 1, 1);
    rig_data(&r, 254, 1, 1);
    SAID(&r, "!feed.unknown_line !feed.unknown_line !feed.unknown_line");
    cr_assert_eq(rig_count(&r, OCT_COLLECTOR_UNKNOWN_LINE), 3);
}

Test(refuse, one_absurd_number_does_not_carry_the_stream_away)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, UINT64_C(1) << 60, 1);
    rig_heartbeat(&r, 0, UINT64_C(1) << 61);
    rig_data(&r, 0, 2, 1);
    rig_heartbeat(&r, 0, UINT64_C(1) << 61);
    rig_heartbeat(&r, 0, UINT64_C(1) << 61);
    rig_data(&r, 0, 3, 1);
    SAID(&r, "live:1 a1+1 !feed.jump !feed.jump a2+1 !feed.jump !feed.jump a3+1");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_JUMP), 4);
    rig_wait(&r, 10 * RIG_MS);
    SAID(&r, "");
}

Test(refuse, far_jump_is_believed_when_three_packets_agree)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 5000, 2);
    rig_data(&r, 1, 5000, 2);
    rig_data(&r, 0, 5002, 2);
    rig_data(&r, 1, 5002, 2);
    SAID(&r, "live:1 a1+1 !feed.jump !feed.jump !feed.jump !feed.jump");
    rig_data(&r, 0, 5004, 2);
    rig_wait(&r, 100 * RIG_US);
    SAID(&r, "gap:2-5004");
    rig_wait(&r, 5 * RIG_MS);
    SAID(&r, "!feed.gap_stale stale:2-5004 a5004+2 live:5006");
}

Test(refuse, sequence_going_backwards_is_a_fault_and_then_bad)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 50);
    rig_data(&r, 0, 51, 100);
    rig_data(&r, 0, 1, 1);
    rig_data(&r, 0, 2, 1);
    SAID(&r, "live:1 a1+50 a51+100 !feed.backward !feed.backward");
    rig_data(&r, 0, 3, 1);
    rig_data(&r, 0, 4, 1);
    SAID(&r, "!feed.backward bad:4-151 !feed.backward");
    cr_assert_eq(rig_line(&r, 0, OCT_LINE_BACKWARD), 4);
    rig_data(&r, 1, 151, 1);
    SAID(&r, "live:151 b151+1");
}

Test(refuse, sequence_going_backwards_after_the_end_is_only_counted)
{
    rig_open(&r);
    rig_data(&r, 0, 1, 140);
    rig_end(&r, 0, 141);
    for (uint64_t seq = 1; seq < 5; seq++)
        rig_data(&r, 0, seq, 1);
    rig_heartbeat(&r, 0, 141);
    SAID(&r, "live:1 a1+140 end:141 !feed.backward !feed.backward !feed.backward !feed.backward");
}

Test(refuse, old_packets_of_a_slow_line_are_not_backwards)
{
    rig_open(&r);
    for (uint64_t i = 0; i < 20; i++)
        rig_data(&r, 0, 1 + i * 10, 10);
    for (uint64_t i = 0; i < 20; i++)
        rig_data(&r, 1, 1 + i * 10, 10);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_BACKWARD), 0);
    cr_assert_eq(rig_line(&r, 1, OCT_LINE_DUPLICATE), 20);
}
