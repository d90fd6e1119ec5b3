/* recover.h - takes a lane to where its journal ends (docs/adr/0001).
 *
 * Thread:  cold, before the lane starts. */
#ifndef OCT_DATAPLANE_RECOVER_H
#define OCT_DATAPLANE_RECOVER_H

#include "dataplane/instance.h"
#include "dataplane/journal/recover.h"
#include "dataplane/lane/verify.h"

struct oct_recovery {
    struct oct_verify verify;
    struct oct_recover *journal; /* NULL: there was nothing */
    bool existed;
    bool differs;     /* replay made other decisions than the journal has: start HALTED */
    bool damaged;     /* journal damaged, or records lost: start HALTED */
    bool set_aside;   /* the whole journal was moved to where: this start begins a new one */
    bool other_build; /* the journal was written by another build */
    uint64_t last_input;
    uint64_t mark;
    uint64_t cut;    /* bytes of a torn tail that were set aside */
    char where[256]; /* folder of what was set aside */
    char note[2048]; /* for people; empty when all is well */
};

/* Repairs the journal in dir and puts on disk what only the old ring holds: before the region of
 * the run before is replaced.  A damaged journal is moved aside as it is, with what the old ring held
 * beside it, and this start begins without one: r->damaged and r->set_aside, input and order numbers
 * above all that was found, orders from the venue's replay.  0, also then; negative errno when
 * nothing can be read or moved at all, with r->note. */
int oct_recovery_open(struct oct_recovery *r, const char *dir, uint16_t lane,
                      const struct oct_instance *old);
/* Replays it through the core, whose out must be that of r->verify.  What differs or is damaged is
 * said in r: the caller starts HALTED. */
void oct_recovery_replay(struct oct_recovery *r, struct oct_core *core, uint64_t build_id);
void oct_recovery_close(struct oct_recovery *r);

#endif
