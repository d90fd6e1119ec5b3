/* md_priv.h - what the files of the market-data hub share. */
#ifndef OCT_WEB_MD_PRIV_H
#define OCT_WEB_MD_PRIV_H

#include "control/web/md.h"

enum oct_md_channel {
    OCT_MD_CH_BOOK,
    OCT_MD_CH_QUOTES,
    OCT_MD_CH_TRADES,
    OCT_MD_CH_SIMPLE, /* {"type":"quote"}: no sid, no seq */
    OCT_MD_CH_CNT,
};

enum oct_md_mode {
    OCT_MD_CONFLATE,
    OCT_MD_RAW,  /* every change; when slow, skips and says how many */
    OCT_MD_DROP, /* every change; when slow, is disconnected */
};

/* What is told to all who were in step. */
struct oct_md_view {
    struct oct_md_entry *entries;
    struct oct_md_view *next; /* of the same instrument */
    uint32_t inst;
    uint32_t depth;
    int64_t interval_ns;
    int64_t due_ns; /* not before */
    uint32_t doubt; /* as last told */
    uint8_t channel;
    bool raw;
    bool dirty; /* in the hub's list */
    uint32_t bid_cnt;
    uint32_t ask_cnt;
    struct oct_level *bid; /* as last told, depth levels */
    struct oct_level *ask;
};

/* One instrument of one subscription. */
struct oct_md_entry {
    struct oct_md_sub *sub;
    struct oct_md_view *view;
    struct oct_md_entry *next; /* of the view */
    struct oct_md_entry **link;
    struct oct_md_entry *sub_next; /* of the subscription */
    uint64_t skipped;              /* messages not sent since it fell behind */
    bool behind;
    bool joined; /* it has been in step once */
};

struct oct_md_sub {
    struct oct_ws *ws;
    struct oct_md_entry *entries;
    uint32_t entry_cnt;
    uint32_t sid;
    uint64_t seq;
    uint8_t channel;
    uint8_t mode; /* enum oct_md_mode */
    uint32_t depth;
    uint32_t interval_ms;
};

struct oct_md_client {
    struct oct_md_hub *hub;
    struct oct_ws *ws;
    struct oct_md_client *next;
    struct oct_md_client **link;
    struct oct_md_sub *sub[OCT_MD_SID_MAX]; /* by sid - 1 */
    struct oct_alarm beat;                  /* heartbeat, when asked for */
    uint64_t beat_cnt;
    uint32_t behind; /* entries that are */
    bool warned;     /* half of its budget is used */
    bool drop;       /* to be disconnected: too slow */
};

struct oct_md_hub {
    struct oct_web *w;
    struct oct_md_view **of_inst; /* [inst_cnt], lists */
    struct oct_md_view **dirty;   /* to look at */
    uint32_t dirty_cnt;
    uint32_t dirty_cap;
    uint32_t view_cnt;
    struct oct_md_client *clients;
    struct oct_buf body;
    struct oct_level level[2][OCT_MD_DEPTH_MAX];
};

/* ---- views and entries: md.c ------------------------------------------------------------------ */

/* Adds an instrument to a subscription; it is behind at first.  0, -ENOMEM, -EEXIST. */
int oct_md_watch(struct oct_md_hub *h, struct oct_md_sub *sub, uint32_t inst);
void oct_md_unwatch(struct oct_md_hub *h, struct oct_md_sub *sub, uint32_t inst);
void oct_md_sub_free(struct oct_md_hub *h, struct oct_md_sub *sub);
/* Snapshots for what is behind, as far as the client's budget goes. */
void oct_md_catch_up(struct oct_md_client *c);

/* ---- texts: md_text.c ------------------------------------------------------------------------- */

/* What follows the head of a message, for all who get it; into h->body, which is emptied first. */
void oct_md_text_snapshot(struct oct_md_hub *h, struct oct_md_view *v);
/* Difference of h->level to what the view said last.  False when there is none. */
bool oct_md_text_delta(struct oct_md_hub *h, struct oct_md_view *v, uint32_t bid_cnt,
                       uint32_t ask_cnt);
void oct_md_text_quote(struct oct_md_hub *h, const struct oct_md_view *v);
void oct_md_text_simple(struct oct_md_hub *h, const struct oct_md_view *v);
void oct_md_text_trade(struct oct_md_hub *h, const struct oct_md_view *v, const struct oct_md *t);
/* "gap" with its range, or "stale". */
void oct_md_text_doubt(struct oct_md_hub *h, const struct oct_md_view *v, uint32_t doubt,
                       uint64_t from_seq, uint64_t to_seq);
void oct_md_text_skipped(struct oct_md_hub *h, const struct oct_md_view *v, uint64_t n,
                         const char *reason);
/* CRC32C over the top ten levels: "price:quantity;" for each bid, then each offer. */
uint32_t oct_md_checksum(const struct oct_level *bid, uint32_t bid_cnt, const struct oct_level *ask,
                         uint32_t ask_cnt);

const char *oct_md_channel_name(uint8_t channel);

#endif
