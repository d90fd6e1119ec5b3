/* Any bytes as a segment or an index: reading ends and names what is wrong, repair either refuses
 * or leaves a journal that verifies, and what it keeps is what was readable before.
 *
 * The first byte chooses: 0 the bytes as they are, 1 with CRCs made right so that what lies behind
 * them is reached, 2 with the chain made right too, 3 as the index of a good segment. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/journal/reader_priv.h"
#include "tests/fuzz/fuzz.h"

static char dir[64];

static void clean(void)
{
    char cmd[128];

    snprintf(cmd, sizeof cmd, "rm -rf '%s'", dir);
    if (system(cmd))
        fprintf(stderr, "%s stays\n", dir);
}

static void write_file(const char *path, const void *data, size_t sz)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    FUZZ_CHECK(fd >= 0 && write(fd, data, sz) == (ssize_t)sz);
    close(fd);
}

/* Makes the checks agree with the bytes, as far as there are blocks. */
static void make_right(uint8_t *b, size_t sz, bool chain)
{
    struct oct_seg_hdr h;
    uint64_t prev = 0, seq = 0;

    if (sz < OCT_SEG_HDR_SZ)
        return;
    memset(b + offsetof(struct oct_seg_hdr, crc), 0, 4);
    oct_seg_hdr_seal(b);
    memcpy(&h, b, sizeof h);
    prev = oct_seg_hdr_digest(&h);
    for (size_t at = OCT_SEG_HDR_SZ; at + OCT_BLOCK_ALIGN <= sz;) {
        struct oct_block_hdr *k = (struct oct_block_hdr *)(b + at);
        size_t most = sz - at < OCT_BLOCK_MAX ? sz - at : OCT_BLOCK_MAX;
        if (k->magic != OCT_BLOCK_MAGIC || k->used > most - sizeof *k ||
            oct_align_up(k->used + sizeof *k, OCT_BLOCK_ALIGN) > most) {
            at += OCT_BLOCK_ALIGN;
            continue;
        }
        if (chain) {
            k->prev = prev;
            k->seq = seq++;
            k->run_id = h.run_id;
        }
        k->crc = 0;
        oct_block_seal(k);
        prev = oct_block_hdr_digest(k);
        at += k->sz;
    }
}

static uint64_t read_all(void)
{
    struct oct_journal *j;
    const struct oct_msg_hdr *m;
    uint64_t cnt = 0;
    int got;

    if (oct_journal_open(dir, 0, &j, NULL))
        return 0;
    while ((got = oct_journal_next(j, &m)) == 1) {
        FUZZ_CHECK(oct_msg_valid(m, m->sz));
        FUZZ_CHECK(oct_msg_class(m->type) == 'J');
        cnt++;
    }
    FUZZ_CHECK(got == 0 || (oct_journal_error(j)->reason[0] && oct_journal_error(j)->file[0]));
    for (uint64_t n = 0; n < 20; n += 3) {
        if (oct_journal_seek(j, n) == 0 && oct_journal_next(j, &m) == 1)
            FUZZ_CHECK(m->input >= n);
    }
    oct_journal_close(j);
    return cnt;
}

static size_t good_segment(uint8_t *out, size_t cap, uint32_t blocks, bool final);

static void as_index(const uint8_t *data, size_t sz)
{
    static uint8_t seg[65536];
    char path[128];
    struct oct_journal *j;
    const struct oct_msg_hdr *m;

    oct_journal_path(path, sizeof path, dir, 0, 1, ".oj");
    write_file(path, seg, good_segment(seg, sizeof seg, 6, true));
    oct_journal_path(path, sizeof path, dir, 0, 1, ".oi");
    write_file(path, data, sz);
    FUZZ_CHECK(oct_journal_open(dir, 0, &j, NULL) == 0);
    for (uint64_t n = 1; n <= 12; n++) {
        FUZZ_CHECK(oct_journal_seek(j, n) == 0);
        FUZZ_CHECK(oct_journal_next(j, &m) == 1 && m->input == n);
    }
    oct_journal_close(j);
    unlink(path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t sz)
{
    static _Alignas(8) uint8_t b[65536];
    struct oct_journal_report before, after;
    struct oct_journal_repair rep;
    struct oct_journal_error err;
    char path[128];

    if (!dir[0]) {
        snprintf(dir, sizeof dir, "/dev/shm/oct_fuzz_journal_%d", (int)getpid());
        FUZZ_CHECK(mkdir(dir, 0700) == 0);
        atexit(clean);
    }
    if (sz < 1 || sz > sizeof b)
        return 0;
    uint8_t how = data[0] & 3;
    memcpy(b, data + 1, sz - 1);
    if (how == 3) {
        as_index(b, sz - 1);
        return 0;
    }
    if (how)
        make_right(b, sz - 1, how == 2);
    oct_journal_path(path, sizeof path, dir, 0, 1, ".oj");
    write_file(path, b, sz - 1);
    uint64_t cnt = read_all();
    int got = oct_journal_verify(dir, 0, &before, NULL, NULL);
    FUZZ_CHECK(got == 0 || before.error.reason[0]);
    FUZZ_CHECK(before.records == cnt);
    int fixed = oct_journal_repair(dir, 0, &rep, &err);
    if (fixed == 0 && got != 0) {
        got = oct_journal_verify(dir, 0, &after, NULL, NULL);
        FUZZ_CHECK(rep.done && (got == 0 || got == -ENOENT));
        FUZZ_CHECK(after.records == before.records && after.last_input == before.last_input);
    }
    FUZZ_CHECK(fixed == 0 || (err.reason[0] && err.file[0]));
    FUZZ_CHECK(fixed != 0 || got == 0 || got == -ENOENT);
    if (rep.saved[0])
        unlink(rep.saved);
    unlink(path);
    oct_journal_path(path, sizeof path, dir, 0, 1, ".oi");
    unlink(path);
    return 0;
}

/* ---- seeds ----------------------------------------------------------------------------------- */

/* A segment of inputs 1, 2, ...: two to a block. */
static size_t good_segment(uint8_t *out, size_t cap, uint32_t blocks, bool final)
{
    static _Alignas(8) uint8_t b[OCT_BLOCK_ALIGN];
    struct oct_seg_hdr h = {.magic = OCT_SEG_MAGIC,
                            .version = OCT_SEG_VERSION,
                            .serial = 1,
                            .first_input = 1,
                            .run_id = 42,
                            .layout_hash = oct_msg_layout_hash()};
    size_t sz = OCT_SEG_HDR_SZ;
    uint64_t prev, input = 1;

    FUZZ_CHECK(cap >= OCT_SEG_HDR_SZ + (size_t)blocks * OCT_BLOCK_ALIGN);
    memset(out, 0, OCT_SEG_HDR_SZ);
    memcpy(out, &h, sizeof h);
    oct_seg_hdr_seal(out);
    memcpy(&h, out, sizeof h);
    prev = oct_seg_hdr_digest(&h);
    for (uint32_t i = 0; i < blocks; i++) {
        struct oct_block_hdr *k = (struct oct_block_hdr *)b;
        *k = (struct oct_block_hdr){.seq = i,
                                    .prev = prev,
                                    .settled = i,
                                    .run_id = 42,
                                    .first_input = input,
                                    .ring_pos = i * 10,
                                    .ring_end = i * 10 + 10,
                                    .flags = final && i + 1 == blocks ? OCT_BLOCK_FINAL : 0};
        for (int n = 0; n < 2; n++, input++) {
            struct oct_in_packet p = {OCT_MSG_HDR(IN_PACKET, in_packet), .pkt_sz = 40,
                                      .frag_sz = 40, .first_seq = input};
            p.hdr.sz = sizeof p + 40;
            p.hdr.input = input;
            memcpy(b + sizeof *k + k->used, &p, sizeof p);
            memset(b + sizeof *k + k->used + sizeof p, 'p', 40);
            k->used += p.hdr.sz;
            k->rec_cnt++;
        }
        k->last_input = input - 1;
        oct_block_seal(b);
        prev = oct_block_hdr_digest(k);
        memcpy(out + sz, b, k->sz);
        sz += k->sz;
    }
    return sz;
}

size_t oct_fuzz_seed(size_t idx, uint8_t *out, size_t cap)
{
    if (cap < 40000 || idx > 7)
        return 0;
    out[0] = (uint8_t)(idx & 3);
    if (out[0] == 3) {
        struct oct_index_hdr h = {.magic = OCT_INDEX_MAGIC,
                                  .version = OCT_SEG_VERSION,
                                  .run_id = 42,
                                  .first_input = 1,
                                  .last_input = 12,
                                  .blocks = 6,
                                  .entry_cnt = 2};
        struct oct_index_entry e[2] = {{1, 4096}, {5, 4096 * 3}};
        memcpy(out + 1, &h, sizeof h);
        memcpy(out + 1 + sizeof h, e, sizeof e);
        return 1 + sizeof h + sizeof e;
    }
    return 1 + good_segment(out + 1, cap - 1, 1 + (uint32_t)idx, idx < 4);
}
