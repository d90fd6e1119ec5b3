/* record.h - the book of record, and everything that was sent, as JSON. */
#ifndef OCT_TOOLS_EXCHANGE_RECORD_H
#define OCT_TOOLS_EXCHANGE_RECORD_H

#include "tools/exchange/gate.h"
#include "tools/exchange/options.h"
#include "tools/exchange/publisher.h"

struct oct_exch_run {
    struct oct_exch_opts opts;
    struct oct_sessfile *source;
    struct oct_exch_desk desk;
    struct oct_exch_gate gate;
    struct oct_exch_pub pub;
    uint32_t date; /* yyyymmdd, 0 when unknown */
    bool ended;    /* the session was played to its end */
};

/* Writes the record to path, whole or not at all (a file beside it that is renamed).  0 or negative
 * errno. */
int oct_exch_record_write(const struct oct_exch_run *r, const char *path);
/* Writes ports, session name and date. */
int oct_exch_ports_write(const struct oct_exch_run *r, const char *path);

#endif
