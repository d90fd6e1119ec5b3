#include "dataplane/journal/format.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"

int oct_journal_path(char *buf, size_t sz, const char *dir, uint16_t lane, uint64_t first_input,
                     const char *ext)
{
    int n = snprintf(buf, sz, "%s/%u-%020llu%s", dir, lane, (unsigned long long)first_input, ext);

    return n < 0 || (size_t)n >= sz ? -ENAMETOOLONG : n;
}

/* Digits only: strtoull alone would take signs and spaces. */
static bool number(const char *s, size_t len, uint64_t max, uint64_t *out)
{
    uint64_t v = 0;

    for (size_t i = 0; i < len; i++) {
        if (s[i] < '0' || s[i] > '9')
            return false;
        uint64_t digit = (uint64_t)(s[i] - '0');
        if (v > (max - digit) / 10)
            return false;
        v = v * 10 + digit;
    }
    *out = v;
    return len > 0;
}

bool oct_journal_parse_name(const char *name, uint16_t *lane, uint64_t *first_input)
{
    const char *dash = strchr(name, '-');
    uint64_t l;

    if (!dash || dash - name > 5 || strlen(dash) != 1 + 20 + 3 || strcmp(dash + 21, ".oj") != 0 ||
        !number(name, (size_t)(dash - name), UINT16_MAX, &l) ||
        !number(dash + 1, 20, UINT64_MAX, first_input))
        return false;
    *lane = (uint16_t)l;
    return true;
}

uint64_t oct_seg_hdr_digest(const struct oct_seg_hdr *h)
{
    return oct_digest64(OCT_SEG_MAGIC, h, sizeof *h);
}

uint64_t oct_block_hdr_digest(const struct oct_block_hdr *h)
{
    return oct_digest64(OCT_BLOCK_MAGIC, h, sizeof *h);
}

/* CRC of sz bytes of which the four at crc_off count as zero. */
static uint32_t crc_without(const void *p, size_t sz, size_t crc_off)
{
    static const uint8_t zero[4];
    const uint8_t *b = p;
    uint32_t crc = oct_crc32c(0, b, crc_off);

    crc = oct_crc32c(crc, zero, sizeof zero);
    return oct_crc32c(crc, b + crc_off + 4, sz - crc_off - 4);
}

const char *oct_seg_hdr_check(const void *block)
{
    struct oct_seg_hdr h;

    memcpy(&h, block, sizeof h);
    if (h.magic != OCT_SEG_MAGIC)
        return "no segment header";
    if (h.version != OCT_SEG_VERSION)
        return "unknown segment version";
    if (h.crc != crc_without(block, OCT_SEG_HDR_SZ, offsetof(struct oct_seg_hdr, crc)))
        return "segment header fails its CRC";
    if (h.layout_hash != oct_msg_layout_hash())
        return "records of another layout: read it with the build that wrote it";
    return NULL;
}

void oct_seg_hdr_seal(void *block)
{
    uint32_t crc = crc_without(block, OCT_SEG_HDR_SZ, offsetof(struct oct_seg_hdr, crc));

    memcpy((uint8_t *)block + offsetof(struct oct_seg_hdr, crc), &crc, sizeof crc);
}

/* The records of a block whose CRC is right, and what its header says of them. */
static const char *records_check(const struct oct_block_hdr *h, const uint8_t *rec)
{
    uint32_t at = 0, cnt = 0;
    uint64_t input = h->first_input;

    while (at < h->used) {
        const struct oct_msg_hdr *m = (const struct oct_msg_hdr *)(rec + at);
        if (!oct_msg_valid(m, h->used - at) || oct_msg_class(m->type) != 'J')
            return "not a journaled record";
        if (m->input < input || (cnt == 0 && m->input != input))
            return "inputs out of order";
        input = m->input;
        at += m->sz;
        cnt++;
    }
    if (cnt != h->rec_cnt || input != h->last_input)
        return "header and records disagree";
    if (cnt == 0 && !(h->flags & OCT_BLOCK_FINAL))
        return "empty block";
    return NULL;
}

const char *oct_block_check(const void *p, size_t avail)
{
    const struct oct_block_hdr *h = p;

    OCT_ASSERT((uintptr_t)p % 8 == 0);
    if (avail < sizeof *h || h->magic != OCT_BLOCK_MAGIC)
        return "no block header";
    if (h->sz < OCT_BLOCK_ALIGN || h->sz > OCT_BLOCK_MAX || h->sz % OCT_BLOCK_ALIGN ||
        h->used > h->sz - sizeof *h || h->used % 8)
        return "impossible block size";
    if (h->sz > avail)
        return "cut short";
    if (h->crc != crc_without(p, h->sz, offsetof(struct oct_block_hdr, crc)))
        return "block fails its CRC";
    if (h->ring_pos > h->ring_end || h->settled > h->seq)
        return "impossible block header";
    return records_check(h, (const uint8_t *)(h + 1));
}

void oct_block_seal(void *block)
{
    struct oct_block_hdr *h = block;
    size_t used = sizeof *h + h->used;

    OCT_ASSERT(used <= OCT_BLOCK_MAX);
    h->magic = OCT_BLOCK_MAGIC;
    h->sz = (uint32_t)oct_align_up(used, OCT_BLOCK_ALIGN);
    memset((uint8_t *)block + used, 0, h->sz - used);
    h->crc = crc_without(block, h->sz, offsetof(struct oct_block_hdr, crc));
}
