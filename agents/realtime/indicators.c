#include "agents/realtime/indicators_priv.h"

#include <math.h>
#include <string.h>

#define UNIT 1e-9

static int64_t back(const struct oct_ind *s, uint32_t bars)
{
    return s->close[(s->cnt - 1 - bars) % OCT_IND_RING];
}

/* Without the library's conversion of 128-bit integers. */
static double wide(unsigned __int128 x)
{
    return (double)(uint64_t)(x >> 64) * 0x1p64 + (double)(uint64_t)x;
}

static double first_mean(const struct oct_ind *s, uint32_t n)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < n; i++)
        sum += (uint64_t)back(s, i);
    return (double)sum / n * UNIT;
}

static void ema(const struct oct_ind *s, double *e, uint32_t n, double close)
{
    if (s->cnt == n)
        *e = first_mean(s, n);
    else if (s->cnt > n)
        *e += (close - *e) * (2.0 / (n + 1));
}

static void windows(struct oct_ind *s, struct oct_features *f, int64_t close)
{
    s->sum20 += (uint64_t)close;
    s->sum50 += (uint64_t)close;
    s->sq20 += (unsigned __int128)close * (unsigned __int128)close;
    if (s->cnt > 20) {
        int64_t out = back(s, 20);
        s->sum20 -= (uint64_t)out;
        s->sq20 -= (unsigned __int128)out * (unsigned __int128)out;
    }
    if (s->cnt > 50)
        s->sum50 -= (uint64_t)back(s, 50);
    if (s->cnt >= 50)
        f->sma_slow = (double)s->sum50 / 50 * UNIT;
    if (s->cnt < 20)
        return;
    f->sma_fast = (double)s->sum20 / 20 * UNIT;
    unsigned __int128 spread = 20 * s->sq20 - (unsigned __int128)s->sum20 * s->sum20;
    double two_sd = 2 * sqrt(wide(spread)) / 20 * UNIT;
    f->boll_mid = f->sma_fast;
    f->boll_up = f->sma_fast + two_sd;
    f->boll_low = f->sma_fast - two_sd;
}

static void macd(struct oct_ind *s, struct oct_features *f)
{
    if (s->cnt < 26)
        return;
    f->macd = f->ema_fast - f->ema_slow;
    if (s->cnt <= 34) {
        s->signal += f->macd; /* a sum until the ninth */
        if (s->cnt < 34)
            return;
        s->signal /= 9;
    } else {
        s->signal += (f->macd - s->signal) * (2.0 / 10);
    }
    f->macd_signal = s->signal;
}

static void rsi(struct oct_ind *s, struct oct_features *f, int64_t change)
{
    double gain = change > 0 ? (double)change : 0.0, loss = change < 0 ? -(double)change : 0.0;
    if (s->cnt <= 15) {
        s->gain += gain;
        s->loss += loss;
        if (s->cnt < 15)
            return;
        s->gain /= 14;
        s->loss /= 14;
    } else {
        s->gain = (13 * s->gain + gain) / 14;
        s->loss = (13 * s->loss + loss) / 14;
    }
    double sum = s->gain + s->loss;
    f->rsi = sum > 0 ? 100 * s->gain / sum : 50.0;
}

static void atr(struct oct_ind *s, struct oct_features *f, double range)
{
    if (s->cnt <= 14) {
        s->atr += range;
        if (s->cnt < 14)
            return;
        s->atr /= 14;
    } else {
        s->atr = (13 * s->atr + range) / 14;
    }
    f->atr = s->atr * UNIT;
}

void oct_ind_init(struct oct_ind *s, struct oct_features *f)
{
    double nan = __builtin_nan("");
    memset(s, 0, sizeof(*s));
    *f = (struct oct_features){.sma_fast = nan,
                               .sma_slow = nan,
                               .ema_fast = nan,
                               .ema_slow = nan,
                               .rsi = nan,
                               .macd = nan,
                               .macd_signal = nan,
                               .boll_mid = nan,
                               .boll_up = nan,
                               .boll_low = nan,
                               .atr = nan,
                               .momentum = nan,
                               .vwap = nan,
                               .last_close = nan};
}

void oct_ind_bar(struct oct_ind *s, struct oct_features *f, int64_t high, int64_t low,
                 int64_t close)
{
    s->close[s->cnt++ % OCT_IND_RING] = close;
    double c = (double)close * UNIT;
    int64_t range = high - low;
    if (s->cnt > 1) {
        int64_t prev = back(s, 1);
        range = (high > prev ? high : prev) - (low < prev ? low : prev);
        rsi(s, f, close - prev);
    }
    windows(s, f, close);
    ema(s, &f->ema_fast, 12, c);
    ema(s, &f->ema_slow, 26, c);
    macd(s, f);
    atr(s, f, (double)range);
    if (s->cnt > 10)
        f->momentum = (double)close / (double)back(s, 10) - 1;
    f->last_close = c;
    f->bar_cnt = s->cnt;
}
