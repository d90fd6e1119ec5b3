#!/usr/bin/env python3
"""docs/cli.md and docs/api.md against the programs: every verb has a heading and examples in its help,
every exit status a row; every route and every op of the WebSocket is described.

  test_docs.py OCTOPUSCTL"""
import os
import re
import subprocess
import sys

from lib import ROOT, check

OCTOPUSCTL = sys.argv[1]


def run(*words):
    p = subprocess.run([OCTOPUSCTL, *words], capture_output=True, text=True, check=False)
    return p.returncode, p.stdout


def read(*path):
    with open(os.path.join(ROOT, *path), encoding="utf-8") as f:
        return f.read()


def cli():
    code, text = run("--help")
    verbs = re.findall(r"^  ([a-z]+) {2,}\S", text.split("\noptions")[0], re.M)
    check(code == 0 and len(verbs) >= 15, f"octopusctl --help lists {len(verbs)} verbs")
    doc = read("docs", "cli.md")
    headings = set(re.findall(r"^## ([a-z]+)$", doc, re.M))
    check(headings == set(verbs), f"docs/cli.md has a heading for each and no other {sorted(headings ^ set(verbs))}")
    for v in verbs:
        code, text = run(v, "--help")
        if code != 0 or text.count(f"\n  octopusctl {v}") < 2:
            check(False, f"octopusctl {v} --help has two examples")
    check(True, "the help of each has two examples")
    header = read("tools", "octopusctl", "cli.h")
    codes = re.findall(r"^    OCT_CLI_[A-Z_]+ = (\d+)", header, re.M)
    rows = re.findall(r"^\| (\d+) \| ", doc, re.M)
    check(codes == rows, f"exit statuses {rows}")


def api():
    doc = read("docs", "api.md")
    routes = re.findall(r'^    \{"(/[^"]*)",', read("control", "web", "route.c"), re.M)
    missing = [r for r in routes if not re.search(r"`GET " + re.escape(r) + r"[{`]", doc)]
    check(len(routes) >= 9 and not missing, f"docs/api.md describes {len(routes)} routes {missing}")
    ops = re.findall(r'strcmp\(op, "([a-z]+)"\)', read("control", "web", "md_cmd.c"))
    missing = [o for o in ops if not re.search(rf"^\| `{o}` \|", doc, re.M)]
    check(len(ops) >= 5 and not missing, f"and {len(ops)} ops of the WebSocket {missing}")
    codes = re.findall(r"= (4\d\d\d),", read("control", "web", "ws.h"))
    missing = [c for c in codes if f"| {c} |" not in doc]
    check(codes and not missing, f"and close codes {codes} {missing}")


cli()
api()
