/* uring_priv.h - the driver's state, shared by its own files. */
#ifndef OCT_DRIVERS_NIC_URING_PRIV_H
#define OCT_DRIVERS_NIC_URING_PRIV_H

#include <liburing.h>
#include <sys/socket.h>

#include "dataplane/msg/msg.h"
#include "drivers/nic/uring/uring.h"

/* Room for the control messages of one datagram: receive stamp and drop count. */
#define URING_CTRL_SZ   64u
#define URING_SQ_CNT    256u
#define URING_SOCK_MAX  (OCT_NIC_URING_GROUP_MAX + 1) /* the last is the rewind socket */
#define URING_BUF_GROUP 1

/* What a completion belongs to: kind in the top byte, the index in the low word. */
enum uring_kind {
    URING_RX = 1,
    URING_POLL = 2, /* a stream may be written: connected, or room to send */
    URING_RECV = 3,
    URING_CANCEL = 4,
};

struct uring_sock {
    int fd; /* -1: unused */
    uint8_t line;
    bool armed;
    uint32_t drops; /* the kernel's count at the last datagram */
};

/* A datagram that has arrived and was not handed out yet. */
struct uring_ready {
    uint16_t bid;
    uint16_t sock;
    uint32_t len; /* bytes in the buffer */
};

struct uring_stream {
    int fd;        /* -1: closed */
    uint8_t state; /* enum oct_nic_stream_state */
    bool recv_armed;
    bool poll_armed;
    bool eof;        /* nothing more will come */
    bool told;       /* and the caller has seen all there was */
    uint8_t *win;    /* receive window, mapped twice in a row */
    uint32_t head;   /* offset of the first byte not consumed */
    uint32_t len;    /* bytes not consumed */
    uint32_t peeked; /* len at the last peek after the end */
    int64_t ts_rx_ns;
    uint32_t rest_off; /* part of one message that the kernel did not take yet */
    uint32_t rest_sz;
    uint8_t rest[OCT_NIC_URING_SEND_MAX];
    struct msghdr msg;
    struct iovec iov;
    _Alignas(8) uint8_t ctrl[URING_CTRL_SZ];
};

struct uring_nic {
    struct oct_nic nic;
    struct oct_nic_uring_cfg cfg;
    struct io_uring ring;
    bool ring_open;
    bool started;
    bool bound;   /* the ring belongs to its thread */
    bool starved; /* a receive ended for lack of buffers or otherwise: arm again */
    struct uring_sock sock[URING_SOCK_MAX];
    uint32_t group_cnt;
    struct msghdr msg; /* shape of every datagram receive */

    struct io_uring_buf_ring *br;
    size_t br_sz;
    uint8_t *bufs;
    size_t bufs_sz;
    uint32_t buf_stride;
    uint32_t buf_len;          /* what the kernel may fill of a stride */
    uint32_t held;             /* handed out or waiting, not released */
    struct uring_ready *ready; /* fifo of rx_buf_cnt */
    uint32_t ready_head;
    uint32_t ready_cnt;

    struct uring_stream *streams;
};

OCT_INLINE uint64_t uring_tag(enum uring_kind kind, uint32_t idx)
{
    return (uint64_t)kind << 56 | idx;
}

OCT_INLINE void uring_count(struct uring_nic *u, enum oct_nic_counter c, uint64_t n)
{
    oct_count(&u->nic.counters[c], n);
}

/* Binds the ring to the calling thread at the first call.  0 or negative errno. */
int uring_bind(struct uring_nic *u);
/* Handles what has completed. Costs a load when nothing has. */
void uring_harvest(struct uring_nic *u);
/* A submission entry, making room when the queue is full. */
struct io_uring_sqe *uring_sqe(struct uring_nic *u);
/* The kernel's receive stamp among control messages, or the clock. */
int64_t uring_stamp(struct msghdr *msg, struct cmsghdr *first);

int uring_streams_init(struct uring_nic *u);
void uring_streams_fini(struct uring_nic *u);
void uring_stream_event(struct uring_nic *u, enum uring_kind kind, uint32_t idx, int res);

int uring_stream_open(struct oct_nic *nic, uint32_t addr_be, uint16_t port);
enum oct_nic_stream_state uring_stream_state(struct oct_nic *nic, int handle);
uint32_t uring_stream_peek(struct oct_nic *nic, int handle, const uint8_t **data,
                           int64_t *ts_rx_ns);
void uring_stream_consume(struct oct_nic *nic, int handle, uint32_t sz);
int uring_stream_send(struct oct_nic *nic, int handle, const void *data, uint32_t sz);
void uring_stream_close(struct oct_nic *nic, int handle);

#endif
