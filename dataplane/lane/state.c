#include "dataplane/lane/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/base/hash.h"

#define STATE_MAGIC UINT64_C(0x6f63746c61646431)
#define STATE_SZ    4096u
#define COPY_OFF    512u

static struct oct_state_copy *slot(const struct oct_state *s, uint64_t gen)
{
    return (struct oct_state_copy *)((uint8_t *)s->copy + (gen & 1) * COPY_OFF);
}

static uint32_t crc_of(const struct oct_state_copy *c)
{
    return oct_crc32c(0, c, offsetof(struct oct_state_copy, crc));
}

static bool whole(const struct oct_state_copy *c)
{
    return c->magic == STATE_MAGIC && c->crc == crc_of(c) && c->firm <= OCT_LADDER_KILLED;
}

static void put(struct oct_state *s)
{
    s->now.magic = STATE_MAGIC;
    s->now.gen++;
    s->now.crc = crc_of(&s->now);
    memcpy(slot(s, s->now.gen), &s->now, sizeof s->now);
    /* Pairs with the acquire in oct_state_sync: what is synced is the whole copy. */
    atomic_store_explicit(&s->written, s->now.gen, memory_order_release);
}

static int load(struct oct_state *s)
{
    const struct oct_state_copy *a = slot(s, 0), *b = slot(s, 1);
    const struct oct_state_copy *best = NULL;

    if (whole(a))
        best = a;
    if (whole(b) && (!best || b->gen > best->gen))
        best = b;
    if (!best) {
        s->now.firm = OCT_LADDER_HALTED;
        put(s);
        return -EBADMSG;
    }
    s->now = *best;
    s->synced = s->now.gen;
    atomic_store_explicit(&s->written, s->now.gen, memory_order_relaxed);
    return 0;
}

int oct_state_open(struct oct_state *s, const char *dir)
{
    char path[512];

    memset(s, 0, sizeof *s);
    s->fd = -1;
    if ((size_t)snprintf(path, sizeof path, "%s/ladder.state", dir) >= sizeof path)
        return -ENAMETOOLONG;
    bool made = access(path, F_OK) != 0;
    s->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (s->fd < 0)
        return -errno;
    /* The room is taken here, or the first store into the mapping would be a SIGBUS on a full disk. */
    int rc = -posix_fallocate(s->fd, 0, STATE_SZ);
    if (rc) {
        oct_state_close(s);
        if (made)
            unlink(path);
        return rc;
    }
    s->copy = mmap(NULL, STATE_SZ, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
    if (s->copy == MAP_FAILED) {
        int err = -errno;
        s->copy = NULL;
        oct_state_close(s);
        return err;
    }
    if (!made)
        return load(s);
    put(s);
    return -ENOENT;
}

void oct_state_set(struct oct_state *s, const struct oct_ladder *m)
{
    if (m->scope == OCT_SCOPE_FIRM)
        s->now.firm = m->state;
    else if (m->scope == OCT_SCOPE_STRATEGY && m->strategy < OCT_STATE_ID_CNT)
        s->now.strategy[m->strategy] = m->state;
    else if (m->scope == OCT_SCOPE_ACCOUNT && m->account < OCT_STATE_ID_CNT)
        s->now.account[m->account] = m->state;
    put(s);
}

int oct_state_sync(struct oct_state *s)
{
    uint64_t gen = atomic_load_explicit(&s->written, memory_order_acquire); /* pairs with put */

    if (gen == s->synced)
        return 0;
    if (msync(s->copy, STATE_SZ, MS_SYNC) || fdatasync(s->fd))
        return -errno;
    s->synced = gen;
    return 1;
}

void oct_state_close(struct oct_state *s)
{
    if (s->copy) {
        oct_state_sync(s);
        munmap(s->copy, STATE_SZ);
        s->copy = NULL;
    }
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}
