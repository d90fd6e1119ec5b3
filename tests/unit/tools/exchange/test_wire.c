/* What keeps and carries packets: the rewind store, and lines with faults. */
#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "dataplane/base/wire.h"
#include "tools/exchange/line.h"
#include "tools/exchange/store.h"

/* ---- store ----------------------------------------------------------------------------------- */

Test(store, newest_messages_are_held_and_the_oldest_go)
{
    struct oct_exch_store s;
    uint8_t msg[64];
    uint32_t sz;
    cr_assert_eq(oct_exch_store_init(&s, 1 << 20), 0);
    cr_expect_null(oct_exch_store_get(&s, 1, &sz));
    for (uint64_t seq = 1; seq <= 200000; seq++) {
        uint32_t n = 12 + (uint32_t)(seq % 40);
        memset(msg, (int)(seq % 251), sizeof msg);
        oct_store_be64(msg, seq);
        cr_assert_eq(oct_exch_store_append(&s, msg, n), seq);
        const uint8_t *p = oct_exch_store_get(&s, s.first, &sz);
        cr_assert_not_null(p);
        cr_assert_eq(oct_load_be64(p), s.first);
        cr_assert_eq(sz, 12 + s.first % 40);
    }
    cr_expect_gt(s.first, 100000, "a MiB does not hold everything");
    cr_expect_gt(200001 - s.first, 20000, "but it holds what fits");
    cr_expect_null(oct_exch_store_get(&s, s.first - 1, &sz));
    cr_expect_null(oct_exch_store_get(&s, 200001, &sz));
    cr_expect_null(oct_exch_store_get(&s, 0, &sz));
    for (uint64_t seq = s.first; seq <= 200000; seq++) {
        const uint8_t *p = oct_exch_store_get(&s, seq, &sz);
        cr_assert_eq(oct_load_be64(p), seq);
        cr_assert_eq(p[sz - 1], sz > 8 ? seq % 251 : p[sz - 1]);
    }
    oct_exch_store_fini(&s);
}

Test(store, small_messages_are_bounded_by_their_number)
{
    struct oct_exch_store s;
    uint32_t sz;
    cr_assert_eq(oct_exch_store_init(&s, 1 << 20), 0);
    for (uint32_t i = 0; i < 300000; i++)
        oct_exch_store_append(&s, "x", 1);
    cr_expect_leq(s.next - s.first, s.msg_cnt);
    cr_expect_not_null(oct_exch_store_get(&s, s.first, &sz));
    cr_expect_eq(sz, 1);
    oct_exch_store_fini(&s);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static int receiver(struct sockaddr_in *at)
{
    socklen_t len = sizeof *at;
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    *at = (struct sockaddr_in){.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    cr_assert_eq(bind(fd, (struct sockaddr *)at, sizeof *at), 0);
    cr_assert_eq(getsockname(fd, (struct sockaddr *)at, &len), 0);
    return fd;
}

/* Sends 200 numbered packets on a line, a microsecond apart; what arrived, in order. */
static uint32_t carry(const char *faults, uint32_t idx, uint64_t seed, uint32_t *got,
                      struct oct_exch_line_stats *stats)
{
    struct oct_exch_faults f;
    struct oct_exch_line l;
    struct sockaddr_in at;
    char err[256];
    uint8_t pkt[4];
    uint32_t n = 0;
    int fd = receiver(&at);
    cr_assert_eq(oct_exch_faults_parse(&f, faults, err, sizeof err), 0, "%s", err);
    cr_assert_eq(oct_exch_line_open(&l, idx, &at, htonl(INADDR_LOOPBACK), 0, &f, seed), 0);
    for (uint32_t i = 0; i < 200; i++) {
        oct_store_be32(pkt, i);
        oct_exch_line_send(&l, 1000 * i, pkt, 4, false);
        oct_exch_line_tick(&l, 1000 * i);
        while (recv(fd, pkt, 4, 0) == 4 && n < 1000)
            got[n++] = oct_load_be32(pkt);
    }
    oct_exch_line_flush(&l);
    while (recv(fd, pkt, 4, 0) == 4 && n < 1000)
        got[n++] = oct_load_be32(pkt);
    *stats = l.stats;
    oct_exch_line_close(&l);
    close(fd);
    return n;
}

static bool in_order(const uint32_t *got, uint32_t n)
{
    for (uint32_t i = 1; i < n; i++)
        if (got[i] <= got[i - 1])
            return false;
    return true;
}

Test(line, without_faults_everything_arrives_in_order)
{
    uint32_t got[1000];
    struct oct_exch_line_stats st;
    cr_expect_eq(carry("", 0, 1, got, &st), 200);
    cr_expect(in_order(got, 200));
    cr_expect_eq(st.packets, 200);
    cr_expect_eq(st.bytes, 800);
}

Test(line, losses_doubles_and_overtaking_are_as_many_as_counted)
{
    uint32_t got[1000];
    struct oct_exch_line_stats st;
    uint32_t n = carry("drop=0.2,dup=0.1,reorder=0.1", 0, 1, got, &st);
    cr_expect_eq(n, 200 - st.dropped + st.doubled);
    cr_expect_eq(n, st.packets);
    cr_expect(st.dropped > 15 && st.dropped < 70, "%lu", st.dropped);
    cr_expect(st.doubled > 3 && st.reordered > 3);
    cr_expect_not(in_order(got, n));
}

Test(line, one_seed_one_fate_and_another_another)
{
    uint32_t a[1000], b[1000], c[1000];
    struct oct_exch_line_stats st;
    const char *f = "drop=0.2,dup=0.1,reorder=0.1";
    uint32_t na = carry(f, 0, 7, a, &st), nb = carry(f, 0, 7, b, &st), nc = carry(f, 0, 8, c, &st);
    cr_expect_eq(na, nb);
    cr_expect_eq(memcmp(a, b, na * sizeof *a), 0);
    cr_expect(na != nc || memcmp(a, c, na * sizeof *a) != 0);
}

Test(line, faults_stay_on_the_lines_that_were_named)
{
    uint32_t got[1000];
    struct oct_exch_line_stats st;
    cr_expect_lt(carry("drop=0.5,lines=b", 1, 1, got, &st), 150);
    cr_expect_eq(carry("drop=0.5,lines=b", 0, 1, got, &st), 200);
}

Test(line, skew_delays_line_b_only)
{
    uint32_t got[1000];
    struct oct_exch_line_stats st;
    cr_expect_eq(carry("skew=50us", 1, 1, got, &st), 200);
    cr_expect(in_order(got, 200));
    cr_expect_eq(st.delayed, 200);
    carry("skew=50us", 0, 1, got, &st);
    cr_expect_eq(st.delayed, 0);
}

Test(line, impossible_faults_are_refused_with_a_reason)
{
    static const char *const bad[] = {"drop",      "drop=",      "drop=1.5", "drop=-1",
                                      "drop=x",    "skew=5",     "skew=5h",  "skew=11s",
                                      "lines=c",   "same=maybe", "fire=1",   "drop=0.1;dup=0.1",
                                      "rewind=no", "skew=nanms", "drop=nan"};
    for (uint32_t i = 0; i < OCT_ARRAY_CNT(bad); i++) {
        struct oct_exch_faults f;
        char err[256] = "";
        cr_expect_eq(oct_exch_faults_parse(&f, bad[i], err, sizeof err), -EINVAL, "%s", bad[i]);
        cr_expect_neq(err[0], 0);
    }
}
