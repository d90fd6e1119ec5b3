#include "tools/exchange/store.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define MSG_SZ_TYPICAL 24u

static void *map(size_t sz)
{
    void *p =
        mmap(NULL, sz, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

int oct_exch_store_init(struct oct_exch_store *s, uint64_t bytes)
{
    OCT_ASSERT(bytes >= 1u << 20);
    *s = (struct oct_exch_store){
        .cap = bytes, .msg_cnt = bytes / MSG_SZ_TYPICAL, .first = 1, .next = 1};
    s->bytes = map(s->cap);
    s->off = map(s->msg_cnt * sizeof *s->off);
    if (s->bytes && s->off)
        return 0;
    oct_exch_store_fini(s);
    return -ENOMEM;
}

uint64_t oct_exch_store_append(struct oct_exch_store *s, const void *msg, uint32_t sz)
{
    OCT_ASSERT(sz <= UINT16_MAX);
    uint64_t need = sz + 2u;
    if (s->end % s->cap + need > s->cap)
        s->end += s->cap - s->end % s->cap; /* messages do not wrap */
    while (s->next > s->first && (s->next - s->first >= s->msg_cnt ||
                                  s->end + need - s->off[s->first % s->msg_cnt] > s->cap))
        s->first++;
    uint16_t n = (uint16_t)sz;
    memcpy(s->bytes + s->end % s->cap, &n, 2);
    memcpy(s->bytes + s->end % s->cap + 2, msg, sz);
    s->off[s->next % s->msg_cnt] = s->end;
    s->end += need;
    return s->next++;
}

const uint8_t *oct_exch_store_get(const struct oct_exch_store *s, uint64_t seq, uint32_t *sz)
{
    if (seq < s->first || seq >= s->next)
        return NULL;
    const uint8_t *p = s->bytes + s->off[seq % s->msg_cnt] % s->cap;
    uint16_t n;
    memcpy(&n, p, 2);
    *sz = n;
    return p + 2;
}

void oct_exch_store_fini(struct oct_exch_store *s)
{
    if (s->bytes)
        munmap(s->bytes, s->cap);
    if (s->off)
        munmap(s->off, s->msg_cnt * sizeof *s->off);
    s->bytes = NULL;
    s->off = NULL;
}
