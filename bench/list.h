/* list.h - the benches: B(name, what it measures); name is also the function oct_bench_<name>,
 * which returns 0 or negative errno. */
#ifndef OCT_BENCH_LIST_H
#define OCT_BENCH_LIST_H

/* clang-format off */
#define OCT_BENCH_LIST(B) \
    B(book, "ITCH 5.0 to order-by-order books with best bid and offer")
/* clang-format on */

#endif
