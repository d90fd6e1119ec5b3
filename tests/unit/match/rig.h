/* rig.h - a recorded session by hand, our orders beside it, and what matching said. */
#ifndef OCT_TESTS_MATCH_RIG_H
#define OCT_TESTS_MATCH_RIG_H

#include "dataplane/match/match.h"

#define RIG_EVENT_MAX 4096u
#define RIG_INST      7u

struct rig {
    struct oct_match *m;
    void *mem;
    struct oct_match_event ev[RIG_EVENT_MAX];
    uint32_t ev_cnt;
    uint32_t read; /* events looked at so far */
};

struct rig rig_new(enum oct_match_self self);
void rig_delete(struct rig *r);

/* Recorded messages about RIG_INST; prices in cents, shares whole. */
void rec_add(struct rig *r, uint64_t ref, enum oct_side side, uint32_t shares, int64_t cents);
void rec_exec(struct rig *r, uint64_t ref, uint32_t shares);
void rec_exec_at(struct rig *r, uint64_t ref, uint32_t shares, int64_t cents);
void rec_cancel(struct rig *r, uint64_t ref, uint32_t shares);
void rec_delete(struct rig *r, uint64_t ref);
void rec_replace(struct rig *r, uint64_t ref, uint64_t new_ref, uint32_t shares, int64_t cents);
void rec_hidden(struct rig *r, uint32_t shares, int64_t cents);
void rec_state(struct rig *r, char state);

/* Ours.  What is not said is a displayed limit order for the day. */
struct rig_order {
    uint64_t id;
    enum oct_side side;
    uint32_t shares;
    int64_t cents; /* 0: market */
    uint32_t min;
    uint32_t group;
    bool ioc, post_only, hidden;
};
int enter(struct rig *r, struct rig_order o);

/* The next event must be this. */
void filled(struct rig *r, uint64_t id, uint32_t shares, int64_t cents, bool added);
void cancelled(struct rig *r, uint64_t id, uint32_t shares, enum oct_match_reason why);
void self_matched(struct rig *r, uint64_t id, uint32_t shares, uint32_t prevented);
/* Nothing else has happened. */
void nothing_more(struct rig *r);
/* A resting order's open shares and the shares ahead of it. */
void rests(struct rig *r, uint64_t id, uint32_t open, uint32_t ahead);
void gone(struct rig *r, uint64_t id);

#endif
