/* fault.h - the table of distinct faults: code, first, last, how often, last detail.
 *
 * Hot code counts; what it wants a person to read goes here, once per distinct code and not once
 * per event.  One writer per table; control and octopusctl print it. */
#ifndef OCT_SHM_FAULT_H
#define OCT_SHM_FAULT_H

#include "dataplane/base/attr.h"

#define OCT_FAULT_CODE_SZ 40
#define OCT_FAULT_MAX     64

struct oct_fault_row {
    char code[OCT_FAULT_CODE_SZ]; /* stable and greppable: "feed.itch50.unknown_type" */
    uint64_t times;
    int64_t first_ns;
    int64_t last_ns;
    uint64_t detail[3]; /* of the last one; meaning by code, docs/faults.md */
};

struct oct_faults; /* opaque */

size_t oct_faults_footprint(void);
struct oct_faults *oct_faults_new(void *mem);
struct oct_faults *oct_faults_join(void *mem, size_t sz);

/* code is a string literal.  O(rows), no allocation, no system call; a full table counts under
 * "fault.table_full". */
void oct_fault(struct oct_faults *t, const char *code, int64_t now_ns, uint64_t d0, uint64_t d1,
               uint64_t d2);

uint32_t oct_faults_cnt(const struct oct_faults *t);
bool oct_faults_get(const struct oct_faults *t, uint32_t idx, struct oct_fault_row *row);

#endif
