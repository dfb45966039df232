"""A first install of one cluster that only waits: for AWS's answers, for the rate at which IAM lets the calls of an
account through, and for the controller. What it waited is in BENCH_LOG, a line "ID BEGAN ENDED" in seconds for each.
"""

import fcntl
import json
import os
import sys
import time
from pathlib import Path

BEGAN = time.time()
WAITS = json.loads(os.environ["BENCH_WAITS"])


def pass_bucket(account: str, kind: str) -> None:
    """Wait until the account may make another call of the kind; the turns of those that wait are in a file."""
    with Path(os.environ["BENCH_LOG"]).with_name(f"{account}-{kind}").open("a+") as bucket:
        fcntl.flock(bucket, fcntl.LOCK_EX)
        bucket.seek(0)
        turn = max(time.time(), float(bucket.read() or 0))
        bucket.truncate(0)
        bucket.write(str(turn + 1 / WAITS["rate"]))
    time.sleep(max(0.0, turn - time.time()))


def main() -> None:
    words = sys.argv[1:]
    settings = json.loads(Path(words[words.index("--file") + 1]).read_text())
    account = settings["account"]
    for kind in WAITS["kinds"]:
        pass_bucket(account, kind)
        time.sleep(WAITS["answer"])
    time.sleep(WAITS["controller"])
    with Path(os.environ["BENCH_LOG"]).open("a") as log:  # a short line is appended whole
        log.write(f"{account}/{settings['region']}/{settings['cluster']} {BEGAN} {time.time()}\n")
    json.dump({"changes": [{"id": "release"}], "dry_run": False}, sys.stdout)


main()
