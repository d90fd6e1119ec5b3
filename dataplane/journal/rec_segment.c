#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/recorder_priv.h"

static int spare_path(const struct oct_recorder *r, char *buf, size_t sz)
{
    int n = snprintf(buf, sz, "%s/%u.spare", r->dir, r->cfg.lane);

    return n < 0 || (size_t)n >= sz ? -ENAMETOOLONG : 0;
}

static int sync_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int err = 0;

    if (fd < 0)
        return -errno;
    if (fsync(fd))
        err = -errno;
    close(fd);
    return err;
}

static int write_at(int fd, const void *p, size_t sz, off_t off)
{
    ssize_t n = pwrite(fd, p, sz, off);

    return n == (ssize_t)sz ? 0 : n < 0 ? -errno : -ENOSPC;
}

/* ---- the next segment's file ----------------------------------------------------------------- */

static int spare_open(struct oct_recorder *r)
{
    char path[256];
    int err = spare_path(r, path, sizeof path);
    int flags = O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC;

    if (err)
        return err;
    int fd = open(path, flags | (r->direct ? O_DIRECT : 0), 0640);
    /* Some file systems refuse O_DIRECT at open, some at the first write. */
    if (r->direct && ((fd < 0 && errno == EINVAL) ||
                      (fd >= 0 && write_at(fd, r->zeros, OCT_SEG_HDR_SZ, 0) == -EINVAL))) {
        if (fd >= 0)
            close(fd);
        r->direct = false;
        fd = open(path, flags, 0640);
    }
    if (fd < 0)
        return -errno;
    if (fallocate(fd, 0, 0, (off_t)(r->cfg.segment_sz + REC_SEG_SLACK)) && errno != EOPNOTSUPP) {
        err = -errno;
        close(fd);
        unlink(path);
        return err;
    }
    r->spare_fd = fd;
    r->spare_zeroed = 0;
    return 0;
}

/* Writing into room that was only allocated makes the file system journal it first; into room that
 * holds zeros it does not.  Worth it where a sync is waited for. */
static bool wants_zeros(const struct oct_recorder *r)
{
    return r->cfg.mode != OCT_DURABILITY_ASYNC &&
           r->spare_zeroed < r->cfg.segment_sz + REC_SEG_SLACK;
}

int rec_spare_work(struct oct_recorder *r, bool first)
{
    if (r->spare_fd < 0) {
        int err = spare_open(r);
        if (err)
            return err;
    }
    uint32_t wait_for = r->cfg.mode == OCT_DURABILITY_STRICT ? REC_ZERO_STRICT : REC_ZERO_FIRST;
    while (first && wants_zeros(r) && r->spare_zeroed < wait_for) {
        int err = write_at(r->spare_fd, r->zeros, REC_ZERO_SZ, (off_t)r->spare_zeroed);
        if (err)
            return err;
        r->spare_zeroed += REC_ZERO_SZ;
    }
    if (first || !wants_zeros(r) || r->spare_busy)
        return 0;
    struct io_uring_sqe *sqe = io_uring_get_sqe(&r->io);
    if (!sqe)
        return 0;
    io_uring_prep_write(sqe, r->spare_fd, r->zeros, REC_ZERO_SZ, r->spare_zeroed);
    io_uring_sqe_set_data64(sqe, REC_TAG_ZERO);
    r->spare_busy = true;
    return 0;
}

void rec_spare_zeroed(struct oct_recorder *r, int res)
{
    r->spare_busy = false;
    /* Zeros are a convenience: without room for them, it is the block that will say so. */
    r->spare_zeroed += res == (int)REC_ZERO_SZ ? REC_ZERO_SZ : r->cfg.segment_sz + REC_SEG_SLACK;
}

void rec_spare_drop(struct oct_recorder *r)
{
    char path[256];

    if (r->spare_fd < 0)
        return;
    close(r->spare_fd);
    r->spare_fd = -1;
    if (spare_path(r, path, sizeof path) == 0)
        unlink(path);
}

/* ---- the segment being written --------------------------------------------------------------- */

static void make_header(struct oct_recorder *r, uint64_t first_input)
{
    struct oct_seg_hdr before = r->hdr;
    struct oct_seg_hdr *h = &r->hdr;

    *h = (struct oct_seg_hdr){
        .magic = OCT_SEG_MAGIC,
        .version = OCT_SEG_VERSION,
        .lane = r->cfg.lane,
        .durability = (uint8_t)r->cfg.mode,
        .serial = r->serial + 1,
        .first_input = first_input,
        .run_id = r->cfg.run_id,
        .build_id = r->cfg.build_id,
        .plugin_hash = r->cfg.plugin_hash,
        .config_hash = r->cfg.config_hash,
        .layout_hash = r->cfg.layout_hash,
        .ring_pos = r->ring_pos,
        .created_ns = oct_utc_ns(),
    };
    memcpy(h->dict, r->dict, sizeof h->dict);
    if (r->serial) {
        h->prev_first_input = before.first_input;
        h->prev_blocks = r->blocks;
        h->prev_hash = r->chain;
    }
}

int rec_segment_open(struct oct_recorder *r, uint64_t first_input)
{
    char path[256], spare[256];
    int err = r->spare_fd < 0 ? spare_open(r) : 0;

    OCT_ASSERT(r->fd < 0);
    if (err)
        return err;
    first_input = oct_journal_name(first_input, r->last_input, r->serial ? r->hdr.first_input : 0);
    err = oct_journal_path(path, sizeof path, r->dir, r->cfg.lane, first_input, ".oj");
    if (err >= 0)
        err = spare_path(r, spare, sizeof spare);
    if (err)
        return err;
    struct oct_seg_hdr before = r->hdr;
    make_header(r, first_input);
    /* The file gets its name only when its header is whole. */
    uint8_t *block = r->zeros;
    memcpy(block, &r->hdr, sizeof r->hdr);
    oct_seg_hdr_seal(block);
    memcpy(&r->hdr, block, sizeof r->hdr);
    err = r->spare_busy ? -EAGAIN : write_at(r->spare_fd, block, OCT_SEG_HDR_SZ, 0);
    if (!err && fdatasync(r->spare_fd))
        err = -errno;
    memset(block, 0, sizeof r->hdr);
    if (!err && renameat2(AT_FDCWD, spare, AT_FDCWD, path, RENAME_NOREPLACE))
        err = -errno;
    if (!err)
        err = sync_dir(r->dir);
    if (err) {
        r->hdr = before;
        return err;
    }
    r->fd = r->spare_fd;
    r->spare_fd = -1;
    r->serial++;
    r->off = OCT_SEG_HDR_SZ;
    r->blocks = r->settled = r->index_cnt = 0;
    r->chain = oct_seg_hdr_digest(&r->hdr);
    r->ending = false;
    rec_count(r, OCT_REC_SEGMENTS, 1);
    return 0;
}

int rec_segment_end(struct oct_recorder *r)
{
    struct oct_index_hdr h = {
        .run_id = r->hdr.run_id,
        .first_input = r->hdr.first_input,
        .last_input = r->last_input,
        .blocks = r->blocks,
        .end_off = r->off,
        .entry_cnt = r->index_cnt,
    };

    OCT_ASSERT(r->fd >= 0 && r->head == r->tail);
    if (ftruncate(r->fd, (off_t)r->off) || fdatasync(r->fd))
        return -errno;
    close(r->fd);
    r->fd = -1;
    r->ending = false;
    /* A missing index is made again by the reader's repair. */
    (void)oct_index_write(r->dir, r->cfg.lane, &h, r->index);
    return 0;
}
