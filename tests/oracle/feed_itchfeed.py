#!/usr/bin/env python3
"""Every field of every message, our decoder against `itchfeed` from PyPI.

Usage: feed_itchfeed.py FEED_DUMP SHARED VENV.  The package goes into a virtual environment that is made
on first use.  Exit status 77: skipped, with the reason (no registry, no recordings)."""

import collections
import lzma
import os
import struct
import subprocess
import sys

PACKAGE = "itchfeed==1.6.4"
SKIP = 77

# Our field -> theirs.
FIELDS = {
    "S": "event=event_code",
    "R": "stock=stock market=market_category financial=financial_status_indicator "
         "round_lot=round_lot_size lots_only=round_lots_only class=issue_classification "
         "sub_type=issue_sub_type authenticity=authenticity threshold=short_sale_threshold_indicator "
         "ipo=ipo_flag luld_tier=luld_ref etp=etp_flag leverage=etp_leverage_factor "
         "inverse=inverse_indicator",
    "H": "stock=stock state=trading_state reserved=reserved reason=reason",
    "Y": "stock=stock action=reg_sho_action",
    "L": "mpid=mpid stock=stock primary=primary_market_maker mode=market_maker_mode "
         "state=market_participant_state",
    "V": "level1=level1_price level2=level2_price level3=level3_price",
    "W": "level=breached_level",
    "K": "stock=stock release_s=ipo_release_time qualifier=ipo_release_qualifier px=ipo_price",
    "J": "stock=stock ref_px=auction_collar_reference_price upper_px=upper_auction_collar_price "
         "lower_px=lower_auction_collar_price extension=auction_collar_extention",
    "h": "stock=stock market=market_code action=operational_halt_action",
    "A": "ref=order_reference_number side=buy_sell_indicator shares=shares stock=stock px=price",
    "F": "ref=order_reference_number side=buy_sell_indicator shares=shares stock=stock px=price "
         "mpid=attribution",
    "E": "ref=order_reference_number shares=executed_shares match=match_number",
    "C": "ref=order_reference_number shares=executed_shares match=match_number printable=printable "
         "px=execution_price",
    "X": "ref=order_reference_number shares=cancelled_shares",
    "D": "ref=order_reference_number",
    "U": "ref=order_reference_number new_ref=new_order_reference_number shares=shares px=price",
    "P": "ref=order_reference_number side=buy_sell_indicator shares=shares stock=stock px=price "
         "match=match_number",
    "Q": "shares=shares stock=stock px=cross_price match=match_number cross=cross_type",
    "B": "match=match_number",
    "I": "paired=paired_shares imbalance=imbalance_shares direction=imbalance_direction stock=stock "
         "far_px=far_price near_px=near_price ref_px=current_reference_price cross=cross_type "
         "variation=variation_indicator",
    "N": "stock=stock interest=interest_flag",
    "O": "stock=stock status=open_eligibility_status min_px=minimum_allowable_price "
         "max_px=maximum_allowable_price near_px=near_execution_price near_ts=near_execution_time "
         "lower_px=lower_price_range_collar upper_px=upper_price_range_collar",
}
COMMON = "locate=stock_locate tracking=tracking_number ts_ns=timestamp"


def skip(reason):
    print("SKIP:", reason)
    sys.exit(SKIP)


def enter_venv(venv):
    """Runs this script again inside the environment, made and filled when it is not there yet."""
    python = os.path.join(venv, "bin", "python3")
    if not os.path.exists(python):
        made = subprocess.run([sys.executable, "-m", "venv", venv], capture_output=True, text=True)
        if made.returncode != 0:
            skip("no virtual environment: " + (made.stdout + made.stderr).strip()[-200:])
    have = subprocess.run([python, "-c", "import itch"], capture_output=True)
    if have.returncode != 0:
        got = subprocess.run([python, "-m", "pip", "install", "-q", "--timeout", "20", "--retries", "1",
                              PACKAGE], capture_output=True, text=True)
        if got.returncode != 0:
            skip(PACKAGE + " cannot be had: " + got.stderr.strip()[-200:])
    os.environ["ITCH_NO_CPP"] = "1"
    os.execv(python, [python, __file__] + sys.argv[1:] + ["--inside"])


def frames(data):
    at = 0
    while at + 2 <= len(data):
        (sz,) = struct.unpack_from(">H", data, at)
        if at + 2 + sz > len(data):
            return
        yield data[at + 2:at + 2 + sz]
        at += 2 + sz


def compare(name, data, dump, messages, seen):
    out = subprocess.run([dump, "itch"], input=data, capture_output=True, check=True).stdout
    lines = [l for l in out.decode().splitlines() if l != "cut"]
    raw = list(frames(data))
    if len(lines) != len(raw):
        sys.exit(f"{name}: {len(raw)} messages, we decoded {len(lines)}")
    for i, (line, msg) in enumerate(zip(lines, raw)):
        kind = chr(msg[0])
        ours = dict(w.split("=") for w in line.split()[1:])
        theirs = messages[msg[:1]](msg)
        pairs = dict(w.split("=") for w in (COMMON + " " + FIELDS[kind]).split())
        if line[0] != kind or set(ours) != set(pairs):
            sys.exit(f"{name} message {i}: fields differ: {line}")
        for mine, other in pairs.items():
            value = getattr(theirs, other)
            text = value.hex() if isinstance(value, bytes) else str(value)
            if ours[mine] != text:
                sys.exit(f"{name} message {i} type {kind} {mine}: ours {ours[mine]}, theirs {text}")
        seen[name][kind] += 1


def main():
    dump, shared, venv = sys.argv[1:4]
    if "--inside" not in sys.argv:
        enter_venv(venv)
    import itch.messages
    seen = collections.defaultdict(collections.Counter)
    synth = subprocess.run([dump, "synth", "5", "20"], capture_output=True, check=True).stdout
    compare("synthetic", synth, dump, itch.messages.messages, seen)
    missing = set(FIELDS) - set(seen["synthetic"])
    if missing:
        sys.exit(f"types without a message: {missing}")
    base = os.path.join(shared, "data")
    recorded = {
        "open": "nasdaq-itch50-20191230-0930/12302019_SNIPPET.NASDAQ_ITCH50",
        "aapl": "nasdaq-itch50-aapl-20191230-0935-20k-derived/aapl_20191230_0935_first20000.itch50.xz",
        "day start": "nasdaq-itch50-daystart-35k/nasdaq_itch50_first1MiB.bin.xz",
    }
    for name, path in recorded.items():
        path = os.path.join(base, path)
        if not os.path.isdir(os.path.dirname(path)):
            print("SKIP: no", path)
            continue
        data = (lzma.open if path.endswith(".xz") else open)(path, "rb").read()
        compare(name, data, dump, itch.messages.messages, seen)
    for name, counts in seen.items():
        print(f"{name}: {sum(counts.values())} messages equal in every field:",
              " ".join(f"{k} {n}" for k, n in sorted(counts.items())))


main()
