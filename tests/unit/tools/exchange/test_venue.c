/* The venue as a process: both lines, faults, rewind, lock-step, orders, resume, exit. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "fixture.h"
#include "tools/exchange/generator.h"
#include "venue_rig.h"

static const struct oct_gen_cfg day = {.seed = 3, .duration_s = 4};

static uint64_t want_hash, want_msgs;

static void know_the_session(void)
{
    struct oct_sessfile_cfg cfg = {.gen = &day};
    want_hash = session_hash(&cfg, &want_msgs);
}

TestSuite(venue, .init = know_the_session, .timeout = 60);

static struct rig r;

#define OPTS(...) ((const char *const[]){"--seed", "3", "--duration", "4", __VA_ARGS__, NULL})

static void wait_login(void)
{
    for (int i = 0; i < 500 && !r.logged_in && !r.rejected; i++)
        rig_turn(&r, 10);
    cr_assert(r.logged_in);
}

/* Follows the session to its end; sends an order now and then when asked to. */
static void follow(uint32_t order_every)
{
    uint64_t next_order = 400;
    uint32_t ref = 0;
    int64_t until = oct_mono_ns() + 40 * OCT_NS_PER_S;
    while (!r.end && oct_mono_ns() < until) {
        rig_turn(&r, 20);
        while (order_every && r.logged_in && r.next > next_order) {
            ref++;
            next_order += order_every;
            if (ref % 2)
                rig_order(&r, ref, 'B', 100, 2876000 + ref % 20 * 100, '0');
            else
                rig_order(&r, ref, 'S', 50, 2878000 - ref % 20 * 100, '3');
        }
    }
    cr_assert(r.end, "no end of session; next %lu of %lu", r.next, want_msgs);
}

static void expect_the_whole_session(void)
{
    cr_expect_eq(r.next, want_msgs + 1, "%lu of %lu", r.next - 1, want_msgs);
    cr_expect_eq(r.hash, want_hash, "byte for byte");
}

Test(venue, lock_step_plays_every_byte_on_both_lines_and_stays_in_its_window)
{
    rig_start(&r, OPTS("--pace", "max", "--window", "8", "--exit-when-done"));
    follow(0);
    cr_expect_eq(rig_wait(&r, 10), 0);
    expect_the_whole_session();
    cr_expect_leq(r.ahead_max, 8, "%lu packets between two reports", r.ahead_max);
    cr_expect_eq(rig_recorded(&r, "\"feed\"", "messages"), (int64_t)want_msgs);
    cr_expect_eq(r.packets[0], r.packets[1]);
    cr_expect_eq(rig_recorded(&r, "\"line\": \"a\"", "packets"), (int64_t)r.packets[0]);
    rig_stop(&r);
}

Test(venue, orders_are_answered_in_lock_step_and_the_record_agrees)
{
    rig_start(&r, OPTS("--pace", "max", "--exit-when-done"));
    rig_connect(&r, "OCT01", "octopus", 1);
    wait_login();
    follow(50);
    cr_expect_eq(rig_wait(&r, 10), 0);
    expect_the_whole_session();
    cr_expect(r.session_ended);
    cr_expect_gt(r.orders_sent, 20);
    cr_expect_eq(r.by_type['S'], 2);
    cr_expect_eq(r.by_type['A'] + r.by_type['J'], r.orders_sent);
    cr_expect_gt(r.by_type['E'], 5);
    cr_expect_eq(rig_recorded(&r, "\"orders\"", "messages"), (int64_t)r.orders_sent);
    cr_expect_eq(rig_recorded(&r, "\"orders\"", "fills"), (int64_t)r.by_type['E']);
    cr_expect_eq(rig_recorded(&r, "\"orders\"", "filled_shares"), (int64_t)r.shares_filled);
    cr_expect_eq(rig_recorded(&r, "\"orders\"", "live"), 0);
    cr_expect_eq(rig_recorded(&r, "\"consumer\"", "forced"), 0);
    rig_stop(&r);
}

Test(venue, every_loss_is_recovered_from_the_rewind_server)
{
    rig_start(&r, OPTS("--pace", "max", "--exit-when-done", "--faults",
                       "drop=0.2,dup=0.1,reorder=0.1,skew=1ms"));
    follow(0);
    cr_expect_eq(rig_wait(&r, 10), 0);
    expect_the_whole_session();
    cr_expect_gt(rig_recorded(&r, "\"line\": \"a\"", "dropped"), 50);
    cr_expect_gt(rig_recorded(&r, "\"line\": \"b\"", "reordered"), 20);
    cr_expect_gt(rig_recorded(&r, "\"line\": \"b\"", "delayed"), 100);
    cr_expect_gt(rig_recorded(&r, "\"rewind\"", "answers"), 10);
    rig_stop(&r);
}

Test(venue, the_same_seed_loses_the_same_packets)
{
    int64_t dropped[2];
    for (int i = 0; i < 2; i++) {
        rig_start(&r, OPTS("--pace", "max", "--exit-when-done", "--faults", "drop=0.1,same=on"));
        follow(0);
        cr_expect_eq(rig_wait(&r, 10), 0);
        dropped[i] = rig_recorded(&r, "\"line\": \"a\"", "dropped");
        cr_expect_eq(dropped[i], rig_recorded(&r, "\"line\": \"b\"", "dropped"));
        rig_stop(&r);
    }
    cr_expect_gt(dropped[0], 50);
    cr_expect_eq(dropped[0], dropped[1]);
}

Test(venue, without_a_rewind_server_requests_are_refused_and_counted)
{
    rig_start(&r, OPTS("--pace", "flood", "--exit-when-done", "--linger", "1", "--faults",
                       "drop=0.3,same=on,rewind=off"));
    r.report = true;
    follow(0);
    cr_expect_eq(rig_wait(&r, 10), 0);
    cr_expect_lt(r.next, want_msgs);
    cr_expect_gt(rig_recorded(&r, "\"rewind\"", "refused"), 0);
    cr_expect_eq(rig_recorded(&r, "\"rewind\"", "answers"), 0);
    rig_stop(&r);
}

Test(venue, paced_session_takes_its_time)
{
    int64_t start = oct_mono_ns();
    rig_start(&r, OPTS("--pace", "4x", "--start", "now", "--exit-when-done", "--linger", "0.2"));
    r.report = false;
    follow(0);
    cr_expect_eq(rig_wait(&r, 10), 0);
    double s = (double)(oct_mono_ns() - start) * 1e-9;
    cr_expect(s > 1.0 && s < 30, "5 s at 4x took %.2f s", s); /* the machine may be busy */
    expect_the_whole_session();
    rig_stop(&r);
}

Test(venue, session_resumes_where_a_killed_client_left_off)
{
    rig_start(&r, OPTS("--pace", "max", "--exit-when-done"));
    rig_connect(&r, "OCT01", "octopus", 1);
    wait_login();
    uint32_t ref = 0;
    uint32_t cuts = 0;
    int64_t until = oct_mono_ns() + 40 * OCT_NS_PER_S;
    uint64_t next_order = 400;
    while (!r.end && oct_mono_ns() < until) {
        rig_turn(&r, 20);
        if (r.order_fd < 0) {
            rig_connect(&r, "OCT01", "octopus", r.answers + 1);
            wait_login();
        }
        for (int k = 0; k < 4 && r.next > next_order; k++) {
            ref++;
            rig_order(&r, ref, 'B', 100, 2877000 + ref % 9 * 100, ref % 3 ? '0' : '3');
        }
        if (r.next > next_order) {
            next_order += 60;
            if (cuts++ % 2 == 0) {
                rig_disconnect(&r); /* with answers unread */
                r.orders_sent = 0;  /* a new process counts anew */
            }
        }
    }
    cr_assert(r.end);
    cr_expect_eq(rig_wait(&r, 10), 0);
    expect_the_whole_session();
    cr_expect_gt(cuts, 20);
    cr_expect_eq((int64_t)r.answers + 1, rig_recorded(&r, "\"users\"", "next_seq"),
                 "every answer, once");
    cr_expect_eq((int64_t)r.by_type['E'], rig_recorded(&r, "\"orders\"", "fills"));
    cr_expect_eq((int64_t)r.by_type['A'], rig_recorded(&r, "\"orders\"", "accepted"));
    rig_stop(&r);
}

Test(venue, wrong_password_is_rejected)
{
    rig_start(&r, OPTS("--pace", "1x"));
    rig_connect(&r, "OCT01", "wrong", 1);
    for (int i = 0; i < 300 && !r.rejected; i++)
        rig_turn(&r, 10);
    cr_expect(r.rejected);
    kill(r.pid, SIGTERM);
    cr_expect_eq(rig_wait(&r, 10), 0);
    cr_expect_eq(rig_recorded(&r, "\"logins\"", "rejected"), 1);
    rig_stop(&r);
}

Test(venue, cancel_on_disconnect_cancels_what_rests)
{
    rig_start(&r, OPTS("--pace", "max", "--cancel-on-disconnect"));
    rig_connect(&r, "OCT01", "octopus", 1);
    wait_login();
    for (int i = 0; i < 500 && r.next < 500; i++)
        rig_turn(&r, 10);
    rig_order(&r, 1, 'B', 100, 2000000, '0'); /* far from the market */
    for (int i = 0; i < 300 && r.by_type['A'] == 0; i++)
        rig_turn(&r, 10);
    cr_expect_eq(r.by_type['A'], 1);
    rig_disconnect(&r);
    usleep(100000);
    rig_connect(&r, "OCT01", "octopus", r.answers + 1);
    for (int i = 0; i < 300 && r.by_type['C'] == 0; i++)
        rig_turn(&r, 10);
    cr_expect_eq(r.by_type['C'], 1);
    kill(r.pid, SIGTERM);
    cr_expect_eq(rig_wait(&r, 10), 0);
    rig_stop(&r);
}

static int run_and_wait(const char *const *argv)
{
    pid_t pid = fork();
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))
            _exit(126);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

Test(venue, impossible_requests_have_their_exit_status)
{
    const char *bin = getenv("OCTOPUS_EXCHANGE");
    const char *const bad[][4] = {
        {"--pace", "fast"},     {"--lines", "1.2.3.4"},   {"--faults", "drop=2"},
        {"--faults", "fire=1"}, {"--user", "toolong7:x"}, {"--window", "0"},
        {"--symbols"},          {"--nonsense"},           {"surplus"},
        {"--date", "20231301"}};
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        const char *argv[] = {bin, bad[i][0], bad[i][1], NULL};
        int rc = run_and_wait(argv);
        cr_expect_eq(rc, 2, "%s %s: %d", bad[i][0], bad[i][1] ? bad[i][1] : "", rc);
    }
    const char *missing[] = {
        bin, "--session", "/nowhere/x.itch", "--order-port", "0", "--rewind-port", "0", NULL};
    cr_expect_eq(run_and_wait(missing), 1);
    const char *help[] = {bin, "--help", NULL};
    cr_expect_eq(run_and_wait(help), 0);
    const char *describe[] = {bin, "--describe-generator", "--duration", "5", NULL};
    cr_expect_eq(run_and_wait(describe), 0);
}
