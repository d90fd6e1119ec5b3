/* Switching strategies on and off, changing parameters, refusals, determinism. */
#include "dataplane/base/rng.h"
#include "tests/unit/agents/strategy/rig.h"

static struct rig *two(void)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    p->take = 0;
    rig_add(g, OCT_STRATEGY_MARKET_MAKING);
    g->def[1].on = 0;
    return g;
}

static void cmd(struct rig *g, struct oct_in_cmd m)
{
    m.hdr = (struct oct_msg_hdr){.type = OCT_IN_CMD, .sz = sizeof m};
    m.cmd_id = 77;
    oct_strategy_on_msg(g->a, &g->step, &m.hdr);
}

Test(strategy_commands, off_withdraws_orders_and_sends_no_more_and_on_begins_again)
{
    struct rig *g = two();

    rig_start(g);
    rig_bbo(g, 3, 1000000, 900, 1000200, 100);
    rig_works(g, &g->intent[0], 1);
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_STRATEGY_OFF, .strategy = 10});
    cr_assert_eq(g->intent_cnt, 2);
    cr_expect_eq(rig_last(g)->action, OCT_ACTION_CANCEL);
    g->step.now_ns += 5 * SECOND;
    rig_bbo(g, 3, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 2);
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_STRATEGY_ON, .strategy = 10});
    rig_bbo(g, 3, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 3);
    cr_expect_eq(g->result_cnt, 0, "risk answers these");
}

Test(strategy_commands, off_from_the_start_means_off)
{
    struct rig *g = two();

    rig_start(g);
    rig_bbo(g, 3, 1000000, 500, 1000200, 500);
    cr_expect_eq(g->intent_cnt, 0);
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_STRATEGY_ON, .strategy = 11});
    rig_bbo(g, 3, 1000000, 500, 1000200, 500);
    cr_expect_eq(g->intent_cnt, 2);
}

Test(strategy_commands, a_parameter_takes_effect_with_the_next_event)
{
    struct rig *g = two();

    rig_start(g);
    rig_bbo(g, 3, 1000000, 700, 1000200, 300);
    cr_expect_eq(g->intent_cnt, 0);
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_PARAM,
                               .strategy = 10,
                               .key = OCT_STRATEGY_PARAM_threshold,
                               .value = OCT_RATIO(0.3)});
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_DONE);
    cr_expect_eq(g->result.cmd_id, 77);
    cr_expect_eq(g->result.value, OCT_RATIO(0.6), "the value before");
    rig_bbo(g, 3, 1000000, 700, 1000200, 300);
    cr_expect_eq(g->intent_cnt, 1);
}

Test(strategy_commands, parameters_that_make_no_sense_are_refused)
{
    struct rig *g = two();

    rig_start(g);
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_PARAM, .strategy = 99, .key = 1, .value = 1});
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_NOT_FOUND);
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_PARAM, .strategy = 40000, .key = 1, .value = 1});
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_NOT_FOUND);
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_PARAM, .strategy = 10, .key = 0, .value = 1});
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_NOT_FOUND);
    cmd(g, (struct oct_in_cmd){
               .cmd = OCT_CMD_PARAM, .strategy = 10, .key = OCT_STRATEGY_PARAM_qty, .value = -1});
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_BAD_VALUE);
    cmd(g, (struct oct_in_cmd){
               .cmd = OCT_CMD_PARAM, .strategy = 10, .key = OCT_STRATEGY_PARAM_PLUGIN, .value = 1});
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_NOT_FOUND, "not a plug-in");
    cr_expect_eq(g->result_cnt, 5);
}

Test(strategy_commands, updates_and_fills_of_others_do_not_matter)
{
    struct rig *g = two();
    struct oct_intent other = {.strategy = 60000, .inst = 3, .side = OCT_BUY, .qty = SHARES(5)};
    uint64_t before;

    rig_start(g);
    rig_event(g, 0, OCT_MARKET_TRADE);
    before = oct_strategy_digest(g->a);
    rig_works(g, &other, 9);
    rig_fill(g, &other, SHARES(5));
    other.strategy = 10;
    other.inst = INST_CNT;
    rig_works(g, &other, 9);
    rig_fill(g, &other, SHARES(5));
    cr_expect_eq(oct_strategy_digest(g->a), before);
}

Test(strategy_commands, a_persons_order_under_a_strategys_name_is_not_mistaken_for_its_own)
{
    struct rig *g = two();
    struct oct_intent mine;

    rig_start(g);
    rig_bbo(g, 3, 1000000, 900, 1000200, 100);
    mine = *rig_last(g);
    rig_works(g, &mine, 1);
    rig_works(g, &mine, 500); /* not asked for */
    cmd(g, (struct oct_in_cmd){.cmd = OCT_CMD_STRATEGY_OFF, .strategy = 10});
    cr_expect_eq(g->intent_cnt, 2);
    cr_expect_eq(rig_last(g)->order_id, 1);
}

Test(strategy_commands, more_instruments_than_slots_are_counted_not_traded)
{
    struct rig *g = two();

    g->cfg.slot_cnt_max = 2;
    rig_start(g);
    for (uint32_t i = 0; i < 5; i++)
        rig_bbo(g, i, 1000000, 900, 1000200, 100);
    cr_expect_eq(g->intent_cnt, 2);
    cr_expect_eq(oct_count_get(&g->counters[OCT_STRATEGY_C_NO_SLOT]), 3);
}

Test(strategy_commands, configurations_out_of_range_have_no_footprint)
{
    struct rig *g = two();

    cr_expect_neq(oct_strategy_footprint(&g->cfg), 0);
    g->def[1].id = g->def[0].id;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0, "the same id twice");
    g->def[1].id = 300;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
    g->def[1].id = 11;
    g->def[1].kind = OCT_STRATEGY_PLUGIN; /* without one */
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
    g->def[1].kind = 9;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
    g->def[1].kind = 0;
    g->cfg.slot_cnt_max = OCT_STRATEGY_SLOT_MAX + 1;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
    g->cfg.slot_cnt_max = 1;
    g->cfg.def_cnt = OCT_STRATEGY_INSTANCE_MAX + 1;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
    g->cfg.def_cnt = 2;
    g->cfg.inst_cnt = 0;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
    cr_expect_null(oct_strategy_new(g, &g->cfg));
}

Test(strategy_commands, kinds_have_names)
{
    for (int k = 0; k <= OCT_STRATEGY_PLUGIN; k++)
        cr_expect_eq(oct_strategy_kind_by_name(oct_strategy_kind_name((enum oct_strategy_kind)k)),
                     k);
    cr_expect_lt(oct_strategy_kind_by_name("arbitrage"), 0);
    cr_expect_null(oct_strategy_kind_name((enum oct_strategy_kind)6));
}

/* A random market through all five; the digest covers what every one of them knows. */
static uint64_t scripted(uint64_t seed, uint32_t *intents)
{
    struct rig *g = rig_new();
    struct oct_rng rng;

    oct_rng_init(&rng, seed);
    for (int k = OCT_STRATEGY_MOMENTUM; k <= OCT_STRATEGY_MARKET_MAKING; k++)
        rig_add(g, (enum oct_strategy_kind)k)->threshold = OCT_RATIO(0.4);
    rig_start(g);
    for (int i = 0; i < 4000; i++) {
        uint32_t inst = (uint32_t)oct_rng_below(&rng, 8);
        int64_t mid = 1000000 + (int64_t)oct_rng_below(&rng, 40) * 100;
        g->step.now_ns += (int64_t)oct_rng_below(&rng, 50000000);
        g->step.feed_seq++;
        g->features[inst].momentum = oct_rng_f64(&rng) * 2 - 1;
        g->features[inst].boll_mid = 100 + oct_rng_f64(&rng);
        g->features[inst].boll_up = g->features[inst].boll_mid + 0.1;
        rig_bbo(g, inst, mid, 1 + (int64_t)oct_rng_below(&rng, 900), mid + 200,
                1 + (int64_t)oct_rng_below(&rng, 900));
        rig_event(g, inst, OCT_MARKET_BAR);
        for (; g->intent_cnt > 0; g->intent_cnt--, g->emitted_cnt--) {
            struct oct_intent in = g->intent[g->intent_cnt - 1];
            uint64_t id = g->next_id - (g->intent_cnt - 1) % 2;
            (*intents)++;
            if (in.action == OCT_ACTION_CANCEL)
                continue;
            if (oct_rng_below(&rng, 2)) {
                rig_fill(g, &in, in.qty);
                rig_update(g, &in, id, OCT_ORD_STATE_FILLED, SHARES(0), in.qty);
            } else {
                rig_works(g, &in, id);
            }
        }
    }
    return oct_strategy_digest(g->a);
}

Test(strategy_commands, the_same_inputs_give_the_same_state)
{
    uint32_t a = 0, b = 0, c = 0;
    uint64_t first = scripted(1, &a);

    cr_assert_eq(first, scripted(1, &b));
    cr_assert_neq(first, scripted(2, &c));
    cr_assert_eq(a, b);
    cr_assert_gt(a, 100);
}
