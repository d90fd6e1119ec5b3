#!/usr/bin/env python3
"""test - build and run the tests; the last line is 'N passed, N failed, N skipped'.

Four builds: gcc release runs every suite; clang with the address, leak and undefined sanitizers the
unit tests, simulations and fuzz targets, plain and guided by coverage; clang with the thread sanitizer
the concurrency tests; clang debug replays a journal of the gcc release build.  --long runs the full
numbers and two more builds; --build and --suite pick some.
"""
import argparse
import glob
import json
import os
import re
import shutil
import subprocess
import sys
import threading
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

SAN = "log_path={logs}/report"
ASAN = {"ASAN_OPTIONS": "detect_leaks=1:abort_on_error=1:detect_stack_use_after_return=0:" + SAN,
        "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1:" + SAN, "LSAN_OPTIONS": SAN}
TSAN = {"TSAN_OPTIONS": "halt_on_error=1:second_deadlock_stack=1:" + SAN}
DEBUG = ["--buildtype=debug", "-Dc_args=-DOCT_DEBUG"]


class Build:
    """compiler, meson options, suites (None: all), environment; sim_percent: how much of each simulation."""

    def __init__(self, cc, options, suites=None, env=None, long_suites=None, sim_percent=100, default=True):
        self.cc, self.options, self.suites, self.env = cc, options, suites, env or {}
        self.long_suites = long_suites or suites
        self.sim_percent, self.default = sim_percent, default


# In this order: the release build writes the journal that another one replays.
BUILDS = {
    "release": Build("gcc", ["--buildtype=release"]),
    "asan": Build("clang", ["--buildtype=debugoptimized", "-Doptimization=1", "-Db_sanitize=address,undefined",
                            "-Db_lundef=false", "-Dfuzz=true", "-Dc_args=-DOCT_DEBUG -gline-tables-only"],
                  ["unit", "sim", "fuzz"], ASAN, sim_percent=5),
    "tsan": Build("clang", ["--buildtype=debugoptimized", "-Db_sanitize=thread", "-Db_lundef=false", "-Dtests=disabled"],
                  ["tsan"], TSAN),
    "clang-debug": Build("clang", DEBUG, ["replay"], long_suites=["unit", "sim", "oracle", "replay"], sim_percent=10),
    "gcc-debug": Build("gcc", DEBUG, ["unit", "sim", "replay"], sim_percent=10, default=False),
    "clang-release": Build("clang", ["--buildtype=release"], ["unit", "oracle"], default=False),
}


# Minutes a build's part takes with --long, its compilation included: measured on two cores, rounded up.
LONG_MINUTES = {"release": 60, "asan": 35, "tsan": 6, "clang-debug": 12, "gcc-debug": 12, "clang-release": 6}


def say(text):
    print(text, file=sys.stderr, flush=True)


def compiler(kind):
    names = ("clang-14", "clang") if kind == "clang" else ("gcc",)
    return next((c for c in names if shutil.which(c)), None)


def introspect(path, what):
    return json.loads(subprocess.run(["meson", "introspect", path, what], check=True, stdout=subprocess.PIPE).stdout)


def wanted(path, suites):
    """Ninja targets that the tests of these suites need; none for all: everything."""
    if not suites:
        return []
    files = {t["id"]: [os.path.relpath(f, path) for f in t["filename"]] for t in introspect(path, "--targets")}
    out = set()
    for t in introspect(path, "--tests"):
        if {s.split(":")[-1] for s in t["suite"]} & set(suites):
            for i in t["depends"]:
                out.update(files.get(i, []))
    return sorted(out)


def configure(name, suites):
    """Configures and builds what the suites need; the build's folder, or None without its compiler."""
    b = BUILDS[name]
    cc = compiler(b.cc)
    if cc is None:
        return None
    path = os.path.join(ROOT, "build", name)
    t = time.monotonic()
    if not os.path.exists(os.path.join(path, "build.ninja")):
        say(f"== configuring {name}")
        env = dict(os.environ, CC=("ccache " if shutil.which("ccache") else "") + cc)
        r = subprocess.run(["meson", "setup", path, ROOT, "-Dwerror=true", *b.options], env=env, check=False,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if r.returncode:
            say(r.stdout[-4000:])
            raise SystemExit(f"octopus: configuring {name} failed")
    say(f"== building {name}" + (f" for {', '.join(suites)}" if suites else ""))
    quiet = [] if sys.stderr.isatty() else ["--quiet"]
    # The first call regenerates build.ninja where a meson.build changed.
    if subprocess.run(["ninja", "-C", path, "build.ninja"], check=False, stdout=subprocess.DEVNULL).returncode or \
       subprocess.run(["ninja", "-C", path, *quiet, *wanted(path, suites)], check=False, stdout=sys.stderr).returncode:
        raise SystemExit(f"octopus: building {name} failed")
    say(f"   built in {time.monotonic() - t:.0f} s")
    return path


class Tally:
    def __init__(self):
        self.passed, self.failed, self.skipped = 0, 0, 0
        self.failures, self.skips = [], []

    def fail(self, name, result, text=""):
        self.failed += 1
        self.failures.append((name, result, text))

    def skip(self, name, why):
        self.skipped += 1
        self.skips.append((name, why))

    def take(self, build, row):
        text = (row.get("stdout") or "") + (row.get("stderr") or "")
        name = f"{build}: {row['name']}"
        reasons = re.findall(r"^.*?\bSKIP:\s*(.+)$", text, re.M)
        cases = re.search(r"Synthesis: Tested: .*?(\d+).*?Passing: .*?(\d+).*?Failing: .*?(\d+).*?Crashing: .*?(\d+)",
                          re.sub(r"\x1b\[[0-9;]*m", "", text))
        if row["result"] == "SKIP":
            self.skip(name, reasons[0] if reasons else "no reason given")
            return
        if row["result"] not in ("OK", "EXPECTEDFAIL"):
            self.fail(name, row["result"], text)
            self.failed += max(0, int(cases.group(3)) - 1) if cases else 0
            self.passed += int(cases.group(2)) if cases else 0
            return
        n = int(cases.group(2)) if cases else 1
        for r in reasons:
            self.skip(name, r)
        self.passed += max(0, n - len(reasons)) if cases else (0 if reasons else 1)

    def line(self):
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


class Progress(threading.Thread):
    """Tells what a run of meson does: each failure, each slow test, and every 20 s how far it is."""

    def __init__(self, stream, verbose):
        super().__init__(daemon=True)
        self.stream, self.verbose = stream, verbose
        self.start()

    def run(self):
        told = time.monotonic()
        for line in self.stream:
            if self.verbose:
                sys.stderr.write(line)
            m = re.match(r"\s*(\d+)/(\d+)\s+(?:\S+ / )?(.+?)\s{2,}(OK|FAIL|SKIP|TIMEOUT|ERROR)\s+([\d.]+)s", line)
            if not m or self.verbose:
                continue
            at, of, what, result, seconds = m.groups()
            if result not in ("OK", "SKIP") or float(seconds) >= 20 or at == of or time.monotonic() - told >= 20:
                told = time.monotonic()
                say(f"   {at}/{of}  {what.replace('_ ', ': ')}  {result.lower()}  {float(seconds):.0f} s")


def reports(name, logs, tally):
    """A sanitizer's report fails the run wherever it came from: Criterion does not mind a leak."""
    found = []
    for path in sorted(glob.glob(os.path.join(logs, "report.*"))):
        with open(path, encoding="utf-8", errors="replace") as f:
            # Without llvm-14 a report has addresses for lines, and that is said before there is any report.
            text = "".join(line for line in f if "external symbolizer" not in line)
        if text.strip():
            found.append((path, text))
    for path, text in found[:20]:
        first = next((s for s in text.splitlines() if "ERROR" in s or "WARNING" in s or "error:" in s), "a report")
        tally.fail(f"{name}: {first.strip()[:160]}", os.path.relpath(path, ROOT), text[:6000])
    tally.failed += max(0, len(found) - 20)


def run(name, path, suites, tally, args):
    b = BUILDS[name]
    logs = os.path.join(path, "sanitizer")
    shutil.rmtree(logs, ignore_errors=True)
    os.makedirs(logs)
    env = dict(os.environ, OCTOPUS_SHARED=os.path.join(ROOT, "..", "shared"), OCTOPUS_SEED=str(args.seed),
               OCTOPUS_LONG="1" if args.long else "0", OCTOPUS_FUZZ_S="60" if args.long else "10",
               OCTOPUS_SIM_PERCENT=str(b.sim_percent * (10 if args.long else 1)),
               OCTOPUS_WRITER=os.path.join(ROOT, "build", "release"))
    env.update({k: v.format(logs=logs) for k, v in b.env.items()})
    cmd = ["meson", "test", "-C", path, "--no-rebuild", "--num-processes", "2",
           "--timeout-multiplier", "20" if args.long else "3"]
    for s in suites or []:
        cmd += ["--suite", s]
    say(f"== testing {name}" + (f" ({', '.join(suites)})" if suites else ""))
    t = time.monotonic()
    log = os.path.join(path, "meson-logs", "testlog.json")
    if os.path.exists(log):
        os.unlink(log)
    p = subprocess.Popen(cmd, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    progress = Progress(p.stdout, args.verbose)
    p.wait()
    progress.join(5)
    if os.path.exists(log):
        with open(log, encoding="utf-8", errors="replace") as f:
            for line in f:
                tally.take(name, json.loads(line))
    elif not args.suite:
        tally.fail(f"{name}: meson test", "NO LOG")
    reports(name, logs, tally)
    say(f"   tested in {time.monotonic() - t:.0f} s: {tally.line()} so far")


def choose(name, args):
    """Suites of this build for these arguments; None: all of them; False: nothing to do."""
    b = BUILDS[name]
    suites = b.long_suites if args.long else b.suites
    if not args.suite:
        return suites
    if suites is None or args.build:
        return args.suite
    return [s for s in args.suite if s in suites] or False


def main():
    ap = argparse.ArgumentParser(prog="octopus test", description=__doc__,
                                 formatter_class=argparse.RawDescriptionHelpFormatter,
                                 epilog="examples:\n  ./octopus test\n  ./octopus test --long\n"
                                        "  ./octopus test --build asan --suite fuzz --verbose")
    ap.add_argument("--long", action="store_true", help="the full numbers and all builds (hours)")
    ap.add_argument("--seed", type=int, default=None, help="seed of random tests and of guided fuzzing; default: today's day number")
    ap.add_argument("--build", action="append", choices=sorted(BUILDS), help="only these builds")
    ap.add_argument("--suite", action="append", help="only these suites: unit oracle lint fuzz sim replay e2e kill tsan")
    ap.add_argument("--verbose", action="store_true", help="show what meson prints")
    args = ap.parse_args()
    if args.seed is None:
        args.seed = int(time.time() // 86400)
    say(f"octopus test: seed {args.seed}")
    os.chdir(ROOT)
    began = time.monotonic()
    tally = Tally()
    names = args.build and [n for n in BUILDS if n in args.build] or [n for n, b in BUILDS.items() if b.default or args.long]
    if args.long and not args.suite:
        say(f"octopus test: the full numbers in {len(names)} builds ({', '.join(names)}): about "
            f"{sum(LONG_MINUTES[n] for n in names)} minutes on two cores that nobody else uses")
    for name in names:
        suites = choose(name, args)
        if suites is False:
            continue
        path = configure(name, suites)
        if path is None:
            tally.skip(f"{name} build", "clang is not installed")
            continue
        run(name, path, suites, tally, args)
    say(f"== all done in {(time.monotonic() - began) / 60:.1f} minutes")
    for name, why in tally.skips:
        print(f"skipped  {name}: {why}")
    for name, result, text in tally.failures:
        print(f"\nFAILED   {name} ({result})\n" + "\n".join("    " + line for line in text.splitlines()[-40:]))
    print(tally.line(), flush=True)
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
