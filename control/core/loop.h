/* loop.h - the event loop of the control process, on io_uring: one thread, one ring.
 *
 * A turn: what completed is handed to its owner, alarms that are due fire, tasks run, then
 * everything that these asked for goes to the kernel in one system call, which also waits for
 * the next completion or alarm.  So a client gets at most one write a turn.
 *
 * Thread:  one; every function here is for that thread, oct_loop_stop too (a signal arrives
 *          through oct_loop_poll on a signalfd).
 * Memory:  the loop owns its ring and its receive buffers; alarms, tasks and polls are members
 *          of their owners and must be cleared before the owner goes.
 * Cost:    one io_uring_enter a turn; alarms O(log n). */
#ifndef OCT_CORE_LOOP_H
#define OCT_CORE_LOOP_H

#include "dataplane/base/attr.h"

struct oct_loop; /* opaque */

/* A call at a time (oct_mono_ns).  Zero-initialise, set fn. */
struct oct_alarm {
    void (*fn)(struct oct_alarm *a);
    int64_t due_ns;
    uint32_t place; /* in the heap, counted from 1; 0 when not set */
    uint32_t pad;
};

/* A call at the end of this turn, once, however often it was asked for. */
struct oct_task {
    void (*fn)(struct oct_task *t);
    struct oct_task *next;
    bool queued;
};

/* Something in flight in the ring.  The memory stays until its last completion: in between,
 * pending is true. */
struct oct_op {
    void (*fn)(struct oct_op *op, int res, uint32_t flags);
    bool pending;
};

/* A call whenever fd becomes readable. */
struct oct_poll {
    struct oct_op op;
    void (*fn)(struct oct_poll *p);
    struct oct_loop *loop;
    int fd;
    bool off; /* asked to end */
};

/* Returns 0 or negative errno; -ENOSYS or -EPERM where the kernel has no io_uring for us. */
int oct_loop_create(struct oct_loop **out);
/* Everything must have been closed. */
void oct_loop_destroy(struct oct_loop *l);

/* Turns until oct_loop_stop.  Returns 0 or the error that made the ring unusable. */
int oct_loop_run(struct oct_loop *l);
/* One turn that waits at most wait_ns. */
int oct_loop_turn(struct oct_loop *l, int64_t wait_ns);
void oct_loop_stop(struct oct_loop *l);

/* CLOCK_MONOTONIC and CLOCK_REALTIME at the start of this turn's work. */
int64_t oct_loop_now(const struct oct_loop *l);
int64_t oct_loop_utc(const struct oct_loop *l);

void oct_loop_alarm(struct oct_loop *l, struct oct_alarm *a, int64_t due_ns); /* sets or moves */
void oct_loop_alarm_clear(struct oct_loop *l, struct oct_alarm *a);
void oct_loop_task(struct oct_loop *l, struct oct_task *t);

void oct_loop_poll(struct oct_loop *l, struct oct_poll *p, int fd, void (*fn)(struct oct_poll *));
/* The owner may go once p->op.pending is false; turn the loop until then. */
void oct_loop_poll_end(struct oct_poll *p);

#endif
