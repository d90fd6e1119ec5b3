#!/usr/bin/env python3
"""octopusctl kill while a thousand orders work, order bytes flow without a pause and control stands
still: no new order byte afterwards, every order cancelled or reported, killed after a restart too
(and after one that found the shared memory gone), and back only by a person's rearm."""
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

import lib
from lib import check, demo

ORDERS = 1000
PROFILE = """
venue: {{port: 26020, user: OCT001, password: "env:OCTOPUS_VENUE_PASSWORD", firm: OCTO}}
lane: {{ring_depth: 262144, order_cnt_max: 524288, level_cnt_max: 262144, own_order_cnt_max: 8192}}
strategies:
  - {{id: 0, name: crowd, kind: plugin, path: {plugin}, symbols: "*",
     params: {{rate_max: 100000, min_gap_ns: 0, backoff_ns: 1000000}}}}
  - {{id: 1, name: momentum, kind: momentum, symbols: "*", params: {{threshold: 0.0004}}}}
risk:
  limits:
    - {{scope: firm, set: {{position: 1000000, gross: 1000000000, open_orders: 4000, msg_rate: 100000,
        msg_reserve: 20000, loss: 10000000, drawdown: 10000000}}}}
    - {{scope: account, id: "*", set: {{order_notional: 1000000, position: 1000000, gross: 1000000000,
        open_orders: 4000, loss: 10000000, drawdown: 10000000}}}}
    - {{scope: strategy, id: "*", set: {{order_qty: 1000, order_notional: 1000000, position: 1000000,
        gross: 1000000000, open_orders: 4000, msg_rate: 100000, msg_reserve: 20000, repeat_cnt: 10000,
        repeat_window_ns: 1000000000, dup_window_ns: 1, loss: 10000000, drawdown: 10000000}}}}
    - {{scope: instrument, symbol: "*", set: {{order_qty: 1000, collar_bps: 1000, ref_age_ns: 60000000000,
        position: 1000000, gross: 1000000000}}}}
"""


class Run(demo.Run):
    def start(self, name, cmd, show=False):
        if name == "exchange":
            self.socket = self.path("venue.sock")
            cmd = cmd + ["--control", self.socket]
        return super().start(name, cmd, show)

    def venue(self, command):
        """One command on the venue's own socket."""
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(command.encode() + b"\n")
            return s.makefile().readline().strip()

    def venue_status(self):
        return {k: int(v) for k, v in (f.split("=") for f in self.venue("status").split())}

    def record(self):
        path = self.path("record-now.json")
        check(self.venue("record " + path).startswith("ok"), "the venue writes its book of record")
        return demo.load_json(path)

    def ctl(self, *words):
        p = subprocess.run([self.binary("tools", "octopusctl", "octopusctl"), "--run-dir", self.run_dir,
                            "--data-dir", self.data, *words], capture_output=True, text=True, check=False,
                           stdin=subprocess.DEVNULL)
        return p.returncode, p.stdout, p.stderr

    def status(self):
        out = self.ctl("status", "-o", "json")[1]
        return json.loads(out) if out else None

    def journal(self, kind):
        out = self.ctl("journal", "cat", "--type", kind, "-o", "ndjson")[1]
        return [json.loads(line) for line in out.splitlines()]

    def counter(self, name):
        out = self.ctl("counters", name, "-o", "json")[1]
        return sum(r["value"] for r in json.loads(out)["counters"] if r["name"] == name) if out else 0


def wait(what, test, timeout_s=30):
    end = time.monotonic() + timeout_s
    while not test():
        if time.monotonic() > end:
            check(False, f"{what} within {timeout_s} s")
        time.sleep(0.02)
    print(f"ok: {what}", flush=True)


def up(run, not_run_id=None):
    """Alive and logged in, and not the run before; no dataplane is told of while one replaces another."""
    s = run.status()
    return bool(s and s["dataplane"] and s["dataplane"]["alive"] and s["dataplane"]["run_id"] != not_run_id
                and s["session"]["state"] == "up")


def quiet(run, what):
    """Two seconds in which the market goes on and the venue gets no order."""
    before = run.venue_status()
    time.sleep(2)
    after = run.venue_status()
    check(after["packets"] > before["packets"], f"{what}: the market goes on")
    check(after["orders"] == before["orders"] and after["live"] == 0, f"{what}: the venue gets no order, none lives")
    return after["orders"]


def killed_here(run):
    run.procs["control"].send_signal(signal.SIGSTOP)
    check(run.counter("orders_open") >= ORDERS, f"{run.counter('orders_open')} orders work, control is stopped")
    t = time.monotonic()
    code, out, err = run.ctl("kill", "--scope", "firm", "--yes", "--reason", "end-to-end test", "-o", "json")
    check(code == 0 and json.loads(out)["acknowledged"], f"kill is acknowledged in {time.monotonic() - t:.3f} s {err}")
    wait("no order is open here", lambda: run.counter("orders_open") == 0, 10)
    print(f"ok: flat of orders {time.monotonic() - t:.3f} s after the kill")
    check(run.status()["dataplane"]["ladder"] == "killed", "the state is killed")
    quiet(run, "killed")
    run.procs["control"].send_signal(signal.SIGCONT)


def bytes_at_the_venue(run):
    """What the venue has, against what the journal says was sent before the kill was seen."""
    kills = run.journal("in_kill")
    check(len(kills) == 1 and int(kills[0]["bits"]) & 1, "the sight of the kill word is one input of the lane")
    at = int(kills[0]["input"])
    new = [o for o in run.journal("order") if o["action"] in ("new", "replace")]
    late = [o for o in new if int(o["input"]) > at]
    check(not late, f"no order was even made after input {at}")
    theirs = {o["user_ref"] for o in run.record()["order_list"]}
    ours = {o["user_ref"] for o in new}
    withheld = run.counter("orders_withheld")
    check(theirs <= ours and len(ours) - len(theirs) == withheld,
          f"of {len(ours)} orders the venue got {len(theirs)}; {withheld} were withheld at the encoder")
    check(len(theirs) >= ORDERS, "a thousand orders and more were sent")
    live = [o for o in run.record()["order_list"] if o["state"] == "live"]
    check(not live and run.counter("orders_unknown") == 0, "all are cancelled or filled at the venue, none is unknown here")


def restarted(run, ports, how):
    was = run.status()["dataplane"]["run_id"]
    run.procs["dataplane"].send_signal(signal.SIGKILL)
    run.procs["dataplane"].wait()
    if how == "power":
        run.stop("control")
        shutil.rmtree(run.run_dir, ignore_errors=True)
    run.start_dataplane(ports, until_end=False)
    wait(f"{how}: the dataplane is back and logged in", lambda: up(run, was))
    check(run.status()["dataplane"]["ladder"] == "killed", f"{how}: it is still killed")
    wait(f"{how}: it refuses orders", lambda: run.counter("risk_refused") > 0)
    quiet(run, how)
    code, out, _ = run.ctl("status")
    check(code == 10 and "killed" in out, f"{how}: octopusctl status says so, exit status 10")


def rearmed(run):
    check(run.ctl("rearm", "--scope", "firm", "--yes")[0] == 2, "rearm without a reason is refused")
    check(run.ctl("rearm", "--scope", "firm", "--reason", "looked at")[0] == 2, "nor without --yes off a terminal")
    check(run.status()["dataplane"]["ladder"] == "killed", "still killed")
    code, _, err = run.ctl("rearm", "--scope", "firm", "--yes", "--reason", "looked at")
    check(code == 0, f"rearm by a person with a reason {err}")
    wait("active", lambda: run.status()["dataplane"]["ladder"] == "active", 5)
    wait("a thousand orders work again", lambda: run.counter("orders_open") >= ORDERS)
    check(run.ctl("halt", "--reason", "end of the test")[0] == 0, "halt")
    wait("no order is open", lambda: run.counter("orders_open") == 0, 10)
    log = [json.loads(line) for line in open(run.path("operator.log"), encoding="utf-8")]
    check([e["event.action"] for e in log] == ["kill", "rearm", "halt"], "the operators' log has kill, rearm, halt")


def main():
    a = lib.args(seed=lib.SEED, pace="10x", duration="3600", profile=None)
    run = Run(a, f"kill-{os.getpid()}", os.path.join(lib.ROOT, "data"))
    a.profile = run.path("crowd.yaml")
    with open(a.profile, "w", encoding="utf-8") as f:
        f.write(PROFILE.format(plugin=sys.argv[1]))
    ok = False
    try:
        ports = run.start_exchange()
        run.start_dataplane(ports, until_end=False)
        wait("the dataplane is up", lambda: up(run))
        run.start_control(ports)
        wait(f"{ORDERS} orders work", lambda: run.counter("orders_open") >= ORDERS, 60)
        killed_here(run)
        bytes_at_the_venue(run)
        restarted(run, ports, "kill -9")
        restarted(run, ports, "power")
        rearmed(run)
        run.stop("dataplane")
        replay = demo.verify(run, ports)
        check(replay.get("identical"), f"the whole journal replays: {replay.get('decisions')} decisions {replay.get('why')}")
        diffs = [d for d in demo.compare(run.record(), demo.load_json(run.path("summary.json"))) if "the book of" not in d]
        check(not diffs, f"venue's book of record and ours are equal {diffs[:3]}")
        ok = True
    finally:
        run.stop_all()
        run.remove(not ok)


main()
