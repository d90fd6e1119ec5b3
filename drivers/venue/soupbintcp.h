/* soupbintcp.h - SoupBinTCP 3.00, the client's half: login, sequence numbers, heartbeats.
 *
 * A pure state machine behind the session interface of dataplane/port/venue.h: bytes and time in,
 * events and bytes out.  State lives in the caller's OCT_VENUE_SESS_SZ bytes.  One thread.
 *
 * What it holds the peer to (anything else is -EPROTO, and the connection must be dropped):
 *   - a packet has at least its type byte; only types a server may send;
 *   - before the login is answered, only the answer and debug packets; afterwards no second answer;
 *   - one sequenced message fits an in_venue record (OCT_IN_VENUE_DATA bytes).
 * Debug packets of any length are swallowed, in pieces if need be.
 *
 * A login that is accepted for another session than the one we are in, or at another sequence
 * number than the one we asked for, would make us take new messages for old ones or miss some: it
 * is reported as login_rejected with a reason of our own, and the session stays refused until a
 * person has looked.  After end of session it never logs in again.
 *
 * Source: SoupBinTCP 3.00, sections 1 and 2. */
#ifndef OCT_VENUE_SOUPBINTCP_H
#define OCT_VENUE_SOUPBINTCP_H

#include "dataplane/port/venue.h"

extern const struct oct_session_ops oct_session_soupbintcp;

#define OCT_SOUPBIN_HEAD_SZ   3u /* two bytes of length, one of type */
#define OCT_SOUPBIN_USER_SZ   6u
#define OCT_SOUPBIN_PASS_SZ   10u
#define OCT_SOUPBIN_SESS_SZ   10u
#define OCT_SOUPBIN_SEQ_SZ    20u
#define OCT_SOUPBIN_LOGIN_SZ  49u /* login request, head included */
#define OCT_SOUPBIN_ACCEPT_SZ 33u /* login accepted, head included */
#define OCT_SOUPBIN_REJECT_SZ 4u

/* reason of a login_rejected event */
enum oct_soupbin_reason {
    OCT_SOUPBIN_NOT_AUTHORIZED = 'A', /* as the server sends it */
    OCT_SOUPBIN_NO_SESSION = 'S',     /* as the server sends it */
    OCT_SOUPBIN_OTHER_SESSION = 'x',  /* ours: accepted for another session */
    OCT_SOUPBIN_OTHER_SEQUENCE = 'q', /* ours: accepted at another sequence number */
};

/* An unsigned decimal number, right-aligned in a field, padded with spaces on the left (zeros and
 * spaces on the right are tolerated when reading).  Reading returns 0 or -EPROTO. */
void oct_soupbin_put_number(uint8_t *field, uint32_t sz, uint64_t v);
int oct_soupbin_get_number(const uint8_t *field, uint32_t sz, uint64_t *v);

/* Text in a field without the spaces around it; out holds sz + 1 bytes.  Returns the length. */
uint32_t oct_soupbin_get_text(const uint8_t *field, uint32_t sz, char *out);

#endif
