#include "drivers/nic/pcap/pcap_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"

#define PCAP_HDR_SZ     24u
#define PCAP_REC_HDR_SZ 16u
#define PCAP_PKT_MAX    262144u     /* largest packet a capture may hold */
#define PCAP_BLOCK_MAX  (16u << 20) /* largest pcapng block followed */
#define PCAP_IFACE_MAX  65536u
#define PCAP_VLAN_MAX   8u
#define PCAP_MAP_PAD    4096u /* zeros mapped after the file */
#define NG_SECTION      0x0a0d0d0au
#define NG_BYTE_ORDER   0x1a2b3c4du

enum { NG_IFACE = 1, NG_PACKET = 2, NG_SIMPLE = 3, NG_ENHANCED = 6 };

struct pcap_iface {
    uint16_t link;
    bool binary; /* stamps count 2^-exp s, else 10^-exp s */
    uint8_t exp;
    uint32_t snap;
    int64_t offset_s;
};

struct oct_pcap {
    const uint8_t *data;
    size_t sz;
    size_t off;    /* of the next record or block */
    size_t map_sz; /* 0: the caller's memory */
    bool ng;
    bool swap; /* the other byte order */
    bool nano; /* pcap: nanosecond stamps */
    bool stopped;
    uint16_t link; /* pcap */
    struct pcap_iface *ifaces;
    uint32_t iface_cnt; /* over all sections */
    uint32_t iface_cap;
    uint32_t section_first; /* first interface of this section */
    struct oct_pcap_stats stats;
};

/* One captured frame, whatever the file's format. */
struct frame {
    const uint8_t *p;
    uint32_t cap;  /* bytes captured */
    uint32_t full; /* bytes it had */
    uint16_t link;
    uint32_t iface;
    int64_t ts_ns;
};

static uint16_t get16(const struct oct_pcap *p, const uint8_t *at)
{
    return p->swap ? oct_load_be16(at) : oct_load_le16(at);
}

static uint32_t get32(const struct oct_pcap *p, const uint8_t *at)
{
    return p->swap ? oct_load_be32(at) : oct_load_le32(at);
}

/* ---- what is counted ------------------------------------------------------------------------- */

static void malformed(struct oct_pcap *p, uint64_t off)
{
    if (p->stats.malformed++ == 0)
        p->stats.malformed_off_first = off;
    p->stats.malformed_off_last = off;
}

static int stop(struct oct_pcap *p, uint64_t off, const char *why)
{
    p->stopped = true;
    p->stats.error_off = off;
    p->stats.error = why;
    return -EBADMSG;
}

/* ---- frame to datagram ----------------------------------------------------------------------- */

enum verdict { DGRAM, OTHER, FRAGMENT, MALFORMED };

/* Where IPv4 starts in a frame; 0xffffffff when it is too short, 0xfffffffe when it is not IPv4. */
#define AT_SHORT UINT32_MAX
#define AT_OTHER (UINT32_MAX - 1)

static uint32_t after_ethernet(const struct frame *f)
{
    uint32_t at = 12;

    for (uint32_t tags = 0; tags <= PCAP_VLAN_MAX; tags++) {
        if (f->cap < at + 2)
            return AT_SHORT;
        uint16_t type = oct_load_be16(f->p + at);
        if (type == 0x0800)
            return at + 2;
        if (type != 0x8100 && type != 0x88a8 && type != 0x9100)
            return AT_OTHER;
        at += 4;
    }
    return AT_OTHER;
}

static uint32_t ip_at(const struct frame *f)
{
    switch (f->link) {
    case 1: /* Ethernet */
        return after_ethernet(f);
    case 12: /* raw IP, by its various numbers */
    case 14:
    case 101:
    case 228:
        return f->cap < 1 ? AT_SHORT : f->p[0] >> 4 == 4 ? 0 : AT_OTHER;
    case 0: /* BSD loopback: address family in the byte order of the capturing host */
    case 108:
        if (f->cap < 4)
            return AT_SHORT;
        return oct_load_be32(f->p) == 2 || oct_load_le32(f->p) == 2 ? 4 : AT_OTHER;
    case 113: /* Linux cooked, v1 and v2 */
        return f->cap < 16 ? AT_SHORT : oct_load_be16(f->p + 14) == 0x0800 ? 16 : AT_OTHER;
    case 276:
        return f->cap < 20 ? AT_SHORT : oct_load_be16(f->p) == 0x0800 ? 20 : AT_OTHER;
    default:
        return AT_OTHER;
    }
}

static enum verdict take_udp(const struct frame *f, uint32_t at, uint32_t ip_left,
                             uint32_t cap_left, struct oct_pcap_dgram *out)
{
    if (ip_left < 8 || cap_left < 8)
        return MALFORMED;
    uint32_t udp_sz = oct_load_be16(f->p + at + 4);
    if (udp_sz < 8 || udp_sz > ip_left)
        return MALFORMED;
    out->src_port = oct_load_be16(f->p + at);
    out->dst_port = oct_load_be16(f->p + at + 2);
    out->data = f->p + at + 8;
    out->full_sz = udp_sz - 8;
    out->sz = out->full_sz < cap_left - 8 ? out->full_sz : cap_left - 8;
    out->ts_ns = f->ts_ns;
    out->iface = f->iface;
    return DGRAM;
}

static enum verdict take_frame(const struct frame *f, struct oct_pcap_dgram *out)
{
    uint32_t at = ip_at(f);

    if (at == AT_OTHER)
        return OTHER;
    if (at == AT_SHORT || f->cap < at + 20)
        return MALFORMED;
    const uint8_t *ip = f->p + at;
    uint32_t cap_left = f->cap - at;
    uint32_t full_left = f->full - at;
    uint32_t hdr_sz = (ip[0] & 15u) * 4;
    uint32_t total = oct_load_be16(ip + 2);
    if (total == 0)
        total = full_left; /* captured before the card filled it in */
    if (ip[0] >> 4 != 4 || hdr_sz < 20 || total < hdr_sz || total > full_left || hdr_sz > cap_left)
        return MALFORMED;
    if (ip[9] != 17)
        return OTHER;
    if (oct_load_be16(ip + 6) & 0x3fff)
        return FRAGMENT;
    memcpy(&out->src_be, ip + 12, 4);
    memcpy(&out->dst_be, ip + 16, 4);
    uint32_t left = cap_left < total ? cap_left : total; /* without Ethernet's padding */
    return take_udp(f, at + hdr_sz, total - hdr_sz, left - hdr_sz, out);
}

/* ---- pcap ------------------------------------------------------------------------------------ */

/* The next frame: 1, 0 at the end, negative when the file cannot be followed, 2 when a record was
 * malformed or held no packet. */
static int next_classic(struct oct_pcap *p, struct frame *f)
{
    if (p->off == p->sz)
        return 0;
    if (p->sz - p->off < PCAP_REC_HDR_SZ)
        return stop(p, p->off, "file ends inside a packet header");
    const uint8_t *h = p->data + p->off;
    uint32_t frac = get32(p, h + 4);
    uint32_t cap = get32(p, h + 8);
    uint32_t full = get32(p, h + 12);
    if (cap > PCAP_PKT_MAX)
        return stop(p, p->off, "impossible packet length");
    if (cap > p->sz - p->off - PCAP_REC_HDR_SZ)
        return stop(p, p->off, "file ends inside a packet");
    uint64_t at = p->off;
    p->off += PCAP_REC_HDR_SZ + cap;
    if (full < cap || frac >= (p->nano ? 1000000000u : 1000000u)) {
        malformed(p, at);
        return 2;
    }
    f->p = h + PCAP_REC_HDR_SZ;
    f->cap = cap;
    f->full = full;
    f->link = p->link;
    f->iface = 0;
    f->ts_ns = (int64_t)get32(p, h) * OCT_NS_PER_S + (int64_t)frac * (p->nano ? 1 : 1000);
    return 1;
}

/* ---- pcapng ---------------------------------------------------------------------------------- */

static bool stamp_ns(const struct pcap_iface *i, uint64_t ticks, int64_t *out)
{
    __int128 ns;

    if (i->binary) {
        ns = (__int128)(((unsigned __int128)ticks * 1000000000u) >> i->exp);
    } else {
        ns = ticks;
        for (uint8_t e = i->exp; e < 9; e++)
            ns *= 10;
        for (uint8_t e = 9; e < i->exp; e++)
            ns /= 10;
    }
    ns += (__int128)i->offset_s * OCT_NS_PER_S;
    if (ns < 0 || ns > INT64_MAX)
        return false;
    *out = (int64_t)ns;
    return true;
}

static bool iface_options(struct oct_pcap *p, const uint8_t *o, uint32_t sz, struct pcap_iface *i)
{
    while (sz >= 4) {
        uint16_t code = get16(p, o);
        uint32_t len = get16(p, o + 2);
        uint32_t step = 4 + (uint32_t)oct_align_up(len, 4);
        if (code == 0)
            return true;
        if (step > sz)
            return false;
        if (code == 9 && len == 1) {
            i->binary = o[4] >> 7;
            i->exp = o[4] & 127;
            if (i->exp > (i->binary ? 63 : 27))
                return false;
        } else if (code == 14 && len == 8) {
            uint64_t v = p->swap ? oct_load_be64(o + 4) : oct_load_le64(o + 4);
            i->offset_s = (int64_t)v;
        }
        o += step;
        sz -= step;
    }
    return sz == 0;
}

/* Adds an interface even when its block is malformed: later blocks count on its number. */
static int add_iface(struct oct_pcap *p, const uint8_t *body, uint32_t sz)
{
    struct pcap_iface i = {.link = UINT16_MAX, .exp = 6};

    if (p->iface_cnt == PCAP_IFACE_MAX)
        return stop(p, p->off, "too many interfaces");
    if (p->iface_cnt == p->iface_cap) {
        uint32_t cap = p->iface_cap ? p->iface_cap * 2 : 8;
        struct pcap_iface *grown = realloc(p->ifaces, cap * sizeof *grown);
        if (!grown)
            return -ENOMEM;
        p->ifaces = grown;
        p->iface_cap = cap;
    }
    bool ok = sz >= 8;
    if (ok) {
        i.link = get16(p, body);
        i.snap = get32(p, body + 4);
        ok = iface_options(p, body + 8, sz - 8, &i);
    }
    if (!ok) {
        malformed(p, p->off);
        i.link = UINT16_MAX;
        i.binary = false;
        i.exp = 6;
    }
    p->ifaces[p->iface_cnt++] = i;
    return 2;
}

/* A packet block of any of the three kinds. */
static int packet_block(struct oct_pcap *p, uint32_t type, const uint8_t *b, uint32_t sz,
                        struct frame *f)
{
    uint32_t head = type == NG_SIMPLE ? 4 : 20;
    uint64_t ticks = 0;
    uint32_t iface = 0;

    if (sz < head)
        goto bad;
    if (type == NG_SIMPLE) {
        f->full = get32(p, b);
        f->cap = f->full;
    } else {
        iface = type == NG_PACKET ? get16(p, b) : get32(p, b);
        ticks = (uint64_t)get32(p, b + 4) << 32 | get32(p, b + 8);
        f->cap = get32(p, b + 12);
        f->full = get32(p, b + 16);
    }
    if (iface >= p->iface_cnt - p->section_first)
        goto bad;
    const struct pcap_iface *i = &p->ifaces[p->section_first + iface];
    if (type == NG_SIMPLE && i->snap && f->cap > i->snap)
        f->cap = i->snap;
    if (f->cap > sz - head || f->cap > PCAP_PKT_MAX || f->full < f->cap ||
        !stamp_ns(i, ticks, &f->ts_ns))
        goto bad;
    f->p = b + head;
    f->link = i->link;
    f->iface = p->section_first + iface;
    return 1;

bad:
    malformed(p, p->off);
    return 2;
}

static int section_block(struct oct_pcap *p)
{
    const uint8_t *h = p->data + p->off;

    if (p->sz - p->off < 28)
        return stop(p, p->off, "file ends inside a section header");
    if (oct_load_le32(h + 8) == NG_BYTE_ORDER)
        p->swap = false;
    else if (oct_load_be32(h + 8) == NG_BYTE_ORDER)
        p->swap = true;
    else
        return stop(p, p->off, "section header without byte order");
    if (get16(p, h + 12) != 1)
        return stop(p, p->off, "unknown pcapng version");
    p->section_first = p->iface_cnt;
    return 0;
}

static int next_ng(struct oct_pcap *p, struct frame *f)
{
    if (p->off == p->sz)
        return 0;
    if (p->sz - p->off < 12)
        return stop(p, p->off, "file ends inside a block header");
    const uint8_t *h = p->data + p->off;
    uint32_t type = get32(p, h);
    if (type == NG_SECTION) { /* reads the same in both byte orders */
        int err = section_block(p);
        if (err)
            return err;
    }
    uint32_t sz = get32(p, h + 4);
    if (sz < 12 || sz % 4 || sz > PCAP_BLOCK_MAX)
        return stop(p, p->off, "impossible block length");
    if (sz > p->sz - p->off)
        return stop(p, p->off, "file ends inside a block");
    int got = 2;
    if (get32(p, h + sz - 4) != sz)
        malformed(p, p->off);
    else if (type == NG_IFACE)
        got = add_iface(p, h + 8, sz - 12);
    else if (type == NG_ENHANCED || type == NG_PACKET || type == NG_SIMPLE)
        got = packet_block(p, type, h + 8, sz - 12, f);
    if (got >= 0)
        p->off += sz;
    return got;
}

/* ---- the interface --------------------------------------------------------------------------- */

int oct_pcap_next(struct oct_pcap *p, struct oct_pcap_dgram *out)
{
    for (;;) {
        struct frame f = {0};
        uint64_t at = p->off;
        if (p->stopped)
            return -EBADMSG;
        int got = p->ng ? next_ng(p, &f) : next_classic(p, &f);
        if (got <= 0)
            return got;
        if (got == 2)
            continue;
        *out = (struct oct_pcap_dgram){.off = at};
        switch (take_frame(&f, out)) {
        case DGRAM:
            p->stats.dgrams++;
            return 1;
        case OTHER:
            p->stats.other++;
            break;
        case FRAGMENT:
            p->stats.fragments++;
            break;
        case MALFORMED:
            malformed(p, at);
            break;
        }
    }
}

void oct_pcap_rewind(struct oct_pcap *p)
{
    p->off = p->ng ? 0 : PCAP_HDR_SZ;
    p->iface_cnt = p->section_first = 0;
    p->stopped = false;
    p->stats = (struct oct_pcap_stats){0};
}

static int recognize(struct oct_pcap *p)
{
    if (p->sz < PCAP_HDR_SZ)
        return -EBADMSG;
    uint32_t magic = oct_load_le32(p->data);
    if (magic == NG_SECTION) {
        p->ng = true;
        return p->sz >= 28 && (oct_load_le32(p->data + 8) == NG_BYTE_ORDER ||
                               oct_load_be32(p->data + 8) == NG_BYTE_ORDER)
                   ? 0
                   : -EBADMSG;
    }
    p->swap = magic == 0xd4c3b2a1u || magic == 0x4d3cb2a1u;
    p->nano = magic == 0xa1b23c4du || magic == 0x4d3cb2a1u;
    if (!p->swap && magic != 0xa1b2c3d4u && magic != 0xa1b23c4du)
        return -EBADMSG;
    if (get16(p, p->data + 4) != 2)
        return -EBADMSG;
    p->link = get16(p, p->data + 20 + (p->swap ? 2 : 0)); /* low half; the high one is about FCS */
    return 0;
}

int oct_pcap_open_mem(const void *data, size_t sz, struct oct_pcap **out)
{
    struct oct_pcap *p = calloc(1, sizeof *p);

    if (!p)
        return -ENOMEM;
    p->data = data;
    p->sz = sz;
    int err = recognize(p);
    if (err) {
        free(p);
        return err;
    }
    oct_pcap_rewind(p);
    *out = p;
    return 0;
}

int oct_pcap_open(const char *path, struct oct_pcap **out)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    int err = 0;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st))
        err = -errno;
    else if (!S_ISREG(st.st_mode))
        err = -EINVAL;
    else if (st.st_size == 0)
        err = -EBADMSG;
    if (err)
        goto out_close;
    /* The file over the start of a larger empty mapping: bytes after its end stay readable. */
    size_t map_sz = oct_align_up((size_t)st.st_size, PCAP_MAP_PAD) + PCAP_MAP_PAD;
    uint8_t *map = mmap(NULL, map_sz, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (map == MAP_FAILED ||
        mmap(map, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) == MAP_FAILED) {
        err = -errno;
        if (map != MAP_FAILED)
            munmap(map, map_sz);
        goto out_close;
    }
    err = oct_pcap_open_mem(map, (size_t)st.st_size, out);
    if (err)
        munmap(map, map_sz);
    else
        (*out)->map_sz = map_sz;

out_close:
    close(fd);
    return err;
}

const struct oct_pcap_stats *oct_pcap_stats(const struct oct_pcap *p)
{
    return &p->stats;
}

void oct_pcap_close(struct oct_pcap *p)
{
    if (!p)
        return;
    if (p->map_sz)
        munmap((void *)p->data, p->map_sz);
    free(p->ifaces);
    free(p);
}
