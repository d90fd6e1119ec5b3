#!/usr/bin/env python3
"""MoldUDP64 framing, ours against tshark's dissector: captured packets, the raw sample, and our own.

Usage: feed_tshark.py FEED_DUMP SHARED.  Exit status 77: skipped, with the reason."""

import io
import os
import shutil
import struct
import subprocess
import sys
import tarfile
import tempfile

PORT = 26477
SKIP = 77
FEEDS = ("TotalView.Itch.v5.0", "Nasdaq.Equities.Bbo.Itch", "NlsPlus.Itch", "Ise.OrderComboFeed",
         "Ise.TopComboQuoteFeed", "Asx/Ntp.Itch", "JnxEquities.Pts.Itch")


def udp_payload(frame):
    at = 12
    while frame[at:at + 2] == b"\x81\x00":
        at += 4
    if frame[at:at + 2] != b"\x08\x00" or frame[at + 2 + 9] != 17:
        return None
    udp = at + 2 + 4 * (frame[at + 2] & 15)
    return frame[udp + 8:udp + struct.unpack_from(">H", frame, udp + 4)[0]]


def captured(shared):
    path = os.path.join(shared, "data/omi-data-packets/omi-data-packets.tar.xz")
    if not os.path.exists(path):
        return []
    packets = []
    with tarfile.open(path) as tar:
        for member in tar:
            if not member.name.endswith(".pcap") or not any(f in member.name for f in FEEDS):
                continue
            data = tar.extractfile(member).read()
            at = 24
            while at + 16 <= len(data):
                (sz,) = struct.unpack_from("<I", data, at + 8)
                payload = udp_payload(data[at + 16:at + 16 + sz])
                if payload is not None:
                    packets.append(payload)
                at += 16 + sz
    return packets


def raw_sample(shared):
    path = os.path.join(shared, "data/moldudp64-bistech-sample/mold.sample.dat")
    if not os.path.exists(path):
        return []
    data = open(path, "rb").read()
    packets, at = [], 0
    while at < len(data):
        end = at + 20
        for _ in range(struct.unpack_from(">H", data, at + 18)[0]):
            if end + 2 > len(data):
                break
            end += 2 + struct.unpack_from(">H", data, end)[0]
        packets.append(data[at:end])
        at = end
    return packets


def split(data):
    at, out = 0, []
    while at < len(data):
        (sz,) = struct.unpack_from(">I", data, at)
        out.append(data[at + 4:at + 4 + sz])
        at += 4 + sz
    return out


def pcap_of(packets):
    out = io.BytesIO()
    out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
    for p in packets:
        udp = struct.pack(">HHHH", 40000, PORT, 8 + len(p), 0) + p
        ip = struct.pack(">BBHHHBBHII", 0x45, 0, 20 + len(udp), 0, 0, 1, 17, 0, 0x7f000001, 0xe0000001)
        frame = bytes.fromhex("01005e000001000000000001") + b"\x08\x00" + ip + udp
        out.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)
    return out.getvalue()


def tshark_lines(packets):
    with tempfile.NamedTemporaryFile(suffix=".pcap") as f:
        f.write(pcap_of(packets))
        f.flush()
        fields = ["session", "sequence", "count", "msglen"]
        cmd = ["tshark", "-n", "-r", f.name, "-d", f"udp.port=={PORT},moldudp64", "-T", "fields",
               "-E", "separator=/t", "-E", "occurrence=a", "-E", "aggregator=,"]
        for field in fields:
            cmd += ["-e", "moldudp64." + field]
        out = subprocess.run(cmd, capture_output=True, text=True, check=True).stdout
    return [l.split("\t") for l in out.splitlines()]


def main():
    dump, shared = sys.argv[1:3]
    if shutil.which("tshark") is None:
        print("SKIP: tshark is not installed")
        sys.exit(SKIP)
    ours = split(subprocess.run([dump, "packets", "3"], capture_output=True, check=True).stdout)
    groups = {"built by us": ours, "captured": captured(shared), "raw sample": raw_sample(shared)}
    for name, packets in groups.items():
        if not packets:
            print("SKIP:", name, "packets are not there")
            continue
        blob = b"".join(struct.pack(">I", len(p)) + p for p in packets)
        mine = subprocess.run([dump, "mold"], input=blob, capture_output=True, check=True)
        lines = mine.stdout.decode().splitlines()
        theirs = tshark_lines(packets)
        if len(lines) != len(packets) or len(theirs) != len(packets):
            sys.exit(f"{name}: {len(packets)} packets, ours {len(lines)}, tshark {len(theirs)}")
        for i, (line, (session, seq, count, sizes)) in enumerate(zip(lines, theirs)):
            words = line.split()
            sizes = [s for s in sizes.split(",") if s]
            count = int(count, 0)
            kind = "heartbeat" if count == 0 else "end" if count == 0xffff else str(count)
            if words[2].startswith("cut:"):
                # A cut packet: tshark shows the length of the block that is not whole as well.
                kind, sizes = "cut:" + str(count - 1), sizes[:count - 1]
            name_bytes = bytes.fromhex(words[0]).split(b"\0")[0].decode("latin-1")
            if [words[1], words[2]] != [seq, kind] or words[3:] != sizes or \
               name_bytes.rstrip() != session.rstrip():
                sys.exit(f"{name} packet {i}: ours {line}; tshark {session} {seq} {count} {sizes}")
        print(f"{name}: {len(packets)} packets framed as tshark does")


main()
