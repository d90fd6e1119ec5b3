#include "tools/exchange/session_lobster.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tools/exchange/session_lobster_priv.h"

static void refill(struct oct_sessfile *s, struct lobster *l)
{
    l->out_cnt = l->out_idx = 0;
    switch (l->phase) {
    case 0:
        lob_begin_day(l);
        l->phase = 1;
        break;
    case 1:
        if (l->at < l->row_cnt) {
            l->at++; /* messages carry the line, counted from 1 */
            lob_play(s, l, l->at - 1);
            break;
        }
        l->phase = 2;
        lob_end_day(l);
        break;
    default:
        l->phase = 3;
        break;
    }
}

static int lobster_next(struct oct_sessfile *s, struct oct_sessfile_msg *msg)
{
    struct lobster *l = s->state;
    while (l->out_idx == l->out_cnt && l->phase < 3)
        refill(s, l);
    if (l->out_failed)
        return sess_fail(s, -ENOMEM, l->at, "out of memory", "give a shorter file");
    if (l->out_idx == l->out_cnt)
        return 0;
    const struct lob_out *o = &l->out[l->out_idx++];
    *msg = (struct oct_sessfile_msg){.data = o->msg,
                                     .stamp_ns = l->now_ns,
                                     .row = o->row,
                                     .sz = o->sz,
                                     .synthetic = o->synthetic};
    return 1;
}

static void lobster_close(void *state)
{
    struct lobster *l = state;
    if (!l)
        return;
    free(l->row);
    free(l->bbo);
    free(l->order);
    free(l->slot);
    free(l->come);
    free(l->books_mem);
    free(l->queue);
    free(l->out);
    free(l);
}

int sess_lobster_open(struct oct_sessfile *s, const struct oct_sessfile_cfg *cfg)
{
    struct lobster *l = calloc(1, sizeof *l);
    if (!l)
        return sess_fail(s, -ENOMEM, 0, "out of memory", "free some");
    s->state = l;
    s->reader = (struct sess_reader){lobster_next, lobster_close};
    int rc = lob_load(s, l, cfg);
    if (rc != 0)
        return rc;
    struct oct_books_cfg bc = {.inst_cnt = LOB_LOCATE + 1,
                               .order_cnt_max = l->row_cnt * 2 + 1024,
                               .level_cnt_max = l->row_cnt + 1024,
                               .seed = 1};
    size_t sz = oct_books_footprint(&bc);
    l->books_mem = sz ? aligned_alloc(OCT_BLOCK_SZ, oct_align_up(sz, OCT_BLOCK_SZ)) : NULL;
    l->queue = calloc(LOB_QUEUE_MAX, sizeof *l->queue);
    if (!l->books_mem || !l->queue)
        return sess_fail(s, -ENOMEM, 0, "out of memory", "give a shorter file");
    l->books = oct_books_new(l->books_mem, &bc);
    OCT_ASSERT(l->books != NULL);
    return 0;
}
