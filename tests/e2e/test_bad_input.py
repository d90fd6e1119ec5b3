#!/usr/bin/env python3
"""What people and disks do wrong: each time an error that says what and where, never a crash."""
import os
import re
import subprocess
import tempfile

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


def full_disk(folder):
    if os.geteuid() != 0:
        print("SKIP of the full disk: only root may mount a small file system")
        return
    disk = os.path.join(folder, "disk")
    os.mkdir(disk)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "octopus-test", disk], check=False,
                      stderr=subprocess.DEVNULL).returncode:
        print("SKIP of the full disk: no file system can be mounted here")
        return
    run = None
    try:
        run = demo.Run(lib.args(seed=3, duration="120", pace="max"), f"full-{os.getpid()}", folder)
        run.args.set = [f"data_dir={disk}"]
        ports = run.start_exchange()
        dp = run.start_dataplane(ports, show=False)
        status = dp.wait(90)
        with open(run.path("dataplane.log"), encoding="utf-8", errors="replace") as f:
            said = f.read()
        summary = demo.load_json(run.path("summary.json"))
        faults = [x["code"] for x in summary["faults"]] if summary else []
        check(status in (0, 1), f"no crash, status {status}")
        check("No space left" in said or any("journal" in x for x in faults),
              f"it says that the disk is full: {said.strip()[-300:]!r} {faults}")
    finally:
        if run:
            run.stop_all()
            run.remove(keep=False)
        subprocess.run(["umount", disk], check=False)


def main():
    with tempfile.TemporaryDirectory() as folder:
        missing_session(folder)
        bad_configuration(folder)
        full_disk(folder)


main()
