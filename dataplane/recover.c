#include "dataplane/recover.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void note(struct oct_recovery *r, const char *what, const struct oct_journal_error *e)
{
    size_t n = strlen(r->note);

    snprintf(r->note + n, sizeof r->note - n, "%s%s: %s: offset %llu: %s", n ? "; " : "", what,
             e->file, (unsigned long long)e->off, e->reason);
}

/* ---- damage ---------------------------------------------------------------------------------- */

/* Records of the old ring, one after the other, into a file beside the damaged segments. */
static int keep_ring(struct oct_recovery *r, const struct oct_ring *ring)
{
    struct oct_ring_reader rd;
    uint64_t buf[OCT_MSG_SZ_MAX / 8];
    const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)buf;
    enum oct_ring_read got;
    char path[300];

    snprintf(path, sizeof path, "%s/ring.records", r->where);
    FILE *f = fopen(path, "we");
    if (!f)
        return -errno;
    oct_ring_reader_init(&rd, ring, true);
    while ((got = oct_ring_read(&rd, buf)) != OCT_RING_EMPTY) {
        if (got != OCT_RING_RECORD || !oct_msg_valid(m, sizeof buf) ||
            oct_msg_class(m->type) != 'J')
            continue;
        if (m->input > r->last_input)
            r->last_input = m->input;
        if (m->type == OCT_MARK && ((const struct oct_mark *)m)->mark > r->mark)
            r->mark = ((const struct oct_mark *)m)->mark;
        fwrite(m, 1, m->sz, f);
    }
    bool bad = fflush(f) != 0 || fsync(fileno(f)) != 0;
    return fclose(f) || bad ? -EIO : 0;
}

/* What a damaged journal says cannot be followed, and a state made of half of it would be wrong in a
 * way nobody sees.  So it goes aside as it is; the venue's replay tells our orders. */
static int set_aside(struct oct_recovery *r, const char *dir, uint16_t lane,
                     const struct oct_instance *old)
{
    struct oct_journal_salvage found;
    int err = oct_journal_salvage(dir, lane, &found);

    if (!err)
        err = oct_journal_set_aside(dir, lane, r->where);
    if (!err) {
        r->set_aside = true;
        r->last_input = found.last_input;
        r->mark = found.mark;
        if (old->old_ring)
            err = keep_ring(r, old->old_ring);
    }
    if (err) {
        size_t n = strlen(r->note);
        snprintf(r->note + n, sizeof r->note - n,
                 "; it cannot be moved aside (%s): %s: move the journal folder away by hand, then "
                 "start again",
                 r->where, strerror(-err));
    }
    return err;
}

static int repair(struct oct_recovery *r, const char *dir, uint16_t lane,
                  const struct oct_instance *old)
{
    struct oct_journal_repair done;
    struct oct_journal_error err;
    int ret = oct_journal_repair(dir, lane, &done, &err);

    if (ret == -EBADMSG) {
        r->damaged = true;
        note(r, "journal damaged", &err);
        return set_aside(r, dir, lane, old);
    }
    if (ret == -EBUSY) {
        snprintf(r->note, sizeof r->note, "%s: another dataplane has this journal", dir);
        return ret;
    }
    if (ret) {
        if (!err.file[0])
            snprintf(err.file, sizeof err.file, "%s", dir);
        note(r, "journal", &err);
        return ret;
    }
    r->cut = done.done ? done.cut : 0;
    return 0;
}

int oct_recovery_open(struct oct_recovery *r, const char *dir, uint16_t lane,
                      const struct oct_instance *old)
{
    struct oct_journal_error err;
    int ret = repair(r, dir, lane, old);

    if (ret || r->set_aside)
        return ret;
    ret = oct_recover_open(dir, lane, old->old_ring, old->old_run_id, &r->journal, &err);
    if (ret) {
        note(r, "journal", &err);
        r->damaged = true;
        return ret == -EBADMSG || ret == -EUCLEAN ? 0 : ret;
    }
    const struct oct_recover_info *info = oct_recover_info(r->journal);
    r->existed = info->last_input != 0;
    if (info->lost_slots) {
        size_t n = strlen(r->note);
        r->damaged = true;
        snprintf(r->note + n, sizeof r->note - n, "%s%llu ring slots were lost before the crash",
                 n ? "; " : "", (unsigned long long)info->lost_slots);
    }
    ret = oct_recover_settle(r->journal);
    if (ret)
        snprintf(r->note, sizeof r->note, "what the ring still holds cannot be written: %s",
                 strerror(-ret));
    return ret;
}

/* Replays record by record until the end, a difference or damage. */
void oct_recovery_replay(struct oct_recovery *r, struct oct_core *core, uint64_t build_id)
{
    const struct oct_msg_hdr *m;
    int got;

    if (!r->journal)
        return;
    r->verify.core = core;
    while ((got = oct_recover_next(r->journal, &m)) == 1) {
        if (m->type == OCT_IN_START)
            r->other_build = ((const struct oct_in_start *)m)->build_id != build_id;
        if (m->input > r->last_input)
            r->last_input = m->input;
        if (m->type == OCT_MARK && ((const struct oct_mark *)m)->mark > r->mark)
            r->mark = ((const struct oct_mark *)m)->mark;
        if (r->differs)
            continue; /* the rest still tells marks and the last input */
        if (oct_verify_record(&r->verify, m)) {
            size_t n = strlen(r->note);
            r->differs = true;
            snprintf(r->note + n, sizeof r->note - n, "%s%s", n ? "; " : "", r->verify.why);
        }
    }
    if (got < 0) {
        r->damaged = true;
        note(r, "journal", oct_recover_error(r->journal));
    }
}

void oct_recovery_close(struct oct_recovery *r)
{
    oct_recover_close(r->journal);
    r->journal = NULL;
}
