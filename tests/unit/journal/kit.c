#include "tests/unit/journal/kit.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/journal/reader_priv.h"
#include "tests/unit/keep.h"

static char *new_dir(const char *below)
{
    char *path = NULL;

    cr_assert_gt(asprintf(&path, "%s/oct_journal_XXXXXX", below), 0);
    cr_assert_not_null(mkdtemp(path));
    return test_keep(path);
}

char *kit_dir(void)
{
    return new_dir(access("/dev/shm", W_OK) ? P_tmpdir : "/dev/shm");
}

char *kit_disk_dir(void)
{
    return new_dir(P_tmpdir);
}

void kit_remove(const char *dir)
{
    char cmd[256];

    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    cr_assert_eq(system(cmd), 0);
}

struct oct_ring *kit_ring(uint32_t depth)
{
    struct oct_ring *ring = oct_ring_new(
        test_keep(aligned_alloc(4096, oct_align_up(oct_ring_footprint(depth), 4096))), depth);

    cr_assert_not_null(ring);
    return ring;
}

/* Payload of input n: its size and bytes depend on n alone. */
static uint32_t payload(uint64_t n, uint8_t *out)
{
    uint32_t sz = n % 7 == 0 ? 500 : 20 + (uint32_t)(n * 13 % 300);

    for (uint32_t i = 0; i < sz; i++)
        out[i] = (uint8_t)(n * 31 + i * 7);
    return sz;
}

static uint32_t packet(struct oct_ring *ring, uint64_t n)
{
    uint8_t data[512];
    uint32_t sz = payload(n, data), cnt = 0;

    for (uint32_t off = 0; off < sz; cnt++) {
        uint32_t part = sz - off < OCT_IN_PACKET_FRAG ? sz - off : (uint32_t)OCT_IN_PACKET_FRAG;
        struct oct_in_packet m = {OCT_MSG_HDR(IN_PACKET, in_packet),
                                  .now_ns = (int64_t)n,
                                  .first_seq = n,
                                  .pkt_sz = (uint16_t)sz,
                                  .frag_off = (uint16_t)off,
                                  .frag_sz = (uint16_t)part};
        m.hdr.input = n;
        m.hdr.sz = (uint16_t)oct_align_up(sizeof m + part, 8);
        oct_ring_publish2(ring, &m.hdr, sizeof m, data + off, part);
        off += part;
    }
    return cnt;
}

uint32_t kit_input(struct oct_ring *ring, uint64_t n)
{
    struct oct_bbo bbo = {OCT_MSG_HDR(BBO, bbo), .inst = (uint32_t)n};
    struct oct_verdict v = {OCT_MSG_HDR(VERDICT, verdict), .intent_id = n};
    uint32_t cnt = packet(ring, n);

    bbo.hdr.input = v.hdr.input = n;
    oct_ring_publish(ring, &bbo.hdr);
    if (n % 3 == 0) {
        oct_ring_publish(ring, &v.hdr);
        cnt++;
    }
    return cnt;
}

void kit_start(struct oct_ring *ring, uint64_t n, uint64_t run_id)
{
    struct oct_in_start m = {OCT_MSG_HDR(IN_START, in_start), .run_id = run_id, .build_id = 77};

    m.hdr.input = n;
    oct_ring_publish(ring, &m.hdr);
}

const char *kit_follows(struct kit_check *c, const struct oct_msg_hdr *rec)
{
    uint8_t data[512];

    if (!oct_msg_valid(rec, rec->sz))
        return "not a record";
    if (oct_msg_class(rec->type) != 'J')
        return "not a journaled record";
    if (rec->input != c->input) {
        uint32_t frags = c->input % 7 == 0 ? 2 : 1;
        uint32_t whole = frags + (c->input % 3 == 0);
        if (c->input && c->ordinal != whole)
            return "records of the input before are missing";
        if (c->input && rec->input != c->input + 1)
            return "an input is missing";
        c->input = rec->input;
        c->ordinal = 0;
    }
    uint32_t frags = c->input % 7 == 0 ? 2 : 1;
    c->ordinal++;
    c->records++;
    if (c->ordinal <= frags) {
        const struct oct_in_packet *m = (const struct oct_in_packet *)rec;
        uint32_t sz = payload(c->input, data);
        if (rec->type != OCT_IN_PACKET || m->pkt_sz != sz || m->first_seq != c->input ||
            m->frag_off != (c->ordinal - 1) * OCT_IN_PACKET_FRAG ||
            memcmp(OCT_MSG_DATA(m), data + m->frag_off, m->frag_sz) != 0)
            return "not the packet of this input";
        return NULL;
    }
    if (c->ordinal > frags + 1 || c->input % 3 != 0 || rec->type != OCT_VERDICT ||
        ((const struct oct_verdict *)rec)->intent_id != c->input)
        return "not the verdict of this input";
    return NULL;
}

struct oct_recorder *kit_recorder(const char *dir, struct oct_ring *ring, enum oct_durability mode,
                                  uint64_t segment_sz, uint64_t run_id)
{
    struct oct_recorder_cfg cfg = {.dir = dir,
                                   .ring = ring,
                                   .mode = mode,
                                   .core = -1,
                                   .segment_sz = segment_sz ? segment_sz : 1u << 20,
                                   .run_id = run_id,
                                   .build_id = 77,
                                   .group_ns = 100000,
                                   .flush_ns = 100000,
                                   .retry_ns = 10 * OCT_NS_PER_MS};
    struct oct_recorder *r = NULL;
    int err = oct_recorder_create(&cfg, &r);

    cr_assert_eq(err, 0, "create: %s", strerror(-err));
    return r;
}

void kit_drain(struct oct_recorder *r, struct oct_ring *ring)
{
    int64_t until = oct_mono_ns() + 60 * OCT_NS_PER_S; /* the disk may be busy with others */

    while (atomic_load(&ring->durable) < atomic_load(&ring->head)) {
        if (oct_recorder_poll(r) == 0)
            usleep(10);
        cr_assert_lt(oct_mono_ns(), until, "recorder stands still: %d",
                     oct_recorder_error(r, NULL));
    }
}

void kit_record(const char *dir, uint64_t first, uint64_t last, enum oct_durability mode,
                uint64_t segment_sz, uint64_t run_id)
{
    struct oct_ring *ring = kit_ring(1u << 14);
    struct oct_recorder *r = kit_recorder(dir, ring, mode, segment_sz, run_id);

    for (uint64_t n = first; n <= last; n++) {
        kit_input(ring, n);
        if (n % 256 == 0)
            kit_drain(r, ring);
    }
    cr_assert_eq(oct_recorder_stop(r), 0);
    cr_assert_eq(atomic_load(&ring->durable), atomic_load(&ring->head));
    oct_recorder_destroy(r);
    free(ring);
}

void kit_crash(const char *dir, uint64_t first, uint64_t last, uint64_t segment_sz, uint64_t run_id)
{
    struct oct_ring *ring = kit_ring(1u << 10);
    struct oct_recorder *r = kit_recorder(dir, ring, OCT_DURABILITY_ASYNC, segment_sz, run_id);

    for (uint64_t n = first; n <= last; n++) {
        kit_input(ring, n);
        kit_drain(r, ring);
    }
    oct_recorder_abandon(r);
    oct_recorder_destroy(r);
    free(ring);
}

const char *kit_segment(const char *dir, uint32_t k)
{
    static char path[256];
    uint64_t *list;
    int cnt = oct_journal_list(dir, 0, &list);

    path[0] = 0;
    if (cnt > 0 && k < (uint32_t)cnt)
        oct_journal_path(path, sizeof path, dir, 0, list[k], ".oj");
    free(list);
    return test_keep(path);
}

size_t kit_size(const char *path)
{
    struct stat st;

    return stat(path, &st) ? 0 : (size_t)st.st_size;
}

void kit_last_block(const char *path, uint64_t *off, uint64_t *sz)
{
    int fd = open(path, O_RDONLY);
    struct oct_block_hdr h;
    off_t at = OCT_SEG_HDR_SZ;

    *off = *sz = 0;
    while (pread(fd, &h, sizeof h, at) == (ssize_t)sizeof h && h.magic == OCT_BLOCK_MAGIC) {
        *off = (uint64_t)at;
        *sz = h.sz;
        at += h.sz;
    }
    close(fd);
}
