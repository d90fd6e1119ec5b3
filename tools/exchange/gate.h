/* gate.h - order entry over TCP: connections, SoupBinTCP sessions, bytes to and from the desk.
 *
 * One port for all users; a login decides whose stream a connection carries.  A second login of a
 * user closes the first connection.  Answers wait in the user's log, so that a client that was
 * killed finds every one of them again.  Thread: one. */
#ifndef OCT_TOOLS_EXCHANGE_GATE_H
#define OCT_TOOLS_EXCHANGE_GATE_H

#include <netinet/in.h>
#include <poll.h>

#include "drivers/venue/soupbin_server.h"
#include "tools/exchange/desk.h"

#define OCT_EXCH_CONN_MAX 64u

struct gate_conn;

struct oct_exch_gate {
    struct oct_exch_desk *desk;
    struct gate_conn *conn; /* [OCT_EXCH_CONN_MAX] */
    int listen_fd;
    uint16_t port;
    char session[11];
    bool cancel_on_disconnect;
    bool ending; /* end of session is being sent */
    uint64_t logins;
    uint64_t rejected_logins;
    uint64_t disconnects;
    uint64_t bad_streams;   /* connections dropped for nonsense or silence */
    uint64_t in_msgs;       /* OUCH messages taken, all connections */
    uint64_t in_msgs_login; /* in_msgs when the last login was accepted */
};

/* Listens; port 0 takes any, told in g->port.  0 or negative errno. */
int oct_exch_gate_init(struct oct_exch_gate *g, struct oct_exch_desk *desk,
                       const struct sockaddr_in *at, const char *session);
/* Descriptors to wait for; returns how many (at most OCT_EXCH_CONN_MAX + 1). */
uint32_t oct_exch_gate_poll(const struct oct_exch_gate *g, struct pollfd *fds);
/* Takes whatever has arrived on every socket, and sends whatever is due. */
void oct_exch_gate_turn(struct oct_exch_gate *g, int64_t now_ns);
/* Every client has been sent everything there is. */
bool oct_exch_gate_flushed(const struct oct_exch_gate *g);
/* Users logged in. */
uint32_t oct_exch_gate_users(const struct oct_exch_gate *g);
/* The only user that is logged in, or -1. */
int oct_exch_gate_only_user(const struct oct_exch_gate *g);
/* Sends end of session to everyone after the last message. */
void oct_exch_gate_end(struct oct_exch_gate *g);
/* Drops a user's connection, as a network failure would. */
void oct_exch_gate_drop(struct oct_exch_gate *g, uint32_t user);
void oct_exch_gate_fini(struct oct_exch_gate *g);

#endif
