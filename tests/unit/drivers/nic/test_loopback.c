#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>

#include "drivers/nic/loopback/loopback.h"

static struct oct_counter counters[OCT_NIC_COUNTER_CNT];

static struct oct_nic *make(struct oct_nic_loopback_cfg cfg)
{
    struct oct_nic *nic = NULL;

    cfg.counters = counters;
    cr_assert_eq(oct_nic_loopback_create(&cfg, &nic), 0);
    cr_assert_eq(nic->ops->start(nic), 0);
    return nic;
}

Test(loopback, what_is_pushed_is_received_in_order_and_padded)
{
    struct oct_nic *nic = make((struct oct_nic_loopback_cfg){.pkt_cnt = 4});
    struct oct_nic_pkt p[4];

    cr_assert_eq(nic->ops->rx(nic, p, 4), 0);
    cr_assert_eq(oct_nic_loopback_push(nic, 1, 100, "abc", 3), 0);
    cr_assert_eq(oct_nic_loopback_push(nic, 2, 200, "defg", 4), 0);
    cr_assert_eq(nic->ops->rx(nic, p, 4), 2);
    cr_assert(p[0].line == 1 && p[0].ts_rx_ns == 100 && p[0].sz == 3 && !p[0].truncated);
    cr_assert_arr_eq(p[0].data, "abc", 3);
    cr_assert(p[1].line == 2 && p[1].ts_rx_ns == 200 && p[1].sz == 4);
    uint8_t sum = 0;
    for (uint32_t i = 0; i < OCT_NIC_PAD; i++)
        sum = (uint8_t)(sum + p[1].data[p[1].sz + i]);
    cr_assert_eq(sum, 0);
    nic->ops->release(nic, p, 2);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_RX_PKTS]), 2);
    cr_assert_eq(oct_count_get(&counters[OCT_NIC_RX_BYTES]), 7);
    nic->ops->close(nic);
}

Test(loopback, unreleased_datagrams_hold_their_room)
{
    struct oct_nic *nic = make((struct oct_nic_loopback_cfg){.pkt_cnt = 2});
    struct oct_nic_pkt p[2];

    cr_assert_eq(oct_nic_loopback_push(nic, 0, 1, "a", 1), 0);
    cr_assert_eq(oct_nic_loopback_push(nic, 0, 2, "b", 1), 0);
    cr_assert_eq(oct_nic_loopback_push(nic, 0, 3, "c", 1), -ENOBUFS);
    cr_assert_eq(nic->ops->rx(nic, p, 2), 2);
    cr_assert_eq(oct_nic_loopback_push(nic, 0, 3, "c", 1), -ENOBUFS);
    nic->ops->release(nic, p, 1);
    cr_assert_eq(oct_nic_loopback_push(nic, 0, 3, "c", 1), 0);
    cr_assert_eq(oct_nic_loopback_pending(nic), 2);
    nic->ops->close(nic);
}

Test(loopback, a_long_datagram_is_cut_and_says_so)
{
    struct oct_nic *nic = make((struct oct_nic_loopback_cfg){.pkt_sz_max = 4});
    struct oct_nic_pkt p;

    cr_assert_eq(oct_nic_loopback_push(nic, 0, 1, "abcdef", 6), 0);
    cr_assert_eq(nic->ops->rx(nic, &p, 1), 1);
    cr_assert(p.sz == 4 && p.truncated);
    nic->ops->close(nic);
}

Test(loopback, the_end_is_said_only_when_empty)
{
    struct oct_nic *nic = make((struct oct_nic_loopback_cfg){0});
    struct oct_nic_pkt p;

    oct_nic_loopback_push(nic, 0, 1, "a", 1);
    oct_nic_loopback_end(nic);
    cr_assert_eq(nic->ops->rx(nic, &p, 1), 1);
    cr_assert_eq(nic->ops->rx(nic, &p, 1), -ENODATA);
    nic->ops->close(nic);
}

Test(loopback, sent_datagrams_are_taken_with_their_address)
{
    struct oct_nic *nic = make((struct oct_nic_loopback_cfg){.pkt_cnt = 2});
    struct oct_nic_loopback_sent s;

    cr_assert_not(oct_nic_loopback_take(nic, &s));
    cr_assert_eq(nic->ops->tx(nic, 7, 99, "rq", 2), 0);
    cr_assert_eq(nic->ops->tx(nic, 8, 98, "rr", 2), 0);
    cr_assert_eq(nic->ops->tx(nic, 8, 98, "rs", 2), -EAGAIN);
    cr_assert(oct_nic_loopback_take(nic, &s));
    cr_assert(s.addr_be == 7 && s.port == 99 && s.sz == 2);
    cr_assert_arr_eq(s.data, "rq", 2);
    nic->ops->close(nic);
}

Test(loopback, a_stream_sends_all_or_nothing)
{
    struct oct_nic *nic =
        make((struct oct_nic_loopback_cfg){.stream_buf_sz = 8, .manual_open = true});
    char buf[16];

    int h = nic->ops->stream_open(nic, 1, 2);
    cr_assert_geq(h, 0);
    cr_assert_eq(nic->ops->stream_state(nic, h), OCT_STREAM_CONNECTING);
    cr_assert_eq(nic->ops->stream_send(nic, h, "x", 1), -EPIPE);
    oct_nic_loopback_accept(nic, h);
    cr_assert_eq(nic->ops->stream_state(nic, h), OCT_STREAM_OPEN);
    cr_assert_eq(nic->ops->stream_send(nic, h, "12345", 5), 0);
    cr_assert_eq(nic->ops->stream_send(nic, h, "6789", 4), -EAGAIN);
    cr_assert_eq(oct_nic_loopback_stream_take(nic, h, buf, sizeof buf), 5);
    cr_assert_eq(nic->ops->stream_send(nic, h, "6789", 4), 0);
    oct_nic_loopback_stall(nic, h, true);
    cr_assert_eq(nic->ops->stream_send(nic, h, "a", 1), -EAGAIN);
    oct_nic_loopback_fail(nic, h);
    cr_assert_eq(nic->ops->stream_state(nic, h), OCT_STREAM_FAILED);
    cr_assert_eq(nic->ops->stream_send(nic, h, "a", 1), -EPIPE);
    nic->ops->stream_close(nic, h);
    cr_assert_eq(nic->ops->stream_open(nic, 1, 2), h);
    nic->ops->close(nic);
}

Test(loopback, a_stream_window_takes_more_only_as_room_is_made)
{
    struct oct_nic *nic = make((struct oct_nic_loopback_cfg){.stream_buf_sz = 4});
    const uint8_t *d;
    int64_t ts;

    int h = nic->ops->stream_open(nic, 1, 2);
    cr_assert_eq(oct_nic_loopback_stream_push(nic, h, 55, "abcdef", 6), 4);
    cr_assert_eq(nic->ops->stream_peek(nic, h, &d, &ts), 4);
    cr_assert_eq(ts, 55);
    cr_assert_arr_eq(d, "abcd", 4);
    nic->ops->stream_consume(nic, h, 3);
    cr_assert_eq(oct_nic_loopback_stream_push(nic, h, 56, "ef", 2), 2);
    cr_assert_eq(nic->ops->stream_peek(nic, h, &d, &ts), 3);
    cr_assert_arr_eq(d, "def", 3);
    nic->ops->close(nic);
}
