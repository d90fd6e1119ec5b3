/* What the lane makes of control's pulse, in a whole dataplane without a wire. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/rig.h"
#include "dataplane/lane/lane_priv.h"

struct world {
    struct oct_rig rig;
    struct oct_rig_cfg cfg;
    char dir[96];
};

static void open_world(struct world *w, const char *on_silent)
{
    const char *tmp = getenv("TMPDIR");

    memset(w, 0, sizeof *w);
    snprintf(w->dir, sizeof w->dir, "%.60s/oct_control_XXXXXX", tmp ? tmp : P_tmpdir);
    cr_assert_not_null(mkdtemp(w->dir));
    w->cfg = (struct oct_rig_cfg){
        .config = OCT_TEST_CONFIG,
        .profile = "sim",
        .set = {"risk.control_silent_ms=300", on_silent},
        .set_cnt = 2,
        .dir = w->dir,
    };
    cr_assert_eq(oct_rig_open(&w->rig, &w->cfg), 0);
}

static void close_world(struct world *w)
{
    char cmd[128];

    cr_assert_eq(oct_rig_close(&w->rig), 0);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", w->dir);
    cr_assert_eq(system(cmd), 0);
}

static uint32_t state(const struct world *w)
{
    return atomic_load(&w->rig.app.instance.status->control_state);
}

/* Turns the lane for so long, or until control's state is `until`; beating is control's doing. */
static void turn(struct world *w, int64_t for_ns, bool beating, uint32_t until)
{
    int64_t end = oct_mono_ns() + for_ns;

    while (oct_mono_ns() < end && state(w) != until) {
        if (beating)
            atomic_fetch_add(&w->rig.app.instance.control->turns, 1);
        oct_lane_turn(w->rig.app.lane);
        oct_rig_venue(&w->rig);
        nanosleep(&(struct timespec){0, OCT_NS_PER_MS}, NULL);
    }
}

static uint8_t firm(const struct world *w)
{
    struct oct_risk_ladder l;

    oct_risk_ladder_state(w->rig.app.assembly.risk, &l);
    return l.firm;
}

static bool told(const struct world *w, const char *code)
{
    const struct oct_faults *f = w->rig.app.instance.faults;
    struct oct_fault_row row;

    for (uint32_t i = 0; oct_faults_get(f, i, &row); i++)
        if (strcmp(row.code, code) == 0)
            return true;
    return false;
}

Test(control, silence_raises_an_alarm_and_leaves_the_ladder_alone_by_default)
{
    static struct world w;

    open_world(&w, "risk.on_control_silent=none");
    turn(&w, 5 * OCT_NS_PER_S, true, OCT_CONTROL_ALIVE);
    cr_assert_eq(state(&w), OCT_CONTROL_ALIVE);
    cr_assert_not(told(&w, "control.silent"));
    uint64_t input = oct_lane_next_input(w.rig.app.lane);
    turn(&w, 10 * OCT_NS_PER_S, false, OCT_CONTROL_SILENT);
    cr_assert_eq(state(&w), OCT_CONTROL_SILENT);
    cr_assert(told(&w, "control.silent"));
    cr_assert_gt(oct_lane_next_input(w.rig.app.lane), input, "the sight of it is an input");
    cr_assert_eq(firm(&w), OCT_LADDER_ACTIVE);
    turn(&w, 5 * OCT_NS_PER_S, true, OCT_CONTROL_ALIVE);
    cr_assert_eq(state(&w), OCT_CONTROL_ALIVE);
    close_world(&w);
}

Test(control, one_that_never_came_is_silent_too)
{
    static struct world w;

    open_world(&w, "risk.on_control_silent=none");
    cr_assert_eq(state(&w), OCT_CONTROL_UNSEEN);
    turn(&w, 10 * OCT_NS_PER_S, false, OCT_CONTROL_SILENT);
    cr_assert_eq(state(&w), OCT_CONTROL_SILENT);
    close_world(&w);
}

Test(control, silence_halts_where_the_configuration_says_so_and_stays_halted)
{
    static struct world w;

    open_world(&w, "risk.on_control_silent=halt");
    turn(&w, 10 * OCT_NS_PER_S, false, OCT_CONTROL_SILENT);
    cr_assert_eq(firm(&w), OCT_LADDER_HALTED);
    turn(&w, 5 * OCT_NS_PER_S, true, OCT_CONTROL_ALIVE);
    cr_assert_eq(state(&w), OCT_CONTROL_ALIVE);
    cr_assert_eq(firm(&w), OCT_LADDER_HALTED, "back up takes a person");
    close_world(&w);
}

Test(clock, one_that_was_set_refuses_orders_until_it_is_good_again)
{
    static struct world w;

    open_world(&w, "risk.on_clock_bad=halt");
    turn(&w, 50 * OCT_NS_PER_MS, true, OCT_CONTROL_SILENT);
    cr_assert_not(told(&w, "clock.bad"));
    cr_assert_eq(firm(&w), OCT_LADDER_ACTIVE);
    w.rig.app.clock.ns0 -= 2 * OCT_NS_PER_S; /* as if the system clock had been set forward */
    for (uint32_t i = 0; i < 100 && firm(&w) == OCT_LADDER_ACTIVE; i++)
        turn(&w, 50 * OCT_NS_PER_MS, true, OCT_CONTROL_SILENT);
    cr_assert(told(&w, "clock.bad"));
    cr_assert_eq(firm(&w), OCT_LADDER_HALTED);
    close_world(&w);
}

Test(clock, what_the_kernel_says_of_it_counts_and_its_silence_does_not)
{
    static struct world w;

    open_world(&w, "risk.on_clock_bad=reduce");
    struct oct_lane *l = w.rig.app.lane;
    atomic_store(&w.rig.app.clock_error_ns, -1);
    oct_lane_watch_clock(l);
    cr_assert_eq(firm(&w), OCT_LADDER_ACTIVE);
    atomic_store(&w.rig.app.clock_error_ns, l->cfg.clock_error_max_ns);
    oct_lane_watch_clock(l);
    cr_assert_eq(firm(&w), OCT_LADDER_ACTIVE);
    atomic_store(&w.rig.app.clock_error_ns, l->cfg.clock_error_max_ns + 1);
    oct_lane_watch_clock(l);
    cr_assert_eq(firm(&w), OCT_LADDER_REDUCING);
    atomic_store(&w.rig.app.clock_error_ns, 0);
    for (uint32_t i = 0; i < OCT_LANE_CLOCK_LOOKS; i++) {
        cr_assert(l->clock_bad);
        oct_lane_watch_clock(l);
    }
    cr_assert_not(l->clock_bad);
    cr_assert_eq(firm(&w), OCT_LADDER_REDUCING, "back up takes a person");
    close_world(&w);
}

Test(control, nobody_was_silent_while_the_lane_stood_still)
{
    static struct world w;

    open_world(&w, "risk.on_control_silent=halt");
    turn(&w, 5 * OCT_NS_PER_S, true, OCT_CONTROL_ALIVE);
    nanosleep(&(struct timespec){0, 700 * OCT_NS_PER_MS}, NULL);
    turn(&w, 50 * OCT_NS_PER_MS, false, OCT_CONTROL_SILENT);
    cr_assert_eq(state(&w), OCT_CONTROL_ALIVE);
    cr_assert_eq(firm(&w), OCT_LADDER_ACTIVE);
    close_world(&w);
}
