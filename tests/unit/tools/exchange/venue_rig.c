#include "tests/unit/tools/exchange/venue_rig.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"
#include "tests/unit/tools/exchange/fixture.h"

#define ASK_AGAIN_NS (5 * OCT_NS_PER_MS)

static uint64_t mix(uint64_t h, const uint8_t *p, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++)
        h = (h ^ p[i]) * 1099511628211u;
    return h;
}

uint64_t session_hash(const struct oct_sessfile_cfg *cfg, uint64_t *msgs)
{
    char err[OCT_SESSFILE_ERR_SZ];
    struct oct_sessfile *s;
    struct oct_sessfile_msg m;
    uint64_t h = 0;
    *msgs = 0;
    cr_assert_eq(oct_sessfile_open(&s, cfg, err), 0, "%s", err);
    while (oct_sessfile_next(s, &m) == 1) {
        h = mix(h, m.data, m.sz);
        ++*msgs;
    }
    oct_sessfile_close(s);
    return h;
}

static int join(uint32_t group_be, uint16_t port)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int on = 1, buf = 8 << 20;
    struct sockaddr_in at = {
        .sin_family = AF_INET, .sin_addr = {group_be}, .sin_port = htons(port)};
    struct ip_mreq mr = {.imr_multiaddr = {group_be}, .imr_interface = {htonl(INADDR_LOOPBACK)}};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buf, sizeof buf);
    cr_assert_eq(bind(fd, (struct sockaddr *)&at, sizeof at), 0, "%s", strerror(errno));
    cr_assert_eq(setsockopt(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, &mr, sizeof mr), 0, "%s",
                 strerror(errno));
    return fd;
}

static int64_t number_after(const char *text, const char *after, const char *key)
{
    const char *p = text;
    char quoted[64];
    if (after && !(p = strstr(p, after)))
        return -1;
    snprintf(quoted, sizeof quoted, "\"%s\": ", key);
    p = strstr(p, quoted);
    return p ? strtoll(p + strlen(quoted), NULL, 10) : -1;
}

static char *text_of(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return NULL;
    static char buf[8 << 20];
    size_t n = fread(buf, 1, sizeof buf - 1, f);
    buf[n] = 0;
    fclose(f);
    return buf;
}

int64_t rig_recorded(const struct rig *r, const char *after, const char *key)
{
    char *text = text_of(r->record);
    cr_assert_not_null(text, "no record");
    return number_after(text, after, key);
}

void rig_start(struct rig *r, const char *const *opts)
{
    const char *bin = getenv("OCTOPUS_EXCHANGE");
    static uint32_t run;
    memset(r, 0, sizeof *r);
    r->next = 1;
    r->order_fd = -1;
    r->report = true;
    snprintf(r->dir, sizeof r->dir, "%s/octopus-venue-%d-%u", temp_dir(), (int)getpid(), run++);
    snprintf(r->record, sizeof r->record, "%s-record.json", r->dir);
    uint32_t host = (uint32_t)getpid() % 250 + 1;
    uint16_t port = (uint16_t)(30000 + (uint32_t)getpid() % 20000 + run);
    char lines[80], ports[112];
    snprintf(lines, sizeof lines, "239.254.%u.1:%u,239.254.%u.2:%u", host, port, host, port);
    snprintf(ports, sizeof ports, "%s-ports.json", r->dir);
    for (uint32_t i = 0; i < 2; i++)
        r->line_fd[i] = join(htonl(0xeffe0000u | host << 8 | (i + 1)), port);
    r->rewind_fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const char *argv[40] = {bin ? bin : "build/tools/exchange/octopus-exchange",
                            "--quiet",
                            "--lines",
                            lines,
                            "--order-port",
                            "0",
                            "--rewind-port",
                            "0",
                            "--ports-file",
                            ports,
                            "--record",
                            r->record};
    uint32_t n = 12;
    while (*opts)
        argv[n++] = *opts++;
    unlink(ports);
    r->pid = fork();
    if (r->pid == 0) {
        if (!freopen(getenv("OCTOPUS_EXCHANGE_LOG") ? getenv("OCTOPUS_EXCHANGE_LOG") : "/dev/null",
                     "w", stderr))
            _exit(126);
        execv(argv[0], (char *const *)argv);
        _exit(127);
    }
    char *text = NULL;
    for (int i = 0; i < 1000 && !(text = text_of(ports)); i++)
        usleep(10000);
    cr_assert_not_null(text, "the venue did not start");
    r->order_port = (uint16_t)number_after(text, NULL, "order_port");
    r->rewind_port = (uint16_t)number_after(text, NULL, "rewind_port");
    unlink(ports);
}

/* ---- orders ---------------------------------------------------------------------------------- */

static void raw_send(struct rig *r, const uint8_t *p, uint32_t n)
{
    if (n && send(r->order_fd, p, n, MSG_NOSIGNAL) != (ssize_t)n)
        rig_disconnect(r);
}

void rig_connect(struct rig *r, const char *user, const char *password, uint64_t next_seq)
{
    struct oct_session_cfg cfg = {
        .next_seq = next_seq, .heartbeat_ns = OCT_NS_PER_S, .silence_ns = 15 * OCT_NS_PER_S};
    snprintf(cfg.user, sizeof cfg.user, "%s", user);
    snprintf(cfg.password, sizeof cfg.password, "%s", password);
    cr_assert_eq(oct_session_soupbintcp.init(r->soup, &cfg), 0);
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons(r->order_port)};
    r->order_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    cr_assert_eq(connect(r->order_fd, (struct sockaddr *)&at, sizeof at), 0, "%s", strerror(errno));
    r->in_sz = 0;
    r->logged_in = false;
    uint8_t out[OCT_VENUE_MSG_MAX];
    raw_send(r, out, oct_session_soupbintcp.connected(r->soup, oct_mono_ns(), out));
}

void rig_disconnect(struct rig *r)
{
    if (r->order_fd >= 0)
        close(r->order_fd);
    r->order_fd = -1;
    r->logged_in = false;
}

void rig_send(struct rig *r, const struct oct_ouch50_in *in)
{
    uint8_t out[OCT_VENUE_MSG_MAX];
    int n = oct_ouch50_in_encode(in, out + oct_session_soupbintcp.headroom);
    cr_assert_gt(n, 0);
    r->orders_sent++;
    raw_send(r, out, oct_session_soupbintcp.frame(r->soup, oct_mono_ns(), out, (uint32_t)n));
}

void rig_order(struct rig *r, uint32_t ref, char side, uint32_t qty, uint64_t px, char tif)
{
    struct oct_ouch50_in in = {.type = 'O',
                               .side = side,
                               .tif = tif,
                               .display = 'Y',
                               .capacity = 'P',
                               .sweep = 'N',
                               .cross = 'N',
                               .user_ref = ref,
                               .qty = qty,
                               .px = px};
    memcpy(in.symbol.c, "AAPL    ", 8);
    oct_ouch50_clordid(ref, (uint8_t *)in.cl_ord_id);
    rig_send(r, &in);
}

static void on_answer(struct rig *r, const uint8_t *p, uint32_t n)
{
    struct oct_ouch50_out out;
    uint32_t off;
    cr_assert_eq(oct_ouch50_out_decode(p, n, &out, &off), 0);
    r->answers++;
    r->by_type[(uint8_t)out.type]++;
    r->answer_hash = mix(r->answer_hash, p, n);
    if (out.type == 'E')
        r->shares_filled += out.qty;
}

static void read_orders(struct rig *r)
{
    if (r->order_fd < 0)
        return;
    ssize_t n = recv(r->order_fd, r->in + r->in_sz, sizeof r->in - r->in_sz, MSG_DONTWAIT);
    if (n == 0 || (n < 0 && errno != EAGAIN)) {
        rig_disconnect(r);
        return;
    }
    r->in_sz += n > 0 ? (uint32_t)n : 0;
    uint32_t at = 0;
    while (at < r->in_sz) {
        struct oct_session_event ev = {0};
        int used =
            oct_session_soupbintcp.input(r->soup, oct_mono_ns(), r->in + at, r->in_sz - at, &ev);
        cr_assert_geq(used, 0, "the venue speaks nonsense");
        if (used == 0)
            break;
        at += (uint32_t)used;
        r->logged_in |= ev.event == OCT_VENUE_LOGGED_IN;
        r->rejected |= ev.event == OCT_VENUE_LOGIN_REJECTED;
        r->session_ended |= ev.event == OCT_VENUE_ENDED;
        if (ev.event == OCT_VENUE_DATA)
            on_answer(r, ev.data, ev.data_sz);
    }
    memmove(r->in, r->in + at, r->in_sz - at);
    r->in_sz -= at;
    uint8_t out[OCT_VENUE_MSG_MAX];
    int hb = oct_session_soupbintcp.tick(r->soup, oct_mono_ns(), out);
    if (hb > 0)
        raw_send(r, out, (uint32_t)hb);
}

/* ---- market data ----------------------------------------------------------------------------- */

static void to_venue(struct rig *r, const uint8_t *p, uint32_t n)
{
    struct sockaddr_in at = {.sin_family = AF_INET,
                             .sin_addr = {htonl(INADDR_LOOPBACK)},
                             .sin_port = htons(r->rewind_port)};
    sendto(r->rewind_fd, p, n, 0, (struct sockaddr *)&at, sizeof at);
}

static void on_packet(struct rig *r, const uint8_t *p, uint32_t n)
{
    struct oct_feed_pkt pkt;
    struct oct_feed_cursor c;
    const uint8_t *m;
    uint32_t sz;
    cr_assert_eq(oct_moldudp64_packet(p, n, &pkt), OCT_FEED_OK);
    if (!r->have_session)
        memcpy(r->session, pkt.session, 10);
    r->have_session = true;
    cr_assert_eq(memcmp(r->session, pkt.session, 10), 0);
    uint64_t after = pkt.first_seq + (pkt.kind == OCT_FEED_PKT_DATA ? pkt.msg_cnt : 0);
    r->seen_next = after > r->seen_next ? after : r->seen_next;
    r->end |= pkt.kind == OCT_FEED_PKT_END;
    if (pkt.kind != OCT_FEED_PKT_DATA || pkt.first_seq > r->next || after <= r->next)
        return;
    c = (struct oct_feed_cursor){pkt.blocks, pkt.blocks + pkt.blocks_sz};
    for (uint64_t seq = pkt.first_seq; oct_moldudp64_next(&c, &m, &sz); seq++) {
        if (seq < r->next)
            continue;
        r->hash = mix(r->hash, m, sz);
        r->cnt[m[0]]++;
        r->next = seq + 1;
    }
    r->since_report++;
}

static uint32_t drain(struct rig *r, int fd, uint64_t *cnt)
{
    uint32_t got = 0;
    uint8_t buf[2048];
    ssize_t n;
    while ((n = recv(fd, buf, sizeof buf, 0)) > 0) {
        on_packet(r, buf, (uint32_t)n);
        got++;
        *cnt += 1;
    }
    return got;
}

static void ask(struct rig *r)
{
    int64_t now = oct_mono_ns();
    if (r->next >= r->seen_next || (r->asked_seq == r->next && now - r->asked_ns < ASK_AGAIN_NS))
        return;
    struct oct_feed_pkt like = {0};
    uint8_t buf[64];
    memcpy(like.session, r->session, 10);
    uint64_t missing = r->seen_next - r->next;
    to_venue(
        r, buf,
        oct_moldudp64_request(&like, r->next, (uint16_t)(missing < 1000 ? missing : 1000), buf));
    r->asked_seq = r->next;
    r->asked_ns = now;
}

static void report(struct rig *r)
{
    uint8_t buf[40];
    memcpy(buf, "OCTPOS01", 8);
    oct_store_be64(buf + 8, r->next);
    oct_store_be64(buf + 16, r->orders_sent);
    oct_store_be64(buf + 24, oct_session_soupbintcp.next_seq(r->soup));
    oct_store_be64(buf + 32, 0);
    to_venue(r, buf, sizeof buf);
    r->ahead_max = r->since_report > r->ahead_max ? r->since_report : r->ahead_max;
    r->since_report = 0;
    r->reported = r->next;
}

void rig_turn(struct rig *r, int ms)
{
    struct pollfd fds[4] = {{.fd = r->line_fd[0], .events = POLLIN},
                            {.fd = r->line_fd[1], .events = POLLIN},
                            {.fd = r->rewind_fd, .events = POLLIN},
                            {.fd = r->order_fd, .events = POLLIN}};
    poll(fds, 4, ms);
    uint64_t answers = 0;
    drain(r, r->line_fd[0], &r->packets[0]);
    drain(r, r->line_fd[1], &r->packets[1]);
    drain(r, r->rewind_fd, &answers);
    read_orders(r);
    ask(r);
    if (r->report)
        report(r);
}

/* ---- the end --------------------------------------------------------------------------------- */

int rig_wait(struct rig *r, int seconds)
{
    int status = 0;
    int64_t until = oct_mono_ns() + seconds * OCT_NS_PER_S;
    while (waitpid(r->pid, &status, WNOHANG) == 0) {
        if (oct_mono_ns() > until) {
            kill(r->pid, SIGKILL);
            waitpid(r->pid, &status, 0);
            return -1;
        }
        rig_turn(r, 5);
    }
    r->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void rig_stop(struct rig *r)
{
    if (r->pid > 0) {
        kill(r->pid, SIGKILL);
        waitpid(r->pid, NULL, 0);
    }
    rig_disconnect(r);
    close(r->line_fd[0]);
    close(r->line_fd[1]);
    close(r->rewind_fd);
    unlink(r->record);
}
