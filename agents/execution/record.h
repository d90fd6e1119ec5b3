/* record.h - the order record of an approved intent.
 *
 * Three blocks of it are the intent's, in the intent's order, and are copied as such.
 *
 * Thread:  any.
 * Memory:  the caller's.
 * Cost:    about thirty instructions. */
#ifndef OCT_EXECUTION_RECORD_H
#define OCT_EXECUTION_RECORD_H

#include "dataplane/base/wide.h"
#include "dataplane/msg/msg.h"

#define OCT_EXECUTION_SAME(from, to)                                        \
    (offsetof(struct oct_intent, to) - offsetof(struct oct_intent, from) == \
     offsetof(struct oct_order, to) - offsetof(struct oct_order, from))
_Static_assert(OCT_EXECUTION_SAME(intent_id, feed_seq) && OCT_EXECUTION_SAME(intent_id, ts_rx_ns),
               "first block");
_Static_assert(offsetof(struct oct_order, now_ns) - offsetof(struct oct_order, intent_id) == 24,
               "first block: the last word is the order's own");
_Static_assert(OCT_EXECUTION_SAME(inst, account) && OCT_EXECUTION_SAME(inst, action) &&
                   OCT_EXECUTION_SAME(inst, side) && OCT_EXECUTION_SAME(inst, ord_type) &&
                   OCT_EXECUTION_SAME(inst, tif) && OCT_EXECUTION_SAME(inst, post_only) &&
                   OCT_EXECUTION_SAME(inst, hidden) && OCT_EXECUTION_SAME(inst, short_sale) &&
                   OCT_EXECUTION_SAME(inst, px) && OCT_EXECUTION_SAME(inst, qty) &&
                   OCT_EXECUTION_SAME(inst, min_qty),
               "second block");
_Static_assert(offsetof(struct oct_order, session) - offsetof(struct oct_order, action) == 7,
               "second block: the session stands where the intent has `manual`");

/* The record of the order that the verdict numbered, and of the order it replaces, if so. */
OCT_INLINE void oct_execution_record(struct oct_order *rec, const struct oct_intent *i,
                                     const struct oct_verdict *v, oct_sym symbol, int64_t now_ns,
                                     uint8_t session)
{
    uint64_t orig = i->action == OCT_ACTION_REPLACE ? i->order_id : 0, word;

    rec->hdr = (struct oct_msg_hdr){.type = OCT_ORDER, .sz = sizeof *rec};
    rec->order_id = v->order_id;
    rec->approval_id = v->approval_id;
    oct_copy32(&rec->intent_id, &i->intent_id);
    rec->now_ns = now_ns;
    rec->orig_order_id = orig;
    oct_copy32(&rec->inst, &i->inst);
    /* In one store, as the encoder loads it: of a block and a byte on top a load has to wait. */
    __builtin_memcpy(&word, &i->action, 8);
    word = (word & (UINT64_MAX >> 8)) | (uint64_t)session << 56;
    __builtin_memcpy(&rec->action, &word, 8);
    rec->min_qty = i->min_qty;
    rec->symbol = symbol;
    rec->user_ref = (uint32_t)v->order_id;
    rec->orig_user_ref = (uint32_t)orig;
}

#endif
