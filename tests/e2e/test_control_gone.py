#!/usr/bin/env python3
"""The control process dies, or stands still while the rings go round many times: not one packet,
message, order or fill fewer, and not one decision other.

One seeded session is played three times in lock-step, each packet answered before the next: once
undisturbed, once with control killed (SIGKILL) and started again in the middle, once with control
stopped (SIGSTOP) for some seconds, or a minute with OCTOPUS_LONG=1.  Everything that counts must be
equal; the journals then differ in times alone, and in the lane's own note that control was silent
and came back.  Two things are left out here, which no two runs decide alike: market making, for
whether a fill is read before or after the packet that caused it is a race between two sockets, and
the limits that count by the clock, for in lock-step session time has no fixed rate to it.

Then once more with every strategy and at twenty times session time, which waits for nobody: not one
packet missed, the venue's book of record and ours equal, the replay identical."""
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

import lib
from lib import check, demo

STOP_S = 60 if lib.LONG else 4
SESSION_S = 3000 if lib.LONG else 240
RING = 65536
# In memory: the rings are small, and a disk that stands still for seconds under the recorder is not the point.
DATA = tempfile.mkdtemp(prefix="oct-gone-", dir="/dev/shm")
SETS = [f"lane.ring_depth={RING}", "risk.control_silent_ms=2000"]
DECISIONS = ("intent", "verdict", "order", "order_update", "fill")
# Times, what follows from times, and the approval's seal, which has a run's random number in it.
TIMES = ("now_ns", "ts_exch_ns", "ts_rx_ns", "rate_used", "firm_rate_used", "repeat_used", "dup_age_ns",
         "ref_age_ns", "approval_id", "input")


def timeless():
    """The demo's limits, and none that an order meets or misses by a millisecond of ours."""
    with open(os.path.join(lib.ROOT, "config", "risk", "demo.yaml"), encoding="utf-8") as f:
        text = f.read()
    for name, value in (("msg_rate", 10**6), ("repeat_cnt", 10**6), ("dup_window_ns", 1), ("ref_age_ns", 3600 * 10**9)):
        text, n = re.subn(rf"\b{name}: \d+", f"{name}: {value}", text)
        check(n > 0, f"the demo's limits have a {name}, which does not count here")
    path = os.path.join(DATA, "limits.yaml")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)
    return path


class Run(demo.Run):
    def start(self, name, cmd, show=False):
        if name == "exchange" and self.args.pace == "max":
            cmd = cmd + ["--window", "1"]
        return super().start(name, cmd, show)

    def ctl(self, *words, fmt="json"):
        p = subprocess.run([self.binary("tools", "octopusctl", "octopusctl"), "--run-dir", self.run_dir,
                            "--data-dir", self.data, *words, "-o", fmt], capture_output=True, text=True, check=False)
        return p.returncode, p.stdout

    def input(self):
        out = self.ctl("status")[1]
        return int(json.loads(out)["dataplane"]["input"]) if out else 0

    def counter(self, name):
        rows = json.loads(self.ctl("counters", name)[1])["counters"]
        return sum(r["value"] for r in rows if r["name"] == name)


def decisions(run):
    """What was decided, in order, without times; numbers of inputs differ by the notes about control."""
    out = {}
    for kind in DECISIONS:
        code, text = run.ctl("journal", "cat", "--type", kind, fmt="ndjson")
        check(code == 0, f"the journal's records of type {kind} can be read")
        rows = [json.loads(line) for line in text.splitlines()]
        for r in rows:
            for key in TIMES:
                r.pop(key, None)
        out[kind] = rows
    return out


def stay_away(run):
    """For some seconds, and until the ring has gone round: records take more than two slots each."""
    before = run.counter("lane_records")
    time.sleep(STOP_S)
    wait(f"the ring of {RING} slots goes round", lambda: run.counter("lane_records") - before > RING // 2, 60)


def kill(run, ports):
    run.procs["control"].send_signal(signal.SIGKILL)
    run.procs["control"].wait()
    stay_away(run)
    run.start_control(ports)


def stop(run, _ports):
    run.procs["control"].send_signal(signal.SIGSTOP)
    stay_away(run)
    run.procs["control"].send_signal(signal.SIGCONT)


def wait(what, test, timeout_s):
    end = time.monotonic() + timeout_s
    while not test():
        if time.monotonic() > end:
            check(False, f"{what} within {timeout_s} s")
        time.sleep(0.05)


def mirror(run):
    """Control's own view at the end, over its socket."""
    return {"orders": json.loads(run.ctl("order", "list", "--limit", "1")[1])["total"],
            "books": {s: json.loads(run.ctl("book", "show", s, "--depth", "5")[1]) for s in ("AAPL", "MSFT")}}


def play(name, disturb, pace="max", duration=SESSION_S, sets=()):
    run = Run(lib.args(seed=lib.SEED, duration=str(duration), pace=pace, set=[*SETS, *sets]),
              f"gone-{name}-{os.getpid()}", DATA)
    try:
        ports = run.start_exchange()
        dp = run.start_dataplane(ports, until_end=False, show=False)
        demo.wait_for("shared memory", lambda: os.path.exists(os.path.join(run.run_dir, "pub")), 30)
        run.start_control(ports)
        wait("the session is under way", lambda: run.ctl("status")[0] == 0 and run.input() > 2000, 60)
        if disturb:
            disturb(run, ports)
        wait("the session ends", lambda: json.loads(run.ctl("status")[1])["feed"]["state"] == "ended", 600)
        run.procs["exchange"].wait(60)
        wait("control is in step again", lambda: run.ctl("order", "list", "--limit", "1")[0] == 0, 60)
        input_now = run.input()
        check(dp.poll() is None and input_now > 0, f"{name}: the dataplane is up")
        time.sleep(1)
        seen = mirror(run)
        run.stop("control")
        run.stop("dataplane")
        s = demo.finish(run, ports)
        ours = demo.load_json(run.path("summary.json"))
        check(s["venue_match"], f"{name}: venue's book of record and ours are equal {s['venue_differences'][:3]}")
        check(s["replay_identical"], f"{name}: the journal replays to the same decisions {s['replay'].get('why', '')}")
        check(seen["orders"] == len(ours["orders_detail"]), f"{name}: control knows all {seen['orders']} orders at the end")
        for sym, book in seen["books"].items():
            top = [[px, qty] for px, qty, _ in book["bids"][:5]]
            check(top == s["books"][sym]["bids"], f"{name}: control's book of {sym} is the dataplane's")
        cmds = [json.loads(r)["cmd"] for r in run.ctl("journal", "cat", "--type", "in_cmd", fmt="ndjson")[1].splitlines()]
        return {"summary": s, "ours": ours, "decisions": decisions(run), "cmds": cmds}
    finally:
        run.stop_all()
        run.remove(False)


def difference(a, b):
    """Where two lists of records part: the two records and what led to them."""
    for i, (x, y) in enumerate(zip(a, b)):
        if x != y:
            keys = [k for k in x if x.get(k) != y.get(k)]
            return f"record {i}, {keys}:\n    {x}\n    {y}"
    return f"{len(a)} records, {len(b)} records; those that both have are equal"


def equal(a, b, name):
    """Decisions first: where the first of them differs says more than any sum of them."""
    for kind in DECISIONS:
        if a["decisions"][kind] != b["decisions"][kind]:
            print(f"{name}: {kind}: {difference(a['decisions'][kind], b['decisions'][kind])}")
    for what in ("total", "by_type"):
        check(a["summary"]["market_data"]["messages"][what] == b["summary"]["market_data"]["messages"][what],
              f"{name}: messages {what} equal: {b['summary']['market_data']['messages']['total']}")
    for what in ("gaps_detected", "messages_lost", "duplicates"):
        check(a["summary"]["market_data"][what] == b["summary"]["market_data"][what], f"{name}: {what} equal")
    check(a["summary"]["venue"]["feed"]["packets"] == b["summary"]["venue"]["feed"]["packets"],
          f"{name}: packets of the venue equal")
    check(a["summary"]["books"] == b["summary"]["books"], f"{name}: books equal")
    check(a["summary"]["orders"] == b["summary"]["orders"],
          f"{name}: orders and fills equal: {b['summary']['orders']['sent']} sent, {b['summary']['orders']['fills']} fills")
    check(a["summary"]["positions"] == b["summary"]["positions"] and a["summary"]["pnl"] == b["summary"]["pnl"],
          f"{name}: positions, profit and loss equal")
    for kind in DECISIONS:
        check(a["decisions"][kind] == b["decisions"][kind],
              f"{name}: {len(b['decisions'][kind])} journaled records of type {kind} equal")


def main():
    takers = ["strategies.maker.enabled=false", f"risk.limits_file={timeless()}"]
    base = play("base", None, sets=takers)
    orders = base["summary"]["orders"]
    check(orders["sent"] > 200 and orders["fills"] > 100, f"it trades: {orders['sent']} orders, {orders['fills']} fills")
    check("control_silent" not in base["cmds"], "undisturbed, control was not missed")
    for name, disturb in (("killed", kill), ("stopped", stop)):
        other = play(name, disturb, sets=takers)
        check([c for c in other["cmds"] if c.startswith("control_")] == ["control_silent", "control_back"],
              f"{name}: the lane noted that control was silent and came back")
        equal(base, other, name)
    paced = play("paced", stop, pace="20x", duration=20 * STOP_S + 100)["summary"]
    m, feed = paced["market_data"], paced["venue"]["feed"]
    check(m["messages"]["total"] == feed["messages"], f"paced: all {feed['messages']} messages came")
    check(m["gaps_detected"] == 0 and m["messages_lost"] == 0, "paced: no gap")
    check(m["duplicates"] == feed["packets"], f"paced: each of the {feed['packets']} packets with messages came on both lines")


try:
    main()
finally:
    shutil.rmtree(DATA, ignore_errors=True)
