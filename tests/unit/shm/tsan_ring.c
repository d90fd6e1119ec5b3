/* tsan_ring.c - ring and link under two cores' fire, for ThreadSanitizer (which does not run under
 * Criterion): a writer, two ring readers of different speed, and a link pair.  Every word of every
 * record must tell the record's own number, numbers must rise, the link must lose nothing. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "dataplane/base/rng.h"
#include "dataplane/shm/link.h"
#include "dataplane/shm/ring.h"

struct rec {
    struct oct_msg_hdr hdr;
    uint64_t w[54];
};

static struct oct_ring *ring;
static struct oct_link link_pub, link_poll;
static _Atomic int done;
static uint64_t msg_cnt = 1000000;

static void fill(struct rec *r, uint64_t n)
{
    r->hdr = (struct oct_msg_hdr){.type = 1, .sz = (uint16_t)(16 + 8 * (n * 7 % 23)), .input = n};
    for (size_t i = 0; i < (r->hdr.sz - sizeof r->hdr) / 8; i++)
        r->w[i] = n * 1000003 + i;
}

static int whole(const struct rec *r)
{
    if (r->hdr.type != 1 || r->hdr.sz != 16 + 8 * (r->hdr.input * 7 % 23))
        return 0;
    for (size_t i = 0; i < (r->hdr.sz - sizeof r->hdr) / 8; i++)
        if (r->w[i] != r->hdr.input * 1000003 + i)
            return 0;
    return 1;
}

static void *writer(void *arg)
{
    struct rec r;

    (void)arg;
    for (uint64_t n = 1; n <= msg_cnt; n++) {
        fill(&r, n);
        oct_ring_publish(ring, &r.hdr);
        while (oct_link_publish(&link_pub, &r.hdr) == -ENOBUFS)
            sched_yield();
    }
    atomic_store(&done, 1);
    return NULL;
}

/* slow: rests now and then, so that it is lapped. */
static void *reader(void *arg)
{
    bool slow = arg != NULL;
    struct oct_ring_reader r;
    uint64_t last = 0, got = 0, laps = 0;
    struct rec buf;

    oct_ring_reader_init(&r, ring, true);
    for (;;) {
        int over = atomic_load(&done);
        enum oct_ring_read rc = oct_ring_read(&r, &buf);
        if (rc == OCT_RING_EMPTY && over)
            break;
        if (rc == OCT_RING_EMPTY) {
            sched_yield();
            continue;
        }
        if (rc == OCT_RING_LAPPED) {
            laps++;
            continue;
        }
        if (!whole(&buf) || buf.hdr.input <= last) {
            fprintf(stderr, "ring: torn or backwards after %llu\n", (unsigned long long)last);
            exit(1);
        }
        last = buf.hdr.input;
        got++;
        if (slow && got % 5000 == 0)
            sched_yield();
    }
    if (last != msg_cnt) {
        fprintf(stderr, "ring: ended at %llu\n", (unsigned long long)last);
        exit(1);
    }
    printf("ring reader: %llu records, lapped %llu times\n", (unsigned long long)got,
           (unsigned long long)laps);
    return NULL;
}

static void *poller(void *arg)
{
    uint64_t want = 1;
    struct rec buf;

    (void)arg;
    while (want <= msg_cnt) {
        int rc = oct_link_poll(&link_poll, &buf);
        if (rc == 0) {
            sched_yield();
            continue;
        }
        if (rc != 1 || !whole(&buf) || buf.hdr.input != want) {
            fprintf(stderr, "link: %d instead of record %llu\n", rc, (unsigned long long)want);
            exit(1);
        }
        want++;
    }
    printf("link poller: %llu records\n", (unsigned long long)(want - 1));
    return NULL;
}

int main(int argc, char **argv)
{
    pthread_t t[4];
    size_t link_sz = oct_link_footprint(1024);

    if (argc > 1)
        msg_cnt = strtoull(argv[1], NULL, 10);
    ring = oct_ring_new(aligned_alloc(128, oct_align_up(oct_ring_footprint(512), 128)), 512);
    void *mem = aligned_alloc(128, oct_align_up(link_sz, 128));
    if (ring == NULL || mem == NULL || oct_link_new(&link_poll, mem, 1024) != 0 ||
        oct_link_join(&link_pub, mem, link_sz, OCT_LINK_PUBLISHER) != 0)
        return 1;
    pthread_create(&t[0], NULL, reader, NULL);
    pthread_create(&t[1], NULL, reader, ring);
    pthread_create(&t[2], NULL, poller, NULL);
    pthread_create(&t[3], NULL, writer, NULL);
    for (int i = 0; i < 4; i++)
        pthread_join(t[i], NULL);
    free(ring);
    free(mem);
    return 0;
}
