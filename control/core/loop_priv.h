/* loop_priv.h - what the files of control/core share about the ring. */
#ifndef OCT_CORE_LOOP_PRIV_H
#define OCT_CORE_LOOP_PRIV_H

#include <liburing.h>

#include "control/core/loop.h"

#define OCT_LOOP_RX_SZ    16384u
#define OCT_LOOP_RX_CNT   256u
#define OCT_LOOP_RX_GROUP 0

/* A place for a request, submitting what is there when the queue is full.  Never NULL. */
struct io_uring_sqe *oct_loop_sqe(struct oct_loop *l);

/* Marks op as in flight and makes it the owner of the completion. */
OCT_INLINE void oct_loop_own(struct io_uring_sqe *sqe, struct oct_op *op)
{
    op->pending = true;
    io_uring_sqe_set_data(sqe, op);
}

/* Asks the kernel to end an op; its completion still comes. */
void oct_loop_cancel(struct oct_loop *l, struct oct_op *op);

/* The receive buffer that a completion names, and its return to the kernel. */
uint8_t *oct_loop_rx(struct oct_loop *l, uint32_t cqe_flags);
void oct_loop_rx_return(struct oct_loop *l, uint32_t cqe_flags);

#endif
