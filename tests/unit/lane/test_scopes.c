/* Kill bits by scope, limits that the journal knows, answers that the summary counts: in a whole
 * dataplane without a wire. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/rig.h"
#include "dataplane/journal/reader.h"

struct world {
    struct oct_rig rig;
    struct oct_rig_cfg cfg;
    char dir[96];
};

static void make_world(struct world *w)
{
    const char *tmp = getenv("TMPDIR");

    memset(w, 0, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "%.60s/oct_scopes_XXXXXX", tmp ? tmp : P_tmpdir);
    cr_assert_not_null(mkdtemp(w->dir));
    w->cfg = (struct oct_rig_cfg){.config = OCT_TEST_CONFIG, .profile = "sim", .dir = w->dir};
    cr_assert_eq(oct_rig_open(&w->rig, &w->cfg), 0);
}

static void remove_world(struct world *w)
{
    char cmd[128];

    snprintf(cmd, sizeof cmd, "rm -rf '%s'", w->dir);
    cr_assert_eq(system(cmd), 0);
}

static void kill_and_turn(struct world *w, uint64_t bits)
{
    oct_kill_set(w->rig.app.instance.kill, bits);
    oct_rig_settle(&w->rig);
}

static void rearm(struct world *w, enum oct_scope scope, uint16_t id)
{
    struct oct_in_cmd m = {OCT_MSG_HDR(IN_CMD, in_cmd),
                           .cmd = OCT_CMD_REARM,
                           .scope = (uint8_t)scope,
                           .strategy = id,
                           .account = id,
                           .value = OCT_LADDER_ACTIVE};
    oct_lane_input(w->rig.app.lane, &m.hdr);
    oct_rig_settle(&w->rig);
}

static struct oct_risk_ladder ladder(const struct world *w)
{
    struct oct_risk_ladder l;

    oct_risk_ladder_state(w->rig.app.assembly.risk, &l);
    return l;
}

Test(scopes, a_rearm_clears_the_kill_bit_of_its_own_scope_and_no_other)
{
    static struct world w;
    const struct oct_kill *k;

    make_world(&w);
    k = w.rig.app.instance.kill;
    kill_and_turn(&w, OCT_KILL_ALL | OCT_KILL_STRATEGY(1) | OCT_KILL_ACCOUNT(0));
    cr_assert_eq(ladder(&w).firm, OCT_LADDER_KILLED);
    cr_assert_eq(ladder(&w).strategy[1], OCT_LADDER_KILLED);
    cr_assert_eq(ladder(&w).account[0], OCT_LADDER_KILLED);

    rearm(&w, OCT_SCOPE_STRATEGY, 1);
    cr_assert_eq(ladder(&w).strategy[1], OCT_LADDER_ACTIVE);
    cr_assert_eq(ladder(&w).firm, OCT_LADDER_KILLED);
    cr_assert_eq(oct_kill_bits(k), OCT_KILL_ALL | OCT_KILL_ACCOUNT(0), "the encoder still stops");

    rearm(&w, OCT_SCOPE_FIRM, 0);
    cr_assert_eq(oct_kill_bits(k), OCT_KILL_ACCOUNT(0));
    cr_assert_eq(ladder(&w).account[0], OCT_LADDER_KILLED);
    rearm(&w, OCT_SCOPE_ACCOUNT, 0);
    cr_assert_eq(oct_kill_bits(k), 0u);

    kill_and_turn(&w, OCT_KILL_STRATEGY(1));
    cr_assert_eq(ladder(&w).strategy[1], OCT_LADDER_KILLED, "a bit that went kills again");
    cr_assert_eq(oct_rig_close(&w.rig), 0);
    remove_world(&w);
}

Test(scopes, a_rearm_of_what_is_only_halted_clears_no_kill_bit)
{
    static struct world w;
    struct oct_in_cmd m = {OCT_MSG_HDR(IN_CMD, in_cmd), .cmd = OCT_CMD_HALT,
                           .scope = OCT_SCOPE_STRATEGY};

    make_world(&w);
    oct_lane_input(w.rig.app.lane, &m.hdr);
    kill_and_turn(&w, OCT_KILL_STRATEGY(1));
    rearm(&w, OCT_SCOPE_STRATEGY, 0);
    cr_assert_eq(ladder(&w).strategy[0], OCT_LADDER_ACTIVE);
    cr_assert_eq(oct_kill_bits(w.rig.app.instance.kill), OCT_KILL_STRATEGY(1));
    cr_assert_eq(oct_rig_close(&w.rig), 0);
    remove_world(&w);
}

/* The limits as the commands in the journal make them, from nothing. */
static void from_journal(const char *dir, struct oct_risk_limits_stage *s)
{
    const struct oct_msg_hdr *m;
    struct oct_journal *j;

    memset(s, 0, sizeof *s);
    oct_risk_limits_init(&s->active);
    cr_assert_eq(oct_journal_open(dir, 0, &j, NULL), 0);
    while (oct_journal_next(j, &m) == OCT_JOURNAL_RECORD)
        if (m->type == OCT_IN_CMD)
            oct_risk_limits_cmd(s, (const struct oct_in_cmd *)m);
    oct_journal_close(j);
}

Test(scopes, a_journal_alone_tells_the_limits_of_the_configuration)
{
    static struct world w;
    static struct oct_risk_limits_stage s;
    static struct oct_risk_limits in_force;

    make_world(&w);
    for (int run = 0; run < 2; run++) { /* and again after a restart */
        if (run != 0)
            cr_assert_eq(oct_rig_open(&w.rig, &w.cfg), 0);
        in_force = *oct_risk_limits_in_force(w.rig.app.assembly.risk);
        cr_assert_eq(in_force.version, 0u);
        cr_assert_gt(in_force.firm.open_orders, 0u, "the configuration sets limits");
        cr_assert_eq(memcmp(&in_force, w.rig.app.setup.limits, sizeof in_force), 0);
        char dir[600];
        snprintf(dir, sizeof dir, "%s", w.rig.app.journal_dir);
        cr_assert_eq(oct_rig_close(&w.rig), 0);
        from_journal(dir, &s);
        cr_assert_eq(memcmp(&s.active, &in_force, sizeof in_force), 0);
    }
    remove_world(&w);
}

static void tell(struct world *w, uint64_t id, uint8_t event, uint8_t prev, uint8_t state)
{
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update), .order_id = id,
                                 .event = event, .prev_state = prev, .state = state};
    u.hdr.input = oct_lane_next_input(w->rig.app.lane) - 1;
    oct_ring_publish(w->rig.app.instance.ring, &u.hdr);
}

Test(scopes, an_order_is_acknowledged_once_whatever_had_become_of_it)
{
    static struct world w;
    static char text[1u << 16];
    char path[128];

    make_world(&w);
    snprintf(path, sizeof path, "%s/summary.json", w.dir);
    w.rig.app.summary = path;
    tell(&w, 1, OCT_VEN_ACCEPTED, OCT_ORD_STATE_SENT, OCT_ORD_STATE_WORKING);
    /* The cancel was sent before the answer came. */
    tell(&w, 2, OCT_VEN_ACCEPTED, OCT_ORD_STATE_CANCEL_PENDING, OCT_ORD_STATE_CANCEL_PENDING);
    /* Accepted and over at once, and told again. */
    tell(&w, 3, OCT_VEN_ACCEPTED, OCT_ORD_STATE_CLOSED, OCT_ORD_STATE_CANCELLED);
    tell(&w, 3, OCT_VEN_ACCEPTED, OCT_ORD_STATE_CANCELLED, OCT_ORD_STATE_CANCELLED);
    /* A replacement: the new one is acknowledged, the old one was before. */
    tell(&w, 4, OCT_VEN_REPLACED, OCT_ORD_STATE_CANCEL_PENDING, OCT_ORD_STATE_CANCEL_PENDING);
    tell(&w, 1, OCT_VEN_REPLACED, OCT_ORD_STATE_REPLACE_PENDING, OCT_ORD_STATE_CLOSED);
    /* A rejection is an answer and no acknowledgement. */
    tell(&w, 5, OCT_VEN_REJECTED, OCT_ORD_STATE_SENT, OCT_ORD_STATE_REJECTED);
    cr_assert_eq(oct_rig_close(&w.rig), 0);

    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    text[fread(text, 1, sizeof text - 1, f)] = 0;
    fclose(f);
    cr_assert_not_null(strstr(text, "\"acked\": 4,"), "%s", text);
    remove_world(&w);
}
