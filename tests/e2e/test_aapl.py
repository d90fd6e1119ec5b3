#!/usr/bin/env python3
"""The recorded AAPL session through the whole appliance: what an independent decoder counted, and
orders that trade, agree with the venue and replay."""
import os

from lib import AAPL, AAPL_FILE, ROOT, check, load, need, run_demo, violations

need(AAPL_FILE)
want = load(os.path.join(AAPL, "expected.json"))
s, status = run_demo(session=AAPL_FILE, pace="max")
check(status == 0 and s is not None, "the demo ends with status 0")
m = s["market_data"]
check(m["messages"]["by_type"] == want["by_type"], f"messages by type: {want['by_type']}")
unknown = {k: v for k, v in m["unknown_references"].items() if k != "total"}
check(unknown == want["unknown_ref"], f"unknown references: {want['unknown_ref']}")
check(m["open_orders"] == want["open_orders"], f"open orders: {want['open_orders']}")
book = s["books"]["AAPL"]
for side, key in (("bids", "bid_top5"), ("asks", "ask_top5")):
    levels = [[f"{px // 10000}.{px % 10000:04d}", str(qty)] for px, qty in want[key]]
    check(book[side] == levels, f"final top five {side}: {levels}")
check((book["bid_levels"], book["ask_levels"]) == (want["bid_levels"], want["ask_levels"]), "levels on each side")
check(s["orders"]["fills"] > 0 and s["orders"]["sent"] > 0, "at least one strategy traded")
check(s["venue_match"], "venue and appliance agree")
check(s["replay_identical"] and s["replay"]["decisions"] > 100, "replay identical")

schema = load(os.path.join(ROOT, "docs", "summary.schema.json"))
wrong = violations(s, schema)
check(not wrong, f"the summary is as docs/summary.schema.json says {wrong[:5]}")
missing = sorted(k for k in s if k not in schema["properties"])
check(not missing, f"and the schema knows each of its keys {missing}")
short = {**s, "orders": {k: v for k, v in s["orders"].items() if k != "acked"}, "venue_match": 1}
check(violations(short, schema) == ["$.orders: no acked", "$.venue_match: 1 is no boolean"], "a wrong summary is found")
