#include "tests/unit/control/world.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dataplane/base/time.h"
#include "dataplane/base/wire.h"
#include "drivers/feed/itch50.h"

static const char *const symbols[] = {"AAPL    ", "MSFT    ", "ZVZZT   "};
#define SYMBOL_CNT 3u

void world_init(struct world *w)
{
    const char *root = getenv("TMPDIR");
    memset(w, 0, sizeof(*w));
    snprintf(w->dir, sizeof(w->dir), "%.60s/oct_world_XXXXXX", root != NULL ? root : P_tmpdir);
    cr_assert_not_null(mkdtemp(w->dir));
    snprintf(w->run_dir, sizeof(w->run_dir), "%s/run", w->dir);
    snprintf(w->data_dir, sizeof(w->data_dir), "%s/data", w->dir);
    snprintf(w->journal_dir, sizeof(w->journal_dir), "%s/journal", w->data_dir);
    cr_assert_eq(mkdir(w->run_dir, 0750), 0);
    cr_assert_eq(mkdir(w->data_dir, 0750), 0);
    oct_rng_init(&w->rng, 42);
    w->feed_seq = 1;
    w->next_ref = 1;
    w->run_id = 1000;
}

static void books_clear(struct world *w)
{
    for (uint32_t i = 0; i < WORLD_INST_CNT; i++)
        slow_clear(&w->books, i);
    w->live_cnt = 0;
}

void world_fini(struct world *w)
{
    char cmd[160];
    world_crash(w);
    books_clear(w);
    snprintf(cmd, sizeof(cmd), "rm -rf '%s'", w->dir);
    cr_assert_eq(system(cmd), 0);
}

static void start_recorder(struct world *w)
{
    struct oct_recorder_cfg cfg = {.dir = w->journal_dir,
                                   .ring = w->in.ring,
                                   .core = -1,
                                   .segment_sz = 1u << 20,
                                   .run_id = w->run_id,
                                   .group_ns = 100000,
                                   .flush_ns = 100000};
    cr_assert_eq(oct_recorder_create(&cfg, &w->rec), 0);
}

void world_start(struct world *w, uint32_t ring_depth, bool journal, bool recovered)
{
    struct oct_instance_cfg cfg = {.run_dir = w->run_dir,
                                   .ring_depth = ring_depth,
                                   .link_depth = 64,
                                   .inst_cnt = WORLD_INST_CNT};
    const char *what;
    memset(&w->in, 0, sizeof(w->in));
    cr_assert_eq(oct_instance_create(&w->in, &cfg, &what), 0, "%s", what);
    w->run_id++;
    struct oct_pub_status *st = w->in.status;
    st->run_id = w->run_id;
    st->inst_cnt = WORLD_INST_CNT;
    st->start_ns = oct_utc_ns();
    st->sealed = 1;
    strcpy(st->version, "test");
    strcpy(st->instance, "world");
    atomic_store(&st->feed_state, 1);
    atomic_store(&st->session_state, 2);
    w->up = true;
    world_beat(w);
    if (journal)
        start_recorder(w);
    oct_instance_seal(&w->in);
    if (!recovered)
        books_clear(w);
    struct oct_in_start s = {OCT_MSG_HDR(IN_START, in_start), .run_id = w->run_id,
                             .recovered = recovered};
    world_emit(w, &s.hdr, true);
}

void world_crash(struct world *w)
{
    if (!w->up)
        return;
    if (w->rec != NULL) {
        oct_recorder_abandon(w->rec);
        oct_recorder_destroy(w->rec);
        w->rec = NULL;
    }
    oct_instance_close(&w->in);
    w->up = false;
}

void world_settle(struct world *w)
{
    int64_t end = oct_mono_ns() + 10 * OCT_NS_PER_S;
    while (atomic_load(&w->in.ring->durable) < atomic_load(&w->in.ring->head)) {
        oct_recorder_poll(w->rec);
        cr_assert_lt(oct_mono_ns(), end, "the recorder stands still");
    }
}

void world_beat(struct world *w)
{
    atomic_store(&w->in.pulses[OCT_PULSE_LANE].beat_ns, oct_utc_ns());
    atomic_store(&w->in.pulses[OCT_PULSE_LANE].pid, (uint32_t)getpid());
}

void world_emit(struct world *w, struct oct_msg_hdr *m, bool is_input)
{
    if (is_input) {
        w->input++;
        ((struct oct_in_time *)m)->now_ns = (int64_t)(1000000 + w->input);
    }
    m->input = w->input;
    oct_ring_publish(w->in.ring, m);
    atomic_store(&w->in.status->input, w->input);
}

/* ---- market data ------------------------------------------------------------------------------ */

static void put(struct world *w, const struct oct_itch50_msg *m)
{
    uint8_t out[OCT_ITCH50_SZ_MAX];
    uint32_t sz = oct_itch50_encode(m, out);
    cr_assert_gt(sz, 0);
    oct_store_be16(w->pkt + w->pkt_sz, (uint16_t)sz);
    memcpy(w->pkt + w->pkt_sz + 2, out, sz);
    w->pkt_sz += sz + 2;
    w->pkt_msgs++;
}

static void forget(struct world *w, uint32_t at)
{
    w->live[at] = w->live[--w->live_cnt];
}

static void add(struct world *w)
{
    uint32_t k = (uint32_t)oct_rng_below(&w->rng, SYMBOL_CNT);
    uint32_t side = (uint32_t)oct_rng_below(&w->rng, 2);
    uint32_t px = 1000000 + (uint32_t)oct_rng_below(&w->rng, 40) * 100 + (side ? 4000 : 0);
    uint32_t qty = 1 + (uint32_t)oct_rng_below(&w->rng, 500);
    struct oct_itch50_msg m = {.add = {.type = 'A',
                                       .locate = (uint16_t)(5 + k),
                                       .ts_ns = w->feed_seq,
                                       .ref = w->next_ref,
                                       .side = side ? 'S' : 'B',
                                       .shares = qty,
                                       .px = px}};
    memcpy(m.add.stock, symbols[k], 8);
    put(w, &m);
    cr_assert_geq(slow_add(&w->books, 5 + k, w->next_ref, side, oct_px_from_e4(px).v,
                           oct_qty_from_shares(qty).v),
                  0);
    w->live[w->live_cnt++] = w->next_ref++;
}

static void change(struct world *w, uint64_t kind)
{
    uint32_t at = (uint32_t)oct_rng_below(&w->rng, w->live_cnt);
    uint64_t ref = w->live[at];
    const struct slow_order *o = slow_find(&w->books, ref);
    uint32_t open = (uint32_t)(o->qty / OCT_QTY_ONE);
    uint32_t qty = 1 + (uint32_t)oct_rng_below(&w->rng, open);
    uint16_t locate = (uint16_t)o->inst;
    if (kind == 0) {
        put(w, &(struct oct_itch50_msg){.delete = {.type = 'D', .locate = locate, .ref = ref}});
        slow_delete(&w->books, ref);
        forget(w, at);
    } else if (kind == 1) {
        put(w, &(struct oct_itch50_msg){
                   .exec = {.type = 'E', .locate = locate, .ref = ref, .shares = qty}});
        slow_reduce(&w->books, ref, oct_qty_from_shares(qty).v);
        if (qty == open)
            forget(w, at);
    } else {
        uint32_t px = (uint32_t)(o->px / OCT_PX_E4) + 100;
        put(w, &(struct oct_itch50_msg){.replace = {.type = 'U',
                                                    .locate = locate,
                                                    .ref = ref,
                                                    .new_ref = w->next_ref,
                                                    .shares = qty,
                                                    .px = px}});
        slow_replace(&w->books, ref, w->next_ref, oct_px_from_e4(px).v, oct_qty_from_shares(qty).v);
        w->live[at] = w->next_ref++;
    }
}

void world_random_message(struct world *w)
{
    uint64_t dice = oct_rng_below(&w->rng, 100);
    if (w->live_cnt == 0 || (dice < 50 && w->live_cnt < OCT_ARRAY_CNT(w->live)))
        add(w);
    else
        change(w, dice % 3);
}

void world_packet(struct world *w)
{
    struct oct_in_packet m = {
        OCT_MSG_HDR(IN_PACKET, in_packet),
        .now_ns = (int64_t)(1000000 + w->input + 1),
        .ts_rx_ns = (int64_t)(2000000 + w->input + 1),
        .first_seq = w->feed_seq,
        .msg_cnt = w->pkt_msgs,
        .pkt_sz = (uint16_t)w->pkt_sz,
    };
    m.hdr.input = ++w->input;
    for (uint32_t off = 0; off < w->pkt_sz;) {
        uint32_t n =
            w->pkt_sz - off < OCT_IN_PACKET_FRAG ? w->pkt_sz - off : (uint32_t)OCT_IN_PACKET_FRAG;
        m.frag_off = (uint16_t)off;
        m.frag_sz = (uint16_t)n;
        m.hdr.sz = (uint16_t)oct_align_up(sizeof(m) + n, 8);
        oct_ring_publish2(w->in.ring, &m.hdr, sizeof(m), w->pkt + off, n);
        off += n;
    }
    w->feed_seq += w->pkt_msgs;
    w->pkt_sz = 0;
    w->pkt_msgs = 0;
    atomic_store(&w->in.status->input, w->input);
    atomic_store(&w->in.status->feed_seq, w->feed_seq);
}

void world_trade(struct world *w, uint32_t cnt)
{
    while (cnt > 0) {
        uint32_t n = 1 + (uint32_t)oct_rng_below(&w->rng, 40);
        n = n < cnt ? n : cnt;
        for (uint32_t i = 0; i < n; i++)
            world_random_message(w);
        world_packet(w);
        cnt -= n;
    }
}

/* ---- a lane ----------------------------------------------------------------------------------- */

void *world_lane_run(void *lane)
{
    struct world_lane *l = lane;
    struct world *w = l->w;
    _Alignas(8) uint8_t buf[OCT_MSG_SZ_MAX];
    while (!atomic_load(&l->stop)) {
        world_beat(w);
        atomic_store(&w->in.kill->acked, oct_kill_bits(w->in.kill));
        for (int i = 0; i < 2; i++) {
            if (oct_link_poll(&w->in.link[i], buf) != 1)
                continue;
            const struct oct_in_cmd *cmd = (const struct oct_in_cmd *)buf;
            uint32_t n = atomic_load(&l->cmd_cnt);
            l->cmd[n % OCT_ARRAY_CNT(l->cmd)] = *cmd;
            atomic_store(&l->cmd_cnt, n + 1);
            struct oct_in_cmd copy = *cmd;
            world_emit(w, &copy.hdr, true);
            struct oct_cmd_result r = {OCT_MSG_HDR(CMD_RESULT, cmd_result), .cmd_id = cmd->cmd_id,
                                       .cmd = cmd->cmd, .result = l->result,
                                       .version = cmd->version};
            world_emit(w, &r.hdr, false);
        }
        nanosleep(&(struct timespec){0, 1000000}, NULL);
    }
    return NULL;
}
