#!/usr/bin/env python3
"""demo, up, down - run the appliance against the simulated venue.

demo plays one session to its end, compares the venue's book of record with ours, replays the
journal of the run and prints a summary.  up does the same and stays up; down stops what up
started.  Without --session a built-in generator, seeded by --seed, makes the session.
"""
import argparse
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UP_FILE = os.path.join(ROOT, "data", "up.json")


def say(text=""):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    pass


def free_udp_ports(n):
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
    for s in socks:
        s.bind(("0.0.0.0", 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def wait_for(what, test, timeout_s, procs=()):
    """Waits until test() is true; fails when it takes too long or a process ends first."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        got = test()
        if got:
            return got
        for name, p in procs:
            if p.poll() is not None:
                raise Failed(f"{name} ended with status {p.returncode} before {what}; its log: {p.log}")
        time.sleep(0.02)
    raise Failed(f"{what} did not happen within {timeout_s} s")


def load_json(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


class Run:
    """The processes of one instance, its folders and how to stop it."""

    def __init__(self, args, instance, data_root):
        self.args = args
        self.instance = instance
        self.data = os.path.join(data_root, instance)
        self.run_dir = os.path.join("/dev/shm", "octopus-" + instance)
        self.procs = {}
        os.makedirs(self.data, exist_ok=True)
        ports = free_udp_ports(2)
        host = os.getpid() % 250 + 1
        self.lines = [f"239.255.{host}.1:{ports[0]}", f"239.255.{host}.2:{ports[1]}"]

    def path(self, name):
        return os.path.join(self.data, name)

    def binary(self, *parts):
        return os.path.join(self.args.build, *parts)

    def start(self, name, cmd, show=False):
        log = self.path(name + ".log")
        out = None if show else open(log, "ab")
        p = subprocess.Popen(cmd, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=ROOT,
                             start_new_session=not show)
        if out:
            out.close()
        p.log = os.path.relpath(log, ROOT)
        self.procs[name] = p
        return p

    def start_exchange(self):
        a = self.args
        for f in ("ports.json", "record.json"):
            if os.path.exists(self.path(f)):
                os.unlink(self.path(f))
        cmd = [self.binary("tools", "exchange", "octopus-exchange"), "--lines", ",".join(self.lines),
               "--ports-file", self.path("ports.json"), "--record", self.path("record.json"),
               "--pace", a.pace, "--seed", str(a.seed), "--exit-when-done"]
        if a.session:
            cmd += ["--session", a.session]
        if a.symbols:
            cmd += ["--symbols", a.symbols]
        if a.faults:
            cmd += ["--faults", a.faults]
        if a.duration:
            cmd += ["--duration", str(a.duration)]
        p = self.start("exchange", cmd)
        ports = wait_for("the venue's ports", lambda: load_json(self.path("ports.json")), 60,
                         [("octopus-exchange", p)])
        return ports

    def conf_args(self, ports):
        a = self.args
        sets = {
            "instance": self.instance, "run_dir": self.run_dir, "data_dir": self.data,
            "feed.lines[0].group": self.lines[0].split(":")[0], "feed.lines[0].port": self.lines[0].split(":")[1],
            "feed.lines[1].group": self.lines[1].split(":")[0], "feed.lines[1].port": self.lines[1].split(":")[1],
            "feed.rewind[0].port": ports["rewind_port"], "venue.port": ports["order_port"],
            "feed.position_report": "true" if a.pace == "max" else "false",
            "feed.session_date": ports.get("session_date", 0),
        }
        if "off" in (a.faults or "").split("rewind=")[-1:]:
            pass
        out = ["--config", os.path.join(ROOT, "config", "octopus.yaml"), "--profile", a.profile]
        for k, v in sets.items():
            out += ["--set", f"{k}={v}"]
        for s in a.set or []:
            out += ["--set", s]
        return out
