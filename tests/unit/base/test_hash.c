#include <criterion/criterion.h>
#include <string.h>

#include "dataplane/base/hash.h"
#include "dataplane/base/rng.h"

Test(hash, crc32c_gives_the_published_check_values)
{
    uint8_t zeros[32] = {0}, ones[32], up[32];

    memset(ones, 0xff, sizeof ones);
    for (unsigned i = 0; i < 32; i++)
        up[i] = (uint8_t)i;
    cr_assert_eq(oct_crc32c(0, "123456789", 9), 0xe3069283u);
    cr_assert_eq(oct_crc32c(0, zeros, 32), 0x8a9136aau); /* RFC 3720 B.4 */
    cr_assert_eq(oct_crc32c(0, ones, 32), 0x62a8ab43u);
    cr_assert_eq(oct_crc32c(0, up, 32), 0x46dd794eu);
    cr_assert_eq(oct_crc32c(0, NULL, 0), 0u);
}

Test(hash, crc32c_of_pieces_is_that_of_the_whole)
{
    const char *s = "the quick brown fox jumps over the lazy dog";
    size_t len = strlen(s);
    uint32_t whole = oct_crc32c(0, s, len);

    for (size_t i = 0; i <= len; i++)
        cr_assert_eq(oct_crc32c(oct_crc32c(0, s, i), s + i, len - i), whole);
}

Test(hash, digest_depends_on_order_size_and_every_bit)
{
    uint8_t buf[24] = {0};
    uint64_t zero = oct_digest64(0, buf, sizeof buf);

    cr_assert_neq(oct_digest64(0, buf, 23), zero);
    for (size_t i = 0; i < sizeof buf * 8; i++) {
        buf[i / 8] ^= (uint8_t)(1u << i % 8);
        cr_assert_neq(oct_digest64(0, buf, sizeof buf), zero);
        buf[i / 8] ^= (uint8_t)(1u << i % 8);
    }
    cr_assert_neq(oct_digest64(oct_digest64(0, "a", 1), "b", 1),
                  oct_digest64(oct_digest64(0, "b", 1), "a", 1));
}

Test(rng, same_seed_same_numbers_and_bounds_hold)
{
    struct oct_rng a, b, c;
    unsigned seen[7] = {0}, same = 0;

    oct_rng_init(&a, 42);
    oct_rng_init(&b, 42);
    oct_rng_init(&c, 43);
    for (int i = 0; i < 7000; i++) {
        uint64_t x = oct_rng_u64(&a);
        cr_assert_eq(x, oct_rng_u64(&b));
        same += x == oct_rng_u64(&c);
        uint64_t n = oct_rng_below(&a, 7);
        cr_assert_eq(n, oct_rng_below(&b, 7));
        seen[n]++;
        double d = oct_rng_f64(&a);
        cr_assert(d >= 0.0 && d < 1.0);
        (void)oct_rng_u64(&b);
        (void)oct_rng_u64(&c);
    }
    cr_assert_eq(same, 0u);
    for (int i = 0; i < 7; i++)
        cr_assert(seen[i] > 800 && seen[i] < 1200, "%d: %u", i, seen[i]);
}
