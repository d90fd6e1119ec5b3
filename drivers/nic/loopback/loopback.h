/* loopback.h - a nic without a wire, for tests, simulation and benches: the caller pushes datagrams
 * and stream bytes in, and takes out what was sent.
 *
 * Thread:  one thread uses both sides.
 * Memory:  everything is sized at creation; nothing allocates afterwards. */
#ifndef OCT_DRIVERS_NIC_LOOPBACK_H
#define OCT_DRIVERS_NIC_LOOPBACK_H

#include "dataplane/port/nic.h"

struct oct_nic_loopback_cfg {
    struct oct_counter *counters; /* [OCT_NIC_COUNTER_CNT] */
    uint32_t pkt_cnt;             /* datagrams in flight each way, a power of two; 0: 1024 */
    uint32_t pkt_sz_max;          /* largest datagram kept whole, bytes; 0: 2048 */
    uint32_t stream_cnt;          /* 0: 4 */
    uint32_t stream_buf_sz;       /* bytes held each way per stream; 0: 64 KiB */
    bool manual_open;             /* stream_open stays connecting until oct_nic_loopback_accept */
};

/* One datagram that the driver's user sent. */
struct oct_nic_loopback_sent {
    const uint8_t *data; /* valid until the next take */
    uint32_t sz;
    uint32_t addr_be;
    uint16_t port;
};

int oct_nic_loopback_create(const struct oct_nic_loopback_cfg *cfg, struct oct_nic **out);

/* Puts a datagram where rx finds it.  A longer one than pkt_sz_max is cut and marked truncated.
 * 0, or -ENOBUFS when pkt_cnt are waiting or unreleased. */
int oct_nic_loopback_push(struct oct_nic *nic, uint8_t line, int64_t ts_rx_ns, const void *data,
                          uint32_t sz);
/* The same without a copy: data stays valid, with OCT_NIC_PAD readable bytes after it, until
 * released. */
int oct_nic_loopback_push_ref(struct oct_nic *nic, uint8_t line, int64_t ts_rx_ns,
                              const uint8_t *data, uint32_t sz);
/* No more datagrams will come: rx returns -ENODATA once it is empty. */
void oct_nic_loopback_end(struct oct_nic *nic);
/* Datagrams pushed and not yet released. */
uint32_t oct_nic_loopback_pending(const struct oct_nic *nic);
/* Takes the oldest datagram sent; false when there is none. */
bool oct_nic_loopback_take(struct oct_nic *nic, struct oct_nic_loopback_sent *out);

/* The peer's side of a stream.  accept: connecting becomes open.  fail: refused, reset or closed
 * by the peer.  push: bytes from the peer, returns how many fit the window.  take: bytes for the
 * peer, returns how many.  stall: while true stream_send answers -EAGAIN. */
void oct_nic_loopback_accept(struct oct_nic *nic, int handle);
void oct_nic_loopback_fail(struct oct_nic *nic, int handle);
uint32_t oct_nic_loopback_stream_push(struct oct_nic *nic, int handle, int64_t ts_rx_ns,
                                      const void *data, uint32_t sz);
uint32_t oct_nic_loopback_stream_take(struct oct_nic *nic, int handle, void *buf, uint32_t sz);
void oct_nic_loopback_stall(struct oct_nic *nic, int handle, bool stalled);

#endif
