/* publisher.h - the market-data side of the simulated venue.
 *
 * Takes messages from a session, packs consecutive ones into MoldUDP64 packets, sends them on lines
 * A and B at the chosen pace, and answers rewind requests.  Each message goes to the order desk
 * just before its packet goes out: an order that reacts to a packet finds the market as the packet
 * left it.
 *
 * Pace.  Paced: a packet goes when its first message's time stamp, divided by the speed, has come.
 * Lock-step: a consumer reports its position (docs/venue-simulator.md), and no packet goes while it
 * is more than a window of packets behind, while an order message it says it sent has not come, or
 * while it has not read every answer.  Flood: as fast as the sockets take it.
 *
 * Thread: one. */
#ifndef OCT_TOOLS_EXCHANGE_PUBLISHER_H
#define OCT_TOOLS_EXCHANGE_PUBLISHER_H

#include <poll.h>

#include "drivers/feed/moldudp64.h"
#include "tools/exchange/desk.h"
#include "tools/exchange/line.h"
#include "tools/exchange/session.h"
#include "tools/exchange/store.h"

#define OCT_EXCH_WINDOW_MAX 4096u

enum oct_exch_pace { OCT_EXCH_PACED = 0, OCT_EXCH_LOCK_STEP, OCT_EXCH_FLOOD };

struct oct_exch_pub_cfg {
    enum oct_exch_pace pace;
    double speed;        /* paced: session seconds per second */
    uint32_t window;     /* lock-step: packets ahead of the consumer */
    uint32_t pkt_sz_max; /* bytes of a packet */
    uint32_t per_packet; /* messages of a packet at most, 0 for no limit */
    int64_t pack_ns;     /* messages of one packet lie within this span of session time */
    int64_t gap_max_ns;  /* paced: silences are cut to this */
    int64_t duration_ns; /* session time to play, 0 for all */
    uint64_t rewind_bytes;
    uint32_t iface_be;
    uint8_t ttl;
    struct sockaddr_in line[2];
    struct sockaddr_in rewind;
    struct oct_exch_faults faults;
    uint64_t seed;
    char session[11];
};

struct oct_exch_rewind_stats {
    uint64_t requests;
    uint64_t answers;
    uint64_t messages;
    uint64_t bad; /* not a request */
    uint64_t bad_session;
    uint64_t not_held; /* numbers not sent yet or too old */
    uint64_t refused;  /* rewind is off */
};

struct oct_exch_pub {
    struct oct_exch_pub_cfg cfg;
    struct oct_sessfile *source;
    struct oct_exch_desk *desk;
    struct oct_exch_store store;
    struct oct_exch_line line[2];
    struct oct_exch_rewind_stats rewind;
    int rewind_fd;
    uint16_t rewind_port;
    uint8_t session[OCT_MOLDUDP64_SESSION_SZ];

    struct oct_sessfile_msg head; /* next message of the source */
    bool have_head;
    bool source_over;
    int source_rc;       /* how the source ended: 0 or negative errno */
    int64_t first_stamp; /* session time that played first */
    int64_t cut_ns;      /* silence cut out so far */
    int64_t last_stamp;
    int64_t start_ns;       /* monotonic time of the first packet */
    int64_t last_send_ns;   /* of anything on the lines */
    int64_t last_packet_ns; /* of a packet with messages */
    int64_t due_ns;         /* paced: when the next packet goes, 0 when not known yet */
    uint32_t idle_beats;    /* heartbeats since the last packet */
    bool started;
    bool ended; /* end of session is being sent */

    uint64_t msg_cnt[256];     /* sent, by type */
    uint64_t unknown_cnt[256]; /* about orders never seen, by type */
    uint64_t bad_msgs;         /* that the decoder refuses */
    uint64_t packets;          /* data packets, on each line alike */
    uint64_t heartbeats;

    /* lock-step: number of the first message after packet i at [i % OCT_EXCH_WINDOW_MAX] */
    uint64_t bound[OCT_EXCH_WINDOW_MAX];
    bool reported; /* a consumer has reported at least once */
    bool rebase;   /* the consumer logged in: its count of orders starts again for us */
    uint64_t reports;
    int64_t report_ns;     /* when the last one came */
    uint64_t pos_feed;     /* next message it wants */
    uint64_t pos_sent;     /* order messages it sent */
    uint64_t pos_venue;    /* next answer it wants */
    uint64_t sent_base;    /* pos_sent that corresponds to none on this connection */
    uint64_t forced;       /* times that waiting for an order was given up */
    int64_t hold_since_ns; /* waiting for an order that was announced, 0 when not */
};

/* Opens sockets; the source stays the caller's.  0 or negative errno with a sentence in err. */
int oct_exch_pub_init(struct oct_exch_pub *p, const struct oct_exch_pub_cfg *cfg,
                      struct oct_sessfile *source, struct oct_exch_desk *desk, char *err,
                      size_t err_sz);
void oct_exch_pub_fini(struct oct_exch_pub *p);

/* What is known of the order side when the publisher decides. */
struct oct_exch_order_side {
    uint64_t in_msgs;  /* OUCH messages taken since the last login */
    uint64_t next_seq; /* next answer of the consumer's user; 0 when nobody is logged in */
    bool expected;     /* somebody has logged in at some time */
};

/* Reads rewind requests and position reports.  The caller has emptied the order sockets just
 * before: a report is only believed after the orders it counts. */
void oct_exch_pub_requests(struct oct_exch_pub *p, const struct oct_exch_order_side *side,
                           int64_t now_ns);
/* The consumer logged in (again). */
void oct_exch_pub_login(struct oct_exch_pub *p);
/* The first packet may go. */
void oct_exch_pub_start(struct oct_exch_pub *p, int64_t now_ns);
/* Sends what may go now, at most a few packets, and heartbeats.  Returns when to call again
 * (monotonic ns), or 0 for at once. */
int64_t oct_exch_pub_turn(struct oct_exch_pub *p, const struct oct_exch_order_side *side,
                          int64_t now_ns);
/* All messages have gone. */
bool oct_exch_pub_done(const struct oct_exch_pub *p);
/* The consumer has everything: all messages, and all answers when it ever wanted any.  Never true
 * without reports. */
bool oct_exch_pub_settled(const struct oct_exch_pub *p, const struct oct_exch_order_side *side);
/* Sends end of session instead of heartbeats from now on. */
void oct_exch_pub_end(struct oct_exch_pub *p, int64_t now_ns);

#endif
