#!/usr/bin/env python3
"""nassau, an independent implementation of MoldUDP64, on both sides: its client follows the venue's
line A and recovers what was left out from the venue's rewind server; its server feeds our collector."""
import json
import lzma
import os
import subprocess
import tempfile
import zlib

import lib
from lib import AAPL, AAPL_FILE, check, demo, load, need, skip

ARTIFACTS = ("com.paritytrading.nassau:nassau-core:1.0.0", "com.paritytrading.foundation:foundation:0.2.1")
SOURCES = os.path.join(lib.HERE, "nassau")


def run_quiet(cmd, timeout_s):
    """None when it succeeded, else the last line of what it said."""
    try:
        p = subprocess.run(cmd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                           timeout=timeout_s, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        return f"no answer in {timeout_s} s"
    said = [line for line in p.stdout.splitlines() if line.strip()]
    return None if p.returncode == 0 else (said[0] if said else f"status {p.returncode}")


def compile_peers(folder):
    for cmd in ("mvn", "javac", "java"):
        if not lib.have(cmd):
            skip(f"{cmd} is not installed: the independent peer is written in Java")
    for artifact in ARTIFACTS:
        why = run_quiet(["mvn", "-q", "-B", "dependency:copy", f"-Dartifact={artifact}", f"-DoutputDirectory={folder}"], 120)
        if why:
            skip(f"{artifact} cannot be had from its registry: {why[:200]}")
    jars = ":".join(os.path.join(folder, f) for f in sorted(os.listdir(folder)) if f.endswith(".jar"))
    why = run_quiet(["javac", "-cp", jars, "-d", folder, *(os.path.join(SOURCES, f"{n}.java") for n in ("Follow", "Serve"))], 120)
    check(why is None, f"the peers compile {why or ''}")
    return ["java", "-XX:TieredStopAtLevel=1", "-cp", f"{jars}:{folder}"]


def contents():
    """The session as it is framed in its file: messages, bytes of them, checksum."""
    raw = lzma.open(AAPL_FILE).read()
    messages, at = 0, 0
    while at + 2 <= len(raw):
        at += 2 + int.from_bytes(raw[at:at + 2], "big")
        messages += 1
    check(at == len(raw), "the file ends with a message")
    return raw, messages


def follow(java, run, raw, messages):
    group, port = run.lines[0].split(":")
    rewind = demo.free_udp_ports(1)[0]
    peer = subprocess.Popen([*java, "Follow", group, port, str(rewind), "60"], stdin=subprocess.DEVNULL,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    run.procs["follow"] = peer
    check(peer.stderr.readline().strip() == "following", "nassau's client follows line A")
    run.start("exchange", [
        run.binary("tools", "exchange", "octopus-exchange"), "--session", AAPL_FILE, "--lines", ",".join(run.lines),
        "--pace", "40x", "--start", "now", "--rewind-port", str(rewind), "--order-port", "0",
        "--faults", "drop=0.01,lines=a", "--seed", str(lib.SEED), "--record", run.path("record.json"), "--exit-when-done"])
    out, err = peer.communicate(timeout=90)
    check(peer.returncode == 0, f"nassau's client reached the end of the session {err[-300:]}")
    got = json.loads(out)
    run.procs["exchange"].wait(30)
    feed = load(run.path("record.json"))["feed"]
    lost = feed["lines"][0]["dropped"]
    check(lost > 20, f"packets were left out on line A: {lost}")
    check(got["requests"] > 0 and feed["rewind"]["answers"] > 0,
          f"nassau asked {got['requests']} times, the rewind server answered {feed['rewind']['answers']}")
    check(feed["rewind"]["bad"] == 0, "the rewind server understood each request")
    check(got["messages"] == messages, f"nassau has each message: {got['messages']} of {messages}")
    check(got["bytes"] == len(raw) - 2 * messages and got["crc32"] == zlib.crc32(raw), "byte for byte as in the file")


def serve(java, run, folder, raw, messages):
    plain = os.path.join(folder, "session.itch50")
    with open(plain, "wb") as f:
        f.write(raw)
    group, port = run.lines[0].split(":")
    peer = subprocess.Popen([*java, "Serve", plain, group, port, "0.03", str(lib.SEED)], stdin=subprocess.PIPE,
                            stdout=subprocess.PIPE, text=True)
    run.procs["serve"] = peer
    ports = {"rewind_port": int(peer.stdout.readline()), "order_port": 0, "session_date": 20191230}
    dp = run.start_dataplane(ports, show=False)
    demo.wait_for("shared memory", lambda: os.path.exists(os.path.join(run.run_dir, "pub")), 30)
    out, _ = peer.communicate("\n", timeout=60)
    sent = json.loads(out)
    check(sent["messages"] == messages and sent["left_out"] > 10,
          f"nassau's server had {sent['packets']} packets and left out {sent['left_out']}")
    check(dp.wait(30) == 0, "the dataplane saw the end of the session")
    m = load(run.path("summary.json"))["market_data"]
    check(m["messages"]["total"] == messages, f"our collector has each message: {m['messages']['total']} of {messages}")
    check(m["messages"]["by_type"] == load(os.path.join(AAPL, "expected.json"))["by_type"], "and each type's number")
    check(m["gaps_detected"] > 0 and m["gaps_recovered"] == m["gaps_detected"] and m["gaps_stale"] == 0,
          f"gaps found {m['gaps_detected']}, recovered {m['gaps_recovered']} from nassau's request server")
    check(m["packets"]["rewind"] > 0 and m["messages_lost"] == 0 and m["malformed"] == 0, "nothing lost, nothing malformed")


def main():
    need(AAPL_FILE)
    with tempfile.TemporaryDirectory() as folder:
        java = compile_peers(folder)
        raw, messages = contents()
        for number, side in enumerate((follow, serve)):
            run = demo.Run(lib.args(session=AAPL_FILE, pace="20x"), f"nassau-{os.getpid()}-{number}", os.path.join(folder, "data"))
            try:
                if side is follow:
                    follow(java, run, raw, messages)
                else:
                    serve(java, run, folder, raw, messages)
            finally:
                for name in ("follow", "serve"):
                    run.stop(name)
                run.stop_all()
                run.remove(keep=False)


main()
