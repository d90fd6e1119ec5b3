#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/base/wire.h"
#include "dataplane/port/nic.h"
#include "drivers/feed/itch50.h"

#define BUF_SZ   (OCT_ITCH50_SZ_MAX + OCT_NIC_PAD)
#define MIDNIGHT INT64_C(1577682000000000000)
#define STAMP    UINT64_C(34200000075566)
#define BASE     1000u

/* Encodes m with a common header, normalizes it, and checks what every type has. */
static struct oct_md md_of(char type, struct oct_itch50_msg m)
{
    struct oct_md md;
    uint8_t wire[BUF_SZ];
    memset(wire, 0xc3, sizeof(wire));
    memset(&md, 0xee, sizeof(md));
    md.hdr.lane = 3;
    md.hdr.input = 77;
    m.hdr.type = type;
    m.hdr.locate = 13;
    m.hdr.ts_ns = STAMP;
    uint32_t sz = oct_itch50_encode(&m, wire);
    cr_assert_eq(oct_itch50_md(wire, sz, MIDNIGHT, BASE, &md), OCT_FEED_OK, "%c", type);
    cr_assert(md.hdr.type == OCT_MD && md.hdr.sz == sizeof(md) && md.hdr.flags == 0);
    cr_assert(md.hdr.lane == 3 && md.hdr.input == 77, "the lane's own fields are left alone");
    cr_assert_eq(md.inst, BASE + 13);
    cr_assert_eq(md.ts_exch_ns, MIDNIGHT + (int64_t)STAMP);
    for (uint32_t i = 0; i < sizeof(md.pad); i++)
        cr_assert_eq(md.pad[i], 0);
    return md;
}

#define MD_OF(type_, name, ...) md_of(type_, (struct oct_itch50_msg){.name = {__VA_ARGS__}})

static void assert_blank(const void *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(((const char *)p)[i], ' ');
}

Test(itch50_md, add_has_side_price_quantity_and_symbol)
{
    struct oct_md md = MD_OF('A', add, .ref = UINT64_C(0xfedcba9876543210), .shares = 300,
                             .side = 'S', .stock = "AAPL    ", .px = 2877500);
    cr_assert_eq(md.kind, OCT_MD_ADD);
    cr_assert_eq(md.side, OCT_SELL);
    cr_assert_eq(md.ref, UINT64_C(0xfedcba9876543210));
    cr_assert_eq(md.ref2, 0);
    cr_assert_eq(md.px.v, INT64_C(287750000000));
    cr_assert_eq(md.qty.v, INT64_C(30000000000));
    cr_assert_arr_eq(md.symbol.c, "AAPL    ", 8);
    assert_blank(md.mpid, 8);
    cr_assert(md.code == ' ' && md.code2 == ' ' && md.code3 == ' ' && md.printable == 1);
    md = MD_OF('A', add, .side = 'B', .px = UINT32_MAX, .shares = UINT32_MAX);
    cr_assert_eq(md.side, OCT_BUY);
    cr_assert_eq(md.px.v, (int64_t)UINT32_MAX * 100000);
    cr_assert_eq(md.qty.v, (int64_t)UINT32_MAX * 100000000);
}

Test(itch50_md, attributed_add_has_its_participant)
{
    struct oct_md md = MD_OF('F', add_mpid, .ref = 5, .shares = 1, .side = 'B', .stock = "MSFT    ",
                             .px = 1, .mpid = "NSDQ");
    cr_assert_eq(md.kind, OCT_MD_ADD);
    cr_assert_arr_eq(md.mpid, "NSDQ    ", 8);
}

Test(itch50_md, executions_have_match_number_and_no_side)
{
    struct oct_md md = MD_OF('E', exec, .ref = 9, .shares = 20, .match = 12345);
    cr_assert(md.kind == OCT_MD_EXEC && md.side == OCT_BUY && md.printable == 1);
    cr_assert(md.ref == 9 && md.ref2 == 12345 && md.qty.v == 20 * OCT_QTY_ONE && md.px.v == 0);
    assert_blank(md.symbol.c, 8);
    md = MD_OF('C', exec_px, .ref = 9, .shares = 20, .match = 12345, .printable = 'N', .px = 70000);
    cr_assert(md.kind == OCT_MD_EXEC_PX && md.printable == 0 && md.px.v == 7 * OCT_PX_ONE);
    md = MD_OF('C', exec_px, .printable = 'Y');
    cr_assert_eq(md.printable, 1);
}

Test(itch50_md, reduce_delete_and_replace_have_their_references)
{
    struct oct_md md = MD_OF('X', cancel, .ref = 9, .shares = 20);
    cr_assert(md.kind == OCT_MD_REDUCE && md.ref == 9 && md.qty.v == 20 * OCT_QTY_ONE);
    md = MD_OF('D', delete, .ref = UINT64_MAX);
    cr_assert(md.kind == OCT_MD_DELETE && md.ref == UINT64_MAX && md.qty.v == 0 && md.px.v == 0);
    md = MD_OF('U', replace, .ref = 8, .new_ref = 9, .shares = 7, .px = 60000);
    cr_assert(md.kind == OCT_MD_REPLACE && md.ref == 8 && md.ref2 == 9);
    cr_assert(md.qty.v == 7 * OCT_QTY_ONE && md.px.v == 6 * OCT_PX_ONE);
}

Test(itch50_md, trades_crosses_and_breaks_have_match_numbers)
{
    struct oct_md md =
        MD_OF('P', trade, .shares = 4, .side = 'B', .stock = "A       ", .px = 10000, .match = 6);
    cr_assert(md.kind == OCT_MD_TRADE && md.ref == 0 && md.ref2 == 6 && md.printable == 1);
    cr_assert_arr_eq(md.symbol.c, "A       ", 8);
    md = MD_OF('Q', cross, .shares = UINT64_C(5000000000), .stock = "A       ", .px = 20000,
               .match = 7, .cross = 'O');
    cr_assert(md.kind == OCT_MD_CROSS && md.ref2 == 7 && md.code == 'O');
    cr_assert_eq(md.qty.v, INT64_C(500000000000000000));
    cr_assert_eq(md.px.v, 2 * OCT_PX_ONE);
    md = MD_OF('B', broken, .match = 7);
    cr_assert(md.kind == OCT_MD_BROKEN && md.ref2 == 7 && md.ref == 0);
}

Test(itch50_md, administrative_messages_keep_their_codes)
{
    struct oct_md md = MD_OF('S', system, .event = 'Q');
    cr_assert(md.kind == OCT_MD_SYSTEM && md.code == 'Q');
    md = MD_OF('R', directory, .stock = "AAPL    ", .round_lot = 100, .market = 'Q',
               .financial = 'N', .authenticity = 'P');
    cr_assert(md.kind == OCT_MD_DIRECTORY && md.qty2.v == 100 * OCT_QTY_ONE && md.code == 'P' &&
              md.code2 == 'Q' && md.code3 == 'N');
    cr_assert_arr_eq(md.symbol.c, "AAPL    ", 8);
    md = MD_OF('H', trading, .stock = "AAPL    ", .state = 'H', .reason = "T1  ");
    cr_assert(md.kind == OCT_MD_TRADING && md.code == 'H');
    cr_assert_arr_eq(md.mpid, "T1      ", 8);
    md = MD_OF('Y', short_sale, .stock = "AAPL    ", .action = '1');
    cr_assert(md.kind == OCT_MD_SHORT_SALE && md.code == '1');
    md = MD_OF('L', participant, .stock = "AAPL    ", .mpid = "NSDQ", .primary = 'Y', .mode = 'N',
               .state = 'A');
    cr_assert(md.kind == OCT_MD_PARTICIPANT && md.code == 'A' && md.code2 == 'N' &&
              md.code3 == 'Y');
    cr_assert_arr_eq(md.mpid, "NSDQ    ", 8);
    md = MD_OF('h', op_halt, .stock = "AAPL    ", .market = 'Q', .action = 'H');
    cr_assert(md.kind == OCT_MD_OP_HALT && md.code == 'H' && md.code2 == 'Q');
    md = MD_OF('N', rpi, .stock = "AAPL    ", .interest = 'A');
    cr_assert(md.kind == OCT_MD_RPI && md.code == 'A');
    md = MD_OF('W', mwcb_breach, .level = '2');
    cr_assert(md.kind == OCT_MD_MWCB_BREACH && md.code == '2');
}

Test(itch50_md, price_messages_keep_every_price)
{
    struct oct_md md = MD_OF('V', mwcb_levels, .level1 = 300000000001, .level2 = 2, .level3 = 3);
    cr_assert(md.kind == OCT_MD_MWCB_LEVELS && md.px.v == 3000000000010 && md.px2.v == 20 &&
              md.px3.v == 30);
    md = MD_OF('K', ipo, .stock = "NEW     ", .release_s = 36000, .qualifier = 'A', .px = 170000);
    cr_assert(md.kind == OCT_MD_IPO && md.ref2 == 36000 && md.code == 'A' &&
              md.px.v == 17 * OCT_PX_ONE);
    md = MD_OF('J', luld, .stock = "AAPL    ", .ref_px = 10000, .upper_px = 20000,
               .lower_px = 30000, .extension = 4);
    cr_assert(md.kind == OCT_MD_LULD && md.px.v == OCT_PX_ONE && md.px2.v == 2 * OCT_PX_ONE &&
              md.px3.v == 3 * OCT_PX_ONE && md.ref2 == 4);
    md = MD_OF('I', noii, .paired = 5, .imbalance = 6, .stock = "AAPL    ", .far_px = 10000,
               .direction = 'B', .near_px = 20000, .ref_px = 30000, .cross = 'C', .variation = 'L');
    cr_assert(md.kind == OCT_MD_NOII && md.qty.v == 5 * OCT_QTY_ONE &&
              md.qty2.v == 6 * OCT_QTY_ONE);
    cr_assert(md.px.v == 3 * OCT_PX_ONE && md.px2.v == OCT_PX_ONE && md.px3.v == 2 * OCT_PX_ONE);
    cr_assert(md.code == 'B' && md.code2 == 'C' && md.code3 == 'L');
    md = MD_OF('O', listing, .stock = "NEW     ", .status = 'Y', .near_ts = 99, .near_px = 10000,
               .lower_px = 20000, .upper_px = 30000);
    cr_assert(md.kind == OCT_MD_LISTING && md.code == 'Y' && md.ref2 == 99 &&
              md.px.v == OCT_PX_ONE && md.px2.v == 3 * OCT_PX_ONE && md.px3.v == 2 * OCT_PX_ONE);
}

static enum oct_feed_error refused(char type, struct oct_itch50_msg m)
{
    struct oct_md md;
    struct oct_md before;
    uint8_t wire[BUF_SZ] = {0};
    memset(&md, 0xee, sizeof(md));
    before = md;
    m.hdr.type = type;
    uint32_t sz = oct_itch50_encode(&m, wire);
    enum oct_feed_error err = oct_itch50_md(wire, sz, MIDNIGHT, BASE, &md);
    cr_assert_neq(err, OCT_FEED_OK);
    cr_assert_eq(memcmp(&md, &before, sizeof(md)), 0, "untouched on an error");
    return err;
}

Test(itch50_md, side_that_is_none_is_refused)
{
    for (uint32_t side = 0; side < 256; side++) {
        if (side == 'B' || side == 'S')
            continue;
        struct oct_itch50_msg m = {.add = {.side = (char)side}};
        cr_assert_eq(refused('A', m), OCT_FEED_E_VALUE);
        cr_assert_eq(refused('F', m), OCT_FEED_E_VALUE);
        cr_assert_eq(refused('P', m), OCT_FEED_E_VALUE);
    }
}

Test(itch50_md, printable_that_is_neither_yes_nor_no_is_refused)
{
    struct oct_itch50_msg m = {.exec_px = {.printable = 'y'}};
    cr_assert_eq(refused('C', m), OCT_FEED_E_VALUE);
}

Test(itch50_md, values_beyond_our_units_are_refused)
{
    struct oct_itch50_msg q = {.cross = {.shares = UINT64_C(92233720369)}};
    struct oct_itch50_msg v = {.mwcb_levels = {.level3 = UINT64_C(922337203685477581)}};
    struct oct_itch50_msg i = {.noii = {.imbalance = UINT64_MAX}};
    cr_assert_eq(refused('Q', q), OCT_FEED_E_VALUE);
    cr_assert_eq(refused('V', v), OCT_FEED_E_VALUE);
    cr_assert_eq(refused('I', i), OCT_FEED_E_VALUE);
    i.noii.paired = UINT64_MAX;
    i.noii.imbalance = 0;
    cr_assert_eq(refused('I', i), OCT_FEED_E_VALUE);
    cr_assert_eq(MD_OF('Q', cross, .shares = 92233720368).qty.v, INT64_C(9223372036800000000));
    cr_assert_eq(MD_OF('V', mwcb_levels, .level1 = UINT64_C(922337203685477580)).px.v,
                 INT64_C(9223372036854775800));
}

Test(itch50_md, wrong_lengths_and_types_are_refused_alike)
{
    for (uint32_t type = 0; type < 256; type++) {
        uint8_t wire[BUF_SZ] = {(uint8_t)type};
        struct oct_md md;
        uint32_t right = oct_itch50_sz((char)type);
        cr_assert_eq(oct_itch50_md(wire, 0, 0, 0, &md), OCT_FEED_E_SHORT);
        for (uint32_t sz = 1; sz <= OCT_ITCH50_SZ_MAX; sz++) {
            if (sz != right)
                cr_assert_eq(oct_itch50_md(wire, sz, 0, 0, &md),
                             right == 0 ? OCT_FEED_E_TYPE : OCT_FEED_E_SZ);
        }
    }
}

Test(itch50_md, driver_table_is_complete)
{
    const struct oct_feed_ops *o = &oct_feed_itch50_mold;
    cr_assert_str_eq(o->name, "itch50");
    cr_assert(o->packet && o->request && o->next && o->decode);
    cr_assert_geq(o->pkt_sz_max, 1472);
}
