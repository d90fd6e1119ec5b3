#!/usr/bin/env python3
"""One target under libFuzzer, from its own seeds and the files of its corpus.

  libfuzzer.py PLAIN LIBFUZZER CORPUS SCRATCH

PLAIN writes the seeds; CORPUS need not be there.  OCTOPUS_FUZZ_S seconds (10), OCTOPUS_SEED (1).
What was found stays in SCRATCH."""
import os
import re
import shutil
import subprocess
import sys


def main():
    plain, target, corpus, scratch = sys.argv[1:5]
    seconds = int(os.environ.get("OCTOPUS_FUZZ_S", "10"))
    seed = int(os.environ.get("OCTOPUS_SEED", "1"))
    shutil.rmtree(scratch, ignore_errors=True)
    os.makedirs(os.path.join(scratch, "inputs"))
    subprocess.run([plain, "-w", os.path.join(scratch, "inputs")], check=True)
    cmd = [target, f"-max_total_time={seconds}", f"-seed={seed}", "-max_len=65536", "-timeout=10", "-rss_limit_mb=2048",
           "-print_final_stats=1", "-verbosity=0", f"-artifact_prefix={scratch}/", os.path.join(scratch, "inputs")]
    if os.path.isdir(corpus):
        cmd.append(corpus)
    r = subprocess.run(cmd, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
    done = re.search(r"number_of_executed_units:\s*(\d+)", r.stdout)
    runs = int(done.group(1)) if done else 0
    if r.returncode != 0 or runs == 0:
        print(r.stdout[-12000:])
        print(f"{os.path.basename(target)}: status {r.returncode} after {runs} runs, seed {seed}; what was found is in {scratch}")
        return 1
    print(f"{os.path.basename(target)}: {runs} runs in {seconds} s, seed {seed}")
    shutil.rmtree(scratch, ignore_errors=True)
    return 0


sys.exit(main())
