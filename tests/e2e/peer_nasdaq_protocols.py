#!/usr/bin/env python3
"""SoupBinTCP with Nasdaq's own package: its server for our session client and for the dataplane, its
client for our server and for the simulated venue.  OUCH inside is packed and read here, by hand.

Usage: peer_nasdaq_protocols.py PEER_SOUP VENV BUILD.  The package goes into a virtual environment that
is made on first use.  Exit status 77: skipped, with the reason (no registry)."""

import asyncio
import json
import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile

PACKAGE = "nasdaq-protocols==1.3.0"
SKIP = 77
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def skip(reason):
    print("SKIP:", reason)
    sys.exit(SKIP)


def enter_venv(venv):
    """Runs this script again with the environment's own interpreter."""
    python = os.path.join(venv, "bin", "python")
    if os.path.realpath(sys.prefix) == os.path.realpath(venv):
        return
    done = os.path.join(venv, "installed-" + PACKAGE)
    if not os.path.exists(done):
        try:
            subprocess.run([sys.executable, "-m", "venv", venv], check=True, timeout=120,
                           stdout=subprocess.DEVNULL)
            subprocess.run([python, "-m", "pip", "install", "-q", "--retries", "1",
                            "--disable-pip-version-check", PACKAGE], check=True, timeout=180)
        except (subprocess.SubprocessError, OSError) as e:
            skip(f"{PACKAGE} cannot be installed: {e}")
        open(done, "w").close()
    os.execv(python, [python] + sys.argv)


def check(ok, what):
    if not ok:
        raise AssertionError(what)


def expect(got, want):
    check(got == want, f"got {got}, not {want}")


class Lines:
    """A program of ours; its lines as they come."""

    def __init__(self, *args):
        self.args = args
        self.seen = []

    async def start(self):
        self.p = await asyncio.create_subprocess_exec(
            *self.args, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    async def next(self, timeout=10):
        line = await asyncio.wait_for(self.p.stdout.readline(), timeout)
        check(line, f"{self.args} ended; it said {self.seen}")
        self.seen.append(line.decode().strip())
        return self.seen[-1]

    async def until(self, start, timeout=10):
        while True:
            line = await self.next(timeout)
            if line.startswith(start):
                return line

    async def end(self, timeout=10):
        self.p.stdin.close()
        while await asyncio.wait_for(self.p.stdout.readline(), timeout):
            pass
        check(await self.p.wait() == 0, f"{self.args} failed")


def message(n):
    return bytes([n % 256]) * (1 + n % 40) + b"\n\x00\xff"


async def their_server(peer):
    """Login, messages, a connection cut in the middle, resume, unsequenced, heartbeats, end."""
    from nasdaq_protocols import soup

    logins, got, sessions = [], [], []

    class Server(soup.SoupServerSession, session_type="server"):
        async def on_login(self, msg):
            logins.append((msg.user, msg.session, int(msg.sequence)))
            if msg.password != "secret":
                return soup.LoginRejected(soup.LoginRejectReason.NOT_AUTHORIZED)
            self.sequence = int(msg.sequence)
            sessions.append(self)
            return soup.LoginAccepted("042", int(msg.sequence))

        async def on_unsequenced(self, msg):
            got.append(msg.data)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Server(client_heartbeat_interval=1.2, server_heartbeat_interval=1.2), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]

    async def session_no(n):
        for _ in range(100):
            if len(sessions) > n:
                return sessions[n]
            await asyncio.sleep(0.05)
        raise AssertionError("no login")

    ours = await Lines(peer, "client", str(port), "OCTO", "secret", "10").start()
    check(await ours.next() == "logged_in 1", ours.seen)
    s = await session_no(0)
    s.send_debug("a debug packet is ignored")
    for n in range(1, 21):
        s.send_seq_msg(message(n))
    for n in range(1, 21):
        check(await ours.next() == f"data {n} {message(n).hex()}", f"message {n}: {ours.seen[-1]}")
    for _ in range(100):
        if len(got) == 10:
            break
        await asyncio.sleep(0.05)
    check(got == [f"order {i}".encode() for i in range(10)], f"unsequenced: {got}")

    # half a packet, then the connection goes
    _, packet = soup.SequencedData(message(21)).to_bytes()
    s._transport.write(packet[:7])
    await asyncio.sleep(0.1)
    s._transport.abort()
    check(await ours.next() == "lost", ours.seen)
    check(await ours.next() == "logged_in 21", ours.seen)
    check(logins[-1] == ("OCTO", "042", 21), f"resumes where it was: {logins}")
    s = await session_no(1)
    for n in range(21, 41):
        s.send_seq_msg(message(n))
    for n in range(21, 41):
        check(await ours.next() == f"data {n} {message(n).hex()}", f"message {n}: {ours.seen[-1]}")

    # nothing to say for longer than either side tolerates silence: heartbeats keep it up
    await asyncio.sleep(4)
    check(not s.is_closed(), "closed for want of heartbeats")
    s.send_seq_msg(b"last")
    check(await ours.next() == f"data 41 {b'last'.hex()}", ours.seen)
    s.end_session()
    check(await ours.next() == "ended 42", ours.seen)
    await ours.end()

    refused = await Lines(peer, "client", str(port), "OCTO", "wrong", "0").start()
    check(await refused.next() == "rejected A", refused.seen)
    await refused.end()
    server.close()
    print("their server, our client: 41 messages, a resume, 10 unsequenced, heartbeats, end, a refusal")


async def their_client(peer):
    """Login, every stored message, unsequenced both ways, resume, newest, refusals, logout, end."""
    from nasdaq_protocols import soup

    ours = await Lines(peer, "server", "100").start()
    remote = ("127.0.0.1", int((await ours.next()).split()[1]))

    def stored(n):
        return f"stored {n} \n".encode() + bytes([n % 256])

    async def connect(sequence, password="secret", session=""):
        return await soup.connect_async(remote, "OCTO", password, session, sequence,
                                        client_heartbeat_interval=1, server_heartbeat_interval=1.5)

    async def data(s):
        while True:
            m = await asyncio.wait_for(s.receive_msg(), 10)
            if isinstance(m, soup.SequencedData):
                return m.data

    s = await connect(1)
    check(s.session_id.session == "042", s.session_id)
    check(await ours.until("login") == "login OCTO 1", ours.seen)
    for n in range(1, 101):
        check(await data(s) == stored(n), f"message {n}")
    for n in range(5):
        s.send_unseq_data(message(n))
    for n in range(5):
        check(await ours.until("message") == f"message {message(n).hex()}", ours.seen)
        check(await data(s) == message(n), f"echo {n}")
    s.send_debug("ignored")
    await asyncio.sleep(4)
    check(not s.is_closed(), "closed for want of heartbeats")
    s.logout()
    check(await ours.until("logout"), ours.seen)
    await ours.until("gone")

    s = await connect(98, session="042")
    check(await ours.until("login") == "login OCTO 98", ours.seen)
    for want in [stored(98), stored(99), stored(100), message(0)]:
        check(await data(s) == want, f"resume: {want}")
    await s.close()
    await ours.until("gone")

    s = await connect(0)
    check(await data(s) == message(4), "0 asks for the newest message")
    await s.close()
    await ours.until("gone")

    for args in ({"sequence": 1, "password": "wrong"}, {"sequence": 1, "session": "041"}):
        try:
            await connect(**args)
            raise AssertionError(f"let in with {args}")
        except ConnectionRefusedError:
            pass
        await ours.until("gone")

    s = await connect(106)
    closed = asyncio.ensure_future(data(s))
    await asyncio.sleep(0.3)  # their queue must be waited on before it is closed
    ours.p.stdin.close()
    try:
        await asyncio.wait_for(closed, 10)
        raise AssertionError("data after the end")
    except Exception as e:
        check(not isinstance(e, (AssertionError, asyncio.TimeoutError)), f"end of session: {e!r}")
    await s.close()
    check(await ours.p.wait() == 0, "our server failed")
    print("their client, our server: 105 messages, resume, newest, 5 unsequenced, heartbeats, logout, "
          "two refusals, end")


# ---- OUCH 5.0, by hand ---------------------------------------------------------------------------

def enter(ref, side, qty, symbol, px, tif=b"0", options=b""):
    return struct.pack(">cIcI8sQccccc14sH", b"O", ref, side, qty, symbol.ljust(8).encode(), px, tif, b"Y",
                       b"P", b"N", b"N", b"PEER%010d" % ref, len(options)) + options


def answer(data):
    """Type and the fields that matter here."""
    kind = data[:1].decode()
    if kind == "A":
        ref, side, qty, symbol, px = struct.unpack_from(">IcI8sQ", data, 9)
        check(len(data) == 64 + struct.unpack_from(">H", data, 62)[0], "accepted has its size")
        return kind, ref, qty, symbol.decode().strip(), px, data[47:48].decode()
    if kind == "U":
        old, ref = struct.unpack_from(">II", data, 9)
        return kind, old, ref, struct.unpack_from(">I", data, 18)[0], struct.unpack_from(">Q", data, 30)[0]
    if kind == "C":
        return kind, *struct.unpack_from(">II", data, 9), data[17:18].decode()
    if kind == "J":
        return kind, *struct.unpack_from(">IH", data, 9)
    if kind == "Q":
        return kind, struct.unpack_from(">I", data, 9)[0]
    if kind == "S":
        return kind, data[9:10].decode()
    return (kind,)


async def ports_of(p, path):
    for _ in range(300):
        if os.path.exists(path):
            with open(path, encoding="utf-8") as f:
                try:
                    return json.load(f)
                except ValueError:
                    pass
        check(p.returncode is None, "octopus-exchange ended")
        await asyncio.sleep(0.1)
    raise AssertionError("octopus-exchange named no ports")


async def the_venue(build, tmp):
    """Their client on octopus-exchange: account query, orders that rest, change, go and are refused."""
    from nasdaq_protocols import soup

    ports_file = os.path.join(tmp, "ports.json")
    p = await asyncio.create_subprocess_exec(
        os.path.join(build, "tools/exchange/octopus-exchange"), "--quiet", "--pace", "1x", "--duration", "20",
        "--lines", "239.255.250.1:26871,239.255.250.2:26872",
        "--order-port", "0", "--rewind-port", "0", "--user", "PEER01:secret:PEER", "--ports-file", ports_file,
        stdout=subprocess.DEVNULL)
    try:
        remote = ("127.0.0.1", (await ports_of(p, ports_file))["order_port"])

        async def connect(sequence):
            return await soup.connect_async(remote, "PEER01", "secret", "", sequence,
                                            client_heartbeat_interval=1, server_heartbeat_interval=1.5)

        async def say(s, data, kinds):
            """Sends, and returns the answer whose type is one of these."""
            s.send_unseq_data(data)
            return await hear(s, kinds)

        heard = []

        async def hear(s, kinds):
            while True:
                m = await asyncio.wait_for(s.receive_msg(), 20)
                if isinstance(m, soup.SequencedData):
                    heard.append(m.data)
                    if answer(m.data)[0] in kinds:
                        return answer(m.data)

        s = await connect(1)
        check(await say(s, b"Q", "Q") == ("Q", 1), "a new account's next number is 1")
        low = 10000  # a dollar: rests far below the market
        for n in range(1, 100):  # until the session has come to AAPL's directory and trading state
            got = await say(s, enter(n, b"B", 200, "AAPL", low), "AJ")
            if got[0] == "A":
                break
            check(got in (("J", n, 0x17), ("J", n, 0x07)), f"rejected: {got}")
            await asyncio.sleep(0.1)
        expect(got, ("A", n, 200, "AAPL", low, "L"))
        replace = struct.pack(">cIIIQccc14sH", b"U", n, n + 1, 300, low + 100, b"0", b"Y", b"N", b"PEER".ljust(14), 0)
        expect(await say(s, replace, "UCJ"), ("U", n, n + 1, 300, low + 100))
        expect(await say(s, struct.pack(">cII", b"X", n + 1, 100), "C"), ("C", n + 1, 200, "U"))
        expect(await say(s, struct.pack(">cII", b"X", n + 1, 0), "C"), ("C", n + 1, 100, "U"))
        expect(await say(s, enter(n + 2, b"B", 100, "NOSUCH", low), "AJ"), ("J", n + 2, 0x17))
        expect(await say(s, enter(n + 3, b"B", 0, "AAPL", low), "AJ"), ("J", n + 3, 0x13))
        expect(await say(s, enter(n + 4, b"B", 100, "AAPL", low, b"3"), "A"), ("A", n + 4, 100, "AAPL", low, "L"))
        expect(await hear(s, "C"), ("C", n + 4, 100, "I"))
        s.send_unseq_data(enter(n + 4, b"B", 100, "AAPL", low))  # a used number: ignored
        expect(await say(s, b"Q", "Q"), ("Q", n + 5))
        first = list(heard)
        await s.close()
        s = await connect(1)
        heard.clear()
        while len(heard) < len(first):
            await hear(s, answer(first[len(heard)])[0])
        check(heard == first, "the whole session again, byte for byte")
        s.logout()
        print(f"their client, the venue: {len(first)} messages, the same again after a new login")
    finally:
        p.send_signal(signal.SIGTERM)
        await asyncio.wait_for(p.wait(), 20)


async def the_dataplane(build, tmp):
    """octopus-dataplane on their server: login, account query, resume after a cut, heartbeats, logout."""
    from nasdaq_protocols import soup

    logins, sent, sessions, store = [], [], [], []
    raw = bytearray()  # a logout ends their reader without being told

    class Server(soup.SoupServerSession, session_type="server"):
        async def on_login(self, msg):
            logins.append((msg.user, msg.password, msg.session, int(msg.sequence)))
            asyncio.get_running_loop().call_soon(self.replay, int(msg.sequence))  # after the answer
            sessions.append(self)
            return soup.LoginAccepted("DAY1", int(msg.sequence))

        def replay(self, sequence):
            for data in store[sequence - 1:]:
                self.send_seq_msg(data)

        def say(self, data):
            store.append(data)
            self.send_seq_msg(data)

        async def on_unsequenced(self, msg):
            sent.append(msg.data)
            if msg.data == b"Q":
                self.say(struct.pack(">cQI", b"Q", 34200 * 10**9, 1))

        async def on_debug(self, msg):
            pass

        def data_received(self, data):
            raw.extend(data)
            super().data_received(data)

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: Server(client_heartbeat_interval=1.2, server_heartbeat_interval=1.2), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(("0.0.0.0", 0))
    sets = {"instance": "peer-%d" % os.getpid(), "run_dir": os.path.join("/dev/shm", "octopus-peer-%d" % os.getpid()),
            "data_dir": os.path.join(tmp, "data"), "venue.port": port, "venue.user": "OCT001",
            "feed.lines.0.port": udp.getsockname()[1], "feed.position_report": "false"}
    udp.close()
    args = [os.path.join(build, "octopus-dataplane"), "--config", os.path.join(ROOT, "config/octopus.yaml"),
            "--profile", "demo"]
    for k, v in sets.items():
        args += ["--set", f"{k}={v}"]
    p = await asyncio.create_subprocess_exec(
        *args, env=dict(os.environ, OCTOPUS_VENUE_PASSWORD="secret"), cwd=ROOT,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    async def until(test, what):
        for _ in range(400):
            if test():
                return
            check(p.returncode is None, f"octopus-dataplane ended before: {what}")
            await asyncio.sleep(0.05)
        raise AssertionError(f"not within 20 s: {what}")

    try:
        await until(lambda: sent, "the account query")
        check(logins == [("OCT001", "secret", "", 1)], f"login: {logins}")
        check(sent == [b"Q"], f"sent: {sent}")
        await asyncio.sleep(3.5)
        check(not sessions[0].is_closed(), "closed for want of heartbeats")
        sessions[0].say(struct.pack(">cQc", b"S", 34200 * 10**9, b"S"))
        await asyncio.sleep(0.3)
        sessions[0]._transport.abort()
        await until(lambda: len(sent) == 2, "the query after the cut")
        check(logins[1] == ("OCT001", "secret", "DAY1", 3), f"resumes where it was: {logins}")
        check(sent == [b"Q", b"Q"], f"nothing but questions: {sent}")
        await asyncio.sleep(0.3)
        p.send_signal(signal.SIGTERM)
        check(await asyncio.wait_for(p.wait(), 20) == 0, f"octopus-dataplane ended with {p.returncode}")
        await asyncio.sleep(0.2)
        check(raw.endswith(b"\x00\x01O"), f"no logout at the end: {bytes(raw[-20:])}")
        print("their server, the dataplane: login, query, heartbeats, cut and resume, logout")
    finally:
        if p.returncode is None:
            p.kill()
            await p.wait()
        shutil.rmtree(sets["run_dir"], ignore_errors=True)
        server.close()


def main():
    if len(sys.argv) != 4:
        print(__doc__)
        return 2
    enter_venv(sys.argv[2])
    peer, build = sys.argv[1], sys.argv[3]
    asyncio.run(their_server(peer))
    asyncio.run(their_client(peer))
    with tempfile.TemporaryDirectory() as tmp:
        asyncio.run(the_venue(build, tmp))
        asyncio.run(the_dataplane(build, tmp))
    return 0


if __name__ == "__main__":
    sys.exit(main())
