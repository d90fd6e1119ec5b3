#!/usr/bin/env python3
"""What the lane does after the seal, in the real process on real sockets: no allocation, and no
system call but the nic driver's own.  Then three lanes that are broken on purpose, to show that the
test would notice: one allocates, one makes a call that the seal lets pass, one makes a call that it
does not.

  test_sealed.py LANE_WATCH.SO"""
import json
import os
import signal
import struct
import subprocess
import sys
import time

import lib
from lib import check, demo, skip

# Numbers of x86-64.
NAMES = {0: "read", 1: "write", 3: "close", 7: "poll", 9: "mmap", 11: "munmap", 12: "brk", 28: "madvise", 41: "socket",
         42: "connect", 44: "sendto", 45: "recvfrom", 46: "sendmsg", 47: "recvmsg", 48: "shutdown", 54: "setsockopt",
         55: "getsockopt", 72: "fcntl", 202: "futex", 228: "clock_gettime", 426: "io_uring_enter",
         427: "io_uring_register"}
STEADY = {"io_uring_enter", "sendto"}
CONNECT = {"socket", "connect", "getsockopt", "setsockopt", "fcntl", "close", "shutdown", "poll"}


class Watched:
    """A paced session; the lane's thread is watched through LD_PRELOAD."""

    def __init__(self, broken=None):
        a = lib.args(seed=lib.SEED, pace="20x", duration="600")
        self.run = demo.Run(a, f"sealed-{os.getpid()}-{broken}", os.path.join(lib.ROOT, "data"))
        self.file = self.run.path("watch")
        self.env = {"LD_PRELOAD": sys.argv[1], "OCT_LANE_WATCH": self.file}
        if broken:
            self.env["OCT_LANE_WATCH_BREAK"] = broken
        ports = self.run.start_exchange()
        plain = dict(self.run.env)
        self.run.env.update(self.env)
        self.dp = self.run.start_dataplane(ports, until_end=False)
        self.run.env = plain

    def counts(self):
        """sealed, allocations, frees, system calls by name."""
        data = open(self.file, "rb").read()
        head = struct.unpack_from("<4Q", data)
        calls = struct.unpack_from("<512Q", data, 32)
        return head[0], head[1], head[2], {NAMES.get(i, str(i)): n for i, n in enumerate(calls) if n}

    def orders(self):
        p = subprocess.run([self.run.binary("tools", "octopusctl", "octopusctl"), "--run-dir", self.run.run_dir,
                            "counters", "order_messages_sent", "-o", "json"], capture_output=True, text=True, check=False)
        return json.loads(p.stdout)["counters"][0]["value"] if p.returncode == 0 else 0

    def wait_orders(self, n, timeout_s=60):
        end = time.monotonic() + timeout_s
        while self.orders() < n and self.dp.poll() is None and time.monotonic() < end:
            time.sleep(0.05)
        if self.dp.poll() == 98:
            skip("this kernel does not tell a thread of the system calls of another (seccomp notifications)")
        return self.orders()

    def close(self):
        self.run.stop_all()
        self.run.remove(False)


def sound():
    w = Watched()
    try:
        first = w.wait_orders(20)
        check(first >= 20, f"orders are sent: {first}")
        sealed, _, _, before = w.counts()
        check(sealed == 1, "the lane is sealed")
        more = w.wait_orders(first + 500)
        _, allocs, frees, after = w.counts()
        print(f"   after {more} orders: {after}")
        check(allocs == 0 and frees == 0, f"no allocation on the lane: {allocs}, {frees} frees")
        check(set(after) <= STEADY | CONNECT, f"no system call but the nic driver's own: {sorted(after)}")
        steady = {k: after[k] - before.get(k, 0) for k in after if after[k] != before.get(k, 0)}
        check(set(steady) <= STEADY, f"once connected, only those that move packets and orders: {steady}")
        check(steady["sendto"] >= more - first - 50, "they were seen: one for every order at least")
    finally:
        w.close()


def broken(how, test):
    w = Watched(how)
    try:
        w.wait_orders(10, 20)
        test(w)
    finally:
        w.close()


def counts_allocations(w):
    _, allocs, frees, _ = w.counts()
    check(allocs >= 10 and frees >= 10, f"a lane that allocates is noticed: {allocs} allocations, {frees} frees")


def counts_calls(w):
    calls = w.counts()[3]
    check(not set(calls) <= STEADY | CONNECT and calls["futex"] >= 10, f"so is one that makes a call of its own: {calls}")


def dies(w):
    w.dp.wait(20)
    check(w.dp.returncode == -signal.SIGSYS, f"a call that the seal does not know ends the process: {w.dp.returncode}")


def main():
    sound()
    broken("malloc", counts_allocations)
    broken("futex", counts_calls)
    broken("getpid", dies)


main()
