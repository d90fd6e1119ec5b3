#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/bridge/bridge.h"
#include "dataplane/base/time.h"
#include "drivers/feed/itch50.h"
#include "tests/unit/control/world.h"

static struct world w;
static struct oct_mirror m;
static struct oct_bridge *b;

static void up(void)
{
    struct oct_mirror_cfg mc = {.inst_cnt = WORLD_INST_CNT,
                                .book_order_cnt_max = 4096,
                                .book_level_cnt_max = 4096,
                                .order_cnt_max = 1000,
                                .receipt_sz = 1u << 16};
    world_init(&w);
    cr_assert_eq(oct_mirror_init(&m, &mc), 0);
    b = NULL;
}

static void down(void)
{
    oct_bridge_destroy(b);
    oct_mirror_fini(&m);
    world_fini(&w);
}

TestSuite(bridge, .init = up, .fini = down, .timeout = 60);

static void bridge(bool journal)
{
    struct oct_bridge_cfg cfg = {.run_dir = w.run_dir,
                                 .journal_dir = journal ? w.journal_dir : NULL,
                                 .feed = &oct_feed_itch50_mold,
                                 .mirror = &m};
    cr_assert_eq(oct_bridge_create(&b, &cfg), 0);
}

/* Polls until the newest input is in the mirror, at most two seconds. */
static void catch_up(void)
{
    int64_t end = oct_mono_ns() + 2 * OCT_NS_PER_S;
    bool more = true;
    while ((m.input < w.input || more || (m.doubt & OCT_DOUBT_WARMING) != 0) &&
           oct_mono_ns() < end) {
        if (w.up)
            world_beat(&w);
        oct_bridge_poll(b, OCT_NS_PER_MS, &more);
    }
    cr_assert_eq(m.input, w.input);
}

static void books_equal(void)
{
    for (uint32_t i = 0; i < WORLD_INST_CNT; i++) {
        for (uint32_t side = 0; side < 2; side++) {
            struct oct_level want[512];
            struct oct_level have[512];
            uint32_t n = slow_depth(&w.books, i, side, want, 512);
            cr_assert_eq(oct_book_depth(m.books, i, (enum oct_side)side, have, 512), n);
            for (uint32_t k = 0; k < n; k++) {
                cr_assert_eq(have[k].px.v, want[k].px.v);
                cr_assert_eq(have[k].qty.v, want[k].qty.v);
                cr_assert_eq(have[k].order_cnt, want[k].order_cnt);
            }
        }
    }
}

Test(bridge, books_made_of_packets_equal_plain_books)
{
    world_start(&w, 1u << 16, false, false);
    bridge(false);
    for (int i = 0; i < 50; i++) {
        world_trade(&w, 200);
        catch_up();
        books_equal();
    }
    cr_expect_eq(m.totals.messages, 10000);
    cr_expect_eq(m.totals.bad_records, 0);
    cr_expect_eq(m.totals.unknown_refs, 0);
    cr_expect_eq(m.doubt, 0);
    cr_expect_eq(oct_mirror_find(&m, "AAPL", 4), 5);
    cr_expect_eq(m.feed_next, w.feed_seq);
}

Test(bridge, control_may_come_before_the_dataplane)
{
    bool more;
    bridge(false);
    oct_bridge_poll(b, OCT_NS_PER_MS, &more);
    cr_expect_neq(m.doubt & OCT_DOUBT_DETACHED, 0);
    cr_expect_not(oct_bridge_vitals(b)->attached(b));
    world_start(&w, 1u << 14, false, false);
    world_trade(&w, 500);
    catch_up();
    books_equal();
    cr_expect_eq(m.doubt, 0);
    cr_expect(oct_bridge_vitals(b)->attached(b));
}

Test(bridge, lapped_without_a_journal_is_counted_and_makes_books_doubtful)
{
    world_start(&w, 1u << 10, false, false);
    bridge(false);
    world_trade(&w, 100);
    catch_up();
    books_equal();
    world_trade(&w, 5000);
    catch_up();
    cr_expect_gt(m.totals.lost, 0);
    cr_expect_neq(m.doubt & OCT_DOUBT_LOST, 0);
    cr_expect_neq(oct_mirror_book_doubt(&m, 5), 0);
}

Test(bridge, lapped_with_a_journal_loses_nothing)
{
    world_start(&w, 1u << 12, true, false);
    bridge(true);
    for (int i = 0; i < 40; i++) {
        world_trade(&w, 250);
        world_settle(&w);
    }
    catch_up();
    books_equal();
    cr_expect_eq(m.totals.messages, 10000);
    cr_expect_eq(m.doubt, 0);
}

Test(bridge, control_started_late_reads_the_journal_first)
{
    world_start(&w, 1u << 12, true, false);
    for (int i = 0; i < 40; i++) {
        world_trade(&w, 250);
        world_settle(&w);
    }
    bridge(true);
    catch_up();
    books_equal();
    cr_expect_eq(m.totals.messages, 10000);
    cr_expect_eq(m.doubt, 0);
}

Test(bridge, recovered_run_continues_and_another_starts_empty)
{
    world_start(&w, 1u << 14, true, false);
    bridge(true);
    world_trade(&w, 1000);
    world_settle(&w);
    catch_up();
    uint64_t run = m.run_id;
    world_crash(&w);
    world_start(&w, 1u << 14, true, true);
    world_trade(&w, 1000);
    world_settle(&w);
    catch_up();
    cr_expect_neq(m.run_id, run);
    books_equal();
    cr_expect_eq(m.totals.messages, 2000);
    cr_expect_eq(m.totals.restarts, 1);
    world_crash(&w);
    world_start(&w, 1u << 14, true, false);
    world_trade(&w, 10);
    world_settle(&w);
    catch_up();
    books_equal();
    cr_expect_eq(m.totals.messages, 10);
    cr_expect_eq(m.doubt, 0);
}

Test(bridge, dead_dataplane_makes_books_doubtful_until_it_is_back)
{
    bool more;
    world_start(&w, 1u << 14, false, false);
    bridge(false);
    world_trade(&w, 100);
    catch_up();
    cr_expect_eq(m.doubt, 0);
    atomic_store(&w.in.pulses[OCT_PULSE_LANE].beat_ns, oct_utc_ns() - 3 * OCT_NS_PER_S);
    int64_t end = oct_mono_ns() + OCT_NS_PER_S;
    while (m.doubt == 0 && oct_mono_ns() < end)
        oct_bridge_poll(b, OCT_NS_PER_MS, &more);
    cr_expect_eq(m.doubt, OCT_DOUBT_DETACHED);
    world_beat(&w);
    end = oct_mono_ns() + OCT_NS_PER_S;
    while (m.doubt != 0 && oct_mono_ns() < end)
        oct_bridge_poll(b, OCT_NS_PER_MS, &more);
    cr_expect_eq(m.doubt, 0);
}

Test(bridge, every_turn_is_a_sign_of_life_for_the_lane)
{
    bool more;
    world_start(&w, 1u << 14, false, false);
    bridge(false);
    uint64_t turns = atomic_load(&w.in.control->turns);
    for (int i = 0; i < 3; i++)
        oct_bridge_poll(b, OCT_NS_PER_MS, &more);
    cr_expect_eq(atomic_load(&w.in.control->turns), turns + 3);
    cr_expect_eq(atomic_load(&w.in.control->pid), (uint32_t)getpid());
    world_crash(&w);
    world_start(&w, 1u << 14, false, true);
    int64_t end = oct_mono_ns() + OCT_NS_PER_S;
    while (atomic_load(&w.in.control->turns) == 0 && oct_mono_ns() < end)
        oct_bridge_poll(b, OCT_NS_PER_MS, &more);
    cr_expect_gt(atomic_load(&w.in.control->turns), 0, "and for the one after a restart");
}

Test(bridge, fragments_that_do_not_fit_are_counted_and_not_applied)
{
    struct {
        struct oct_in_packet m;
        uint8_t data[64];
    } p = {.m = {OCT_MSG_HDR(IN_PACKET, in_packet), .first_seq = 1, .msg_cnt = 1}};
    world_start(&w, 1u << 12, false, false);
    bridge(false);
    p.m.hdr.sz = sizeof(p);
    p.m.frag_sz = 64;
    p.m.pkt_sz = 128;
    p.m.frag_off = 64; /* its beginning is missing */
    world_emit(&w, &p.m.hdr, true);
    p.m.frag_off = 0;
    world_emit(&w, &p.m.hdr, true);
    p.m.frag_off = 64; /* of another packet */
    world_emit(&w, &p.m.hdr, true);
    p.m.pkt_sz = 64; /* a block longer than the packet */
    p.m.frag_off = 0;
    p.data[0] = 0xff;
    world_emit(&w, &p.m.hdr, true);
    world_trade(&w, 100);
    catch_up();
    books_equal();
    cr_expect_eq(m.totals.bad_records, 2);
}

Test(bridge, message_that_does_not_decode_makes_all_books_stale)
{
    world_start(&w, 1u << 12, false, false);
    bridge(false);
    world_trade(&w, 100);
    memcpy(w.pkt, "\0\2A!", 4); /* an add of two bytes */
    w.pkt_sz = 4;
    w.pkt_msgs = 1;
    world_packet(&w);
    catch_up();
    cr_expect_eq(m.totals.bad_messages, 1);
    cr_expect_eq(oct_mirror_book_doubt(&m, 5), OCT_DOUBT_STALE);
    memcpy(w.pkt, "\0\2~!", 4); /* a type of the future is skipped */
    w.pkt_sz = 4;
    w.pkt_msgs = 1;
    world_packet(&w);
    catch_up();
    cr_expect_eq(m.totals.bad_messages, 1);
}

Test(bridge, gaps_follow_the_collector)
{
    struct oct_in_feed f = {OCT_MSG_HDR(IN_FEED, in_feed), .from_seq = 5, .to_seq = 9,
                            .event = OCT_FEED_GAP};
    world_start(&w, 1u << 12, false, false);
    bridge(false);
    world_emit(&w, &f.hdr, true);
    catch_up();
    cr_expect_eq(m.doubt, OCT_DOUBT_GAP);
    f.to_seq = 7; /* a part of it */
    f.event = OCT_FEED_RECOVERED;
    world_emit(&w, &f.hdr, true);
    catch_up();
    cr_expect_eq(m.doubt, OCT_DOUBT_GAP);
    f.to_seq = 9;
    world_emit(&w, &f.hdr, true);
    catch_up();
    cr_expect_eq(m.doubt, 0);
    f.from_seq = f.to_seq = 20; /* silence */
    f.event = OCT_FEED_STALE;
    world_emit(&w, &f.hdr, true);
    catch_up();
    cr_expect_eq(m.doubt, OCT_DOUBT_SILENT);
    f.event = OCT_FEED_LIVE;
    world_emit(&w, &f.hdr, true);
    catch_up();
    cr_expect_eq(m.doubt, 0);
    f.to_seq = 30; /* a loss */
    f.event = OCT_FEED_STALE;
    world_emit(&w, &f.hdr, true);
    catch_up();
    cr_expect_eq(oct_mirror_book_doubt(&m, 5), OCT_DOUBT_STALE);
}

Test(bridge, commands_reach_the_lane_and_a_full_link_says_so)
{
    struct oct_in_cmd cmd = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = OCT_CMD_HALT, .value = 7};
    _Alignas(8) uint8_t buf[OCT_MSG_SZ_MAX];
    bridge(false);
    const struct oct_vitals *v = oct_bridge_vitals(b);
    cr_expect_neq(v->command(v->self, &cmd), 0, "nobody to command");
    world_start(&w, 1u << 12, false, false);
    catch_up();
    cr_assert_eq(v->command(v->self, &cmd), 0);
    uint64_t id = cmd.cmd_id;
    cr_assert_eq(oct_link_poll(&w.in.link[0], buf), 1);
    cr_expect_eq(((struct oct_in_cmd *)buf)->cmd, OCT_CMD_HALT);
    cr_expect_eq(((struct oct_in_cmd *)buf)->cmd_id, id);
    int n = 0;
    while (n < 1000 && v->command(v->self, &cmd) == 0)
        n++;
    cr_expect_lt(n, 1000);
    cr_expect_gt(n, 5);
}

Test(bridge, vitals_are_what_the_dataplane_publishes)
{
    static const struct oct_counter_def def = {"lane_inputs", "Inputs.", OCT_COUNTER_TOTAL};
    struct oct_vitals_counter c;
    struct oct_vitals_status st;
    struct oct_vitals_fault f;
    struct oct_vitals_pulse p;
    static struct oct_hist h;
    const char *name;
    world_start(&w, 1u << 12, false, false);
    struct oct_counter *n = oct_counters_add(w.in.counters, &def, 1, "lane=\"0\"");
    oct_count(n, 42);
    oct_count(&w.in.types['A'], 9);
    oct_hist_record(&w.in.hists[OCT_HOP_TICK_TO_TRADE].h, 300);
    oct_fault(w.in.faults, "feed.bad_message", 77, 1, 2, 3);
    oct_fault(w.in.recorder_faults, "journal.enospc", 78, 4, 5, 6);
    bridge(false);
    catch_up();
    const struct oct_vitals *v = oct_bridge_vitals(b);
    cr_assert(v->counter(v->self, 0, &c));
    cr_expect_str_eq(c.name, "lane_inputs");
    cr_expect_str_eq(c.labels, "lane=\"0\"");
    cr_expect_eq(c.value, 42);
    cr_assert(v->counter(v->self, 1 + 'A', &c));
    cr_expect_str_eq(c.labels, "type=\"A\"");
    cr_expect_eq(c.value, 9);
    cr_expect_not(v->counter(v->self, 257, &c));
    cr_assert(v->status(v->self, &st));
    cr_expect_eq(st.run_id, w.run_id);
    cr_expect_str_eq(st.instance, "world");
    cr_assert(v->hist(v->self, OCT_HOP_TICK_TO_TRADE, &name, &h));
    cr_expect_str_eq(name, "tick_to_trade");
    cr_expect_eq(h.total, 1);
    cr_expect_not(v->hist(v->self, OCT_HOP_CNT, &name, &h));
    cr_assert(v->fault(v->self, 0, &f));
    cr_expect_str_eq(f.code, "feed.bad_message");
    cr_assert(v->fault(v->self, 1, &f));
    cr_expect_str_eq(f.code, "journal.enospc");
    cr_expect_not(v->fault(v->self, 2, &f));
    cr_assert(v->pulse(v->self, OCT_PULSE_LANE, &p));
    cr_expect_str_eq(p.name, "lane");
}

Test(bridge, decisions_become_orders_fills_and_positions)
{
    struct oct_order o = {OCT_MSG_HDR(ORDER, order),
                          .order_id = 9,
                          .inst = 5,
                          .strategy = 2,
                          .px = oct_px_from_e4(1000000),
                          .qty = oct_qty_from_shares(10),
                          .action = OCT_ACTION_NEW,
                          .now_ns = 100};
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill),
                         .order_id = 9,
                         .match_id = 1,
                         .inst = 5,
                         .strategy = 2,
                         .px = oct_px_from_e4(1000000),
                         .qty = oct_qty_from_shares(4),
                         .now_ns = 200};
    world_start(&w, 1u << 12, true, false);
    bridge(true);
    world_emit(&w, &o.hdr, false);
    world_emit(&w, &f.hdr, false);
    f.match_id = 2;
    world_emit(&w, &f.hdr, false);
    f.broken = 1; /* the second one is undone */
    world_emit(&w, &f.hdr, false);
    world_trade(&w, 1);
    world_settle(&w);
    catch_up();
    const struct oct_mirror_order *mo = oct_mirror_order_by_id(&m, 9);
    cr_assert_not_null(mo);
    cr_expect_eq(mo->fill_qty.v, 4 * OCT_QTY_ONE);
    cr_assert_eq(m.pos_cnt, 1);
    cr_expect_eq(m.pos[0].pos.v, 4 * OCT_QTY_ONE);
    cr_expect_eq((int64_t)(m.pos[0].cash.v / OCT_PX_ONE / OCT_QTY_ONE), -400);
}
