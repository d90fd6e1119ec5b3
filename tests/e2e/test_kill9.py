#!/usr/bin/env python3
"""kill -9 of the dataplane at random points of a demo, restart at once: no order lost, doubled or
invented, positions equal to the venue's, and the whole journal replays.

  test_kill9.py [POINTS] [SEED] [--power]    --power: the machine loses power: the journal is cut
                                             back to its last durable byte, shared memory is gone

A failure prints the seed; the same seed repeats the sessions, not the microsecond of a kill.
"""
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import lib
from lib import check, demo

NUMBERS = [int(a) for a in sys.argv[1:] if a.isdigit()]
POWER = "--power" in sys.argv
POINTS = NUMBERS[0] if NUMBERS else (200 if lib.LONG else (10 if POWER else 20))
SEED = NUMBERS[1] if len(NUMBERS) > 1 else random.SystemRandom().randrange(1, 1 << 30)
PER_SESSION = 5
END_S = 60
rng = random.Random(SEED)


def say(text):
    print(text, flush=True)


def power_loss(run):
    """What was not durable is gone, then shared memory is."""
    tool = os.path.join(lib.BUILD, "tests", "e2e", "power_loss")
    r = subprocess.run([tool, run.run_dir, run.path("journal"), str(rng.randrange(1 << 30))], check=False,
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    check(r.returncode == 0, f"the journal is cut: {r.stdout.strip()}")
    shutil.rmtree(run.run_dir, ignore_errors=True)


def why_stuck(run):
    """What both sides say of themselves, for the log of a failed test."""
    run.procs["exchange"].send_signal(signal.SIGUSR1)
    time.sleep(0.3)
    ctl = run.binary("tools", "octopusctl", "octopusctl")
    r = subprocess.run([ctl, "--run-dir", run.run_dir, "status"], check=False, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT, text=True)
    say(r.stdout)
    for name in ("exchange.log", "dataplane.log"):
        with open(run.path(name), encoding="utf-8", errors="replace") as f:
            say("".join(f.readlines()[-12:]))


def complaints(run):
    """Recoveries that found a difference or damage; each starts HALTED and hides what follows."""
    with open(run.path("dataplane.log"), encoding="utf-8", errors="replace") as f:
        return [json.loads(line)["message"] for line in f if '"log.level":"error"' in line]


def play(run, ports, number, kills):
    """Kills and restarts until the session is over; returns how many kills there were."""
    done = 0
    while True:
        dp = run.start_dataplane(ports, until_end=True, show=False)
        last = done >= kills
        end = time.monotonic() + (END_S if last else rng.uniform(0.02, 0.6))
        while time.monotonic() < end and dp.poll() is None:
            time.sleep(0.002)
        if dp.poll() is None and not last:
            dp.send_signal(signal.SIGKILL)
            dp.wait()
            if POWER and rng.random() < 0.25:
                continue  # the process only: the power fails when what it left has been taken over
            done += 1
            if POWER:
                power_loss(run)
            continue
        if dp.poll() is None:
            why_stuck(run)
        check(dp.poll() is not None, f"session {number}: the dataplane ends within {END_S} s after {done} kills")
        check(dp.returncode == 0, f"session {number}: it ends with status 0 after {done} kills")
        return done


def session(number, kills):
    seed = rng.randrange(1, 1 << 30)
    run = demo.Run(lib.args(seed=seed, duration="60"), f"kill-{os.getpid()}-{number}", os.path.join(lib.ROOT, "data"))
    began = time.monotonic()
    ok = False
    try:
        ports = run.start_exchange(end="--end-when-done")
        done = play(run, ports, number, kills)
        run.stop("exchange")  # it stays until now, so that the very end is a kill point like any other
        s = demo.finish(run, ports)
        say(f"session {number} (seed {seed}): {done} kills in {time.monotonic() - began:.1f} s, {s['orders']['sent']} orders, "
            f"{s['orders']['fills']} fills, {s['replay'].get('inputs')} inputs replayed")
        for d in s["venue_differences"][:5]:
            say(f"    {d}")
        check(s["venue_match"], f"session {number}: venue's book of record and ours are equal")
        check(s["replay_identical"], f"session {number}: replay identical {s['replay'].get('why', '')[:600]}")
        bad = complaints(run)
        check(not bad, f"session {number}: no recovery complained {bad[:2]}")
        low = [p for p in s["pnl"] if p["ladder"] != "active"]
        check(not low, f"session {number}: nobody was halted {low[:2]}")
        ok = True
        return done
    finally:
        run.stop_all()
        run.remove(keep=not ok)


def main():
    say(f"test_kill9: {POINTS} points, seed {SEED}" + (", loss of power" if POWER else ""))
    left, number = POINTS, 0
    while left > 0 and number < POINTS * 4:
        left -= session(number, min(PER_SESSION, left))
        number += 1
    check(left <= 0, f"{POINTS} kill points in {number} sessions, seed {SEED}")


main()
