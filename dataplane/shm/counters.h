/* counters.h - the table of named counters in shared memory.
 *
 * Modules register their oct_counter_def tables before the seal and get an array of counters;
 * readers (octopusctl, control) walk names and values without stopping anybody. */
#ifndef OCT_SHM_COUNTERS_H
#define OCT_SHM_COUNTERS_H

#include "dataplane/base/count.h"

#define OCT_COUNTER_NAME_SZ   56
#define OCT_COUNTER_LABELS_SZ 64
#define OCT_COUNTER_HELP_SZ   119

struct oct_counter_row {
    char name[OCT_COUNTER_NAME_SZ];
    char labels[OCT_COUNTER_LABELS_SZ]; /* Prometheus label pairs: feed="0",line="a" ; may be empty
                                         */
    char help[OCT_COUNTER_HELP_SZ];
    uint8_t kind; /* enum oct_counter_kind */
};

struct oct_counters; /* opaque: magic, counts, rows, values on lines of their own group */

size_t oct_counters_footprint(uint32_t max_cnt);
struct oct_counters *oct_counters_new(void *mem, uint32_t max_cnt);
struct oct_counters *oct_counters_join(void *mem, size_t sz);

/* Adds cnt counters with the same labels; the returned array starts on its own 128-byte block.
 * NULL when the table is full. */
struct oct_counter *oct_counters_add(struct oct_counters *t, const struct oct_counter_def *defs,
                                     uint32_t cnt, const char *labels);

uint32_t oct_counters_cnt(const struct oct_counters *t);
/* Row and current value of the idx-th counter; false past the end. */
bool oct_counters_get(const struct oct_counters *t, uint32_t idx, struct oct_counter_row *row,
                      uint64_t *value);
/* Sum over all rows with this name, and with this label text when labels is not NULL. */
uint64_t oct_counters_sum(const struct oct_counters *t, const char *name, const char *labels);

#endif
