/* map.h - u64 to u32, open addressing, grows; for the tables of the cold process.
 *
 * Thread: one.  Memory: heap; oct_map_fini frees it.  Nothing is ever removed. */
#ifndef OCT_CORE_MAP_H
#define OCT_CORE_MAP_H

#include "dataplane/base/attr.h"

#define OCT_MAP_NONE UINT32_MAX

struct oct_map {
    uint64_t *key;
    uint32_t *val; /* OCT_MAP_NONE: free */
    uint32_t cap;  /* power of two */
    uint32_t cnt;
};

void oct_map_fini(struct oct_map *m);
void oct_map_clear(struct oct_map *m); /* keeps the memory */

/* OCT_MAP_NONE when there is none. */
uint32_t oct_map_get(const struct oct_map *m, uint64_t key);
/* Adds or changes.  0 or -ENOMEM. */
int oct_map_put(struct oct_map *m, uint64_t key, uint32_t val);

#endif
