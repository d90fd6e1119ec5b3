/* desk.h - the order desk of the simulated venue: OUCH 5.0 in, decisions, OUCH 5.0 out, and the
 * book of record.
 *
 * Knows orders and the recorded session, no sockets: tests drive it by calls.  Each user (a
 * SoupBinTCP login, an OUCH account) has its own order numbers and its own sequenced stream.
 *
 * What it follows of OUCH 5.0: numbers strictly increasing, used ones ignored; every inbound type;
 * replacements chain and count executions of the whole chain; invalid replacements cancel; cancel
 * and modify state the intended total.  What this venue does not offer is rejected with its code:
 * pegging, reserves, discretion, routing, retail, crosses.  Time stamps are the session's.
 *
 * Thread: one.  Memory: grows with the orders of the session. */
#ifndef OCT_TOOLS_EXCHANGE_DESK_H
#define OCT_TOOLS_EXCHANGE_DESK_H

#include "dataplane/match/match.h"
#include "drivers/venue/ouch50.h"
#include "tools/exchange/msglog.h"
#include "tools/exchange/symbols.h"

#define OCT_EXCH_USER_MAX 64u

enum oct_exch_order_state {
    OCT_EXCH_LIVE = 0,
    OCT_EXCH_FILLED,
    OCT_EXCH_CANCELLED,
    OCT_EXCH_REPLACED,
    OCT_EXCH_REJECTED,
};

/* A line of the book of record. */
struct oct_exch_order {
    struct oct_ouch50_in in; /* as entered, or as the replacement said */
    uint64_t venue_ref;      /* our number of it; the id in matching */
    uint64_t stamp_ns;       /* when it came, session time */
    uint32_t user;
    uint32_t inst;
    uint32_t next; /* replaced by: index, 0 for none */
    uint32_t qty;  /* shares it was accepted for */
    uint32_t open;
    uint32_t filled;
    uint32_t cancelled;
    uint32_t used_before; /* executed and decremented by its predecessors in the chain */
    uint32_t decremented; /* by self-match prevention */
    uint16_t reject;      /* reason code */
    char cancel;          /* last cancel reason, 0 for none */
    uint8_t state;        /* enum oct_exch_order_state */
    int64_t expire_ns;    /* session time, INT64_MAX for none */
};

struct oct_exch_fill {
    uint64_t match_id;
    uint64_t ref; /* recorded order behind it, 0 for hidden or our own */
    uint64_t stamp_ns;
    uint64_t px; /* ten-thousandths */
    uint32_t order;
    uint32_t qty;
    char liquidity;
    bool broken;
    uint8_t pad[6];
};

struct oct_exch_user {
    char name[7];
    char password[11];
    char firm[5];
    bool cancel_on_disconnect;
    uint32_t last_ref; /* highest UserRefNum used */
    uint32_t group;    /* of self-match prevention: same firm, same group */
    struct oct_exch_msglog log;
    /* counts, for the record */
    uint64_t in_msgs, accepted, replaced, rejected, cancels, fills, ignored, bad;
    uint64_t filled_shares;
};

struct oct_exch_desk {
    struct oct_match *match;
    struct oct_exch_symbols *symbols;
    struct oct_exch_user user[OCT_EXCH_USER_MAX];
    uint32_t user_cnt;
    struct oct_exch_order *order; /* [0] is not used */
    uint32_t order_cnt;           /* the unused one included */
    uint32_t order_cap;
    uint32_t live;     /* orders in matching */
    uint32_t expiring; /* live orders with an expiry */
    struct oct_exch_fill *fill;
    uint32_t fill_cnt;
    uint32_t fill_cap;
    uint64_t stamp_ns; /* session time */
    bool closed;       /* end of system hours: nothing is accepted */
    bool market_over;  /* end of market hours: day orders are cancelled */
    bool quiet;        /* the next cancel event is told in another way */
    bool failed;       /* out of memory: no more orders are taken */
    void *match_mem;
};

struct oct_exch_desk_cfg {
    uint32_t rec_order_cnt_max; /* recorded orders alive at once */
    uint32_t rec_level_cnt_max;
    uint32_t order_cnt_max; /* ours, resting */
    enum oct_match_self self;
    uint64_t first_match_id; /* our match numbers count from here */
};

int oct_exch_desk_init(struct oct_exch_desk *d, const struct oct_exch_desk_cfg *cfg);
void oct_exch_desk_fini(struct oct_exch_desk *d);

/* Adds a user; store_path NULL for memory only.  What a store has from an earlier run is taken back:
 * orders, fills, the numbers used; orders that were live then are told to be cancelled.  Index, or
 * negative errno. */
int oct_exch_desk_user(struct oct_exch_desk *d, const char *name, const char *password,
                       const char *firm, const char *store_path);

/* The session advances by one recorded message. */
void oct_exch_desk_md(struct oct_exch_desk *d, const struct oct_md *md, uint64_t stamp_ns);
/* A user sends one OUCH message. */
void oct_exch_desk_in(struct oct_exch_desk *d, uint32_t user, const uint8_t *msg, uint32_t sz);
/* The trading day begins and ends: system events to every user; end cancels what rests. */
void oct_exch_desk_begin(struct oct_exch_desk *d);
void oct_exch_desk_end(struct oct_exch_desk *d);
/* Cancels everything that a user has resting. */
void oct_exch_desk_cancel_all(struct oct_exch_desk *d, uint32_t user);
/* Breaks every fill of a match: tells both owners.  -ENOENT when there is none. */
int oct_exch_desk_break(struct oct_exch_desk *d, uint64_t match_id);

/* Shared by the parts of the desk.  Restore reads a user's stream; 0 or negative errno. */
int oct_exch_desk_restore(struct oct_exch_desk *d, uint32_t user);
struct oct_exch_order *oct_exch_desk_new_order(struct oct_exch_desk *d, uint32_t user,
                                               const struct oct_ouch50_in *in, uint32_t inst);
bool oct_exch_desk_new_fill(struct oct_exch_desk *d, const struct oct_exch_fill *fill);
int64_t oct_exch_desk_find(const struct oct_exch_desk *d, uint32_t user, uint32_t user_ref);
void oct_exch_desk_say(struct oct_exch_desk *d, uint32_t user, struct oct_ouch50_out *out);

#endif
