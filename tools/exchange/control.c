#include "tools/exchange/control.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/base/log.h"

#define CLIENT_CNT (OCT_EXCH_CONTROL_FDS - 1)

void oct_exch_status(const struct oct_exch_run *r, char line[OCT_EXCH_STATUS_SZ])
{
    const struct oct_exch_pub *p = &r->pub;
    snprintf(line, OCT_EXCH_STATUS_SZ,
             "started=%d done=%d ended=%d stamp_ns=%" PRId64 " packets=%" PRIu64
             " messages=%" PRIu64 " users=%u orders=%u live=%u fills=%u answers=%" PRIu64
             " consumer_seq=%" PRIu64 " consumer_orders=%" PRIu64 " consumer_answers=%" PRIu64
             " rewind_requests=%" PRIu64,
             p->started, oct_exch_pub_done(p), p->ended, p->last_stamp, p->packets,
             p->store.next - 1, oct_exch_gate_users(&r->gate), r->desk.order_cnt - 1, r->desk.live,
             r->desk.fill_cnt, r->desk.user_cnt ? r->desk.user[0].log.cnt : 0, p->pos_feed,
             p->pos_sent, p->pos_venue, p->rewind.requests);
}

static int find_user(const struct oct_exch_run *r, const char *name)
{
    for (uint32_t u = 0; u < r->desk.user_cnt; u++)
        if (strcasecmp(r->desk.user[u].name, name) == 0)
            return (int)u;
    return -1;
}

/* Carries out one command; answer holds OCT_EXCH_STATUS_SZ bytes.  True: stop. */
static bool command(struct oct_exch_run *r, char *text, char *answer)
{
    char *arg = strchr(text, ' ');
    if (arg)
        *arg++ = 0;
    const char *a = arg ? arg : "";
    int user = find_user(r, a);
    int rc = 0;
    if (strcmp(text, "status") == 0) {
        oct_exch_status(r, answer);
        return false;
    }
    if (strcmp(text, "record") == 0 && a[0]) {
        rc = oct_exch_record_write(r, a);
    } else if (strcmp(text, "drop") == 0 && user >= 0) {
        oct_exch_gate_drop(&r->gate, (uint32_t)user);
    } else if (strcmp(text, "cancel-all") == 0 && user >= 0) {
        oct_exch_desk_cancel_all(&r->desk, (uint32_t)user);
    } else if (strcmp(text, "break") == 0 && a[0]) {
        rc = oct_exch_desk_break(&r->desk, strtoull(a, NULL, 10));
    } else if (strcmp(text, "stop") != 0) {
        snprintf(answer, OCT_EXCH_STATUS_SZ,
                 "error: say status, record PATH, drop USER, cancel-all USER, break MATCH or stop");
        return false;
    }
    if (rc == 0)
        snprintf(answer, OCT_EXCH_STATUS_SZ, "ok");
    else
        snprintf(answer, OCT_EXCH_STATUS_SZ, "error: %s", strerror(-rc));
    return strcmp(text, "stop") == 0;
}

static void hang_up(struct oct_exch_control *c, uint32_t i)
{
    close(c->client[i]);
    c->client[i] = -1;
}

static bool serve(struct oct_exch_control *c, uint32_t i, struct oct_exch_run *r)
{
    char *line = c->line[i];
    bool stop = false;
    ssize_t n = recv(c->client[i], line + c->sz[i], sizeof c->line[i] - 1 - c->sz[i], MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR) ||
        (n > 0 && c->sz[i] + (size_t)n == sizeof c->line[i] - 1)) {
        hang_up(c, i);
        return false;
    }
    if (n < 0)
        return false;
    c->sz[i] += (uint32_t)n;
    line[c->sz[i]] = 0;
    char *end;
    while ((end = strchr(line, '\n')) != NULL) {
        char answer[OCT_EXCH_STATUS_SZ + 1];
        *end = 0;
        stop |= command(r, line, answer);
        strcat(answer, "\n");
        send(c->client[i], answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT);
        c->sz[i] -= (uint32_t)(end + 1 - line);
        memmove(line, end + 1, c->sz[i] + 1);
    }
    return stop;
}

bool oct_exch_control_turn(struct oct_exch_control *c, struct oct_exch_run *r)
{
    if (!c->open)
        return false;
    int fd = accept4(c->listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    for (uint32_t i = 0; i < CLIENT_CNT && fd >= 0; i++)
        if (c->client[i] < 0) {
            c->client[i] = fd;
            c->sz[i] = 0;
            fd = -1;
        }
    if (fd >= 0)
        close(fd);
    bool stop = false;
    for (uint32_t i = 0; i < CLIENT_CNT; i++)
        if (c->client[i] >= 0)
            stop |= serve(c, i, r);
    return stop;
}

uint32_t oct_exch_control_poll(const struct oct_exch_control *c, struct pollfd *fds)
{
    uint32_t n = 0;
    if (!c->open)
        return 0;
    fds[n++] = (struct pollfd){.fd = c->listen_fd, .events = POLLIN};
    for (uint32_t i = 0; i < CLIENT_CNT; i++)
        if (c->client[i] >= 0)
            fds[n++] = (struct pollfd){.fd = c->client[i], .events = POLLIN};
    return n;
}

int oct_exch_control_init(struct oct_exch_control *c, const char *path)
{
    *c = (struct oct_exch_control){.listen_fd = -1};
    for (uint32_t i = 0; i < CLIENT_CNT; i++)
        c->client[i] = -1;
    if (!path)
        return 0;
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof at.sun_path) {
        oct_log(OCT_LOG_ERROR, "exchange.control", "%s: the path is too long", path);
        return -ENAMETOOLONG;
    }
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    snprintf(c->path, sizeof c->path, "%s", path);
    unlink(path);
    c->listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    mode_t old = umask(0177);
    int rc = c->listen_fd < 0 || bind(c->listen_fd, (struct sockaddr *)&at, sizeof at) != 0 ||
                     listen(c->listen_fd, 8) != 0
                 ? -errno
                 : 0;
    umask(old);
    c->open = rc == 0;
    if (rc != 0)
        oct_log(OCT_LOG_ERROR, "exchange.control", "%s: %s", path, strerror(-rc));
    return rc;
}

void oct_exch_control_fini(struct oct_exch_control *c)
{
    if (!c->open)
        return;
    for (uint32_t i = 0; i < CLIENT_CNT; i++)
        if (c->client[i] >= 0)
            hang_up(c, i);
    close(c->listen_fd);
    unlink(c->path);
    c->open = false;
}
