#include "tests/sim/power.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/instance.h"
#include "dataplane/journal/reader_priv.h"

struct extent {
    uint64_t durable; /* bytes of the segment up to the last durable block */
    uint64_t end;     /* up to the last whole one */
    uint64_t blocks;
};

static int measure(const char *path, const struct oct_instance *in, struct extent *x)
{
    static _Alignas(8) uint8_t buf[OCT_BLOCK_MAX];
    const struct oct_block_hdr *h = (const struct oct_block_hdr *)buf;
    uint64_t durable = atomic_load_explicit(&in->old_ring->durable, memory_order_acquire);
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    *x = (struct extent){.durable = OCT_SEG_HDR_SZ, .end = OCT_SEG_HDR_SZ};
    if (fd < 0)
        return -errno;
    for (;;) {
        ssize_t n = pread(fd, buf, sizeof buf, (off_t)x->end);
        if (n <= 0 || oct_block_check(buf, (size_t)n))
            break;
        if (h->run_id != in->old_run_id) { /* of a run before: it was synced by the one after */
            close(fd);
            return 1;
        }
        x->end += h->sz;
        x->blocks++;
        if (h->ring_end <= durable)
            x->durable = x->end;
    }
    close(fd);
    return 0;
}

static int cut(const char *path, const struct extent *x, struct oct_rng *rng)
{
    struct stat st;
    uint64_t at = x->durable;
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &st))
        return 1;
    if (oct_rng_below(rng, 3) == 0 && x->end > x->durable)
        at += oct_rng_below(rng, x->end - x->durable);
    bool bad = ftruncate(fd, (off_t)at) != 0;
    if (oct_rng_below(rng, 2))
        bad |= ftruncate(fd, st.st_size) != 0;
    close(fd);
    printf("power loss: %llu blocks, %llu of %llu bytes durable, cut at %llu\n",
           (unsigned long long)x->blocks, (unsigned long long)x->durable,
           (unsigned long long)x->end, (unsigned long long)at);
    return bad;
}

int oct_power_loss(const char *run_dir, const char *journal_dir, struct oct_rng *rng)
{
    struct oct_instance in;
    struct extent x;
    uint64_t *first = NULL;
    char path[512];

    oct_instance_find_old(&in, run_dir);
    int cnt = oct_journal_list(journal_dir, 0, &first);
    int got = 0;
    if (!in.old_ring || cnt <= 0) {
        printf("power loss: no run of which anything could be lost\n");
    } else {
        oct_journal_path(path, sizeof path, journal_dir, 0, first[cnt - 1], ".oj");
        got = measure(path, &in, &x);
        if (got == 1)
            printf("power loss: the last segment is of an earlier run, and durable\n");
        else if (got == 0)
            got = cut(path, &x, rng) ? -EIO : 0;
    }
    free(first);
    oct_instance_drop_old(&in);
    return got < 0 ? got : 0;
}
