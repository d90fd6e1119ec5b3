#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/journal/reader_priv.h"

/* ---- verify ---------------------------------------------------------------------------------- */

struct walk {
    struct oct_journal *j;
    struct oct_journal_report *out;
    void (*per_segment)(void *arg, const struct oct_segment_info *info);
    void *arg;
    struct oct_segment_info info;
    bool in_segment;
    uint64_t last_input; /* of an input record */
    uint64_t run;
    bool jump_ok; /* a discontinuity was recorded: numbers may be missing */
};

/* Bytes behind the last whole block that are not zero, up to the last of them. */
static uint64_t tail_bytes(const struct oct_journal *j)
{
    uint8_t buf[OCT_BLOCK_ALIGN];
    uint64_t lost = 0;
    off_t at = (off_t)j->off;

    for (;;) {
        off_t data = lseek(j->fd, at, SEEK_DATA);
        if (data < 0)
            return lost;
        at = data;
        ssize_t n = pread(j->fd, buf, sizeof buf, at);
        if (n <= 0)
            return lost;
        for (ssize_t i = n; i-- > 0;) {
            if (buf[i]) {
                lost = (uint64_t)at + (uint64_t)i + 1 - j->off;
                break;
            }
        }
        at += n;
    }
}

static void end_segment(struct walk *w)
{
    struct stat st;

    if (!w->in_segment)
        return;
    w->in_segment = false;
    if (stat(w->info.file, &st) == 0)
        w->info.file_sz = (uint64_t)st.st_size;
    if (w->per_segment)
        w->per_segment(w->arg, &w->info);
}

static void note_segment(struct walk *w)
{
    const struct oct_journal *j = w->j;

    if (w->in_segment && w->info.hdr.first_input == j->hdr.first_input)
        return;
    end_segment(w);
    w->in_segment = true;
    w->info = (struct oct_segment_info){.hdr = j->hdr};
    snprintf(w->info.file, sizeof w->info.file, "%s", j->path);
    w->out->segments++;
}

static void note_record(struct walk *w, const struct oct_msg_hdr *m)
{
    struct oct_journal_report *r = w->out;

    r->records++;
    r->bytes += m->sz;
    if (r->first_input == 0)
        r->first_input = m->input;
    r->last_input = m->input;
    if (m->type == OCT_DISCONTINUITY) {
        r->discontinuities++;
        w->jump_ok = true;
    }
    if (!oct_msg_is_input(m->type))
        return;
    bool same_run = w->run == w->j->hdr.run_id;
    if (w->last_input && same_run && !w->jump_ok && m->input > w->last_input + 1)
        r->inputs_missing += m->input - w->last_input - 1;
    w->last_input = m->input;
    w->run = w->j->hdr.run_id;
    w->jump_ok = false;
}

static void note_block(struct walk *w)
{
    struct oct_journal *j = w->j;
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)j->block;

    note_segment(w);
    w->out->blocks++;
    for (uint32_t at = 0; at < h->used;) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(j->block + sizeof *h + at);
        note_record(w, m);
        at += m->sz;
    }
    w->info.blocks = j->blocks;
    w->info.records = j->records;
    w->info.last_input = j->last_input;
    w->info.data_sz = j->off;
    w->info.ended = j->ended;
    w->out->last_run_id = j->last_run;
    w->out->last_ring_end = j->last_ring_end;
}

/* Verifies with a reader that stays open at the place where it stopped. */
static int verify(struct walk *w)
{
    int got;

    while ((got = oct_journal_next_block(w->j)) == 1)
        note_block(w);
    if (!w->j->broken)
        note_segment(w); /* it may hold no block at all */
    if (got == 0 || got == -EUCLEAN)
        w->out->tail_lost = w->j->fd >= 0 ? tail_bytes(w->j) : 0;
    if (got == 0 && w->out->tail_lost)
        got = oct_journal_fail(w->j, -EUCLEAN, w->j->off, "bytes behind the last block");
    if (got == 0 && w->out->inputs_missing)
        got = oct_journal_fail(w->j, -EBADMSG, w->j->off, "input numbers are missing");
    end_segment(w);
    w->out->torn = got == -EUCLEAN;
    if (got)
        w->out->error = w->j->err;
    return got;
}

int oct_journal_verify(const char *dir, uint16_t lane, struct oct_journal_report *out,
                       void (*per_segment)(void *arg, const struct oct_segment_info *info),
                       void *arg)
{
    struct walk w = {.out = out, .per_segment = per_segment, .arg = arg};

    *out = (struct oct_journal_report){0};
    int err = oct_journal_open(dir, lane, &w.j, &out->error);
    if (err) {
        out->torn = err == -EUCLEAN;
        return err;
    }
    err = verify(&w);
    oct_journal_close(w.j);
    return err;
}

/* ---- repair ---------------------------------------------------------------------------------- */

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

/* Keeps cut bytes of fd from off on beside the segment. */
static int save_tail(int fd, uint64_t off, uint64_t sz, const char *path)
{
    uint8_t buf[65536];
    int out = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    int err = 0;

    if (out < 0)
        return -errno;
    for (uint64_t at = 0; at < sz && !err;) {
        uint64_t want = sz - at < sizeof buf ? sz - at : sizeof buf;
        ssize_t n = pread(fd, buf, want, (off_t)(off + at));
        if (n <= 0)
            err = n < 0 ? -errno : -EIO;
        else if (write(out, buf, (size_t)n) != n)
            err = errno ? -errno : -EIO;
        else
            at += (uint64_t)n;
    }
    if (!err && fsync(out))
        err = -errno;
    close(out);
    return err;
}

/* Cuts the file of the last segment at off, or removes it when nothing whole is in it. */
static int cut(const struct oct_journal *j, uint64_t off, uint64_t lost, const char *reason,
               struct oct_journal_repair *out)
{
    int fd = open(j->path, O_RDWR | O_CLOEXEC);
    int err = 0;

    if (fd < 0)
        return -errno;
    if (lost) {
        snprintf(out->saved, sizeof out->saved, "%.200s.torn-%llu", j->path,
                 (unsigned long long)off);
        err = save_tail(fd, off, lost, out->saved);
    }
    if (!err && off == 0)
        err = unlink(j->path) ? -errno : sync_dir(j->dir);
    else if (!err && (ftruncate(fd, (off_t)off) || fsync(fd)))
        err = -errno;
    close(fd);
    if (err)
        return err;
    out->done = lost > 0 || off == 0;
    out->off = off;
    out->cut = lost;
    snprintf(out->file, sizeof out->file, "%s", j->path);
    snprintf(out->reason, sizeof out->reason, "%s", reason);
    return 0;
}

struct rebuild {
    const char *dir;
    uint16_t lane;
    int err;
};

/* Makes the index of a whole segment again by reading its blocks. */
static void rebuild_index(void *arg, const struct oct_segment_info *info)
{
    struct rebuild *r = arg;
    struct oct_index_hdr h = {.run_id = info->hdr.run_id,
                              .first_input = info->hdr.first_input,
                              .last_input = info->last_input,
                              .blocks = info->blocks,
                              .end_off = info->data_sz};
    struct oct_journal *j;

    if (info->blocks == 0 || oct_index_good(r->dir, r->lane, &info->hdr) ||
        oct_journal_open(r->dir, r->lane, &j, NULL))
        return;
    uint32_t seg = 0;
    while (seg < j->seg_cnt && j->first[seg] != info->hdr.first_input)
        seg++;
    struct oct_index_entry *e = calloc(info->blocks, sizeof *e);
    if (e && seg < j->seg_cnt && oct_journal_enter(j, seg) == 0) {
        while (j->blocks < info->blocks && oct_journal_next_block(j) == 1) {
            const struct oct_block_hdr *b = (const struct oct_block_hdr *)j->block;
            if (h.entry_cnt && j->block_off < e[h.entry_cnt - 1].off + OCT_INDEX_STEP)
                continue;
            e[h.entry_cnt++] =
                (struct oct_index_entry){.first_input = b->first_input, .off = j->block_off};
        }
        int err = oct_index_write(r->dir, r->lane, &h, e);
        r->err = r->err ? r->err : err;
    }
    free(e);
    oct_journal_close(j);
}

/* The last segment's own header is not whole.  Torn, unless blocks follow. */
static int repair_header(struct oct_journal *j, struct oct_journal_repair *out,
                         struct oct_journal_error *err)
{
    struct oct_journal_error what = j->err;
    const char *why;

    for (off_t at = OCT_SEG_HDR_SZ; (at = lseek(j->fd, at, SEEK_DATA)) >= 0; at += 4096) {
        uint32_t magic = 0;
        if (pread(j->fd, &magic, sizeof magic, at) != (ssize_t)sizeof magic)
            break;
        if (magic != OCT_BLOCK_MAGIC)
            continue;
        ssize_t n = pread(j->fd, j->block, OCT_BLOCK_MAX, at);
        why = n > 0 ? oct_block_check(j->block, (size_t)n) : "unreadable";
        if (!why) {
            if (err)
                *err = what;
            return -EBADMSG;
        }
    }
    j->off = 0;
    return cut(j, 0, tail_bytes(j), what.reason, out);
}

static int repair_locked(const char *dir, uint16_t lane, struct oct_journal_repair *out,
                         struct oct_journal_error *err)
{
    struct oct_journal_report rep = {0};
    struct walk w = {.out = &rep};
    int got = oct_journal_open(dir, lane, &w.j, err);

    if (got == -ENOENT)
        return 0;
    if (got == -EUCLEAN) { /* the only segment, and its header is not whole */
        struct oct_journal j = {.lane = lane, .block = aligned_alloc(4096, OCT_BLOCK_MAX)};
        snprintf(j.dir, sizeof j.dir, "%s", dir);
        snprintf(j.path, sizeof j.path, "%s", err->file);
        j.err = *err;
        j.fd = open(j.path, O_RDONLY | O_CLOEXEC);
        got = j.block && j.fd >= 0 ? repair_header(&j, out, err) : -EIO;
        if (j.fd >= 0)
            close(j.fd);
        free(j.block);
        return got;
    }
    if (got)
        return got;
    got = verify(&w);
    out->last_input = rep.last_input;
    if (got == -EUCLEAN && w.j->broken)
        got = repair_header(w.j, out, err);
    else if ((got == 0 || got == -EUCLEAN) && w.j->blocks == 0)
        got = cut(w.j, 0, rep.tail_lost, "segment without a block", out);
    else if (got == 0 || got == -EUCLEAN)
        got = cut(w.j, w.j->off, rep.tail_lost, rep.error.reason, out);
    else if (err)
        *err = w.j->err;
    oct_journal_close(w.j);
    return got;
}

int oct_journal_repair(const char *dir, uint16_t lane, struct oct_journal_repair *out,
                       struct oct_journal_error *err)
{
    struct oct_journal_report rep;
    struct oct_journal_error own;
    struct rebuild r = {.dir = dir, .lane = lane};
    char path[256];

    *out = (struct oct_journal_repair){0};
    err = err ? err : &own;
    *err = (struct oct_journal_error){0};
    if (snprintf(path, sizeof path, "%s/%u.lock", dir, lane) >= (int)sizeof path)
        return -ENAMETOOLONG;
    int lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (lock < 0)
        return errno == ENOENT ? 0 : -errno;
    int got = flock(lock, LOCK_EX | LOCK_NB) ? -EBUSY : repair_locked(dir, lane, out, err);
    if (got == 0 && oct_journal_verify(dir, lane, &rep, rebuild_index, &r) == 0)
        got = r.err;
    close(lock);
    return got;
}
