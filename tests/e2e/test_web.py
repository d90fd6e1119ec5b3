#!/usr/bin/env python3
"""The recorded AAPL session as web clients see it: WebSocket books without a gap that end where an
independent decoder ended, REST and octopusctl with the same objects, and the dataplane unharmed by
the death of control."""
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

from lib import AAPL, AAPL_FILE, HERE, ROOT, args, check, demo, load, need

need(AAPL_FILE)
want = load(os.path.join(AAPL, "expected.json"))


def fetch(port, path, token=None, method="GET"):
    req = urllib.request.Request(f"http://127.0.0.1:{port}{path}", method=method)
    if token:
        req.add_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.urlopen(req, timeout=10) as r:
            return r.status, dict(r.headers), r.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, dict(e.headers), e.read().decode()


def wait_status(port, test, timeout_s):
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        try:
            h = json.loads(fetch(port, "/health")[2])
            if test(h):
                return h
        except (OSError, ValueError):
            pass
        time.sleep(0.1)
    return None


def ctl(run, *words):
    p = subprocess.run([run.binary("tools", "octopusctl", "octopusctl"), "--run-dir", run.run_dir, "--data-dir",
                        run.data, *words], capture_output=True, text=True, check=False)
    return p.returncode, p.stdout


def ws_check(run, token, *words):
    return subprocess.Popen([sys.executable, os.path.join(HERE, "ws_check.py"),
                             f"ws://127.0.0.1:{run.web_port}/ws/market-data", token, "--seconds", "60",
                             "--until-idle", "4", *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def top5(book, key):
    return [[px, qty] for px, qty, _ in book[key][:5]]


def expected(key):
    return [[f"{px // 10000}.{px % 10000:04d}", str(qty)] for px, qty in want[key]]


def rest(run, token):
    code, head, _ = fetch(run.web_port, "/api/orders/")
    check(code == 401 and "WWW-Authenticate" in head, "no token, no orders")
    check(fetch(run.web_port, "/api/orders/", "x" * 43)[0] == 401, "an unknown token is refused")
    check(fetch(run.web_port, "/api/orders/", token, "DELETE")[0] == 405, "a method that is not there")
    book = json.loads(fetch(run.web_port, "/api/market/book/AAPL?depth=5", token)[2])
    check(top5(book, "bids") == expected("bid_top5") and top5(book, "asks") == expected("ask_top5"),
          "REST book equals the independent decoder's")
    check((book["bid_levels"], book["ask_levels"]) == (want["bid_levels"], want["ask_levels"]), "as many levels")
    quote = json.loads(fetch(run.web_port, "/api/market/quote/AAPL", token)[2])
    volume = want["executed_shares_known_refs"] + want["hidden_trade_shares_P"]
    check(quote["volume"] == str(volume), f"volume {volume}")
    orders, path = [], "/api/orders/?limit=50"
    while path:
        page = json.loads(fetch(run.web_port, path, token)[2])
        orders += page["orders"]
        path = f"/api/orders/?limit=50&cursor={page['next']}" if page["next"] else None
    check(len(orders) == page["total"] > 0, f"{len(orders)} orders over pages of 50")
    check(len({o["id"] for o in orders}) == len(orders), "none twice")
    code, out = ctl(run, "order", "show", orders[0]["id"], "-o", "json")
    mine = json.loads(fetch(run.web_port, f"/api/orders/{orders[0]['id']}", token)[2])
    check(code == 0 and json.loads(out) == mine, "octopusctl and REST give the same object")
    receipt = json.loads(fetch(run.web_port, f"/api/orders/{orders[0]['id']}/trace", token)[2])
    check(receipt["explained"]["agrees"] and len(receipt["checks"]) > 20 and receipt["bytes"],
          f"a receipt with {len(receipt['checks'])} checks and the order's bytes")


def metrics(run, token):
    text = fetch(run.web_port, "/metrics", token)[2]
    series, kinds = set(), set()
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            name = line.split()[2]
            check_quiet(name not in kinds, f"{name} is described twice")
            kinds.add(name)
        elif not line.startswith("#"):
            m = re.fullmatch(r"(octopus_[a-z0-9_]+(\{[^}]*\})?) (\S+)", line)
            check_quiet(m is not None and float(m[3]) >= 0, f"not a sample: {line}")
            check_quiet(m[1] not in series, f"{m[1]} is given twice")
            series.add(m[1])
    check(len(series) > 300, f"{len(series)} series of Prometheus text, none twice")


def check_quiet(ok, what):
    if not ok:
        check(False, what)


def main():
    run = demo.Run(args(session=AAPL_FILE, pace="10x"), f"e2e-web-{os.getpid()}", os.path.join(ROOT, "data"))
    try:
        ports = run.start_exchange()
        run.start_dataplane(ports, until_end=False)
        demo.wait_for("shared memory", lambda: os.path.exists(os.path.join(run.run_dir, "pub")), 30)
        run.start_control(ports)
        check(wait_status(run.web_port, lambda h: h["mirror"]["input"] != "0", 30) is not None, "control is up")
        token_file = run.path("token")
        token = open(token_file, encoding="ascii").read().strip()
        check(os.stat(token_file).st_mode & 0o777 == 0o600, "the token is its owner's alone")
        clients = [ws_check(run, token_file, "--depth", "5"), ws_check(run, token_file, "--mode", "raw", "--depth", "50"),
                   ws_check(run, token_file, "--interval-ms", "100"), ws_check(run, token_file, "--slow", "20")]
        check(wait_status(run.web_port, lambda h: h["feed"]["state"] == "ended", 60) is not None, "the session ends")
        for p in clients:
            out, err = p.communicate(timeout=90)
            check(p.returncode == 0, f"WebSocket client without a gap {p.args[7:]} {err.strip()}")
            got = json.loads(out)
            book = got["books"]["AAPL"]
            check(top5(book, "bids") == expected("bid_top5") and top5(book, "asks") == expected("ask_top5"),
                  f"its book ends where it must: {got['seen']}, {got['ts_in_to_client_ms']}")
        rest(run, token)
        metrics(run, token)
        run.procs["control"].send_signal(signal.SIGKILL)
        run.procs["control"].wait()
        check(ctl(run, "status")[0] == 10, "octopusctl status: degraded without control")
        check(ctl(run, "latency")[0] == 0 and ctl(run, "book", "show", "AAPL")[0] == 3, "latency yes, books no")
        run.start_control(ports)
        check(wait_status(run.web_port, lambda h: h["mirror"]["state"] == "in_sync", 30) is not None,
              "control is back from the journal")
        new = open(token_file, encoding="ascii").read().strip()
        check(new != token and fetch(run.web_port, "/api/orders/", token)[0] == 401, "with another token")
        book = json.loads(fetch(run.web_port, "/api/market/book/AAPL?depth=5", new)[2])
        check(top5(book, "bids") == expected("bid_top5"), "and the same book")
    finally:
        run.stop_all()
        run.remove(False)


main()
