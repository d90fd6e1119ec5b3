#include "drivers/nic/pcap/pcap.h"

#include <errno.h>
#include <stdlib.h>

#define PCAP_GROUP_MAX 255u
#define PCAP_LINE_LAST 254u /* 255 is OCT_LINE_REWIND */

struct pcap_dest {
    uint32_t addr_be;
    uint16_t port;
    uint8_t line;
};

struct pcap_nic {
    struct oct_nic nic;
    struct oct_pcap *file;
    bool joined; /* lines are the groups'; else by order of appearance */
    uint32_t dest_cnt;
    struct pcap_dest dest[PCAP_GROUP_MAX];
};

static int pcap_join(struct oct_nic *nic, const struct oct_nic_group *group)
{
    struct pcap_nic *p = (struct pcap_nic *)nic;

    if (p->dest_cnt == PCAP_GROUP_MAX)
        return -ENOSPC;
    p->joined = true;
    p->dest[p->dest_cnt++] = (struct pcap_dest){group->group_be, group->port, group->line};
    return 0;
}

static int pcap_start(struct oct_nic *nic)
{
    (void)nic;
    return 0;
}

/* Line of a destination, or -1 for one that nobody joined. */
static int line_of(struct pcap_nic *p, uint32_t addr_be, uint16_t port)
{
    for (uint32_t i = 0; i < p->dest_cnt; i++) {
        if (p->dest[i].addr_be == addr_be && p->dest[i].port == port)
            return p->dest[i].line;
    }
    if (p->joined)
        return -1;
    if (p->dest_cnt == PCAP_LINE_LAST)
        return PCAP_LINE_LAST;
    p->dest[p->dest_cnt] = (struct pcap_dest){addr_be, port, (uint8_t)p->dest_cnt};
    return (int)p->dest_cnt++;
}

static int pcap_rx(struct oct_nic *nic, struct oct_nic_pkt *pkts, uint32_t n)
{
    struct pcap_nic *p = (struct pcap_nic *)nic;
    uint32_t got = 0;

    while (got < n) {
        struct oct_pcap_dgram d;
        if (oct_pcap_next(p->file, &d) != 1)
            break;
        int line = line_of(p, d.dst_be, d.dst_port);
        if (line < 0)
            continue;
        pkts[got++] = (struct oct_nic_pkt){
            .data = d.data,
            .ts_rx_ns = d.ts_ns,
            .sz = d.sz,
            .line = (uint8_t)line,
            .truncated = d.sz < d.full_sz,
        };
        oct_count(&nic->counters[OCT_NIC_RX_BYTES], d.sz);
        OCT_COUNT_IF(d.sz < d.full_sz, &nic->counters[OCT_NIC_RX_TRUNCATED]);
    }
    if (got == 0)
        return n ? -ENODATA : 0;
    oct_count(&nic->counters[OCT_NIC_RX_PKTS], got);
    return (int)got;
}

static void pcap_release(struct oct_nic *nic, const struct oct_nic_pkt *pkts, uint32_t n)
{
    (void)nic;
    (void)pkts;
    (void)n; /* the file stays mapped */
}

static int pcap_tx(struct oct_nic *nic, uint32_t addr_be, uint16_t port, const void *data,
                   uint32_t sz)
{
    (void)addr_be;
    (void)port;
    (void)data;
    (void)sz;
    oct_count(&nic->counters[OCT_NIC_TX_ERRORS], 1);
    return -ENOTSUP;
}

static int pcap_stream_open(struct oct_nic *nic, uint32_t addr_be, uint16_t port)
{
    (void)nic;
    (void)addr_be;
    (void)port;
    return -ENOTSUP;
}

static enum oct_nic_stream_state pcap_stream_state(struct oct_nic *nic, int handle)
{
    (void)nic;
    (void)handle;
    return OCT_STREAM_CLOSED;
}

static uint32_t pcap_stream_peek(struct oct_nic *nic, int handle, const uint8_t **data,
                                 int64_t *ts_rx_ns)
{
    (void)nic;
    (void)handle;
    *data = NULL;
    *ts_rx_ns = 0;
    return 0;
}

static void pcap_stream_consume(struct oct_nic *nic, int handle, uint32_t sz)
{
    (void)nic;
    (void)handle;
    OCT_ASSERT(sz == 0);
}

static int pcap_stream_send(struct oct_nic *nic, int handle, const void *data, uint32_t sz)
{
    (void)nic;
    (void)handle;
    (void)data;
    (void)sz;
    return -ENOTSUP;
}

static void pcap_stream_close(struct oct_nic *nic, int handle)
{
    (void)nic;
    (void)handle;
}

static void pcap_wait(struct oct_nic *nic, int64_t timeout_ns)
{
    (void)nic;
    (void)timeout_ns; /* a file has nothing to wait for */
}

static void pcap_close(struct oct_nic *nic)
{
    struct pcap_nic *p = (struct pcap_nic *)nic;

    oct_pcap_close(p->file);
    free(p);
}

static const struct oct_nic_ops pcap_ops = {
    .name = "pcap",
    .join = pcap_join,
    .start = pcap_start,
    .rx = pcap_rx,
    .release = pcap_release,
    .tx = pcap_tx,
    .stream_open = pcap_stream_open,
    .stream_state = pcap_stream_state,
    .stream_peek = pcap_stream_peek,
    .stream_consume = pcap_stream_consume,
    .stream_send = pcap_stream_send,
    .stream_close = pcap_stream_close,
    .wait = pcap_wait,
    .close = pcap_close,
};

int oct_nic_pcap_create(const struct oct_nic_pcap_cfg *cfg, struct oct_nic **out)
{
    if (!cfg->counters || !cfg->path)
        return -EINVAL;
    struct pcap_nic *p = calloc(1, sizeof *p);
    if (!p)
        return -ENOMEM;
    p->nic = (struct oct_nic){.ops = &pcap_ops, .counters = cfg->counters};
    int err = oct_pcap_open(cfg->path, &p->file);
    if (err) {
        free(p);
        return err;
    }
    *out = &p->nic;
    return 0;
}

const struct oct_pcap_stats *oct_nic_pcap_stats(const struct oct_nic *nic)
{
    return oct_pcap_stats(((const struct pcap_nic *)nic)->file);
}
