#!/usr/bin/env python3
"""Bad packets and messages, one kind after the other, on the lines of a real dataplane: each moves
its counter and nothing else breaks.  docs/faults.md has a row for each."""
import json
import os
import socket
import struct
import subprocess
import tempfile
import time

import lib
from lib import check, demo

SESSION = b"BADINPUT01"
ALL_ONES = (1 << 64) - 1


class Wire:
    """Writes MoldUDP64 packets to line A; knows the next sequence number."""

    def __init__(self, line):
        group, port = line.split(":")
        self.to = (group, int(port))
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        self.sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_LOOP, 1)
        self.seq = 1

    def raw(self, data):
        self.sock.sendto(data, self.to)

    def packet(self, *msgs, seq=None, session=SESSION, count=None):
        body = b"".join(struct.pack(">H", len(m)) + m for m in msgs)
        self.raw(session + struct.pack(">QH", self.seq if seq is None else seq, len(msgs) if count is None else count) + body)
        if seq is None and session == SESSION and count is None:
            self.seq += len(msgs)

    def heartbeat(self):
        self.raw(SESSION + struct.pack(">QH", self.seq, 0))


def head(kind, locate=1):
    return kind + struct.pack(">HH", locate, 0) + (34200 * 10**9).to_bytes(6, "big")


def add(ref, side, shares, px, locate=1, stock=b"TEST    "):
    return head(b"A", locate) + struct.pack(">Q", ref) + side + struct.pack(">I", shares) + stock + struct.pack(">I", px)


def execute(ref, shares, match=1):
    return head(b"E") + struct.pack(">QIQ", ref, shares, match)


def cancel(ref, shares):
    return head(b"X") + struct.pack(">QI", ref, shares)


def delete(ref):
    return head(b"D") + struct.pack(">Q", ref)


def replace(ref, new, shares, px):
    return head(b"U") + struct.pack(">QQII", ref, new, shares, px)


def directory():
    return head(b"R") + b"TEST    " + b"QN" + struct.pack(">I", 100) + b"NC" + b"  " + b"P" + b"   " + b" " + struct.pack(">I", 0) + b"N"


def trading():
    return head(b"H") + b"TEST    " + b"T" + b" " + b"    "


class Box:
    """A dataplane without a venue."""

    def __init__(self, folder):
        self.run = demo.Run(lib.args(), f"packets-{os.getpid()}", folder)
        self.run.args.set = ["lane.poll=adaptive", "feed.retry_wait_ms=5", "feed.retry_max=2"]
        ports = {"rewind_port": demo.free_udp_ports(1)[0], "order_port": 0}
        self.run.args.pace = "1x"
        self.dp = self.run.start_dataplane(ports, until_end=False, show=False)
        self.wire = Wire(self.run.lines[0])

    def ctl(self, *words):
        return subprocess.run([self.run.binary("tools", "octopusctl", "octopusctl"), "--run-dir", self.run.run_dir, "-o", "json",
                               *words], capture_output=True, text=True, check=False, timeout=20).stdout

    def counters(self):
        out = {}
        try:
            for c in json.loads(self.ctl("counters"))["counters"]:
                out[c["name"]] = out.get(c["name"], 0) + c["value"]
        except ValueError:
            pass
        return out

    def faults(self):
        try:
            return json.dumps(json.loads(self.ctl("errors")))
        except ValueError:
            return ""

    def expect(self, what, send, counter, fault=None, by=1):
        before = self.counters()
        send()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            now = self.counters()
            if now.get(counter, 0) >= before.get(counter, 0) + by:
                break
            time.sleep(0.02)
        got = now.get(counter, 0) - before.get(counter, 0)
        check(got == by, f"{what}: {counter} +{got}")
        if fault:
            check(fault in self.faults(), f"{what}: octopusctl errors lists {fault}")
        check(self.dp.poll() is None, f"{what}: the dataplane runs on")


def packets(b):
    w = b.wire
    b.expect("two bytes", lambda: w.raw(b"OC"), "feed_malformed_packets", "feed.malformed")
    b.expect("a header cut short", lambda: w.raw(SESSION + b"\0" * 9), "feed_malformed_packets")
    b.expect("more messages announced than there are", lambda: w.packet(delete(1), count=3, seq=w.seq), "feed_malformed_packets")
    b.expect("a message longer than its packet", lambda: w.raw(SESSION + struct.pack(">QHH", w.seq, 1, 500) + delete(1)),
             "feed_malformed_packets")
    b.expect("bytes behind the last message", lambda: w.raw(SESSION + struct.pack(">QHH", w.seq, 1, 19) + delete(1) + b"junk"),
             "feed_malformed_packets")
    b.expect("a datagram of 9,000 bytes", lambda: w.raw(SESSION + struct.pack(">QH", w.seq, 1) + b"\0" * 9000),
             "feed_truncated_packets", "feed.truncated")
    b.expect("another session", lambda: w.packet(delete(1), session=b"SOMEBODY01"), "feed_wrong_session_packets", "feed.wrong_session")
    b.expect("a jump beyond belief", lambda: w.packet(delete(1), seq=1 << 62), "feed_jump_packets", "feed.jump")


def messages(b):
    w = b.wire
    b.expect("a type that does not exist", lambda: w.packet(head(b"z") + b"\0" * 8), "lane_unknown_messages", "feed.unknown_type")
    b.expect("an unknown order executed", lambda: w.packet(execute(7777, 10)), "realtime_unknown_exec")
    b.expect("an unknown order reduced", lambda: w.packet(cancel(7777, 10)), "realtime_unknown_reduce")
    b.expect("an unknown order deleted", lambda: w.packet(delete(7777)), "realtime_unknown_delete")
    b.expect("an unknown order replaced", lambda: w.packet(replace(7777, 7778, 10, 10000)), "realtime_unknown_replace")
    hostile = [0, 1 << 63, ALL_ONES, ALL_ONES - 1, 0x5555555555555555]
    before = b.counters()
    w.packet(*[add(r, b"B", 100, 900000) for r in hostile])
    b.expect("a reference that is taken", lambda: w.packet(add(ALL_ONES, b"B", 100, 900000)), "realtime_duplicate_refs")
    w.packet(*[delete(r) for r in hostile])
    b.expect("an instrument beyond the table", lambda: w.packet(add(51, b"B", 100, 900000, locate=65535)), "realtime_inst_range")
    after = b.counters()
    check(after.get("realtime_unknown_delete") == before.get("realtime_unknown_delete"), "hostile references: each is found again")
    w.packet(add(101, b"B", 100, 1000000), add(102, b"S", 100, 1000100))
    b.expect("a locked book", lambda: w.packet(add(103, b"B", 100, 1000100)), "realtime_locked")
    b.expect("a crossed book", lambda: w.packet(add(104, b"B", 100, 1000200)), "realtime_crossed")
    w.packet(delete(103), delete(104))
    b.expect("a gap that nobody fills", lambda: (w.packet(delete(1), seq=w.seq + 5), setattr(w, "seq", w.seq + 6)),
             "feed_gaps_stale", "feed.gap_stale")
    b.expect("a message of the wrong length", lambda: w.packet(add(105, b"B", 100, 900000)[:-3]), "lane_bad_messages", "feed.bad_message")


def second(b):
    """The same instance once more: refused, and the first one does not notice."""
    p = subprocess.run(b.dp.args, env=b.run.env, cwd=lib.ROOT, capture_output=True, text=True, check=False, timeout=30)
    check(p.returncode == 1 and "journal: another dataplane has this journal" in p.stderr, f"a second dataplane: {p.stderr.strip()[-200:]}")
    b.expect("the first one goes on", b.wire.heartbeat, "feed_heartbeats")


def main():
    with tempfile.TemporaryDirectory() as folder:
        b = Box(folder)
        try:
            end = time.monotonic() + 20
            while not b.counters() and time.monotonic() < end:
                time.sleep(0.05)
            b.wire.packet(directory(), trading(), add(1, b"B", 100, 990000), add(2, b"S", 100, 1010000))
            b.expect("a good packet", b.wire.heartbeat, "feed_heartbeats")
            packets(b)
            messages(b)
            second(b)
            c = b.counters()
            check(c.get("order_messages_sent", 0) == 0, "no order left")
            b.dp.terminate()
            check(b.dp.wait(20) == 0, "it stops in order, status 0")
        finally:
            b.run.stop_all()
            b.run.remove(keep=False)


main()
