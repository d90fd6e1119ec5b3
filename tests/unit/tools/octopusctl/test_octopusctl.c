/* The program itself, run against a dataplane of the test's own and, where a verb needs it, a real
 * octopus-control. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <jansson.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "tests/unit/control/world.h"

static struct world w;
static struct world_lane lane;
static pthread_t lane_thread;
static bool lane_runs;
static pid_t control;
static char out[1 << 18];
static char err[1 << 14];

static void up(void)
{
    world_init(&w);
    control = 0;
    lane_runs = false;
}

static void lane_stop(void)
{
    if (!lane_runs)
        return;
    atomic_store(&lane.stop, 1);
    pthread_join(lane_thread, NULL);
    lane_runs = false;
}

static void down(void)
{
    if (control > 0) {
        kill(control, SIGTERM);
        waitpid(control, NULL, 0);
    }
    lane_stop();
    world_fini(&w);
}

TestSuite(octopusctl, .init = up, .fini = down, .timeout = 60);

static void lane_start(enum oct_cmd_result_kind result)
{
    memset(&lane, 0, sizeof(lane));
    lane.w = &w;
    lane.result = (uint8_t)result;
    cr_assert_eq(pthread_create(&lane_thread, NULL, world_lane_run, &lane), 0);
    lane_runs = true;
}

static void slurp(int fd, char *to, size_t sz)
{
    size_t n = 0;
    ssize_t got;
    lseek(fd, 0, SEEK_SET);
    while (n < sz - 1 && (got = read(fd, to + n, sz - 1 - n)) > 0)
        n += (size_t)got;
    to[n] = '\0';
    close(fd);
}

/* Runs octopusctl with the world's directories; fills out and err. */
static int ctl(const char *first, ...)
{
    char *argv[40] = {"octopusctl", "--run-dir", w.run_dir, "--data-dir", w.data_dir};
    int n = 5;
    va_list ap;
    va_start(ap, first);
    for (const char *a = first; a != NULL; a = va_arg(ap, const char *))
        argv[n++] = (char *)(uintptr_t)a;
    va_end(ap);
    FILE *fo = tmpfile();
    FILE *fe = tmpfile();
    pid_t pid = fork();
    if (pid == 0) {
        int nul = open("/dev/null", O_RDONLY);
        dup2(nul, 0);
        dup2(fileno(fo), 1);
        dup2(fileno(fe), 2);
        execv(getenv("OCTOPUSCTL"), argv);
        _exit(99);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    slurp(dup(fileno(fo)), out, sizeof(out));
    slurp(dup(fileno(fe)), err, sizeof(err));
    fclose(fo);
    fclose(fe);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

static void control_start(void)
{
    char sock[160];
    control = fork();
    if (control == 0) {
        int nul = open("/dev/null", O_RDWR);
        dup2(nul, 1);
        dup2(nul, 2);
        execl(getenv("OCTOPUS_CONTROL"), "octopus-control", "--run-dir", w.run_dir, "--data-dir",
              w.data_dir, "--listen", "127.0.0.1:0", (char *)NULL);
        _exit(99);
    }
    snprintf(sock, sizeof(sock), "%s/ctl.sock", w.run_dir);
    int64_t end = oct_mono_ns() + 10 * OCT_NS_PER_S;
    while (access(sock, F_OK) != 0 && oct_mono_ns() < end)
        usleep(10000);
    /* Until it has taken in what is there. */
    while (oct_mono_ns() < end) {
        char want[48];
        snprintf(want, sizeof(want), "\"mirror\":{\"state\":\"in_sync\",\"input\":\"%lu\"",
                 (unsigned long)w.input);
        if (ctl("quote", "show", "AAPL", NULL) == 0)
            return;
        usleep(20000);
    }
    cr_assert(false, "octopus-control did not come up: %s", err);
}

/* ---- alone ------------------------------------------------------------------------------------ */

Test(octopusctl, usage_errors_are_two_and_say_what)
{
    world_start(&w, 1u << 12, false, false);
    cr_expect_eq(ctl(NULL), 2);
    cr_expect_eq(ctl("dance", NULL), 2);
    cr_expect_not_null(strstr(err, "no verb dance"));
    cr_expect_eq(ctl("status", "extra", NULL), 2);
    cr_expect_eq(ctl("status", "-o", "yaml", NULL), 2);
    cr_expect_eq(ctl("status", "--timeout", "x", NULL), 2);
    cr_expect_eq(ctl("book", "AAPL", NULL), 2);
    cr_expect_eq(ctl("book", "show", "AAPL", "--depth", "0", NULL), 2);
    cr_expect_eq(ctl("order", NULL), 2);
    cr_expect_eq(ctl("kill", "--scope", "all", "--yes", NULL), 2, "no reason");
    cr_expect_eq(ctl("kill", "--scope", "all", "--reason", "r", NULL), 2,
                 "no --yes off a terminal");
    cr_expect_eq(ctl("kill", "--yes", "--reason", "r", NULL), 2, "no scope");
    cr_expect_eq(ctl("kill", "--scope", "strategy:31", "--yes", "--reason", "r", NULL), 2);
    cr_expect_eq(ctl("kill", "--scope", "account:32", "--yes", "--reason", "r", NULL), 2);
    cr_expect_eq(ctl("kill", "--scope", "strategy:1x", "--yes", "--reason", "r", NULL), 2);
    cr_expect_eq(ctl("rearm", "--yes", NULL), 2);
    cr_expect_eq(ctl("risk", "set", NULL), 2);
    cr_expect_eq(ctl("risk", "set", "firm", "position", "--reason", "r", NULL), 2);
    cr_expect_eq(ctl("top", NULL), 2, "no terminal");
    cr_expect_eq(ctl("journal", NULL), 2);
    cr_expect_eq(oct_kill_bits(w.in.kill), 0);
    cr_expect_eq(ctl("status", "-x", "-o", "json", NULL), 2);
    json_t *p = json_loads(err, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(p, "code")), "usage");
    json_decref(p);
}

Test(octopusctl, help_has_two_examples_for_every_verb)
{
    static const char *const verbs[] = {"status",  "top",    "feed",    "counters", "book", "quote",
                                        "order",   "risk",   "halt",    "reduce",   "kill", "rearm",
                                        "latency", "errors", "journal", "position"};
    cr_expect_eq(ctl("--help", NULL), 0);
    for (size_t i = 0; i < OCT_ARRAY_CNT(verbs); i++) {
        cr_expect_eq(ctl(verbs[i], "--help", NULL), 0);
        int n = 0;
        for (const char *p = strstr(out, "examples:"); p != NULL && (p = strstr(p, "octopusctl "));
             p++)
            n++;
        cr_expect_geq(n, 2, "%s: %s", verbs[i], out);
    }
    cr_expect_eq(ctl("--version", NULL), 0);
}

Test(octopusctl, nobody_there_is_three)
{
    static const char *const verbs[] = {"status", "latency", "errors", "feed", "halt"};
    for (size_t i = 0; i < OCT_ARRAY_CNT(verbs); i++)
        cr_expect_eq(ctl(verbs[i], NULL), 3, "%s", verbs[i]);
    cr_expect_eq(ctl("top", "--batch", "-n", "1", NULL), 3);
    cr_expect_eq(ctl("book", "show", "AAPL", NULL), 3);
    cr_expect_not_null(strstr(err, "hint: status, top, latency"));
    cr_expect_eq(ctl("order", "list", NULL), 3);
    cr_expect_eq(ctl("kill", "--scope", "all", "--yes", "--reason", "r", NULL), 3);
    cr_expect_eq(ctl("journal", "ls", NULL), 4);
}

/* ---- shared memory alone ------------------------------------------------------------------------ */

Test(octopusctl, status_tells_ok_degraded_and_down_apart)
{
    world_start(&w, 1u << 12, false, false);
    lane_start(OCT_CMD_RESULT_DONE);
    cr_expect_eq(ctl("status", NULL), 10, "control is not there: degraded");
    cr_expect_not_null(strstr(out, "degraded"));
    cr_expect_not_null(strstr(out, "control answers  no"));
    cr_expect_eq(ctl("status", "-o", "json", NULL), 10);
    json_t *v = json_loads(out, 0, NULL);
    cr_expect_str_eq(json_string_value(json_object_get(v, "status")), "degraded");
    cr_expect_str_eq(json_string_value(json_object_get(json_object_get(v, "feed"), "state")),
                     "live");
    json_decref(v);
    lane_stop();
    atomic_store(&w.in.pulses[OCT_PULSE_LANE].beat_ns, oct_utc_ns() - 5 * OCT_NS_PER_S);
    cr_expect_eq(ctl("status", NULL), 3);
    cr_expect_not_null(strstr(out, "down"));
}

Test(octopusctl, latency_errors_feed_and_top_need_only_shared_memory)
{
    static const struct oct_counter_def def = {"feed_packets", "Packets.", OCT_COUNTER_TOTAL};
    char hlog[160];
    world_start(&w, 1u << 12, false, false);
    oct_count(oct_counters_add(w.in.counters, &def, 1, "line=\"a\""), 42);
    for (int i = 1; i <= 1000; i++)
        oct_hist_record(&w.in.hists[OCT_HOP_TICK_TO_TRADE].h, i);
    oct_fault(w.in.faults, "feed.unknown_type", 5000, 1, 2, 3);
    struct oct_bbo b = {OCT_MSG_HDR(BBO, bbo), .inst = 5, .bid_px = oct_px_from_e4(1234500),
                        .bid_qty = oct_qty_from_shares(7)};
    memcpy(w.in.symbols[5].c, "AAPL    ", 8);
    world_emit(&w, &b.hdr, false);
    cr_expect_eq(ctl("latency", "--hop", "tick_to_trade", "-o", "json", NULL), 0);
    cr_expect_not_null(strstr(out, "\"count\":1000,\"p50\":500,"), "%s", out);
    cr_expect_eq(ctl("latency", "--hop", "none", NULL), 4);
    snprintf(hlog, sizeof(hlog), "%s/a.hlog", w.dir);
    cr_expect_eq(ctl("latency", "--hdr", hlog, NULL), 0);
    cr_expect_eq(access(hlog, F_OK), 0);
    cr_expect_eq(ctl("errors", "-o", "ndjson", NULL), 0);
    cr_expect_not_null(strstr(out, "{\"code\":\"feed.unknown_type\",\"times\":1,"), "%s", out);
    cr_expect_eq(ctl("feed", "--no-headers", NULL), 0);
    cr_expect_not_null(strstr(out, "feed_packets"));
    cr_expect_eq(ctl("counters", "nothing_", NULL), 4);
    cr_expect_eq(ctl("top", "--batch", "-n", "1", "-d", "0.1", NULL), 0);
    cr_expect_not_null(strstr(out, "AAPL             7     123.4500"), "%s", out);
    cr_expect_not_null(strstr(out, "tick_to_trade"));
}

Test(octopusctl, halt_and_rearm_go_over_the_link_and_give_the_lanes_answer)
{
    world_start(&w, 1u << 12, false, false);
    lane_start(OCT_CMD_RESULT_DONE);
    cr_expect_eq(ctl("halt", "--reason", "odd", NULL), 0);
    cr_expect_eq(lane.cmd[0].cmd, OCT_CMD_HALT);
    cr_expect_eq(lane.cmd[0].scope, OCT_SCOPE_FIRM);
    cr_expect_eq(ctl("reduce", "--scope", "account:3", NULL), 0);
    cr_expect_eq(lane.cmd[1].cmd, OCT_CMD_REDUCE);
    cr_expect_eq(lane.cmd[1].account, 3);
    cr_expect_eq(ctl("rearm", "--scope", "strategy:2", "--reason", "ok", NULL), 2, "asks first");
    cr_expect_eq(
        ctl("rearm", "--scope", "strategy:2", "--reason", "ok", "--yes", "-o", "json", NULL), 0);
    cr_expect_eq(lane.cmd[2].cmd, OCT_CMD_REARM);
    cr_expect_eq(lane.cmd[2].strategy, 2);
    cr_expect_not_null(strstr(out, "\"result\":\"done\""));
    char path[200];
    snprintf(path, sizeof(path), "%s/operator.log", w.data_dir);
    FILE *f = fopen(path, "r");
    cr_assert_not_null(f);
    cr_assert_not_null(fgets(out, sizeof(out), f));
    fclose(f);
    cr_expect_not_null(strstr(out, "\"event.action\":\"halt\""));
    cr_expect_not_null(strstr(out, "\"reason\":\"odd\""));
}

Test(octopusctl, refused_commands_have_their_exit_status)
{
    static const struct {
        enum oct_cmd_result_kind result;
        int exit;
    } rows[] = {{OCT_CMD_RESULT_REFUSED, 6},
                {OCT_CMD_RESULT_WRONG_STATE, 6},
                {OCT_CMD_RESULT_NOT_FOUND, 4},
                {OCT_CMD_RESULT_BAD_VALUE, 2},
                {OCT_CMD_RESULT_UNKNOWN, 1}};
    world_start(&w, 1u << 12, false, false);
    for (size_t i = 0; i < OCT_ARRAY_CNT(rows); i++) {
        lane_start(rows[i].result);
        cr_expect_eq(ctl("halt", NULL), rows[i].exit, "%zu: %s", i, err);
        lane_stop();
    }
}

Test(octopusctl, lane_that_does_not_answer_is_an_unknown_outcome)
{
    world_start(&w, 1u << 12, false, false);
    world_beat(&w);
    cr_expect_eq(ctl("halt", "--timeout", "0.2", NULL), 9);
    world_beat(&w);
    cr_expect_eq(
        ctl("kill", "--scope", "strategy:4", "--yes", "--reason", "r", "--timeout", "0.2", NULL),
        9);
    cr_expect_eq(oct_kill_bits(w.in.kill), OCT_KILL_STRATEGY(4), "the word is set all the same");
}

Test(octopusctl, kill_sets_the_word_and_waits_for_the_lane)
{
    world_start(&w, 1u << 12, false, false);
    lane_start(OCT_CMD_RESULT_DONE);
    cr_expect_eq(ctl("kill", "--scope", "account:31", "--yes", "--reason", "r", NULL), 0);
    cr_expect_eq(ctl("kill", "--scope", "strategy:0", "--yes", "--reason", "r", NULL), 0);
    cr_expect_eq(ctl("kill", "--scope", "all", "--yes", "--reason", "r", "-o", "json", NULL), 0);
    cr_expect_not_null(strstr(out, "\"acknowledged\":true"));
    cr_expect_eq(oct_kill_bits(w.in.kill),
                 OCT_KILL_ALL | OCT_KILL_STRATEGY(0) | OCT_KILL_ACCOUNT(31));
}

/* ---- with control ------------------------------------------------------------------------------- */

Test(octopusctl, what_control_knows_is_shown_and_what_it_does_not_is_four)
{
    world_start(&w, 1u << 14, true, false);
    lane_start(OCT_CMD_RESULT_DONE);
    struct oct_verdict v = {OCT_MSG_HDR(VERDICT, verdict), .intent_id = 4, .inst = 5,
                            .reason = OCT_RISK_COLLAR, .failed = 1u << OCT_RISK_COLLAR};
    struct oct_order o = {OCT_MSG_HDR(ORDER, order),
                          .order_id = 77,
                          .inst = 5,
                          .px = oct_px_from_e4(1000000),
                          .qty = oct_qty_from_shares(10),
                          .action = OCT_ACTION_NEW,
                          .now_ns = 100};
    memcpy(o.symbol.c, "AAPL    ", 8);
    world_trade(&w, 200);
    world_emit(&w, &v.hdr, false);
    world_emit(&w, &o.hdr, false);
    control_start();
    cr_expect_eq(ctl("status", NULL), 0, "%s", out);
    cr_expect_eq(ctl("book", "show", "AAPL", "-o", "json", NULL), 0);
    json_t *b = json_loads(out, 0, NULL);
    struct oct_level want[16];
    uint32_t n = slow_depth(&w.books, 5, OCT_BUY, want, 10);
    cr_expect_eq(json_array_size(json_object_get(b, "bids")), n < 10 ? n : 10);
    char px[OCT_DECIMAL_SZ];
    px[oct_px_format(px, want[0].px)] = '\0';
    cr_expect_str_eq(
        json_string_value(json_array_get(json_array_get(json_object_get(b, "bids"), 0), 0)), px);
    json_decref(b);
    cr_expect_eq(ctl("book", "show", "NONE", NULL), 4);
    cr_expect_eq(ctl("order", "list", "-o", "ndjson", NULL), 0);
    cr_expect_not_null(strstr(out, "{\"id\":\"77\""), "%s", out);
    cr_expect_eq(ctl("order", "list", "--status", "refused", NULL), 0);
    cr_expect_not_null(strstr(out, "price_collar"));
    cr_expect_eq(ctl("order", "list", "--status", "nonsense", NULL), 2);
    cr_expect_eq(ctl("order", "trace", "77", NULL), 0);
    cr_expect_eq(ctl("order", "trace", "i4", NULL), 0);
    cr_expect_not_null(strstr(out, "price_collar"), "%s", out);
    cr_expect_eq(ctl("order", "trace", "78", NULL), 4);
    cr_expect_eq(ctl("order", "show", "x", NULL), 2);
    cr_expect_eq(ctl("position", "list", NULL), 0);
    cr_expect_eq(ctl("risk", "show", NULL), 0);
    kill(control, SIGSTOP);
    cr_expect_eq(ctl("order", "list", "--timeout", "0.2", NULL), 9);
    cr_expect_eq(ctl("status", NULL), 10);
    cr_expect_eq(ctl("kill", "--scope", "all", "--yes", "--reason", "r", NULL), 0);
    kill(control, SIGCONT);
}

Test(octopusctl, limits_are_set_and_loosening_them_asks)
{
    world_start(&w, 1u << 14, true, false);
    lane_start(OCT_CMD_RESULT_DONE);
    world_trade(&w, 50);
    control_start();
    cr_expect_eq(ctl("risk", "set", "firm", "position=100", "--reason", "r", NULL), 2,
                 "more than zero lets more pass");
    cr_expect_not_null(strstr(err, "let more pass"));
    cr_expect_eq(ctl("risk", "set", "firm", "position=100", "--reason", "r", "--yes", NULL), 0,
                 "%s", err);
    cr_expect_eq(lane.cmd[0].cmd, OCT_CMD_LIMIT_BEGIN);
    cr_expect_eq(lane.cmd[1].value, 100 * OCT_QTY_ONE);
    cr_expect_eq(lane.cmd[2].cmd, OCT_CMD_LIMIT_COMMIT);
    cr_expect_eq(ctl("risk", "show", NULL), 0);
    cr_expect_not_null(strstr(out, "limits version  1"), "%s", out);
    cr_expect_eq(ctl("risk", "set", "firm", "position=50", "--reason", "r", NULL), 0,
                 "less needs no yes: %s", err);
    cr_expect_eq(ctl("risk", "set", "firm", "positon=5", "--reason", "r", NULL), 2);
    cr_expect_null(strstr(err, "let more pass"), "a wrong name is said before anything is asked");
    cr_expect_not_null(strstr(err, "positon"), "%s", err);
    cr_expect_eq(ctl("risk", "set", "instrument:AAPL", "loss=5", "--yes", "--reason", "r", NULL), 2,
                 "no such limit there");
    cr_expect_eq(
        ctl("risk", "set", "instrument:NONE", "position=5", "--yes", "--reason", "r", NULL), 2);
    cr_expect_eq(ctl("risk", "set", "strategy:1", "gross=12x", "--yes", "--reason", "r", NULL), 2);
    cr_expect_eq(atomic_load(&lane.cmd_cnt), 6, "what is wrong does not go out");
}

Test(octopusctl, journal_verbs_read_files)
{
    world_start(&w, 1u << 14, true, false);
    world_trade(&w, 500);
    world_settle(&w);
    cr_expect_eq(ctl("journal", "ls", NULL), 0);
    cr_expect_eq(ctl("journal", "cat", "--type", "in_start", NULL), 0);
    cr_expect_not_null(strstr(out, "\"type\":\"in_start\""), "%s", out);
    cr_expect_eq(ctl("journal", "cat", "--limit", "x", NULL), 2);
    cr_expect_eq(ctl("journal", "verify", "-o", "json", NULL), 0, "%s", out);
    cr_expect_eq(ctl("journal", "verify", "--dir", "nowhere", NULL), 4);
}
