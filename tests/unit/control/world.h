/* world.h - a dataplane of the test's own: the regions as the real one makes them, a lane that
 * publishes what the test wants, and books kept the plainest way to compare with. */
#ifndef OCT_TEST_CONTROL_WORLD_H
#define OCT_TEST_CONTROL_WORLD_H

#include "dataplane/base/rng.h"
#include "dataplane/instance.h"
#include "dataplane/journal/recorder.h"
#include "tests/unit/book/slow_book.h"

#define WORLD_INST_CNT 64u

struct world {
    char dir[96]; /* temporary; run and data directories lie in it */
    char run_dir[128];
    char data_dir[128];
    char journal_dir[160];
    struct oct_instance in;
    bool up;
    struct oct_recorder *rec; /* NULL: no journal */
    struct slow_book books;
    struct oct_rng rng;
    uint64_t input;
    uint64_t feed_seq;
    uint64_t next_ref;
    uint64_t run_id;
    uint64_t live[256]; /* references that exist */
    uint32_t live_cnt;
    uint8_t pkt[65536];
    uint32_t pkt_sz;
    uint16_t pkt_msgs;
};

/* Makes the folders, no regions yet. */
void world_init(struct world *w);
void world_fini(struct world *w);

/* Starts a "dataplane": new regions and an in_start.  journal: with a recorder, polled by
 * world_settle. */
void world_start(struct world *w, uint32_t ring_depth, bool journal, bool recovered);
/* It dies: the regions stay, nobody turns. */
void world_crash(struct world *w);
/* The recorder takes and writes everything there is. */
void world_settle(struct world *w);
void world_beat(struct world *w);

/* Publishes any record with the next input number. */
void world_emit(struct world *w, struct oct_msg_hdr *m, bool is_input);
/* Adds one ITCH message to the packet being made, and to the plain books. */
void world_random_message(struct world *w);
/* Publishes the packet as the intake does, in fragments. */
void world_packet(struct world *w);
/* cnt messages in packets of random sizes. */
void world_trade(struct world *w, uint32_t cnt);

/* Answers commands and the kill word until *stop: a lane's manners, in a thread of its own. */
struct world_lane {
    struct world *w;
    _Atomic int stop;
    uint8_t result; /* enum oct_cmd_result_kind, of every command */
    struct oct_in_cmd cmd[16];
    _Atomic uint32_t cmd_cnt;
};
void *world_lane_run(void *lane);

#endif
