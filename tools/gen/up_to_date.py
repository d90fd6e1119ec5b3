#!/usr/bin/env python3
"""Compares a program's output with a file that is kept in the tree.

usage: up_to_date.py PROGRAM FILE [--write]
"""
import subprocess
import sys

program, path = sys.argv[1], sys.argv[2]
want = subprocess.run([program], capture_output=True, check=True).stdout
if "--write" in sys.argv:
    with open(path, "wb") as f:
        f.write(want)
    sys.exit(0)
try:
    with open(path, "rb") as f:
        have = f.read()
except OSError as e:
    sys.exit(f"{path}: {e.strerror}; ninja -C BUILD docs writes it")
if have != want:
    sys.exit(f"{path} is not what the program says; ninja -C BUILD docs writes it anew")
