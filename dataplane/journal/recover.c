#include "dataplane/journal/recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/reader_priv.h"

struct oct_recover {
    char dir[200];
    uint16_t lane;
    struct oct_journal *j; /* NULL when there are no files */
    bool files_done;
    bool settled;
    struct oct_recover_info info;
    struct oct_journal_end end;
    uint64_t ring_from, ring_end;
    uint8_t *rescued; /* records, one after the other */
    size_t rescued_sz, rescued_cap;
    size_t at; /* next to give out */
    struct oct_journal_error err;
};

/* ---- the ring -------------------------------------------------------------------------------- */

static int keep(struct oct_recover *r, const struct oct_msg_hdr *m)
{
    if (r->rescued_cap - r->rescued_sz < m->sz) {
        size_t cap = r->rescued_cap ? r->rescued_cap * 2 : 1u << 20;
        uint8_t *grown = realloc(r->rescued, cap);
        if (!grown)
            return -ENOMEM;
        r->rescued = grown;
        r->rescued_cap = cap;
    }
    memcpy(r->rescued + r->rescued_sz, m, m->sz);
    r->rescued_sz += m->sz;
    r->info.rescued++;
    return 0;
}

/* Where records are missing between the files and what the ring still holds. */
static int keep_gap(struct oct_recover *r, uint64_t lost, uint64_t last)
{
    struct oct_discontinuity m = {
        OCT_MSG_HDR(DISCONTINUITY, discontinuity),
        .now_ns = oct_utc_ns(),
        .lost = lost,
    };

    m.hdr.lane = r->lane;
    m.hdr.input = last;
    return keep(r, &m.hdr);
}

/* Whether the ring's first journaled record can follow what the files hold. */
static bool follows(const struct oct_recover *r, const struct oct_msg_hdr *m, bool same_run)
{
    uint64_t last = r->info.files_last_input;

    return same_run ? m->input >= last : m->input > last;
}

static int read_ring(struct oct_recover *r, const struct oct_ring *ring, uint64_t run_id)
{
    bool same_run = r->end.blocks && r->end.run_id == run_id;
    struct oct_ring_reader rd;
    uint64_t buf[OCT_MSG_SZ_MAX / 8];
    const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)buf;
    uint64_t last = r->info.files_last_input;

    oct_ring_reader_init(&rd, ring, false);
    r->ring_from = same_run ? r->end.ring_end : 0;
    if (rd.pos < r->ring_from)
        return 0; /* an older ring, or another's */
    rd.pos = r->ring_from;
    for (;;) {
        enum oct_ring_read got = oct_ring_read(&rd, buf);
        if (got == OCT_RING_EMPTY)
            break;
        if (got == OCT_RING_LAPPED || !oct_msg_valid(m, sizeof buf) ||
            oct_msg_class(m->type) != 'J')
            continue;
        if (r->info.rescued == 0 && !follows(r, m, same_run))
            return 0; /* the files are newer than this ring */
        if (r->info.rescued == 0 && rd.lapped) {
            int err = keep_gap(r, rd.lapped, last);
            if (err)
                return err;
        }
        if (m->input < last)
            break; /* nonsense: what follows cannot be trusted */
        if (oct_msg_is_input(m->type) && m->input > last + 1)
            r->info.lost_slots++; /* at least that */
        last = m->input;
        int err = keep(r, m);
        if (err)
            return err;
    }
    r->info.lost_slots += rd.lapped;
    r->ring_end = rd.pos;
    r->info.ring_used = true;
    r->info.last_input = last;
    if (r->info.rescued)
        r->info.run_id = run_id;
    return 0;
}

/* ---- the interface --------------------------------------------------------------------------- */

int oct_recover_open(const char *dir, uint16_t lane, const struct oct_ring *ring,
                     uint64_t ring_run_id, struct oct_recover **out, struct oct_journal_error *err)
{
    struct oct_recover *r = calloc(1, sizeof *r);
    int got = -ENOMEM;

    if (!r)
        return -ENOMEM;
    r->lane = lane;
    if (snprintf(r->dir, sizeof r->dir, "%s", dir) >= (int)sizeof r->dir)
        got = -ENAMETOOLONG;
    else
        got = oct_journal_last(dir, lane, &r->end, &r->err);
    if (got == 0 && r->end.segments)
        got = oct_journal_open(dir, lane, &r->j, &r->err);
    if (got == 0) {
        r->info.files_last_input = r->info.last_input = r->end.last_input;
        r->info.run_id = r->end.run_id;
        if (ring)
            got = read_ring(r, ring, ring_run_id);
    }
    if (got) {
        if (err)
            *err = r->err;
        oct_recover_close(r);
        return got;
    }
    *out = r;
    return 0;
}

const struct oct_recover_info *oct_recover_info(const struct oct_recover *r)
{
    return &r->info;
}

const struct oct_journal_error *oct_recover_error(const struct oct_recover *r)
{
    return &r->err;
}

int oct_recover_next(struct oct_recover *r, const struct oct_msg_hdr **rec)
{
    if (r->j && !r->files_done) {
        int got = oct_journal_next(r->j, rec);
        if (got < 0)
            r->err = *oct_journal_error(r->j);
        /* What settle has written meanwhile comes from memory, not a second time from there. */
        if (got && (got < 0 || oct_journal_segment(r->j)->serial <= r->end.serial))
            return got;
    }
    r->files_done = true;
    if (r->at == r->rescued_sz)
        return OCT_JOURNAL_END;
    *rec = (const struct oct_msg_hdr *)(r->rescued + r->at);
    r->at += (*rec)->sz;
    return OCT_JOURNAL_RECORD;
}

void oct_recover_close(struct oct_recover *r)
{
    if (!r)
        return;
    oct_journal_close(r->j);
    free(r->rescued);
    free(r);
}

/* ---- settle ---------------------------------------------------------------------------------- */

/* Header of the segment of rescued records: that of the run they belong to. */
static void make_header(const struct oct_recover *r, uint8_t *block)
{
    const struct oct_msg_hdr *first = (const struct oct_msg_hdr *)r->rescued;
    struct oct_seg_hdr h = r->end.hdr; /* same run: same build, configuration, dictionary */

    h.magic = OCT_SEG_MAGIC;
    h.version = OCT_SEG_VERSION;
    h.lane = r->lane;
    h.serial = r->end.serial + 1;
    h.first_input = oct_journal_name(first->input, r->end.last_input, r->end.first_input);
    if (first->type == OCT_IN_START) { /* a run that had not written anything */
        const struct oct_in_start *s = (const struct oct_in_start *)first;
        h.build_id = s->build_id;
        h.config_hash = s->config_hash;
    }
    h.run_id = r->info.run_id;
    h.layout_hash = oct_msg_layout_hash();
    h.prev_first_input = r->end.first_input;
    h.prev_blocks = r->end.blocks;
    h.prev_hash = r->end.hash;
    h.ring_pos = r->ring_from;
    h.created_ns = oct_utc_ns();
    memset(block, 0, OCT_SEG_HDR_SZ);
    memcpy(block, &h, sizeof h);
    oct_seg_hdr_seal(block);
}

/* Fills a block with records from *at on. */
static void make_block(struct oct_recover *r, uint8_t *block, size_t *at, uint64_t seq,
                       uint64_t chain)
{
    struct oct_block_hdr *h = (struct oct_block_hdr *)block;
    uint8_t *to = block + sizeof *h;

    *h = (struct oct_block_hdr){.seq = seq,
                                .prev = chain,
                                .settled = seq, /* the file gets its name when all is */
                                .run_id = r->info.run_id,
                                .ring_pos = r->ring_from,
                                .ring_end = r->ring_from,
                                .sealed_ns = oct_utc_ns(),
                                .flags = OCT_BLOCK_RESCUED};
    while (*at < r->rescued_sz) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(r->rescued + *at);
        if (sizeof *h + h->used + m->sz > OCT_BLOCK_MAX)
            break;
        memcpy(to + h->used, m, m->sz);
        if (h->rec_cnt++ == 0)
            h->first_input = m->input;
        h->last_input = m->input;
        h->used += m->sz;
        *at += m->sz;
    }
    if (*at == r->rescued_sz) { /* only the last one says that the ring was taken to its end */
        h->ring_end = r->ring_end;
        h->flags |= OCT_BLOCK_FINAL;
    }
    oct_block_seal(block);
}

static int write_segment(struct oct_recover *r, int fd, uint8_t *block)
{
    off_t off = OCT_SEG_HDR_SZ;
    uint64_t seq = 0;
    size_t at = 0;

    make_header(r, block);
    if (pwrite(fd, block, OCT_SEG_HDR_SZ, 0) != (ssize_t)OCT_SEG_HDR_SZ)
        return errno ? -errno : -ENOSPC;
    uint64_t chain = oct_seg_hdr_digest((const struct oct_seg_hdr *)block);
    while (at < r->rescued_sz) {
        const struct oct_block_hdr *h = (const struct oct_block_hdr *)block;
        make_block(r, block, &at, seq++, chain);
        errno = 0;
        if (pwrite(fd, block, h->sz, off) != (ssize_t)h->sz)
            return errno ? -errno : -ENOSPC;
        off += h->sz;
        chain = oct_block_hdr_digest(h);
    }
    return fsync(fd) ? -errno : 0;
}

int oct_recover_settle(struct oct_recover *r)
{
    char path[256], temp[256];

    if (r->settled || !r->rescued_sz)
        return 0;
    const struct oct_msg_hdr *first = (const struct oct_msg_hdr *)r->rescued;
    uint64_t name = oct_journal_name(first->input, r->end.last_input, r->end.first_input);
    int err = oct_journal_path(path, sizeof path, r->dir, r->lane, name, ".oj");
    if (err >= 0)
        err = oct_journal_path(temp, sizeof temp, r->dir, r->lane, name, ".rescue");
    if (err < 0)
        return err;
    uint8_t *block = aligned_alloc(4096, OCT_BLOCK_MAX);
    if (!block)
        return -ENOMEM;
    int fd = open(temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    err = fd < 0 ? -errno : write_segment(r, fd, block);
    free(block);
    if (fd >= 0)
        close(fd);
    if (!err && renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE))
        err = -errno;
    if (err) {
        unlink(temp);
        return err;
    }
    int dir = open(r->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (dir < 0 || fsync(dir))
        err = -errno;
    if (dir >= 0)
        close(dir);
    r->settled = err == 0;
    return err;
}
