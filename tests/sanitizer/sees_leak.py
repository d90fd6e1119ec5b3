#!/usr/bin/env python3
"""A leak must leave a report where the test run looks for reports, whatever Criterion says of the test."""
import glob
import os
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    # The three share one set of flags: whichever is read last decides where reports go.
    env = dict(os.environ, ASAN_OPTIONS=f"detect_leaks=1:log_path={folder}/report", LSAN_OPTIONS=f"log_path={folder}/report",
               UBSAN_OPTIONS=f"log_path={folder}/report")
    subprocess.run([sys.argv[1]], env=env, check=False)
    found = [open(f, encoding="utf-8", errors="replace").read() for f in glob.glob(os.path.join(folder, "report.*"))]
if not any("77 byte(s) leaked" in text for text in found):
    print(f"the leak left no report: {len(found)} files")
    sys.exit(1)
print("the leak left a report")
