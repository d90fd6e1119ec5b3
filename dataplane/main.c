/* main.c - octopus-dataplane: the hot process.
 *
 * Start: configuration, regions, recovery by replay, nic, recorder; then the lane's thread is
 * pinned, sealed and runs until a signal or the end of the session. */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/app.h"
#include "dataplane/base/log.h"
#include "dataplane/lane/pin.h"

#ifndef OCT_VERSION
#define OCT_VERSION "unknown"
#endif

static _Atomic int stop_signal;

struct opts {
    struct oct_conf_args args;
    bool until_end;
    bool check;
};

static void on_signal(int sig)
{
    atomic_store_explicit(&stop_signal, sig, memory_order_relaxed);
}

/* ---- command line ---------------------------------------------------------------------------- */

static void usage(FILE *f)
{
    fputs("usage: octopus-dataplane --config FILE [--profile NAME] [--set KEY=VALUE]...\n"
          "                         [--summary FILE] [--progress] [--until-end]\n"
          "                         [--accept-other-build] [--check-config] [--version]\n\n"
          "  --summary FILE        write what the run did as JSON at the end\n"
          "  --progress            a line a second on standard error\n"
          "  --until-end           stop when the feed's session has ended and no order is open\n"
          "  --accept-other-build  start ACTIVE although another build wrote the journal and "
          "decides\n"
          "                        otherwise\n"
          "  --check-config        print the effective settings, without secrets, and exit\n\n"
          "examples:\n"
          "  octopus-dataplane --config config/octopus.yaml --profile demo\n"
          "  octopus-dataplane --config config/octopus.yaml --set lane.core=3 --check-config\n",
          f);
}

/* Returns 0 to go on, 1 to stop with success, 2 for a bad command line. */
static int parse(struct oct_app *a, struct opts *o, int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        const char *arg = argv[i];
        if (strcmp(arg, "--help") == 0 || strcmp(arg, "-h") == 0) {
            usage(stdout);
            return 1;
        }
        if (strcmp(arg, "--version") == 0) {
            puts("octopus-dataplane " OCT_VERSION);
            return 1;
        }
        if (strcmp(arg, "--progress") == 0)
            a->progress = true;
        else if (strcmp(arg, "--until-end") == 0)
            o->until_end = true;
        else if (strcmp(arg, "--accept-other-build") == 0)
            a->accept_other_build = true;
        else if (strcmp(arg, "--check-config") == 0)
            o->check = true;
        else if (i + 1 < argc && strcmp(arg, "--summary") == 0)
            a->summary = argv[++i];
        else if (i + 1 < argc && oct_conf_arg(&o->args, arg, argv[i + 1]))
            i++;
        else {
            fprintf(stderr, "octopus-dataplane: %s: not understood; see --help\n", arg);
            return 2;
        }
    }
    if (!o->args.config) {
        usage(stderr);
        return 2;
    }
    return 0;
}

/* ---- run ----------------------------------------------------------------------------------------- */

static bool ended(const struct oct_app *a)
{
    const struct oct_pub_status *s = a->instance.status;
    uint64_t open = oct_count_get(&a->assembly.execution_counters[OCT_EXECUTION_OPEN]);
    uint32_t session = atomic_load_explicit(&s->session_state, memory_order_relaxed);
    bool venue_done = a->setup.conf->venue.server.port == 0 || session == OCT_SESSION_ENDED;

    return atomic_load_explicit(&s->feed_state, memory_order_relaxed) == 4 && open == 0 &&
           venue_done;
}

static void *lane_thread(void *arg)
{
    struct oct_app *a = arg;
    int core = a->setup.conf->lane.core;

    if (core >= 0 && oct_pin_thread(core))
        oct_log(OCT_LOG_WARN, "lane.pin", "this machine has no core %d: the lane is not pinned",
                core);
    /* The ring of the nic belongs to this thread from its first call, which may still allocate. */
    oct_lane_turn(a->lane);
    if (oct_pin_seal())
        oct_log(OCT_LOG_WARN, "lane.seal", "system calls of the lane cannot be sealed here");
    a->instance.status->sealed = 1;
    oct_lane_run(a->lane);
    oct_lane_close(a->lane);
    return NULL;
}

static int run(struct oct_app *a, bool until_end)
{
    pthread_t thread;
    const struct timespec nap = {0, 5 * OCT_NS_PER_MS};
    int64_t quiet_since = 0;
    int err = pthread_create(&thread, NULL, lane_thread, a);

    if (err)
        return -err;
    while (!atomic_load_explicit(&stop_signal, memory_order_relaxed)) {
        nanosleep(&nap, NULL);
        if (!until_end)
            continue;
        if (!ended(a))
            quiet_since = 0;
        else if (!quiet_since)
            quiet_since = oct_mono_ns();
        else if (oct_mono_ns() - quiet_since > 100 * OCT_NS_PER_MS)
            atomic_store_explicit(&stop_signal, SIGTERM, memory_order_relaxed);
    }
    pthread_join(thread, NULL);
    return 0;
}

int main(int argc, char **argv)
{
    static struct oct_app app;
    struct oct_app *a = &app;
    struct opts opts = {0};
    int got = parse(a, &opts, argc, argv);

    if (got)
        return got == 1 ? 0 : 2;
    oct_log_init("octopus-dataplane", OCT_LOG_INFO);
    if (oct_setup_load(&a->setup, &opts.args)) {
        fprintf(stderr, "octopus-dataplane: %s\n", a->setup.err);
        return 2;
    }
    if (opts.check) {
        oct_conf_print(a->setup.conf, stdout);
        oct_setup_free(&a->setup);
        return 0;
    }
    const struct sigaction act = {.sa_handler = on_signal};
    sigaction(SIGTERM, &act, NULL);
    sigaction(SIGINT, &act, NULL);
    signal(SIGPIPE, SIG_IGN);
    a->version = OCT_VERSION;
    a->stop = &stop_signal;
    int err = oct_app_start(a);
    if (!err)
        err = run(a, opts.until_end);
    if (!err)
        err = oct_app_finish(a);
    oct_app_release(a);
    return err ? 1 : 0;
}
