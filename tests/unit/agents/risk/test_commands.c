/* Commands: people's orders, lists, the answer that each one gets. */
#include "tests/unit/agents/risk/rig.h"

static const oct_px px = {INT64_C(100010000000)};

static struct oct_in_cmd order(uint16_t strategy, uint16_t account, uint8_t side, oct_qty qty)
{
    return (struct oct_in_cmd){.cmd = OCT_CMD_ORDER,
                               .strategy = strategy,
                               .account = account,
                               .side = side,
                               .px = px,
                               .qty = qty};
}

Test(risk_commands, a_persons_order_is_an_intent_that_is_judged_like_any_other)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect_eq(rig_cmd(g, order(0, 0, OCT_BUY, SHARES(5)))->result, OCT_CMD_RESULT_DONE);
    cr_expect_eq(g->result.value, 1, "the order's id");
    cr_expect_eq(g->intent_cnt, 1);
    cr_expect_eq(g->intent.manual, 1);
    cr_expect_eq(g->intent.contrib[0], 0);
    cr_expect_eq(g->intent.contrib[1], OCT_STRATEGY_NONE);
    cr_expect(g->intent.weight[0] == 1.0);
    cr_expect_eq(g->verdict.intent_id, g->intent.intent_id);
    cr_expect(g->intent.intent_id >> 63, "numbered apart");
    rig_cmd(g, order(0, 0, OCT_BUY, SHARES(2000000)));
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_REFUSED);
    cr_expect_eq(g->result.value, OCT_RISK_QTY);
    cr_expect_eq(g->verdict_cnt, 2);
    cr_expect_eq(g->submit_cnt, 1);
}

Test(risk_commands, a_persons_order_without_a_strategy_goes_to_the_manual_one)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect_eq(rig_cmd(g, order(OCT_STRATEGY_NONE, 0, OCT_BUY, SHARES(5)))->result,
                 OCT_CMD_RESULT_DONE);
    cr_expect_eq(g->intent.strategy, 1);
}

Test(risk_commands, a_persons_sale_is_marked_short_when_it_is)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, px, SHARES(5));
    rig_cmd(g, order(0, 0, OCT_SELL, SHARES(5)));
    cr_expect_eq(g->intent.short_sale, 0);
    cr_expect_eq(g->verdict.failed, 0);
    rig_cmd(g, order(0, 0, OCT_SELL, SHARES(1)));
    cr_expect_eq(g->intent.short_sale, 1);
    cr_expect_eq(g->verdict.failed, 0);
}

Test(risk_commands, an_approved_order_that_execution_did_not_take_is_not_reported_done)
{
    struct rig *g = rig_new();

    g->silent = true;
    rig_start(g);
    cr_expect_eq(rig_cmd(g, order(0, 0, OCT_BUY, SHARES(5)))->result, OCT_CMD_RESULT_REFUSED);
}

Test(risk_commands, orders_with_hostile_fields_are_refused)
{
    struct rig *g = rig_new();
    struct oct_in_cmd c = order(0, 0, OCT_BUY, SHARES(5));

    rig_start(g);
    c.inst = UINT32_MAX;
    cr_expect_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_REFUSED);
    c.inst = 0;
    c.side = 255;
    cr_expect_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_REFUSED);
    c.side = 0;
    c.ord_type = 200;
    cr_expect_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_REFUSED);
    c.ord_type = 0;
    c.tif = 99;
    cr_expect_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_REFUSED);
    c.tif = 0;
    c.strategy = 65000;
    cr_expect_eq(rig_cmd(g, c)->result, OCT_CMD_RESULT_REFUSED);
    cr_expect_eq(g->submit_cnt, 0);
}

Test(risk_commands, members_and_instruments_out_of_range_are_refused)
{
    struct rig *g = rig_new();

    rig_start(g);
    cr_expect_eq(rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_RESTRICT, .inst = INST_CNT})->result,
                 OCT_CMD_RESULT_BAD_VALUE);
    cr_expect_eq(
        rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_STRATEGY_OFF, .strategy = 3})->result,
        OCT_CMD_RESULT_NOT_FOUND);
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_BEGIN, .version = 1});
    cr_expect_eq(rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_ROW,
                                                .version = 1,
                                                .scope = OCT_SCOPE_INSTRUMENT,
                                                .inst = INST_CNT,
                                                .key = OCT_RISK_LIMIT_order_qty,
                                                .value = 1})
                     ->result,
                 OCT_CMD_RESULT_BAD_VALUE);
}

Test(risk_commands, commands_of_others_are_left_to_them)
{
    static const uint16_t others[] = {OCT_CMD_CANCEL, OCT_CMD_CANCEL_ALL, OCT_CMD_RECONCILE,
                                      OCT_CMD_PARAM, 999};
    struct rig *g = rig_new();

    rig_start(g);
    for (unsigned i = 0; i < OCT_ARRAY_CNT(others); i++) {
        struct oct_in_cmd c = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = others[i]};
        oct_risk_on_msg(g->r, &g->step, &c.hdr);
    }
    cr_expect_eq(g->result_cnt, 0);
}

Test(risk_commands, new_limits_apply_to_the_next_order_and_their_version_is_in_the_verdict)
{
    struct rig *g = rig_new();

    rig_start(g);
    rig_new_order(g, 3, 0, OCT_BUY, px, SHARES(5));
    cr_expect_eq(g->verdict.limit_version, 0);
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_BEGIN, .version = 9});
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_ROW,
                                   .version = 9,
                                   .scope = OCT_SCOPE_INSTRUMENT,
                                   .inst = 3,
                                   .key = OCT_RISK_LIMIT_order_qty,
                                   .value = SHARES(4).v});
    cr_expect_eq(rig_new_order(g, 3, 0, OCT_BUY, px, SHARES(6))->failed, 0, "not yet");
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_COMMIT, .version = 9});
    cr_expect_eq(g->result.version, 9);
    cr_expect_eq(rig_new_order(g, 3, 0, OCT_BUY, px, SHARES(5))->failed, BIT(QTY));
    cr_expect_eq(g->verdict.limit_version, 9);
    cr_expect_eq(rig_new_order(g, 2, 0, OCT_BUY, px, SHARES(5))->failed, 0, "others as before");
}

Test(risk_commands, lowering_a_loss_limit_below_the_loss_acts_at_once)
{
    struct rig *g = rig_new();
    __int128 loss = USD(1);

    rig_start(g);
    rig_fill(g, 0, 0, OCT_BUY, PX(1000500), SHARES(100)); /* 4.00 down */
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_BEGIN, .version = 1});
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_ROW,
                                   .version = 1,
                                   .scope = OCT_SCOPE_STRATEGY,
                                   .strategy = 0,
                                   .key = OCT_RISK_LIMIT_loss,
                                   .value = (int64_t)(uint64_t)loss,
                                   .value_hi = (uint64_t)(loss >> 64)});
    rig_cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_LIMIT_COMMIT, .version = 1});
    cr_expect_eq(g->ladder_cnt, 1);
    cr_expect_eq(g->ladder.state, OCT_LADDER_HALTED);
    cr_expect_eq(rig_new_order(g, 0, 0, OCT_BUY, px, SHARES(1))->failed, BIT(HALTED) | BIT(LOSS));
}

static uint64_t scripted_digest(void)
{
    struct rig *g = rig_new();

    rig_start(g);
    for (int i = 0; i < 50; i++) {
        g->step.now_ns += 1000;
        rig_new_order(g, (uint32_t)i % 8, (uint16_t)(i % 3), (uint8_t)(i & 1), px, SHARES(1 + i));
        rig_fill(g, (uint32_t)i % 8, (uint16_t)(i % 3), (uint8_t)(i & 1), px, SHARES(1));
        rig_quote(g, (uint32_t)i % 8, 1000000 + i * 100, 1000200 + i * 100);
    }
    return oct_risk_digest(g->r);
}

Test(risk_commands, the_same_inputs_give_the_same_state)
{
    cr_assert_eq(scripted_digest(), scripted_digest());
}

Test(risk_commands, configurations_out_of_range_have_no_footprint)
{
    struct rig *g = rig_new();
    struct oct_risk_cfg c;

    cr_expect_neq(oct_risk_footprint(&g->cfg), 0);
    c = g->cfg;
    c.inst_cnt = 0;
    cr_expect_eq(oct_risk_footprint(&c), 0);
    c = g->cfg;
    c.strategy_cnt = OCT_RISK_STRATEGY_MAX + 1;
    cr_expect_eq(oct_risk_footprint(&c), 0);
    c = g->cfg;
    c.account_of[1] = 2;
    cr_expect_eq(oct_risk_footprint(&c), 0, "an account that is not");
    c = g->cfg;
    c.on_clock_bad = 4;
    cr_expect_eq(oct_risk_footprint(&c), 0);
    c = g->cfg;
    c.order_cnt_max = 0;
    cr_expect_eq(oct_risk_footprint(&c), 0);
    cr_expect_null(oct_risk_new(g, &c));
}
