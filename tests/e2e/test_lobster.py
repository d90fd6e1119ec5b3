#!/usr/bin/env python3
"""The LOBSTER sample of AMZN through the whole feed path: file, venue, multicast, collector, lane,
journal.  After each of its 57,515 messages the appliance's best bid and offer equal the orderbook
file's wherever level-1 data determines them.

The journal of the demo is replayed by octopus-replay, which prints the best bid and offer after
every feed message.  Which feed message is row i's own is found here, by kind and reference; what is
determined is decided here, from the two files alone: a side whose best price row i does not empty.
A row is judged on the book right after its own message, before anything the venue adds to set the
book right where the files reveal an unseen level."""
import csv
import io
import lzma
import os
import shutil
import subprocess

import lib
from lib import SHARED, check, load, need

FOLDER = os.path.join(SHARED, "data", "lobster-amzn-20120621-L1")
BASE = "AMZN_2012-06-21_34200000_57600000_{}_1.csv.xz"
MESSAGES = os.path.join(FOLDER, BASE.format("message"))
BOOKS = os.path.join(FOLDER, BASE.format("orderbook"))
OWN = {1: ("add",), 2: ("reduce", "delete"), 3: ("delete", "reduce"), 4: ("exec",), 5: ("trade",)}

need(MESSAGES)
want = load(os.path.join(FOLDER, "expected.json"))


def rows(path):
    with lzma.open(path, "rt") as f:
        return [line.strip().split(",") for line in f]


def play():
    """./octopus demo on the file as it is; its summary, and the book after every feed message."""
    data = os.path.join(lib.ROOT, "data", f"demo-{os.getpid()}")
    try:
        summary, status = lib.run_demo(session=MESSAGES, keep=True)
        check(status == 0, "octopus demo --session on the .csv.xz as it is: exit status 0")
        journal = os.path.join(data, "journal")
        config = [f for f in os.listdir(journal) if f.startswith("config-")]
        p = subprocess.run([os.path.join(lib.BUILD, "tools", "replay", "octopus-replay"), "bbo", "--config",
                            os.path.join(journal, config[0]), "--symbol", "AMZN"],
                           capture_output=True, text=True, check=False, timeout=60)
        check(p.returncode == 0 and "identical" in p.stderr, f"octopus-replay bbo: {p.stderr.strip()}")
        return summary, list(csv.DictReader(io.StringIO(p.stdout)))
    finally:
        shutil.rmtree(data, ignore_errors=True)


def side_of(feed, side):
    return (feed[side], feed[side + "_qty"])


def shown(book, side):
    px, qty = (book[0], book[1]) if side == "ask" else (book[2], book[3])
    return (f"{int(px) / 10000:.4f}", qty)


def own_message(row, feed):
    kind, ref = int(row[1]), int(row[2])
    return feed["kind"] in OWN[kind] and (kind == 5 or int(feed["ref"]) == ref)


def own(messages, feed):
    """Each row's own message on the feed, in order."""
    at = 0
    for i, row in enumerate(messages):
        while at < len(feed) and not own_message(row, feed[at]):
            at += 1
        if at == len(feed):
            check(False, f"row {i + 1} {row} has its message on the feed")
        yield feed[at]
        at += 1


def emptied(row, before):
    """The side whose best price the row empties: what comes behind it level-1 data cannot know."""
    if int(row[1]) not in (2, 3, 4):
        return None
    side = "bid" if row[5] == "1" else "ask"
    return side if shown(before, side) == (f"{int(row[4]) / 10000:.4f}", row[3]) else None


def main():
    messages, books = rows(MESSAGES), rows(BOOKS)
    check(len(messages) == len(books) == want["rows"], f"{len(messages)} rows in both files")
    summary, feed = play()
    check(summary["venue_match"] and summary["replay_identical"], "venue and appliance agree, replay identical")
    check(summary["market_data"]["unknown_references"]["total"] == 0, "no unknown reference")
    determined = revealed = wrong = 0
    for i, after in enumerate(own(messages, feed)):
        if i == 0:
            continue
        hole = emptied(messages[i], books[i - 1])
        revealed += hole is not None
        determined += hole is None
        if all(side_of(after, side) == shown(books[i], side) for side in ("bid", "ask") if side != hole):
            continue
        wrong += 1
        if wrong <= 5:
            print(f"row {i + 1} {messages[i]}: {after}, the oracle has {books[i]}")
    check(determined == want["exactly_predicted_by_L1_rules"], f"{determined} rows are determined by level 1")
    check(revealed == want["new_best_revealed_from_deeper_level(consistent)"], f"{revealed} rows reveal an unseen level")
    check(wrong == want["mismatches"], f"{wrong} mismatches")


main()
