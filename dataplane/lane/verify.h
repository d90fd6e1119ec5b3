/* verify.h - runs recorded inputs through a core and compares every decision it makes again.
 *
 * Used by replay (is this journal what this build would do?) and by recovery (the same, and then
 * the core goes on from there).  Journaled records that the core makes are held until the journal
 * shows its own; the two must be equal byte for byte.  Published records are not compared: the
 * journal does not have them.
 *
 * Thread:  one.
 * Memory:  a buffer that grows with what one input makes; cold code. */
#ifndef OCT_LANE_VERIFY_H
#define OCT_LANE_VERIFY_H

#include "dataplane/lane/core.h"

struct oct_verify {
    struct oct_core *core;
    uint8_t *made; /* records made and not yet compared */
    size_t made_sz;
    size_t made_off;
    size_t made_cap;
    uint64_t inputs;
    uint64_t compared;
    uint64_t orders;     /* order records compared */
    uint64_t last_input; /* number of the last input */
    uint64_t last_mark;  /* highest mark seen in the journal */
    uint64_t digest;     /* of all decisions compared, in order */
    /* The first difference; empty text when there is none. */
    uint64_t bad_input;
    char why[1600];
};

void oct_verify_init(struct oct_verify *v);
void oct_verify_fini(struct oct_verify *v);
/* What the core's cfg.out and execution's tx sink must be. */
struct oct_out oct_verify_out(struct oct_verify *v, uint16_t lane);
struct oct_sink oct_verify_tx(struct oct_verify *v);

/* The next record of the journal.  0; -EILSEQ at a difference (why says which); -ENOMEM. */
int oct_verify_record(struct oct_verify *v, const struct oct_msg_hdr *m);

/* After the last record: records made that the journal does not have.  A run that stopped in order
 * has none; after a crash they are the rest of the last step.  NULL and 0 when there are none. */
const uint8_t *oct_verify_rest(const struct oct_verify *v, size_t *sz);

#endif
