/* show.h - what `octopusctl journal ls|cat|verify` prints.
 *
 * Each writes data to f, as text or as JSON, and returns the exit code of octopusctl: 0 fine, 1
 * negative result (damage or a torn tail), 4 nothing found. */
#ifndef OCT_JOURNAL_SHOW_H
#define OCT_JOURNAL_SHOW_H

#include <stdio.h>

#include "dataplane/journal/reader.h"

/* One row a segment, of all lanes in dir, then one for each journal that was set aside.  live:
 * somebody writes there now, so that a block that is not whole at the end is on its way, and no
 * negative result; the same below. */
int oct_journal_show_ls(const char *dir, bool json, bool live, FILE *f);

struct oct_journal_cat {
    uint64_t from_input;
    uint64_t to_input; /* inclusive; 0: to the end */
    uint64_t limit;    /* records; 0: all */
    const char *type;  /* record name, NULL: all */
    uint16_t lane;
};

/* One JSON object a line, as oct_msg_json makes it.  What is wrong goes to ferr. */
int oct_journal_show_cat(const char *dir, const struct oct_journal_cat *opt, FILE *f, FILE *ferr);

/* Verifies all lanes in dir. */
int oct_journal_show_verify(const char *dir, bool json, bool live, FILE *f);

#endif
