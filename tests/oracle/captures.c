#include "tests/oracle/captures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/oracle/shared_data.h"

#define ARCHIVE "omi-data-packets/omi-data-packets.tar.xz"
#define PAD     64u

static uint32_t le32(const uint8_t *p)
{
    return (uint32_t)p[3] << 24 | (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

/* Ethernet, any number of VLAN tags, IPv4, UDP or TCP; false when it is something else. */
static bool payload_of(const uint8_t *f, uint32_t sz, uint8_t proto, const uint8_t **out,
                       uint32_t *out_sz)
{
    uint32_t at = 12;
    while (at + 4 <= sz && be16(f + at) == 0x8100)
        at += 4;
    if (at + 2 + 20 > sz || be16(f + at) != 0x0800)
        return false;
    const uint8_t *ip = f + at + 2;
    uint32_t ip_sz = be16(ip + 2);
    uint32_t hdr = 4u * (ip[0] & 15u);
    if (ip[9] != proto || ip_sz > sz - at - 2 || hdr + 8 > ip_sz)
        return false;
    const uint8_t *l4 = ip + hdr;
    uint32_t l4_hdr = proto == CAPTURE_UDP ? 8 : 4u * (l4[12] >> 4);
    if (hdr + l4_hdr > ip_sz)
        return false;
    *out = l4 + l4_hdr;
    *out_sz = proto == CAPTURE_UDP ? be16(l4 + 4) - 8 : ip_sz - hdr - l4_hdr;
    return *out_sz <= ip_sz - hdr - l4_hdr;
}

static int walk_pcap(const char *path, const uint8_t *d, size_t sz, uint8_t proto, capture_fn *fn,
                     void *self)
{
    int cnt = 0;
    size_t at = 24;
    if (sz < 24 || (le32(d) != 0xa1b2c3d4 && le32(d) != 0xa1b23c4d) || le32(d + 20) != 1)
        return 0;
    while (at + 16 <= sz) {
        uint32_t frame_sz = le32(d + at + 8);
        const uint8_t *payload;
        uint32_t payload_sz;
        if (at + 16 + frame_sz > sz)
            break;
        if (payload_of(d + at + 16, frame_sz, proto, &payload, &payload_sz)) {
            uint8_t *copy = calloc(1, payload_sz + PAD);
            memcpy(copy, payload, payload_sz);
            fn(self, path, copy, payload_sz);
            free(copy);
            cnt++;
        }
        at += 16 + frame_sz;
    }
    return cnt;
}

int captures_walk(const char *containing, uint8_t proto, capture_fn *fn, void *self)
{
    size_t sz;
    size_t at = 0;
    int cnt = 0;
    uint8_t *tar = shared_load(ARCHIVE, &sz);
    if (tar == NULL)
        return -1;
    while (at + 512 <= sz && tar[at] != 0) {
        char path[101] = {0};
        char octal[13] = {0};
        memcpy(path, tar + at, 100);
        memcpy(octal, tar + at + 124, 12);
        size_t file_sz = strtoul(octal, NULL, 8);
        if (at + 512 + file_sz > sz)
            break;
        if (strstr(path, containing) != NULL && strstr(path, ".pcap") != NULL)
            cnt += walk_pcap(path, tar + at + 512, file_sz, proto, fn, self);
        at += 512 + (file_sz + 511) / 512 * 512;
    }
    free(tar);
    return cnt;
}
