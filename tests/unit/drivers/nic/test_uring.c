#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/msg/msg.h"
#include "drivers/nic/uring/uring.h"

static struct oct_counter counters[OCT_NIC_COUNTER_CNT];

static struct oct_nic *make(struct oct_nic_uring_cfg cfg)
{
    struct oct_nic *nic = NULL;

    cfg.counters = counters;
    int err = oct_nic_uring_create(&cfg, &nic);
    if (err == -ENOSYS || err == -EPERM) {
        printf("SKIP: io_uring is not allowed here\n");
        cr_skip_test("io_uring is not allowed here");
    }
    cr_assert_eq(err, 0, "create: %s", strerror(-err));
    return nic;
}

static uint32_t ip(const char *s)
{
    return inet_addr(s);
}

/* Tests run side by side: each process has groups and ports of its own. */
static struct oct_nic_group group(uint8_t line)
{
    uint32_t pid = (uint32_t)getpid();
    char addr[32];

    snprintf(addr, sizeof addr, "239.%u.%u.%u", 200 + line, (pid >> 8) & 255, 1 + pid % 250);
    return (struct oct_nic_group){.group_be = ip(addr),
                                  .iface_be = ip("127.0.0.1"),
                                  .port = (uint16_t)(20000 + pid % 30000),
                                  .line = line};
}

static int sender(void)
{
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    struct in_addr lo = {.s_addr = ip("127.0.0.1")};

    cr_assert_eq(setsockopt(fd, IPPROTO_IP, IP_MULTICAST_IF, &lo, sizeof lo), 0);
    return fd;
}

static void send_to(int fd, const struct oct_nic_group *g, const void *data, size_t sz)
{
    struct sockaddr_in a = {
        .sin_family = AF_INET, .sin_port = htons(g->port), .sin_addr.s_addr = g->group_be};

    cr_assert_eq(sendto(fd, data, sz, 0, (struct sockaddr *)&a, sizeof a), (ssize_t)sz);
}

/* Polls until want datagrams are there, for at most two seconds. */
static int rx_some(struct oct_nic *nic, struct oct_nic_pkt *p, int want)
{
    int64_t until = oct_mono_ns() + 2 * OCT_NS_PER_S;
    int got = 0;

    while (got < want && oct_mono_ns() < until) {
        int n = nic->ops->rx(nic, p + got, (uint32_t)(want - got));
        cr_assert_geq(n, 0);
        got += n;
        if (n == 0)
            nic->ops->wait(nic, OCT_NS_PER_MS);
    }
    return got;
}

Test(uring, two_lines_arrive_with_stamps_and_padding)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    struct oct_nic_group a = group(0), b = group(1);
    struct oct_nic_pkt p[4];
    int fd = sender();

    cr_assert_eq(nic->ops->join(nic, &a), 0);
    cr_assert_eq(nic->ops->join(nic, &b), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    int64_t before = oct_utc_ns();
    send_to(fd, &a, "hello", 5);
    send_to(fd, &b, "", 0);
    send_to(fd, &a, "again", 5);
    cr_assert_eq(rx_some(nic, p, 3), 3);
    int64_t after = oct_utc_ns();
    int by_line[2] = {0};
    for (int i = 0; i < 3; i++) {
        by_line[p[i].line]++;
        cr_assert(p[i].ts_rx_ns >= before && p[i].ts_rx_ns <= after);
        cr_assert_eq(p[i].sz, p[i].line == 0 ? 5 : 0);
        volatile uint8_t sum = 0;
        for (uint32_t k = 0; k < OCT_NIC_PAD; k++)
            sum = (uint8_t)(sum + p[i].data[p[i].sz + k]);
    }
    cr_assert(by_line[0] == 2 && by_line[1] == 1);
    nic->ops->release(nic, p, 3);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_RX_PKTS]), 3);
    cr_assert_eq(nic->ops->rx(nic, p, 4), 0);
    nic->ops->close(nic);
    close(fd);
}

#define LONE_CNT 100

static void *send_lone(void *arg)
{
    const struct oct_nic_group *g = arg;
    int fd = sender();

    for (int i = 0; i < LONE_CNT; i++) {
        usleep(3000); /* the other side sleeps again by then */
        send_to(fd, g, "tick", 4);
    }
    close(fd);
    return NULL;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return x < y ? -1 : x > y;
}

/* A lane that sleeps is woken by the packet, not by the end of its time: the wait is a hundred times
 * longer than the packets are apart. */
Test(uring, a_lone_packet_ends_a_wait_at_once)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    struct oct_nic_group g = group(0);
    struct oct_nic_pkt p;
    int64_t late[LONE_CNT], until = oct_mono_ns() + 20 * OCT_NS_PER_S;
    pthread_t thread;
    int n = 0, waits = 0;

    cr_assert_eq(nic->ops->join(nic, &g), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    cr_assert_eq(nic->ops->rx(nic, &p, 1), 0); /* receives are armed from here on */
    int64_t t0 = oct_mono_ns();
    nic->ops->wait(nic, 20 * OCT_NS_PER_MS);
    cr_assert_geq(oct_mono_ns() - t0, 20 * OCT_NS_PER_MS, "without a packet it waits its time");
    cr_assert_eq(pthread_create(&thread, NULL, send_lone, &g), 0);
    while (n < LONE_CNT && oct_mono_ns() < until) {
        int got = nic->ops->rx(nic, &p, 1);
        if (got == 1) {
            late[n++] = oct_utc_ns() - p.ts_rx_ns;
            nic->ops->release(nic, &p, 1);
            continue;
        }
        waits++;
        nic->ops->wait(nic, 300 * OCT_NS_PER_MS);
    }
    pthread_join(thread, NULL);
    cr_assert_eq(n, LONE_CNT);
    cr_assert_gt(waits, LONE_CNT / 2, "it slept for most of them");
    qsort(late, LONE_CNT, sizeof late[0], by_time);
    printf("receive stamp to rx after a sleep: p50 %ld us, p90 %ld us\n",
           (long)(late[LONE_CNT / 2] / 1000), (long)(late[LONE_CNT * 9 / 10] / 1000));
    cr_assert_lt(late[LONE_CNT / 2], 30 * OCT_NS_PER_MS); /* a busy machine; the wait is 300 ms */
    nic->ops->close(nic);
}

Test(uring, a_long_datagram_is_cut_and_says_so)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){.rx_sz_max = 100});
    struct oct_nic_group a = group(0);
    struct oct_nic_pkt p[2];
    char big[300];
    int fd = sender();

    memset(big, 'x', sizeof big);
    cr_assert_eq(nic->ops->join(nic, &a), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    send_to(fd, &a, big, sizeof big);
    send_to(fd, &a, big, 100);
    cr_assert_eq(rx_some(nic, p, 2), 2);
    cr_assert(p[0].truncated && p[0].sz == 100);
    cr_assert(!p[1].truncated && p[1].sz == 100);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_RX_TRUNCATED]), 1);
    nic->ops->close(nic);
    close(fd);
}

Test(uring, held_buffers_make_datagrams_wait_and_lose_none)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){.rx_buf_cnt = 16});
    struct oct_nic_group a = group(0);
    struct oct_nic_pkt p[64];
    int fd = sender();
    uint32_t next = 0;

    cr_assert_eq(nic->ops->join(nic, &a), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    cr_assert_eq(nic->ops->rx(nic, p, 64), 0);
    for (uint32_t i = 0; i < 200; i++)
        send_to(fd, &a, &i, 4);
    cr_assert_eq(rx_some(nic, p, 16), 16);
    for (int i = 0; i < 20; i++)
        cr_assert_eq(nic->ops->rx(nic, p + 16, 16), 0); /* every buffer is with us */
    while (next < 200) {
        int have = next == 0 ? 16 : rx_some(nic, p, 200 - (int)next < 16 ? 200 - (int)next : 16);
        cr_assert_gt(have, 0);
        for (int i = 0; i < have; i++, next++) {
            uint32_t num;
            memcpy(&num, p[i].data, 4);
            cr_assert_eq(num, next);
        }
        nic->ops->release(nic, p, (uint32_t)have);
    }
    nic->ops->close(nic);
    close(fd);
}

Test(uring, what_the_kernel_drops_is_counted)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){.rx_buf_cnt = 8, .rcvbuf_sz = 4096});
    struct oct_nic_group a = group(0);
    struct oct_nic_pkt p[8];
    char data[1000] = {0};
    int fd = sender();
    uint32_t got = 0;

    cr_assert_eq(nic->ops->join(nic, &a), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    for (int i = 0; i < 500; i++)
        send_to(fd, &a, data, sizeof data);
    for (;;) {
        int n = rx_some(nic, p, 1);
        if (n == 0)
            break;
        got += (uint32_t)n;
        nic->ops->release(nic, p, (uint32_t)n);
        if (got == 1)
            send_to(fd, &a, data, sizeof data); /* carries the count of what was dropped before */
    }
    cr_assert_lt(got, 501);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_RX_DROPPED]), 501 - got);
    nic->ops->close(nic);
    close(fd);
}

Test(uring, a_rewind_request_is_answered_on_its_own_line)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    struct oct_nic_pkt p[1];
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = ip("127.0.0.1")};
    socklen_t len = sizeof a;
    char buf[32];
    int server = socket(AF_INET, SOCK_DGRAM, 0);

    cr_assert_eq(bind(server, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(server, (struct sockaddr *)&a, &len);
    cr_assert_eq(nic->ops->start(nic), 0);
    cr_assert_eq(nic->ops->tx(nic, a.sin_addr.s_addr, ntohs(a.sin_port), "want", 4), 0);
    cr_assert_eq(recvfrom(server, buf, sizeof buf, 0, (struct sockaddr *)&a, &len), 4);
    cr_assert_eq(ntohs(a.sin_port), oct_nic_uring_port(nic));
    cr_assert_eq(sendto(server, "have", 4, 0, (struct sockaddr *)&a, len), 4);
    cr_assert_eq(rx_some(nic, p, 1), 1);
    cr_assert_eq(p[0].line, OCT_LINE_REWIND);
    cr_assert_arr_eq(p[0].data, "have", 4);
    nic->ops->release(nic, p, 1);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_TX_PKTS]), 1);
    nic->ops->close(nic);
    close(server);
}

Test(uring, a_unicast_address_is_bound_as_is)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    struct oct_nic_group g = group(3);
    struct oct_nic_pkt p[1];
    int fd = sender();

    g.group_be = ip("127.0.0.1");
    cr_assert_eq(nic->ops->join(nic, &g), 0);
    cr_assert_eq(nic->ops->join(nic, &g), -EADDRINUSE);
    cr_assert_eq(nic->ops->start(nic), 0);
    cr_assert_eq(nic->ops->join(nic, &g), -EINVAL); /* too late */
    send_to(fd, &g, "u", 1);
    cr_assert_eq(rx_some(nic, p, 1), 1);
    cr_assert_eq(p[0].line, 3);
    nic->ops->close(nic);
    close(fd);
}

/* ---- streams --------------------------------------------------------------------------------- */

static int listener(uint16_t *port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = ip("127.0.0.1")};
    socklen_t len = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert_eq(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    cr_assert_eq(listen(fd, 8), 0);
    getsockname(fd, (struct sockaddr *)&a, &len);
    *port = ntohs(a.sin_port);
    return fd;
}

static enum oct_nic_stream_state until(struct oct_nic *nic, int h, enum oct_nic_stream_state not )
{
    int64_t end = oct_mono_ns() + 2 * OCT_NS_PER_S;
    enum oct_nic_stream_state st;

    while ((st = nic->ops->stream_state(nic, h)) == not &&oct_mono_ns() < end)
        nic->ops->wait(nic, OCT_NS_PER_MS);
    return st;
}

static uint32_t peek_at_least(struct oct_nic *nic, int h, uint32_t want, const uint8_t **d,
                              int64_t *ts)
{
    int64_t end = oct_mono_ns() + 2 * OCT_NS_PER_S;
    uint32_t n;

    while ((n = nic->ops->stream_peek(nic, h, d, ts)) < want && oct_mono_ns() < end)
        nic->ops->wait(nic, OCT_NS_PER_MS);
    return n;
}

static int open_pair(struct oct_nic *nic, int lis, uint16_t port, int *peer)
{
    int h = nic->ops->stream_open(nic, ip("127.0.0.1"), port);

    cr_assert_geq(h, 0);
    *peer = accept(lis, NULL, NULL);
    cr_assert_geq(*peer, 0);
    cr_assert_eq(until(nic, h, OCT_STREAM_CONNECTING), OCT_STREAM_OPEN);
    return h;
}

Test(uring, a_stream_echoes_with_stamps)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    uint16_t port;
    int lis = listener(&port), peer;
    const uint8_t *d;
    int64_t ts;
    char buf[16];

    nic->ops->start(nic);
    int h = open_pair(nic, lis, port, &peer);
    cr_assert_eq(nic->ops->stream_peek(nic, h, &d, &ts), 0);
    cr_assert_eq(nic->ops->stream_send(nic, h, "order", 5), 0);
    cr_assert_eq(recv(peer, buf, sizeof buf, 0), 5);
    int64_t before = oct_utc_ns();
    cr_assert_eq(send(peer, "ack!", 4, 0), 4);
    cr_assert_eq(peek_at_least(nic, h, 4, &d, &ts), 4);
    cr_assert(ts >= before && ts <= oct_utc_ns());
    cr_assert_arr_eq(d, "ack!", 4);
    nic->ops->stream_consume(nic, h, 3);
    cr_assert_eq(send(peer, "more", 4, 0), 4);
    cr_assert_eq(peek_at_least(nic, h, 5, &d, &ts), 5);
    cr_assert_arr_eq(d, "!more", 5);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_STREAM_RX_BYTES]), 8);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_STREAM_TX_BYTES]), 5);
    nic->ops->stream_close(nic, h);
    cr_assert_eq(nic->ops->stream_state(nic, h), OCT_STREAM_CLOSED);
    cr_assert_eq(recv(peer, buf, sizeof buf, 0), 0);
    nic->ops->close(nic);
}

Test(uring, a_refused_connection_fails_and_its_handle_is_used_again)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){.stream_cnt = 1});
    uint16_t port;
    int lis = listener(&port), peer;
    const uint8_t *d;
    int64_t ts;

    close(lis);
    nic->ops->start(nic);
    int h = nic->ops->stream_open(nic, ip("127.0.0.1"), port);
    cr_assert_geq(h, 0);
    cr_assert_eq(until(nic, h, OCT_STREAM_CONNECTING), OCT_STREAM_FAILED);
    cr_assert_eq(nic->ops->stream_send(nic, h, "x", 1), -EPIPE);
    cr_assert_eq(nic->ops->stream_peek(nic, h, &d, &ts), 0);
    cr_assert_eq(nic->ops->stream_open(nic, ip("127.0.0.1"), port), -EMFILE);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_STREAM_FAILURES]), 1);
    nic->ops->stream_close(nic, h);
    lis = listener(&port);
    cr_assert_eq(open_pair(nic, lis, port, &peer), h);
    nic->ops->close(nic);
}

Test(uring, what_the_peer_sent_before_closing_is_still_read)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    uint16_t port;
    int lis = listener(&port), peer;
    const uint8_t *d;
    int64_t ts;

    nic->ops->start(nic);
    int h = open_pair(nic, lis, port, &peer);
    send(peer, "goodbye", 7, 0);
    close(peer);
    usleep(20000);
    cr_assert_eq(nic->ops->stream_state(nic, h), OCT_STREAM_OPEN);
    cr_assert_eq(peek_at_least(nic, h, 7, &d, &ts), 7);
    nic->ops->stream_consume(nic, h, 5);
    /* What stays is half a message that nobody will take. */
    for (int i = 0; i < 3; i++)
        cr_assert_eq(nic->ops->stream_peek(nic, h, &d, &ts), 2);
    cr_assert_eq(until(nic, h, OCT_STREAM_OPEN), OCT_STREAM_FAILED);
    cr_assert_eq(nic->ops->stream_send(nic, h, "x", 1), -EPIPE);
    nic->ops->stream_close(nic, h);
    nic->ops->close(nic);
}

Test(uring, a_slow_peer_gets_whole_messages_or_none)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    uint16_t port;
    int lis = listener(&port), peer;
    uint32_t sent = 0, seen = 0;
    struct {
        uint32_t num;
        uint8_t fill[996];
    } m = {0}, got;
    size_t have = 0;

    nic->ops->start(nic);
    int h = open_pair(nic, lis, port, &peer);
    for (;;) {
        m.num = sent;
        int err = nic->ops->stream_send(nic, h, &m, sizeof m);
        if (err) {
            cr_assert_eq(err, -EAGAIN);
            break;
        }
        cr_assert_lt(++sent, 100000);
    }
    cr_assert_gt(sent, 10);
    cr_assert_eq(nic->ops->stream_send(nic, h, &m, sizeof m), -EAGAIN);
    cr_assert_eq(nic->ops->stream_send(nic, h, &m, OCT_NIC_URING_SEND_MAX + 1), -EMSGSIZE);
    /* The peer reads again: everything that was taken arrives, whole and in order. */
    fcntl(peer, F_SETFL, O_NONBLOCK);
    int64_t end = oct_mono_ns() + 5 * OCT_NS_PER_S;
    while (seen < sent && oct_mono_ns() < end) {
        ssize_t n = recv(peer, (uint8_t *)&got + have, sizeof got - have, 0);
        if (n <= 0) {
            nic->ops->wait(nic, OCT_NS_PER_MS);
            (void)nic->ops->stream_state(nic, h);
            continue;
        }
        have += (size_t)n;
        if (have == sizeof got) {
            cr_assert_eq(got.num, seen++);
            have = 0;
        }
    }
    cr_assert_eq(seen, sent);
    cr_assert_eq(nic->ops->stream_send(nic, h, &m, sizeof m), 0);
    nic->ops->close(nic);
}

Test(uring, a_window_wraps_without_losing_a_byte)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){.stream_buf_sz = 4096});
    uint16_t port;
    int lis = listener(&port), peer;
    const uint8_t *d;
    int64_t ts;
    uint32_t sent = 0, seen = 0, total = 100000;
    uint8_t out[777];

    nic->ops->start(nic);
    int h = open_pair(nic, lis, port, &peer);
    fcntl(peer, F_SETFL, O_NONBLOCK);
    int64_t end = oct_mono_ns() + 5 * OCT_NS_PER_S;
    while (seen < total && oct_mono_ns() < end) {
        uint32_t n = total - sent < sizeof out ? total - sent : (uint32_t)sizeof out;
        for (uint32_t i = 0; i < n; i++)
            out[i] = (uint8_t)((sent + i) * 31 >> 3);
        ssize_t put = n ? send(peer, out, n, MSG_NOSIGNAL) : 0;
        if (put > 0)
            sent += (uint32_t)put;
        n = nic->ops->stream_peek(nic, h, &d, &ts);
        cr_assert_leq(n, 4096);
        n = n > 500 ? 500 : n;
        for (uint32_t i = 0; i < n; i++, seen++)
            cr_assert_eq(d[i], (uint8_t)(seen * 31 >> 3));
        nic->ops->stream_consume(nic, h, n);
    }
    cr_assert_eq(seen, total);
    nic->ops->close(nic);
}

Test(uring, many_connections_come_and_go_on_one_handle)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){.stream_cnt = 1});
    uint16_t port;
    int lis = listener(&port), peer;
    const uint8_t *d;
    int64_t ts;

    nic->ops->start(nic);
    for (int i = 0; i < 200; i++) {
        int h = open_pair(nic, lis, port, &peer);
        if (i % 3 == 0) { /* a reset with bytes on the way */
            struct linger l = {.l_onoff = 1};
            send(peer, "abc", 3, 0);
            setsockopt(peer, SOL_SOCKET, SO_LINGER, &l, sizeof l);
            close(peer);
            nic->ops->stream_close(nic, h);
        } else {
            send(peer, "abc", 3, 0);
            cr_assert_eq(peek_at_least(nic, h, 3, &d, &ts), 3);
            nic->ops->stream_close(nic, h);
            close(peer);
        }
    }
    nic->ops->close(nic);
}

/* The one who makes the driver need not be the one who polls it. */
static void *poll_on_thread(void *arg)
{
    struct oct_nic *nic = arg;
    struct oct_nic_pkt p[1];

    return (void *)(intptr_t)rx_some(nic, p, 1);
}

Test(uring, the_first_call_binds_the_ring_to_its_thread)
{
    struct oct_nic *nic = make((struct oct_nic_uring_cfg){0});
    struct oct_nic_group a = group(0);
    pthread_t t;
    void *got;
    int fd = sender();

    cr_assert_eq(nic->ops->join(nic, &a), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    send_to(fd, &a, "x", 1);
    cr_assert_eq(pthread_create(&t, NULL, poll_on_thread, nic), 0);
    pthread_join(t, &got);
    cr_assert_eq((intptr_t)got, 1);
    nic->ops->close(nic);
    close(fd);
}

Test(uring, impossible_settings_are_refused)
{
    struct oct_nic *nic = NULL;

    cr_assert_eq(oct_nic_uring_create(&(struct oct_nic_uring_cfg){0}, &nic), -EINVAL);
    cr_assert_eq(oct_nic_uring_create(
                     &(struct oct_nic_uring_cfg){.counters = counters, .rx_buf_cnt = 100}, &nic),
                 -EINVAL);
    cr_assert_eq(oct_nic_uring_create(
                     &(struct oct_nic_uring_cfg){.counters = counters, .stream_cnt = 65}, &nic),
                 -EINVAL);
    cr_assert_eq(
        oct_nic_uring_create(
            &(struct oct_nic_uring_cfg){.counters = counters, .stream_buf_sz = 5000}, &nic),
        -EINVAL);
}
