#include "dataplane/msg/msg.h"

#include <string.h>

#include "dataplane/base/hash.h"

/* Size of the fixed part by type, 0 for unknown. */
static const uint16_t msg_sz[64] = {
#define SZ(NAME, name, num, class, FIELDS) [num] = sizeof(struct oct_##name),
    OCT_MSG_TABLE(SZ)
#undef SZ
};

bool oct_msg_valid(const struct oct_msg_hdr *m, size_t avail)
{
    if (avail < sizeof *m || m->sz > avail || m->sz > OCT_MSG_SZ_MAX || m->sz % 8 != 0)
        return false;
    size_t fixed = m->type < OCT_ARRAY_CNT(msg_sz) ? msg_sz[m->type] : 0;
    if (fixed == 0 || m->sz < fixed)
        return false;
    if (m->type == OCT_IN_PACKET) {
        const struct oct_in_packet *p = (const struct oct_in_packet *)m;
        return oct_align_up(p->frag_sz, 8) == m->sz - fixed && p->frag_sz <= p->pkt_sz &&
               p->frag_off <= p->pkt_sz - p->frag_sz;
    }
    if (m->type == OCT_IN_VENUE) {
        const struct oct_in_venue *v = (const struct oct_in_venue *)m;
        return oct_align_up(v->data_sz, 8) == m->sz - fixed;
    }
    return m->sz == fixed;
}

uint64_t oct_msg_layout_hash(void)
{
    /* The rows as text: whatever is changed in the table changes it. */
#define F_TEXT(type, name, unit, doc)      #type " " #name " " unit ";"
#define A_TEXT(type, cnt, name, unit, doc) #type "[" #cnt "] " #name " " unit ";"
#define M_TEXT(NAME, name, num, class, FIELDS) \
#name " " #num " " #class ":" FIELDS(F_TEXT, A_TEXT) "\n"
#define E_TEXT(v, n, t) #v " " t ";"
    static const char *const rows[] = {
#define ROW(NAME, name, num, class, FIELDS) M_TEXT(NAME, name, num, class, FIELDS),
        OCT_MSG_TABLE(ROW)
#undef ROW
#define ENUM(NAME) #NAME ":" OCT_ENUM_##NAME(E_TEXT),
            OCT_ENUM_TABLE(ENUM)
#undef ENUM
    };
    uint64_t h = 0;

    for (size_t i = 0; i < OCT_ARRAY_CNT(rows); i++)
        h = oct_digest64(h, rows[i], strlen(rows[i]));
    return h;
}
