/* risk_model.h - the slow model of sim_risk: lists of everything that happened, added up anew for
 * every question. */
#ifndef OCT_TEST_RISK_MODEL_H
#define OCT_TEST_RISK_MODEL_H

#include "agents/risk/risk.h"
#include "dataplane/base/rng.h"

#define S_CNT  6u
#define A_CNT  3u
#define I_CNT  5u
#define O_MAX  4096u /* orders kept; dead ones are reused */
#define T_MAX  (1u << 16)
#define SECOND INT64_C(1000000000)

typedef __int128 i128;

extern const uint16_t account_of[S_CNT];

struct m_order {
    uint64_t id;
    uint64_t replaces; /* id of the order it would replace, while that is undecided */
    uint32_t inst;
    uint16_t strat;
    uint8_t side;
    bool alive;
    bool working; /* answered */
    bool canceling;
    bool replacing; /* a replacement of it is undecided */
    int64_t px, qty, filled, open;
};

struct m_sent { /* an approved message */
    int64_t at;
    uint32_t inst;
    uint16_t strat;
    uint8_t side;
    bool is_new;
    int64_t px, qty;
};

struct m_exec {
    int64_t at;
    uint32_t inst;
    uint16_t strat;
};

struct world {
    struct oct_rng rng;
    struct oct_inst_view inst[I_CNT];
    struct oct_inst_ref ref[I_CNT];
    struct oct_view view;
    struct oct_risk_cfg cfg;
    struct oct_counter counters[OCT_RISK_C_CNT];
    struct oct_risk *r;
    struct oct_out out;
    struct oct_step step;
    struct oct_verdict verdict;
    uint64_t verdict_cnt;
    uint64_t next_id;
    uint64_t intent_id;
    bool session_down;
    /* the model */
    struct oct_risk_limits limits;
    struct m_order order[O_MAX];
    uint32_t order_cnt;
    struct m_sent sent[T_MAX];
    uint32_t sent_cnt;
    struct m_exec exec[T_MAX];
    uint32_t exec_cnt;
    i128 cash[S_CNT][I_CNT];
    int64_t pos[S_CNT][I_CNT];
    int64_t mark[S_CNT][I_CNT];
    bool has[S_CNT][I_CNT];
    i128 peak[3][S_CNT]; /* by scope and id */
    uint8_t ladder[3][S_CNT];
    uint8_t on[S_CNT];
    uint8_t restricted[I_CNT];
    bool clock_bad, recorder_bad;
    uint64_t killed;
    uint64_t hits[64];
    uint64_t approved;
    uint64_t seed, steps, at;
};

_Noreturn void die(const struct world *w, const char *what);
i128 larger(i128 a, i128 b);
uint32_t ids_of(enum oct_scope scope);
i128 limit(const struct world *w, enum oct_scope scope, uint32_t id, const char *name);

int64_t working(const struct world *w, int strat, int acct, uint32_t inst, uint8_t side);
/* Negative: of all. */
i128 gross(const struct world *w, int strat, int acct, int inst);
i128 pnl(const struct world *w, enum oct_scope scope, uint32_t id);
uint32_t open_orders(const struct world *w, enum oct_scope scope, uint32_t id);
int64_t mark_now(const struct world *w, uint32_t i, int64_t before);

/* After profit moved in a scope: its highest, and the ladder. */
void settle(struct world *w, enum oct_scope scope, uint32_t id);
void settle_strategy(struct world *w, int s);
void make_line(struct world *w, int s, uint32_t i);
struct m_order *m_find(struct world *w, uint64_t id);

/* The bits that the verdict on this intent must have. */
uint64_t expected(struct world *w, const struct oct_intent *in);

#endif
