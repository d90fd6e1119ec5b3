#!/usr/bin/env python3
"""A journal that one build wrote, replayed by another: every decision is the same, bit for bit.

OCTOPUS_BUILD replays; OCTOPUS_WRITER wrote (build/release, where it is built with gcc)."""
import json
import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "e2e"))
import lib  # noqa: E402
from lib import check, demo, skip  # noqa: E402

WRITER = os.environ.get("OCTOPUS_WRITER", os.path.join(lib.ROOT, "build", "release"))


def made_by(build):
    """Compiler and kind of a build, as its folder tells."""
    try:
        with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as f:
            cc = next(w for w in re.split(r"[\s/]+", json.load(f)[0]["command"]) if re.fullmatch(r"(gcc|cc|clang)(-\d+)?", w))
        with open(os.path.join(build, "meson-info", "intro-buildoptions.json"), encoding="utf-8") as f:
            kind = next(o["value"] for o in json.load(f) if o["name"] == "buildtype")
    except (OSError, KeyError, IndexError, StopIteration):
        return None
    return f"{cc} {kind}"


def session(number, **kw):
    run = demo.Run(lib.args(build=WRITER, **kw), f"cross-{os.getpid()}-{number}", os.path.join(lib.ROOT, "data"))
    ok = False
    try:
        ports = run.start_exchange()
        dp = run.start_dataplane(ports, show=False)
        check(dp.wait(120) == 0, f"session {number}: the writing build ends with status 0")
        run.procs["exchange"].wait(30)
        theirs = demo.verify(run, ports)
        check(theirs.get("identical"), f"session {number}: replay identical under the build that wrote it {theirs.get('why', '')}")
        run.args.build = lib.BUILD
        ours = demo.verify(run, ports)
        check(ours.get("identical"), f"session {number}: replay identical under this build {ours.get('why', '')[:600]}")
        same = ("inputs", "decisions")
        check([ours[k] for k in same] == [theirs[k] for k in same] and ours["decisions"] > 100,
              f"session {number}: {ours['decisions']} decisions on {ours['inputs']} inputs")
        ok = True
    finally:
        run.stop_all()
        run.remove(keep=not ok)


def main():
    for exe in (("octopus-dataplane",), ("tools", "exchange", "octopus-exchange"), ("tools", "replay", "octopus-replay")):
        if not os.access(os.path.join(WRITER, *exe), os.X_OK):
            skip(f"there is no release build to write the journal: {os.path.relpath(WRITER, lib.ROOT)}")
    writer, reader = made_by(WRITER), made_by(lib.BUILD)
    if writer is None or reader is None or writer == reader:
        skip(f"both builds are the same: {writer}, {reader}")
    check(writer == "gcc release", f"written by: {writer}; replayed by: {reader}")
    session(1, duration="120", seed=lib.SEED)
    if os.path.exists(lib.AAPL_FILE):
        session(2, session=lib.AAPL_FILE)
    else:
        print("the recorded AAPL session is not here: the generated one alone")


main()
