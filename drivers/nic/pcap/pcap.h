/* pcap.h - a nic that plays a capture file as fast as it is polled.
 *
 * Receive stamps are the capture's.  The line of a datagram is that of the joined group with its
 * destination address and port; with nothing joined, distinct destinations become lines 0, 1, ...
 * in order of appearance (the 255th and later share line 254).  rx answers -ENODATA at the end,
 * also when the rest of the file cannot be followed: oct_nic_pcap_stats says so.  There is nobody
 * to send to: tx and streams answer -ENOTSUP. */
#ifndef OCT_DRIVERS_NIC_PCAP_H
#define OCT_DRIVERS_NIC_PCAP_H

#include "dataplane/port/nic.h"
#include "drivers/nic/pcap/pcap_file.h"

struct oct_nic_pcap_cfg {
    struct oct_counter *counters; /* [OCT_NIC_COUNTER_CNT] */
    const char *path;
};

/* 0, -EBADMSG when the file is no capture, or another negative errno. */
int oct_nic_pcap_create(const struct oct_nic_pcap_cfg *cfg, struct oct_nic **out);
const struct oct_pcap_stats *oct_nic_pcap_stats(const struct oct_nic *nic);

#endif
