#include "control/bridge/bridge.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control/bridge/bridge_priv.h"
#include "dataplane/base/log.h"
#include "dataplane/base/time.h"

#define LOOK_NS     (100 * OCT_NS_PER_MS)
#define SYMBOLS_NS  OCT_NS_PER_S
#define BEAT_OLD_NS (2 * OCT_NS_PER_S)
#define CLOCK_EACH  256u /* records between two looks at the clock */

/* ---- the tail --------------------------------------------------------------------------------- */

static int tail_open(struct oct_bridge *b)
{
    struct oct_tail_cfg cfg = {
        .dir = b->broken ? NULL : b->journal_dir,
        .lane = b->cfg.lane,
        .from_input = b->broken ? OCT_TAIL_LIVE : 0,
        .ring = b->shm.pub.ring,
        .run_id = b->shm.pub.status != NULL ? b->shm.pub.status->run_id : 0,
    };
    return oct_tail_open(&cfg, &b->tail);
}

static void tail_damaged(struct oct_bridge *b, int rc)
{
    const struct oct_journal_error *e = b->tail != NULL ? oct_tail_error(b->tail) : NULL;
    oct_log(OCT_LOG_ERROR, "bridge.journal_damaged",
            "%s: offset %lu: %s (%s); going on with what the ring still has",
            e != NULL && e->file[0] != '\0' ? e->file : b->journal_dir,
            (unsigned long)(e != NULL ? e->off : 0), e != NULL ? e->reason : "cannot be read",
            strerror(-rc));
    oct_tail_close(b->tail);
    b->tail = NULL;
    b->broken = true;
    oct_mirror_doubt(b->cfg.mirror, OCT_DOUBT_LOST, OCT_DOUBT_WARMING);
}

static void on_lost(struct oct_bridge *b)
{
    b->cfg.mirror->totals.lost++;
    b->frag_input = UINT64_MAX;
    /* With a journal only published records were lost, which the mirror does not stand on. */
    if (b->journal_dir == NULL || b->broken)
        oct_mirror_doubt(b->cfg.mirror, OCT_DOUBT_LOST, 0);
}

static void on_record(struct oct_bridge *b, const struct oct_msg_hdr *rec)
{
    oct_mirror_record(b->cfg.mirror, rec);
    if (rec->type == OCT_IN_PACKET)
        oct_bridge_packet(b, (const struct oct_in_packet *)rec);
    else if (rec->type == OCT_DISCONTINUITY)
        /* Inputs are missing from the journal itself. */
        oct_mirror_doubt(b->cfg.mirror, OCT_DOUBT_LOST, 0);
}

/* ---- the regions ------------------------------------------------------------------------------ */

static void take_symbols(struct oct_bridge *b)
{
    struct oct_mirror *m = b->cfg.mirror;
    uint32_t n = b->shm.pub.symbol_cnt < m->cfg.inst_cnt ? b->shm.pub.symbol_cnt : m->cfg.inst_cnt;
    for (uint32_t i = 0; i < n; i++) {
        if (!m->inst[i].known)
            oct_mirror_symbol(m, i, b->shm.pub.symbols[i]);
    }
}

static void attach(struct oct_bridge *b)
{
    if (oct_bridge_join(&b->shm, b->run_dir) != 0)
        return;
    uint64_t run_id = b->shm.pub.status->run_id;
    oct_log(OCT_LOG_INFO, "bridge.attached", "dataplane run %016lx", (unsigned long)run_id);
    oct_mirror_doubt(b->cfg.mirror, OCT_DOUBT_WARMING, OCT_DOUBT_DETACHED);
    b->symbols_ns = 0;
    if (b->tail == NULL) {
        int rc = tail_open(b);
        if (rc != 0)
            tail_damaged(b, rc);
    } else {
        oct_tail_attach(b->tail, b->shm.pub.ring, run_id);
    }
}

static void detach(struct oct_bridge *b)
{
    oct_log(OCT_LOG_WARN, "bridge.detached", "the dataplane's shared memory was replaced");
    if (b->tail != NULL)
        oct_tail_detach(b->tail);
    oct_bridge_leave(&b->shm);
    oct_mirror_doubt(b->cfg.mirror, OCT_DOUBT_DETACHED, 0);
}

static void look(struct oct_bridge *b, int64_t now)
{
    if (b->shm.attached && !oct_region_current(&b->shm.pub.region))
        detach(b);
    if (!b->shm.attached)
        attach(b);
    if (!b->shm.attached)
        return;
    if (b->shm.pub.pulses != NULL) {
        int64_t beat =
            atomic_load_explicit(&b->shm.pub.pulses[OCT_PULSE_LANE].beat_ns, memory_order_relaxed);
        bool old = oct_utc_ns() - beat > BEAT_OLD_NS;
        oct_mirror_doubt(b->cfg.mirror, old ? OCT_DOUBT_DETACHED : 0, old ? 0 : OCT_DOUBT_DETACHED);
    }
    if (now >= b->symbols_ns && b->shm.pub.symbols != NULL) {
        b->symbols_ns = now + SYMBOLS_NS;
        take_symbols(b);
    }
}

/* The lane counts us as silent when this stands still. */
static void beat(struct oct_pulse *p)
{
    if (p == NULL)
        return;
    atomic_store_explicit(&p->pid, (uint32_t)getpid(), memory_order_relaxed);
    atomic_store_explicit(&p->beat_ns, oct_utc_ns(), memory_order_relaxed);
    atomic_fetch_add_explicit(&p->turns, 1, memory_order_relaxed);
}

/* ---- the turn --------------------------------------------------------------------------------- */

uint32_t oct_bridge_poll(struct oct_bridge *b, int64_t budget_ns, bool *more)
{
    int64_t now = oct_mono_ns();
    int64_t end = now + budget_ns;
    uint32_t n = 0;
    *more = false;
    if (now >= b->look_ns) {
        b->look_ns = now + LOOK_NS;
        look(b, now);
    }
    beat(b->shm.pulse);
    while (b->tail != NULL) {
        const struct oct_msg_hdr *rec;
        int rc = oct_tail_next(b->tail, &rec);
        if (rc == OCT_TAIL_RECORD) {
            on_record(b, rec);
            n++;
        } else if (rc == OCT_TAIL_LOST) {
            on_lost(b);
        } else if (rc == OCT_TAIL_EMPTY) {
            if (oct_tail_is_live(b->tail) || !b->shm.attached)
                oct_mirror_doubt(b->cfg.mirror, 0, OCT_DOUBT_WARMING);
            break;
        } else {
            tail_damaged(b, rc);
            b->look_ns = 0;
            if (b->shm.attached && tail_open(b) != 0)
                break;
        }
        if (n % CLOCK_EACH == CLOCK_EACH - 1 && oct_mono_ns() >= end) {
            *more = true;
            break;
        }
    }
    return n;
}

int oct_bridge_create(struct oct_bridge **out, const struct oct_bridge_cfg *cfg)
{
    struct oct_bridge *b = calloc(1, sizeof(*b));
    if (b == NULL)
        return -ENOMEM;
    b->cfg = *cfg;
    b->shm.cmd.fd = -1;
    oct_pub_clear(&b->shm.pub);
    b->frag_input = UINT64_MAX;
    b->next_cmd = (uint64_t)oct_utc_ns(); /* unlike any of another control before us */
    b->run_dir = strdup(cfg->run_dir);
    b->journal_dir = cfg->journal_dir != NULL ? strdup(cfg->journal_dir) : NULL;
    if (b->run_dir == NULL || (cfg->journal_dir != NULL && b->journal_dir == NULL)) {
        oct_bridge_destroy(b);
        return -ENOMEM;
    }
    oct_bridge_vitals_init(b);
    oct_mirror_doubt(cfg->mirror, OCT_DOUBT_DETACHED | OCT_DOUBT_WARMING, 0);
    look(b, oct_mono_ns());
    if (b->tail == NULL && b->journal_dir != NULL && !b->broken) {
        int rc = tail_open(b); /* the past can be seen without a dataplane, too */
        if (rc != 0)
            tail_damaged(b, rc);
    }
    *out = b;
    return 0;
}

void oct_bridge_destroy(struct oct_bridge *b)
{
    if (b == NULL)
        return;
    oct_tail_close(b->tail);
    oct_bridge_leave(&b->shm);
    free(b->run_dir);
    free(b->journal_dir);
    free(b);
}

const struct oct_vitals *oct_bridge_vitals(struct oct_bridge *b)
{
    return &b->vitals;
}
