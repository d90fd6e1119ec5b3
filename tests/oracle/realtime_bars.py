"""Bars of 1 s, 1 min and 5 min, built again from the trades of a session.

usage: realtime_bars.py REALTIME_DUMP SHARED_DIR WORK_DIR     exit status 77: skipped
A recorded session where there is one, and a generated one of 300,000 messages."""
import collections
import lzma
import pathlib
import subprocess
import sys

AAPL = "nasdaq-itch50-aapl-20191230-0935-20k-derived/aapl_20191230_0935_first20000.itch50.xz"
NS = 1_000_000_000


def check(args, what):
    lines = subprocess.run(args, capture_output=True, text=True, check=True).stdout.splitlines()
    rows = [[line[0]] + [int(x) for x in line.split()[1:]] for line in lines]
    trades = [r[1:] for r in rows if r[0] == "T"]
    bars = [tuple(r[1:]) for r in rows if r[0] == "B"]
    want = collections.OrderedDict()
    for inst, ts, px, qty in trades:
        for length in (1, 60, 300):
            start = ts // (length * NS) * length * NS
            want.setdefault((inst, length, start), []).append((px, qty))
    assert len(bars) == len(set(b[:3] for b in bars)), "two bars of one start"
    assert len(bars) == len(want), f"{len(bars)} bars, not {len(want)}"
    for inst, length, start, o, h, lo, c, volume, vwap, cnt in bars:
        t = want[inst, length, start]
        px = [p for p, _ in t]
        total = sum(q for _, q in t)
        exact = (px[0], max(px), min(px), px[-1], total, sum(p * q for p, q in t) // total, len(t))
        assert (o, h, lo, c, volume, vwap, cnt) == exact, (inst, length, start, exact)
    print(f"{what}: {len(trades)} trades, {len(bars)} bars equal")


def main():
    dump, shared, work = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    work.mkdir(parents=True, exist_ok=True)
    check([dump, "generated", "300000", "7", str(work / "generated.itch50")], "generated session")
    recorded = shared / "data" / AAPL
    if not recorded.parent.exists():
        print(f"SKIP: cannot read {recorded}")
        sys.exit(77)
    plain = work / "aapl.itch50"
    plain.write_bytes(lzma.decompress(recorded.read_bytes()))
    check([dump, "session", str(plain)], "AAPL, recorded")


main()
