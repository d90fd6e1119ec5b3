/* pcap_file.h - iterates over the UDP datagrams of a pcap or pcapng capture.
 *
 * Reads both byte orders, micro- and nanosecond pcap, pcapng with any number of sections and
 * interfaces and any time resolution; link types Ethernet (with any VLAN tags), raw IPv4, BSD
 * loopback, Linux cooked v1 and v2; IPv4 with options.  Every packet or block is one of: a
 * datagram, something else that is well formed (counted as other), a fragment (counted; not put
 * together), or malformed (counted, first and last offset kept, skipped).  Framing that cannot be
 * followed ends the file with -EBADMSG and says where and why.
 *
 * Thread:  one.  Memory: the file is mapped; a capture in memory stays the caller's. */
#ifndef OCT_DRIVERS_NIC_PCAP_FILE_H
#define OCT_DRIVERS_NIC_PCAP_FILE_H

#include "dataplane/base/attr.h"

struct oct_pcap_dgram {
    const uint8_t *data; /* payload, valid until close */
    int64_t ts_ns;       /* capture stamp, UTC */
    uint64_t off;        /* of the packet's record in the file */
    uint32_t sz;         /* bytes of payload present */
    uint32_t full_sz;    /* bytes the datagram had; more than sz when the capture cut it */
    uint32_t src_be;
    uint32_t dst_be;
    uint16_t src_port; /* host order */
    uint16_t dst_port;
    uint32_t iface; /* pcapng interface number over all sections; 0 in pcap */
};

struct oct_pcap_stats {
    uint64_t dgrams;
    uint64_t other;     /* well-formed packets that are not IPv4 UDP */
    uint64_t fragments; /* IPv4 fragments, skipped */
    uint64_t malformed; /* blocks and packets skipped */
    uint64_t malformed_off_first;
    uint64_t malformed_off_last;
    uint64_t error_off; /* where reading stopped before the end */
    const char *error;  /* why, NULL when the file was read to its end */
};

struct oct_pcap;

/* Opens a file.  0, -EBADMSG when it is neither format, or another negative errno. */
int oct_pcap_open(const char *path, struct oct_pcap **out);
/* A capture in memory.  Payloads have readable bytes after them only as far as data has. */
int oct_pcap_open_mem(const void *data, size_t sz, struct oct_pcap **out);

/* The next datagram: 1; 0 at the end; -EBADMSG when the rest cannot be followed (also from then
 * on). */
int oct_pcap_next(struct oct_pcap *p, struct oct_pcap_dgram *out);
const struct oct_pcap_stats *oct_pcap_stats(const struct oct_pcap *p);
/* Back to the first packet; the statistics start again. */
void oct_pcap_rewind(struct oct_pcap *p);
void oct_pcap_close(struct oct_pcap *p);

#endif
