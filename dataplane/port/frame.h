/* frame.h - the interface of drivers that move whole Ethernet frames.
 *
 * drivers/nic/ip turns any of them into a nic (nic.h); DPDK is one of them.  Same rules: one
 * thread, bursts, a frame stays valid until release with OCT_NIC_PAD readable bytes after it. */
#ifndef OCT_PORT_FRAME_H
#define OCT_PORT_FRAME_H

#include "dataplane/port/nic.h"

struct oct_frame {
    const uint8_t *data;
    int64_t ts_rx_ns;
    uint32_t sz;
    uint32_t cookie; /* the driver's */
};

struct oct_framedev;

struct oct_framedev_ops {
    const char *name;
    int (*start)(struct oct_framedev *dev);
    int (*rx)(struct oct_framedev *dev, struct oct_frame *frames, uint32_t n);
    void (*release)(struct oct_framedev *dev, const struct oct_frame *frames, uint32_t n);
    /* A buffer of at least sz bytes to build a frame in, NULL when none is free. */
    uint8_t *(*tx_buf)(struct oct_framedev *dev, uint32_t sz, uint32_t *cookie);
    /* Sends the buffer's first sz bytes; consumes it either way.  0 or negative errno. */
    int (*tx)(struct oct_framedev *dev, uint32_t cookie, uint32_t sz);
    void (*close)(struct oct_framedev *dev);
};

struct oct_framedev {
    const struct oct_framedev_ops *ops;
    uint8_t mac[6];
    uint16_t mtu;
};

#endif
