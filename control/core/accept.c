#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control/core/loop_priv.h"
#include "control/core/stream.h"
#include "dataplane/base/time.h"

#define BACKLOG  1024
#define RETRY_NS (100 * OCT_NS_PER_MS)

static void accept_arm(struct oct_acceptor *a)
{
    struct io_uring_sqe *sqe = oct_loop_sqe(a->loop);
    io_uring_prep_multishot_accept(sqe, a->fd, NULL, NULL, SOCK_CLOEXEC);
    oct_loop_own(sqe, &a->op);
}

static void accept_retry(struct oct_alarm *al)
{
    struct oct_acceptor *a =
        (struct oct_acceptor *)((char *)al - offsetof(struct oct_acceptor, retry));
    if (!a->off && !a->op.pending)
        accept_arm(a);
}

static void accept_done(struct oct_op *op, int res, uint32_t flags)
{
    struct oct_acceptor *a = (struct oct_acceptor *)op; /* first member */
    (void)flags;
    if (a->off) {
        if (res >= 0)
            close(res);
        return;
    }
    if (res >= 0)
        a->fn(a->self, res);
    else
        a->failures++;
    if (op->pending)
        return;
    if (res >= 0)
        accept_arm(a);
    else /* out of descriptors, most likely: not at once, or we would spin */
        oct_loop_alarm(a->loop, &a->retry, oct_loop_now(a->loop) + RETRY_NS);
}

void oct_acceptor_start(struct oct_acceptor *a, struct oct_loop *l, int fd,
                        void (*fn)(void *self, int fd), void *self)
{
    *a = (struct oct_acceptor){
        .op = {.fn = accept_done},
        .retry = {.fn = accept_retry},
        .loop = l,
        .fn = fn,
        .self = self,
        .fd = fd,
    };
    accept_arm(a);
}

void oct_acceptor_stop(struct oct_acceptor *a)
{
    if (a->loop == NULL || a->off)
        return;
    a->off = true;
    oct_loop_alarm_clear(a->loop, &a->retry);
    if (a->op.pending)
        oct_loop_cancel(a->loop, &a->op);
    close(a->fd);
}

int oct_listen_loopback(const char *addr, uint16_t port, uint16_t *bound_port)
{
    union {
        struct sockaddr sa;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } u = {0};
    socklen_t len = 0;
    if (inet_pton(AF_INET, addr, &u.v4.sin_addr) == 1) {
        if ((ntohl(u.v4.sin_addr.s_addr) >> 24) != 127)
            return -EACCES;
        u.v4.sin_family = AF_INET;
        u.v4.sin_port = htons(port);
        len = sizeof(u.v4);
    } else if (inet_pton(AF_INET6, addr, &u.v6.sin6_addr) == 1) {
        if (!IN6_IS_ADDR_LOOPBACK(&u.v6.sin6_addr))
            return -EACCES;
        u.v6.sin6_family = AF_INET6;
        u.v6.sin6_port = htons(port);
        len = sizeof(u.v6);
    } else {
        return -EINVAL;
    }
    int fd = socket(u.sa.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    int one = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(fd, &u.sa, len) != 0 || listen(fd, BACKLOG) != 0 ||
        getsockname(fd, &u.sa, &len) != 0) {
        int rc = -errno;
        close(fd);
        return rc;
    }
    if (bound_port != NULL)
        *bound_port = ntohs(u.sa.sa_family == AF_INET ? u.v4.sin_port : u.v6.sin6_port);
    return fd;
}

int oct_listen_unix(const char *path, uint32_t mode)
{
    struct sockaddr_un u = {.sun_family = AF_UNIX};
    int n = snprintf(u.sun_path, sizeof(u.sun_path), "%s", path);
    if (n < 0 || (size_t)n >= sizeof(u.sun_path))
        return -ENAMETOOLONG;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -errno;
    struct stat st;
    if (lstat(path, &st) == 0 && S_ISSOCK(st.st_mode))
        unlink(path);
    /* Never, not even for a moment, more open than asked for. */
    mode_t old = umask(0777 & ~(mode_t)mode);
    int rc = bind(fd, (struct sockaddr *)&u, sizeof(u)) != 0 ? -errno : 0;
    umask(old);
    if (rc == 0 && listen(fd, BACKLOG) != 0)
        rc = -errno;
    if (rc != 0) {
        close(fd);
        return rc;
    }
    return fd;
}
