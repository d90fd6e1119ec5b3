#!/usr/bin/env python3
"""A WebSocket client of /ws/market-data with nothing but the standard library: rebuilds books from
snapshots and deltas and says whether anything was missing.

usage: ws_check.py URL TOKEN_FILE [--symbols AAPL,MSFT] [--depth 10] [--mode conflate|raw|disconnect]
                   [--interval-ms 0] [--seconds 10] [--until-idle 2] [--min-deltas 1] [--slow MS]
                   [--ca FILE]

Checked on every message: seq counts on by one for each subscription; a snapshot comes before any
delta of a symbol; a level that is deleted was there; src_seq never goes back; the checksum over the
top levels is that of the book rebuilt here. Prints one JSON object with what was seen and the final
books. Exit status 0, or 1 and the reason on standard error."""
import argparse
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import sys
import time
import urllib.parse

GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Bad(Exception):
    pass


def crc32c_table():
    table = []
    for n in range(256):
        for _ in range(8):
            n = (n >> 1) ^ (0x82F63B78 if n & 1 else 0)
        table.append(n)
    return table


TABLE = crc32c_table()


def crc32c(data, crc=0):
    crc ^= 0xFFFFFFFF
    for b in data:
        crc = TABLE[(crc ^ b) & 0xFF] ^ (crc >> 8)
    return crc ^ 0xFFFFFFFF


class WebSocket:
    """RFC 6455, client side, text frames."""

    def __init__(self, url, token, timeout_s=10, protocol="octopus.v1.json", ca=None):
        u = urllib.parse.urlsplit(url)
        if u.scheme not in ("ws", "wss"):
            raise Bad(f"{url}: only ws:// and wss:// are spoken here")
        self.sock = socket.create_connection((u.hostname, u.port or 80), timeout_s)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if u.scheme == "wss":
            self.sock = ssl.create_default_context(cafile=ca).wrap_socket(self.sock, server_hostname=u.hostname)
        self.buf = b""
        self.close_code = None
        key = base64.b64encode(os.urandom(16))
        head = [f"GET {u.path or '/'} HTTP/1.1", f"Host: {u.netloc}", "Upgrade: websocket", "Connection: Upgrade",
                f"Sec-WebSocket-Key: {key.decode()}", "Sec-WebSocket-Version: 13"]
        if token is not None:
            head.append(f"Authorization: Bearer {token}")
        if protocol:
            head.append(f"Sec-WebSocket-Protocol: {protocol}")
        self.sock.sendall(("\r\n".join(head) + "\r\n\r\n").encode())
        while b"\r\n\r\n" not in self.buf:
            self._more()
        answer, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = answer.decode().split("\r\n")
        self.status = int(lines[0].split()[1])
        fields = dict(line.split(": ", 1) for line in lines[1:])
        if self.status != 101:
            raise Bad(f"the server answered {lines[0]}")
        want = base64.b64encode(hashlib.sha1(key + GUID).digest()).decode()
        if fields.get("Sec-WebSocket-Accept") != want:
            raise Bad("the handshake's accept value is wrong")
        if protocol and fields.get("Sec-WebSocket-Protocol") != protocol:
            raise Bad("the subprotocol was not chosen")

    def _more(self):
        data = self.sock.recv(65536)
        if not data:
            raise Bad("the server hung up")
        self.buf += data

    def _frame(self):
        """One whole frame from what is buffered, or None."""
        if len(self.buf) < 2:
            return None
        if self.buf[0] & 0x70 or self.buf[1] & 0x80:
            raise Bad("reserved bits or a masked frame from the server")
        n, at = self.buf[1] & 0x7F, 2
        if n == 126:
            if len(self.buf) < 4:
                return None
            n, at = struct.unpack(">H", self.buf[2:4])[0], 4
        elif n == 127:
            if len(self.buf) < 10:
                return None
            n, at = struct.unpack(">Q", self.buf[2:10])[0], 10
        if len(self.buf) < at + n:
            return None
        frame = (self.buf[0], self.buf[at:at + n])
        self.buf = self.buf[at + n:]
        return frame

    def send(self, opcode, data):
        mask = os.urandom(4)
        n = len(data)
        head = bytes([0x80 | opcode])
        head += bytes([0x80 | n]) if n < 126 else struct.pack(">BH", 0x80 | 126, n)
        self.sock.sendall(head + mask + bytes(b ^ mask[i & 3] for i, b in enumerate(data)))

    def say(self, obj):
        self.send(1, json.dumps(obj).encode())

    def hear(self, timeout_s):
        """The next message as an object; None when none came in time or the server closed."""
        end = time.monotonic() + timeout_s
        while True:
            frame = self._frame()
            if frame is None:
                left = end - time.monotonic()
                if left <= 0:
                    return None
                self.sock.settimeout(left)
                try:
                    self._more()
                except (TimeoutError, socket.timeout):
                    return None
                continue
            first, data = frame
            opcode = first & 15
            if opcode == 1:
                return json.loads(data)
            if opcode == 9:
                self.send(10, data)
            elif opcode == 8:
                self.close_code = struct.unpack(">H", data[:2])[0] if len(data) >= 2 else 1005
                return None

    def close(self):
        try:
            self.send(8, struct.pack(">H", 1000))
            self.sock.settimeout(2)
            while self.sock.recv(65536):
                pass
        except OSError:
            pass
        self.sock.close()


class Book:
    def __init__(self):
        self.side = {"b": {}, "a": {}}
        self.src_seq = 0
        self.have = False

    @staticmethod
    def key(px):
        whole, _, frac = px.partition(".")
        return int(whole) * 10**9 + int((frac + "0" * 9)[:9])

    def levels(self, side):
        rows = self.side[side].values()
        return sorted(rows, key=lambda r: self.key(r[0]), reverse=side == "b")

    def checksum(self):
        crc = 0
        for side in ("b", "a"):
            for px, qty, _ in self.levels(side)[:10]:
                crc = crc32c(f"{px}:{qty};".encode(), crc)
        return crc

    def take(self, msg):
        snapshot = msg["t"] == "snapshot"
        if snapshot:
            self.side = {"b": {}, "a": {}}
            self.have = True
        elif not self.have:
            raise Bad(f"a delta before any snapshot of {msg['sym']}")
        if msg["src_seq"] < self.src_seq:
            raise Bad(f"src_seq goes back from {self.src_seq} to {msg['src_seq']}")
        self.src_seq = msg["src_seq"]
        for side in ("b", "a"):
            for px, qty, cnt in msg.get(side, []):
                if qty != "0":
                    self.side[side][px] = (px, qty, cnt)
                elif snapshot or self.side[side].pop(px, None) is None:
                    raise Bad(f"{msg['sym']}: level {px} was not there")
        if self.checksum() != msg["cs"]:
            raise Bad(f"{msg['sym']}: checksum {msg['cs']} of seq {msg['seq']} is not ours, {self.checksum()}")


def run(ws, symbols, depth, mode, interval_ms, seconds, until_idle, slow_ms=0):
    ws.say({"op": "subscribe", "id": "1", "channel": "book", "symbols": symbols, "depth": depth, "mode": mode,
            "interval_ms": interval_ms})
    ack = ws.hear(5)
    if not ack or ack.get("op") != "ack" or not ack.get("ok"):
        raise Bad(f"not subscribed: {ack}")
    if sorted(ack["accepted"]) != sorted(symbols):
        raise Bad(f"rejected: {ack['rejected']}")
    books = {s: Book() for s in symbols}
    seen = {"snapshot": 0, "delta": 0, "gap": 0, "stale": 0, "skipped": 0}
    lag_ns = []
    seq = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        msg = ws.hear(min(until_idle, max(end - time.monotonic(), 0.01)))
        if msg is None:
            if ws.close_code is not None or time.monotonic() < end:
                break
            continue
        if msg.get("ch") != "book":
            continue
        seq += 1
        if msg["sid"] != ack["sid"] or msg["seq"] != seq:
            raise Bad(f"sid {msg['sid']} seq {msg['seq']} where sid {ack['sid']} seq {seq} was due")
        seen[msg["t"]] += 1
        if msg["t"] in ("snapshot", "delta"):
            books[msg["sym"]].take(msg)
            if msg["t"] == "delta":
                lag_ns.append(time.time_ns() - int(msg["ts_in"]))
        if slow_ms:
            time.sleep(slow_ms / 1000)
    lag_ns.sort()
    return {
        "messages": seq, "seen": seen, "close_code": ws.close_code,
        "ts_in_to_client_ms": {"p50": lag_ns[len(lag_ns) // 2] / 1e6, "p99": lag_ns[len(lag_ns) * 99 // 100] / 1e6}
        if lag_ns else None,
        "books": {s: {"src_seq": b.src_seq, "bids": [list(r) for r in b.levels("b")],
                      "asks": [list(r) for r in b.levels("a")]} for s, b in books.items()},
    }


def main():
    ap = argparse.ArgumentParser(description=__doc__.split("\n\n", maxsplit=1)[0])
    ap.add_argument("url")
    ap.add_argument("token_file")
    ap.add_argument("--symbols", default="AAPL")
    ap.add_argument("--depth", type=int, default=10)
    ap.add_argument("--mode", default="conflate")
    ap.add_argument("--interval-ms", type=int, default=0)
    ap.add_argument("--seconds", type=float, default=10)
    ap.add_argument("--until-idle", type=float, default=2, help="end when nothing came for this long")
    ap.add_argument("--min-deltas", type=int, default=1)
    ap.add_argument("--slow", type=float, default=0, metavar="MS", help="sleep after each message")
    ap.add_argument("--ca", metavar="FILE", help="wss: certificates to trust")
    a = ap.parse_args()
    try:
        with open(a.token_file, encoding="ascii") as f:
            token = f.read().strip()
        ws = WebSocket(a.url, token, ca=a.ca)
        out = run(ws, a.symbols.split(","), a.depth, a.mode, a.interval_ms, a.seconds, a.until_idle, a.slow)
        ws.close()
        if out["seen"]["delta"] < a.min_deltas:
            raise Bad(f"only {out['seen']['delta']} deltas: {out['seen']}")
    except (Bad, OSError) as e:
        print(f"ws_check: {e}", file=sys.stderr)
        return 1
    print(json.dumps(out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
