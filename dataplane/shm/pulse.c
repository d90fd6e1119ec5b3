#include "dataplane/shm/pulse.h"

#include <string.h>

#define KILL_MAGIC   UINT64_C(0x314c4c494b54434f)
#define KILL_VERSION 1u

struct oct_kill *oct_kill_new(void *mem)
{
    struct oct_kill *k = mem;

    if (mem == NULL)
        return NULL;
    OCT_ASSERT((uintptr_t)mem % OCT_BLOCK_SZ == 0);
    memset(k, 0, sizeof *k);
    k->version = KILL_VERSION;
    k->magic = KILL_MAGIC;
    return k;
}

struct oct_kill *oct_kill_join(void *mem, size_t sz)
{
    struct oct_kill *k = mem;

    if (mem == NULL || (uintptr_t)mem % 64 != 0 || sz < sizeof *k || k->magic != KILL_MAGIC ||
        k->version != KILL_VERSION)
        return NULL;
    return k;
}
