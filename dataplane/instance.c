#include "dataplane/instance.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>

#define COUNTER_MAX 512u

static const char *const hop_names[OCT_HOP_CNT] = {
    [OCT_HOP_RX] = "rx",
    [OCT_HOP_SIGNAL] = "signal",
    [OCT_HOP_RISK] = "risk",
    [OCT_HOP_ENCODE] = "encode",
    [OCT_HOP_TX] = "tx",
    [OCT_HOP_TICK_TO_TRADE] = "tick_to_trade",
    [OCT_HOP_IN_PROCESS] = "in_process",
    [OCT_HOP_ACK] = "ack",
};

void oct_instance_find_old(struct oct_instance *in, const char *run_dir)
{
    size_t sz;

    memset(in, 0, sizeof *in);
    if (oct_region_join(&in->old_pub, run_dir, OCT_REGION_PUB, OCT_REGION_READ,
                        oct_msg_layout_hash()))
        return;
    void *ring = oct_region_find(&in->old_pub, OCT_OBJ_RING, &sz);
    if (ring)
        in->old_ring = oct_ring_join(ring, sz);
    const struct oct_pub_status *st = oct_region_find(&in->old_pub, OCT_OBJ_STATUS, &sz);
    if (st && sz >= sizeof *st)
        in->old_run_id = st->run_id;
}

void oct_instance_drop_old(struct oct_instance *in)
{
    in->old_ring = NULL;
    oct_region_leave(&in->old_pub);
}

static size_t pub_sz(const struct oct_instance_cfg *cfg)
{
    size_t sz = 0;
    const size_t parts[] = {
        oct_ring_footprint(cfg->ring_depth),
        oct_counters_footprint(COUNTER_MAX),
        oct_faults_footprint(),
        oct_faults_footprint(),
        sizeof(struct oct_pulse) * OCT_PULSE_CNT,
        sizeof(struct oct_pub_hist) * OCT_HOP_CNT,
        sizeof(oct_sym) * cfg->inst_cnt,
        sizeof(struct oct_counter) * 256,
        sizeof(struct oct_pub_status),
    };

    for (size_t i = 0; i < OCT_ARRAY_CNT(parts); i++)
        sz += oct_align_up(parts[i], OCT_BLOCK_SZ);
    return sz;
}

static int make_pub(struct oct_instance *in, const struct oct_instance_cfg *cfg)
{
    struct oct_region *r = &in->pub;
    int err = oct_region_create(r, cfg->run_dir, OCT_REGION_PUB, pub_sz(cfg), oct_msg_layout_hash(),
                                cfg->huge_pages);
    if (err)
        return err;
    void *ring = oct_region_alloc(r, OCT_OBJ_RING, oct_ring_footprint(cfg->ring_depth));
    void *counters = oct_region_alloc(r, OCT_OBJ_COUNTERS, oct_counters_footprint(COUNTER_MAX));
    void *faults = oct_region_alloc(r, OCT_OBJ_FAULTS, oct_faults_footprint());
    void *recorder_faults = oct_region_alloc(r, OCT_OBJ_FAULTS_RECORDER, oct_faults_footprint());
    in->pulses = oct_region_alloc(r, OCT_OBJ_PULSES, sizeof(struct oct_pulse) * OCT_PULSE_CNT);
    in->hists = oct_region_alloc(r, OCT_OBJ_HISTS, sizeof(struct oct_pub_hist) * OCT_HOP_CNT);
    in->symbols = oct_region_alloc(r, OCT_OBJ_SYMBOLS, sizeof(oct_sym) * cfg->inst_cnt);
    in->types = oct_region_alloc(r, OCT_OBJ_TYPES, sizeof(struct oct_counter) * 256);
    in->status = oct_region_alloc(r, OCT_OBJ_STATUS, sizeof(struct oct_pub_status));
    if (!ring || !counters || !faults || !recorder_faults || !in->pulses || !in->hists ||
        !in->symbols || !in->types || !in->status)
        return -ENOSPC;
    in->ring = oct_ring_new(ring, cfg->ring_depth);
    in->counters = oct_counters_new(counters, COUNTER_MAX);
    in->faults = oct_faults_new(faults);
    in->recorder_faults = oct_faults_new(recorder_faults);
    if (!in->ring || !in->counters || !in->faults || !in->recorder_faults)
        return -EINVAL;
    for (unsigned i = 0; i < OCT_HOP_CNT; i++) {
        snprintf(in->hists[i].name, sizeof in->hists[i].name, "%s", hop_names[i]);
        oct_hist_init(&in->hists[i].h);
    }
    for (uint32_t i = 0; i < cfg->inst_cnt; i++)
        memset(in->symbols[i].c, ' ', sizeof in->symbols[i].c);
    return 0;
}

static int make_cmd(struct oct_instance *in, const struct oct_instance_cfg *cfg)
{
    static const char *const names[2] = {OCT_OBJ_LINK, OCT_OBJ_LINK_CTL};
    size_t sz = oct_link_footprint(cfg->link_depth);
    int err = oct_region_create(&in->cmd, cfg->run_dir, OCT_REGION_CMD,
                                2 * (sz + OCT_BLOCK_SZ) + sizeof(struct oct_pulse),
                                oct_msg_layout_hash(), false);
    if (err)
        return err;
    in->control = oct_region_alloc(&in->cmd, OCT_OBJ_PULSE_CONTROL, sizeof *in->control);
    if (!in->control)
        return -ENOSPC;
    for (unsigned i = 0; i < 2; i++) {
        void *mem = oct_region_alloc(&in->cmd, names[i], sz);
        if (!mem)
            return -ENOSPC;
        err = oct_link_new(&in->link[i], mem, cfg->link_depth);
        if (err)
            return err;
    }
    return 0;
}

/* The kill word outlives the dataplane: what was killed stays killed. */
static int make_kill(struct oct_instance *in, const struct oct_instance_cfg *cfg)
{
    size_t sz;

    if (oct_region_join(&in->kill_region, cfg->run_dir, OCT_REGION_KILL, OCT_REGION_WRITE,
                        oct_msg_layout_hash()) == 0) {
        void *mem = oct_region_find(&in->kill_region, OCT_OBJ_KILL, &sz);
        in->kill = mem ? oct_kill_join(mem, sz) : NULL;
        if (in->kill)
            return 0;
        oct_region_leave(&in->kill_region);
    }
    int err = oct_region_create(&in->kill_region, cfg->run_dir, OCT_REGION_KILL,
                                sizeof(struct oct_kill), oct_msg_layout_hash(), false);
    if (err)
        return err;
    void *mem = oct_region_alloc(&in->kill_region, OCT_OBJ_KILL, sizeof(struct oct_kill));
    in->kill = mem ? oct_kill_new(mem) : NULL;
    if (!in->kill)
        return -ENOSPC;
    oct_region_seal(&in->kill_region);
    return 0;
}

int oct_instance_create(struct oct_instance *in, const struct oct_instance_cfg *cfg,
                        const char **what)
{
    *what = cfg->run_dir;
    if (mkdir(cfg->run_dir, 0750) && errno != EEXIST)
        return -errno;
    *what = "region " OCT_REGION_KILL;
    int err = make_kill(in, cfg);
    if (err)
        return err;
    *what = "region " OCT_REGION_CMD;
    err = make_cmd(in, cfg);
    if (err)
        return err;
    *what = "region " OCT_REGION_PUB;
    return make_pub(in, cfg);
}

void oct_instance_seal(struct oct_instance *in)
{
    oct_region_seal(&in->cmd);
    oct_region_seal(&in->pub);
}

void oct_instance_close(struct oct_instance *in)
{
    oct_instance_drop_old(in);
    oct_region_leave(&in->pub);
    oct_region_leave(&in->cmd);
    oct_region_leave(&in->kill_region);
}
