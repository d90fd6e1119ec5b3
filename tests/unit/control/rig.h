/* rig.h - a web server on a loopback port with a mirror fed by the test, and clients of it, all in
 * one thread: a client's wait turns the server's loop. */
#ifndef OCT_TEST_CONTROL_RIG_H
#define OCT_TEST_CONTROL_RIG_H

#include "control/core/json.h"
#include "control/web/web.h"

struct rig {
    struct oct_loop *loop;
    struct oct_mirror mirror;
    struct oct_vitals vitals;
    struct oct_token token;
    struct oct_web *web;
    struct oct_tls_ctx *tls;
    uint16_t port;
    bool attached;
    struct oct_in_cmd cmd[64]; /* that went out */
    uint32_t cmd_cnt;
    uint64_t seq; /* of the next market-data message */
    char ctl_path[64];
};

/* cfg may be NULL. */
void rig_start(struct rig *r, const struct oct_web_cfg *cfg);
void rig_stop(struct rig *r);
/* Turns of the loop until ms passed. */
void rig_turn(struct rig *r, int ms);

/* A non-blocking client socket. */
int rig_connect(struct rig *r);
int rig_connect_ctl(struct rig *r);
void rig_send(struct rig *r, int fd, const void *data, size_t sz);
void rig_say(struct rig *r, int fd, const char *text);
/* Reads until text has arrived, the peer closed, or 2 s passed; appends to in.  False when the text
 * did not come. */
bool rig_wait(struct rig *r, int fd, struct oct_buf *in, const char *text);
/* Reads until the peer closed; false when it did not within ms. */
bool rig_wait_closed(struct rig *r, int fd, struct oct_buf *in, int ms);
/* One request on a connection of its own; the whole answer as text in a static buffer. */
const char *rig_get(struct rig *r, const char *request);
/* GET with the token. */
const char *rig_fetch(struct rig *r, const char *path);
int rig_status(const char *answer);

/* Market data into the mirror. */
void rig_add(struct rig *r, uint32_t inst, const char *symbol, uint64_t ref, enum oct_side side,
             int64_t px_e4, uint32_t qty);
void rig_exec(struct rig *r, uint32_t inst, uint64_t ref, uint32_t qty);
void rig_delete(struct rig *r, uint32_t inst, uint64_t ref);
/* An order of ours: intent, verdict, order, acknowledged. */
void rig_order(struct rig *r, uint64_t id, uint32_t inst, enum oct_side side, int64_t px_e4,
               uint32_t qty);
void rig_fill(struct rig *r, uint64_t id, uint32_t inst, enum oct_side side, int64_t px_e4,
              uint32_t qty, uint32_t filled, uint32_t total);
void rig_refusal(struct rig *r, uint64_t intent_id, uint32_t inst, enum oct_risk_reason why);

/* ---- WebSocket ---- */

/* Connects and upgrades at path with extra header lines; the socket, or -1 when refused (the answer
 * in in). */
int rig_ws(struct rig *r, const char *path, const char *extra, struct oct_buf *in);
/* A masked frame. */
void rig_ws_frame(struct rig *r, int fd, uint8_t first, const void *data, size_t sz);
void rig_ws_text(struct rig *r, int fd, const char *text);
/* Next frame from the server: opcode, payload copied to a NUL-ended buffer; -1 on timeout or
 * close. */
int rig_ws_next(struct rig *r, int fd, struct oct_buf *in, char *out, size_t sz);
/* The next text frame that contains a text; false when none came. */
bool rig_ws_find(struct rig *r, int fd, struct oct_buf *in, const char *text, char *out, size_t sz);
/* Close code of the next close frame, 0 when none came. */
int rig_ws_close_code(struct rig *r, int fd, struct oct_buf *in);

#endif
