#include "control/core/map.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"

void oct_map_fini(struct oct_map *m)
{
    if (m == NULL)
        return;
    free(m->key);
    free(m->val);
    memset(m, 0, sizeof(*m));
}

void oct_map_clear(struct oct_map *m)
{
    if (m->cap != 0)
        memset(m->val, 0xff, m->cap * sizeof(*m->val));
    m->cnt = 0;
}

/* Where the key is, or where it would go. */
static uint32_t place(const struct oct_map *m, uint64_t key)
{
    uint32_t i = (uint32_t)oct_mix64(key) & (m->cap - 1);
    while (m->val[i] != OCT_MAP_NONE && m->key[i] != key)
        i = (i + 1) & (m->cap - 1);
    return i;
}

uint32_t oct_map_get(const struct oct_map *m, uint64_t key)
{
    return m->cap == 0 ? OCT_MAP_NONE : m->val[place(m, key)];
}

static int grow(struct oct_map *m)
{
    struct oct_map n = {.cap = m->cap == 0 ? 256 : m->cap * 2, .cnt = m->cnt};
    n.key = calloc(n.cap, sizeof(*n.key));
    n.val = malloc(n.cap * sizeof(*n.val));
    if (n.key == NULL || n.val == NULL) {
        oct_map_fini(&n);
        return -ENOMEM;
    }
    memset(n.val, 0xff, n.cap * sizeof(*n.val));
    for (uint32_t i = 0; i < m->cap; i++) {
        if (m->val[i] == OCT_MAP_NONE)
            continue;
        uint32_t at = place(&n, m->key[i]);
        n.key[at] = m->key[i];
        n.val[at] = m->val[i];
    }
    oct_map_fini(m);
    *m = n;
    return 0;
}

int oct_map_put(struct oct_map *m, uint64_t key, uint32_t val)
{
    OCT_ASSERT(val != OCT_MAP_NONE);
    if (m->cnt >= m->cap - m->cap / 4) {
        int rc = grow(m);
        if (rc != 0)
            return rc;
    }
    uint32_t at = place(m, key);
    m->cnt += m->val[at] == OCT_MAP_NONE;
    m->key[at] = key;
    m->val[at] = val;
    return 0;
}
