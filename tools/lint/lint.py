#!/usr/bin/env python3
"""Holds the tree to the rules of docs/style that a machine can check.

usage: lint.py CHECK --root DIR [--build DIR] [archive...]

  includes   who includes whom, third-party headers, own header first (includes.txt)
  headers    every header compiles alone
  hot        undefined symbols of hot archives (hot_symbols.txt); needs the archives
  values     floating point becomes a price, quantity or money only in dataplane/base/px.h
  shape      functions of at most 70 lines, files of at most 800
  text       no path of a machine, no unfinished business
  format     clang-format agrees

Prints one line a finding, file:line: reason. Exit status 1 when there are any, 77 when the check cannot
run here (which meson shows as skipped).
"""
import argparse
import concurrent.futures
import fnmatch
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
CODE_DIRS = ("dataplane", "drivers", "agents", "control", "tools", "bench", "tests")
SKIP = 77


def tree(root, exts, tops=CODE_DIRS):
    """Files below the code folders, as paths from the root."""
    for top in tops:
        for at, dirs, names in os.walk(os.path.join(root, top)):
            dirs[:] = sorted(d for d in dirs if not d.startswith((".", "build")) and d not in ("node_modules", "corpus"))
            for name in sorted(names):
                if name.endswith(exts):
                    yield os.path.relpath(os.path.join(at, name), root)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as f:
        return f.read()


def strip_comments(text):
    """Comments and the contents of strings become spaces; lines stay where they are."""

    def blank(m):
        s = m.group(0)
        if s[0] in "\"'":
            return s[0] + re.sub(r"[^\n]", " ", s[1:-1]) + s[-1]
        return re.sub(r"[^\n]", " ", s)

    return re.sub(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])+\'', blank, text, flags=re.S)


# ---- includes -------------------------------------------------------------------------------------


class IncludeTable:
    def __init__(self, path):
        self.ours, self.third = [], []
        with open(path, encoding="utf-8") as f:
            for n, line in enumerate(f, 1):
                line = line.split("#")[0].strip()
                if not line:
                    continue
                key, sep, rest = line.partition(":")
                if not sep:
                    sys.exit(f"{path}:{n}: no colon")
                (self.third if key.startswith("<") else self.ours).append((key, rest.split()))

    @staticmethod
    def covers(pattern, folder):
        """tests/* covers tests/unit and all below it; a plain folder covers itself and below."""
        parts, have = pattern.split("/"), folder.split("/")
        return len(have) >= len(parts) and all(fnmatch.fnmatchcase(h, p) for p, h in zip(parts, have))

    def rule(self, folder):
        best, rank = [], (-1, -1)
        for pattern, allowed in self.ours:
            if self.covers(pattern, folder):
                r = (pattern.count("/"), "*" not in pattern)
                if r > rank:
                    best, rank, own = allowed, r, pattern
        if rank[0] < 0:
            return [], folder
        return best, own

    def allows(self, folder, target):
        allowed, own = self.rule(folder)
        if target == folder:
            return True
        # Its own module: what the same line covers, below the same number of folders.
        depth = own.count("/") + 1
        if depth > 1 and folder.split("/")[:depth] == target.split("/")[:depth]:
            return True
        for a in allowed:
            if "/" not in a and "*" not in a:  # a plain top folder: its own files only
                if target == a:
                    return True
            elif self.covers(a, target):
                return True
        return False

    def third_party(self, folder, header):
        """None when free, else whether it is allowed here."""
        for prefix, folders in self.third:
            if ("<" + header).startswith(prefix):
                return any(self.covers(p, folder) for p in folders)
        return None


def check_includes(root, _args):
    table = IncludeTable(os.path.join(HERE, "includes.txt"))
    bad = []
    for path in tree(root, (".c", ".h")):
        folder = os.path.dirname(path)
        first = None
        for n, line in enumerate(read(root, path).splitlines(), 1):
            m = re.match(r'\s*#\s*include\s+([<"])([^>"]+)[>"]', line)
            if not m:
                continue
            kind, name = m.groups()
            first = first or name
            if kind == "<":
                if table.third_party(folder, name) is False:
                    bad.append(f"{path}:{n}: <{name}> does not belong into {folder}")
                continue
            target = os.path.dirname(name)
            if not os.path.exists(os.path.join(root, name)):
                if not name.endswith((".inc", ".gen.h")):
                    bad.append(f"{path}:{n}: \"{name}\" is not a path from the root")
            elif not table.allows(folder, target):
                bad.append(f"{path}:{n}: {folder} must not include {target}")
            elif name.endswith("_priv.h") and target != folder and not folder.startswith(("tests", "bench")):
                bad.append(f"{path}:{n}: {name} is private to {target}")
        own = path[:-2] + ".h"
        if path.endswith(".c") and os.path.exists(os.path.join(root, own)) and first not in (own, own[:-2] + "_priv.h"):
            bad.append(f"{path}:1: its own header {own} must come first")
    return bad


# ---- headers --------------------------------------------------------------------------------------

PKGS = ("liburing", "hwloc", "openssl", "jansson", "yaml-0.1", "zlib", "liblzma", "libzstd", "ncursesw", "criterion")


def check_headers(root, args):
    cc = (os.environ.get("CC") or "cc").split()
    flags = ["-std=gnu17", "-D_GNU_SOURCE", "-march=x86-64-v3", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", "-I", root]
    for pkg in PKGS:
        r = subprocess.run(["pkg-config", "--cflags", pkg], capture_output=True, text=True, check=False)
        flags += r.stdout.split() if r.returncode == 0 else []

    def one(path):
        src = f'#include "{path}"\n'
        r = subprocess.run(cc + flags + ["-"], input=src, capture_output=True, text=True, check=False, cwd=root)
        if r.returncode == 0:
            return None
        return f"{path}:1: does not compile alone: " + (r.stderr.strip().splitlines() or ["?"])[0]

    headers = [p for p in tree(root, (".h",)) if not re.search(r"rte_|dpdk", read(root, p))]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [r for r in pool.map(one, headers) if r]


# ---- hot symbols ----------------------------------------------------------------------------------


def check_hot(_root, args):
    if not args.archives:
        print("hot: no archives given")
        return SKIP
    nm = shutil.which("nm")
    if not nm:
        print("hot: no nm here")
        return SKIP
    cold, allow, deny = {}, [], []
    with open(os.path.join(HERE, "hot_symbols.txt"), encoding="utf-8") as f:
        for line in f:
            words = line.split("#")[0].split()
            if not words:
                continue
            if words[0] == "archive":
                cold[words[1]] = set(words[2:])
            else:
                (allow if words[0] == "allow" else deny).append(words[1])
    bad, seen = [], set()
    for archive in args.archives:
        name = os.path.basename(archive)[3:-2]
        if name not in cold:
            bad.append(f"{archive}: hot library without a line in hot_symbols.txt")
            continue
        seen.add(name)
        out = subprocess.run([nm, "-A", archive], capture_output=True, text=True, check=True).stdout
        rows = []
        for line in out.splitlines():
            m = re.match(r"(.*?):\s*([0-9a-f]*)\s+(\S)\s+(\S+)$", line)
            if m:
                member = os.path.basename(m.group(1)).split(":")[-1]
                member = re.sub(r"\.o$", "", member).split("/")[-1]
                rows.append((member, m.group(3), m.group(4)))
        own = {sym for _, kind, sym in rows if kind not in "Uw"}
        members = {m for m, _, _ in rows}
        for c in cold[name] - members:
            if rows:
                bad.append(f"hot_symbols.txt: {name} has no member {c}")
        for member, kind, sym in rows:
            if member in cold[name] or kind != "U":
                continue
            if any(fnmatch.fnmatchcase(sym, p) for p in deny):
                bad.append(f"{name}({member}): calls {sym}, which is cold")
            elif sym not in own and not any(fnmatch.fnmatchcase(sym, p) for p in allow):
                bad.append(f"{name}({member}): needs {sym}")
    for name in sorted(set(cold) - seen):
        bad.append(f"hot_symbols.txt: the library {name} was not given")
    return bad


# ---- values ---------------------------------------------------------------------------------------

FLOATING = r"(?:\b\d+\.\d*(?:e[+-]?\d+)?f?\b|\b\d+e[+-]?\d+\b|\bdouble\b|\bfloat\b|_to_double\s*\(|\bsqrtf?\s*\(|\bl?l?r(?:ound|int)f?\s*\(|\bfloorf?\s*\(|\bceilf?\s*\(|\bfabs\s*\()"
LIBM = r"\b(?:exp|exp2|log|log2|log10|pow|sin|cos|tan|cbrt|fmod|hypot|floor|ceil|round|lround|llround|rint|lrint|llrint|nearbyint|trunc)f?l?\s*\("
DECISION = ("dataplane/base", "dataplane/msg", "dataplane/shm", "dataplane/book", "dataplane/port", "dataplane/lane",
            "drivers/feed", "drivers/venue", "agents/collector", "agents/realtime", "agents/strategy", "agents/risk", "agents/execution")


def check_values(root, _args):
    bad = []
    for path in tree(root, (".c", ".h")):
        if not path.startswith(("dataplane/", "drivers/", "agents/", "control/")) or path.startswith("dataplane/base/px."):
            continue
        code = strip_comments(read(root, path))
        for m in re.finditer(r"\(\s*oct_(?:px|qty|money)\s*\)\s*\{([^{}]*)\}|(?:->|\.)v\s*[-+*/]?=([^;=][^;]*);", code):
            value = m.group(1) or m.group(2) or ""
            if re.search(FLOATING, value):
                n = code.count("\n", 0, m.start()) + 1
                bad.append(f"{path}:{n}: floating point becomes a value here; use oct_px_from_double or integers")
        if path.startswith(DECISION):
            for m in re.finditer(LIBM, code):
                n = code.count("\n", 0, m.start()) + 1
                bad.append(f"{path}:{n}: {m.group(0).rstrip('( ')}: no libm but sqrt where decisions are made")
    return bad


# ---- shape ----------------------------------------------------------------------------------------


def check_shape(root, _args):
    bad = []
    for path in tree(root, (".c", ".h")):
        raw = read(root, path)
        lines = raw.splitlines()
        if len(lines) > 800:
            bad.append(f"{path}:{len(lines)}: more than 800 lines; split it by idea")
        start = None
        for n, line in enumerate(lines, 1):
            if line == "{":
                start = n
            elif line == "}" and start is not None:
                # A dispatch table or the poll loop may be longer, with a comment that says "Long:".
                head = "\n".join(lines[max(0, start - 12):start])
                if n - start - 1 > 70 and "Long:" not in head:
                    bad.append(f"{path}:{start}: a function of {n - start - 1} lines; a screen is 70 (or say why: \"Long: ...\")")
                start = None
    return bad


# ---- text -----------------------------------------------------------------------------------------

UNFINISHED = r"\b(?:TODO|FIXME|XXX|HACK|TBD)\b|\bplaceholder\b|\bnot (?:yet )?implemented\b"
MACHINE = r"(?<![\w.])/(?:work|root|home/\w+|workspace)/|(?<![\w.$])/tmp/(?!\.)"
TEXT_EXTS = (".c", ".h", ".py", ".sh", ".build", ".txt", ".md", ".yaml", ".yml", ".ts", ".js", ".css", ".html", ".sql", ".json")


def check_text(root, _args):
    bad = []
    names = []
    if shutil.which("git"):
        files = subprocess.run(["git", "-C", root, "ls-files"], capture_output=True, text=True, check=False).stdout
        names = [f for f in files.split("\n") if f]
    if not names:  # no repository, or nobody to ask
        names = [*tree(root, TEXT_EXTS, (*CODE_DIRS, "config", "docs")), *sorted(os.listdir(root))]
    for path in names:
        full = os.path.join(root, path)
        if not os.path.isfile(full) or not (path.endswith(TEXT_EXTS) or path in ("octopus", ".ci/run")):
            continue
        if path.startswith("tools/lint/"):
            continue
        for n, line in enumerate(read(root, path).splitlines(), 1):
            m = re.search(MACHINE, line)
            if m:
                bad.append(f"{path}:{n}: a path of one machine: {m.group(0)}")
            m = re.search(UNFINISHED, line)
            if m:
                bad.append(f"{path}:{n}: unfinished: {m.group(0)}")
    return bad


# ---- format ---------------------------------------------------------------------------------------


def check_format(root, _args):
    tool = shutil.which("clang-format") or shutil.which("clang-format-14")
    if not tool:
        print("format: no clang-format here")
        return SKIP
    files = [p for p in tree(root, (".c", ".h")) if p != "dataplane/msg/table.h"]

    def some(part):
        r = subprocess.run([tool, "--dry-run", "-Werror", *part], capture_output=True, text=True, check=False, cwd=root)
        return sorted({m.group(1) for m in re.finditer(r"^(\S+?):\d+:\d+: error:", r.stderr, flags=re.M)})

    parts = [files[i::8] for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        return [f"{p}:1: clang-format would change it" for r in pool.map(some, [p for p in parts if p]) for p in r]


CHECKS = {"includes": check_includes, "headers": check_headers, "hot": check_hot, "values": check_values,
          "shape": check_shape, "text": check_text, "format": check_format}


def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("check", choices=[*CHECKS, "all"])
    ap.add_argument("--root", default=os.path.dirname(os.path.dirname(HERE)))
    ap.add_argument("archives", nargs="*")
    args = ap.parse_intermixed_args()
    status = 0
    for name in CHECKS if args.check == "all" else [args.check]:
        found = CHECKS[name](args.root, args)
        if found == SKIP:
            status = status or SKIP
            continue
        for line in found:
            print(line)
        print(f"{name}: {len(found)} finding{'s' if len(found) != 1 else ''}")
        if found:
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
