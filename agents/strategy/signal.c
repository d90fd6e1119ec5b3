#include "agents/strategy/signal.h"

static double clamp1(double x)
{
    return x > 1.0 ? 1.0 : x < -1.0 ? -1.0 : x;
}

static double abs1(double x)
{
    return x < 0 ? -x : x;
}

/* Half sure of nothing, wholly sure of a full signal. */
static struct oct_signal with_confidence(double signal, bool fires)
{
    return (struct oct_signal){signal, 0.5 + 0.5 * abs1(signal), fires};
}

static const struct oct_signal none = {0, 0, false};

struct oct_signal oct_signal_momentum(const struct oct_strategy_params *p,
                                      const struct oct_features *f)
{
    if (!__builtin_isfinite(f->momentum))
        return none;
    return with_confidence(clamp1(f->momentum / oct_ratio(p->scale)),
                           abs1(f->momentum) >= oct_ratio(p->threshold));
}

struct oct_signal oct_signal_mean_reversion(const struct oct_strategy_params *p,
                                            const struct oct_features *f, double price)
{
    double sd = (f->boll_up - f->boll_mid) * 0.5;
    double z;

    /* Also false for NAN. */
    if (!(sd > 0) || !__builtin_isfinite(price))
        return none;
    z = (price - f->boll_mid) / sd;
    return with_confidence(clamp1(-z / oct_ratio(p->scale)), abs1(z) >= oct_ratio(p->threshold));
}

static int sign(double x)
{
    return (x > 0) - (x < 0);
}

struct oct_signal oct_signal_technical(const struct oct_strategy_params *p,
                                       const struct oct_features *f)
{
    int sma, rsi, macd, sum;
    int agree;
    double mean;

    if (!__builtin_isfinite(f->sma_slow) || !__builtin_isfinite(f->rsi) ||
        !__builtin_isfinite(f->macd_signal))
        return none;
    sma = sign(f->sma_fast - f->sma_slow);
    rsi = (f->rsi < oct_ratio(p->rsi_low)) - (f->rsi > oct_ratio(p->rsi_high));
    macd = sign(f->macd - f->macd_signal);
    sum = sma + rsi + macd;
    agree = (sma == sign(sum)) + (rsi == sign(sum)) + (macd == sign(sum));
    mean = (double)sum / 3.0;
    return (struct oct_signal){mean, sum == 0 ? 0 : (double)agree / 3.0,
                               sum != 0 && abs1(mean) >= oct_ratio(p->threshold)};
}

struct oct_signal oct_signal_imbalance(const struct oct_strategy_params *p,
                                       const struct oct_inst_view *v)
{
    double imb = oct_view_imbalance(v);

    return with_confidence(imb, abs1(imb) >= oct_ratio(p->threshold));
}
