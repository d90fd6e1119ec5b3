#!/usr/bin/env python3
"""What people and disks do wrong: each time an error that says what and where, never a crash."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import time

import lib
from lib import check, demo

DATAPLANE = os.path.join(lib.BUILD, "octopus-dataplane")


def ask(cmd, timeout_s=60):
    p = subprocess.run(cmd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                       check=False, timeout=timeout_s, cwd=lib.ROOT)
    return p.returncode, p.stdout


def missing_session(folder):
    name = os.path.join(folder, "nothing.itch50")
    status, said = ask(["python3", "tools/run/demo.py", "demo", "--session", name, "--build", lib.BUILD])
    check(status == 2 and name in said and "no such file" in said, "demo: a missing session file is named, status 2")
    status, said = ask([os.path.join(lib.BUILD, "tools", "exchange", "octopus-exchange"), "--session", name, "--start", "now",
                        "--order-port", "0", "--rewind-port", "0", "--exit-when-done"])
    check(status in (1, 2) and name in said, f"octopus-exchange: a missing session file is named, status {status}")


def bad_configuration(folder):
    name = os.path.join(folder, "bad.yaml")
    for text, where, key in (("instance: x\nlane:\n  corr: 1\n", "3:3", "lane.corr"),
                             ("lane:\n  ring_depth: 1000\n", "2:15", "lane.ring_depth"),
                             ("lane:\n  inst_cnt: many\n", "2:13", "lane.inst_cnt")):
        with open(name, "w", encoding="utf-8") as f:
            f.write(text)
        status, said = ask([DATAPLANE, "--config", name])
        want = re.compile(re.escape(f"{name}:{where}: {key}: ") + r"\S.*")
        check(status == 2 and want.search(said), f"file:line:column: key: reason, status 2: {said.strip()[-200:]!r}")


def ctl(run, *words):
    p = subprocess.run([run.binary("tools", "octopusctl", "octopusctl"), "--run-dir", run.run_dir, *words],
                       capture_output=True, text=True, check=False, timeout=30)
    return p.stdout


def ladder(run):
    try:
        return json.loads(ctl(run, "status", "-o", "json"))["dataplane"]["ladder"]
    except (ValueError, KeyError):
        return None


def log(run):
    try:
        with open(run.path("dataplane.log"), encoding="utf-8", errors="replace") as f:
            return f.read()
    except OSError:
        return ""


def wait(what, test, timeout_s=40):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        got = test()
        if got:
            return got
        time.sleep(0.02)
    check(False, f"{what} within {timeout_s} s")
    return None


def ballast(disk, leave):
    """Fills the disk but for so many bytes."""
    path = os.path.join(disk, "ballast")
    free = os.statvfs(disk)
    with open(path, "wb") as f:
        os.posix_fallocate(f.fileno(), 0, free.f_bavail * free.f_bsize - leave)
    return path


def disk_run(folder, disk, name, *settings):
    run = demo.Run(lib.args(seed=3, duration="180", pace="60x"), f"{name}-{os.getpid()}", folder)
    run.args.set = [f"data_dir={disk}/{name}", "journal.segment_mb=1", *settings]
    os.mkdir(os.path.join(disk, name))
    return run


def says_what_to_do(run, disk, name):
    line = [x for x in log(run).splitlines() if "_failed" in x]
    check(line, "the log tells of a full disk")
    check(f"{disk}/{name}/journal: No space left on device" in line[0] and "Free space there" in line[0],
          f"with path and what to do: {line[0][:400]}")
    codes = ctl(run, "errors")
    check("journal." in codes, "octopusctl errors lists it")


def full_disk_that_gets_room(folder, disk, mode):
    """The recorder stands still, nothing is lost, and goes on by itself."""
    run = disk_run(folder, disk, mode, f"journal.durability={mode}")
    try:
        path = ballast(disk, 4 << 20)
        ports = run.start_exchange()
        dp = run.start_dataplane(ports, show=False)
        wait("a full disk", lambda: "_failed" in log(run) or dp.poll() is not None)
        says_what_to_do(run, disk, mode)
        check(dp.poll() is None and ladder(run) == "active", f"{mode}: the ring keeps what comes, the lane goes on")
        os.unlink(path)
        wait("journal.resumed", lambda: "journal.resumed" in log(run))
        check(dp.wait(60) == 0, f"{mode}: with room again it writes on and ends in order")
        run.procs["exchange"].wait(30)
        s = demo.finish(run, ports)
        check(s["venue_match"] and s["replay_identical"], f"{mode}: no record is missing: {s['replay'].get('why', '')[:200]}")
    finally:
        run.stop_all()
        run.remove(keep=False)
        shutil.rmtree(os.path.join(disk, mode), ignore_errors=True)


def full_disk_that_stays(folder, disk):
    """A small ring overflows: HALTED, the end is status 1, and the next start knows that records are missing."""
    name = "stays"
    run = disk_run(folder, disk, name, "lane.ring_depth=16384")
    try:
        path = ballast(disk, 4 << 20)
        ports = run.start_exchange()
        dp = run.start_dataplane(ports, until_end=False, show=False)
        wait("the lane is halted", lambda: ladder(run) == "halted")
        says_what_to_do(run, disk, name)
        dp.terminate()
        check(dp.wait(60) == 1, "it ends with status 1")
        check("only in the ring" in log(run) and run.run_dir in log(run), "and says where the last records are")
        os.unlink(path)
        dp = run.start_dataplane(ports, until_end=False, show=False)
        wait("a start after it", lambda: "dataplane.start" in log(run).rsplit("only in the ring", 1)[1] or dp.poll() is not None)
        check(dp.poll() is None and wait("its state", lambda: ladder(run)) == "halted", "the next start is halted: records were lost")
    finally:
        run.stop_all()
        run.remove(keep=False)


def no_room_at_all(folder, disk):
    """Nothing fits when it starts: status 1, the path, and no crash on a mapped page without room."""
    for left in (0, 8192):
        path = ballast(disk, left)
        run = demo.Run(lib.args(seed=3, duration="20"), f"none-{os.getpid()}", folder)
        try:
            run.args.set = [f"data_dir={disk}/none"]
            ports = run.start_exchange()
            dp = run.start_dataplane(ports, show=False)
            status = dp.wait(30)
            said = log(run)
            check(status == 1 and f"{disk}/none" in said and "No space left on device" in said,
                  f"{left} bytes free at the start: status {status}: {said.strip()[-300:]}")
        finally:
            run.stop_all()
            run.remove(keep=False)
            os.unlink(path)
            shutil.rmtree(os.path.join(disk, "none"), ignore_errors=True)


def full_disk(folder):
    if os.geteuid() != 0:
        print("SKIP of the full disk: only root may mount a small file system")
        return
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=128m", "octopus-test", disk], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        print("SKIP of the full disk: no file system can be mounted here")
        return
    try:
        no_room_at_all(folder, disk)
        for mode in ("async", "group", "strict"):
            full_disk_that_gets_room(folder, disk, mode)
        full_disk_that_stays(folder, disk)
    finally:
        subprocess.run(["umount", disk], check=False)


def main():
    with tempfile.TemporaryDirectory() as folder:
        missing_session(folder)
        bad_configuration(folder)
        full_disk(folder)


main()
