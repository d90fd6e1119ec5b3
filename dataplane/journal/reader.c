#include "dataplane/journal/reader_priv.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int by_number(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

    return x < y ? -1 : x > y;
}

int oct_journal_list(const char *dir, uint16_t lane, uint64_t **out)
{
    uint64_t *list = NULL, first;
    size_t cnt = 0, cap = 0;
    struct dirent *e;
    uint16_t l;
    DIR *d = opendir(dir);

    *out = NULL;
    if (!d)
        return errno == ENOENT ? 0 : -errno;
    while ((e = readdir(d))) {
        if (!oct_journal_parse_name(e->d_name, &l, &first) || l != lane)
            continue;
        if (cnt == cap) {
            cap = cap ? cap * 2 : 16;
            uint64_t *grown = realloc(list, cap * sizeof *grown);
            if (!grown) {
                free(list);
                closedir(d);
                return -ENOMEM;
            }
            list = grown;
        }
        list[cnt++] = first;
    }
    closedir(d);
    if (cnt)
        qsort(list, cnt, sizeof *list, by_number);
    *out = list;
    return (int)cnt;
}

int oct_journal_fail(struct oct_journal *j, int err, uint64_t off, const char *reason)
{
    snprintf(j->err.file, sizeof j->err.file, "%s", j->path);
    snprintf(j->err.reason, sizeof j->err.reason, "%s", reason);
    j->err.off = off;
    return err;
}

/* ---- segments -------------------------------------------------------------------------------- */

static void leave(struct oct_journal *j)
{
    if (j->fd >= 0)
        close(j->fd);
    j->fd = -1;
}

/* The header's place in the chain of segments. */
static int check_join(struct oct_journal *j, const struct oct_seg_hdr *before, uint64_t blocks,
                      uint64_t chain)
{
    const struct oct_seg_hdr *h = &j->hdr;

    if (h->serial != before->serial + 1 || h->prev_first_input != before->first_input)
        return oct_journal_fail(j, -EBADMSG, 0, "does not follow the segment before");
    if (h->prev_blocks != blocks || h->prev_hash != chain)
        return oct_journal_fail(j, -EBADMSG, 0,
                                "the segment before does not end as this one says it did");
    return 0;
}

static int enter(struct oct_journal *j, uint32_t seg)
{
    leave(j);
    j->seg = seg;
    j->off = OCT_SEG_HDR_SZ;
    j->blocks = j->records = 0;
    j->rec_at = 0;
    j->have_block = j->ended = false;
    j->joined = true;
    int n = oct_journal_path(j->path, sizeof j->path, j->dir, j->lane, j->first[seg], ".oj");
    if (n < 0)
        return oct_journal_fail(j, n, 0, "path too long");
    j->fd = open(j->path, O_RDONLY | O_CLOEXEC);
    if (j->fd < 0)
        return oct_journal_fail(j, -errno, 0, "cannot be opened");
    ssize_t got = pread(j->fd, j->block, OCT_SEG_HDR_SZ, 0);
    if (got < 0)
        return oct_journal_fail(j, -errno, 0, "cannot be read");
    bool last = seg + 1 == j->seg_cnt;
    const char *bad =
        got < (ssize_t)OCT_SEG_HDR_SZ ? "segment header cut short" : oct_seg_hdr_check(j->block);
    if (bad)
        return oct_journal_fail(j, last ? -EUCLEAN : -EBADMSG, 0, bad);
    memcpy(&j->hdr, j->block, sizeof j->hdr);
    if (j->hdr.lane != j->lane || j->hdr.first_input != j->first[seg])
        return oct_journal_fail(j, -EBADMSG, 0, "its name is not the one it was written under");
    j->chain = oct_seg_hdr_digest(&j->hdr);
    return 0;
}

int oct_journal_enter(struct oct_journal *j, uint32_t seg)
{
    j->broken = enter(j, seg);
    return j->broken;
}

/* Looks for segments that were made since.  Whether there is one after this one, or negative. */
static int more_segments(struct oct_journal *j)
{
    uint64_t *list;

    if (j->seg + 1 < j->seg_cnt)
        return 1;
    int cnt = oct_journal_list(j->dir, j->lane, &list);
    if (cnt < 0)
        return oct_journal_fail(j, cnt, 0, "directory cannot be read");
    uint32_t at = 0;
    while (at < (uint32_t)cnt && list[at] != j->first[j->seg])
        at++;
    if (at == (uint32_t)cnt) { /* ours was removed */
        free(list);
        return oct_journal_fail(j, -ENOENT, 0, "segment was removed while it was read");
    }
    free(j->first);
    j->first = list;
    j->seg = at;
    j->seg_cnt = (uint32_t)cnt;
    return at + 1 < (uint32_t)cnt;
}

/* ---- blocks ---------------------------------------------------------------------------------- */

static bool all_zero(const uint8_t *p, size_t sz)
{
    return sz == 0 || (p[0] == 0 && memcmp(p, p + 1, sz - 1) == 0);
}

/* Reads the block at off into j->block: 1 whole, 0 nothing there, -EUCLEAN something else with the
 * reason in *why, or an errno of reading. */
static int load(struct oct_journal *j, uint64_t off, const char **why)
{
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)j->block;
    ssize_t got = pread(j->fd, j->block, OCT_BLOCK_ALIGN, (off_t)off);

    if (got < 0)
        return -errno;
    if (all_zero(j->block, (size_t)got))
        return 0;
    if (got == (ssize_t)OCT_BLOCK_ALIGN && h->magic == OCT_BLOCK_MAGIC && h->sz > OCT_BLOCK_ALIGN &&
        h->sz <= OCT_BLOCK_MAX) {
        ssize_t rest = pread(j->fd, j->block + got, h->sz - OCT_BLOCK_ALIGN, (off_t)off + got);
        if (rest < 0)
            return -errno;
        got += rest;
    }
    *why = oct_block_check(j->block, (size_t)got);
    return *why ? -EUCLEAN : 1;
}

/* Whether a later block of this segment was written knowing that the one at off was settled: then
 * what is missing is damage, and no torn tail. */
static bool settled_later(struct oct_journal *j, uint64_t off)
{
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)j->block;
    const char *why;
    off_t at = (off_t)off;

    for (;;) {
        off_t data = lseek(j->fd, at, SEEK_DATA); /* past what was never written */
        if (data < 0)
            return false;
        at = (off_t)oct_align_up((size_t)data - OCT_BLOCK_ALIGN + 1, OCT_BLOCK_ALIGN);
        at = at < (off_t)off + (off_t)OCT_BLOCK_ALIGN ? (off_t)off + (off_t)OCT_BLOCK_ALIGN : at;
        uint8_t head[sizeof(uint32_t)];
        if (pread(j->fd, head, sizeof head, at) != (ssize_t)sizeof head)
            return false;
        uint32_t magic;
        memcpy(&magic, head, sizeof magic);
        if (magic == OCT_BLOCK_MAGIC && load(j, (uint64_t)at, &why) == 1 &&
            h->run_id == j->hdr.run_id && h->settled > j->blocks)
            return true;
        at += OCT_BLOCK_ALIGN;
    }
}

/* Nothing whole at the place where the next block would be, and no segment after this one. */
static int at_tail(struct oct_journal *j, int got, const char *why)
{
    if (!j->live && j->searched_seg != j->hdr.serial) {
        if (settled_later(j, j->off))
            return oct_journal_fail(j, -EBADMSG, j->off,
                                    got == 0 ? "a block is missing; later ones are there" : why);
        j->searched_seg = j->hdr.serial;
    }
    return got == 0 ? 0 : oct_journal_fail(j, -EUCLEAN, j->off, why);
}

/* What came must follow what came before. */
static const char *out_of_place(const struct oct_journal *j, const struct oct_block_hdr *h)
{
    if (h->run_id != j->hdr.run_id)
        return "block of another run";
    if (j->joined && (h->prev != j->chain || h->seq != j->blocks))
        return "block does not follow the one before";
    if (j->joined && h->first_input < j->last_input)
        return "inputs go backwards";
    return NULL;
}

static int next_segment(struct oct_journal *j)
{
    struct oct_seg_hdr before = j->hdr;
    uint64_t blocks = j->blocks, chain = j->chain;
    bool joined = j->joined;
    int err = oct_journal_enter(j, j->seg + 1);

    if (!err && joined)
        err = j->broken = check_join(j, &before, blocks, chain);
    return err;
}

int oct_journal_next_block(struct oct_journal *j)
{
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)j->block;

    if (j->broken)
        return j->broken;
    for (;;) {
        const char *why = NULL;
        int got = load(j, j->off, &why);
        if (got <= 0) {
            j->have_block = false; /* its bytes are gone */
            if (got < 0 && got != -EUCLEAN)
                return oct_journal_fail(j, got, j->off, "cannot be read");
            int more = more_segments(j);
            if (more <= 0)
                return more < 0 ? more : at_tail(j, got, why);
            got = load(j, j->off, &why); /* it may have been written since */
            if (got < 0)
                return oct_journal_fail(j, got == -EUCLEAN ? -EBADMSG : got, j->off,
                                        got == -EUCLEAN ? why : "cannot be read");
        }
        if (got == 1) {
            why = j->ended ? "a block after the final one" : out_of_place(j, h);
            if (why)
                return oct_journal_fail(j, -EBADMSG, j->off, why);
            break;
        }
        int err = next_segment(j);
        if (err)
            return err;
    }
    j->joined = true;
    j->have_block = true;
    j->chain = oct_block_hdr_digest(h);
    j->blocks = h->seq + 1;
    j->records += h->rec_cnt;
    j->last_input = h->last_input;
    j->last_run = h->run_id;
    j->last_ring_end = h->ring_end;
    j->last_rescued = (h->flags & OCT_BLOCK_RESCUED) != 0;
    j->ended = (h->flags & OCT_BLOCK_FINAL) != 0;
    j->block_off = j->off;
    j->off += h->sz;
    j->rec_at = 0;
    return 1;
}

/* ---- the interface --------------------------------------------------------------------------- */

void oct_journal_close(struct oct_journal *j)
{
    if (!j)
        return;
    leave(j);
    free(j->first);
    free(j->block);
    free(j);
}

int oct_journal_open(const char *dir, uint16_t lane, struct oct_journal **out,
                     struct oct_journal_error *err)
{
    struct oct_journal *j = calloc(1, sizeof *j);
    int got = -ENOMEM;

    if (err)
        *err = (struct oct_journal_error){0};
    if (!j)
        return -ENOMEM;
    j->fd = -1;
    j->lane = lane;
    j->block = aligned_alloc(4096, OCT_BLOCK_MAX);
    int len = snprintf(j->dir, sizeof j->dir, "%s", dir);
    if (j->block)
        got = len < 0 || (size_t)len >= sizeof j->dir ? -ENAMETOOLONG
                                                      : oct_journal_list(dir, lane, &j->first);
    if (got == 0)
        got = -ENOENT;
    if (got > 0) {
        j->seg_cnt = (uint32_t)got;
        got = oct_journal_enter(j, 0);
    }
    if (got < 0) {
        if (err)
            *err = j->err;
        oct_journal_close(j);
        return got;
    }
    *out = j;
    return 0;
}

int oct_journal_next(struct oct_journal *j, const struct oct_msg_hdr **rec)
{
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)j->block;

    while (!j->have_block || j->rec_at == h->used) {
        int got = oct_journal_next_block(j);
        if (got <= 0)
            return got;
    }
    const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(j->block + sizeof *h + j->rec_at);
    j->rec_at += m->sz;
    *rec = m;
    return OCT_JOURNAL_RECORD;
}

int oct_journal_seek(struct oct_journal *j, uint64_t input)
{
    uint32_t seg = 0;
    uint64_t *list;
    int cnt = oct_journal_list(j->dir, j->lane, &list);

    if (cnt <= 0) {
        free(list);
        return cnt < 0 ? cnt : -ENOENT;
    }
    free(j->first);
    j->first = list;
    j->seg_cnt = (uint32_t)cnt;
    while (seg + 1 < j->seg_cnt && j->first[seg + 1] <= input)
        seg++;
    j->last_input = 0;
    int err = oct_journal_enter(j, seg);
    if (err)
        return err;
    uint64_t off = oct_index_find(j->dir, j->lane, &j->hdr, input);
    if (off > OCT_SEG_HDR_SZ) {
        j->off = off;
        j->joined = false; /* what precedes was not read */
        if (oct_journal_next_block(j) != 1) {
            err = oct_journal_enter(j, seg); /* the index is wrong: from the start, then */
            if (err)
                return err;
        }
    }
    for (;;) {
        const struct oct_msg_hdr *m;
        int got = oct_journal_next(j, &m);
        if (got <= 0)
            return got;
        if (m->input >= input) {
            j->rec_at -= m->sz; /* give it out again */
            return 0;
        }
    }
}

const struct oct_journal_error *oct_journal_error(const struct oct_journal *j)
{
    return &j->err;
}

void oct_journal_place(const struct oct_journal *j, struct oct_journal_place *out)
{
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)j->block;

    *out = (struct oct_journal_place){
        .file = j->path,
        .off = j->block_off,
        .run_id = j->last_run,
        .ring_end = j->last_ring_end,
        .last_of_block = !j->have_block || j->rec_at == h->used,
        .rescued = j->last_rescued,
    };
}

const struct oct_seg_hdr *oct_journal_segment(const struct oct_journal *j)
{
    return j->blocks ? &j->hdr : NULL;
}

uint32_t oct_journal_segment_cnt(const struct oct_journal *j)
{
    return j->seg_cnt;
}

int oct_journal_last(const char *dir, uint16_t lane, struct oct_journal_end *out,
                     struct oct_journal_error *err)
{
    struct oct_journal *j;
    int got = oct_journal_open(dir, lane, &j, err);

    *out = (struct oct_journal_end){0};
    if (got)
        return got == -ENOENT ? 0 : got;
    if (j->seg_cnt > 1)
        got = oct_journal_enter(j, j->seg_cnt - 1);
    while (got == 0 && (got = oct_journal_next_block(j)) == 1)
        got = 0;
    if (got == 0) {
        out->segments = j->seg_cnt;
        out->serial = j->hdr.serial;
        out->first_input = j->hdr.first_input;
        out->blocks = j->blocks;
        out->hash = j->chain;
        out->last_input = j->blocks ? j->last_input : j->hdr.first_input - 1;
        out->run_id = j->last_run;
        out->ring_end = j->last_ring_end;
        out->hdr = j->hdr;
    } else if (err) {
        *err = j->err;
    }
    oct_journal_close(j);
    return got;
}
