/* tsan_journal.c - writer, recorder and two tails at once, for ThreadSanitizer (which does not run
 * under Criterion): every input comes to both tails once and in order, and is in the files after. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "dataplane/journal/recorder.h"
#include "dataplane/journal/tail.h"

#define DEPTH 1024u

static char dir[] = "/dev/shm/oct_tsan_journal_XXXXXX";
static struct oct_ring *ring;
static uint64_t input_cnt = 20000;

static void *write_inputs(void *arg)
{
    (void)arg;
    for (uint64_t n = 1; n <= input_cnt; n++) {
        struct oct_in_time m = {OCT_MSG_HDR(IN_TIME, in_time), .now_ns = (int64_t)n};
        struct oct_bbo p = {OCT_MSG_HDR(BBO, bbo), .feed_seq = n};
        m.hdr.input = p.hdr.input = n;
        while (atomic_load_explicit(&ring->head, memory_order_relaxed) -
                   atomic_load_explicit(&ring->recorded, memory_order_acquire) >
               DEPTH - 16)
            usleep(20);
        oct_ring_publish(ring, &m.hdr);
        oct_ring_publish(ring, &p.hdr);
    }
    return NULL;
}

/* arg: records to read before resting, 0 for never. */
static void *read_tail(void *arg)
{
    uint64_t every = (uint64_t)(uintptr_t)arg, want = 1, read = 0;
    struct oct_tail_cfg cfg = {.dir = dir, .ring = ring, .run_id = 1, .from_input = 1};
    const struct oct_msg_hdr *m;
    struct oct_tail *t;

    if (oct_tail_open(&cfg, &t))
        return "tail does not open";
    while (want <= input_cnt) {
        int got = oct_tail_next(t, &m);
        if (got < 0)
            return "tail fails";
        if (got == OCT_TAIL_EMPTY)
            usleep(20);
        if (got != OCT_TAIL_RECORD)
            continue;
        if (every && ++read % every == 0)
            usleep(2000);
        if (m->type == OCT_IN_TIME && m->input != want++)
            return "an input is missing or comes twice";
        if (m->type == OCT_BBO && ((const struct oct_bbo *)m)->feed_seq != m->input)
            return "a record is torn";
    }
    oct_tail_close(t);
    return NULL;
}

int main(int argc, char **argv)
{
    struct oct_recorder *rec;
    struct oct_journal_report rep;
    pthread_t th[3];
    void *bad = NULL, *why;
    char cmd[64];

    input_cnt = argc > 1 ? strtoull(argv[1], NULL, 10) : input_cnt;
    ring = oct_ring_new(aligned_alloc(4096, oct_align_up(oct_ring_footprint(DEPTH), 4096)), DEPTH);
    if (!ring || !mkdtemp(dir))
        return 1;
    struct oct_recorder_cfg cfg = {.dir = dir,
                                   .ring = ring,
                                   .core = -1,
                                   .run_id = 1,
                                   .mode = OCT_DURABILITY_GROUP,
                                   .segment_sz = 1u << 20};
    if (oct_recorder_create(&cfg, &rec) || oct_recorder_start(rec))
        return 1;
    pthread_create(&th[0], NULL, write_inputs, NULL);
    pthread_create(&th[1], NULL, read_tail, NULL);
    pthread_create(&th[2], NULL, read_tail, (void *)(uintptr_t)1500);
    for (int i = 0; i < 3; i++) {
        pthread_join(th[i], &why);
        bad = bad ? bad : why;
    }
    int err = oct_recorder_stop(rec);
    oct_recorder_destroy(rec);
    if (!err)
        err = oct_journal_verify(dir, 0, &rep, NULL, NULL);
    if (!bad && (err || rep.records != input_cnt || rep.last_input != input_cnt))
        bad = "the files are not whole";
    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    if (system(cmd))
        return 1;
    if (bad)
        fprintf(stderr, "tsan_journal: %s\n", (const char *)bad);
    return bad != NULL;
}
