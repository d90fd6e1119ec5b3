#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/reader.h"

/* A segment, its index, what was cut from it, or the one being made ready; not the lock. */
static bool is_lanes(const char *name, uint16_t lane)
{
    char prefix[8], spare[16];

    snprintf(prefix, sizeof prefix, "%u-", lane);
    snprintf(spare, sizeof spare, "%u.spare", lane);
    return strncmp(name, prefix, strlen(prefix)) == 0 || strcmp(name, spare) == 0;
}

static int move_all(int from, int to, uint16_t lane)
{
    struct dirent *e;
    int err = 0;
    DIR *d = fdopendir(dup(from));

    if (!d)
        return -errno;
    while (!err && (e = readdir(d))) {
        if (is_lanes(e->d_name, lane) && renameat(from, e->d_name, to, e->d_name))
            err = -errno;
    }
    closedir(d);
    if (!err && (fsync(to) || fsync(from)))
        err = -errno;
    return err;
}

int oct_journal_set_aside(const char *dir, uint16_t lane, char *where)
{
    char lock[256], name[64];
    int err, from, to = -1;

    where[0] = 0;
    if (snprintf(lock, sizeof lock, "%s/%u.lock", dir, lane) >= (int)sizeof lock ||
        snprintf(where, 256, "%s/damaged-%lld", dir, (long long)oct_utc_ns()) >= 256)
        return -ENAMETOOLONG;
    snprintf(name, sizeof name, "%s", strrchr(where, '/') + 1);
    int lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock_fd < 0)
        return errno == ENOENT ? 0 : -errno;
    from = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    err = from < 0 ? -errno : flock(lock_fd, LOCK_EX | LOCK_NB) ? -EBUSY : 0;
    if (!err && mkdirat(from, name, 0750))
        err = -errno;
    if (!err) {
        to = openat(from, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        err = to < 0 ? -errno : move_all(from, to, lane);
    }
    if (to >= 0)
        close(to);
    if (from >= 0)
        close(from);
    close(lock_fd);
    return err;
}
