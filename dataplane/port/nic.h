/* nic.h - the interface of packet drivers: bursts of datagrams, and byte streams by handle.
 *
 * A driver is a table of functions and its own state.  One thread uses it.  Everything is sized
 * before start; afterwards no allocation, and no system call but the driver's own.
 *
 * Datagrams: rx fills up to n descriptors whose payload stays valid until release, with
 * OCT_NIC_PAD readable bytes after its end.  Every descriptor that rx returned is released exactly
 * once, in order.  Streams: a TCP connection the driver opens; bytes arrive in order in a window
 * the caller consumes from. */
#ifndef OCT_PORT_NIC_H
#define OCT_PORT_NIC_H

#include "dataplane/base/attr.h"
#include "dataplane/base/count.h"

#define OCT_NIC_PAD   64u
#define OCT_NIC_BURST 64u

struct oct_nic_pkt {
    const uint8_t *data; /* datagram payload */
    int64_t ts_rx_ns;    /* receive stamp, UTC: hardware, else kernel, else the driver's clock */
    uint32_t sz;         /* bytes of payload */
    uint32_t cookie;     /* the driver's */
    uint8_t line;        /* index given by join, or OCT_LINE_REWIND for the unicast socket */
    uint8_t truncated;   /* 1: the datagram was longer than sz */
    uint8_t pad[6];
};

/* A group to listen to. */
struct oct_nic_group {
    uint32_t group_be; /* IPv4 multicast group, network order; a unicast address is bound as is */
    uint32_t iface_be; /* address of the interface to join on, network order */
    uint16_t port;     /* host order */
    uint8_t line;      /* what rx reports */
    uint8_t pad;
};

enum oct_nic_stream_state {
    OCT_STREAM_CLOSED = 0,
    OCT_STREAM_CONNECTING,
    OCT_STREAM_OPEN,
    OCT_STREAM_FAILED, /* peer closed, reset or refused; close it to reuse the handle */
};

struct oct_nic;

struct oct_nic_ops {
    const char *name;

    /* Listens to a group; before start.  0 or negative errno. */
    int (*join)(struct oct_nic *nic, const struct oct_nic_group *group);
    /* Everything is joined: after this no allocation.  0 or negative errno. */
    int (*start)(struct oct_nic *nic);

    /* Up to n datagrams (n <= OCT_NIC_BURST).  Returns how many, 0 when none, -ENODATA when the
     * source has ended (files). */
    int (*rx)(struct oct_nic *nic, struct oct_nic_pkt *pkts, uint32_t n);
    void (*release)(struct oct_nic *nic, const struct oct_nic_pkt *pkts, uint32_t n);
    /* Sends one datagram from the socket that rx reports as OCT_LINE_REWIND, so that the answer
     * comes back through rx.  0 or negative errno. */
    int (*tx)(struct oct_nic *nic, uint32_t addr_be, uint16_t port, const void *data, uint32_t sz);

    /* Starts a TCP connection, non-blocking, no delay.  Returns a handle >= 0 or negative errno. */
    int (*stream_open)(struct oct_nic *nic, uint32_t addr_be, uint16_t port);
    enum oct_nic_stream_state (*stream_state)(struct oct_nic *nic, int handle);
    /* The bytes received and not yet consumed, contiguous, and the receive stamp of the newest;
     * returns how many, 0 for none.  More arrive only as room is made by consuming. */
    uint32_t (*stream_peek)(struct oct_nic *nic, int handle, const uint8_t **data,
                            int64_t *ts_rx_ns);
    void (*stream_consume)(struct oct_nic *nic, int handle, uint32_t sz);
    /* Sends all or nothing: 0, -EAGAIN when the send window has no room, -EPIPE when it is not
     * open. */
    int (*stream_send)(struct oct_nic *nic, int handle, const void *data, uint32_t sz);
    void (*stream_close)(struct oct_nic *nic, int handle);

    /* Sleeps until something arrives or timeout_ns passed (adaptive polling); may return early. */
    void (*wait)(struct oct_nic *nic, int64_t timeout_ns);
    void (*close)(struct oct_nic *nic);
};

/* First member of every driver's own struct. */
struct oct_nic {
    const struct oct_nic_ops *ops;
    struct oct_counter *counters; /* the driver's, enum oct_nic_counter */
};

enum oct_nic_counter {
    OCT_NIC_RX_PKTS,
    OCT_NIC_RX_BYTES,
    OCT_NIC_RX_TRUNCATED,
    OCT_NIC_RX_DROPPED, /* known to have been dropped below us */
    OCT_NIC_TX_PKTS,
    OCT_NIC_TX_ERRORS,
    OCT_NIC_STREAM_RX_BYTES,
    OCT_NIC_STREAM_TX_BYTES,
    OCT_NIC_STREAM_FAILURES,
    OCT_NIC_COUNTER_CNT,
};
extern const struct oct_counter_def oct_nic_counter_defs[OCT_NIC_COUNTER_CNT];

#endif
