/* list.h - the benches: B(name, what it measures).  The function is oct_bench_<name> and returns 0
 * or negative errno; on the command line the name may be written with - for _. */
#ifndef OCT_BENCH_LIST_H
#define OCT_BENCH_LIST_H

/* clang-format off */
#define OCT_BENCH_LIST(B) \
    B(book, "ITCH 5.0 to order-by-order books with best bid and offer") \
    B(journal, "records to disk in each durability mode, beside bare writes") \
    B(lane, "the whole lane: collector, books, indicators, strategies, journal on") \
    B(memory, "what a line of memory costs here, by how much is in use") \
    B(parse, "every field of every message, over the bare frame walk") \
    B(queue, "the ring between two cores, beside a head/tail ring and rte_ring") \
    B(risk, "every check in front of an order and its OUCH message") \
    B(tick_to_trade, "packet bytes to order bytes, lone packets and bursts of 64")
/* clang-format on */

#endif
