/* power_loss.c - does to a dead dataplane's journal what a loss of power does: bytes that were not
 * durable are gone.
 *
 *   power_loss RUN_DIR JOURNAL_DIR SEED
 *
 * What is durable the ring says, in shared memory, which the caller removes afterwards.  Two times
 * in three the journal ends at the last durable byte, else some of what was still on its way to the
 * disk has arrived, cut anywhere; the room behind reads as zeros or is not there.  Without a ring of
 * the run that wrote the last segment nothing is cut: a start syncs what it found before it goes on.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/rng.h"
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

int main(int argc, char **argv)
{
    struct oct_instance in;
    struct oct_rng rng;
    struct extent x;
    uint64_t *first;
    char path[512];

    if (argc != 4) {
        fprintf(stderr, "usage: power_loss RUN_DIR JOURNAL_DIR SEED\n");
        return 2;
    }
    oct_rng_init(&rng, strtoull(argv[3], NULL, 10));
    oct_instance_find_old(&in, argv[1]);
    int cnt = oct_journal_list(argv[2], 0, &first);
    if (!in.old_ring || cnt <= 0) {
        printf("power loss: no run of which anything could be lost\n");
        return 0;
    }
    oct_journal_path(path, sizeof path, argv[2], 0, first[cnt - 1], ".oj");
    int got = measure(path, &in, &x);
    if (got == 1)
        printf("power loss: the last segment is of an earlier run, and durable\n");
    if (got)
        return got < 0;
    return cut(path, &x, &rng);
}
