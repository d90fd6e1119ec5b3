/* ws_priv.h - between the handshake and the connection. */
#ifndef OCT_WEB_WS_PRIV_H
#define OCT_WEB_WS_PRIV_H

#include "control/web/ws.h"

int oct_ws_init(struct oct_ws *ws, struct oct_web *w, struct oct_stream *s);
/* The handshake is answered: owns the stream from now on. */
void oct_ws_start(struct oct_ws *ws, bool authed);
/* Lets it in: first message, or the handshake, carried the token. */
void oct_ws_let_in(struct oct_ws *ws);

#endif
