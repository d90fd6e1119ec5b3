/* uring.h - the kernel's own sockets through io_uring: any Linux box, no privileges.
 *
 * Datagrams come by multishot receive into buffers the kernel picks, with the kernel's receive
 * stamp (SO_TIMESTAMPNS); finding nothing costs a load of two shared words and no system call.
 * Streams receive into a window mapped twice in a row, so that the bytes are contiguous and never
 * move.  Sending is a plain send(2), whose result is known at once: 4.4 us where a submission and
 * its completion took 5.3 (50 bytes over loopback, medians of one run).
 *
 * Thread:  create, join and start on any one thread; the first rx, wait or stream call binds the
 *          ring to its thread (SINGLE_ISSUER), and all further calls come from that thread.
 * Memory:  the driver's own, allocated in create and start, freed in close.
 * Calls:   after start only io_uring_enter, io_uring_register (once, at the first call), send,
 *          sendto, and for streams socket, setsockopt, getsockopt, connect, shutdown, close.
 * Loss:    a full socket buffer drops in the kernel, counted as OCT_NIC_RX_DROPPED when the next
 *          datagram of that socket arrives.  When all receive buffers are held by the caller,
 *          datagrams wait in the socket buffer. */
#ifndef OCT_DRIVERS_NIC_URING_H
#define OCT_DRIVERS_NIC_URING_H

#include "dataplane/port/nic.h"

#define OCT_NIC_URING_GROUP_MAX  16u
#define OCT_NIC_URING_STREAM_MAX 64u
/* Largest message stream_send takes; a longer one is -EMSGSIZE. */
#define OCT_NIC_URING_SEND_MAX 4096u

struct oct_nic_uring_cfg {
    struct oct_counter *counters; /* [OCT_NIC_COUNTER_CNT] */
    uint32_t rx_buf_cnt;          /* receive buffers, a power of two up to 32768; 0: 4096 */
    uint32_t rx_sz_max;           /* largest datagram taken whole, bytes up to 65536; 0: 2048 */
    uint32_t rcvbuf_sz;       /* kernel buffer of each datagram socket, bytes; 0: 16 MiB.  Past the
                                 system's limit only with CAP_NET_ADMIN, else what is allowed */
    uint32_t stream_cnt;      /* streams open at once, up to OCT_NIC_URING_STREAM_MAX; 0: 4 */
    uint32_t stream_buf_sz;   /* receive window of each, bytes, power of two >= 4096; 0: 256 KiB */
    uint32_t unicast_addr_be; /* local address of the rewind socket; 0: any */
    uint16_t unicast_port;    /* its local port; 0: the kernel's choice */
    bool busy;                /* wait() returns at once: busy polling */
};

/* Creates the driver and its rewind socket.  *out is freed by ops->close.  0, -EINVAL (bad
 * configuration), -ENOSYS or -EPERM (no io_uring here), or another negative errno. */
int oct_nic_uring_create(const struct oct_nic_uring_cfg *cfg, struct oct_nic **out);

/* Local port of the rewind socket, host order. */
uint16_t oct_nic_uring_port(const struct oct_nic *nic);
/* Bytes the driver holds: buffers and windows. */
size_t oct_nic_uring_memory(const struct oct_nic *nic);

#endif
