#include "tests/unit/agents/collector/rig.h"

#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"
#include "drivers/feed/moldudp64.h"

OCT_PRINTF(2, 3) static void say(struct rig *r, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    if (r->said_len != 0)
        r->said[r->said_len++] = ' ';
    r->said_len += (size_t)vsnprintf(r->said + r->said_len, sizeof(r->said) - r->said_len, fmt, ap);
    va_end(ap);
    cr_assert_lt(r->said_len, sizeof(r->said) - 64);
}

static void on_payload(void *self, uint8_t line, int64_t ts_rx_ns, uint64_t first_seq,
                       uint16_t msg_cnt, const uint8_t *blocks, uint32_t sz)
{
    struct rig *r = self;
    struct oct_feed_cursor cur = {blocks, blocks + sz};
    const uint8_t *msg;
    uint32_t msg_sz;
    cr_assert_leq(ts_rx_ns, r->now);
    for (uint32_t i = 0; i < msg_cnt; i++) {
        cr_assert(oct_moldudp64_next(&cur, &msg, &msg_sz));
        cr_assert(msg_sz == 8 && oct_load_be64(msg) == first_seq + i, "content of %llu",
                  (unsigned long long)(first_seq + i));
    }
    cr_assert_eq(cur.p, cur.end);
    char name = line == OCT_LINE_REWIND ? 'r' : (char)('a' + line);
    say(r, "%c%llu+%u", name, (unsigned long long)first_seq, msg_cnt);
}

static void on_event(void *self, enum oct_feed_event event, uint64_t from, uint64_t to)
{
    static const char *const names[] = {
        [OCT_FEED_LIVE] = "live",   [OCT_FEED_GAP] = "gap", [OCT_FEED_RECOVERED] = "recovered",
        [OCT_FEED_STALE] = "stale", [OCT_FEED_END] = "end", [OCT_FEED_BAD] = "bad",
    };
    if (event == OCT_FEED_LIVE || event == OCT_FEED_END) {
        cr_assert_eq(from, to);
        say(self, "%s:%llu", names[event], (unsigned long long)from);
    } else {
        say(self, "%s:%llu-%llu", names[event], (unsigned long long)from, (unsigned long long)to);
    }
}

static int request(void *self, uint32_t server, const uint8_t *data, uint32_t sz)
{
    struct rig *r = self;
    struct oct_moldudp64_request q;
    cr_assert_eq(oct_moldudp64_request_read(data, sz, &q), OCT_FEED_OK);
    cr_assert_arr_eq(q.session, "SESSION001", 10);
    say(r, "ask%u:%llu+%u", server, (unsigned long long)q.first_seq, q.cnt);
    return r->request_err;
}

static void fault(void *self, const char *code, int64_t now_ns, uint64_t d0, uint64_t d1,
                  uint64_t d2)
{
    struct rig *r = self;
    (void)d0;
    (void)d1;
    (void)d2;
    cr_assert_eq(now_ns, r->now);
    say(r, "!%s", code);
}

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    oct_collector_cfg_default(&r->cfg);
    r->now = RIG_T0;
    r->cfg.ops = &oct_feed_itch50_mold;
    r->cfg.line_cnt = 2;
    r->cfg.window_pkts = 8;
    r->cfg.retry_max = 2;
    r->cfg.reorder_ns = 100 * RIG_US;
    r->cfg.retry_ns = 1 * RIG_MS;
    r->cfg.gap_timeout_ns = 5 * RIG_MS;
    r->cfg.jump_max = 1000;
    r->cfg.back_max = 100;
    r->cfg.counters = r->feed;
}

void rig_open(struct rig *r)
{
    struct oct_collector_out out = {.on_payload = on_payload,
                                    .on_event = on_event,
                                    .request = request,
                                    .fault = fault,
                                    .self = r};
    for (uint32_t i = 0; i <= r->cfg.line_cnt; i++)
        r->cfg.line_counters[i] = r->line[i];
    size_t sz = oct_collector_footprint(&r->cfg);
    cr_assert_neq(sz, 0);
    r->mem = aligned_alloc(128, sz);
    r->c = oct_collector_new(r->mem, &r->cfg, &out);
    cr_assert_not_null(r->c);
}

void rig_close(struct rig *r)
{
    free(r->mem);
}

/* The nic's buffer ends exactly where it promises, so that a sanitizer sees one byte too many. */
void rig_raw(struct rig *r, uint8_t line, const void *data, uint32_t sz)
{
    uint8_t *buf = malloc(sz + OCT_NIC_PAD);
    cr_assert_not_null(buf);
    memcpy(buf, data, sz);
    memset(buf + sz, 0xdb, OCT_NIC_PAD);
    struct oct_nic_pkt pkt = {.data = buf, .ts_rx_ns = r->now, .sz = sz, .line = line};
    oct_collector_packet(r->c, &pkt, r->now);
    memset(buf, 0x99, sz);
    free(buf);
}

void rig_other(struct rig *r, uint8_t line, const char *session, uint64_t first, uint16_t cnt)
{
    static uint8_t buf[65536];
    uint8_t name[10];
    uint8_t msg[8];
    struct oct_moldudp64_builder b;
    oct_moldudp64_session(name, session);
    oct_moldudp64_begin(&b, buf, sizeof(buf), name, first);
    for (uint32_t i = 0; i < cnt; i++) {
        oct_store_be64(msg, first + i);
        cr_assert(oct_moldudp64_append(&b, msg, sizeof(msg)));
    }
    rig_raw(r, line, buf, oct_moldudp64_finish(&b));
}

void rig_data(struct rig *r, uint8_t line, uint64_t first, uint16_t cnt)
{
    rig_other(r, line, "SESSION001", first, cnt);
}

void rig_heartbeat(struct rig *r, uint8_t line, uint64_t next)
{
    uint8_t buf[20];
    rig_raw(r, line, buf, oct_moldudp64_heartbeat(buf, (const uint8_t *)"SESSION001", next));
}

void rig_end(struct rig *r, uint8_t line, uint64_t next)
{
    uint8_t buf[20];
    rig_raw(r, line, buf, oct_moldudp64_end(buf, (const uint8_t *)"SESSION001", next));
}

void rig_wait(struct rig *r, int64_t ns)
{
    r->now += ns;
    oct_collector_tick(r->c, r->now);
}

void rig_said(struct rig *r, const char *want, const char *file, int line)
{
    cr_assert_str_eq(r->said, want, "%s:%d: said \"%s\", expected \"%s\"", file, line, r->said,
                     want);
    r->said[0] = 0;
    r->said_len = 0;
}

uint64_t rig_count(const struct rig *r, enum oct_collector_counter i)
{
    return oct_count_get(&r->feed[i]);
}

uint64_t rig_line(const struct rig *r, uint8_t line, enum oct_collector_line_counter i)
{
    return oct_count_get(&r->line[line == RIG_REWIND ? r->cfg.line_cnt : line][i]);
}
