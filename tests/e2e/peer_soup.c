/* peer_soup.c - our SoupBinTCP halves on real sockets, for tests against other implementations.
 *
 * usage: peer_soup client PORT USER PASSWORD SEND
 *          logs in to 127.0.0.1:PORT from message 1, logs in again whenever the connection goes, sends
 *          SEND unsequenced messages after the first login, and ends with the session or a refusal.
 *        peer_soup server STORED
 *          listens on a free port, serves session "042" to user "OCTO", password "secret", with STORED
 *          messages to begin with; every unsequenced message comes back as a sequenced one; ends at
 *          end of input on standard input, after sending end of session.
 * Both print what happens, one event a line. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "drivers/venue/soupbin_server.h"
#include "drivers/venue/soupbintcp.h"

#define SEC    INT64_C(1000000000)
#define BUF_SZ 65536u

static int64_t now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * SEC + t.tv_nsec;
}

static void put_hex(const uint8_t *data, uint32_t sz)
{
    for (uint32_t i = 0; i < sz; i++)
        printf("%02x", data[i]);
    putchar('\n');
    fflush(stdout);
}

static bool write_all(int fd, const uint8_t *data, uint32_t sz)
{
    while (sz > 0) {
        ssize_t n = send(fd, data, sz, MSG_NOSIGNAL);
        if (n <= 0)
            return false;
        data += n;
        sz -= (uint32_t)n;
    }
    return true;
}

static int loopback(uint16_t port, struct sockaddr_in *a)
{
    int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *a = (struct sockaddr_in){
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    return fd;
}

/* ---- client ---------------------------------------------------------------------------------- */

struct client {
    _Alignas(64) uint8_t state[OCT_VENUE_SESS_SZ];
    uint8_t buf[BUF_SZ];
    uint32_t have;
    uint32_t to_send;
};

static const struct oct_session_ops *const ops = &oct_session_soupbintcp;

static bool send_messages(struct client *c, int fd)
{
    uint8_t out[OCT_VENUE_MSG_MAX];

    for (uint32_t i = 0; c->to_send > 0; c->to_send--, i++) {
        int n = snprintf((char *)out + ops->headroom, sizeof out - ops->headroom, "order %u", i);
        if (!write_all(fd, out, ops->frame(c->state, now(), out, (uint32_t)n)))
            return false;
    }
    return true;
}

/* One event; false when the connection or the program should end. */
static bool tell(struct client *c, int fd, const struct oct_session_event *ev)
{
    switch (ev->event) {
    case OCT_VENUE_LOGGED_IN:
        printf("logged_in %llu\n", (unsigned long long)ev->seq);
        fflush(stdout);
        return send_messages(c, fd);
    case OCT_VENUE_LOGIN_REJECTED:
        printf("rejected %c\n", ev->reason);
        return false;
    case OCT_VENUE_ENDED:
        printf("ended %llu\n", (unsigned long long)ev->seq);
        return false;
    case OCT_VENUE_DATA:
        printf("data %llu ", (unsigned long long)ev->seq);
        put_hex(ev->data, ev->data_sz);
        return true;
    default:
        return true;
    }
}

static bool read_some(struct client *c, int fd)
{
    ssize_t n = recv(fd, c->buf + c->have, BUF_SZ - c->have, 0);
    uint32_t used = 0;

    if (n <= 0)
        return false;
    c->have += (uint32_t)n;
    while (used < c->have) {
        struct oct_session_event ev;
        int got = ops->input(c->state, now(), c->buf + used, c->have - used, &ev);
        if (got < 0) {
            printf("protocol error\n");
            return false;
        }
        if (got == 0)
            break;
        used += (uint32_t)got;
        if (ev.event && !tell(c, fd, &ev))
            return false;
    }
    memmove(c->buf, c->buf + used, c->have - used);
    c->have -= used;
    return true;
}

static void connection(struct client *c, int fd)
{
    uint8_t out[OCT_VENUE_MSG_MAX];

    c->have = 0;
    if (!write_all(fd, out, ops->connected(c->state, now(), out)))
        return;
    for (;;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, 50) > 0 && !read_some(c, fd))
            return;
        int n = ops->tick(c->state, now(), out);
        if (n < 0) {
            printf("silent\n");
            return;
        }
        if (n > 0 && !write_all(fd, out, (uint32_t)n))
            return;
    }
}

static int run_client(char **arg)
{
    static struct client c;
    struct oct_session_cfg cfg = {.next_seq = 1, .heartbeat_ns = SEC, .silence_ns = 5 * SEC};
    struct sockaddr_in a;

    snprintf(cfg.user, sizeof cfg.user, "%s", arg[1]);
    snprintf(cfg.password, sizeof cfg.password, "%s", arg[2]);
    c.to_send = (uint32_t)atoi(arg[3]);
    if (ops->init(c.state, &cfg))
        return 1;
    for (int tries = 0; tries < 20; tries++) {
        int fd = loopback((uint16_t)atoi(arg[0]), &a);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) == 0) {
            connection(&c, fd);
            ops->lost(c.state);
            printf("lost\n");
            fflush(stdout);
        }
        close(fd);
        enum oct_session_state s = ops->state(c.state);
        if (s == OCT_SESSION_ENDED || s == OCT_SESSION_REFUSED)
            return 0;
        usleep(100000);
    }
    return 1;
}

/* ---- server ---------------------------------------------------------------------------------- */

#define STORE_MAX 10000u

static struct {
    uint8_t data[64];
    uint32_t sz;
} store[STORE_MAX];
static uint64_t store_cnt;

static void keep(const uint8_t *data, uint32_t sz)
{
    if (store_cnt == STORE_MAX)
        return;
    store[store_cnt].sz = sz < sizeof store[0].data ? sz : sizeof store[0].data;
    memcpy(store[store_cnt].data, data, store[store_cnt].sz);
    store_cnt++;
}

static uint64_t store_next(const void *self)
{
    (void)self;
    return store_cnt + 1;
}

static const uint8_t *store_get(const void *self, uint64_t seq, uint32_t *sz)
{
    (void)self;
    *sz = store[seq - 1].sz;
    return store[seq - 1].data;
}

static bool let_in(void *self, const char *user, const char *password)
{
    (void)self;
    return strcmp(user, "OCTO") == 0 && strcmp(password, "secret") == 0;
}

struct peer {
    struct oct_soupbin_server s;
    uint8_t buf[BUF_SZ];
    uint32_t have;
    int fd;
};

static bool take(struct peer *p)
{
    ssize_t n = recv(p->fd, p->buf + p->have, BUF_SZ - p->have, 0);
    uint32_t used = 0;

    if (n <= 0)
        return false;
    p->have += (uint32_t)n;
    while (used < p->have) {
        struct oct_soupbin_in in;
        int got = oct_soupbin_server_input(&p->s, now(), p->buf + used, p->have - used, &in);
        if (got < 0) {
            printf("protocol error\n");
            return false;
        }
        if (got == 0)
            break;
        used += (uint32_t)got;
        if (in.event == OCT_SOUPBIN_EV_LOGIN)
            printf("login %s %llu\n", p->s.user, (unsigned long long)p->s.next_seq);
        if (in.event == OCT_SOUPBIN_EV_REJECTED)
            printf("rejected %c\n", in.reason);
        if (in.event == OCT_SOUPBIN_EV_LOGOUT)
            printf("logout\n");
        if (in.event == OCT_SOUPBIN_EV_MESSAGE) {
            printf("message ");
            put_hex(in.data, in.data_sz);
            keep(in.data, in.data_sz);
        }
        fflush(stdout);
    }
    memmove(p->buf, p->buf + used, p->have - used);
    p->have -= used;
    return true;
}

static bool flush_out(struct peer *p)
{
    uint8_t out[4096];
    uint32_t n;

    while ((n = oct_soupbin_server_output(&p->s, now(), out, sizeof out)) != 0)
        if (!write_all(p->fd, out, n))
            return false;
    return p->s.state != OCT_SOUPBIN_CLOSING && oct_soupbin_server_tick(&p->s, now()) == 0;
}

static void hang_up(struct peer *p)
{
    printf("gone\n");
    fflush(stdout);
    close(p->fd);
    p->fd = -1;
}

static void serve(int listener, struct peer *p, const struct oct_soupbin_server_cfg *cfg)
{
    bool ending = false;

    while (!ending || p->fd >= 0) {
        struct pollfd f[3] = {{.fd = listener, .events = POLLIN},
                              {.fd = ending ? -1 : STDIN_FILENO, .events = POLLIN},
                              {.fd = p->fd, .events = POLLIN}};
        char c;
        poll(f, 3, 50);
        if (f[1].revents && read(STDIN_FILENO, &c, 1) <= 0) {
            ending = true;
            oct_soupbin_server_end(&p->s);
        }
        if (f[0].revents && p->fd < 0) {
            p->fd = accept(listener, NULL, NULL);
            p->have = 0;
            oct_soupbin_server_init(&p->s, cfg, now());
        }
        if (p->fd >= 0 && f[2].revents && !take(p))
            hang_up(p);
        if (p->fd >= 0 && !flush_out(p))
            hang_up(p);
    }
}

static int run_server(char **arg)
{
    static struct peer p = {.fd = -1};
    struct oct_soupbin_server_cfg cfg = {.session = "042",
                                         .login = let_in,
                                         .store = {store_next, store_get, NULL},
                                         .heartbeat_ns = SEC,
                                         .silence_ns = 5 * SEC,
                                         .login_ns = 5 * SEC};
    struct sockaddr_in a;
    socklen_t sz = sizeof a;
    int fd = loopback(0, &a);

    for (int i = 1; i <= atoi(arg[0]); i++) {
        uint8_t msg[64];
        int n = snprintf((char *)msg, sizeof msg, "stored %d \n%c", i, i % 256);
        keep(msg, (uint32_t)n);
    }
    if (bind(fd, (struct sockaddr *)&a, sizeof a) || listen(fd, 4) ||
        getsockname(fd, (struct sockaddr *)&a, &sz)) {
        perror("peer_soup");
        return 1;
    }
    printf("port %u\n", ntohs(a.sin_port));
    fflush(stdout);
    serve(fd, &p, &cfg);
    close(fd);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 6 && strcmp(argv[1], "client") == 0)
        return run_client(argv + 2);
    if (argc == 3 && strcmp(argv[1], "server") == 0)
        return run_server(argv + 2);
    fprintf(stderr, "usage: peer_soup client PORT USER PASSWORD SEND | server STORED\n");
    return 2;
}
