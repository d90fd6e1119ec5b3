#include "drivers/venue/soupbintcp.h"

#include <errno.h>

#include "dataplane/base/wire.h"
#include "drivers/venue/soupbin_frame.h"

/* Client state, in the caller's OCT_VENUE_SESS_SZ bytes. */
struct client {
    uint64_t next_seq; /* next sequenced message to come */
    int64_t heartbeat_ns;
    int64_t silence_ns;
    int64_t last_rx_ns;
    int64_t last_tx_ns;
    uint32_t swallow; /* bytes of a debug packet still to come */
    uint8_t state;    /* enum oct_session_state */
    bool connected;
    char user[OCT_SOUPBIN_USER_SZ + 1];
    char password[OCT_SOUPBIN_PASS_SZ + 1];
    char session[OCT_SOUPBIN_SESS_SZ + 1]; /* empty: whichever is current */
};
_Static_assert(sizeof(struct client) <= OCT_VENUE_SESS_SZ, "session state");

/* ---- fields ---------------------------------------------------------------------------------- */

void oct_soupbin_put_number(uint8_t *field, uint32_t sz, uint64_t v)
{
    memset(field, ' ', sz);
    for (uint32_t i = sz; i-- > 0;) {
        field[i] = (uint8_t)('0' + v % 10);
        v /= 10;
        if (v == 0)
            break;
    }
}

int oct_soupbin_get_number(const uint8_t *field, uint32_t sz, uint64_t *v)
{
    uint64_t n = 0;
    uint32_t i = 0;

    while (i < sz && field[i] == ' ')
        i++;
    uint32_t first = i;
    for (; i < sz && field[i] >= '0' && field[i] <= '9'; i++)
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, field[i] - '0', &n))
            return -EPROTO;
    if (i == first)
        return -EPROTO;
    while (i < sz && field[i] == ' ')
        i++;
    if (i != sz)
        return -EPROTO;
    *v = n;
    return 0;
}

uint32_t oct_soupbin_get_text(const uint8_t *field, uint32_t sz, char *out)
{
    uint32_t from = 0, to = sz;

    while (from < to && (field[from] == ' ' || field[from] == 0))
        from++;
    while (to > from && (field[to - 1] == ' ' || field[to - 1] == 0))
        to--;
    memcpy(out, field + from, to - from);
    out[to - from] = 0;
    return to - from;
}

/* Text on the left, spaces after it. */
static void put_left(uint8_t *field, uint32_t sz, const char *text)
{
    size_t n = strnlen(text, sz);

    memcpy(field, text, n);
    memset(field + n, ' ', sz - n);
}

/* Text on the right, spaces before it. */
static void put_right(uint8_t *field, uint32_t sz, const char *text)
{
    size_t n = strnlen(text, sz);

    memset(field, ' ', sz - n);
    memcpy(field + sz - n, text, n);
}

/* Letters and digits only, at most max of them. */
static int take_text(char *out, const char *text, size_t text_sz, size_t max)
{
    size_t n = strnlen(text, text_sz);

    while (n > 0 && text[n - 1] == ' ')
        n--;
    if (n > max)
        return -EINVAL;
    for (size_t i = 0; i < n; i++) {
        char c = text[i];
        bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (!ok)
            return -EINVAL;
    }
    memcpy(out, text, n);
    out[n] = 0;
    return 0;
}

/* ---- session interface ----------------------------------------------------------------------- */

static int init(void *state, const struct oct_session_cfg *cfg)
{
    struct client *c = state;

    memset(c, 0, sizeof *c);
    if (cfg->heartbeat_ns <= 0 || cfg->silence_ns <= 0 ||
        take_text(c->user, cfg->user, sizeof cfg->user, OCT_SOUPBIN_USER_SZ) ||
        take_text(c->password, cfg->password, sizeof cfg->password, OCT_SOUPBIN_PASS_SZ) ||
        take_text(c->session, cfg->session, sizeof cfg->session, OCT_SOUPBIN_SESS_SZ))
        return -EINVAL;
    c->next_seq = cfg->next_seq;
    c->heartbeat_ns = cfg->heartbeat_ns;
    c->silence_ns = cfg->silence_ns;
    return 0;
}

static enum oct_session_state state_of(const void *state)
{
    return ((const struct client *)state)->state;
}

static uint64_t next_seq_of(const void *state)
{
    return ((const struct client *)state)->next_seq;
}

static uint32_t connected(void *state, int64_t now_ns, uint8_t *out)
{
    struct client *c = state;

    if (c->state == OCT_SESSION_ENDED || c->state == OCT_SESSION_REFUSED)
        return 0;
    oct_store_be16(out, OCT_SOUPBIN_LOGIN_SZ - 2);
    out[2] = 'L';
    put_left(out + 3, OCT_SOUPBIN_USER_SZ, c->user);
    put_left(out + 9, OCT_SOUPBIN_PASS_SZ, c->password);
    put_right(out + 19, OCT_SOUPBIN_SESS_SZ, c->session);
    oct_soupbin_put_number(out + 29, OCT_SOUPBIN_SEQ_SZ, c->next_seq);
    c->state = OCT_SESSION_LOGIN;
    c->connected = true;
    c->swallow = 0;
    c->last_rx_ns = c->last_tx_ns = now_ns;
    return OCT_SOUPBIN_LOGIN_SZ;
}

static void refuse(struct client *c, uint8_t reason, struct oct_session_event *ev)
{
    c->state = OCT_SESSION_REFUSED;
    ev->event = OCT_VENUE_LOGIN_REJECTED;
    ev->reason = reason;
    ev->seq = c->next_seq;
}

OCT_COLD static int login_answer(struct client *c, const uint8_t *p, uint32_t sz,
                                 struct oct_session_event *ev)
{
    char session[OCT_SOUPBIN_SESS_SZ + 1];
    uint64_t seq;

    if (p[2] == 'J' && sz == OCT_SOUPBIN_REJECT_SZ) {
        refuse(c, p[3], ev);
        return 0;
    }
    if (p[2] != 'A' || sz != OCT_SOUPBIN_ACCEPT_SZ ||
        oct_soupbin_get_number(p + 13, OCT_SOUPBIN_SEQ_SZ, &seq) || seq == 0)
        return -EPROTO;
    oct_soupbin_get_text(p + 3, OCT_SOUPBIN_SESS_SZ, session);
    if (c->session[0] && strcmp(c->session, session) != 0) {
        refuse(c, OCT_SOUPBIN_OTHER_SESSION, ev);
        return 0;
    }
    /* 0 asks for the newest message, whatever its number. */
    if (c->next_seq != 0 && seq != c->next_seq) {
        refuse(c, OCT_SOUPBIN_OTHER_SEQUENCE, ev);
        ev->seq = seq;
        return 0;
    }
    memcpy(c->session, session, sizeof session);
    c->next_seq = seq;
    c->state = OCT_SESSION_UP;
    ev->event = OCT_VENUE_LOGGED_IN;
    ev->seq = seq;
    return 0;
}

static int packet(struct client *c, const uint8_t *p, uint32_t sz, struct oct_session_event *ev)
{
    if (c->state == OCT_SESSION_LOGIN)
        return login_answer(c, p, sz, ev);
    switch (p[2]) {
    case 'S':
        ev->event = OCT_VENUE_DATA;
        ev->data = p + OCT_SOUPBIN_HEAD_SZ;
        ev->data_sz = (uint16_t)(sz - OCT_SOUPBIN_HEAD_SZ);
        ev->seq = c->next_seq++;
        return 0;
    case 'H':
        return sz == OCT_SOUPBIN_HEAD_SZ ? 0 : -EPROTO;
    case 'Z':
        if (sz != OCT_SOUPBIN_HEAD_SZ)
            return -EPROTO;
        c->state = OCT_SESSION_ENDED;
        ev->event = OCT_VENUE_ENDED;
        ev->seq = c->next_seq;
        return 0;
    default:
        return -EPROTO;
    }
}

static int input(void *state, int64_t now_ns, const uint8_t *data, uint32_t sz,
                 struct oct_session_event *ev)
{
    struct client *c = state;

    memset(ev, 0, sizeof *ev);
    if (c->state == OCT_SESSION_DOWN)
        return -EPROTO;
    if (sz > 0)
        c->last_rx_ns = now_ns;
    if (oct_unlikely(c->state == OCT_SESSION_ENDED || c->state == OCT_SESSION_REFUSED))
        return (int)(sz < INT32_MAX ? sz : INT32_MAX); /* nothing after the end counts */
    uint32_t total;
    int n = oct_soupbin_frame(&c->swallow, data, sz, OCT_IN_VENUE_DATA, &total);
    if (total == 0)
        return n;
    int err = packet(c, data, total, ev);
    return err ? err : (int)total;
}

static int tick(void *state, int64_t now_ns, uint8_t *out)
{
    struct client *c = state;

    if (c->state != OCT_SESSION_LOGIN && c->state != OCT_SESSION_UP)
        return 0;
    if (now_ns - c->last_rx_ns >= c->silence_ns)
        return -ETIMEDOUT;
    if (c->state != OCT_SESSION_UP || now_ns - c->last_tx_ns < c->heartbeat_ns)
        return 0;
    oct_store_be16(out, 1);
    out[2] = 'R';
    c->last_tx_ns = now_ns;
    return (int)OCT_SOUPBIN_HEAD_SZ;
}

static void lost(void *state)
{
    struct client *c = state;

    c->connected = false;
    c->swallow = 0;
    if (c->state == OCT_SESSION_LOGIN || c->state == OCT_SESSION_UP)
        c->state = OCT_SESSION_DOWN;
}

OCT_HOT static uint32_t frame(void *state, int64_t now_ns, uint8_t *out, uint32_t msg_sz)
{
    struct client *c = state;

    OCT_ASSERT(msg_sz <= OCT_VENUE_MSG_MAX - OCT_SOUPBIN_HEAD_SZ);
    oct_store_be16(out, (uint16_t)(msg_sz + 1));
    out[2] = 'U';
    c->last_tx_ns = now_ns;
    return msg_sz + OCT_SOUPBIN_HEAD_SZ;
}

static uint32_t logout(void *state, uint8_t *out)
{
    struct client *c = state;

    if (!c->connected)
        return 0;
    oct_store_be16(out, 1);
    out[2] = 'O';
    return OCT_SOUPBIN_HEAD_SZ;
}

const struct oct_session_ops oct_session_soupbintcp = {
    .name = "soupbintcp",
    .init = init,
    .state = state_of,
    .next_seq = next_seq_of,
    .connected = connected,
    .input = input,
    .tick = tick,
    .lost = lost,
    .headroom = OCT_SOUPBIN_HEAD_SZ,
    .frame = frame,
    .logout = logout,
};
