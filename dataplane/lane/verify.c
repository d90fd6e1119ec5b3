#include "dataplane/lane/verify.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/msg/desc.h"

void oct_verify_init(struct oct_verify *v)
{
    memset(v, 0, sizeof *v);
}

void oct_verify_fini(struct oct_verify *v)
{
    free(v->made);
    v->made = NULL;
}

static void hold(void *self, const struct oct_msg_hdr *m)
{
    struct oct_verify *v = self;

    if (oct_msg_class(m->type) != 'J')
        return;
    if (v->made_sz + m->sz > v->made_cap) {
        size_t cap = v->made_cap ? v->made_cap * 2 : 65536;
        uint8_t *p = realloc(v->made, cap);
        OCT_ASSERT(p);
        v->made = p;
        v->made_cap = cap;
    }
    memcpy(v->made + v->made_sz, m, m->sz);
    v->made_sz += m->sz;
}

struct oct_out oct_verify_out(struct oct_verify *v, uint16_t lane)
{
    return (struct oct_out){hold, v, lane};
}

static void swallow(void *self, struct oct_step *step, const struct oct_msg_hdr *m)
{
    (void)self;
    (void)step;
    (void)m;
}

struct oct_sink oct_verify_tx(struct oct_verify *v)
{
    return (struct oct_sink){swallow, v};
}

const uint8_t *oct_verify_rest(const struct oct_verify *v, size_t *sz)
{
    *sz = v->made_sz - v->made_off;
    return *sz ? v->made + v->made_off : NULL;
}

static int differ(struct oct_verify *v, const struct oct_msg_hdr *recorded,
                  const struct oct_msg_hdr *made)
{
    char a[700] = "nothing", b[700] = "nothing";

    if (recorded)
        oct_msg_json(recorded, a, sizeof a);
    if (made)
        oct_msg_json(made, b, sizeof b);
    v->bad_input = v->last_input;
    snprintf(v->why, sizeof v->why, "input %llu: recorded %s, replay made %s",
             (unsigned long long)v->last_input, a, b);
    return -EILSEQ;
}

static int decision(struct oct_verify *v, const struct oct_msg_hdr *m)
{
    if (v->made_off == v->made_sz)
        return differ(v, m, NULL);
    const struct oct_msg_hdr *made = (const struct oct_msg_hdr *)(v->made + v->made_off);
    if (made->sz != m->sz || memcmp(made, m, m->sz) != 0)
        return differ(v, m, made);
    v->made_off += m->sz;
    v->compared++;
    v->orders += m->type == OCT_ORDER;
    v->digest = oct_digest64(v->digest, m, m->sz);
    if (m->type == OCT_MARK && ((const struct oct_mark *)m)->mark > v->last_mark)
        v->last_mark = ((const struct oct_mark *)m)->mark;
    return 0;
}

int oct_verify_record(struct oct_verify *v, const struct oct_msg_hdr *m)
{
    if (m->type == OCT_DISCONTINUITY)
        return differ(v, m, NULL); /* what follows does not continue what precedes */
    if (!oct_msg_is_input(m->type))
        return decision(v, m);
    /* The rest of a step that a crash cut is written by the run after, before its own start. */
    if (v->made_off != v->made_sz)
        return differ(v, m, (const struct oct_msg_hdr *)(v->made + v->made_off));
    v->made_off = v->made_sz = 0;
    if (m->input != v->last_input) {
        v->inputs++;
        v->last_input = m->input;
    }
    oct_core_input(v->core, m);
    return 0;
}
