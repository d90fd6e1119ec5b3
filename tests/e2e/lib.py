"""What the end-to-end tests share: running the demo's processes, checks that say what failed."""
import argparse
import json
import os
import random
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "tools", "run"))
import demo  # noqa: E402

SHARED = os.environ.get("OCTOPUS_SHARED", os.path.join(ROOT, "..", "shared"))
BUILD = os.environ.get("OCTOPUS_BUILD", os.path.join(ROOT, "build", "release"))
LONG = os.environ.get("OCTOPUS_LONG", "0") == "1"
SEED = int(os.environ.get("OCTOPUS_SEED", "1"))
AAPL = os.path.join(SHARED, "data", "nasdaq-itch50-aapl-20191230-0935-20k-derived")
AAPL_FILE = os.path.join(AAPL, "aapl_20191230_0935_first20000.itch50.xz")


def skip(why):
    print(f"SKIP: {why}")
    sys.exit(77)


def need(path):
    if not os.path.exists(path):
        skip(f"{os.path.basename(path)} is not here: recorded sessions are beside the project's root, in shared/data")


def check(ok, what):
    if not ok:
        print(f"FAILED: {what}")
        sys.exit(1)
    print(f"ok: {what}")


def args(**kw):
    base = dict(session=None, symbols=None, pace="max", seed=1, faults=None, profile="demo", duration=None,
                json=None, set=None, keep=False, no_control=True, build=BUILD)
    base.update(kw)
    return argparse.Namespace(**base)


def run_demo(**kw):
    """Runs a whole demo; returns its summary and exit status. Its output goes to our standard error."""
    path = os.path.join(os.environ.get("TMPDIR", "/tmp"), f"octopus-e2e-{os.getpid()}-{random.getrandbits(32):x}.json")
    a = args(json=path, **kw)
    status = demo.demo(a)
    summary = None
    if os.path.exists(path):
        with open(path, encoding="utf-8") as f:
            summary = json.load(f)
        os.unlink(path)
    return summary, status


def load(path):
    with open(path, encoding="utf-8") as f:
        return json.load(f)


def have(cmd):
    return subprocess.run(["sh", "-c", f"command -v {cmd}"], stdout=subprocess.DEVNULL, check=False).returncode == 0
