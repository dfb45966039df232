"""A command on one cluster: two calls, of which each is made once however often the command runs, under a lock as
the Lease. What is to be killed is in a file: CLUSTER CALL child|supervisor|both, one a line.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path

HOME, SUPERVISOR = Path(os.environ["FLEET_WORLD"]), int(os.environ["FLEET_SUPERVISOR"])


def main() -> None:
    words = sys.argv[1:]
    cluster = json.loads(Path(words[words.index("--file") + 1]).read_text())["cluster"]
    with (HOME / f"{cluster}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made = HOME / cluster
        done = made.read_text().split() if made.exists() else []
        sys.stderr.write(f"{words[0]}: {len(done)} of 2 calls are made\n")
        if words[0] == "status":
            kill(cluster, "status")
            moment = datetime.fromtimestamp(made.stat().st_mtime, UTC).isoformat()
            json.dump({"controllers": [{"updated": moment, "problems": []}]}, sys.stdout)
            return
        changes = []
        for call in ("role", "release"):
            if call not in done:
                kill(cluster, call)
                with made.open("a") as stream, (HOME / "log").open("a") as log:
                    stream.write(f"{call}\n")
                    log.write(f"{cluster} {call}\n")
                changes.append({"id": call})
        kill(cluster, "report")
        json.dump({"changes": changes, "dry_run": False}, sys.stdout)


def kill(cluster: str, call: str) -> None:
    """Kill this process, the supervisor or both, if it is the turn of this call; each once."""
    first, *rest = (HOME / "kills").read_text().splitlines() or [""]
    if first.split()[:2] != [cluster, call] or not lives(SUPERVISOR):
        return
    (HOME / "kills").write_text("\n".join(rest))
    if not first.endswith("child"):
        os.kill(SUPERVISOR, signal.SIGKILL)
        while lives(SUPERVISOR):
            pass
    if not first.endswith("supervisor"):
        os.kill(os.getpid(), signal.SIGKILL)


def lives(pid: int) -> bool:
    """Whether there is this process, and nobody has yet to take note of its end."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


main()
