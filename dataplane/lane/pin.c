#include "dataplane/lane/pin.h"

#include <errno.h>
#include <hwloc.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int with_topology(int (*fn)(hwloc_topology_t t, int core), int core)
{
    hwloc_topology_t t;

    if (hwloc_topology_init(&t))
        return -ENOMEM;
    int ret = hwloc_topology_load(t) ? -EIO : fn(t, core);
    hwloc_topology_destroy(t);
    return ret;
}

static int bind_core(hwloc_topology_t t, int core)
{
    hwloc_obj_t pu = hwloc_get_pu_obj_by_os_index(t, (unsigned)core);

    if (!pu)
        return -ENODEV;
    return hwloc_set_cpubind(t, pu->cpuset, HWLOC_CPUBIND_THREAD) ? -errno : 0;
}

int oct_pin_thread(int core)
{
    return core < 0 ? -EINVAL : with_topology(bind_core, core);
}

static int count_cores(hwloc_topology_t t, int core)
{
    (void)core;
    return hwloc_get_nbobjs_by_type(t, HWLOC_OBJ_PU);
}

int oct_pin_core_cnt(void)
{
    return with_topology(count_cores, 0);
}

int oct_pin_lock_memory(void)
{
    return mlockall(MCL_CURRENT | MCL_FUTURE) ? -errno : 0;
}

#define ALLOW(nr) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (nr), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)

int oct_pin_seal(void)
{
    /* The io_uring driver's own calls, what a reconnect needs, and what every thread needs to
     * leave.  clock_gettime is here for machines where the vDSO falls back to the kernel. */
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_X86_64, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        ALLOW(SYS_io_uring_enter),
        ALLOW(SYS_io_uring_register),
        ALLOW(SYS_sendto),
        ALLOW(SYS_sendmsg),
        ALLOW(SYS_recvfrom),
        ALLOW(SYS_recvmsg),
        ALLOW(SYS_poll),
        ALLOW(SYS_ppoll),
        ALLOW(SYS_socket),
        ALLOW(SYS_connect),
        ALLOW(SYS_getsockopt),
        ALLOW(SYS_setsockopt),
        ALLOW(SYS_fcntl),
        ALLOW(SYS_shutdown),
        ALLOW(SYS_close),
        ALLOW(SYS_clock_gettime),
        ALLOW(SYS_rt_sigreturn),
        ALLOW(SYS_restart_syscall),
        ALLOW(SYS_futex),
        ALLOW(SYS_munmap),
        ALLOW(SYS_madvise),
        ALLOW(SYS_rt_sigprocmask),
        ALLOW(SYS_exit),
        ALLOW(SYS_exit_group),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
    };
    struct sock_fprog prog = {OCT_ARRAY_CNT(filter), filter};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
        return -errno;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog) ? -errno : 0;
}
