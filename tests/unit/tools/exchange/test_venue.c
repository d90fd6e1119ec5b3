/* The venue as a process: both lines, faults, rewind, lock-step, orders, resume, exit. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "tests/unit/tools/exchange/fixture.h"
#include "tools/exchange/generator.h"
#include "tests/unit/tools/exchange/venue_rig.h"

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
    rig_connect(&r, "OCT001", "octopus", 1);
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
    rig_connect(&r, "OCT001", "octopus", 1);
    wait_login();
    uint32_t ref = 0;
    uint32_t cuts = 0;
    int64_t until = oct_mono_ns() + 40 * OCT_NS_PER_S;
    uint64_t next_order = 400;
    while (!r.end && oct_mono_ns() < until) {
        rig_turn(&r, 20);
        if (r.order_fd < 0) {
            rig_connect(&r, "OCT001", "octopus", r.answers + 1);
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

Test(venue, told_to_stay_it_tells_the_end_again_to_who_comes_back)
{
    rig_start(&r, OPTS("--pace", "max", "--end-when-done", "--linger", "0.1"));
    rig_connect(&r, "OCT001", "octopus", 1);
    wait_login();
    follow(50);
    for (int i = 0; i < 500 && !r.session_ended; i++)
        rig_turn(&r, 10);
    cr_assert(r.session_ended);
    uint64_t answers = r.answers;
    rig_disconnect(&r); /* killed before it had written anything down */
    for (int i = 0; i < 20; i++)
        rig_turn(&r, 100); /* longer than anybody else would be waited for */
    r.session_ended = r.end = false;
    r.answers = 0;
    rig_connect(&r, "OCT001", "octopus", 1);
    for (int i = 0; i < 500 && !(r.session_ended && r.end); i++)
        rig_turn(&r, 10);
    cr_expect(r.session_ended && r.end, "the end of both sessions");
    cr_expect_eq(r.answers, answers, "and every answer before it");
    kill(r.pid, SIGTERM);
    cr_expect_eq(rig_wait(&r, 10), 0);
    cr_expect_eq(rig_recorded(&r, "\"orders\"", "live"), 0);
    rig_stop(&r);
}

Test(venue, wrong_password_is_rejected)
{
    rig_start(&r, OPTS("--pace", "1x"));
    rig_connect(&r, "OCT001", "wrong", 1);
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
    rig_connect(&r, "OCT001", "octopus", 1);
    wait_login();
    for (int i = 0; i < 500 && r.next < 500; i++)
        rig_turn(&r, 10);
    rig_order(&r, 1, 'B', 100, 2000000, '0'); /* far from the market */
    for (int i = 0; i < 300 && r.by_type['A'] == 0; i++)
        rig_turn(&r, 10);
    cr_expect_eq(r.by_type['A'], 1);
    rig_disconnect(&r);
    usleep(100000);
    rig_connect(&r, "OCT001", "octopus", r.answers + 1);
    for (int i = 0; i < 300 && r.by_type['C'] == 0; i++)
        rig_turn(&r, 10);
    cr_expect_eq(r.by_type['C'], 1);
    kill(r.pid, SIGTERM);
    cr_expect_eq(rig_wait(&r, 10), 0);
    rig_stop(&r);
}

/* ---- the control socket, the rewind port, hostile clients ------------------------------------- */

static int control_fd = -1;

/* One command, its answer in a static buffer. */
static const char *control(const char *path, const char *command)
{
    static char answer[1024];
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    if (control_fd < 0) {
        control_fd = socket(AF_UNIX, SOCK_STREAM, 0);
        cr_assert_eq(connect(control_fd, (struct sockaddr *)&at, sizeof at), 0);
    }
    size_t n = 0;
    cr_assert_gt(write(control_fd, command, strlen(command)), 0);
    cr_assert_gt(write(control_fd, "\n", 1), 0);
    for (int i = 0; i < 500 && (n == 0 || answer[n - 1] != '\n'); i++) {
        rig_turn(&r, 2); /* the session goes on */
        ssize_t got = recv(control_fd, answer + n, sizeof answer - 1 - n, MSG_DONTWAIT);
        n += got > 0 ? (size_t)got : 0;
    }
    answer[n] = 0;
    return answer;
}

Test(venue, control_socket_carries_out_commands)
{
    char path[108];
    snprintf(path, sizeof path, "%s/octopus-ctl-%d.sock", temp_dir(), (int)getpid());
    rig_start(&r, OPTS("--pace", "max", "--control", path));
    rig_connect(&r, "OCT001", "octopus", 1);
    wait_login();
    for (int i = 0; i < 500 && r.next < 500; i++)
        rig_turn(&r, 10);
    rig_order(&r, 1, 'B', 10, 3000000, '3'); /* well through the market */
    for (int i = 0; i < 300 && r.by_type['E'] == 0; i++)
        rig_turn(&r, 10);
    cr_assert_eq(r.by_type['E'], 1);
    cr_expect(strstr(control(path, "status"), "fills=1"), "%s", control(path, "status"));
    cr_expect_str_eq(control(path, "break 1000000000000"), "ok\n");
    for (int i = 0; i < 300 && r.by_type['B'] == 0; i++)
        rig_turn(&r, 10);
    cr_expect_eq(r.by_type['B'], 1);
    cr_expect(strstr(control(path, "break 77"), "error"));
    cr_expect(strstr(control(path, "sing"), "error: say"));
    cr_expect(strstr(control(path, "drop NOBODY"), "error"));
    cr_expect_str_eq(control(path, "drop OCT001"), "ok\n");
    for (int i = 0; i < 300 && r.order_fd >= 0; i++)
        rig_turn(&r, 10);
    cr_expect_lt(r.order_fd, 0);
    cr_expect_str_eq(control(path, "stop"), "ok\n");
    cr_expect_eq(rig_wait(&r, 10), 0);
    cr_expect_eq(rig_recorded(&r, "\"fill_list\"", "quantity"), 10);
    cr_expect_neq(access(path, F_OK), 0, "the socket is gone");
    rig_stop(&r);
}

Test(venue, rewind_answers_fit_a_packet_and_odd_requests_are_counted)
{
    rig_start(&r, OPTS("--pace", "flood", "--start", "now", "--packet-size", "512"));
    for (int64_t until = oct_mono_ns() + 20 * OCT_NS_PER_S; !r.end && oct_mono_ns() < until;)
        rig_turn(&r, 10);
    cr_assert(r.end);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons(r.rewind_port)};
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    struct oct_feed_pkt like = {0}, pkt;
    uint8_t buf[2048];
    memcpy(like.session, r.session, 10);
    uint32_t n = oct_moldudp64_request(&like, 1, 0xfffe, buf);
    cr_assert_eq(send(fd, buf, n, 0), n);
    ssize_t got = recv(fd, buf, sizeof buf, 0);
    cr_assert_eq(oct_moldudp64_packet(buf, (uint32_t)got, &pkt), OCT_FEED_OK);
    cr_expect_leq(got, 512);
    cr_expect_eq(pkt.first_seq, 1);
    cr_expect_gt(pkt.msg_cnt, 5);
    n = oct_moldudp64_request(&like, want_msgs + 1, 5, buf); /* not sent yet */
    send(fd, buf, n, 0);
    n = oct_moldudp64_request(&like, 0, 5, buf); /* there is no message 0 */
    send(fd, buf, n, 0);
    n = oct_moldudp64_request(&like, 3, 5, buf);
    buf[0] ^= 1; /* another session */
    send(fd, buf, n, 0);
    send(fd, buf, 7, 0);
    send(fd, buf, sizeof buf, 0);
    usleep(200000);
    cr_expect_lt(recv(fd, buf, sizeof buf, MSG_DONTWAIT), 0, "and answered by nothing");
    close(fd);
    kill(r.pid, SIGTERM);
    cr_expect_eq(rig_wait(&r, 10), 0);
    cr_expect_eq(rig_recorded(&r, "\"rewind\"", "not_held"), 2);
    cr_expect_eq(rig_recorded(&r, "\"rewind\"", "bad_session"), 1);
    cr_expect_eq(rig_recorded(&r, "\"rewind\"", "bad"), 2);
    rig_stop(&r);
}

Test(venue, nonsense_on_the_order_port_ends_that_connection_only)
{
    rig_start(&r, OPTS("--pace", "max"));
    rig_connect(&r, "OCT001", "octopus", 1);
    wait_login();
    for (uint32_t i = 0; i < 20; i++) {
        struct sockaddr_in at = {.sin_family = AF_INET,
                                 .sin_addr = {htonl(INADDR_LOOPBACK)},
                                 .sin_port = htons(r.order_port)};
        uint8_t junk[512];
        int fd = socket(AF_INET, SOCK_STREAM, 0);
        cr_assert_eq(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
        for (uint32_t k = 0; k < sizeof junk; k++)
            junk[k] = (uint8_t)(k * 31 + i * 97);
        if (send(fd, junk, sizeof junk, MSG_NOSIGNAL) < 0)
            cr_log_info("closed early");
        rig_turn(&r, 5);
        close(fd);
    }
    for (int i = 0; i < 100 && r.next < 500; i++)
        rig_turn(&r, 10);
    rig_order(&r, 1, 'B', 100, 2000000, '0');
    for (int i = 0; i < 300 && r.by_type['A'] == 0; i++)
        rig_turn(&r, 10);
    cr_expect_eq(r.by_type['A'], 1, "ours still works");
    kill(r.pid, SIGTERM);
    cr_expect_eq(rig_wait(&r, 10), 0);
    cr_expect_gt(rig_recorded(&r, "\"logins\"", "bad_streams"), 0);
    rig_stop(&r);
}

Test(venue, restarted_venue_lets_a_client_resume_from_its_store)
{
    char store[96];
    snprintf(store, sizeof store, "%s/octopus-store-%d", temp_dir(), (int)getpid());
    rig_start(&r, OPTS("--pace", "max", "--store", store));
    rig_connect(&r, "OCT001", "octopus", 1);
    wait_login();
    for (int i = 0; i < 500 && r.next < 500; i++)
        rig_turn(&r, 10);
    rig_order(&r, 1, 'B', 100, 2000000, '0');
    for (int i = 0; i < 300 && r.by_type['A'] == 0; i++)
        rig_turn(&r, 10);
    uint64_t had = r.answers;
    rig_stop(&r); /* kill -9 */
    rig_start(&r, OPTS("--pace", "max", "--store", store));
    rig_connect(&r, "OCT001", "octopus", had + 1);
    wait_login();
    for (int i = 0; i < 300 && r.by_type['C'] == 0; i++)
        rig_turn(&r, 10);
    cr_expect_eq(r.by_type['C'], 1, "what was live is told to be cancelled");
    kill(r.pid, SIGTERM);
    cr_expect_eq(rig_wait(&r, 10), 0);
    cr_expect_eq(rig_recorded(&r, "\"users\"", "next_user_ref"), 2);
    rig_stop(&r);
    char path[128];
    snprintf(path, sizeof path, "%s/OCT001.seq", store);
    unlink(path);
    snprintf(path, sizeof path, "%s/session", store);
    unlink(path);
    rmdir(store);
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
