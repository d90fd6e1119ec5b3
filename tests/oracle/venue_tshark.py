#!/usr/bin/env python3
"""SoupBinTCP framing and numbering, ours against tshark's dissector: our own conversations, cut into
TCP segments at random, and captured packets.

Usage: venue_tshark.py VENUE_DUMP SHARED.  Exit status 77: skipped, with the reason."""

import io
import os
import random
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

SERVER, CLIENT = 26420, 40000
SKIP = 77
# Our events: enum oct_venue_event and enum oct_soupbin_event.
S_EVENT = {"A": "3", "S": "1", "Z": "6", "J": "4"}
C_EVENT = {"L": "1", "U": "3", "O": "4"}


def packets_of(data):
    """(direction, packet) of `venue_dump talk`."""
    at, out = 0, []
    while at < len(data):
        (sz,) = struct.unpack_from(">I", data, at + 1)
        out.append((chr(data[at]), data[at + 5:at + 5 + sz]))
        at += 5 + sz
    return out


def tcp_pcap(talk, rng):
    """Both streams as TCP; each run of one side is cut anywhere."""
    out = io.BytesIO()
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    seq = {"c": 1000, "s": 5000}
    clock = 0

    def frame(side, flags, payload=b""):
        nonlocal clock
        other = "s" if side == "c" else "c"
        ports = (CLIENT, SERVER) if side == "c" else (SERVER, CLIENT)
        ends = (0x0a000001, 0x0a000002) if side == "c" else (0x0a000002, 0x0a000001)
        tcp = struct.pack(">HHIIBBHHH", *ports, seq[side], seq[other], 0x50, flags, 65535, 0, 0) + payload
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, *ends)
        eth = bytes(12) + b"\x08\x00" + ip + tcp
        clock += 1
        out.write(struct.pack("<IIII", clock, 0, len(eth), len(eth)) + eth)
        seq[side] += len(payload) + (1 if flags & 2 else 0)

    frame("c", 0x02)
    frame("s", 0x12)
    frame("c", 0x10)
    runs = []
    for side, packet in talk:
        # tshark begins a new conversation at the login's answer: nothing may straddle that segment
        if runs and runs[-1][0] == side and packet[2:3] != b"A" and runs[-1][1][2:3] != b"A":
            runs[-1][1] += packet
        else:
            runs.append([side, packet])
    for side, data in runs:
        while data:
            n = 1400 if data[2:3] == b"A" and len(data) == 33 else rng.choice([1, 2, 3, 5, 17, 60, 500, 1400])
            frame(side, 0x18, data[:n])
            data = data[n:]
    return out.getvalue()


def tshark(path, port):
    """For each source port what tshark found, in order: one dictionary a packet.  From its long text,
    because its fields do not give the numbers."""
    cmd = ["tshark", "-n", "-r", path, "-d", f"tcp.port=={port},soupbintcp", "-Y", "soupbintcp", "-V", "-O",
           "soupbintcp"]
    sides, packet = {}, None
    for line in subprocess.run(cmd, capture_output=True, text=True, check=True).stdout.splitlines():
        source = re.match(r"Transmission Control Protocol, Src Port: (\d+)", line)
        if source:
            side = sides.setdefault(int(source.group(1)), [])
        elif line.startswith("SoupBinTCP"):
            packet = {}
            side.append(packet)
        elif packet is not None and line.startswith("    ") and ": " in line:
            name, value = line[4:].split(": ", 1)
            packet[name] = value.strip()
        else:
            packet = None
    return sides


def kinds(side):
    return [re.search(r"\('(.)'\)", p["Packet Type"]).group(1) for p in side]


def ours(dump, side, data, mid):
    args = [dump, "read", side] + (["mid"] if mid else [])
    out = subprocess.run(args, input=data, capture_output=True, check=True).stdout.decode()
    return [tuple(l.split()) for l in out.splitlines()]


def compare(what, dump, side, data, theirs, mid=False):
    mine = ours(dump, side, data, mid)
    types = kinds(theirs)
    lengths = [int(p["Packet Length"]) for p in theirs]
    if [int(m[0]) for m in mine] != [2 + n for n in lengths]:
        sys.exit(f"{what}: packets of {[m[0] for m in mine][:20]} bytes, tshark {lengths[:20]}")
    events = S_EVENT if side == "s" else C_EVENT
    for i, (m, t) in enumerate(zip(mine, types)):
        if m[1] != events.get(t, "0"):
            sys.exit(f"{what}: packet {i} is {t} to tshark, event {m[1]} to us")
    return mine, types


def talks(dump):
    rng = random.Random(1)
    cnt = 0
    for seed in range(1, 6):
        talk = packets_of(subprocess.run([dump, "talk", str(seed)], capture_output=True, check=True).stdout)
        with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
            f.write(tcp_pcap(talk, rng))
            f.flush()
            theirs = tshark(f.name, SERVER)
        for side, port in (("c", CLIENT), ("s", SERVER)):
            data = b"".join(p for d, p in talk if d == side)
            if kinds(theirs[port]) != [chr(p[2]) for d, p in talk if d == side]:
                sys.exit(f"talk {seed}: tshark reads other packets than were written")
            mine, types = compare(f"talk {seed} {side}", dump, side, data, theirs[port])
            cnt += len(mine)
            if side == "s":
                numbers = [m[2] for m, t in zip(mine, types) if t == "S"]
                wanted = [p["Sequence number"].split()[0] for p in theirs[port] if "Sequence number" in p]
                if numbers != wanted or wanted[0] != "3":
                    sys.exit(f"talk {seed}: numbers {numbers[:5]}, tshark {wanted[:5]}")
                first = [p for p, t in zip(theirs[port], types) if t == "A"][0]
                got, want = [first[n] for n in ("Session", "Next sequence number")], ["DAY042", "3"]
            else:
                got = [theirs[port][0][n] for n in ("User Name", "Password", "Requested sequence number")]
                want = ["OCT001", "secret", "3"]
            if got != want:
                sys.exit(f"talk {seed}: tshark reads {got}, not {want}")
    print(f"built by us: {cnt} packets framed and numbered as tshark does")


def captured(dump, shared):
    path = os.path.join(shared, "data/omi-data-packets/omi-data-packets.tar.xz")
    if not os.path.isdir(os.path.dirname(path)):
        print("SKIP: captured packets are not there")
        return
    cnt = 0
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.name.endswith(".pcap") or "Nsm.Ouch.v5.0" not in member.name:
                continue
            data = tar.extractfile(member).read()
            side = "c" if any(n in member.name for n in ("EnterOrder", "CancelOrder", "ClientHeart")) else "s"
            frame = data[40:40 + struct.unpack_from("<I", data, 32)[0]]
            at = 12
            while frame[at:at + 2] == b"\x81\x00":
                at += 4
            ip = at + 2
            tcp = ip + 4 * (frame[ip] & 15)
            payload = frame[tcp + 4 * (frame[tcp + 12] >> 4):ip + struct.unpack_from(">H", frame, ip + 2)[0]]
            ports = struct.unpack_from(">HH", frame, tcp)
            with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
                f.write(data)
                f.flush()
                theirs = tshark(f.name, ports[1] if side == "c" else ports[0])[ports[0]]
            compare(os.path.basename(member.name), dump, side, payload, theirs, mid=True)
            cnt += 1
    if cnt != 6:
        sys.exit(f"{cnt} captured packets, not 6")
    print(f"captured: {cnt} packets framed as tshark does")


def main():
    if shutil.which("tshark") is None:
        print("SKIP: tshark is not installed")
        sys.exit(SKIP)
    talks(sys.argv[1])
    captured(sys.argv[1], sys.argv[2])


main()
