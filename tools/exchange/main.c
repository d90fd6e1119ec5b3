/* octopus-exchange: the simulated venue. */
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/log.h"
#include "dataplane/base/time.h"
#include "tools/exchange/control.h"
#include "tools/exchange/record.h"

#define PROGRESS_NS    (OCT_NS_PER_S / 4)
#define START_WAIT_NS  (200 * OCT_NS_PER_MS) /* from login to the first packet, without a report */
#define MATCH_FIRST_ID UINT64_C(1000000000000) /* apart from the recorded ones */
#define ABSENT_NS      (10 * OCT_NS_PER_S)     /* a consumer that is silent for so long is gone */
#define SETTLE_NS      (5 * OCT_NS_PER_S)      /* for the last answers to be read */

static volatile sig_atomic_t stop_signal, status_signal, record_signal;

static void on_signal(int sig)
{
    if (sig == SIGUSR1)
        status_signal = 1;
    else if (sig == SIGUSR2)
        record_signal = 1;
    else
        stop_signal = sig;
}

static void catch_signals(void)
{
    struct sigaction sa = {.sa_handler = on_signal};
    static const int sigs[] = {SIGTERM, SIGINT, SIGUSR1, SIGUSR2};
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(sigs); i++)
        sigaction(sigs[i], &sa, NULL);
    signal(SIGPIPE, SIG_IGN);
}

/* ---- phases ---------------------------------------------------------------------------------- */

enum phase { WAITING, PLAYING, SETTLING, LEAVING, OVER };

struct loop {
    struct oct_exch_run *r;
    struct oct_exch_control control;
    enum phase phase;
    int64_t login_ns; /* of the first login */
    int64_t phase_ns; /* when the phase began */
    int64_t shown_ns; /* progress */
    uint64_t logins;  /* seen */
    bool tty;
};

static struct oct_exch_order_side order_side(const struct oct_exch_run *r)
{
    int user = oct_exch_gate_only_user(&r->gate);
    return (struct oct_exch_order_side){
        .in_msgs = r->gate.in_msgs - r->gate.in_msgs_login,
        .next_seq = user < 0 ? 0 : r->desk.user[user].log.cnt + 1,
        .expected = r->gate.logins > 0,
    };
}

static void enter(struct loop *l, enum phase phase, int64_t now)
{
    l->phase = phase;
    l->phase_ns = now;
}

static void end_session(struct loop *l, int64_t now)
{
    struct oct_exch_run *r = l->r;
    r->ended = r->pub.source_rc == 0;
    const char *warning = oct_sessfile_warning(r->source);
    if (warning[0])
        oct_log(OCT_LOG_WARN, "exchange.session_truncated", "%s", warning);
    if (r->pub.source_rc != 0)
        oct_log(OCT_LOG_ERROR, "exchange.session_bad", "%s", oct_sessfile_error(r->source));
    if (oct_match_stats(r->desk.match)->refused > 0)
        oct_log(OCT_LOG_WARN, "exchange.book_refused",
                "%llu recorded messages did not go into the book: duplicate references, impossible "
                "values, or more live orders than --book-orders",
                (unsigned long long)oct_match_stats(r->desk.match)->refused);
    oct_exch_desk_end(&r->desk);
    oct_exch_pub_end(&r->pub, now);
    enter(l, SETTLING, now);
}

/* In lock-step, what the last packets cause still belongs to the session.  A consumer that is gone
 * and does not come back is not waited for. */
static bool consumer_is_behind(struct loop *l, const struct oct_exch_order_side *side, int64_t now)
{
    const struct oct_exch_pub *p = &l->r->pub;
    if (p->cfg.pace != OCT_EXCH_LOCK_STEP || !p->reported || oct_exch_pub_settled(p, side))
        return false;
    int64_t heard = p->report_ns > p->last_packet_ns ? p->report_ns : p->last_packet_ns;
    return now - heard < ABSENT_NS;
}

/* Moves to the next phase when it is time. */
static void steer(struct loop *l, int64_t now)
{
    struct oct_exch_run *r = l->r;
    struct oct_exch_order_side side = order_side(r);
    bool reports = r->pub.reported;
    switch (l->phase) {
    case WAITING:
        if (r->opts.start == OCT_EXCH_START_NOW || reports ||
            (l->login_ns && now - l->login_ns >= START_WAIT_NS)) {
            oct_log(OCT_LOG_INFO, "exchange.start", "session starts at pace %s", r->opts.pace_text);
            oct_exch_pub_start(&r->pub, now);
            enter(l, PLAYING, now);
        }
        break;
    case PLAYING:
        if (!oct_exch_pub_done(&r->pub))
            break;
        if (!consumer_is_behind(l, &side, now))
            end_session(l, now);
        break;
    case SETTLING:
        if (!r->opts.exit_when_done)
            break;
        if (oct_exch_pub_settled(&r->pub, &side) ||
            (oct_exch_gate_flushed(&r->gate) && now - l->phase_ns >= r->opts.linger_ns) ||
            now - l->phase_ns >= r->opts.linger_ns + SETTLE_NS) {
            oct_exch_gate_end(&r->gate);
            enter(l, LEAVING, now);
        }
        break;
    case LEAVING:
        if (r->opts.stay)
            break;
        if (oct_exch_gate_users(&r->gate) == 0 || now - l->phase_ns >= OCT_NS_PER_S)
            enter(l, OVER, now);
        break;
    case OVER:
        break;
    }
}

/* ---- one turn -------------------------------------------------------------------------------- */

static void serve(struct loop *l, int64_t now)
{
    struct oct_exch_run *r = l->r;
    oct_exch_gate_turn(&r->gate, now);
    if (r->gate.logins != l->logins) {
        l->logins = r->gate.logins;
        l->login_ns = l->login_ns ? l->login_ns : now;
        oct_exch_pub_login(&r->pub);
    }
    struct oct_exch_order_side side = order_side(r);
    oct_exch_pub_requests(&r->pub, &side, now);
}

static void show(struct loop *l, int64_t now)
{
    static const char *const phase_name[] = {"waiting for a client", "playing", "session over",
                                             "leaving", "over"};
    const struct oct_exch_run *r = l->r;
    if (status_signal) {
        char line[OCT_EXCH_STATUS_SZ];
        status_signal = 0;
        oct_exch_status(r, line);
        fprintf(stderr, "%s%s\n", l->tty ? "\r\033[K" : "", line);
    }
    if (!l->tty || now - l->shown_ns < PROGRESS_NS)
        return;
    l->shown_ns = now;
    int64_t s = r->pub.last_stamp / OCT_NS_PER_S;
    fprintf(stderr,
            "\r\033[K%s  %02" PRId64 ":%02" PRId64 ":%02" PRId64 "  packets %" PRIu64
            "  messages %" PRIu64 "  orders %u live %u  fills %u",
            phase_name[l->phase], s / 3600, s / 60 % 60, s % 60, r->pub.packets,
            r->pub.store.next - 1, r->desk.order_cnt - 1, r->desk.live, r->desk.fill_cnt);
    fflush(stderr);
}

static void write_record(const struct oct_exch_run *r)
{
    if (!r->opts.record)
        return;
    int rc = oct_exch_record_write(r, r->opts.record);
    if (rc != 0)
        oct_log(OCT_LOG_ERROR, "exchange.record", "%s: %s; the record was not written",
                r->opts.record, strerror(-rc));
}

static void wait_for(const struct loop *l, int64_t until_ns, int64_t now)
{
    struct pollfd fds[OCT_EXCH_CONN_MAX + 2 + OCT_EXCH_CONTROL_FDS];
    uint32_t n = oct_exch_gate_poll(&l->r->gate, fds);
    fds[n++] = (struct pollfd){.fd = l->r->pub.rewind_fd, .events = POLLIN};
    n += oct_exch_control_poll(&l->control, fds + n);
    int64_t span = until_ns - now;
    if (span < 0)
        span = 0;
    if (span > 100 * OCT_NS_PER_MS)
        span = 100 * OCT_NS_PER_MS;
    struct timespec ts = {span / OCT_NS_PER_S, span % OCT_NS_PER_S};
    ppoll(fds, n, &ts, NULL);
}

static void run(struct loop *l)
{
    while (l->phase != OVER && !stop_signal) {
        int64_t now = oct_mono_ns();
        serve(l, now);
        struct oct_exch_order_side side = order_side(l->r);
        int64_t again = oct_exch_pub_turn(&l->r->pub, &side, now);
        oct_exch_gate_turn(&l->r->gate, now); /* fills of what was just sent */
        steer(l, now);
        if (oct_exch_control_turn(&l->control, l->r))
            stop_signal = SIGTERM;
        if (record_signal) {
            record_signal = 0;
            write_record(l->r);
        }
        show(l, now);
        if (again > now)
            wait_for(l, again, now);
    }
    if (l->tty)
        fputs("\r\033[K", stderr);
}

/* ---- set up ---------------------------------------------------------------------------------- */

static void name_session(char name[11])
{
    /* ten characters that do not come back soon: an old client must not take us for its venue */
    snprintf(name, 11, "OCT%07u", (unsigned)((uint64_t)oct_utc_ns() / 100000000u % 10000000u));
}

/* The order session of a store keeps its name, so that clients may resume it. */
static int session_of_store(const char *store, char name[11])
{
    char path[512];
    if (mkdir(store, 0700) != 0 && errno != EEXIST)
        return -errno;
    snprintf(path, sizeof path, "%s/session", store);
    FILE *f = fopen(path, "r+e");
    if (f) {
        bool ok = fscanf(f, "%10s", name) == 1;
        fclose(f);
        return ok ? 0 : -EBADMSG;
    }
    f = fopen(path, "we");
    if (!f)
        return -errno;
    fprintf(f, "%s\n", name);
    return fclose(f) == 0 ? 0 : -errno;
}

static int add_users(struct oct_exch_run *r)
{
    for (uint32_t i = 0; i < r->opts.user_cnt; i++) {
        const struct oct_exch_user_opt *u = &r->opts.user[i];
        char path[512];
        if (r->opts.store)
            snprintf(path, sizeof path, "%s/%s.seq", r->opts.store, u->name);
        int rc = oct_exch_desk_user(&r->desk, u->name, u->password, u->firm,
                                    r->opts.store ? path : NULL);
        if (rc < 0) {
            oct_log(OCT_LOG_ERROR, "exchange.user", "user %s: %s", u->name, strerror(-rc));
            return rc;
        }
    }
    return 0;
}

/* Live recorded orders to have room for: a whole day of the market needs more than a sample. */
static uint32_t book_orders(const struct oct_exch_opts *o)
{
    struct stat st;
    if (o->rec_order_cnt_max)
        return o->rec_order_cnt_max;
    bool large = o->session.path && stat(o->session.path, &st) == 0 && st.st_size > 64 << 20;
    return large ? 4u << 20 : 1u << 19;
}

static int set_up(struct oct_exch_run *r)
{
    char err[OCT_SESSFILE_ERR_SZ];
    int rc = oct_sessfile_open(&r->source, &r->opts.session, err);
    if (rc != 0) {
        oct_log(OCT_LOG_ERROR, "exchange.session", "%s", err);
        return rc;
    }
    r->date = r->opts.date ? r->opts.date : oct_sessfile_stats(r->source)->date;
    uint32_t orders = book_orders(&r->opts);
    struct oct_exch_desk_cfg dc = {.rec_order_cnt_max = orders,
                                   .rec_level_cnt_max = orders / 2,
                                   .order_cnt_max = r->opts.order_cnt_max,
                                   .self = r->opts.self,
                                   .first_match_id = MATCH_FIRST_ID};
    if (r->opts.store) /* numbers of an earlier run do not come back */
        dc.first_match_id += (uint64_t)(oct_utc_ns() / OCT_NS_PER_MS);
    rc = oct_exch_desk_init(&r->desk, &dc);
    if (rc != 0) {
        oct_log(OCT_LOG_ERROR, "exchange.memory", "order desk: %s", strerror(-rc));
        return rc;
    }
    name_session(r->opts.pub.session);
    char order_session[11];
    snprintf(order_session, sizeof order_session, "%s", r->opts.pub.session);
    rc = r->opts.store ? session_of_store(r->opts.store, order_session) : 0;
    if (rc != 0) {
        oct_log(OCT_LOG_ERROR, "exchange.store", "%s: %s; choose another folder", r->opts.store,
                strerror(-rc));
        return rc;
    }
    rc = add_users(r);
    if (rc != 0)
        return rc;
    rc = oct_exch_pub_init(&r->pub, &r->opts.pub, r->source, &r->desk, err, sizeof err);
    if (rc != 0) {
        oct_log(OCT_LOG_ERROR, "exchange.network", "%s", err);
        return rc;
    }
    rc = oct_exch_gate_init(&r->gate, &r->desk, &r->opts.order, order_session);
    if (rc != 0) {
        oct_log(OCT_LOG_ERROR, "exchange.network", "order port %u: %s; choose another or 0",
                ntohs(r->opts.order.sin_port), strerror(-rc));
        return rc;
    }
    r->gate.cancel_on_disconnect = r->opts.cancel_on_disconnect;
    oct_exch_desk_begin(&r->desk);
    return 0;
}

int main(int argc, char **argv)
{
    static struct oct_exch_run r;
    oct_log_init("octopus-exchange", OCT_LOG_INFO);
    int rc = oct_exch_options(&r.opts, argc, argv);
    if (rc != 0)
        return rc > 0 ? 0 : 2;
    if (r.opts.describe_generator)
        return oct_gen_describe(stdout, &r.opts.gen) == 0 ? 0 : 1;
    catch_signals();
    r.pub.rewind_fd = r.gate.listen_fd = r.pub.line[0].fd = r.pub.line[1].fd = -1;
    struct loop l = {.r = &r, .tty = isatty(STDERR_FILENO) && !r.opts.quiet};
    rc = set_up(&r);
    if (rc == 0)
        rc = oct_exch_control_init(&l.control, r.opts.control);
    if (rc == 0 && r.opts.ports_file)
        rc = oct_exch_ports_write(&r, r.opts.ports_file);
    if (rc == 0) {
        oct_log(OCT_LOG_INFO, "exchange.ready", "session %s, order port %u, rewind port %u",
                r.opts.pub.session, r.gate.port, r.pub.rewind_port);
        run(&l);
        if (!r.ended)
            oct_exch_desk_end(&r.desk); /* stopped on the way: nothing stays open in the record */
        write_record(&r);
        rc = r.pub.source_rc;
    }
    oct_exch_control_fini(&l.control);
    oct_exch_gate_fini(&r.gate);
    oct_exch_pub_fini(&r.pub);
    oct_exch_desk_fini(&r.desk);
    oct_sessfile_close(r.source);
    return rc == 0 ? 0 : 1;
}
