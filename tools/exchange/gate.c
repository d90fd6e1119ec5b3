#include "tools/exchange/gate.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/base/log.h"
#include "dataplane/base/time.h"

#define IN_SZ  (64u * 1024u)
#define OUT_SZ (256u * 1024u)

struct gate_conn {
    struct oct_exch_gate *gate;
    int fd;   /* -1: free */
    int user; /* -1: not logged in */
    uint32_t in_sz;
    uint32_t out_pos;
    uint32_t out_sz;
    struct oct_soupbin_server soup;
    uint8_t in[IN_SZ];
    uint8_t out[OUT_SZ];
};

/* ---- what the session half asks -------------------------------------------------------------- */

static bool allow(void *self, const char *user, const char *password)
{
    struct gate_conn *c = self;
    const struct oct_exch_desk *d = c->gate->desk;
    for (uint32_t u = 0; u < d->user_cnt; u++) {
        if (strcasecmp(d->user[u].name, user) == 0 &&
            strcasecmp(d->user[u].password, password) == 0) {
            c->user = (int)u;
            return true;
        }
    }
    return false;
}

static const struct oct_exch_msglog *log_of(const struct gate_conn *c)
{
    return c->user < 0 ? NULL : &c->gate->desk->user[c->user].log;
}

static uint64_t store_next(const void *self)
{
    const struct oct_exch_msglog *l = log_of(self);
    return l ? l->cnt + 1 : 1;
}

static const uint8_t *store_get(const void *self, uint64_t seq, uint32_t *sz)
{
    const struct oct_exch_msglog *l = log_of(self);
    return l ? oct_exch_msglog_get(l, seq, sz) : NULL;
}

/* ---- connections ----------------------------------------------------------------------------- */

static void drop(struct gate_conn *c)
{
    struct oct_exch_gate *g = c->gate;
    close(c->fd);
    c->fd = -1;
    g->disconnects++;
    if (c->user >= 0 && g->cancel_on_disconnect)
        oct_exch_desk_cancel_all(g->desk, (uint32_t)c->user);
    c->user = -1;
}

static void accept_one(struct oct_exch_gate *g, int64_t now_ns)
{
    int fd = accept4(g->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    struct gate_conn *c = NULL;
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX && !c; i++)
        if (g->conn[i].fd < 0)
            c = &g->conn[i];
    if (!c) {
        close(fd); /* more clients than anybody needs */
        return;
    }
    int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->gate = g;
    c->fd = fd;
    c->user = -1;
    c->in_sz = c->out_pos = c->out_sz = 0;
    struct oct_soupbin_server_cfg cfg = {.login = allow,
                                         .self = c,
                                         .store = {store_next, store_get, c},
                                         .heartbeat_ns = OCT_NS_PER_S,
                                         .silence_ns = 15 * OCT_NS_PER_S,
                                         .login_ns = 30 * OCT_NS_PER_S};
    memcpy(cfg.session, g->session, sizeof cfg.session);
    int rc = oct_soupbin_server_init(&c->soup, &cfg, now_ns);
    OCT_ASSERT(rc == 0);
}

static void logged_in(struct gate_conn *c)
{
    struct oct_exch_gate *g = c->gate;
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++) {
        struct gate_conn *o = &g->conn[i];
        if (o != c && o->fd >= 0 && o->user == c->user) {
            o->user = -1; /* the user is still there: nothing to cancel */
            drop(o);
        }
    }
    g->logins++;
    g->in_msgs_login = g->in_msgs;
    oct_log(OCT_LOG_INFO, "exchange.login", "user %s logged in, from message %llu",
            g->desk->user[c->user].name, (unsigned long long)c->soup.next_seq);
    if (g->ending)
        oct_soupbin_server_end(&c->soup);
}

static void on_packet(struct gate_conn *c, const struct oct_soupbin_in *in)
{
    struct oct_exch_gate *g = c->gate;
    switch (in->event) {
    case OCT_SOUPBIN_EV_LOGIN:
        logged_in(c);
        break;
    case OCT_SOUPBIN_EV_REJECTED:
        g->rejected_logins++;
        c->user = -1;
        oct_log(OCT_LOG_WARN, "exchange.login_rejected", "login rejected, reason %c", in->reason);
        break;
    case OCT_SOUPBIN_EV_MESSAGE:
        g->in_msgs++;
        oct_exch_desk_in(g->desk, (uint32_t)c->user, in->data, in->data_sz);
        break;
    default:
        break;
    }
}

static int digest(struct gate_conn *c, int64_t now_ns)
{
    uint32_t at = 0;
    while (at < c->in_sz) {
        struct oct_soupbin_in in;
        int n = oct_soupbin_server_input(&c->soup, now_ns, c->in + at, c->in_sz - at, &in);
        if (n < 0)
            return n;
        if (n == 0)
            break;
        at += (uint32_t)n;
        on_packet(c, &in);
    }
    memmove(c->in, c->in + at, c->in_sz - at);
    c->in_sz -= at;
    return 0;
}

/* 0, or negative: the connection is over. */
static int take(struct gate_conn *c, int64_t now_ns)
{
    for (;;) {
        ssize_t n = recv(c->fd, c->in + c->in_sz, IN_SZ - c->in_sz, 0);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        if (n == 0)
            return -EPIPE;
        c->in_sz += (uint32_t)n;
        int rc = digest(c, now_ns);
        if (rc != 0) {
            c->gate->bad_streams++;
            return rc;
        }
    }
}

static int give(struct gate_conn *c, int64_t now_ns)
{
    for (;;) {
        if (c->out_pos == c->out_sz) {
            c->out_pos = 0;
            c->out_sz = oct_soupbin_server_output(&c->soup, now_ns, c->out, OUT_SZ);
        }
        if (c->out_sz == 0)
            return c->soup.state == OCT_SOUPBIN_CLOSING ? -EPIPE : 0;
        ssize_t n = send(c->fd, c->out + c->out_pos, c->out_sz - c->out_pos, MSG_NOSIGNAL);
        if (n < 0)
            return errno == EAGAIN || errno == EINTR ? 0 : -errno;
        c->out_pos += (uint32_t)n;
    }
}

void oct_exch_gate_turn(struct oct_exch_gate *g, int64_t now_ns)
{
    accept_one(g, now_ns);
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++) {
        struct gate_conn *c = &g->conn[i];
        if (c->fd < 0)
            continue;
        int rc = take(c, now_ns);
        if (rc == 0 && oct_soupbin_server_tick(&c->soup, now_ns) != 0) {
            g->bad_streams++;
            rc = -ETIMEDOUT;
        }
        if (rc != 0)
            drop(c);
    }
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++) { /* answers to one may be for another */
        struct gate_conn *c = &g->conn[i];
        if (c->fd >= 0 && give(c, now_ns) != 0)
            drop(c);
    }
}

uint32_t oct_exch_gate_poll(const struct oct_exch_gate *g, struct pollfd *fds)
{
    uint32_t n = 0;
    fds[n++] = (struct pollfd){.fd = g->listen_fd, .events = POLLIN};
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++) {
        const struct gate_conn *c = &g->conn[i];
        if (c->fd >= 0)
            fds[n++] = (struct pollfd){
                .fd = c->fd, .events = (short)(POLLIN | (c->out_pos < c->out_sz ? POLLOUT : 0))};
    }
    return n;
}

bool oct_exch_gate_flushed(const struct oct_exch_gate *g)
{
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++) {
        const struct gate_conn *c = &g->conn[i];
        if (c->fd >= 0 && c->user >= 0 &&
            (c->out_pos < c->out_sz || c->soup.next_seq < store_next(c)))
            return false;
    }
    return true;
}

uint32_t oct_exch_gate_users(const struct oct_exch_gate *g)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++)
        n += g->conn[i].fd >= 0 && g->conn[i].user >= 0;
    return n;
}

int oct_exch_gate_only_user(const struct oct_exch_gate *g)
{
    if (oct_exch_gate_users(g) != 1)
        return -1;
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++)
        if (g->conn[i].fd >= 0 && g->conn[i].user >= 0)
            return g->conn[i].user;
    return -1;
}

void oct_exch_gate_end(struct oct_exch_gate *g)
{
    g->ending = true;
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++)
        if (g->conn[i].fd >= 0 && g->conn[i].user >= 0)
            oct_soupbin_server_end(&g->conn[i].soup);
}

void oct_exch_gate_drop(struct oct_exch_gate *g, uint32_t user)
{
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++)
        if (g->conn[i].fd >= 0 && g->conn[i].user == (int)user)
            drop(&g->conn[i]);
}

int oct_exch_gate_init(struct oct_exch_gate *g, struct oct_exch_desk *desk,
                       const struct sockaddr_in *at, const char *session)
{
    *g = (struct oct_exch_gate){.desk = desk, .listen_fd = -1};
    snprintf(g->session, sizeof g->session, "%s", session);
    g->conn = calloc(OCT_EXCH_CONN_MAX, sizeof *g->conn);
    if (!g->conn)
        return -ENOMEM;
    for (uint32_t i = 0; i < OCT_EXCH_CONN_MAX; i++)
        g->conn[i].fd = g->conn[i].user = -1;
    int on = 1;
    struct sockaddr_in got;
    socklen_t len = sizeof got;
    g->listen_fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (g->listen_fd < 0 ||
        setsockopt(g->listen_fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0 ||
        bind(g->listen_fd, (const struct sockaddr *)at, sizeof *at) != 0 ||
        listen(g->listen_fd, 16) != 0 ||
        getsockname(g->listen_fd, (struct sockaddr *)&got, &len) != 0) {
        int rc = -errno;
        oct_exch_gate_fini(g);
        return rc;
    }
    g->port = ntohs(got.sin_port);
    return 0;
}

void oct_exch_gate_fini(struct oct_exch_gate *g)
{
    for (uint32_t i = 0; g->conn && i < OCT_EXCH_CONN_MAX; i++)
        if (g->conn[i].fd >= 0)
            close(g->conn[i].fd);
    free(g->conn);
    g->conn = NULL;
    if (g->listen_fd >= 0)
        close(g->listen_fd);
    g->listen_fd = -1;
}
