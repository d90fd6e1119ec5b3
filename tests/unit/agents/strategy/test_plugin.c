/* Plug-ins: what is loaded and what is not; what one may do from the agent's inside. */
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agents/strategy/load.h"
#include "tests/unit/agents/strategy/rig.h"
#include "tests/unit/keep.h"

#define PLUGIN(name) OCT_PLUGIN_DIR "/" name ".so"

static char err[OCT_PLUGIN_ERR_SZ];
static struct oct_plugin_loaded loaded;

/* ---- loading ---------------------------------------------------------------------------------- */

Test(plugin_load, the_example_is_loaded)
{
    cr_assert_eq(oct_strategy_load(PLUGIN("pressure"), &loaded, err, sizeof err), 0, "%s", err);
    cr_expect_str_eq(loaded.plugin->name, "pressure");
    cr_expect_neq(loaded.build_id, 0);
}

static void refused(const char *path, int code, const char *why)
{
    err[0] = 0;
    cr_expect_eq(oct_strategy_load(path, &loaded, err, sizeof err), code, "%s: %s", path, err);
    cr_expect(strstr(err, why), "%s: %s", path, err);
    cr_expect_eq(oct_strategy_load(path, &loaded, NULL, 0), code, "without a place for words");
}

Test(plugin_load, what_is_no_plug_in_is_refused_with_the_reason)
{
    refused(PLUGIN("bad_symbol"), -EPERM, "printf");
    refused(PLUGIN("bad_library"), -EPERM, "libz");
    refused(PLUGIN("bad_abi"), -EPROTO, "interface version 2");
    refused(PLUGIN("bad_empty"), -EPROTO, "oct_plugin");
    refused(PLUGIN("bad_table"), -EPROTO, "lacks a function");
    refused(PLUGIN("not_there"), -ENOENT, "not_there");
    refused("/dev/null", -ENOEXEC, "regular file");
    refused("/proc/self/exe", -EPERM, "a lane may not call");
    refused(OCT_DOCS "/strategies.md", -ENOEXEC, "shared object");
}

static size_t slurp(const char *path, uint8_t *buf, size_t cap)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(buf, 1, cap, f) : 0;

    if (f)
        fclose(f);
    return n;
}

Test(plugin_load, damaged_files_are_refused_and_never_mapped)
{
    static uint8_t good[1 << 20], bad[1 << 20];
    size_t n = slurp(PLUGIN("bad_symbol"), good, sizeof good);
    char path[] = P_tmpdir "/octopus-plugin-XXXXXX";
    int fd = mkstemp(path);
    uint64_t x = 88172645463325252u;

    cr_assert_gt(n, 1000);
    cr_assert_geq(fd, 0);
    for (int round = 0; round < 3000; round++) {
        size_t len = n;
        memcpy(bad, good, n);
        for (int i = 0; i < 1 + round % 4; i++) {
            x ^= x << 13;
            x ^= x >> 7;
            x ^= x << 17;
            /* Headers and tables mostly: the front and the back of the file. */
            bad[x % 3 == 0 ? x % 64 : x % 3 == 1 ? n - 1 - x % 2000 : x % n] = (uint8_t)(x >> 40);
        }
        if (round % 7 == 0)
            len = x % n;
        cr_assert_eq(ftruncate(fd, 0), 0);
        cr_assert_eq(pwrite(fd, bad, len, 0), (ssize_t)len);
        /* printf is still needed unless its name or its table was hit: never accept it. */
        if (oct_strategy_load(path, &loaded, err, sizeof err) == 0)
            cr_assert(!memmem(bad, len, "printf", 6), "round %d", round);
    }
    close(fd);
    unlink(path);
}

/* The dynamic linker does not read the section table: neither may the check trust it alone. */
Test(plugin_load, a_section_table_that_hides_a_symbol_does_not_help)
{
    static uint8_t so[1 << 20];
    size_t n = slurp(PLUGIN("bad_symbol"), so, sizeof so);
    Elf64_Ehdr eh;
    char path[] = P_tmpdir "/octopus-plugin-XXXXXX";
    int fd = mkstemp(path);
    unsigned hidden = 0;

    cr_assert_geq(fd, 0);
    memcpy(&eh, so, sizeof eh);
    for (unsigned i = 0; i < eh.e_shnum; i++) {
        Elf64_Shdr sh;
        memcpy(&sh, so + eh.e_shoff + i * sizeof sh, sizeof sh);
        if (sh.sh_type != SHT_DYNSYM)
            continue;
        sh.sh_size = sizeof(Elf64_Sym);
        memcpy(so + eh.e_shoff + i * sizeof sh, &sh, sizeof sh);
        hidden++;
    }
    cr_assert_eq(hidden, 1u);
    cr_assert_eq(pwrite(fd, so, n, 0), (ssize_t)n);
    refused(path, -EPERM, "printf");
    close(fd);
    unlink(path);
}

Test(plugin_load, the_document_shows_the_example_as_it_is)
{
    static uint8_t doc[1 << 20], src[1 << 16];
    size_t n = slurp(OCT_DOCS "/strategies.md", doc, sizeof doc - 1);
    size_t m = slurp(OCT_PLUGIN_SRC "/pressure.c", src, sizeof src - 1);

    cr_assert(n && m);
    cr_assert(memmem(doc, n, src, m), "docs/strategies.md differs from plugins/pressure.c");
}

Test(plugin_load, the_document_lists_every_parameter)
{
    static uint8_t doc[1 << 20];
    size_t n = slurp(OCT_DOCS "/strategies.md", doc, sizeof doc - 1);

    for (size_t i = 0; i < OCT_ARRAY_CNT(oct_strategy_param_defs); i++) {
        const struct oct_strategy_param_def *d = &oct_strategy_param_defs[i];
        char row[512];
        int len = snprintf(row, sizeof row, "| `%s` |", d->name);
        cr_assert(memmem(doc, n, row, (size_t)len), "%s is missing", d->name);
        len = snprintf(row, sizeof row, "| %s |", d->doc);
        cr_assert(memmem(doc, n, row, (size_t)len), "%s: its meaning is another", d->name);
    }
}

/* ---- the example in the agent ----------------------------------------------------------------- */

static struct rig *with_example(void)
{
    struct rig *g = rig_new();
    struct oct_strategy_params *p;

    cr_assert_eq(oct_strategy_load(PLUGIN("pressure"), &loaded, err, sizeof err), 0, "%s", err);
    p = rig_add(g, OCT_STRATEGY_PLUGIN);
    p->threshold = OCT_RATIO(0.3);
    p->hold_ns = 0;
    g->def[0].plugin = loaded.plugin;
    g->def[0].plugin_param[0] = 2;
    return g;
}

static void trade(struct rig *g, uint32_t inst, uint8_t side, int64_t shares)
{
    struct oct_market m = {OCT_MSG_HDR(MARKET, market), .inst = inst,
                           .what = OCT_MARKET_TRADE,    .px = PX(1000100),
                           .qty = SHARES(shares),       .side = side};
    g->step.ts_exch_ns = m.ts_exch_ns = g->step.now_ns - SECOND;
    oct_strategy_on_msg(g->a, &g->step, &m.hdr);
}

Test(plugin, its_signal_opens_and_closes_like_a_built_in_one)
{
    struct rig *g = with_example();

    rig_start(g);
    trade(g, 5, OCT_SELL, 50); /* 0.25 */
    cr_expect_eq(g->intent_cnt, 0);
    trade(g, 5, OCT_SELL, 500); /* 0.625 */
    cr_assert_eq(g->intent_cnt, 1);
    cr_expect_eq(rig_last(g)->side, OCT_BUY);
    cr_expect_eq(rig_last(g)->contrib[0], 10);
    cr_expect_float_eq(rig_last(g)->score, 0.625, 1e-12);
    rig_done(g);
    g->step.now_ns += SECOND;
    trade(g, 5, OCT_BUY, 500);
    cr_assert_eq(g->intent_cnt, 2);
    cr_expect_eq(rig_last(g)->side, OCT_SELL);
    g->inst[6].trading = 'H';
    for (int i = 0; i < 5; i++)
        trade(g, 6, OCT_SELL, 500);
    cr_expect_eq(g->intent_cnt, 2);
}

Test(plugin, its_vote_counts_for_the_others)
{
    struct rig *g = with_example();
    struct oct_strategy_params *p = rig_add(g, OCT_STRATEGY_IMBALANCE);

    p->threshold = OCT_RATIO(0.6);
    g->def[0].params.enter = OCT_RATIO(1.0); /* votes, and never opens itself */
    rig_start(g);
    trade(g, 5, OCT_SELL, 500);
    trade(g, 5, OCT_SELL, 500);
    rig_bbo(g, 5, 1000000, 900, 1000200, 100);
    cr_assert_eq(g->intent_cnt, 1);
    cr_expect_eq(rig_last(g)->strategy, 11);
    cr_expect_eq(rig_last(g)->contrib[0], 10);
    cr_expect_eq(rig_last(g)->contrib[1], 11);
}

Test(plugin, its_parameters_are_its_own_to_refuse)
{
    struct rig *g = with_example();
    struct oct_in_cmd c = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = OCT_CMD_PARAM, .strategy = 10,
                           .key = OCT_STRATEGY_PARAM_PLUGIN, .value = 1};

    rig_start(g);
    oct_strategy_on_msg(g->a, &g->step, &c.hdr);
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_DONE);
    cr_expect_eq(g->result.value, 2);
    trade(g, 5, OCT_SELL, 500); /* remembers one trade: full at once */
    cr_expect_float_eq(rig_last(g)->score, 1.0, 1e-12);
    c.value = -1;
    oct_strategy_on_msg(g->a, &g->step, &c.hdr);
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_BAD_VALUE);
    c.key = OCT_STRATEGY_PARAM_PLUGIN + OCT_PLUGIN_PARAM_CNT;
    oct_strategy_on_msg(g->a, &g->step, &c.hdr);
    cr_expect_eq(g->result.result, OCT_CMD_RESULT_NOT_FOUND);
}

Test(plugin, its_state_is_part_of_the_digest)
{
    struct rig *g = with_example(), *h = with_example();

    rig_start(g);
    rig_start(h);
    cr_assert_eq(oct_strategy_digest(g->a), oct_strategy_digest(h->a));
    trade(g, 5, OCT_SELL, 1);
    trade(h, 5, OCT_SELL, 1);
    cr_assert_eq(oct_strategy_digest(g->a), oct_strategy_digest(h->a));
    trade(g, 5, OCT_SELL, 1);
    trade(h, 5, OCT_SELL, 2);
    cr_assert_neq(oct_strategy_digest(g->a), oct_strategy_digest(h->a));
}

/* ---- one made for the test: it submits itself ---------------------------------------------------- */

static struct {
    struct oct_plugin_order order;
    bool taken;
    uint32_t market_cnt, order_cnt, fill_cnt;
    double signal, confidence;
    uint32_t signal_inst;
    bool say;
} play;

static size_t play_footprint(const struct oct_plugin_cfg *cfg)
{
    return cfg->param[0] == 13 ? 0 : 64;
}

static int play_init(void *state, const struct oct_plugin_cfg *cfg)
{
    cr_assert_eq((uintptr_t)state % 128, 0);
    cr_assert_eq(cfg->strategy, 10);
    return cfg->param[0] == 14 ? -1 : 0;
}

static void play_market(void *state, struct oct_plugin_env *env, const struct oct_market *m)
{
    (void)state;
    (void)m;
    play.market_cnt++;
    cr_assert_eq(env->feed_seq, 1234);
    if (play.say)
        env->signal(env, play.signal_inst, play.signal, play.confidence);
    else
        play.taken = env->submit(env, &play.order);
}

static void play_order(void *state, struct oct_plugin_env *env, const struct oct_order_update *m)
{
    (void)state;
    (void)env;
    cr_assert_eq(m->strategy, 10);
    play.order_cnt++;
}

static void play_fill(void *state, struct oct_plugin_env *env, const struct oct_fill *m)
{
    (void)state;
    (void)env;
    (void)m;
    play.fill_cnt++;
}

static uint64_t play_digest(const void *state)
{
    return state != NULL;
}

static const struct oct_plugin player = {
    .abi = OCT_PLUGIN_ABI,
    .sz = sizeof(struct oct_plugin),
    .name = "player",
    .wants = OCT_MARKET_BBO | OCT_MARKET_STATE,
    .footprint = play_footprint,
    .init = play_init,
    .on_market = play_market,
    .on_order = play_order,
    .on_fill = play_fill,
    .digest = play_digest,
};

static struct rig *with_player(void)
{
    struct rig *g = rig_new();

    rig_add(g, OCT_STRATEGY_PLUGIN);
    g->def[0].plugin = &player;
    play.order = (struct oct_plugin_order){
        .inst = 3, .action = OCT_ACTION_NEW, .side = OCT_SELL, .px = PX(1000200), .qty = SHARES(7)};
    return g;
}

Test(plugin, an_order_it_submits_is_an_intent_of_its_own)
{
    struct rig *g = with_player();

    rig_start(g);
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_assert(play.taken);
    cr_assert_eq(g->intent_cnt, 1);
    cr_expect_eq(rig_last(g)->strategy, 10);
    cr_expect_eq(rig_last(g)->account, 3);
    cr_expect_eq(rig_last(g)->short_sale, 1);
    cr_expect_eq(rig_last(g)->contrib[0], 10);
    cr_expect_eq(play.order_cnt, 1, "told before submit returned");
    rig_fill(g, rig_last(g), SHARES(7));
    cr_expect_eq(play.fill_cnt, 1);
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_expect_not(play.taken, "within min_gap_ns");
    play.order.action = OCT_ACTION_CANCEL;
    play.order.order_id = 1;
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_expect(play.taken, "cancels are not held back");
    cr_expect_eq(rig_last(g)->action, OCT_ACTION_CANCEL);
}

Test(plugin, orders_and_signals_that_make_no_sense_go_nowhere)
{
    struct rig *g = with_player();

    rig_start(g);
    play.order.inst = INST_CNT;
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_expect_not(play.taken);
    play.order.inst = 3;
    play.order.action = 77;
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_expect_not(play.taken);
    play.say = true;
    play.signal_inst = UINT32_MAX;
    play.signal = 1;
    play.confidence = 1;
    rig_event(g, 3, OCT_MARKET_BBO);
    play.signal_inst = 3;
    play.signal = 1.5;
    rig_event(g, 3, OCT_MARKET_BBO);
    play.signal = (double)NAN;
    rig_event(g, 3, OCT_MARKET_BBO);
    play.signal = 1;
    play.confidence = -0.1;
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_expect_eq(g->intent_cnt, 0);
    play.confidence = 1;
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_expect_eq(g->intent_cnt, 1);
}

Test(plugin, it_is_called_for_what_it_wants_where_it_may_trade)
{
    struct rig *g = with_player();

    play.say = true; /* signals of nothing */
    rig_start(g);
    rig_event(g, 3, OCT_MARKET_TRADE);
    cr_expect_eq(play.market_cnt, 0);
    g->inst[3].stale = OCT_STALE_GAP;
    rig_event(g, 3, OCT_MARKET_BBO);
    cr_expect_eq(play.market_cnt, 0);
    rig_event(g, 3, OCT_MARKET_STATE);
    cr_expect_eq(play.market_cnt, 1, "states are always told");
}

Test(plugin, one_that_refuses_its_configuration_is_not_started)
{
    struct rig *g = with_player();
    size_t sz = oct_strategy_footprint(&g->cfg);
    struct oct_plugin old = player;

    g->def[0].plugin_param[0] = 13;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
    g->def[0].plugin_param[0] = 14;
    cr_expect_null(oct_strategy_new(test_keep(aligned_alloc(128, oct_align_up(sz, 128))), &g->cfg));
    g->def[0].plugin_param[0] = 0;
    old.abi = 0;
    g->def[0].plugin = &old;
    cr_expect_eq(oct_strategy_footprint(&g->cfg), 0);
}
