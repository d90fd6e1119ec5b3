/* md.h - market data to WebSocket clients: subscriptions, conflation, what a slow client gets.
 *
 * For every (channel, instrument, depth, rate) that someone watches there is one view.  A view is
 * looked at when its instrument changed and its rate allows it; the difference to what it said last
 * is made into JSON once, and goes to all who were in step, behind a short head of their own (sid
 * and seq).  Who is not in step - too much unread, or new - gets a snapshot when it has read on: no
 * state is lost, and what one client costs in memory is bounded.
 *
 * seq counts the messages of one subscription of one connection without a gap, so that a client
 * notices any loss between us and it; src_seq is the feed's number of the newest message in it. */
#ifndef OCT_WEB_MD_H
#define OCT_WEB_MD_H

#include "control/web/ws.h"

#define OCT_MD_SID_MAX    64u
#define OCT_MD_SYMBOL_MAX 1024u
#define OCT_MD_DEPTH_MAX  50u

struct oct_md_hub;

/* 0 or -ENOMEM. */
int oct_md_create(struct oct_md_hub **out, struct oct_web *w);
void oct_md_destroy(struct oct_md_hub *h);

int oct_md_join(struct oct_md_hub *h, struct oct_ws *ws);
void oct_md_leave(struct oct_ws *ws); /* ends all subscriptions; fine when it never joined */
void oct_md_message(struct oct_ws *ws, const char *text, size_t sz);
void oct_md_drained(struct oct_ws *ws);

/* Sends what is due. */
void oct_md_publish(struct oct_md_hub *h);
/* The mirror's hooks. */
void oct_md_on_inst(struct oct_md_hub *h, uint32_t inst, bool book, const struct oct_md *trade);
void oct_md_on_doubt(struct oct_md_hub *h, uint64_t from_seq, uint64_t to_seq);
void oct_md_on_reset(struct oct_md_hub *h);

/* Bytes unsent over all clients, for the metrics. */
uint64_t oct_md_queue_bytes(const struct oct_web *w);

#endif
