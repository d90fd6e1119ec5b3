/* rig.h - a collector with everything it says written down as text.
 *
 * Words: "a1+2" messages 1 and 2 from line a, "r3+1" from a rewind server, "live:1", "gap:3-5",
 * "recovered:3-5", "stale:3-5", "end:9", "bad:3-9", "ask0:3+2" a request to server 0,
 * "!feed.jump" a fault. */
#ifndef OCT_TEST_COLLECTOR_RIG_H
#define OCT_TEST_COLLECTOR_RIG_H

#include "agents/collector/collector.h"

#define RIG_US INT64_C(1000)
#define RIG_MS INT64_C(1000000)
#define RIG_T0 INT64_C(1700000000000000000)

struct rig {
    struct oct_collector *c;
    struct oct_collector_cfg cfg;
    void *mem;
    int64_t now;
    int request_err; /* what sending a request returns */
    bool check_content;
    char said[8192];
    size_t said_len;
    struct oct_counter feed[OCT_COLLECTOR_COUNTER_CNT];
    struct oct_counter line[OCT_COLLECTOR_LINE_MAX + 1][OCT_LINE_COUNTER_CNT];
};

/* Two lines, no server, window of 8 packets, reorder 100 us, retry 1 ms twice, gap timeout 5 ms;
 * change r->cfg and call rig_open. */
void rig_init(struct rig *r);
void rig_open(struct rig *r);
void rig_close(struct rig *r);

/* A packet of messages first .. first + cnt - 1, each eight bytes: its number. */
void rig_data(struct rig *r, uint8_t line, uint64_t first, uint16_t cnt);
void rig_heartbeat(struct rig *r, uint8_t line, uint64_t next);
void rig_end(struct rig *r, uint8_t line, uint64_t next);
void rig_raw(struct rig *r, uint8_t line, const void *data, uint32_t sz);
/* The same with another session name. */
void rig_other(struct rig *r, uint8_t line, const char *session, uint64_t first, uint16_t cnt);
/* Lets time pass and ticks. */
void rig_wait(struct rig *r, int64_t ns);

/* Asserts what was said since the last call, words separated by one space. */
void rig_said(struct rig *r, const char *want, const char *file, int line);
#define SAID(r, want) rig_said(r, want, __FILE__, __LINE__)

uint64_t rig_count(const struct rig *r, enum oct_collector_counter i);
uint64_t rig_line(const struct rig *r, uint8_t line, enum oct_collector_line_counter i);

#define RIG_REWIND UINT8_C(255)

#endif
