#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/base/wire.h"
#include "drivers/feed/moldudp64.h"

static const uint8_t session[16] = {'2', '0', '1', '9', '1', '2', '3', '0', ' ', 'A'};

/* Three messages of 3, 0 and 5 bytes, the first being number 41. */
static uint32_t three(uint8_t *buf)
{
    struct oct_moldudp64_builder b;
    oct_moldudp64_begin(&b, buf, 128, session, 41);
    cr_assert(oct_moldudp64_append(&b, "abc", 3));
    cr_assert(oct_moldudp64_append(&b, NULL, 0));
    cr_assert(oct_moldudp64_append(&b, "defgh", 5));
    return oct_moldudp64_finish(&b);
}

Test(moldudp64, packet_is_laid_out_as_specified)
{
    static const uint8_t want[] = {'2', '0', '1', '9', '1', '2', '3', '0', ' ', 'A', 0,   0,
                                   0,   0,   0,   0,   0,   41,  0,   3,   0,   3,   'a', 'b',
                                   'c', 0,   0,   0,   5,   'd', 'e', 'f', 'g', 'h'};
    uint8_t buf[128];
    cr_assert_eq(three(buf), sizeof(want));
    cr_assert_arr_eq(buf, want, sizeof(want));
}

Test(moldudp64, built_packet_reads_back)
{
    uint8_t buf[128];
    struct oct_feed_pkt p;
    uint32_t sz = three(buf);
    cr_assert_eq(oct_moldudp64_packet(buf, sz, &p), OCT_FEED_OK);
    cr_assert_eq(p.kind, OCT_FEED_PKT_DATA);
    cr_assert_eq(p.first_seq, 41);
    cr_assert_eq(p.msg_cnt, 3);
    cr_assert_eq(p.blocks, buf + 20);
    cr_assert_eq(p.blocks_sz, sz - 20);
    cr_assert_arr_eq(p.session, session, 16);
}

Test(moldudp64, blocks_are_walked_in_order_empty_ones_too)
{
    uint8_t buf[128];
    struct oct_feed_pkt p;
    const uint8_t *msg;
    uint32_t sz;
    cr_assert_eq(oct_moldudp64_packet(buf, three(buf), &p), OCT_FEED_OK);
    struct oct_feed_cursor c = {p.blocks, p.blocks + p.blocks_sz};
    cr_assert(oct_moldudp64_next(&c, &msg, &sz));
    cr_assert(sz == 3 && memcmp(msg, "abc", 3) == 0);
    cr_assert(oct_moldudp64_next(&c, &msg, &sz));
    cr_assert_eq(sz, 0);
    cr_assert(oct_moldudp64_next(&c, &msg, &sz));
    cr_assert(sz == 5 && memcmp(msg, "defgh", 5) == 0);
    cr_assert_not(oct_moldudp64_next(&c, &msg, &sz));
    cr_assert_not(oct_moldudp64_next(&c, &msg, &sz));
}

Test(moldudp64, walker_stops_at_a_block_that_is_not_whole)
{
    static const uint8_t cut[] = {0, 2, 'x', 'y', 0, 9, 'z'};
    struct oct_feed_cursor c = {cut, cut + sizeof(cut)};
    const uint8_t *msg;
    uint32_t sz;
    cr_assert(oct_moldudp64_next(&c, &msg, &sz));
    cr_assert_not(oct_moldudp64_next(&c, &msg, &sz));
    cr_assert_eq(c.p, cut + 4);
    c.end = cut + 5;
    cr_assert_not(oct_moldudp64_next(&c, &msg, &sz));
}

Test(moldudp64, packet_cut_anywhere_is_short)
{
    uint8_t buf[128];
    struct oct_feed_pkt p;
    uint32_t sz = three(buf);
    for (uint32_t i = 0; i < sz; i++)
        cr_assert_eq(oct_moldudp64_packet(buf, i, &p), OCT_FEED_E_SHORT, "cut at %u", i);
}

Test(moldudp64, short_packet_says_which_blocks_are_whole)
{
    uint8_t buf[128];
    struct oct_feed_pkt p;
    uint32_t sz = three(buf);
    cr_assert_eq(oct_moldudp64_packet(buf, sz - 1, &p), OCT_FEED_E_SHORT);
    cr_assert_eq(p.first_seq, 41);
    cr_assert_eq(p.msg_cnt, 2);
    cr_assert_eq(p.blocks_sz, 7);
}

Test(moldudp64, bytes_after_the_last_block_are_refused)
{
    uint8_t buf[128];
    struct oct_feed_pkt p;
    uint32_t sz = three(buf);
    buf[sz] = 0;
    cr_assert_eq(oct_moldudp64_packet(buf, sz + 1, &p), OCT_FEED_E_LONG);
}

Test(moldudp64, count_beyond_the_blocks_is_short)
{
    uint8_t buf[128];
    struct oct_feed_pkt p;
    uint32_t sz = three(buf);
    oct_store_be16(buf + 18, 0xfffe);
    cr_assert_eq(oct_moldudp64_packet(buf, sz, &p), OCT_FEED_E_SHORT);
}

Test(moldudp64, numbers_past_the_last_are_refused)
{
    uint8_t buf[128];
    struct oct_feed_pkt p;
    uint32_t sz = three(buf);
    oct_store_be64(buf + 10, UINT64_MAX - 2);
    cr_assert_eq(oct_moldudp64_packet(buf, sz, &p), OCT_FEED_E_VALUE);
    oct_store_be64(buf + 10, UINT64_MAX - 3);
    cr_assert_eq(oct_moldudp64_packet(buf, sz, &p), OCT_FEED_OK);
}

Test(moldudp64, heartbeat_and_end_carry_the_next_number)
{
    uint8_t buf[32];
    struct oct_feed_pkt p;
    uint32_t sz = oct_moldudp64_heartbeat(buf, session, 77);
    cr_assert_eq(sz, 20);
    cr_assert_eq(oct_moldudp64_packet(buf, sz, &p), OCT_FEED_OK);
    cr_assert(p.kind == OCT_FEED_PKT_HEARTBEAT && p.first_seq == 77 && p.msg_cnt == 0);
    sz = oct_moldudp64_end(buf, session, 78);
    cr_assert_eq(sz, 20);
    cr_assert_eq(oct_load_be16(buf + 18), 0xffff);
    cr_assert_eq(oct_moldudp64_packet(buf, sz, &p), OCT_FEED_OK);
    cr_assert(p.kind == OCT_FEED_PKT_END && p.first_seq == 78 && p.msg_cnt == 0);
}

Test(moldudp64, heartbeat_with_something_behind_it_is_refused)
{
    uint8_t buf[32] = {0};
    struct oct_feed_pkt p;
    oct_moldudp64_heartbeat(buf, session, 77);
    cr_assert_eq(oct_moldudp64_packet(buf, 21, &p), OCT_FEED_E_LONG);
    oct_moldudp64_end(buf, session, 77);
    cr_assert_eq(oct_moldudp64_packet(buf, 22, &p), OCT_FEED_E_LONG);
}

Test(moldudp64, packet_without_messages_is_a_heartbeat)
{
    uint8_t buf[32];
    struct oct_moldudp64_builder b;
    struct oct_feed_pkt p;
    oct_moldudp64_begin(&b, buf, sizeof(buf), session, 5);
    cr_assert_eq(oct_moldudp64_finish(&b), 20);
    cr_assert_eq(oct_moldudp64_packet(buf, 20, &p), OCT_FEED_OK);
    cr_assert_eq(p.kind, OCT_FEED_PKT_HEARTBEAT);
}

Test(moldudp64, builder_takes_what_fits_and_not_a_byte_more)
{
    uint8_t buf[64];
    struct oct_moldudp64_builder b;
    memset(buf, 0xee, sizeof(buf));
    oct_moldudp64_begin(&b, buf, 40, session, 1);
    cr_assert(oct_moldudp64_append(&b, "0123456789", 10));
    cr_assert_not(oct_moldudp64_append(&b, "0123456", 7));
    cr_assert(oct_moldudp64_append(&b, "012345", 6));
    cr_assert_not(oct_moldudp64_append(&b, NULL, 0));
    cr_assert_eq(oct_moldudp64_finish(&b), 40);
    cr_assert_eq(oct_load_be16(buf + 18), 2);
    for (uint32_t i = 40; i < sizeof(buf); i++)
        cr_assert_eq(buf[i], 0xee);
}

Test(moldudp64, builder_stops_below_the_count_that_means_end)
{
    static uint8_t buf[20 + 2 * 65536];
    struct oct_moldudp64_builder b;
    struct oct_feed_pkt p;
    oct_moldudp64_begin(&b, buf, sizeof(buf), session, 1);
    for (uint32_t i = 0; i < OCT_MOLDUDP64_CNT_MAX; i++)
        cr_assert(oct_moldudp64_append(&b, NULL, 0));
    cr_assert_not(oct_moldudp64_append(&b, NULL, 0));
    cr_assert_eq(oct_moldudp64_packet(buf, oct_moldudp64_finish(&b), &p), OCT_FEED_OK);
    cr_assert_eq(p.msg_cnt, 65534);
}

Test(moldudp64, message_longer_than_a_length_can_say_is_refused)
{
    static uint8_t buf[70000];
    static uint8_t msg[65536];
    struct oct_moldudp64_builder b;
    oct_moldudp64_begin(&b, buf, sizeof(buf), session, 1);
    cr_assert_not(oct_moldudp64_append(&b, msg, 65536));
    cr_assert(oct_moldudp64_append(&b, msg, 65535));
}

Test(moldudp64, request_goes_both_ways)
{
    uint8_t buf[64];
    struct oct_feed_pkt like = {.kind = OCT_FEED_PKT_DATA};
    struct oct_moldudp64_request r;
    memcpy(like.session, session, sizeof(like.session));
    cr_assert_eq(oct_moldudp64_request(&like, 1234567890123, 500, buf), 20);
    cr_assert_arr_eq(buf, session, 10);
    cr_assert_eq(oct_load_be64(buf + 10), 1234567890123);
    cr_assert_eq(oct_load_be16(buf + 18), 500);
    cr_assert_eq(oct_moldudp64_request_read(buf, 20, &r), OCT_FEED_OK);
    cr_assert_arr_eq(r.session, session, 10);
    cr_assert_eq(r.first_seq, 1234567890123);
    cr_assert_eq(r.cnt, 500);
}

Test(moldudp64, request_of_wrong_size_or_sense_is_refused)
{
    uint8_t buf[64] = {0};
    struct oct_feed_pkt like = {.kind = OCT_FEED_PKT_DATA};
    struct oct_moldudp64_request r = {.cnt = 7};
    oct_moldudp64_request(&like, 10, 1, buf);
    for (uint32_t i = 0; i < 20; i++)
        cr_assert_eq(oct_moldudp64_request_read(buf, i, &r), OCT_FEED_E_SHORT);
    cr_assert_eq(oct_moldudp64_request_read(buf, 21, &r), OCT_FEED_E_LONG);
    oct_store_be16(buf + 18, 0);
    cr_assert_eq(oct_moldudp64_request_read(buf, 20, &r), OCT_FEED_E_VALUE);
    oct_store_be16(buf + 18, 2);
    oct_store_be64(buf + 10, UINT64_MAX - 1);
    cr_assert_eq(oct_moldudp64_request_read(buf, 20, &r), OCT_FEED_E_VALUE);
    cr_assert_eq(r.cnt, 7, "untouched on an error");
}

Test(moldudp64, session_text_is_padded_and_cut)
{
    uint8_t s[10];
    oct_moldudp64_session(s, "DEMO");
    cr_assert_arr_eq(s, "DEMO      ", 10);
    oct_moldudp64_session(s, "ABCDEFGHIJKLM");
    cr_assert_arr_eq(s, "ABCDEFGHIJ", 10);
    oct_moldudp64_session(s, "");
    cr_assert_arr_eq(s, "          ", 10);
}
