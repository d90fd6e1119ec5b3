/* recover.h - everything a lane recorded before it died, once and in order.
 *
 * First the journal files, then what the ring still holds beyond them: the ring outlives the
 * process, and records that were published but not yet written are facts all the same.  Ring
 * records are taken from the position where the last block ended, and only of the run that the
 * files end with (or of a run that had not written any block), so none comes twice.
 *
 * Order of a start: oct_journal_repair; oct_recover_open, with the old region still joined;
 * oct_recover_settle, so that what was rescued is on disk; only then the new region, which replaces
 * the old one, and the recorder.
 *
 * Thread:  one.  Memory: a reader's, and the rescued records (at most the ring's size). */
#ifndef OCT_JOURNAL_RECOVER_H
#define OCT_JOURNAL_RECOVER_H

#include "dataplane/journal/reader.h"
#include "dataplane/shm/ring.h"

struct oct_recover;

struct oct_recover_info {
    uint64_t files_last_input; /* last input in the files, 0 for none */
    uint64_t last_input;       /* last input of all */
    uint64_t rescued;          /* records that were only in the ring */
    uint64_t lost_slots; /* ring slots between the files' end and what the ring still held: not
                            zero means start HALTED */
    uint64_t run_id;     /* of the last record */
    bool ring_used;
};

/* ring may be NULL (power loss); ring_run_id is what its region says.  0 (also when there is
 * nothing at all), -EUCLEAN repair first, -EBADMSG damage, with *err filled (may be NULL). */
int oct_recover_open(const char *dir, uint16_t lane, const struct oct_ring *ring,
                     uint64_t ring_run_id, struct oct_recover **out, struct oct_journal_error *err);
const struct oct_recover_info *oct_recover_info(const struct oct_recover *r);
/* The next journaled record: 1; 0 at the end; negative as oct_journal_next.  Valid until the next
 * call. */
int oct_recover_next(struct oct_recover *r, const struct oct_msg_hdr **rec);
const struct oct_journal_error *oct_recover_error(const struct oct_recover *r);
/* Writes what was rescued from the ring as a segment of its own and syncs it.  Nothing to rescue is
 * fine; a second call does nothing.  0 or negative errno: then the old region must stay. */
int oct_recover_settle(struct oct_recover *r);
void oct_recover_close(struct oct_recover *r);

#endif
