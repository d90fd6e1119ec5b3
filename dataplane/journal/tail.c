#include "dataplane/journal/tail.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/journal/reader_priv.h"

struct oct_tail {
    struct oct_tail_cfg cfg;
    char dir[200];
    struct oct_journal *j; /* NULL: none, or not there yet */
    bool on_ring;
    bool to_boundary; /* a live start: skip to the first new input */
    struct oct_ring_reader rd;
    uint64_t lost;
    /* Journaled records given out: the last input, and how many of it. */
    uint64_t input;
    uint32_t ordinal;
    /* Records of the files to pass over, because they were given out from the ring: those below
     * skip_input, and the first skip_cnt of it. */
    uint64_t skip_input;
    uint32_t skip_cnt;
    struct oct_journal_error err;
    _Alignas(8) uint8_t buf[OCT_MSG_SZ_MAX];
};

/* Goes to the files, behind what was given out. */
static void to_files(struct oct_tail *t)
{
    oct_journal_close(t->j);
    t->j = NULL;
    t->on_ring = false;
    t->skip_input = t->input;
    t->skip_cnt = t->ordinal;
}

static int open_files(struct oct_tail *t)
{
    uint64_t from = t->skip_cnt ? t->skip_input : t->cfg.from_input;

    int err = oct_journal_open(t->dir, t->cfg.lane, &t->j, &t->err);
    if (err == -ENOENT || err == -EUCLEAN)
        return 0; /* no segment yet, or one whose header is being written */
    if (err)
        return err;
    t->j->live = true;
    err = oct_journal_seek(t->j, from > t->input ? from : t->input);
    if (err && err != -EUCLEAN) {
        t->err = *oct_journal_error(t->j);
        oct_journal_close(t->j);
        t->j = NULL;
        return err;
    }
    return 0;
}

/* Where in the ring the files' last block ended; 0 when they hold nothing of the ring's run. */
static uint64_t files_ring_end(const struct oct_tail *t)
{
    struct oct_journal_place p;

    if (!t->j)
        return 0;
    oct_journal_place(t->j, &p);
    return p.run_id == t->cfg.run_id ? p.ring_end : 0;
}

static void count(struct oct_tail *t, const struct oct_msg_hdr *m)
{
    if (m->type == OCT_DISCONTINUITY) /* the recorder's, not in the ring: not part of the count */
        return;
    if (m->input != t->input) {
        t->input = m->input;
        t->ordinal = 0;
    }
    t->ordinal++;
}

/* ---- files ----------------------------------------------------------------------------------- */

/* Whether a record of the files was given out before. */
static bool seen(struct oct_tail *t, const struct oct_msg_hdr *m)
{
    if (!t->skip_cnt || m->input > t->skip_input)
        return false;
    if (m->input < t->skip_input || m->type == OCT_DISCONTINUITY)
        return true;
    t->skip_cnt--;
    return true;
}

static int next_of_files(struct oct_tail *t, const struct oct_msg_hdr **rec)
{
    if (!t->j) {
        int err = open_files(t);
        if (err || !t->j)
            return err;
    }
    for (;;) {
        int got = oct_journal_next(t->j, rec);
        if (got == -EUCLEAN && t->cfg.ring)
            return 0; /* a block being written */
        if (got < 0)
            t->err = *oct_journal_error(t->j);
        if (got != OCT_JOURNAL_RECORD)
            return got;
        if (seen(t, *rec))
            continue;
        t->skip_cnt = 0;
        count(t, *rec);
        return OCT_TAIL_RECORD;
    }
}

/* ---- ring ------------------------------------------------------------------------------------ */

static int next_of_ring(struct oct_tail *t, const struct oct_msg_hdr **rec)
{
    struct oct_msg_hdr *m = (struct oct_msg_hdr *)t->buf;

    for (;;) {
        uint64_t lapped = t->rd.lapped;
        enum oct_ring_read got = oct_ring_read(&t->rd, m);
        if (got == OCT_RING_EMPTY)
            return OCT_TAIL_EMPTY;
        if (got == OCT_RING_LAPPED) {
            t->lost += t->rd.lapped - lapped;
            /* Without a record given out, a live start has no place to go on from. */
            if (t->dir[0] && (t->ordinal || t->cfg.from_input != OCT_TAIL_LIVE))
                to_files(t);
            else
                t->to_boundary = true;
            return OCT_TAIL_LOST;
        }
        if (!oct_msg_valid(m, sizeof t->buf))
            continue; /* a hostile writer: nothing to give out */
        bool journaled = oct_msg_class(m->type) == 'J';
        if (m->input < t->cfg.from_input && t->cfg.from_input != OCT_TAIL_LIVE)
            continue;
        if (t->to_boundary) {
            bool first = oct_msg_is_input(m->type) &&
                         (m->type != OCT_IN_PACKET || ((struct oct_in_packet *)m)->frag_off == 0);
            if (!first)
                continue;
            t->to_boundary = false;
        }
        if (journaled)
            count(t, m);
        *rec = m;
        return OCT_TAIL_RECORD;
    }
}

/* The files gave all they have: goes on in the ring if the ring still holds what follows. */
static int switch_to_ring(struct oct_tail *t, const struct oct_msg_hdr **rec)
{
    uint64_t from = files_ring_end(t);

    oct_ring_reader_init(&t->rd, t->cfg.ring, false);
    if (t->rd.pos < from)
        return 0; /* not the ring that the files speak of */
    t->rd.pos = from;
    enum oct_ring_read got = oct_ring_read(&t->rd, t->buf);
    if (got == OCT_RING_LAPPED) {
        /* Pairs with the recorder's release, and is looked at last: a reader that was away between
         * the two would call lost what has been recorded meanwhile. */
        uint64_t recorded = atomic_load_explicit(&t->cfg.ring->recorded, memory_order_acquire);
        if (recorded > from)
            return 0; /* overwritten, but recorded: it will be in the files */
    }
    t->on_ring = true;
    if (got == OCT_RING_EMPTY)
        return OCT_TAIL_EMPTY;
    if (got == OCT_RING_LAPPED) { /* the recorder was lapped too: gone */
        t->lost += t->rd.lapped;
        return OCT_TAIL_LOST;
    }
    t->rd.pos = from; /* read again, with everything that goes with it */
    return next_of_ring(t, rec);
}

/* ---- the interface --------------------------------------------------------------------------- */

int oct_tail_next(struct oct_tail *t, const struct oct_msg_hdr **rec)
{
    if (t->on_ring)
        return next_of_ring(t, rec);
    int got = t->dir[0] ? next_of_files(t, rec) : 0;
    if (got || !t->cfg.ring)
        return got;
    return switch_to_ring(t, rec);
}

int oct_tail_open(const struct oct_tail_cfg *cfg, struct oct_tail **out)
{
    struct oct_tail *t = calloc(1, sizeof *t);

    if (!t)
        return -ENOMEM;
    t->cfg = *cfg;
    if (cfg->dir && snprintf(t->dir, sizeof t->dir, "%s", cfg->dir) >= (int)sizeof t->dir) {
        free(t);
        return -ENAMETOOLONG;
    }
    if (!cfg->dir && !cfg->ring) {
        free(t);
        return -EINVAL;
    }
    bool live = cfg->from_input == OCT_TAIL_LIVE;
    if (cfg->ring && (live || !cfg->dir)) {
        oct_ring_reader_init(&t->rd, cfg->ring, !live);
        t->on_ring = true;
        t->to_boundary = true;
    }
    *out = t;
    return 0;
}

void oct_tail_close(struct oct_tail *t)
{
    if (!t)
        return;
    oct_journal_close(t->j);
    free(t);
}

void oct_tail_detach(struct oct_tail *t)
{
    if (t->on_ring && t->dir[0])
        to_files(t);
    t->on_ring = false;
    t->cfg.ring = NULL;
}

void oct_tail_attach(struct oct_tail *t, const struct oct_ring *ring, uint64_t run_id)
{
    oct_tail_detach(t);
    t->cfg.ring = ring;
    t->cfg.run_id = run_id;
    if (!t->dir[0]) {
        oct_ring_reader_init(&t->rd, ring, true);
        t->on_ring = true;
    }
}

bool oct_tail_is_live(const struct oct_tail *t)
{
    return t->on_ring;
}

uint64_t oct_tail_lost(const struct oct_tail *t)
{
    return t->lost;
}

void oct_tail_cursor(const struct oct_tail *t, uint64_t *input, uint32_t *records)
{
    *input = t->input;
    *records = t->ordinal;
}

const struct oct_journal_error *oct_tail_error(const struct oct_tail *t)
{
    return &t->err;
}
