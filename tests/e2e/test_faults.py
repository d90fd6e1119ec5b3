#!/usr/bin/env python3
"""Bad lines: what can be recovered is, and books equal those of good lines; what cannot be is
declared, and nothing is ordered on it."""
from lib import AAPL_FILE, check, need, run_demo

need(AAPL_FILE)
good, status = run_demo(session=AAPL_FILE)
check(status == 0, "without faults the demo ends with status 0")
bad, status = run_demo(session=AAPL_FILE, faults="drop=0.01,dup=0.01,reorder=0.02,skew=5ms", seed=7)
check(status == 0, "with drop, dup, reorder and skew it ends with status 0")
check(bad["books"] == good["books"], "final books are equal to those without faults")
m = bad["market_data"]
check(m["gaps_detected"] > 0, f"gaps were found: {m['gaps_detected']}")
check(m["gaps_recovered"] + m["gaps_stale"] == m["gaps_detected"], "every gap was recovered or declared")
check(m["gaps_stale"] == 0 and m["messages_lost"] == 0, "none was lost: the rewind server has them all")
check(bad["replay_identical"] and bad["venue_match"], "replay identical, venue agrees")

# The same packets lost on both lines, and nobody to ask.
lost, status = run_demo(session=AAPL_FILE, faults="drop=0.002,same=on,rewind=off", seed=7)
m = lost["market_data"]
check(m["gaps_stale"] > 0 and m["messages_lost"] > 0, f"gaps declared stale: {m['gaps_stale']}, messages lost: {m['messages_lost']}")
check(lost["books"]["AAPL"]["stale"], "the book is marked stale")
check(lost["replay_identical"], "replay identical")
check(lost["orders_on_stale"] == 0, "no order was sent on the stale book")
check(lost["orders"]["refused_by_reason"].get("stale_data", 0) >= 0 and lost["orders"]["sent"] < good["orders"]["sent"],
      f"orders stopped: {lost['orders']['sent']} sent, {good['orders']['sent']} without loss")
