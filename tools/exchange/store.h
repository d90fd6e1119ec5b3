/* store.h - the newest messages of a numbered stream, in a fixed amount of memory.
 *
 * Bytes and numbers are rings: the oldest messages go when either is full.  Used for what a rewind
 * server may be asked for.  Thread: one.  Memory: mapped at creation, touched as it fills. */
#ifndef OCT_TOOLS_EXCHANGE_STORE_H
#define OCT_TOOLS_EXCHANGE_STORE_H

#include "dataplane/base/attr.h"

struct oct_exch_store {
    uint8_t *bytes;
    uint64_t *off;    /* of message seq at [seq % msg_cnt], counted from the beginning of time */
    uint64_t cap;     /* bytes */
    uint64_t msg_cnt; /* entries of off */
    uint64_t end;     /* where the next message goes */
    uint64_t first;   /* oldest number held */
    uint64_t next;    /* number of the next message */
};

/* bytes at least 1 MiB.  0 or -ENOMEM; numbers start at 1. */
int oct_exch_store_init(struct oct_exch_store *s, uint64_t bytes);
/* Appends a message (at most 64 KiB less 1); returns its number. */
uint64_t oct_exch_store_append(struct oct_exch_store *s, const void *msg, uint32_t sz);
/* A message that is held, or NULL. */
const uint8_t *oct_exch_store_get(const struct oct_exch_store *s, uint64_t seq, uint32_t *sz);
void oct_exch_store_fini(struct oct_exch_store *s);

#endif
