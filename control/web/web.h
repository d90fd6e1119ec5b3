/* web.h - what people and programs reach of an instance: HTTP, WebSocket, and the control socket.
 *
 * One object serves one loop.  It reads the mirror and the vitals and changes neither; commands
 * go out through the vitals.  Listening is on loopback only until there are accounts.
 *
 * Thread:  the loop's.
 * Memory:  bounded for each connection: a request at most OCT_HTTP_BODY_MAX, what a slow client has
 *          not read at most cfg.client_max, and the kernel's send buffer OCT_WEB_SNDBUF. */
#ifndef OCT_WEB_WEB_H
#define OCT_WEB_WEB_H

#include "control/core/loop.h"
#include "control/core/mirror.h"
#include "control/core/stream.h"
#include "control/core/tls.h"
#include "control/core/token.h"
#include "control/core/vitals.h"

#define OCT_WEB_SNDBUF     (128 << 10)
#define OCT_WEB_ORIGIN_MAX 8u

struct oct_json;

/* What needs the agents: given by main, because web knows no agent.  Any may be NULL. */
struct oct_web_host {
    /* Members of a receipt: every check of a verdict with value and limit, and the order's bytes.
     * order may be NULL. */
    void (*explain)(void *self, struct oct_json *j, const struct oct_verdict *v,
                    const struct oct_order *order);
    /* Members "version" and "limits": the table in force. */
    void (*limits)(void *self, struct oct_json *j);
    /* A limit as people write it, as the row of a command: scope, id and symbol, key, value.
     * NULL, or what is wrong with it. */
    const char *(*limit_row)(void *self, const char *scope, const char *who, const char *name,
                             const char *value, struct oct_in_cmd *row);
    uint32_t (*limit_version)(void *self); /* in force */
    void *self;
};

struct oct_web_cfg {
    const char *version;
    const char *instance;
    const char
        *origin[OCT_WEB_ORIGIN_MAX]; /* allowed browser origins; none: localhost:3000, :8000 */
    uint32_t client_cnt_max;         /* connections; 0: 4096 */
    size_t client_max;               /* bytes unsent for one client; 0: 4 MiB */
    int64_t idle_ns;                 /* keep-alive connections close after; 0: 75 s */
    int64_t head_ns;                 /* a request's head must be here in; 0: 10 s */
    int64_t body_ns;                 /* and its body in; 0: 30 s */
    int64_t ping_ns;                 /* WebSocket ping; 0: 20 s */
    int64_t pong_ns;                 /* silent for this long: gone; 0: 60 s */
    bool metrics_open;               /* /metrics without a token */
    struct oct_web_host host;
};

struct oct_web; /* opaque */

/* Joins mirror->hooks and mirror->watched.  tls may be NULL.  0 or negative errno. */
int oct_web_create(struct oct_web **out, const struct oct_web_cfg *cfg, struct oct_loop *l,
                   struct oct_mirror *m, const struct oct_vitals *v, const struct oct_token *token,
                   struct oct_tls_ctx *tls);

/* Serves a listening TCP socket; a Unix socket for octopusctl.  They are owned from now on. */
void oct_web_listen(struct oct_web *w, int fd);
void oct_web_listen_ctl(struct oct_web *w, int fd);

/* The bridge took in what there was: sends what watchers should see.  Call once a turn. */
void oct_web_publish(struct oct_web *w);

/* Tells clients that we go away and closes; turn the loop until oct_web_client_cnt is 0. */
void oct_web_stop(struct oct_web *w);
uint32_t oct_web_client_cnt(const struct oct_web *w);
void oct_web_destroy(struct oct_web *w);

#endif
