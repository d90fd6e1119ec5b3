#!/usr/bin/env python3
"""demo, up, down - run the appliance against the simulated venue.

demo plays one session to its end, compares the venue's book of record with ours, replays the
journal of the run and prints a summary.  up does the same and stays up; down stops what up
started.  Without --session a built-in generator, seeded by --seed, makes the session.
"""
import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UP_FILE = os.path.join(ROOT, "data", "up.json")


def say(text=""):
    print(text, file=sys.stderr, flush=True)


class Failed(Exception):
    pass


def free_udp_ports(n):
    socks = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(n)]
    for s in socks:
        s.bind(("0.0.0.0", 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


def wait_for(what, test, timeout_s, procs=()):
    """Waits until test() is true; fails when it takes too long or a process ends first."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        got = test()
        if got:
            return got
        for name, p in procs:
            if p.poll() is not None:
                where = f"; its log: {p.log}" if p.log else ", for the reason above"
                raise Failed(f"{name} ended with status {p.returncode} before {what}{where}")
        time.sleep(0.02)
    raise Failed(f"{what} did not happen within {timeout_s} s")


def load_json(path):
    try:
        with open(path, encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return None


class Run:
    """The processes of one instance, its folders and how to stop it."""

    def __init__(self, args, instance, data_root):
        self.args = args
        self.instance = instance
        self.data = os.path.join(data_root, instance)
        self.run_dir = os.path.join("/dev/shm", "octopus-" + instance)
        self.procs = {}
        self.password = secrets.token_hex(5)
        self.env = dict(os.environ, OCTOPUS_VENUE_PASSWORD=self.password)
        os.makedirs(self.data, exist_ok=True)
        ports = free_udp_ports(2)
        host = os.getpid() % 250 + 1
        self.lines = [f"239.255.{host}.1:{ports[0]}", f"239.255.{host}.2:{ports[1]}"]

    def path(self, name):
        return os.path.join(self.data, name)

    def binary(self, *parts):
        return os.path.join(self.args.build, *parts)

    def start(self, name, cmd, show=False):
        log = self.path(name + ".log")
        out = None if show else open(log, "ab")
        p = subprocess.Popen(cmd, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd=ROOT,
                             env=self.env, start_new_session=not show)
        if out:
            out.close()
        p.log = None if show else os.path.relpath(log, ROOT)
        self.procs[name] = p
        return p

    def start_exchange(self, end="--exit-when-done"):
        """With --end-when-done it stays until stopped: a dataplane that died at the very end and comes back
        is told the end again."""
        a = self.args
        for f in ("ports.json", "record.json"):
            if os.path.exists(self.path(f)):
                os.unlink(self.path(f))
        cmd = [self.binary("tools", "exchange", "octopus-exchange"), "--lines", ",".join(self.lines),
               "--ports-file", self.path("ports.json"), "--record", self.path("record.json"),
               "--pace", a.pace, "--seed", str(a.seed), "--rewind-port", "0", "--order-port", "0",
               "--user", f"OCT001:{self.password}:OCTO", end]
        if a.session:
            cmd += ["--session", a.session]
        if a.symbols:
            cmd += ["--symbols", a.symbols]
        if a.faults:
            cmd += ["--faults", a.faults]
        if a.duration:
            cmd += ["--duration", str(a.duration)]
        p = self.start("exchange", cmd)
        ports = wait_for("the venue's ports", lambda: load_json(self.path("ports.json")), 60,
                         [("octopus-exchange", p)])
        return ports

    def reference(self, date):
        """Reference data for the day of the session; a generated one brings its own directory."""
        if not self.args.session:
            return '""'
        folder = os.path.join(ROOT, "config", "venues")
        for name in sorted(os.listdir(folder)):
            if date and f"-{date}-" in name:
                return os.path.join(folder, name)
        return None

    def conf_args(self, ports):
        a = self.args
        sets = {
            "instance": self.instance, "run_dir": self.run_dir, "data_dir": self.data,
            "feed.lines.0.group": self.lines[0].split(":")[0], "feed.lines.0.port": self.lines[0].split(":")[1],
            "feed.lines.1.group": self.lines[1].split(":")[0], "feed.lines.1.port": self.lines[1].split(":")[1],
            "feed.rewind.0.port": ports["rewind_port"], "venue.port": ports["order_port"],
            "feed.position_report": "true" if a.pace == "max" else "false",
        }
        date = ports.get("session_date") or 0
        if date:
            sets["feed.session_date"] = date
        reference = self.reference(date)
        if reference is not None:
            sets["venue.reference"] = reference
        out = ["--config", os.path.join(ROOT, "config", "octopus.yaml"), "--profile", a.profile]
        for k, v in sets.items():
            out += ["--set", f"{k}={v}"]
        for s in a.set or []:
            out += ["--set", s]
        return out

    def start_dataplane(self, ports, until_end=True, show=None):
        cmd = [self.binary("octopus-dataplane"), *self.conf_args(ports),
               "--summary", self.path("summary.json")]
        show = until_end if show is None else show
        if until_end:
            cmd += ["--until-end"]
        if show:
            cmd += ["--progress"]
        return self.start("dataplane", cmd, show=show)

    def start_control(self, ports):
        port = socket.socket()
        port.bind(("127.0.0.1", 0))
        self.web_port = port.getsockname()[1]
        port.close()
        cmd = [self.binary("control", "octopus-control"), *self.conf_args(ports),
               "--set", f"control.port={self.web_port}"]
        return self.start("control", cmd)

    def stop(self, name, sig=signal.SIGTERM, timeout_s=10):
        p = self.procs.get(name)
        if p is None or p.poll() is not None:
            return
        p.send_signal(sig)
        try:
            p.wait(timeout_s)
        except subprocess.TimeoutExpired:
            say(f"octopus: {name} did not stop in {timeout_s} s: killing it")
            p.kill()
            p.wait()

    def stop_all(self):
        for name in ("control", "dataplane", "exchange"):
            self.stop(name)

    def remove(self, keep):
        shutil.rmtree(self.run_dir, ignore_errors=True)
        if not keep:
            shutil.rmtree(self.data, ignore_errors=True)


def verify(run, ports):
    """Replays the journal of the run with the same build: the decisions must be identical."""
    p = subprocess.run([run.binary("tools", "replay", "octopus-replay"), "verify", *run.conf_args(ports), "-o", "json"],
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False, cwd=ROOT)
    try:
        out = json.loads(p.stdout)
    except ValueError:
        raise Failed(f"octopus-replay ended with status {p.returncode}: {p.stderr.strip()[-600:]}") from None
    return out


# The venue's word for an order's end, and ours.
STATES = {"live": {"working", "cancel_pending", "replace_pending"}, "filled": {"filled"}, "cancelled": {"cancelled"},
          "replaced": {"closed"}, "rejected": {"rejected"}}


def compare(record, ours):
    """The venue's book of record against ours: the differences, as sentences."""
    diffs = []
    theirs = {o["user_ref"]: o for o in record["order_list"]}
    mine = {o["user_ref"]: o for o in ours["orders_detail"] if o["state"] != "closed" or o["user_ref"] in theirs}
    for ref in sorted(set(theirs) | set(mine)):
        a, b = theirs.get(ref), mine.get(ref)
        if a is None or b is None:
            diffs.append(f"order {ref} is only {'here' if a is None else 'at the venue'}")
        elif b["state"] not in STATES[a["state"]]:
            diffs.append(f"order {ref} is {a['state']} at the venue, {b['state']} here")
    fills = sorted((f["user_ref"], int(f["match"]), f["px"], f["quantity"]) for f in record["fill_list"] if not f["broken"])
    own = sorted((f["user_ref"], int(f["match_id"]), f["price"], int(f["quantity"])) for f in ours["fills_detail"])
    if fills != own:
        diffs.append(f"fills differ: {len(fills)} at the venue, {len(own)} here")
    their_pos = {p["symbol"]: p["position"] * 10**8 for p in record["positions"] if p["position"]}
    own_pos = {}
    for p in ours["positions"]:
        own_pos[p["symbol"]] = own_pos.get(p["symbol"], 0) + int(p["position_raw"])
    own_pos = {k: v for k, v in own_pos.items() if v}
    if their_pos != own_pos:
        diffs.append(f"positions differ: {their_pos} at the venue, {own_pos} here, in 1e-8")
    for sym, book in record["books"].items():
        mine_book = ours["books"].get(sym, {"bids": [], "asks": []})
        if book["bids"] != mine_book["bids"] or book["asks"] != mine_book["asks"]:
            diffs.append(f"the book of {sym} differs")
    return diffs


def ns(v):
    return f"{v / 1000:,.1f} us" if v >= 10000 else f"{v:,d} ns"


def report_money(s):
    """Profit and loss of each scope, and every position that is open."""
    names = {p["id"]: p["name"] for p in s["pnl"] if p["scope"] == "strategy"}
    say("Profit and loss" + " " * 23 + "P&L   open positions")
    for p in s["pnl"]:
        held = [q for q in s["positions"] if p["scope"] == "strategy" and q["strategy"] == p["id"] and int(q["position_raw"])]
        shown = ", ".join(f"{q['symbol']} {q['position']}" for q in held[:8]) + (" ..." if len(held) > 8 else "")
        say(f"  {p['scope']:<10} {p['name']:<12} {p['pnl']:>15}   {shown}".rstrip())
    unknown = [q for q in s["positions"] if q["strategy"] not in names]
    for q in unknown:
        say(f"  {'unknown':<10} {q['strategy']:<12} {q['pnl']:>15}   {q['symbol']} {q['position']}")


def report(s):
    m, o = s["market_data"], s["orders"]
    say()
    say("Market data")
    for line, n in m["packets"].items():
        say(f"  line {line:<7} {n:>12,d} packets")
    by_type = m["messages"]["by_type"]
    say(f"  messages     {m['messages']['total']:>12,d}  " + " ".join(f"{k} {v:,d}" for k, v in by_type.items()))
    say(f"  duplicates dropped {m['duplicates']:,d}   gaps found {m['gaps_detected']:,d}, recovered {m['gaps_recovered']:,d}, "
        f"stale {m['gaps_stale']:,d}   unknown references {m['unknown_references']['total']:,d}")
    say("Orders")
    say(f"  sent {o['sent']:,d}  acknowledged {o['acked']:,d}  filled {o['filled']:,d}  cancelled {o['cancelled']:,d}  "
        f"rejected by the venue {o['rejected']:,d}  refused by risk {o['refused']:,d}")
    for reason, n in sorted(o["refused_by_reason"].items(), key=lambda x: -x[1]):
        say(f"    refused: {reason:<24} {n:,d}")
    report_money(s)
    say("Latency")
    for hop, h in s["latency_ns"].items():
        if h["count"]:
            say(f"  {hop:<14} p50 {ns(h['p50']):>10}  p90 {ns(h['p90']):>10}  p99 {ns(h['p99']):>10}  "
                f"p99.9 {ns(h['p999']):>10}  max {ns(h['max']):>10}  count {h['count']:,d}")
    say("Journal")
    say(f"  {s['journal']['records']:,d} records, {s['journal']['bytes']:,d} bytes")
    say()
    say(f"venue's book of record and ours: {'equal' if s['venue_match'] else 'DIFFERENT'}")
    for d in s["venue_differences"][:10]:
        say(f"  {d}")
    r = s["replay"]
    say(f"replay of this run: {'identical' if s['replay_identical'] else 'DIFFERENT'}, {r.get('decisions', 0):,d} decisions "
        f"on {r.get('inputs', 0):,d} inputs")
    if not s["replay_identical"]:
        say(f"  {r.get('why', '')}")


def finish(run, ports):
    record = load_json(run.path("record.json"))
    ours = load_json(run.path("summary.json"))
    if record is None:
        raise Failed("the venue wrote no book of record; its log: " + run.procs["exchange"].log)
    if ours is None:
        raise Failed("the dataplane wrote no summary")
    replay = verify(run, ports)
    diffs = compare(record, ours)
    summary = {k: v for k, v in ours.items() if k not in ("orders_detail", "fills_detail")}
    summary.update({"pace": run.args.pace, "seed": run.args.seed, "session": run.args.session or "generated",
                    "faults_requested": run.args.faults or "", "venue": {k: v for k, v in record.items() if k not in ("order_list", "fill_list")},
                    "venue_match": not diffs, "venue_differences": diffs,
                    "replay_identical": bool(replay.get("identical")), "replay": replay})
    return summary


def demo(args):
    run = Run(args, f"demo-{os.getpid()}", os.path.join(ROOT, "data"))
    status = 1
    try:
        say(f"octopus: session {args.session or 'generated, seed ' + str(args.seed)}, pace {args.pace}"
            + (" (lock-step: the venue waits for us)" if args.pace == "max" else "")
            + (f", faults {args.faults}" if args.faults else ""))
        ports = run.start_exchange(end="--end-when-done")
        dp = run.start_dataplane(ports)
        if not args.no_control:
            wait_for("shared memory", lambda: os.path.exists(os.path.join(run.run_dir, "pub")), 30,
                     [("octopus-dataplane", dp)])
            run.start_control(ports)
            say(f"octopus: control at http://127.0.0.1:{run.web_port}/ (token in {os.path.relpath(run.data, ROOT)}/token)")
        dp.wait()
        if dp.returncode:
            raise Failed(f"octopus-dataplane ended with status {dp.returncode}")
        ex = run.procs["exchange"]
        run.stop("exchange", timeout_s=30)
        if ex.returncode:
            raise Failed(f"octopus-exchange ended with status {ex.returncode}; its log: {ex.log}")
        ctl = run.procs.get("control")
        if ctl and ctl.poll() is not None:
            raise Failed(f"octopus-control ended early with status {ctl.returncode}; its log: {ctl.log}")
        run.stop("control")
        summary = finish(run, ports)
        report(summary)
        if args.json:
            with open(args.json, "w", encoding="utf-8") as f:
                json.dump(summary, f, indent=1)
                f.write("\n")
        status = 0 if summary["venue_match"] and summary["replay_identical"] else 1
    except Failed as e:
        say(f"octopus: {e}")
        for name, p in run.procs.items():
            if p.log is None:
                continue
            try:
                with open(os.path.join(ROOT, p.log), encoding="utf-8", errors="replace") as f:
                    tail = f.read().splitlines()[-5:]
            except OSError:
                continue
            for line in tail:
                say(f"  {name}: {line}")
    except KeyboardInterrupt:
        say("octopus: interrupted")
        status = 130
    finally:
        run.stop_all()
        keep = args.keep or (status != 0 and status != 130)
        if keep:
            say(f"octopus: journal and logs are in {os.path.relpath(run.data, ROOT)}")
        run.remove(keep)
    return status


def up(args):
    if os.path.exists(UP_FILE):
        raise SystemExit("octopus: already up: ./octopus down first")
    run = Run(args, "up", os.path.join(ROOT, "data"))
    try:
        ports = run.start_exchange(end="--end-when-done")
        run.start_dataplane(ports, until_end=False)
        wait_for("shared memory", lambda: os.path.exists(os.path.join(run.run_dir, "pub")), 30,
                 [("octopus-dataplane", run.procs["dataplane"])])
        run.start_control(ports)
        with open(UP_FILE, "w", encoding="utf-8") as f:
            json.dump({"pids": {n: p.pid for n, p in run.procs.items()}, "run_dir": run.run_dir,
                       "data": run.data, "web_port": run.web_port}, f)
    except (Failed, KeyboardInterrupt) as e:
        run.stop_all()
        run.remove(True)
        raise SystemExit(f"octopus: {e}") from None
    say(f"octopus: up. http://127.0.0.1:{run.web_port}/health   token: data/up/token")
    say(f"  {os.path.relpath(run.binary('tools', 'octopusctl', 'octopusctl'), ROOT)} --run-dir {run.run_dir} top")
    say("  ./octopus down stops it")
    return 0


def down(_args):
    st = load_json(UP_FILE)
    if st is None:
        say("octopus: nothing is up")
        return 0
    for name in ("control", "dataplane", "exchange"):
        pid = st["pids"].get(name)
        try:
            os.kill(pid, signal.SIGTERM)
        except (ProcessLookupError, TypeError):
            continue
        for _ in range(500):
            try:
                os.kill(pid, 0)
                with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as f:
                    if f.read().rsplit(")", 1)[1].split()[0] == "Z":
                        break
            except (ProcessLookupError, FileNotFoundError):
                break
            time.sleep(0.02)
        else:
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(st["run_dir"], ignore_errors=True)
    os.unlink(UP_FILE)
    say("octopus: down; the journal stays in data/up")
    return 0


EXAMPLES = """examples:
  ./octopus demo
  ./octopus demo --session FILE.itch50.xz --pace max --json a.json
  ./octopus demo --faults drop=0.01,dup=0.01,reorder=0.02,skew=5ms --seed 7
  ./octopus up && ./octopus down
"""


def main():
    ap = argparse.ArgumentParser(prog="octopus", description=__doc__, epilog=EXAMPLES,
                                 formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("command", choices=["demo", "up", "down"])
    ap.add_argument("--session", help="length-framed ITCH 5.0, pcap or pcapng with MoldUDP64, or a LOBSTER message file; .gz .xz .zst too")
    ap.add_argument("--symbols", help="only these, comma-separated")
    ap.add_argument("--pace", default="20x", help="1x, 20x, any Nx, or max (lock-step)")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--faults", help="drop=P,dup=P,reorder=P,skew=TIME[,lines=a|b|ab][,rewind=off]")
    ap.add_argument("--profile", default="demo", help="a file of config/profiles, without .yaml")
    ap.add_argument("--duration", help="end the session after this many seconds of session time")
    ap.add_argument("--json", help="write the whole summary here; docs/summary.schema.json describes it")
    ap.add_argument("--set", action="append", metavar="KEY=VALUE", help="override a configuration key")
    ap.add_argument("--keep", action="store_true", help="keep the journal and the logs")
    ap.add_argument("--no-control", action="store_true", help="without the control process")
    ap.add_argument("--build", default=os.path.join(ROOT, "build", "release"), help=argparse.SUPPRESS)
    args = ap.parse_args()
    if args.session and not os.path.isfile(args.session):
        say(f"octopus: {args.session}: no such file; give a session file, or none for a generated session")
        return 2
    if args.session:
        args.session = os.path.abspath(args.session)
    return {"demo": demo, "up": up, "down": down}[args.command](args)


if __name__ == "__main__":
    sys.exit(main())
