/* Down by itself, latched, written before it is reported; up by command only. */
#include "tests/unit/agents/risk/rig.h"

static const oct_px px = {INT64_C(100010000000)};

static struct oct_risk_ladder state(struct rig *g)
{
    struct oct_risk_ladder l;

    oct_risk_ladder_state(g->r, &l);
    return l;
}

static struct oct_in_cmd move(enum oct_cmd_kind cmd, enum oct_scope scope, uint16_t id, int64_t to)
{
    return (struct oct_in_cmd){
        .cmd = (uint16_t)cmd, .scope = (uint8_t)scope, .account = id, .strategy = id, .value = to};
}

Test(risk_ladder, halted_refuses_orders_and_passes_cancels)
{
    struct rig *g = rig_new();
    struct oct_intent in;

    rig_start(g);
    rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1));
    rig_cmd(g, move(OCT_CMD_HALT, OCT_SCOPE_FIRM, 0, 0));
    cr_expect_eq(g->ladder.state, OCT_LADDER_HALTED);
    cr_expect_eq(g->ladder.prev, OCT_LADDER_ACTIVE);
    cr_expect_eq(g->ladder.by_person, 1);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(2))->failed, BIT(HALTED));
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, px, SHARES(2))->failed, BIT(HALTED));
    in = rig_intent(g, 0, 0, OCT_BUY, px, SHARES(0));
    in.action = OCT_ACTION_CANCEL;
    in.order_id = 1;
    cr_expect_eq(rig_judge(g, &in)->failed, 0);
    in.action = OCT_ACTION_REDUCE;
    cr_expect_eq(rig_judge(g, &in)->failed, 0);
}

Test(risk_ladder, reducing_passes_only_what_brings_a_position_nearer_to_zero)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, px, SHARES(100));
    rig_fill(g, 1, 0, OCT_SELL, px, SHARES(100));
    rig_cmd(g, move(OCT_CMD_REDUCE, OCT_SCOPE_FIRM, 0, 0));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(REDUCE_ONLY));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, px, SHARES(101))->failed, BIT(REDUCE_ONLY));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, px, SHARES(60))->failed, 0);
    /* 60 are being sold: 40 more may go, 41 not. */
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, px, SHARES(41))->failed, BIT(REDUCE_ONLY));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, px, SHARES(40))->failed, 0);
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_BUY, px, SHARES(100))->failed, 0);
    cr_expect_eq(rig_new_order(g, 1, 0, OCT_SELL, PX(1000200), SHARES(1))->failed,
                 BIT(REDUCE_ONLY));
    cr_expect_eq(rig_new_order(g, 2, 0, OCT_BUY, px, SHARES(1))->failed, BIT(REDUCE_ONLY));
}

Test(risk_ladder, the_lowest_of_firm_account_and_strategy_counts)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_cmd(g, move(OCT_CMD_HALT, OCT_SCOPE_STRATEGY, 0, 0));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(HALTED));
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_BUY, px, SHARES(1))->failed, 0);
    rig_cmd(g, move(OCT_CMD_REDUCE, OCT_SCOPE_ACCOUNT, 0, 0));
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_BUY, px, SHARES(2))->failed, BIT(REDUCE_ONLY));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(2))->failed, BIT(HALTED));
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, px, SHARES(1))->failed, 0);
}

Test(risk_ladder, down_is_latched_and_up_takes_a_command)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_cmd(g, move(OCT_CMD_HALT, OCT_SCOPE_FIRM, 0, 0));
    rig_cmd(g, move(OCT_CMD_REDUCE, OCT_SCOPE_FIRM, 0, 0));
    cr_expect_eq(state(g).firm, OCT_LADDER_HALTED, "reduce does not lift a halt");
    cr_expect_eq(g->ladder_cnt, 1);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_FIRM, 0, OCT_LADDER_HALTED))->result,
                 OCT_CMD_RESULT_WRONG_STATE);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_FIRM, 0, 4))->result,
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_FIRM, 0, -1))->result,
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_FIRM, 0, OCT_LADDER_REDUCING))->result,
                 OCT_CMD_RESULT_DONE);
    cr_expect_eq(state(g).firm, OCT_LADDER_REDUCING);
    rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_FIRM, 0, OCT_LADDER_ACTIVE));
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, 0);
}

Test(risk_ladder, members_that_do_not_exist_cannot_be_moved)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_HALT, OCT_SCOPE_STRATEGY, 3, 0))->result,
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_HALT, OCT_SCOPE_ACCOUNT, 2, 0))->result,
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_HALT, OCT_SCOPE_INSTRUMENT, 0, 0))->result,
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(g->ladder_cnt, 0);
}

Test(risk_ladder, kill_bits_kill_what_they_name_once)
{
    struct rig *g = rig_new();
    struct oct_in_kill k = {OCT_MSG_HDR(IN_KILL, in_kill), .bits = UINT64_C(1) << 1};

    rig_start(g);
    oct_risk_on_msg(g->r, &g->step, &k.hdr); /* strategy 0 */
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_KILLED);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(KILLED));
    cr_expect_eq(rig_new_order(g, 0, 1, OCT_BUY, px, SHARES(1))->failed, 0);
    k.bits |= UINT64_C(1) << 33; /* account 1 */
    oct_risk_on_msg(g->r, &g->step, &k.hdr);
    cr_expect_eq(g->ladder_cnt, 2);
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, px, SHARES(1))->failed, BIT(KILLED));
    rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_ACCOUNT, 1, OCT_LADDER_ACTIVE));
    cr_expect_eq(rig_new_order(g, 0, 2, OCT_BUY, px, SHARES(1))->failed, 0);
    k.bits |= 1; /* the firm; strategy 0's bit is still there and stays as it is */
    oct_risk_on_msg(g->r, &g->step, &k.hdr);
    cr_expect_eq(state(g).firm, OCT_LADDER_KILLED);
    /* Every bit at once, of members that do not exist too. */
    k.bits = ~UINT64_C(0);
    oct_risk_on_msg(g->r, &g->step, &k.hdr);
    cr_expect_eq(state(g).account[31], OCT_LADDER_KILLED);
    cr_expect_eq(state(g).strategy[30], OCT_LADDER_KILLED);
}

/* Strategy 0 buys 100 at 100.00 and the mark falls to a loss of `cents` per share. */
static void lose(struct rig *g, int64_t e4)
{
    rig_quote(g, 0, 1000000 - e4 - 100, 1000000 - e4 + 100);
}

static void loss_case(enum oct_scope scope, uint32_t id)
{
    struct rig *g = rig_new();

    rig_set(g, scope, id, "loss", USD(50));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    lose(g, 4999);
    cr_expect_eq(g->ladder_cnt, 0);
    lose(g, 5000); /* exactly 50.00 */
    cr_expect_eq(g->ladder_cnt, 0);
    lose(g, 5001);
    cr_expect_eq(g->ladder_cnt, 1);
    cr_expect_eq(g->ladder.state, OCT_LADDER_HALTED);
    cr_expect_eq(g->ladder.scope, scope);
    cr_expect_eq(g->ladder.cause, OCT_RISK_LOSS);
    cr_expect_eq(g->ladder.by_person, 0);
    cr_expect_eq(g->persisted.state, OCT_LADDER_HALTED);
    lose(g, 0); /* back in profit: latched */
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, PX(1000000), SHARES(1))->failed, BIT(HALTED));
}

Test(risk_ladder, a_loss_beyond_the_limit_halts_its_scope_without_an_order)
{
    loss_case(OCT_SCOPE_STRATEGY, 0);
    loss_case(OCT_SCOPE_ACCOUNT, 0);
    loss_case(OCT_SCOPE_FIRM, 0);
}

static void drawdown_case(enum oct_scope scope, uint32_t id)
{
    struct rig *g = rig_new();

    rig_set(g, scope, id, "drawdown", USD(50));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    lose(g, -10000); /* peak 100.00 */
    lose(g, -5000);
    cr_expect_eq(g->ladder_cnt, 0);
    lose(g, -4999);
    cr_expect_eq(g->ladder_cnt, 1);
    cr_expect_eq(g->ladder.state, OCT_LADDER_REDUCING);
    cr_expect_eq(g->ladder.cause, OCT_RISK_DRAWDOWN);
    cr_expect_eq(g->ladder.scope, scope);
    /* The way out stays open. */
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_SELL, PX(1000000), SHARES(100))->failed, 0);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, PX(999900), SHARES(1))->failed,
                 BIT(REDUCE_ONLY) | BIT(DRAWDOWN));
}

Test(risk_ladder, a_drawdown_beyond_the_limit_leaves_only_the_way_out)
{
    drawdown_case(OCT_SCOPE_STRATEGY, 0);
    drawdown_case(OCT_SCOPE_ACCOUNT, 0);
    drawdown_case(OCT_SCOPE_FIRM, 0);
}

Test(risk_ladder, what_one_strategy_loses_and_another_wins_is_no_loss_of_the_firm)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_FIRM, 0, "loss", USD(50));
    rig_set(g, OCT_SCOPE_FIRM, 0, "drawdown", USD(50));
    rig_set(g, OCT_SCOPE_ACCOUNT, 0, "loss", USD(50));
    rig_set(g, OCT_SCOPE_ACCOUNT, 0, "drawdown", USD(50));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000100), SHARES(1000));
    rig_fill(g, 0, 1, OCT_SELL, PX(1000100), SHARES(1000));
    lose(g, 100000);
    lose(g, -100000);
    lose(g, 0);
    cr_expect_eq(g->ladder_cnt, 0);
}

Test(risk_ladder, a_losing_fill_counts_at_once)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "loss", USD(50));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1100000), SHARES(100)); /* mark is 100.01 */
    cr_expect_eq(g->ladder.state, OCT_LADDER_HALTED);
}

Test(risk_ladder, rearming_needs_the_loss_within_its_limit)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "loss", USD(50));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    lose(g, 6000);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_STRATEGY, 0, 0))->result,
                 OCT_CMD_RESULT_REFUSED);
    cr_expect_eq(g->result.value, OCT_RISK_LOSS);
    lose(g, 4000);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_STRATEGY, 0, 0))->result,
                 OCT_CMD_RESULT_DONE);
    lose(g, 5001);
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_HALTED, "and trips again");
}

Test(risk_ladder, rearming_after_a_drawdown_measures_from_there)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "drawdown", USD(50));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    lose(g, -10000);
    lose(g, -4000);
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_REDUCING);
    rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_STRATEGY, 0, 0));
    lose(g, 1000);
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_ACTIVE);
    lose(g, 1001);
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_REDUCING);
}

Test(risk_ladder, rearming_needs_what_is_lost_within_the_drawdown)
{
    struct rig *g = rig_new();

    rig_set(g, OCT_SCOPE_STRATEGY, 0, "drawdown", USD(50));
    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000000), SHARES(100));
    lose(g, 6000);
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_REDUCING);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_STRATEGY, 0, 0))->result,
                 OCT_CMD_RESULT_REFUSED);
    cr_expect_eq(g->result.value, OCT_RISK_DRAWDOWN);
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_REDUCING);
    lose(g, 4000);
    cr_expect_eq(rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_STRATEGY, 0, 0))->result,
                 OCT_CMD_RESULT_DONE);
}

Test(risk_ladder, a_failed_recorder_halts_and_a_bad_clock_and_a_stale_feed_reduce)
{
    struct rig *g = rig_new();
    struct oct_in_recorder rec = {OCT_MSG_HDR(IN_RECORDER, in_recorder),
                                  .state = OCT_RECORDER_FAILED};
    struct oct_in_feed feed = {OCT_MSG_HDR(IN_FEED, in_feed), .event = OCT_FEED_STALE};

    rig_start(g);
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_CLOCK_BAD});
    cr_expect_eq(g->ladder.state, OCT_LADDER_REDUCING);
    cr_expect_eq(g->ladder.cause, OCT_RISK_CLOCK);
    oct_risk_on_msg(g->r, &g->step, &rec.hdr);
    cr_expect_eq(g->ladder.state, OCT_LADDER_HALTED);
    cr_expect_eq(g->ladder.cause, OCT_RISK_RECORDER);
    rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_FIRM, 0, 0));
    oct_risk_on_msg(g->r, &g->step, &feed.hdr);
    cr_expect_eq(g->ladder.state, OCT_LADDER_REDUCING);
    cr_expect_eq(g->ladder.cause, OCT_RISK_STALE);
    feed.event = OCT_FEED_GAP;
    rig_cmd(g, move(OCT_CMD_REARM, OCT_SCOPE_FIRM, 0, 0));
    oct_risk_on_msg(g->r, &g->step, &feed.hdr);
    cr_expect_eq(state(g).firm, OCT_LADDER_ACTIVE, "a gap is not yet stale");
}

Test(risk_ladder, a_silent_control_freezes_limits_and_moves_nothing_unless_told_to)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_BEGIN, .version = 1});
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_CONTROL_SILENT});
    cr_expect_eq(state(g).firm, OCT_LADDER_ACTIVE);
    cr_expect_eq(rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_COMMIT, .version = 1})->result,
                 OCT_CMD_RESULT_WRONG_STATE);
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_CONTROL_BACK});
    cr_expect_eq(rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_COMMIT, .version = 1})->result,
                 OCT_CMD_RESULT_DONE);
    g = rig_new();
    g->cfg.on_control_silent = OCT_LADDER_HALTED;
    rig_start(g);
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_CONTROL_SILENT});
    cr_expect_eq(state(g).firm, OCT_LADDER_HALTED);
}

Test(risk_ladder, a_state_kept_on_disk_is_taken_over_and_never_lifts)
{
    struct rig *g = rig_new();
    struct oct_risk_ladder kept = {.firm = OCT_LADDER_REDUCING};
    struct oct_in_start start = {OCT_MSG_HDR(IN_START, in_start), .ladder = OCT_LADDER_HALTED};

    kept.strategy[0] = OCT_LADDER_KILLED;
    kept.account[1] = 77; /* not a state */
    rig_start(g);
    oct_risk_ladder_restore(g->r, &kept);
    cr_expect_eq(state(g).firm, OCT_LADDER_REDUCING);
    cr_expect_eq(state(g).strategy[0], OCT_LADDER_KILLED);
    cr_expect_eq(state(g).account[1], OCT_LADDER_HALTED);
    oct_risk_on_msg(g->r, &g->step, &start.hdr);
    cr_expect_eq(state(g).firm, OCT_LADDER_HALTED);
    start.ladder = OCT_LADDER_ACTIVE;
    oct_risk_on_msg(g->r, &g->step, &start.hdr);
    cr_expect_eq(state(g).firm, OCT_LADDER_HALTED);
    cr_expect_eq(g->ladder_cnt, 0, "nothing moved: nothing is reported");
}
