"""A command on one cluster that logs its beginning and its end, and between them waits for what has to be logged by
others: a line "ACCOUNT WHOSE began|ended NUMBER" for each thing that those of an account wait for.
"""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

LOG = Path(os.environ["FLEET_LOG"])
PATIENCE = 60.0


def tell(account: str, what: str) -> None:
    with LOG.open("a") as stream:  # a short line is appended whole
        stream.write(f"{account} {what}\n")


def main() -> None:
    words = sys.argv[1:]
    account = json.loads(Path(words[words.index("--file") + 1]).read_text())["account"]
    tell(account, "began")
    awaited = [line.split() for line in LOG.with_suffix(".awaited").read_text().splitlines()]
    limit = time.monotonic() + PATIENCE
    for _, whose, what, number in (line for line in awaited if line[0] == account):
        while LOG.read_text().split("\n").count(f"{whose} {what}") < int(number):
            if time.monotonic() > limit:
                sys.exit(f"no {number} of {whose} {what}")
            time.sleep(0.02)
    tell(account, "ended")
    json.dump({"changes": [], "dry_run": False}, sys.stdout)


main()
