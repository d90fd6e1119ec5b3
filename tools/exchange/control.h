/* control.h - the control socket: one command a line, one answer a line.
 *
 *   help  status  record PATH  drop USER  cancel-all USER  break MATCH  stop
 *
 * Thread: one.  The socket's file has mode 0600. */
#ifndef OCT_TOOLS_EXCHANGE_CONTROL_H
#define OCT_TOOLS_EXCHANGE_CONTROL_H

#include <poll.h>

#include "tools/exchange/record.h"

#define OCT_EXCH_CONTROL_FDS 9u
#define OCT_EXCH_STATUS_SZ   512u

struct oct_exch_control {
    int listen_fd; /* -1 or 0 in a zeroed struct: none */
    bool open;
    int client[OCT_EXCH_CONTROL_FDS - 1];
    uint32_t sz[OCT_EXCH_CONTROL_FDS - 1];
    char line[OCT_EXCH_CONTROL_FDS - 1][256];
    char path[108];
};

/* path NULL: no socket.  0 or negative errno. */
int oct_exch_control_init(struct oct_exch_control *c, const char *path);
uint32_t oct_exch_control_poll(const struct oct_exch_control *c, struct pollfd *fds);
/* Carries out what has arrived; true when somebody said stop. */
bool oct_exch_control_turn(struct oct_exch_control *c, struct oct_exch_run *r);
void oct_exch_control_fini(struct oct_exch_control *c);

/* One line of key=value words about the run. */
void oct_exch_status(const struct oct_exch_run *r, char line[OCT_EXCH_STATUS_SZ]);

#endif
