#include "tools/exchange/msglog.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/wire.h"

static bool grow(void **p, uint64_t *cap, uint64_t need, size_t item)
{
    if (need <= *cap)
        return true;
    uint64_t n = *cap ? *cap : 1024;
    while (n < need)
        n *= 2;
    void *q = realloc(*p, n * item);
    if (!q)
        return false;
    *p = q;
    *cap = n;
    return true;
}

static bool remember(struct oct_exch_msglog *l, const void *msg, uint32_t sz)
{
    if (!grow((void **)&l->bytes, &l->cap, l->sz + sz, 1) ||
        !grow((void **)&l->off, &l->off_cap, l->cnt + 2, sizeof *l->off))
        return false;
    memcpy(l->bytes + l->sz, msg, sz);
    l->off[l->cnt] = l->sz;
    l->sz += sz;
    l->off[++l->cnt] = l->sz;
    return true;
}

static int load(struct oct_exch_msglog *l)
{
    struct stat st;
    if (fstat(l->fd, &st) != 0)
        return -errno;
    size_t sz = (size_t)st.st_size;
    uint8_t *p = malloc(sz ? sz : 1);
    if (!p)
        return -ENOMEM;
    int rc = 0;
    size_t at = 0;
    if (pread(l->fd, p, sz, 0) != (ssize_t)sz)
        rc = -EIO;
    while (rc == 0 && at + 2 <= sz && at + 2 + oct_load_be16(p + at) <= sz) {
        if (!remember(l, p + at + 2, oct_load_be16(p + at)))
            rc = -ENOMEM;
        at += 2u + oct_load_be16(p + at);
    }
    free(p);
    if (rc == 0 && (ftruncate(l->fd, (off_t)at) != 0 || lseek(l->fd, (off_t)at, SEEK_SET) < 0))
        rc = -errno;
    return rc;
}

int oct_exch_msglog_init(struct oct_exch_msglog *l, const char *path)
{
    *l = (struct oct_exch_msglog){.fd = -1};
    if (!path)
        return 0;
    l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    int rc = l->fd < 0 ? -errno : load(l);
    if (rc != 0)
        oct_exch_msglog_fini(l);
    return rc;
}

uint64_t oct_exch_msglog_append(struct oct_exch_msglog *l, const void *msg, uint32_t sz)
{
    OCT_ASSERT(sz <= UINT16_MAX);
    if (l->fd >= 0) {
        uint8_t buf[2 + 1024];
        OCT_ASSERT(sz <= 1024);
        oct_store_be16(buf, (uint16_t)sz);
        memcpy(buf + 2, msg, sz);
        if (write(l->fd, buf, sz + 2) != (ssize_t)(sz + 2))
            return 0;
    }
    return remember(l, msg, sz) ? l->cnt : 0;
}

const uint8_t *oct_exch_msglog_get(const struct oct_exch_msglog *l, uint64_t seq, uint32_t *sz)
{
    if (seq == 0 || seq > l->cnt)
        return NULL;
    *sz = (uint32_t)(l->off[seq] - l->off[seq - 1]);
    return l->bytes + l->off[seq - 1];
}

void oct_exch_msglog_fini(struct oct_exch_msglog *l)
{
    if (l->fd >= 0)
        close(l->fd);
    free(l->bytes);
    free(l->off);
    *l = (struct oct_exch_msglog){.fd = -1};
}
