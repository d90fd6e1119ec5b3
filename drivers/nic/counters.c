#include "dataplane/port/nic.h"

const struct oct_counter_def oct_nic_counter_defs[OCT_NIC_COUNTER_CNT] = {
    [OCT_NIC_RX_PKTS] = {"nic_rx_packets", "Datagrams received.", OCT_COUNTER_TOTAL},
    [OCT_NIC_RX_BYTES] = {"nic_rx_bytes", "Payload bytes received in datagrams.",
                          OCT_COUNTER_TOTAL},
    [OCT_NIC_RX_TRUNCATED] = {"nic_rx_truncated", "Datagrams longer than a receive buffer.",
                              OCT_COUNTER_TOTAL},
    [OCT_NIC_RX_DROPPED] = {"nic_rx_dropped", "Datagrams known to have been dropped below us.",
                            OCT_COUNTER_TOTAL},
    [OCT_NIC_TX_PKTS] = {"nic_tx_packets", "Datagrams sent.", OCT_COUNTER_TOTAL},
    [OCT_NIC_TX_ERRORS] = {"nic_tx_errors", "Datagrams that could not be sent.", OCT_COUNTER_TOTAL},
    [OCT_NIC_STREAM_RX_BYTES] = {"nic_stream_rx_bytes", "Bytes received on streams.",
                                 OCT_COUNTER_TOTAL},
    [OCT_NIC_STREAM_TX_BYTES] = {"nic_stream_tx_bytes", "Bytes taken for sending on streams.",
                                 OCT_COUNTER_TOTAL},
    [OCT_NIC_STREAM_FAILURES] = {"nic_stream_failures",
                                 "Streams that the peer closed, reset or refused.",
                                 OCT_COUNTER_TOTAL},
};
