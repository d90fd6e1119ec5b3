#!/usr/bin/env python3
"""test - build and run the tests; the last line is 'N passed, N failed, N skipped'.

The default run is every suite on a gcc release build.  --long runs the full numbers and the build
matrix (clang, debug, sanitizers); --build picks builds of it.
"""
import argparse
import json
import os
import re
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# name: (compiler, meson options, suites, extra environment)
ASAN = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=0",
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}
TSAN = {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1"}
BUILDS = {
    "release": ("gcc", ["--buildtype=release"], None, {}),
    "asan": ("clang", ["--buildtype=debugoptimized", "-Db_sanitize=address,undefined", "-Db_lundef=false",
                       "-Dfuzz=true", "-Dc_args=-DOCT_DEBUG"], ["unit", "sim", "fuzz"], ASAN),
    "tsan": ("gcc", ["--buildtype=debugoptimized", "-Db_sanitize=thread", "-Dtests=disabled"], ["tsan"], TSAN),
    "clang-debug": ("clang", ["--buildtype=debug", "-Dc_args=-DOCT_DEBUG"], ["unit", "sim", "oracle"], {}),
    "gcc-debug": ("gcc", ["--buildtype=debug", "-Dc_args=-DOCT_DEBUG"], ["unit", "sim"], {}),
    "clang-release": ("clang", ["--buildtype=release"], ["unit", "oracle"], {}),
}
# The sanitizer and clang builds are run by --long or --build: they have not been seen to pass as a
# whole on this tree, and the default run claims only what was seen.
ALWAYS = ["release"]


def say(text):
    print(text, file=sys.stderr, flush=True)


def have(cmd):
    return any(os.access(os.path.join(d, cmd), os.X_OK) for d in os.environ["PATH"].split(":"))


def compiler(kind):
    if kind == "clang":
        for c in ("clang-14", "clang"):
            if have(c):
                return c
        return None
    return "gcc"


def configure(name, seed):
    kind, opts, _, _ = BUILDS[name]
    cc = compiler(kind)
    if cc is None:
        return None
    path = os.path.join(ROOT, "build", name)
    if not os.path.exists(os.path.join(path, "build.ninja")):
        say(f"== configuring {name}")
        env = dict(os.environ, CC=("ccache " if have("ccache") else "") + cc)
        r = subprocess.run(["meson", "setup", path, ROOT, "-Dwerror=true", *opts], env=env, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if r.returncode:
            say(r.stdout[-4000:])
            raise SystemExit(f"octopus: configuring {name} failed")
    say(f"== building {name}")
    r = subprocess.run(["ninja", "-C", path] + ([] if sys.stderr.isatty() else ["--quiet"]), check=False,
                       stdout=sys.stderr)
    if r.returncode:
        raise SystemExit(f"octopus: building {name} failed")
    return path


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0
        self.failures, self.skips = [], []

    def take(self, build, row):
        text = (row.get("stdout") or "") + (row.get("stderr") or "")
        name = f"{build}: {row['name']}"
        reasons = re.findall(r"^.*?\bSKIP:\s*(.+)$", text, re.M)
        cases = re.search(r"Synthesis: Tested: .*?(\d+).*?Passing: .*?(\d+).*?Failing: .*?(\d+).*?Crashing: .*?(\d+)",
                          re.sub(r"\x1b\[[0-9;]*m", "", text))
        if row["result"] == "SKIP":
            self.skipped += 1
            self.skips.append((name, reasons[0] if reasons else "no reason given"))
            return
        if row["result"] not in ("OK", "EXPECTEDFAIL"):
            self.failed += max(1, int(cases.group(3)) + int(cases.group(4)) if cases else 1)
            self.passed += int(cases.group(2)) if cases else 0
            self.failures.append((name, row["result"], text))
            return
        n = int(cases.group(2)) if cases else 1
        self.skipped += len(reasons)
        self.skips += [(name, r) for r in reasons]
        self.passed += max(0, n - len(reasons)) if cases else (0 if reasons else 1)


def run(name, path, tally, args):
    _, _, suites, extra = BUILDS[name]
    env = dict(os.environ, OCTOPUS_SHARED=os.path.join(ROOT, "..", "shared"), OCTOPUS_SEED=str(args.seed),
               OCTOPUS_LONG="1" if args.long else "0", **extra)
    cmd = ["meson", "test", "-C", path, "--no-rebuild", "--print-errorlogs", "--num-processes", "2",
           "--timeout-multiplier", "20" if args.long else "3"]
    for s in args.suite or suites or []:
        cmd += ["--suite", s]
    say(f"== testing {name}" + (f" ({', '.join(suites)})" if suites else ""))
    t = time.monotonic()
    log = os.path.join(path, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    subprocess.run(cmd, env=env, check=False, stdout=sys.stderr if args.verbose else subprocess.DEVNULL)
    if not os.path.exists(log):
        if args.suite:
            return
        tally.failed += 1
        tally.failures.append((f"{name}: meson test", "NO LOG", ""))
        return
    with open(log, encoding="utf-8", errors="replace") as f:
        for line in f:
            tally.take(name, json.loads(line))
    say(f"   {time.monotonic() - t:.0f} s: {tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped so far")


def main():
    ap = argparse.ArgumentParser(prog="octopus test", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter,
                                 epilog="examples:\n  ./octopus test\n  ./octopus test --long\n"
                                        "  ./octopus test --build asan --suite fuzz --verbose")
    ap.add_argument("--long", action="store_true", help="the full numbers and the full matrix (hours)")
    ap.add_argument("--seed", type=int, default=None, help="seed of random tests and of the matrix; default: today's day number")
    ap.add_argument("--build", action="append", choices=sorted(BUILDS), help="only these builds")
    ap.add_argument("--suite", action="append", help="only these suites: unit oracle lint fuzz sim replay e2e tsan")
    ap.add_argument("--verbose", action="store_true", help="show what meson prints")
    args = ap.parse_args()
    if args.seed is None:
        args.seed = int(time.time() // 86400)
    say(f"octopus test: seed {args.seed}")
    os.chdir(ROOT)
    builds = args.build or (list(BUILDS) if args.long else ALWAYS)
    tally = Tally()
    for name in builds:
        path = configure(name, args.seed)
        if path is None:
            tally.skipped += 1
            tally.skips.append((f"{name} build", "clang is not installed"))
            continue
        run(name, path, tally, args)
    for name, why in tally.skips:
        print(f"skipped  {name}: {why}")
    for name, result, text in tally.failures:
        print(f"\nFAILED   {name} ({result})\n" + "\n".join("    " + line for line in text.splitlines()[-40:]))
    print(f"{tally.passed} passed, {tally.failed} failed, {tally.skipped} skipped", flush=True)
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
