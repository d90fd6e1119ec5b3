#include "bench/rig.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "drivers/nic/loopback/loopback.h"

#define SETTLE_TURNS 64u

/* ---- the venue's store ------------------------------------------------------------------------ */

static uint64_t store_next(const void *self)
{
    return ((const struct oct_rig_store *)self)->cnt + 1;
}

static const uint8_t *store_get(const void *self, uint64_t seq, uint32_t *sz)
{
    const struct oct_rig_store *s = self;

    *sz = (uint32_t)(s->off[seq] - s->off[seq - 1]);
    return s->bytes + s->off[seq - 1];
}

static void store_add(struct oct_rig_store *s, const uint8_t *msg, uint32_t sz)
{
    if (s->sz + sz > s->cap) {
        s->cap = s->cap ? s->cap * 2 : 1u << 20;
        s->bytes = realloc(s->bytes, s->cap);
    }
    if (s->cnt + 2 > s->off_cap) {
        s->off_cap = s->off_cap ? s->off_cap * 2 : 4096;
        s->off = realloc(s->off, s->off_cap * sizeof s->off[0]);
        s->off[0] = 0;
    }
    OCT_ASSERT(s->bytes && s->off);
    memcpy(s->bytes + s->sz, msg, sz);
    s->sz += sz;
    s->off[++s->cnt] = s->sz;
}

static bool login_any(void *self, const char *user, const char *password)
{
    (void)self;
    (void)user;
    (void)password;
    return true;
}

/* ---- answers ---------------------------------------------------------------------------------- */

static void answer(struct oct_rig *r, struct oct_ouch50_out *out)
{
    uint8_t buf[OCT_OUCH50_MSG_MAX];
    int sz;

    out->ts = 1;
    sz = oct_ouch50_out_encode(out, buf);
    OCT_ASSERT(sz > 0);
    store_add(&r->store, buf, (uint32_t)sz);
    r->answers++;
}

/* NULL when there was none, or it was rejected.  User references only rise. */
static const struct oct_rig_order *order_of(const struct oct_rig *r, uint32_t user_ref)
{
    size_t from = 0, to = r->order_cnt;

    while (from < to) {
        size_t mid = from + (to - from) / 2;
        if (r->orders[mid].user_ref < user_ref)
            from = mid + 1;
        else
            to = mid;
    }
    return from < r->order_cnt && r->orders[from].user_ref == user_ref ? &r->orders[from] : NULL;
}

/* Side and symbol of a request, remembered for what replaces it. */
static struct oct_rig_order remember(struct oct_rig *r, const struct oct_ouch50_in *in)
{
    struct oct_rig_order o = {.side = in->side, .symbol = in->symbol};

    if (in->type == 'U')
        o = *order_of(r, in->orig_user_ref);
    o.user_ref = in->user_ref;
    if (r->order_cnt == r->order_cap) {
        r->order_cap = r->order_cap ? r->order_cap * 2 : 4096;
        r->orders = realloc(r->orders, r->order_cap * sizeof *r->orders);
        OCT_ASSERT(r->orders);
    }
    r->orders[r->order_cnt++] = o;
    return o;
}

static bool reject(struct oct_rig *r, const struct oct_ouch50_in *in)
{
    struct oct_ouch50_out j = {.type = 'J', .reason = 1, .user_ref = in->user_ref};

    if (!r->cfg->reject_every || ++r->requests % r->cfg->reject_every != 0)
        return false;
    memcpy(j.cl_ord_id, in->cl_ord_id, sizeof j.cl_ord_id);
    r->last_user_ref = in->user_ref;
    answer(r, &j);
    return true;
}

static void accept_order(struct oct_rig *r, const struct oct_ouch50_in *in)
{
    if (in->type == 'U' && !order_of(r, in->orig_user_ref))
        return; /* ignored, as the venue does when the order is not there */
    if (reject(r, in))
        return;
    const struct oct_rig_order o = remember(r, in);
    struct oct_ouch50_out a = {
        .type = in->type == 'U' ? 'U' : 'A',
        .side = o.side,
        .tif = in->tif,
        .display = in->display,
        .capacity = in->capacity,
        .sweep = in->sweep,
        .cross = in->cross,
        .state = 'L',
        .user_ref = in->user_ref,
        .orig_user_ref = in->orig_user_ref,
        .qty = in->qty,
        .px = in->px,
        .venue_ref = UINT64_C(1) << 40 | in->user_ref,
        .symbol = o.symbol,
    };

    memcpy(a.cl_ord_id, in->cl_ord_id, sizeof a.cl_ord_id);
    r->last_user_ref = in->user_ref;
    answer(r, &a);
    if (in->tif != '3')
        return;
    r->orders_seen++;
    bool fill = r->cfg->fill_every && r->orders_seen % r->cfg->fill_every == 0;
    if (fill)
        r->net_shares += o.side == 'B' ? (int64_t)in->qty : -(int64_t)in->qty;
    struct oct_ouch50_out end = {
        .type = fill ? 'E' : 'C',
        .code = 'R',
        .reason = 'I',
        .user_ref = in->user_ref,
        .qty = in->qty,
        .px = in->px,
        .match = ++r->next_match,
    };
    answer(r, &end);
}

static void on_order(struct oct_rig *r, const uint8_t *msg, uint32_t sz)
{
    struct oct_ouch50_in in;
    uint32_t off;

    if (oct_ouch50_in_decode(msg, sz, &in, &off))
        return;
    struct oct_ouch50_out out = {.user_ref = in.user_ref};
    switch (in.type) {
    case 'O':
    case 'U':
        accept_order(r, &in);
        break;
    case 'X':
        out.type = 'C';
        out.reason = 'U';
        out.qty = in.qty ? 1 : 100;
        answer(r, &out);
        break;
    case 'Q':
        out.type = 'Q';
        out.user_ref = (uint32_t)r->last_user_ref + 1;
        answer(r, &out);
        break;
    default:
        break;
    }
}

void oct_rig_venue(struct oct_rig *r)
{
    uint8_t buf[65536];
    uint32_t used = 0, n;
    int64_t now = oct_clock_now(&r->app.clock);

    n = oct_nic_loopback_stream_take(r->nic, 0, buf, sizeof buf);
    while (used < n) {
        struct oct_soupbin_in in = {0};
        int got = oct_soupbin_server_input(&r->server, now, buf + used, n - used, &in);
        if (got <= 0)
            break;
        if (in.event == OCT_SOUPBIN_EV_MESSAGE)
            on_order(r, in.data, in.data_sz);
        used += (uint32_t)got;
    }
    while ((n = oct_soupbin_server_output(&r->server, now, buf, sizeof buf)) != 0)
        if (oct_nic_loopback_stream_push(r->nic, 0, now, buf, n) < n)
            break;
}

void oct_rig_settle(struct oct_rig *r)
{
    for (uint32_t quiet = 0; quiet < SETTLE_TURNS;) {
        quiet = oct_lane_turn(r->app.lane) ? 0 : quiet + 1;
        oct_rig_venue(r);
    }
}

/* ---- start and stop --------------------------------------------------------------------------- */

static int load(struct oct_rig *r, const struct oct_rig_cfg *cfg)
{
    struct oct_conf_args args = {.config = cfg->config, .profile = cfg->profile};
    static char run_dir[600], data_dir[600];

    snprintf(run_dir, sizeof run_dir, "run_dir=%s%s", cfg->run_dir ? cfg->run_dir : cfg->dir,
             cfg->run_dir ? "" : "/run");
    snprintf(data_dir, sizeof data_dir, "data_dir=%s/data", cfg->dir);
    for (size_t i = 0; i < cfg->set_cnt; i++)
        args.set[args.set_cnt++] = cfg->set[i];
    args.set[args.set_cnt++] = run_dir;
    args.set[args.set_cnt++] = data_dir;
    args.set[args.set_cnt++] = "venue.port=1";
    args.set[args.set_cnt++] = "feed.position_report=false";
    int err = oct_setup_load(&r->app.setup, &args);
    if (err)
        fprintf(stderr, "rig: %s\n", r->app.setup.err);
    return err;
}

/* The venue's half of a connection to come. */
static int listen_again(struct oct_rig *r)
{
    const struct oct_soupbin_server_cfg server = {
        .session = "RIG",
        .login = login_any,
        .store = {store_next, store_get, &r->store},
        .heartbeat_ns = OCT_NS_PER_S,
        .silence_ns = 15 * OCT_NS_PER_S,
        .login_ns = 30 * OCT_NS_PER_S,
    };

    return oct_soupbin_server_init(&r->server, &server, oct_clock_now(&r->app.clock));
}

void oct_rig_drop(struct oct_rig *r)
{
    oct_nic_loopback_fail(r->nic, 0);
    OCT_ASSERT(listen_again(r) == 0);
}

int oct_rig_open(struct oct_rig *r, const struct oct_rig_cfg *cfg)
{
    struct oct_rig was = {.store = r->store,
                          .last_user_ref = r->last_user_ref,
                          .next_match = r->next_match,
                          .net_shares = r->net_shares,
                          .orders = r->orders,
                          .order_cnt = r->order_cnt,
                          .order_cap = r->order_cap,
                          .requests = r->requests,
                          .orders_seen = r->orders_seen,
                          .cfg = cfg};

    *r = was;
    int err = load(r, cfg);
    if (err)
        return err;
    const struct oct_nic_loopback_cfg nic = {
        .counters = r->nic_counters,
        .pkt_cnt = cfg->pkt_cnt,
        .stream_buf_sz = 1u << 20,
    };
    err = oct_nic_loopback_create(&nic, &r->nic);
    if (err)
        return err;
    r->app.nic = r->nic;
    r->app.version = "rig";
    r->app.stop = &r->stop;
    err = oct_app_start(&r->app);
    if (err)
        return err;
    err = listen_again(r);
    if (err)
        return err;
    for (unsigned i = 0; i < 4; i++)
        oct_rig_settle(r);
    return 0;
}

void oct_rig_crash(struct oct_rig *r)
{
    if (r->app.recorder)
        oct_recorder_abandon(r->app.recorder);
    oct_app_release(&r->app);
    oct_setup_free(&r->app.setup);
}

int oct_rig_close(struct oct_rig *r)
{
    oct_lane_close(r->app.lane);
    int err = oct_app_finish(&r->app);

    oct_app_release(&r->app);
    oct_setup_free(&r->app.setup);
    return err;
}
