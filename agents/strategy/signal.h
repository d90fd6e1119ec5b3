/* signal.h - what each strategy thinks of an instrument, as a function of what is known of it.
 *
 * Thread:  any; no state.
 * Cost:    a few floating-point operations. */
#ifndef OCT_STRATEGY_SIGNAL_H
#define OCT_STRATEGY_SIGNAL_H

#include "agents/strategy/params.h"
#include "dataplane/port/view.h"

struct oct_signal {
    double signal;     /* -1 sell to 1 buy */
    double confidence; /* 0 to 1 */
    bool fires;        /* strong enough to vote */
};

/* return over 10 bars; full at scale; fires from threshold. */
struct oct_signal oct_signal_momentum(const struct oct_strategy_params *p,
                                      const struct oct_features *f);

/* price is what it is compared with the bands: the mid, in currency.  z = (price - mean) / sd;
 * the signal is -z / scale; fires when |z| is threshold or more. */
struct oct_signal oct_signal_mean_reversion(const struct oct_strategy_params *p,
                                            const struct oct_features *f, double price);

/* Mean of three votes of -1, 0 or 1: SMA fast above slow buys; RSI below rsi_low buys, above
 * rsi_high sells; MACD above its signal buys.  Confidence is the share of votes that agree with
 * the sign of the mean.  Fires from threshold. */
struct oct_signal oct_signal_technical(const struct oct_strategy_params *p,
                                       const struct oct_features *f);

/* The imbalance at the touch; fires from threshold. */
struct oct_signal oct_signal_imbalance(const struct oct_strategy_params *p,
                                       const struct oct_inst_view *v);

#endif
