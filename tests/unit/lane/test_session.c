/* The order session as the lane keeps it, in a whole dataplane without a wire. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "bench/rig.h"
#include "drivers/venue/soupbintcp.h"

static bool up(const struct oct_rig *r)
{
    return oct_session_soupbintcp.state(r->app.session) == OCT_SESSION_UP;
}

Test(session, is_opened_again_when_the_configured_time_is_over_and_not_before)
{
    static struct oct_rig rig;
    const char *tmp = getenv("TMPDIR");
    char dir[96], cmd[128];

    snprintf(dir, sizeof dir, "%.60s/oct_session_XXXXXX", tmp ? tmp : P_tmpdir);
    cr_assert_not_null(mkdtemp(dir));
    const struct oct_rig_cfg cfg = {
        .config = OCT_TEST_CONFIG,
        .profile = "sim",
        .set = {"venue.reconnect_ms=600"},
        .set_cnt = 1,
        .dir = dir,
    };
    cr_assert_eq(oct_rig_open(&rig, &cfg), 0);
    cr_assert(up(&rig));
    oct_rig_drop(&rig);
    while (up(&rig))
        oct_lane_turn(rig.app.lane);
    int64_t lost = oct_mono_ns();
    while (!up(&rig) && oct_mono_ns() < lost + 60 * OCT_NS_PER_S) {
        oct_lane_turn(rig.app.lane);
        oct_rig_venue(&rig);
        nanosleep(&(struct timespec){0, OCT_NS_PER_MS}, NULL);
    }
    cr_assert(up(&rig));
    cr_assert_geq(oct_mono_ns() - lost, 590 * OCT_NS_PER_MS);
    cr_assert_eq(oct_rig_close(&rig), 0);
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    cr_assert_eq(system(cmd), 0);
}
