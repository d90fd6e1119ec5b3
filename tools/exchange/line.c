#include "tools/exchange/line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/base/time.h"

#define LATE_MAX     8192u /* packets on their way */
#define HELD_MAX     64u
#define HELD_NS      (5 * OCT_NS_PER_MS)
#define OVERTAKE_MAX 4u

struct line_held {
    int64_t due_ns;
    uint32_t overtakers; /* still to pass */
    uint32_t sz;
    uint8_t pkt[OCT_EXCH_PKT_MAX];
};

/* ---- what may happen ------------------------------------------------------------------------- */

static int parse_share(const char *v, double *out)
{
    char *end;
    *out = strtod(v, &end);
    return end == v || *end != 0 || !(*out >= 0 && *out <= 1) ? -EINVAL : 0;
}

static int parse_span(const char *v, int64_t *out)
{
    char *end;
    double x = strtod(v, &end);
    double unit = strcmp(end, "ms") == 0   ? 1e6
                  : strcmp(end, "us") == 0 ? 1e3
                  : strcmp(end, "s") == 0  ? 1e9
                                           : 0;
    if (end == v || unit == 0 || !(x >= 0 && x * unit <= 10e9))
        return -EINVAL;
    *out = (int64_t)(x * unit);
    return 0;
}

static int parse_switch(const char *v, bool *out)
{
    *out = strcmp(v, "on") == 0;
    return *out || strcmp(v, "off") == 0 ? 0 : -EINVAL;
}

static int parse_lines(const char *v, uint8_t *out)
{
    *out = strcmp(v, "a") == 0 ? 1 : strcmp(v, "b") == 0 ? 2 : strcmp(v, "ab") == 0 ? 3 : 0;
    return *out ? 0 : -EINVAL;
}

static int parse_one(struct oct_exch_faults *f, const char *key, const char *v)
{
    if (strcmp(key, "drop") == 0)
        return parse_share(v, &f->drop);
    if (strcmp(key, "dup") == 0)
        return parse_share(v, &f->dup);
    if (strcmp(key, "reorder") == 0)
        return parse_share(v, &f->reorder);
    if (strcmp(key, "skew") == 0)
        return parse_span(v, &f->skew_ns);
    if (strcmp(key, "lines") == 0)
        return parse_lines(v, &f->lines);
    if (strcmp(key, "same") == 0)
        return parse_switch(v, &f->same);
    if (strcmp(key, "rewind") == 0) {
        int rc = parse_switch(v, &f->rewind_off);
        f->rewind_off = !f->rewind_off;
        return rc;
    }
    return -ENOENT;
}

int oct_exch_faults_parse(struct oct_exch_faults *f, const char *text, char *err, size_t err_sz)
{
    *f = (struct oct_exch_faults){.lines = 3};
    while (*text) {
        char word[64];
        size_t n = strcspn(text, ",");
        snprintf(word, sizeof word, "%.*s", (int)(n < sizeof word ? n : sizeof word - 1), text);
        char *eq = strchr(word, '=');
        if (eq)
            *eq = 0;
        int rc = eq && n < sizeof word ? parse_one(f, word, eq + 1) : -ENOENT;
        if (rc != 0) {
            snprintf(err, err_sz,
                     rc == -ENOENT
                         ? "fault '%.*s' is unknown; known: drop, dup, reorder (0 to 1), skew "
                           "(5ms), lines (a, b, ab), same (on, off), rewind (on, off)"
                         : "fault '%.*s': bad value; shares are 0 to 1, spans like 5ms (at most "
                           "10s), switches on or off, lines a, b or ab",
                     (int)(n < 60 ? n : 60), text);
            return -EINVAL;
        }
        text += n;
        text += *text == ',';
    }
    return 0;
}

/* ---- the line -------------------------------------------------------------------------------- */

static void put(struct oct_exch_line *l, const uint8_t *pkt, uint32_t sz)
{
    ssize_t n = sendto(l->fd, pkt, sz, 0, (const struct sockaddr *)&l->to, sizeof l->to);
    if (n == (ssize_t)sz) {
        l->stats.packets++;
        l->stats.bytes += sz;
    } else {
        l->stats.send_errors++;
    }
}

/* A packet reaches the wire: those it overtakes count it. */
static void out(struct oct_exch_line *l, int64_t now_ns, const uint8_t *pkt, uint32_t sz)
{
    put(l, pkt, sz);
    for (uint32_t i = 0; i < l->held_cnt;) {
        struct line_held *h = &l->held[i];
        if (--h->overtakers > 0 && h->due_ns > now_ns) {
            i++;
            continue;
        }
        put(l, h->pkt, h->sz);
        *h = l->held[--l->held_cnt];
    }
}

static void keep(struct line_held *h, int64_t due_ns, uint32_t overtakers, const uint8_t *pkt,
                 uint32_t sz)
{
    h->due_ns = due_ns;
    h->overtakers = overtakers;
    h->sz = sz;
    memcpy(h->pkt, pkt, sz);
}

/* At the far end of the delay: in its place, or held back. */
static void arrive(struct oct_exch_line *l, int64_t now_ns, const uint8_t *pkt, uint32_t sz)
{
    if (l->faults.reorder > 0 && l->held_cnt < HELD_MAX &&
        oct_rng_f64(&l->rng) < l->faults.reorder) {
        l->stats.reordered++;
        /* At a flush it is the end of time already. */
        int64_t due_ns = now_ns > INT64_MAX - HELD_NS ? INT64_MAX : now_ns + HELD_NS;
        keep(&l->held[l->held_cnt++], due_ns, 1 + (uint32_t)oct_rng_below(&l->rng, OVERTAKE_MAX),
             pkt, sz);
        return;
    }
    out(l, now_ns, pkt, sz);
}

void oct_exch_line_send(struct oct_exch_line *l, int64_t now_ns, const uint8_t *pkt, uint32_t sz,
                        bool sure)
{
    OCT_ASSERT(sz <= OCT_EXCH_PKT_MAX);
    if (sure) {
        oct_exch_line_flush(l);
        put(l, pkt, sz);
        return;
    }
    if (l->faults.drop > 0 && oct_rng_f64(&l->drop_rng) < l->faults.drop) {
        l->stats.dropped++;
        return;
    }
    uint32_t times = 1;
    if (l->faults.dup > 0 && oct_rng_f64(&l->rng) < l->faults.dup) {
        l->stats.doubled++;
        times = 2;
    }
    for (uint32_t i = 0; i < times; i++) {
        if (l->skew_ns == 0) {
            arrive(l, now_ns, pkt, sz);
            continue;
        }
        if (l->late_cnt == LATE_MAX) {
            const struct line_held *h = &l->late[l->late_head];
            arrive(l, now_ns, h->pkt, h->sz);
            l->late_head = (l->late_head + 1) % LATE_MAX;
            l->late_cnt--;
        }
        l->stats.delayed++;
        keep(&l->late[(l->late_head + l->late_cnt++) % LATE_MAX], now_ns + l->skew_ns, 0, pkt, sz);
    }
}

int64_t oct_exch_line_tick(struct oct_exch_line *l, int64_t now_ns)
{
    while (l->late_cnt > 0 && l->late[l->late_head].due_ns <= now_ns) {
        const struct line_held *h = &l->late[l->late_head];
        arrive(l, now_ns, h->pkt, h->sz);
        l->late_head = (l->late_head + 1) % LATE_MAX;
        l->late_cnt--;
    }
    int64_t next = l->late_cnt ? l->late[l->late_head].due_ns : INT64_MAX;
    for (uint32_t i = 0; i < l->held_cnt;) {
        struct line_held *h = &l->held[i];
        if (h->due_ns <= now_ns) {
            put(l, h->pkt, h->sz);
            *h = l->held[--l->held_cnt];
            continue;
        }
        next = h->due_ns < next ? h->due_ns : next;
        i++;
    }
    return next;
}

void oct_exch_line_flush(struct oct_exch_line *l)
{
    oct_exch_line_tick(l, INT64_MAX);
    oct_exch_line_tick(l, INT64_MAX); /* what the first pass held back */
}

int oct_exch_line_open(struct oct_exch_line *l, uint32_t idx, const struct sockaddr_in *to,
                       uint32_t iface_be, uint8_t ttl, const struct oct_exch_faults *f,
                       uint64_t seed)
{
    *l = (struct oct_exch_line){.fd = -1, .to = *to};
    if (f->lines >> idx & 1)
        l->faults = *f;
    l->skew_ns = idx == 1 ? f->skew_ns : 0;
    /* the same losses on both lines come from the same numbers */
    oct_rng_init(&l->drop_rng, seed * 4 + (f->same ? 0 : idx));
    oct_rng_init(&l->rng, seed * 4 + 2 + idx);
    l->late = l->skew_ns ? calloc(LATE_MAX, sizeof *l->late) : NULL;
    l->held = calloc(HELD_MAX, sizeof *l->held);
    int rc = -ENOMEM;
    if (!l->held || (l->skew_ns && !l->late))
        goto out_close;
    l->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (l->fd < 0) {
        rc = -errno;
        goto out_close;
    }
    unsigned char loop = 1;
    int buf = 4 << 20;
    struct in_addr iface = {iface_be};
    setsockopt(l->fd, SOL_SOCKET, SO_SNDBUF, &buf, sizeof buf);
    if (setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_IF, &iface, sizeof iface) != 0 ||
        setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_TTL, &ttl, sizeof ttl) != 0 ||
        setsockopt(l->fd, IPPROTO_IP, IP_MULTICAST_LOOP, &loop, sizeof loop) != 0) {
        rc = -errno;
        goto out_close;
    }
    return 0;

out_close:
    oct_exch_line_close(l);
    return rc;
}

void oct_exch_line_close(struct oct_exch_line *l)
{
    if (l->fd >= 0)
        close(l->fd);
    l->fd = -1;
    free(l->late);
    free(l->held);
    l->late = l->held = NULL;
}
