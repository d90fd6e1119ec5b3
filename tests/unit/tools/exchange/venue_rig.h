/* venue_rig.h - the venue as a process, and a small consumer of it: both lines, rewind, position
 * reports, an order session. */
#ifndef OCT_TESTS_EXCHANGE_VENUE_RIG_H
#define OCT_TESTS_EXCHANGE_VENUE_RIG_H

#include <stdio.h>
#include <sys/types.h>

#include "drivers/feed/moldudp64.h"
#include "drivers/venue/ouch50.h"
#include "drivers/venue/soupbintcp.h"
#include "tools/exchange/session.h"

struct oct_sessfile_cfg;

struct rig {
    pid_t pid;
    char dir[80];
    char record[112];
    uint16_t order_port, rewind_port;
    int line_fd[2];
    int rewind_fd; /* unicast: requests, answers, reports */
    int order_fd;  /* -1 when not connected */

    /* the stream, put together */
    uint64_t next;     /* next message wanted */
    uint64_t hash;     /* of the bytes of all messages so far */
    uint64_t cnt[256]; /* messages by type */
    uint64_t packets[2];
    uint64_t seen_next; /* highest number announced */
    bool have_session;
    uint8_t session[10];
    bool end; /* end of session was seen */
    int64_t asked_ns;
    uint64_t asked_seq;

    /* the order session */
    uint8_t soup[OCT_VENUE_SESS_SZ] __attribute__((aligned(64)));
    uint8_t in[65536];
    uint32_t in_sz;
    uint64_t answers; /* sequenced messages read, all connections */
    uint64_t by_type[256];
    uint64_t answer_hash;
    uint64_t shares_filled;
    uint64_t orders_sent;
    bool logged_in, rejected, session_ended;

    bool report;        /* send position reports */
    uint64_t ahead_max; /* packets received beyond the position last reported, at most */
    uint64_t reported;
    uint64_t since_report;
};

/* Starts the venue with these options (NULL-terminated) besides ports, lines and record. */
void rig_start(struct rig *r, const char *const *opts);
void rig_connect(struct rig *r, const char *user, const char *password, uint64_t next_seq);
void rig_disconnect(struct rig *r);
/* Reads everything that has arrived, asks for what is missing, reports; sleeps up to ms for
 * something to come. */
void rig_turn(struct rig *r, int ms);
/* An order: side B or S. */
void rig_order(struct rig *r, uint32_t ref, char side, uint32_t qty, uint64_t px, char tif);
void rig_send(struct rig *r, const struct oct_ouch50_in *in);
/* Waits for the venue's exit; its status. */
int rig_wait(struct rig *r, int seconds);
void rig_stop(struct rig *r);
/* A number in the record after "key": (the first after `after`, when given). */
int64_t rig_recorded(const struct rig *r, const char *after, const char *key);
/* Hash of a session's bytes, as the rig's. */
uint64_t session_hash(const struct oct_sessfile_cfg *cfg, uint64_t *msgs);

#endif
