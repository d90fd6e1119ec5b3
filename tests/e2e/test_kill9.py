#!/usr/bin/env python3
"""kill -9 of the dataplane at random points, restart at once: no order lost, doubled or invented,
positions equal to the venue's, and the whole journal replays.

  test_kill9.py [POINTS] [SEED] [--power]    --power: shared memory is gone, too, and the journal is
                                             cut back to what had been synced
"""
import os
import random
import shutil
import signal
import sys
import time

import lib
from lib import check, demo

POINTS = int(sys.argv[1]) if len(sys.argv) > 1 and sys.argv[1].isdigit() else (200 if lib.LONG else 20)
SEED = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2].isdigit() else lib.SEED
POWER = "--power" in sys.argv
PER_SESSION = 5
rng = random.Random(SEED)


def newest_segment(journal):
    segs = sorted(f for f in os.listdir(journal) if f.endswith(".oj"))
    return os.path.join(journal, segs[-1]) if segs else None


def power_loss(run):
    """The machine lost power: shared memory is gone, and so is what the disk had not been told to
    keep.  The group mode syncs every few milliseconds, so the last blocks written are at risk."""
    shutil.rmtree(run.run_dir, ignore_errors=True)
    seg = newest_segment(run.path("journal"))
    if seg:
        data = open(seg, "rb").read().rstrip(b"\0")
        cut = max(4096, len(data) - rng.randrange(0, 8192))
        with open(seg, "r+b") as f:
            f.truncate(cut)


def session(number, kills):
    seed = rng.randrange(1, 1 << 30)
    a = lib.args(seed=seed, duration="60")
    run = demo.Run(a, f"kill-{os.getpid()}-{number}", os.path.join(lib.ROOT, "data"))
    done = 0
    ok = False
    try:
        ports = run.start_exchange()
        while True:
            dp = run.start_dataplane(ports, until_end=True, show=False)
            last = done >= kills
            end = time.monotonic() + (60 if last else rng.uniform(0.02, 0.6))
            while time.monotonic() < end and dp.poll() is None:
                time.sleep(0.002)
            if dp.poll() is None and not last:
                dp.send_signal(signal.SIGKILL)
                dp.wait()
                done += 1
                if POWER:
                    power_loss(run)
                continue
            check(dp.poll() is not None, f"session {number} (seed {seed}): the dataplane ends within 60 s after {done} kills")
            check(dp.returncode == 0, f"session {number} (seed {seed}): it ends with status 0 after {done} kills")
            break
        run.procs["exchange"].wait(30)
        s = demo.finish(run, ports)
        print(f"session {number}: {done} kills, {s['orders']['sent']} orders, {s['orders']['fills']} fills, "
              f"{s['replay'].get('inputs')} inputs replayed")
        for d in s["venue_differences"][:5]:
            print("   ", d)
        check(s["venue_match"], f"session {number}: venue's book of record and ours are equal")
        check(s["replay_identical"] or POWER, f"session {number}: replay identical {s['replay'].get('why', '')[:600]}")
        ok = True
        return done
    finally:
        run.stop_all()
        run.remove(keep=not ok)


def main():
    left, number = POINTS, 0
    while left > 0 and number < POINTS * 4:
        left -= session(number, min(PER_SESSION, left))
        number += 1
    check(left <= 0, f"{POINTS} kill points in {number} sessions, seed {SEED}")


main()
