#!/usr/bin/env python3
"""Control behind TLS, with a certificate made here: REST, large answers, a kept connection and
WebSocket books over TLS 1.3; older TLS, plain HTTP and a stranger's certificate are refused; a key
that does not fit is named at start."""
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
import time

from lib import HERE, ROOT, args, check, demo, have, skip

if not have("openssl"):
    skip("openssl, which makes the certificate, is not installed")


def certificate(run, name):
    cert, key = run.path(name + ".pem"), run.path(name + ".key")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost",
                    "-keyout", key, "-out", cert], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return cert, key


def connect(run, ca):
    return http.client.HTTPSConnection("127.0.0.1", run.web_port, timeout=10,
                                       context=ssl.create_default_context(cafile=ca))


def get(conn, path, token=None):
    conn.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
    r = conn.getresponse()
    return r.status, r.read().decode()


def fails(what, call):
    try:
        call()
    except (OSError, http.client.HTTPException) as e:
        print(f"ok: {what}: {type(e).__name__}")
        return
    check(False, what)


def listening(run, ca):
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            if int(json.loads(get(connect(run, ca), "/health")[1])["mirror"]["input"]) > 1000:
                return True
        except (OSError, ValueError):
            time.sleep(0.1)
    return False


def old_tls(run, ca):
    c = ssl.create_default_context(cafile=ca)
    c.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection(("127.0.0.1", run.web_port), 10) as s:
        c.wrap_socket(s, server_hostname="localhost").do_handshake()


def plain(run):
    conn = http.client.HTTPConnection("127.0.0.1", run.web_port, timeout=10)
    get(conn, "/health")


def rest(run, ca, token):
    conn = connect(run, ca)
    check(get(conn, "/api/orders/")[0] == 401, "no token, no orders")
    conn.sock.getpeername()
    local = conn.sock.getsockname()
    check(conn.sock.version() == "TLSv1.3", "TLS 1.3 is spoken")
    code, text = get(conn, "/metrics", token)
    check(code == 200 and len(text) > 20000, f"an answer longer than a TLS record: {len(text)} bytes of metrics")
    for _ in range(20):
        code, text = get(conn, "/api/market/book/AAPL?depth=50", token)
        if code != 200:
            check(False, f"a book: {code} {text}")
    check(conn.sock.getsockname() == local, "22 requests on one connection")


def wrong_key(run, ports, cert, other_key):
    sets = run.args.set
    run.args.set = [f"control.tls_cert={cert}", f"control.tls_key={other_key}"]
    p = run.start_control(ports)
    check(p.wait(20) == 1, "a key that does not fit the certificate: no start")
    log = open(run.path("control.log"), encoding="utf-8").read()
    check(cert in log, "and the log names the file")
    run.args.set = sets


def main():
    run = demo.Run(args(pace="20x", duration="600"), f"e2e-tls-{os.getpid()}", os.path.join(ROOT, "data"))
    try:
        cert, key = certificate(run, "tls")
        stranger, other_key = certificate(run, "other")
        run.args.set = [f"control.tls_cert={cert}", f"control.tls_key={key}"]
        ports = run.start_exchange()
        run.start_dataplane(ports, until_end=False)
        demo.wait_for("shared memory", lambda: os.path.exists(os.path.join(run.run_dir, "pub")), 30)
        wrong_key(run, ports, cert, other_key)
        run.start_control(ports)
        check(listening(run, cert), "control listens behind TLS")
        token = open(run.path("token"), encoding="ascii").read().strip()
        rest(run, cert, token)
        fails("TLS 1.2 is refused", lambda: old_tls(run, cert))
        fails("plain HTTP gets no answer", lambda: plain(run))
        fails("a client that trusts somebody else hangs up", lambda: get(connect(run, stranger), "/health"))
        check(get(connect(run, cert), "/livez")[0] == 200, "and control goes on")
        p = subprocess.run([sys.executable, os.path.join(HERE, "ws_check.py"),
                            f"wss://127.0.0.1:{run.web_port}/ws/market-data", run.path("token"), "--ca", cert,
                            "--seconds", "3", "--mode", "raw", "--depth", "50", "--symbols", "AAPL,MSFT"],
                           capture_output=True, text=True, check=False)
        check(p.returncode == 0, f"WebSocket books over TLS without a gap {p.stderr.strip()}")
        print("  ", json.loads(p.stdout)["seen"])
    finally:
        run.stop_all()
        run.remove(False)


main()
