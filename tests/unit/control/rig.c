#include "tests/unit/control/rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "dataplane/base/time.h"

static bool v_attached(void *self)
{
    return ((struct rig *)self)->attached;
}

static bool v_status(void *self, struct oct_vitals_status *out)
{
    (void)self;
    *out = (struct oct_vitals_status){.run_id = 7, .feed_state = 1, .inst_cnt = 64};
    strcpy(out->version, "test");
    return true;
}

static bool v_counter(void *self, uint32_t idx, struct oct_vitals_counter *out)
{
    static const struct oct_vitals_counter rows[] = {
        {"lane_inputs", "", "Inputs.", OCT_COUNTER_TOTAL, 11},
        {"line_packets", "line=\"a\"", "Packets.", OCT_COUNTER_TOTAL, 5},
        {"journal_sync_ns_max", "", "Longest.", OCT_COUNTER_GAUGE, 1500000},
        {"line_packets", "line=\"b\"", "Packets.", OCT_COUNTER_TOTAL, 6},
        {"twice", "", "Named twice.", OCT_COUNTER_TOTAL, 1},
        {"twice", "", "Named twice.", OCT_COUNTER_TOTAL, 2},
    };
    (void)self;
    if (idx >= OCT_ARRAY_CNT(rows))
        return false;
    *out = rows[idx];
    return true;
}

static bool v_hist(void *self, uint32_t idx, const char **name, struct oct_hist *out)
{
    (void)self;
    if (idx > 0)
        return false;
    *name = "tick_to_trade";
    oct_hist_init(out);
    for (int i = 1; i <= 1000; i++)
        oct_hist_record(out, i * 10);
    return true;
}

static bool v_fault(void *self, uint32_t idx, struct oct_vitals_fault *out)
{
    (void)self;
    (void)idx;
    (void)out;
    return false;
}

static bool v_pulse(void *self, uint32_t idx, struct oct_vitals_pulse *out)
{
    (void)self;
    *out = (struct oct_vitals_pulse){.name = "lane", .beat_ns = oct_utc_ns(), .pid = 1};
    return idx == 0;
}

static uint64_t v_lag(void *self)
{
    (void)self;
    return 0;
}

static int v_command(void *self, struct oct_in_cmd *cmd)
{
    struct rig *r = self;
    if (!r->attached)
        return -ENOTCONN;
    cmd->cmd_id = 100 + r->cmd_cnt;
    r->cmd[r->cmd_cnt++ % OCT_ARRAY_CNT(r->cmd)] = *cmd;
    return 0;
}

void rig_start(struct rig *r, const struct oct_web_cfg *cfg)
{
    struct oct_web_cfg none = {.version = "test"};
    struct oct_mirror_cfg mc = {.inst_cnt = 64,
                                .book_order_cnt_max = 4096,
                                .book_level_cnt_max = 4096,
                                .order_cnt_max = 10000,
                                .receipt_sz = 1u << 20};
    struct oct_tls_ctx *tls = r->tls;
    memset(r, 0, sizeof(*r));
    r->tls = tls;
    r->attached = true;
    r->seq = 1;
    r->vitals = (struct oct_vitals){v_attached, v_status, v_counter, v_hist, v_fault,
                                    v_pulse,    v_lag,    v_command, r};
    cr_assert_eq(oct_loop_create(&r->loop), 0);
    cr_assert_eq(oct_mirror_init(&r->mirror, &mc), 0);
    cr_assert_eq(oct_token_make(&r->token), 0);
    cr_assert_eq(oct_web_create(&r->web, cfg != NULL ? cfg : &none, r->loop, &r->mirror, &r->vitals,
                                &r->token, tls),
                 0);
    int fd = oct_listen_loopback("127.0.0.1", 0, &r->port);
    cr_assert_geq(fd, 0);
    oct_web_listen(r->web, fd);
    snprintf(r->ctl_path, sizeof(r->ctl_path), "oct-rig-%d.sock", getpid());
    fd = oct_listen_unix(r->ctl_path, 0660);
    cr_assert_geq(fd, 0);
    oct_web_listen_ctl(r->web, fd);
}

void rig_turn(struct rig *r, int ms)
{
    int64_t end = oct_mono_ns() + ms * OCT_NS_PER_MS;
    do {
        cr_assert_eq(oct_loop_turn(r->loop, OCT_NS_PER_MS), 0);
        oct_web_publish(r->web);
    } while (oct_mono_ns() < end);
}

void rig_stop(struct rig *r)
{
    oct_web_stop(r->web);
    int64_t end = oct_mono_ns() + 8 * OCT_NS_PER_S;
    while (oct_web_client_cnt(r->web) > 0 && oct_mono_ns() < end)
        oct_loop_turn(r->loop, 10 * OCT_NS_PER_MS);
    cr_expect_eq(oct_web_client_cnt(r->web), 0, "clients left");
    oct_web_destroy(r->web);
    oct_mirror_fini(&r->mirror);
    oct_loop_destroy(r->loop);
    oct_tls_ctx_destroy(r->tls);
    unlink(r->ctl_path);
}

/* ---- clients ---------------------------------------------------------------------------------- */

int rig_connect(struct rig *r)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons(r->port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

int rig_connect_ctl(struct rig *r)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    strcpy(a.sun_path, r->ctl_path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    cr_assert_eq(connect(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

void rig_send(struct rig *r, int fd, const void *data, size_t sz)
{
    const uint8_t *p = data;
    int64_t end = oct_mono_ns() + 5 * OCT_NS_PER_S;
    while (sz > 0 && oct_mono_ns() < end) {
        ssize_t n = send(fd, p, sz, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return; /* the server hung up; the test looks at that */
        p += n > 0 ? n : 0;
        sz -= n > 0 ? (size_t)n : 0;
        if (n < 0)
            rig_turn(r, 0);
    }
}

void rig_say(struct rig *r, int fd, const char *text)
{
    rig_send(r, fd, text, strlen(text));
}

/* One read; false when the peer closed. */
static bool take(int fd, struct oct_buf *in)
{
    uint8_t tmp[65536];
    ssize_t n = recv(fd, tmp, sizeof(tmp), 0);
    if (n > 0)
        oct_buf_add(in, tmp, (size_t)n);
    return n > 0 || (n < 0 && errno == EAGAIN);
}

bool rig_wait(struct rig *r, int fd, struct oct_buf *in, const char *text)
{
    int64_t end = oct_mono_ns() + 2 * OCT_NS_PER_S;
    size_t n = strlen(text);
    do {
        if (in->sz >= n && memmem(in->p, in->sz, text, n) != NULL)
            return true;
        rig_turn(r, 0);
    } while (take(fd, in) && oct_mono_ns() < end);
    return in->sz >= n && memmem(in->p, in->sz, text, n) != NULL;
}

bool rig_wait_closed(struct rig *r, int fd, struct oct_buf *in, int ms)
{
    int64_t end = oct_mono_ns() + ms * OCT_NS_PER_MS;
    while (oct_mono_ns() < end) {
        rig_turn(r, 0);
        if (!take(fd, in))
            return true;
    }
    return false;
}

const char *rig_get(struct rig *r, const char *request)
{
    static struct oct_buf in;
    int fd = rig_connect(r);
    oct_buf_reset(&in);
    rig_say(r, fd, request);
    int64_t end = oct_mono_ns() + 2 * OCT_NS_PER_S;
    do {
        rig_turn(r, 0);
        oct_buf_chr(&in, '\0');
        const char *head = strstr((const char *)in.p, "\r\n\r\n");
        const char *len = strstr((const char *)in.p, "Content-Length: ");
        in.sz--;
        if (head != NULL && len != NULL &&
            in.sz >= (size_t)(head + 4 - (const char *)in.p) + strtoul(len + 16, NULL, 10))
            break;
        if (head != NULL && len == NULL)
            break;
    } while (take(fd, &in) && oct_mono_ns() < end);
    oct_buf_chr(&in, '\0');
    close(fd);
    rig_turn(r, 1);
    return (const char *)in.p;
}

const char *rig_fetch(struct rig *r, const char *path)
{
    char req[1024];
    snprintf(req, sizeof(req), "GET %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n",
             path, r->token.text);
    return rig_get(r, req);
}

int rig_status(const char *answer)
{
    return strncmp(answer, "HTTP/1.1 ", 9) == 0 ? atoi(answer + 9) : -1;
}

/* ---- the mirror ------------------------------------------------------------------------------- */

static void md(struct rig *r, struct oct_md *m)
{
    m->hdr = (struct oct_msg_hdr){.type = OCT_MD, .sz = sizeof(*m)};
    m->ts_exch_ns = (int64_t)(1000000 + r->seq);
    oct_mirror_md(&r->mirror, m, r->seq, (int64_t)(2000000 + r->seq));
    r->seq++;
}

void rig_add(struct rig *r, uint32_t inst, const char *symbol, uint64_t ref, enum oct_side side,
             int64_t px_e4, uint32_t qty)
{
    struct oct_md m = {.kind = OCT_MD_ADD,
                       .side = (uint8_t)side,
                       .inst = inst,
                       .ref = ref,
                       .px = oct_px_from_e4(px_e4),
                       .qty = oct_qty_from_shares(qty)};
    memset(m.symbol.c, ' ', 8);
    memcpy(m.symbol.c, symbol, strlen(symbol));
    md(r, &m);
}

void rig_exec(struct rig *r, uint32_t inst, uint64_t ref, uint32_t qty)
{
    struct oct_md m = {.kind = OCT_MD_EXEC,
                       .inst = inst,
                       .ref = ref,
                       .ref2 = r->seq,
                       .printable = 1,
                       .qty = oct_qty_from_shares(qty)};
    md(r, &m);
}

void rig_delete(struct rig *r, uint32_t inst, uint64_t ref)
{
    struct oct_md m = {.kind = OCT_MD_DELETE, .inst = inst, .ref = ref};
    md(r, &m);
}

void rig_order(struct rig *r, uint64_t id, uint32_t inst, enum oct_side side, int64_t px_e4,
               uint32_t qty)
{
    struct oct_intent in = {OCT_MSG_HDR(INTENT, intent),
                            .intent_id = id * 10,
                            .feed_seq = 77,
                            .ts_exch_ns = 1000,
                            .ts_rx_ns = 2000,
                            .inst = inst,
                            .strategy = 1,
                            .action = OCT_ACTION_NEW,
                            .side = (uint8_t)side,
                            .px = oct_px_from_e4(px_e4),
                            .qty = oct_qty_from_shares(qty),
                            .score = 0.5,
                            .confidence = 0.75,
                            .contrib = {1, 2, 65535, 65535, 65535, 65535},
                            .weight = {0.25, 0.75},
                            .signal = {0.5, 0.5}};
    struct oct_verdict v = {OCT_MSG_HDR(VERDICT, verdict),
                            .intent_id = id * 10,
                            .approval_id = 1,
                            .order_id = id,
                            .inst = inst,
                            .strategy = 1,
                            .action = OCT_ACTION_NEW,
                            .side = (uint8_t)side,
                            .px = in.px,
                            .qty = in.qty};
    struct oct_order o = {OCT_MSG_HDR(ORDER, order),
                          .order_id = id,
                          .approval_id = 1,
                          .intent_id = id * 10,
                          .feed_seq = 77,
                          .ts_rx_ns = 2000,
                          .now_ns = 2500,
                          .user_ref = (uint32_t)id,
                          .inst = inst,
                          .strategy = 1,
                          .symbol = r->mirror.inst[inst].symbol,
                          .px = in.px,
                          .qty = in.qty,
                          .action = OCT_ACTION_NEW,
                          .side = (uint8_t)side};
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update),
                                 .order_id = id,
                                 .venue_ref = 900 + id,
                                 .now_ns = 9000,
                                 .user_ref = (uint32_t)id,
                                 .inst = inst,
                                 .strategy = 1,
                                 .state = OCT_ORD_STATE_WORKING,
                                 .prev_state = OCT_ORD_STATE_SENT,
                                 .event = OCT_VEN_ACCEPTED,
                                 .side = (uint8_t)side,
                                 .px = in.px,
                                 .qty = in.qty,
                                 .open = in.qty};
    oct_mirror_record(&r->mirror, &in.hdr);
    oct_mirror_record(&r->mirror, &v.hdr);
    oct_mirror_record(&r->mirror, &o.hdr);
    oct_mirror_record(&r->mirror, &u.hdr);
}

void rig_fill(struct rig *r, uint64_t id, uint32_t inst, enum oct_side side, int64_t px_e4,
              uint32_t qty, uint32_t filled, uint32_t total)
{
    struct oct_order_update u = {OCT_MSG_HDR(ORDER_UPDATE, order_update),
                                 .order_id = id,
                                 .now_ns = 12000,
                                 .inst = inst,
                                 .strategy = 1,
                                 .state =
                                     filled == total ? OCT_ORD_STATE_FILLED : OCT_ORD_STATE_WORKING,
                                 .prev_state = OCT_ORD_STATE_WORKING,
                                 .event = OCT_VEN_EXECUTED,
                                 .side = (uint8_t)side,
                                 .px = oct_px_from_e4(px_e4),
                                 .qty = oct_qty_from_shares(total),
                                 .filled = oct_qty_from_shares(filled),
                                 .open = oct_qty_from_shares(total - filled)};
    struct oct_fill f = {OCT_MSG_HDR(FILL, fill),
                         .order_id = id,
                         .match_id = 5000 + filled,
                         .now_ns = 12000,
                         .inst = inst,
                         .strategy = 1,
                         .px = oct_px_from_e4(px_e4),
                         .qty = oct_qty_from_shares(qty),
                         .side = (uint8_t)side,
                         .liquidity = 'A'};
    oct_mirror_record(&r->mirror, &u.hdr);
    oct_mirror_record(&r->mirror, &f.hdr);
}

void rig_refusal(struct rig *r, uint64_t intent_id, uint32_t inst, enum oct_risk_reason why)
{
    struct oct_verdict v = {
        OCT_MSG_HDR(VERDICT, verdict), .intent_id = intent_id,  .inst = inst,
        .failed = UINT64_C(1) << why,  .reason = (uint16_t)why, .action = OCT_ACTION_NEW};
    oct_mirror_record(&r->mirror, &v.hdr);
}

/* ---- WebSocket -------------------------------------------------------------------------------- */

int rig_ws(struct rig *r, const char *path, const char *extra, struct oct_buf *in)
{
    char req[1024];
    int fd = rig_connect(r);
    snprintf(req, sizeof(req),
             "GET %s HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
             "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
             path, extra);
    rig_say(r, fd, req);
    if (!rig_wait(r, fd, in, "\r\n\r\n") || memcmp(in->p, "HTTP/1.1 101", 12) != 0) {
        close(fd);
        return -1;
    }
    uint8_t *end = memmem(in->p, in->sz, "\r\n\r\n", 4);
    oct_buf_eat(in, (size_t)(end + 4 - in->p));
    return fd;
}

void rig_ws_frame(struct rig *r, int fd, uint8_t first, const void *data, size_t sz)
{
    static const uint8_t mask[4] = {0x12, 0x34, 0x56, 0x78};
    struct oct_buf b = {0};
    oct_buf_chr(&b, (char)first);
    if (sz < 126) {
        oct_buf_chr(&b, (char)(0x80 | sz));
    } else {
        oct_buf_chr(&b, (char)(0x80 | (sz <= 0xffff ? 126 : 127)));
        for (int i = sz <= 0xffff ? 1 : 7; i >= 0; i--)
            oct_buf_chr(&b, (char)(sz >> (8 * i)));
    }
    oct_buf_add(&b, mask, 4);
    for (size_t i = 0; i < sz; i++)
        oct_buf_chr(&b, (char)(((const uint8_t *)data)[i] ^ mask[i & 3]));
    rig_send(r, fd, b.p, b.sz);
    oct_buf_fini(&b);
}

void rig_ws_text(struct rig *r, int fd, const char *text)
{
    rig_ws_frame(r, fd, 0x81, text, strlen(text));
}

int rig_ws_next(struct rig *r, int fd, struct oct_buf *in, char *out, size_t sz)
{
    int64_t end = oct_mono_ns() + 2 * OCT_NS_PER_S;
    for (;;) {
        size_t head = 2;
        size_t n = in->sz >= 2 ? in->p[1] & 0x7f : 0;
        if (in->sz >= 4 && n == 126) {
            n = (size_t)in->p[2] << 8 | in->p[3];
            head = 4;
        } else if (in->sz >= 10 && n == 127) {
            n = 0;
            for (int i = 2; i < 10; i++)
                n = n << 8 | in->p[i];
            head = 10;
        } else if (n >= 126) {
            n = SIZE_MAX / 2;
        }
        if (in->sz >= 2 && in->sz >= head + n) {
            int opcode = in->p[0] & 15;
            cr_assert_eq(in->p[1] & 0x80, 0, "a server does not mask");
            size_t keep = n < sz - 1 ? n : sz - 1;
            memcpy(out, in->p + head, keep);
            out[keep] = '\0';
            oct_buf_eat(in, head + n);
            return opcode;
        }
        rig_turn(r, 0);
        if (!take(fd, in) || oct_mono_ns() > end)
            return -1;
    }
}

bool rig_ws_find(struct rig *r, int fd, struct oct_buf *in, const char *text, char *out, size_t sz)
{
    int op;
    while ((op = rig_ws_next(r, fd, in, out, sz)) >= 0) {
        if (op == 1 && strstr(out, text) != NULL)
            return true;
    }
    return false;
}

int rig_ws_close_code(struct rig *r, int fd, struct oct_buf *in)
{
    char out[256];
    int op;
    while ((op = rig_ws_next(r, fd, in, out, sizeof(out))) >= 0) {
        if (op == 8)
            return (uint8_t)out[0] << 8 | (uint8_t)out[1];
    }
    return 0;
}
