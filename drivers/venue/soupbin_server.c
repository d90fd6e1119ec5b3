#include "drivers/venue/soupbin_server.h"

#include <errno.h>

#include "dataplane/base/wire.h"
#include "drivers/venue/soupbin_frame.h"

int oct_soupbin_server_init(struct oct_soupbin_server *s, const struct oct_soupbin_server_cfg *cfg,
                            int64_t now_ns)
{
    if (strnlen(cfg->session, sizeof cfg->session) > OCT_SOUPBIN_SESS_SZ)
        return -EINVAL;
    *s = (struct oct_soupbin_server){.cfg = *cfg, .last_rx_ns = now_ns, .last_tx_ns = now_ns};
    return 0;
}

static void reject(struct oct_soupbin_server *s, char reason, struct oct_soupbin_in *in)
{
    s->answer = 'J';
    s->reject = reason;
    s->state = OCT_SOUPBIN_CLOSING;
    in->event = OCT_SOUPBIN_EV_REJECTED;
    in->reason = reason;
}

static int login(struct oct_soupbin_server *s, const uint8_t *p, uint32_t sz,
                 struct oct_soupbin_in *in)
{
    char user[OCT_SOUPBIN_USER_SZ + 1], password[OCT_SOUPBIN_PASS_SZ + 1];
    char session[OCT_SOUPBIN_SESS_SZ + 1];
    uint64_t want;

    if (p[2] != 'L' || sz != OCT_SOUPBIN_LOGIN_SZ ||
        oct_soupbin_get_number(p + 29, OCT_SOUPBIN_SEQ_SZ, &want))
        return -EPROTO;
    oct_soupbin_get_text(p + 3, OCT_SOUPBIN_USER_SZ, user);
    oct_soupbin_get_text(p + 9, OCT_SOUPBIN_PASS_SZ, password);
    oct_soupbin_get_text(p + 19, OCT_SOUPBIN_SESS_SZ, session);
    if (!s->cfg.login(s->cfg.self, user, password)) {
        reject(s, OCT_SOUPBIN_NOT_AUTHORIZED, in);
        return 0;
    }
    if (session[0] && strcmp(session, s->cfg.session) != 0) {
        reject(s, OCT_SOUPBIN_NO_SESSION, in);
        return 0;
    }
    /* Only now: whose messages these are may depend on who logged in. */
    uint64_t next = s->cfg.store.next_seq(s->cfg.store.self);
    /* 0 asks for the newest message; beyond the end means from here on. */
    if (want == 0)
        want = next > 1 ? next - 1 : 1;
    s->next_seq = want < next ? want : next;
    memcpy(s->user, user, sizeof user);
    s->answer = 'A';
    s->state = OCT_SOUPBIN_UP;
    in->event = OCT_SOUPBIN_EV_LOGIN;
    return 0;
}

static int packet(struct oct_soupbin_server *s, const uint8_t *p, uint32_t sz,
                  struct oct_soupbin_in *in)
{
    if (s->state == OCT_SOUPBIN_WAIT_LOGIN)
        return login(s, p, sz, in);
    switch (p[2]) {
    case 'U':
        in->event = OCT_SOUPBIN_EV_MESSAGE;
        in->data = p + OCT_SOUPBIN_HEAD_SZ;
        in->data_sz = (uint16_t)(sz - OCT_SOUPBIN_HEAD_SZ);
        return 0;
    case 'R':
        return sz == OCT_SOUPBIN_HEAD_SZ ? 0 : -EPROTO;
    case 'O':
        if (sz != OCT_SOUPBIN_HEAD_SZ)
            return -EPROTO;
        s->state = OCT_SOUPBIN_CLOSING;
        in->event = OCT_SOUPBIN_EV_LOGOUT;
        return 0;
    default:
        return -EPROTO;
    }
}

int oct_soupbin_server_input(struct oct_soupbin_server *s, int64_t now_ns, const uint8_t *data,
                             uint32_t sz, struct oct_soupbin_in *in)
{
    memset(in, 0, sizeof *in);
    /* Bytes that are no login do not buy time to log in. */
    if (sz > 0 && s->state != OCT_SOUPBIN_WAIT_LOGIN)
        s->last_rx_ns = now_ns;
    if (s->state == OCT_SOUPBIN_CLOSING)
        return (int)(sz < INT32_MAX ? sz : INT32_MAX);
    uint32_t total;
    int n = oct_soupbin_frame(&s->swallow, data, sz, OCT_SOUPBIN_IN_MAX, &total);
    if (total == 0)
        return n;
    int err = packet(s, data, total, in);
    if (in->event == OCT_SOUPBIN_EV_LOGIN)
        s->last_rx_ns = now_ns;
    return err ? err : (int)total;
}

static void put_text_right(uint8_t *field, uint32_t sz, const char *text)
{
    size_t n = strnlen(text, sz);

    memset(field, ' ', sz - n);
    memcpy(field + sz - n, text, n);
}

static uint32_t put_answer(struct oct_soupbin_server *s, uint8_t *out)
{
    uint32_t sz;

    if (s->answer == 'A') {
        sz = OCT_SOUPBIN_ACCEPT_SZ;
        put_text_right(out + 3, OCT_SOUPBIN_SESS_SZ, s->cfg.session);
        oct_soupbin_put_number(out + 13, OCT_SOUPBIN_SEQ_SZ, s->next_seq);
    } else {
        sz = OCT_SOUPBIN_REJECT_SZ;
        out[3] = (uint8_t)s->reject;
    }
    oct_store_be16(out, (uint16_t)(sz - 2));
    out[2] = (uint8_t)s->answer;
    s->answer = 0;
    return sz;
}

static uint32_t put_bare(uint8_t *out, char type)
{
    oct_store_be16(out, 1);
    out[2] = (uint8_t)type;
    return OCT_SOUPBIN_HEAD_SZ;
}

uint32_t oct_soupbin_server_output(struct oct_soupbin_server *s, int64_t now_ns, uint8_t *out,
                                   uint32_t cap)
{
    const struct oct_soupbin_store *st = &s->cfg.store;
    uint32_t used = 0;

    OCT_ASSERT(cap >= OCT_VENUE_MSG_MAX);
    if (s->answer)
        used = put_answer(s, out);
    if (s->state != OCT_SOUPBIN_UP) {
        s->last_tx_ns = used ? now_ns : s->last_tx_ns;
        return used;
    }
    uint64_t next = st->next_seq(st->self);
    while (s->next_seq < next) {
        uint32_t sz;
        const uint8_t *msg = st->get(st->self, s->next_seq, &sz);
        OCT_ASSERT(sz + OCT_SOUPBIN_HEAD_SZ <= OCT_VENUE_MSG_MAX);
        if (sz + OCT_SOUPBIN_HEAD_SZ > cap - used)
            break;
        oct_store_be16(out + used, (uint16_t)(sz + 1));
        out[used + 2] = 'S';
        memcpy(out + used + OCT_SOUPBIN_HEAD_SZ, msg, sz);
        used += sz + OCT_SOUPBIN_HEAD_SZ;
        s->next_seq++;
    }
    if (s->next_seq == next && s->end == 1 && cap - used >= OCT_SOUPBIN_HEAD_SZ) {
        used += put_bare(out + used, 'Z');
        s->end = 2;
        s->state = OCT_SOUPBIN_CLOSING;
    }
    if (used == 0 && now_ns - s->last_tx_ns >= s->cfg.heartbeat_ns)
        used = put_bare(out, 'H');
    if (used)
        s->last_tx_ns = now_ns;
    return used;
}

int oct_soupbin_server_tick(const struct oct_soupbin_server *s, int64_t now_ns)
{
    int64_t limit = s->state == OCT_SOUPBIN_WAIT_LOGIN ? s->cfg.login_ns : s->cfg.silence_ns;

    return now_ns - s->last_rx_ns >= limit ? -ETIMEDOUT : 0;
}

void oct_soupbin_server_end(struct oct_soupbin_server *s)
{
    if (!s->end)
        s->end = 1;
}

uint32_t oct_soupbin_debug(const char *text, uint8_t *out, uint32_t cap)
{
    size_t n = strlen(text);

    OCT_ASSERT(cap >= OCT_SOUPBIN_HEAD_SZ);
    if (n > cap - OCT_SOUPBIN_HEAD_SZ)
        n = cap - OCT_SOUPBIN_HEAD_SZ;
    if (n > UINT16_MAX - 1)
        n = UINT16_MAX - 1;
    oct_store_be16(out, (uint16_t)(n + 1));
    out[2] = '+';
    memcpy(out + OCT_SOUPBIN_HEAD_SZ, text, n);
    return (uint32_t)n + OCT_SOUPBIN_HEAD_SZ;
}
