/* msglog.h - every sequenced message of one order session, for resuming at any number.
 *
 * Grows with the session; optionally also a file, appended to as messages come, from which a
 * restarted venue takes them back.  Thread: one. */
#ifndef OCT_TOOLS_EXCHANGE_MSGLOG_H
#define OCT_TOOLS_EXCHANGE_MSGLOG_H

#include "dataplane/base/attr.h"

struct oct_exch_msglog {
    uint8_t *bytes;
    uint64_t sz;
    uint64_t cap;
    uint64_t *off; /* of message seq at [seq - 1]; its end is the next one's start */
    uint64_t cnt;
    uint64_t off_cap;
    int fd; /* file, or -1 */
};

/* path NULL: memory only.  0 or negative errno; a torn last message of the file is cut off. */
int oct_exch_msglog_init(struct oct_exch_msglog *l, const char *path);
/* Number of the message, from 1; 0 when there is no memory, or the file cannot be written. */
uint64_t oct_exch_msglog_append(struct oct_exch_msglog *l, const void *msg, uint32_t sz);
/* NULL when there is no such message. */
const uint8_t *oct_exch_msglog_get(const struct oct_exch_msglog *l, uint64_t seq, uint32_t *sz);
void oct_exch_msglog_fini(struct oct_exch_msglog *l);

#endif
