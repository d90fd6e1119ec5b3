/* venue_model.h - a venue that does everything a venue may do, at random, and knows the truth.
 *
 * It takes order records from a wire that loses what is on its way when the connection goes, keeps
 * the true state of every order, and makes sequenced messages that can be replayed from any number.
 * Written from the specification's rules for replacing and cancelling, sharing nothing with the
 * agent under test. */
#ifndef OCT_TEST_VENUE_MODEL_H
#define OCT_TEST_VENUE_MODEL_H

#include "dataplane/base/rng.h"
#include "dataplane/msg/msg.h"

#define VM_ORDERS 4096u
#define VM_OUT    16384u
#define VM_IN     1024u

struct vm_order {
    uint64_t order_id;
    uint32_t ref;
    uint32_t chain; /* number of the first order of the chain */
    uint32_t inst;
    uint8_t side;
    bool live;
    bool parked; /* cancel held back */
    int64_t total, open;
};

struct vm_chain {
    int64_t executed; /* net of breaks */
    int64_t used;     /* by self-match prevention */
};

struct vm_exec {
    uint32_t ref, chain;
    uint64_t match;
    int64_t qty;
    bool broken;
};

struct vm {
    struct oct_rng rng;
    struct vm_order orders[VM_ORDERS]; /* by ref */
    struct vm_chain chains[VM_ORDERS]; /* by ref of the first */
    struct vm_exec execs[VM_OUT];
    uint32_t exec_cnt;
    struct oct_ven out[VM_OUT]; /* seq is index + 1 */
    uint32_t out_cnt;
    struct oct_order in[VM_IN]; /* on the wire */
    uint32_t in_head, in_tail;
    uint32_t max_ref;
    uint32_t reused; /* numbers that came twice: must stay 0 */
    uint64_t next_match;
};

void vm_init(struct vm *v, uint64_t seed);
/* The wire. */
void vm_send(struct vm *v, const struct oct_order *o);
void vm_drop_wire(struct vm *v);
/* Takes the next message off the wire; false when there is none. */
bool vm_process(struct vm *v);
/* Something happens to a live order, if there is one. */
void vm_event(struct vm *v);
/* True executed and open shares of a chain. */
int64_t vm_executed(const struct vm *v, uint32_t chain);
int64_t vm_open(const struct vm *v, uint32_t chain);

#endif
