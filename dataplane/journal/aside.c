#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/reader_priv.h"

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

/* ---- salvage --------------------------------------------------------------------------------- */

static void salvage_block(const uint8_t *block, struct oct_journal_salvage *out)
{
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)block;

    out->blocks++;
    if (h->last_input > out->last_input)
        out->last_input = h->last_input;
    for (uint32_t at = 0; at < h->used;) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(block + sizeof *h + at);
        if (m->type == OCT_MARK && ((const struct oct_mark *)m)->mark > out->mark)
            out->mark = ((const struct oct_mark *)m)->mark;
        at += m->sz;
    }
}

/* Whole blocks stand at multiples of OCT_BLOCK_ALIGN; what is not one is stepped over. */
static int salvage_file(const char *path, uint8_t *block, struct oct_journal_salvage *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    off_t at = OCT_SEG_HDR_SZ;

    if (fd < 0)
        return -errno;
    while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
        at = (off_t)oct_align_up((uint64_t)at, OCT_BLOCK_ALIGN);
        ssize_t n = pread(fd, block, OCT_BLOCK_MAX, at);
        if (n == 0)
            break;
        if (n < (ssize_t)sizeof(struct oct_block_hdr) || oct_block_check(block, (size_t)n)) {
            at += OCT_BLOCK_ALIGN; /* also over bytes that cannot be read */
            continue;
        }
        salvage_block(block, out);
        at += ((const struct oct_block_hdr *)block)->sz;
    }
    close(fd);
    return 0;
}

int oct_journal_salvage(const char *dir, uint16_t lane, struct oct_journal_salvage *out)
{
    char path[256];
    uint64_t *first;
    int err = 0;

    *out = (struct oct_journal_salvage){0};
    int cnt = oct_journal_list(dir, lane, &first);
    if (cnt <= 0)
        return cnt == -ENOENT ? 0 : cnt;
    uint8_t *block = aligned_alloc(4096, OCT_BLOCK_MAX);
    if (!block)
        err = -ENOMEM;
    for (int i = 0; i < cnt && !err; i++) {
        if (first[i] > out->last_input)
            out->last_input = first[i];
        int len = oct_journal_path(path, sizeof path, dir, lane, first[i], ".oj");
        err = len < 0 ? len : salvage_file(path, block, out);
    }
    free(block);
    free(first);
    return err;
}
