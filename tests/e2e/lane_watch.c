/* lane_watch.c - preloaded into the dataplane: counts what the lane's thread does after its seal.
 *
 * System calls: a second seccomp filter on the lane's thread, put in front of the seal's own, sends
 * each of them to a thread of ours, which counts it and lets it go on.  Allocations: malloc and its
 * relatives are ours and count on that thread.  The counts lie in the file that OCT_LANE_WATCH
 * names, from where the test reads them.
 *
 * OCT_LANE_WATCH_BREAK=malloc|futex|getpid makes the lane's thread do that at every order it sends, to
 * show that it would be seen: the first two are counted, the third is what the seal kills for. */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdarg.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define CALL_CNT 512u

struct counts {
    _Atomic uint64_t sealed;
    _Atomic uint64_t allocs;
    _Atomic uint64_t frees;
    uint64_t pad;
    _Atomic uint64_t call[CALL_CNT];
};

void *__libc_malloc(size_t sz);
void *__libc_calloc(size_t n, size_t sz);
void *__libc_realloc(void *p, size_t sz);
void *__libc_memalign(size_t align, size_t sz);
void __libc_free(void *p);

static struct counts *counts;
static _Atomic int listener = -1;
static __thread int on_lane __attribute__((tls_model("initial-exec")));
static enum { BREAK_NONE, BREAK_MALLOC, BREAK_FUTEX, BREAK_GETPID } broken;

__attribute__((constructor)) static void open_counts(void)
{
    const char *path = getenv("OCT_LANE_WATCH");
    const char *how = getenv("OCT_LANE_WATCH_BREAK");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;

    if (fd < 0 || ftruncate(fd, sizeof *counts))
        _exit(99);
    counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (counts == MAP_FAILED)
        _exit(99);
    if (how)
        broken = strcmp(how, "malloc") == 0  ? BREAK_MALLOC
                 : strcmp(how, "futex") == 0 ? BREAK_FUTEX
                                             : BREAK_GETPID;
}

/* ---- allocations ------------------------------------------------------------------------------ */

static void count_alloc(void)
{
    if (on_lane)
        atomic_fetch_add(&counts->allocs, 1);
}

void *malloc(size_t sz)
{
    count_alloc();
    return __libc_malloc(sz);
}

void *calloc(size_t n, size_t sz)
{
    count_alloc();
    return __libc_calloc(n, sz);
}

void *realloc(void *p, size_t sz)
{
    count_alloc();
    return __libc_realloc(p, sz);
}

void *aligned_alloc(size_t align, size_t sz)
{
    count_alloc();
    return __libc_memalign(align, sz);
}

int posix_memalign(void **out, size_t align, size_t sz)
{
    count_alloc();
    *out = __libc_memalign(align, sz);
    return *out ? 0 : ENOMEM;
}

void free(void *p)
{
    if (on_lane && p)
        atomic_fetch_add(&counts->frees, 1);
    __libc_free(p);
}

/* ---- system calls ----------------------------------------------------------------------------- */

static void *watch(void *arg)
{
    struct seccomp_notif n;

    (void)arg;
    while (atomic_load(&listener) < 0)
        sched_yield();
    for (;;) {
        memset(&n, 0, sizeof n);
        if (ioctl(atomic_load(&listener), SECCOMP_IOCTL_NOTIF_RECV, &n)) {
            if (errno == EINTR || errno == ENOENT)
                continue;
            return NULL;
        }
        if (atomic_load(&counts->sealed) && n.data.nr >= 0 && n.data.nr < (int)CALL_CNT)
            atomic_fetch_add(&counts->call[n.data.nr], 1);
        struct seccomp_notif_resp r = {.id = n.id, .flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE};
        ioctl(atomic_load(&listener), SECCOMP_IOCTL_NOTIF_SEND, &r);
    }
}

static void listen_here(void)
{
    struct sock_filter all[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
    struct sock_fprog prog = {1, all};
    pthread_t t;

    if (pthread_create(&t, NULL, watch, NULL))
        _exit(99);
    pthread_detach(t);
    long fd =
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &prog);
    if (fd < 0)
        _exit(98); /* this kernel has no notifications: the test is skipped */
    atomic_store(&listener, (int)fd);
}

int prctl(int option, ...)
{
    unsigned long a[4];
    va_list ap;

    va_start(ap, option);
    for (int i = 0; i < 4; i++)
        a[i] = va_arg(ap, unsigned long);
    va_end(ap);
    bool seal =
        option == PR_SET_SECCOMP && a[0] == SECCOMP_MODE_FILTER && atomic_load(&listener) < 0;
    if (seal)
        listen_here();
    int ret = (int)syscall(SYS_prctl, option, a[0], a[1], a[2], a[3]);
    if (seal && ret == 0) {
        on_lane = 1;
        atomic_store(&counts->sealed, 1);
    }
    return ret;
}

/* ---- on purpose -------------------------------------------------------------------------------- */

ssize_t send(int fd, const void *data, size_t sz, int flags)
{
    int word = 0;

    if (on_lane && broken == BREAK_MALLOC) {
        void *volatile p = malloc(10);
        free(p);
    } else if (on_lane && broken == BREAK_FUTEX) {
        syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    } else if (on_lane && broken == BREAK_GETPID) {
        syscall(SYS_getpid);
    }
    return syscall(SYS_sendto, fd, data, sz, flags, NULL, 0);
}
