#include "dataplane/shm/counters.h"

#include <string.h>

#define COUNTERS_MAGIC   UINT64_C(0x31544e554f43544f)
#define COUNTERS_VERSION 1u
#define COUNTERS_MAX     65536u
#define PER_BLOCK        (OCT_BLOCK_SZ / sizeof(struct oct_counter))
/* Values are given out in whole blocks; this many groups may waste most of one. */
#define GROUPS 128u

struct counters_ent {
    struct oct_counter_row row;
    uint32_t value_idx;
    uint8_t pad[12];
};
_Static_assert(sizeof(struct counters_ent) == 256, "two blocks");

/* One writer: whoever registers, before the seal; values have a writer each. */
struct oct_counters {
    uint64_t magic;
    uint32_t version;
    uint32_t max_cnt;
    uint32_t value_used;
    _Atomic uint32_t cnt;
    uint64_t pad[13];
    struct counters_ent ent[];
};
_Static_assert(sizeof(struct oct_counters) == OCT_BLOCK_SZ, "head block");

static uint32_t value_cap(uint32_t max_cnt)
{
    return (uint32_t)oct_align_up(max_cnt, PER_BLOCK) + GROUPS * (uint32_t)(PER_BLOCK - 1);
}

size_t oct_counters_footprint(uint32_t max_cnt)
{
    if (max_cnt == 0 || max_cnt > COUNTERS_MAX)
        return 0;
    return oct_align_up(sizeof(struct oct_counters) + max_cnt * sizeof(struct counters_ent) +
                            value_cap(max_cnt) * sizeof(struct oct_counter),
                        OCT_BLOCK_SZ);
}

static struct oct_counter *values(const struct oct_counters *t)
{
    return (struct oct_counter *)(uintptr_t)&t->ent[t->max_cnt];
}

struct oct_counters *oct_counters_new(void *mem, uint32_t max_cnt)
{
    struct oct_counters *t = mem;
    size_t sz = oct_counters_footprint(max_cnt);

    if (mem == NULL || sz == 0)
        return NULL;
    OCT_ASSERT((uintptr_t)mem % OCT_BLOCK_SZ == 0);
    memset(mem, 0, sz);
    t->version = COUNTERS_VERSION;
    t->max_cnt = max_cnt;
    t->magic = COUNTERS_MAGIC;
    return t;
}

struct oct_counters *oct_counters_join(void *mem, size_t sz)
{
    struct oct_counters *t = mem;

    if (mem == NULL || (uintptr_t)mem % 64 != 0 || sz < sizeof *t)
        return NULL;
    uint32_t max_cnt = t->max_cnt;
    size_t need = oct_counters_footprint(max_cnt);
    if (t->magic != COUNTERS_MAGIC || t->version != COUNTERS_VERSION || need == 0 || need > sz)
        return NULL;
    return t;
}

static void put_text(char *to, size_t sz, const char *from)
{
    size_t n = from != NULL ? strnlen(from, sz - 1) : 0;

    memcpy(to, from != NULL ? from : "", n);
    to[n] = '\0';
}

struct oct_counter *oct_counters_add(struct oct_counters *t, const struct oct_counter_def *defs,
                                     uint32_t cnt, const char *labels)
{
    uint32_t have = atomic_load_explicit(&t->cnt, memory_order_relaxed);
    uint32_t at = (uint32_t)oct_align_up(t->value_used, PER_BLOCK);

    if (cnt > t->max_cnt - have || at > value_cap(t->max_cnt) || cnt > value_cap(t->max_cnt) - at)
        return NULL;
    for (uint32_t i = 0; i < cnt; i++) {
        struct counters_ent *e = &t->ent[have + i];
        put_text(e->row.name, sizeof e->row.name, defs[i].name);
        put_text(e->row.help, sizeof e->row.help, defs[i].help);
        put_text(e->row.labels, sizeof e->row.labels, labels);
        e->row.kind = (uint8_t)defs[i].kind;
        e->value_idx = at + i;
    }
    t->value_used = at + cnt;
    atomic_store_explicit(&t->cnt, have + cnt, memory_order_release); /* pairs with _cnt */
    return values(t) + at;
}

uint32_t oct_counters_cnt(const struct oct_counters *t)
{
    uint32_t cnt = atomic_load_explicit(&t->cnt, memory_order_acquire); /* pairs with _add */

    return cnt < t->max_cnt ? cnt : t->max_cnt;
}

bool oct_counters_get(const struct oct_counters *t, uint32_t idx, struct oct_counter_row *row,
                      uint64_t *value)
{
    if (idx >= oct_counters_cnt(t))
        return false;
    *row = t->ent[idx].row;
    row->name[sizeof row->name - 1] = '\0';
    row->labels[sizeof row->labels - 1] = '\0';
    row->help[sizeof row->help - 1] = '\0';
    uint32_t at = t->ent[idx].value_idx;
    *value = at < value_cap(t->max_cnt) ? oct_count_get(values(t) + at) : 0;
    return true;
}

uint64_t oct_counters_sum(const struct oct_counters *t, const char *name, const char *labels)
{
    struct oct_counter_row row;
    uint64_t sum = 0, v;

    for (uint32_t i = 0; oct_counters_get(t, i, &row, &v); i++)
        if (strcmp(row.name, name) == 0 && (labels == NULL || strcmp(row.labels, labels) == 0))
            sum += v;
    return sum;
}
