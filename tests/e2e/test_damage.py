#!/usr/bin/env python3
"""A byte of the journal changes while the dataplane is dead.  The next start says file, offset and
reason, keeps the damaged files as they are, takes its orders from the venue's replay and trades
nothing, also over another restart, until a person says rearm; and then the two books agree."""
import json
import os
import random
import re
import signal
import subprocess
import tempfile
import time

import lib
from lib import check, demo

rng = random.Random(lib.SEED)


def ctl(run, *words):
    p = subprocess.run([run.binary("tools", "octopusctl", "octopusctl"), "--run-dir", run.run_dir, "--data-dir", run.data,
                        *words], capture_output=True, text=True, check=False, timeout=30)
    return p.returncode, p.stdout + p.stderr


def status(run):
    """What octopusctl says of a lane that turns, else None."""
    try:
        s = json.loads(ctl(run, "status", "-o", "json")[1])
    except ValueError:
        return None
    return s if s.get("dataplane", {}).get("alive") else None


def new_orders(run):
    """Orders of the journal as it is now that would bring new quantity to the venue."""
    code, said = ctl(run, "journal", "cat", "--type", "order")
    if code not in (0, 4):
        return None
    orders = [json.loads(line) for line in said.splitlines() if line.startswith("{")]
    return sum(o["action"] in ("new", "replace") for o in orders)


def wait(what, test, timeout_s=30, why=None):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        got = test()
        if got:
            return got
        time.sleep(0.05)
    if why:
        print(why())
    check(False, f"{what} within {timeout_s} s")
    return None


def moved(run, feed_from):
    """The session went on for a while after feed_from."""
    s = status(run)
    return s and int(s["feed"]["next_seq"]) > feed_from + 3000 and s


def damage(journal):
    names = sorted(f for f in os.listdir(journal) if f.endswith(".oj"))
    path = os.path.join(journal, names[0])
    with open(path, "r+b") as f:
        data = bytearray(f.read())
        at = 4096 + rng.randrange(100, len(data.rstrip(b"\0")) // 2)
        data[at] ^= 0x40
        f.seek(at)
        f.write(data[at:at + 1])
    return names[0], at, bytes(data)


def halted(run, name, at, before):
    with open(run.path("dataplane.log"), encoding="utf-8", errors="replace") as f:
        said = [line for line in f if "journal.damaged" in line]
    check(len(said) == 1, "one line of the log tells of it")
    found = re.search(re.escape(name) + r": offset (\d+): (\S.*?);", said[0])
    check(found, f"it names {name}, offset and reason: {said[0].strip()[:300]}")
    check(abs(int(found.group(1)) - at) <= 128 * 1024, f"offset {found.group(1)} is that of the block with the damage at {at}")
    check("rearm" in said[0], "and what to do")
    kept = re.search(r"moved as it is to (\S+)\. ", said[0]).group(1)
    with open(os.path.join(kept, name), "rb") as f:
        check(f.read() == before, f"{name} is kept byte for byte in {os.path.basename(kept)}")
    check(os.path.getsize(os.path.join(kept, "ring.records")) > 0, "with what the old ring held")
    check("after 10 s at the latest" in said[0], "and how long the order session waits for the feed")
    rows = json.loads(ctl(run, "journal", "ls", "-o", "json")[1])
    aside = [r for r in rows if r.get("set_aside") == os.path.basename(kept)]
    check(len(aside) == 1 and int(aside[0]["segments"]) > 0 and int(aside[0]["ring_records"]) > 0,
          f"octopusctl journal ls shows what was set aside: {aside}")
    check(os.path.basename(kept) in ctl(run, "journal", "ls")[1], "in its table, too")


def play(run):
    ports = run.start_exchange()
    dp = run.start_dataplane(ports, until_end=False)
    wait("orders", lambda: (new_orders(run) or 0) > 20)
    dp.send_signal(signal.SIGKILL)
    dp.wait()
    name, at, before = damage(run.path("journal"))
    for turn in ("first", "second"):
        dp = run.start_dataplane(ports, until_end=turn == "second")
        s = wait("a start on a damaged journal", lambda: status(run))
        seq = int(s["feed"]["next_seq"])
        s = wait("the feed goes on", lambda seq=seq: moved(run, seq))
        check(s["dataplane"]["ladder"] == "halted" and s["status"] == "degraded", f"{turn} start: octopusctl status says halted")
        if turn == "first":
            halted(run, name, at, before)
            check(name in s["dataplane"]["note"] and "offset" in s["dataplane"]["note"], f"and why: {s['dataplane']['note']}")
            _, text = ctl(run, "errors")
            check("journal.damaged" in text, "octopusctl errors lists journal.damaged")
        check(new_orders(run) == 0, f"{turn} start: no new order left")
        if turn == "first":
            dp.terminate()
            check(dp.wait(20) == 0, "it stops in order")
    code, text = ctl(run, "rearm", "--reason", "positions compared", "--yes")
    check(code == 0, f"rearm: {text.strip()}")
    wait("orders after rearm", lambda: (new_orders(run) or 0) > 0, why=lambda: ctl(run, "status")[1] + ctl(run, "risk", "show")[1])
    check(dp.wait(120) == 0, "the session ends, status 0")
    run.procs["exchange"].wait(30)
    s = demo.finish(run, ports)
    for d in s["venue_differences"][:5]:
        print("   ", d)
    check(s["venue_match"], "the venue's book of record and ours are equal, orders of the lost journal included")
    check(s["replay_identical"], f"the new journal replays identically: {s['replay'].get('why', '')[:300]}")


def main():
    with tempfile.TemporaryDirectory() as folder:
        run = demo.Run(lib.args(seed=lib.SEED + 2, duration="1800", pace="max"), f"damage-{os.getpid()}", folder)
        try:
            play(run)
        finally:
            run.stop_all()
            run.remove(keep=False)


main()
