"""Indicators on 5,849 daily bars of AAPL, computed again by plain formulas over whole lists.

usage: realtime_indicators.py REALTIME_DUMP SHARED_DIR     exit status 77: skipped
Shares nothing with the agent: every value is computed from the bars alone, without state."""
import math
import pathlib
import subprocess
import sys
import zipfile

NAMES = ["sma20", "sma50", "ema12", "ema26", "rsi14", "macd", "macd_signal", "boll_mid", "boll_up",
         "boll_low", "atr14", "momentum10", "last_close"]
TOLERANCE = 1e-9  # relative, or absolute near zero


def bars(shared):
    path = shared / "data" / "lean-ohlcv" / "daily" / "aapl.zip"
    if not (shared / "data" / "lean-ohlcv").exists():
        print(f"SKIP: cannot read {path}")
        sys.exit(77)
    with zipfile.ZipFile(path) as z:
        text = z.read(z.namelist()[0]).decode()
    rows = [line.split(",") for line in text.replace(" ", "_").split()]
    return [tuple(int(x) for x in row[2:5]) for row in rows]  # high, low, close in 1/10000


def mean(x):
    return math.fsum(x) / len(x)


def ema(x, n):
    """None before n values, the mean of the first n, then the recursion."""
    out = [None] * len(x)
    if len(x) >= n:
        out[n - 1] = mean(x[:n])
        for i in range(n, len(x)):
            out[i] = out[i - 1] + (x[i] - out[i - 1]) * 2 / (n + 1)
    return out


def wilder(x, n):
    out = [None] * len(x)
    if len(x) >= n:
        out[n - 1] = mean(x[:n])
        for i in range(n, len(x)):
            out[i] = (out[i - 1] * (n - 1) + x[i]) / n
    return out


def expected(rows):
    high, low, close = ([r[k] / 10000 for r in rows] for k in range(3))
    n = len(close)
    ema12, ema26 = ema(close, 12), ema(close, 26)
    macd = [a - b if b is not None else None for a, b in zip(ema12, ema26)]
    signal = [None] * 25 + ema(macd[25:], 9)
    change = [close[i] - close[i - 1] for i in range(1, n)]
    gain = [None] + wilder([max(c, 0) for c in change], 14)
    loss = [None] + wilder([max(-c, 0) for c in change], 14)
    ranges = [high[0] - low[0]] + [max(high[i], close[i - 1]) - min(low[i], close[i - 1])
                                   for i in range(1, n)]
    atr = wilder(ranges, 14)
    for i in range(n):
        w20 = close[i - 19:i + 1] if i >= 19 else None
        mid = mean(w20) if w20 else None
        sd = math.sqrt(mean([(c - mid) ** 2 for c in w20])) if w20 else None
        rsi = None
        if gain[i] is not None:
            total = gain[i] + loss[i]
            rsi = 100 * gain[i] / total if total > 0 else 50
        yield [mid, mean(close[i - 49:i + 1]) if i >= 49 else None, ema12[i], ema26[i], rsi,
               macd[i], signal[i], mid, mid + 2 * sd if w20 else None,
               mid - 2 * sd if w20 else None, atr[i],
               close[i] / close[i - 10] - 1 if i >= 10 else None, close[i]]


def main():
    dump, shared = sys.argv[1], pathlib.Path(sys.argv[2])
    rows = bars(shared)
    feed = "".join(f"{h * 100000} {lo * 100000} {c * 100000}\n" for h, lo, c in rows)
    out = subprocess.run([dump, "indicators"], input=feed, capture_output=True, text=True,
                         check=True).stdout.splitlines()
    assert len(out) == len(rows) == 5849, (len(out), len(rows))
    worst, compared = 0.0, 0
    for i, (line, want) in enumerate(zip(out, expected(rows))):
        for name, text, w in zip(NAMES, line.split(), want):
            got = float(text)
            if w is None:
                assert math.isnan(got), f"bar {i + 1}: {name} is {got} before it has its input"
                continue
            off = abs(got - w) / max(1.0, abs(w))
            worst, compared = max(worst, off), compared + 1
            assert off <= TOLERANCE, f"bar {i + 1}: {name} is {got}, not {w}"
    print(f"{len(rows)} bars, {compared} values, worst difference {worst:.1e}")


main()
