/* main.c - octopus-control: REST, WebSocket and the control socket of an instance. */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "control/bridge/bridge.h"
#include "control/setup.h"
#include "control/web/web.h"
#include "dataplane/base/log.h"
#include "dataplane/base/time.h"
#include "drivers/feed/itch50.h"
#include "drivers/venue/ouch50.h"

#ifndef OCT_VERSION
#define OCT_VERSION "unknown"
#endif

#define BUDGET_NS (2 * OCT_NS_PER_MS) /* of one turn for records, so that clients are served */
#define BUSY_NS   (OCT_NS_PER_MS / 2) /* how often the ring is looked at while records come */
#define IDLE_NS   (5 * OCT_NS_PER_MS) /* and while none do */
#define STOP_NS   (3 * OCT_NS_PER_S)

struct app {
    struct oct_control_setup setup;
    struct oct_loop *loop;
    struct oct_mirror mirror;
    struct oct_bridge *bridge;
    struct oct_host host;
    struct oct_tls_ctx *tls;
    struct oct_token token;
    struct oct_web *web;
    struct oct_alarm poll;
    struct oct_poll signals;
    int64_t busy_until_ns;
    int lock_fd;
    uint16_t port;
};

/* ---- running ---------------------------------------------------------------------------------- */

static void on_poll(struct oct_alarm *a)
{
    struct app *app = (struct app *)((char *)a - offsetof(struct app, poll));
    int64_t now = oct_loop_now(app->loop);
    bool more;
    if (oct_bridge_poll(app->bridge, BUDGET_NS, &more) > 0)
        app->busy_until_ns = now + 100 * OCT_NS_PER_MS;
    oct_web_publish(app->web);
    oct_loop_alarm(app->loop, a,
                   more                       ? now
                   : now < app->busy_until_ns ? now + BUSY_NS
                                              : now + IDLE_NS);
}

static void on_signal(struct oct_poll *p)
{
    struct app *app = (struct app *)((char *)p - offsetof(struct app, signals));
    struct signalfd_siginfo si;
    if (read(p->fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
        return;
    oct_log(OCT_LOG_INFO, "control.signal", "signal %u: going down", si.ssi_signo);
    oct_loop_stop(app->loop);
}

static int catch_signals(struct app *app)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    int fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    if (fd < 0)
        return -errno;
    oct_loop_poll(app->loop, &app->signals, fd, on_signal);
    return 0;
}

/* ---- starting --------------------------------------------------------------------------------- */

static int make_dir(const char *path, mode_t mode)
{
    char part[512];
    int n = snprintf(part, sizeof(part), "%s", path);
    if (n < 0 || (size_t)n >= sizeof(part))
        return -ENAMETOOLONG;
    for (char *p = part + 1; *p != '\0'; p++) {
        if (*p != '/')
            continue;
        *p = '\0';
        if (mkdir(part, mode) != 0 && errno != EEXIST)
            return -errno;
        *p = '/';
    }
    return mkdir(part, mode) != 0 && errno != EEXIST ? -errno : 0;
}

/* One control process for an instance: the link has one writer, the token one maker. */
static int take_lock(struct app *app)
{
    char path[512];
    snprintf(path, sizeof(path), "%s/control.lock", app->setup.run_dir);
    app->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0640);
    if (app->lock_fd < 0)
        return -errno;
    return flock(app->lock_fd, LOCK_EX | LOCK_NB) != 0 ? -errno : 0;
}

static int fail(int rc, const char *what)
{
    oct_log(OCT_LOG_ERROR, "control.start", "%s: %s", what, strerror(-rc));
    fprintf(stderr, "octopus-control: %s: %s\n", what, strerror(-rc));
    return rc;
}

static int start_mirror(struct app *app)
{
    const struct oct_conf *c = app->setup.conf;
    struct oct_mirror_cfg mc = {0};
    if (c != NULL) {
        mc.inst_cnt = c->lane.inst_cnt;
        mc.book_order_cnt_max = c->lane.order_cnt_max;
        mc.book_level_cnt_max = c->lane.level_cnt_max;
    }
    int rc = oct_mirror_init(&app->mirror, &mc);
    if (rc != 0)
        return fail(rc, "memory for books and orders");
    oct_control_reference(&app->setup, &app->mirror);
    rc = oct_host_init(&app->host, &app->mirror, &app->setup.limits, &oct_order_ouch50,
                       app->setup.firm);
    if (rc != 0)
        return fail(rc, "memory for limits");
    app->host.names = app->setup.names;
    app->host.name_cnt = app->setup.name_cnt;
    app->mirror.hooks.record = oct_host_record;
    app->mirror.hooks.record_self = &app->host;
    struct oct_bridge_cfg bc = {
        .run_dir = app->setup.run_dir,
        .journal_dir = app->setup.journal_dir[0] != '\0' ? app->setup.journal_dir : NULL,
        .feed = &oct_feed_itch50_mold,
        .inst_base = c != NULL ? c->feed.inst_base : 0,
        .mirror = &app->mirror,
    };
    rc = oct_bridge_create(&app->bridge, &bc);
    return rc != 0 ? fail(rc, app->setup.run_dir) : 0;
}

static void web_cfg(struct app *app, struct oct_web_cfg *w)
{
    *w = (struct oct_web_cfg){
        .version = OCT_VERSION,
        .instance = app->setup.conf != NULL ? app->setup.conf->instance : NULL,
        .host = {.explain = oct_host_explain,
                 .limits = oct_host_limits,
                 .limit_row = oct_host_limit_row,
                 .limit_version = oct_host_limit_version,
                 .self = &app->host},
    };
    if (app->setup.conf == NULL)
        return;
    const struct oct_conf_control *c = &app->setup.conf->control;
    w->client_cnt_max = c->client_cnt_max;
    w->client_max = (size_t)c->client_budget_kb << 10;
    w->idle_ns = c->idle_timeout_s * OCT_NS_PER_S;
    w->ping_ns = c->ws_ping_s * OCT_NS_PER_S;
    w->pong_ns = c->ws_silence_s * OCT_NS_PER_S;
    w->metrics_open = c->metrics_open;
    for (uint32_t i = 0; i < c->origin_cnt && i < OCT_WEB_ORIGIN_MAX; i++)
        w->origin[i] = c->origin[i];
}

static int listen_all(struct app *app)
{
    const struct oct_control_setup *s = &app->setup;
    int fd = oct_listen_unix(s->ctl_path, 0660);
    if (fd < 0)
        return fail(fd, s->ctl_path);
    oct_web_listen_ctl(app->web, fd);
    bool off = s->port == 0 && s->conf != NULL && s->conf->control.listen.port == 0;
    if (off)
        return 0; /* configured not to listen */
    fd = oct_listen_loopback(s->addr, s->port, &app->port);
    if (fd < 0)
        return fail(fd, fd == -EACCES ? "listen address (loopback only while there are no accounts)"
                                      : "listen address");
    oct_web_listen(app->web, fd);
    return 0;
}

static int start_web(struct app *app)
{
    const struct oct_conf *c = app->setup.conf;
    struct oct_web_cfg wc;
    int rc = 0;
    if (c != NULL && c->control.tls_cert[0] != '\0')
        rc = oct_tls_ctx_create(&app->tls, c->control.tls_cert, c->control.tls_key);
    if (rc != 0)
        return fail(rc, c->control.tls_cert);
    rc = oct_token_make(&app->token);
    if (rc == 0)
        rc = oct_token_save(&app->token, app->setup.token_path);
    if (rc != 0)
        return fail(rc, app->setup.token_path);
    web_cfg(app, &wc);
    rc = oct_web_create(&app->web, &wc, app->loop, &app->mirror, oct_bridge_vitals(app->bridge),
                        &app->token, app->tls);
    if (rc != 0)
        return fail(rc, "web");
    return listen_all(app);
}

static int start(struct app *app)
{
    int rc = make_dir(app->setup.run_dir, 0750);
    if (rc != 0)
        return fail(rc, app->setup.run_dir);
    rc = make_dir(app->setup.data_dir, 0750);
    if (rc != 0)
        return fail(rc, app->setup.data_dir);
    rc = take_lock(app);
    if (rc != 0)
        return fail(rc, rc == -EWOULDBLOCK ? "another octopus-control runs for this instance"
                                           : app->setup.run_dir);
    rc = oct_loop_create(&app->loop);
    if (rc != 0)
        return fail(rc, "io_uring");
    rc = catch_signals(app);
    if (rc == 0)
        rc = start_mirror(app);
    if (rc == 0)
        rc = start_web(app);
    if (rc != 0)
        return rc;
    app->poll.fn = on_poll;
    oct_loop_alarm(app->loop, &app->poll, oct_loop_now(app->loop));
    oct_log(OCT_LOG_INFO, "control.ready", "listening on %s port %u, token in %s", app->setup.addr,
            app->port, app->setup.token_path);
    return 0;
}

/* ---- stopping --------------------------------------------------------------------------------- */

static void stop(struct app *app)
{
    int64_t end = oct_mono_ns() + STOP_NS;
    if (app->web != NULL) {
        oct_web_stop(app->web);
        while (oct_web_client_cnt(app->web) > 0 && oct_mono_ns() < end)
            oct_loop_turn(app->loop, 10 * OCT_NS_PER_MS);
        unlink(app->setup.ctl_path);
    }
    /* What is left is the kernel's to clean: a client that does not hang up must not keep us. */
    if (app->web != NULL && oct_web_client_cnt(app->web) == 0) {
        oct_loop_alarm_clear(app->loop, &app->poll);
        oct_web_destroy(app->web);
        oct_bridge_destroy(app->bridge);
        oct_host_fini(&app->host);
        oct_mirror_fini(&app->mirror);
        oct_tls_ctx_destroy(app->tls);
    }
    oct_conf_wipe(&app->token, sizeof(app->token));
    oct_control_free(&app->setup);
}

static void pin(int core)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)core, &set);
    if (sched_setaffinity(0, sizeof(set), &set) != 0)
        oct_log(OCT_LOG_WARN, "control.pin", "cannot pin to core %d: %s", core, strerror(errno));
}

int main(int argc, char **argv)
{
    static struct app app;
    struct oct_control_args args;
    const char *wrong = oct_control_args(&args, argc, argv);
    if (wrong != NULL) {
        fprintf(stderr, "octopus-control: %s; see --help\n", wrong);
        return 2;
    }
    if (args.help) {
        oct_control_usage();
        return 0;
    }
    if (args.version) {
        puts("octopus-control " OCT_VERSION);
        return 0;
    }
    if (oct_control_load(&app.setup, &args) != 0) {
        fprintf(stderr, "%s%s", app.setup.err,
                app.setup.err[0] != '\0' && app.setup.err[strlen(app.setup.err) - 1] == '\n'
                    ? ""
                    : "\n");
        return 2;
    }
    const struct oct_conf *c = app.setup.conf;
    oct_log_init("octopus-control", c != NULL ? (enum oct_log_level)c->log_level : OCT_LOG_INFO);
    /* The token is in our memory: no core file, no debugger of another. */
    prctl(PR_SET_DUMPABLE, 0);
    if (c != NULL && c->control.core >= 0)
        pin(c->control.core);
    int rc = start(&app);
    if (rc == 0)
        rc = oct_loop_run(app.loop);
    stop(&app);
    return rc == 0 ? 0 : 1;
}
