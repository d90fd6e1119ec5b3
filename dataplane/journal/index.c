#include "dataplane/journal/reader_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/base/hash.h"

#define INDEX_ENTRY_MAX (1u << 20) /* more than any segment can have */

static uint32_t index_crc(const struct oct_index_hdr *hdr, const struct oct_index_entry *entries)
{
    struct oct_index_hdr h = *hdr;

    h.crc = 0;
    return oct_crc32c(oct_crc32c(0, &h, sizeof h), entries, h.entry_cnt * sizeof *entries);
}

static int write_all(int fd, const void *data, size_t sz)
{
    const uint8_t *p = data;

    while (sz) {
        ssize_t n = write(fd, p, sz);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EIO;
        p += n;
        sz -= (size_t)n;
    }
    return 0;
}

int oct_index_write(const char *dir, uint16_t lane, const struct oct_index_hdr *hdr,
                    const struct oct_index_entry *entries)
{
    char path[256], temp[256];
    struct oct_index_hdr h = *hdr;
    int err = oct_journal_path(path, sizeof path, dir, lane, h.first_input, ".oi");

    if (err < 0)
        return err;
    err = oct_journal_path(temp, sizeof temp, dir, lane, h.first_input, ".oi.new");
    if (err < 0)
        return err;
    h.magic = OCT_INDEX_MAGIC;
    h.version = OCT_SEG_VERSION;
    h.crc = index_crc(&h, entries);
    int fd = open(temp, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    err = write_all(fd, &h, sizeof h);
    if (!err)
        err = write_all(fd, entries, h.entry_cnt * sizeof *entries);
    if (close(fd) && !err)
        err = -errno;
    if (!err && rename(temp, path))
        err = -errno;
    if (err)
        unlink(temp);
    return err;
}

/* Reads an index; *entries is the caller's to free.  NULL when it is missing, wrong or another
 * segment's. */
static struct oct_index_entry *load_index(const char *dir, uint16_t lane,
                                          const struct oct_seg_hdr *seg, struct oct_index_hdr *h)
{
    struct oct_index_entry *e = NULL;
    char path[256];

    if (oct_journal_path(path, sizeof path, dir, lane, seg->first_input, ".oi") < 0)
        return NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return NULL;
    bool ok = read(fd, h, sizeof *h) == (ssize_t)sizeof *h && h->magic == OCT_INDEX_MAGIC &&
              h->version == OCT_SEG_VERSION && h->run_id == seg->run_id &&
              h->first_input == seg->first_input && h->entry_cnt > 0 &&
              h->entry_cnt <= INDEX_ENTRY_MAX;
    if (ok) {
        size_t sz = h->entry_cnt * sizeof *e;
        e = malloc(sz);
        ok = e && read(fd, e, sz) == (ssize_t)sz && h->crc == index_crc(h, e);
    }
    close(fd);
    if (!ok) {
        free(e);
        e = NULL;
    }
    return e;
}

uint64_t oct_index_find(const char *dir, uint16_t lane, const struct oct_seg_hdr *seg, uint64_t n)
{
    struct oct_index_hdr h;
    struct oct_index_entry *e = load_index(dir, lane, seg, &h);
    uint64_t off = 0;

    /* Records of input n may begin in the block before the first that starts with n. */
    for (uint64_t i = 0; e && i < h.entry_cnt && e[i].first_input < n; i++)
        off = e[i].off;
    free(e);
    return off;
}

bool oct_index_good(const char *dir, uint16_t lane, const struct oct_seg_hdr *seg)
{
    struct oct_index_hdr h;
    struct oct_index_entry *e = load_index(dir, lane, seg, &h);

    free(e);
    return e != NULL;
}
