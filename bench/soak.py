"""`make soak`: long runs on loopback that would take CI too long; writes its numbers into docs/reliability.md.

Kills: lives of a cluster, one after the other in each of two clusters. A life goes through every command, and each is
killed, run again at once, and compared whole with the undisturbed one: first some by the clock, from outside, wherever
they are then; after that at each mutating call, until every call had its kill right before and right after it, and
helm's every moment; or until the time is over.

Exit code 0 when every case converged, 1 otherwise.
"""

from __future__ import annotations

import argparse
import os
import random
import re
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import likeness  # noqa: E402
import snapshot  # noqa: E402
from abroad import Abroad  # noqa: E402
from acksm.ack import charts  # noqa: E402
from acksm.sandbox import api  # noqa: E402
from killer import AFTER, BEFORE, OF_HELM, Forks  # noqa: E402
from kills import Kills  # noqa: E402
from world import NAME, World  # noqa: E402

PAGE = ROOT / "docs" / "reliability.md"
WORKERS = 2


@dataclass(frozen=True)
class Case:
    """Where a command is to die: at its `at`-th mutating call, and when."""

    command: str
    at: int
    moment: str
    what: str


@dataclass(frozen=True)
class Instant:
    """When any command is to die: after this share of an undisturbed run's length, alone or with its helms."""

    share: float
    whole: bool


@dataclass
class Soak:
    """What is to be done and what was done, shared by the workers."""

    until: float
    dice: random.Random
    instants: list[Instant] = field(default_factory=list)
    hit: list[tuple[str, Instant, str]] = field(default_factory=list)  # command, when, and the call it had come to
    open: dict[str, list[Case]] = field(default_factory=dict)
    all: dict[str, int] = field(default_factory=dict)
    calls: dict[str, int] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    kills: int = 0
    converged: int = 0
    failures: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def expect(self, command: str, calls: list[str]) -> None:
        """The cases of a command, from the calls of an undisturbed run; the first worker's count."""
        with self.lock:
            if command in self.open:
                return
            cases = [
                Case(command, number, moment, call)
                for number, call in enumerate(calls, 1)
                for moment in (BEFORE, *(OF_HELM if call.startswith("helm ") else ()), AFTER)
            ]
            self.dice.shuffle(cases)
            cases.sort(key=lambda case: "customresourcedefinitions" not in case.what)  # many and alike: taken last
            self.open[command], self.all[command], self.calls[command] = cases, len(cases), len(calls)
            self.done[command] = 0

    def draw(self, count: int) -> None:
        """`count` kills by the clock."""
        self.instants = [Instant(self.dice.random(), self.dice.random() < 0.5) for _ in range(count)]

    def next(self, command: str) -> Instant | Case | None:
        with self.lock:
            if self.instants:
                return self.instants.pop()
            return self.open[command].pop() if self.open[command] and time.monotonic() < self.until else None

    def over(self) -> bool:
        return not self.instants and (time.monotonic() > self.until or not any(self.open.values()))

    def tell(self, text: str) -> None:
        with self.lock:
            sys.stderr.write(text + "\n")


def live(soak: Soak, kills: Kills) -> None:
    """One worker: an undisturbed life first, then killed ones."""
    name = kills.world.cluster
    try:
        desired: dict[str, snapshot.Snapshot] = {}
        seconds: dict[str, float] = {}
        for command, argv in kills.commands(*charts.SERVICES).items():
            kills.prepare(command)
            began = time.monotonic()
            soak.expect(command, kills.ok(*argv).calls)
            seconds[command] = time.monotonic() - began
            desired[command] = kills.seen()
            soak.tell(f"{name}: uninterrupted {command}: {seconds[command]:.1f} s")
        while not soak.over():
            kills.anew()
            for command, argv in kills.commands(*charts.SERVICES).items():
                if soak.over() or not _one(soak, kills, command, argv, desired[command], seconds):
                    break
    finally:
        with soak.lock:
            soak.kills += kills.kills
            soak.converged += kills.converged
        kills.forks.close()


def begun(name: str, home: Path) -> Kills:
    """A cluster and two accounts of this name."""
    world, location = World.start(name), home / name
    world.reset()
    location.mkdir()
    return Kills(Abroad.open(world), Forks(location / "forks"), location)


def _one(
    soak: Soak, kills: Kills, command: str, argv: tuple[str, ...], desired: snapshot.Snapshot, seconds: dict[str, float]
) -> bool:
    """One command of a life, killed where a case is left; `seconds` are the undisturbed runs' lengths. False: this life
    is of no more use."""
    case, name, last, began = soak.next(command), kills.world.cluster, "", time.monotonic()
    try:
        kills.prepare(command)
        if case is None:
            kills.ok(*argv)
        elif isinstance(case, Instant):
            ended = kills.by_clock(*argv, after=max(0.01, case.share * seconds[command]), whole=case.whole)
            last = (ended.calls or ["none"])[-1] if ended.killed else ""
            if not ended.killed:  # the first run has what later ones find in caches
                seconds[command] = min(seconds[command], time.monotonic() - began)
        else:
            kills.case(*argv, at=case.at, moment=case.moment)
        differing = likeness.difference(desired, kills.seen())
        assert not differing, "\n".join(differing)
    except AssertionError as failure:
        with soak.lock:
            soak.failures.append(f"{case or command}: {failure}")
        soak.tell(f"{name}: FAILED {case or command}\n{failure}")
        return False
    if isinstance(case, Instant):
        with soak.lock:
            if last:
                soak.hit.append((command, case, last))
            else:  # it was faster than the undisturbed one
                soak.instants.append(Instant(soak.dice.random(), case.whole))
        soak.tell(f"{name}: {command} killed at {case.share:.2f} of its time ({last or 'it had ended before'})")
    elif case:
        with soak.lock:
            soak.done[command] += 1
        soak.tell(f"{name}: {command} killed {case.moment} call {case.at} ({case.what})")
    return True


def by_clock(soak: Soak, seed: int) -> str:
    """The section of the kills by the clock."""
    alone = sum(not instant.whole for _, instant, _ in soak.hit)
    rows = [
        f"| {command} | {instant.share:.2f} | acksm{' and its helms' if instant.whole else ''} | `{_short(call)}` |"
        for command, instant, call in sorted(soak.hit, key=lambda row: (row[0], row[1].share))
    ]
    return "\n".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d}, seed {seed}, both services, {os.cpu_count()} processors: {len(soak.hit)} "
            f"kills ({alone} of acksm alone), each followed at once by the same command, which ended as the "
            f"uninterrupted one; {len(soak.failures)} did not.",
            "",
            "| Command | killed after (share of an uninterrupted run) | killed | last change before |",
            "|---|---|---|---|",
            *rows,
        ]
    )


def _short(call: str) -> str:
    """A call without the names of this run's cluster and namespace."""
    return re.sub(r"/namespaces/[^/]+", "/namespaces/NS", call)[:90]


def numbers(soak: Soak, seconds: float, seed: int) -> str:
    """The section of the kills at each call."""
    rows = [
        f"| {command} | {soak.calls[command]} | {soak.all[command]} | {soak.done[command]} |" for command in soak.calls
    ]
    total = sum(soak.all.values()), sum(soak.done.values())
    return "\n".join(
        [
            f"{datetime.now(UTC):%Y-%m-%d}, {seconds / 60:.0f} minutes, seed {seed}, both services, "
            f"{os.cpu_count()} processors:",
            "",
            "| Command | mutating calls | cases | cases run, all ended as the uninterrupted one |",
            "|---|---|---|---|",
            *rows,
            f"| all | {sum(soak.calls.values())} | {total[0]} | {total[1]} |",
            "",
            f"{soak.kills} kills, those by the clock included, each followed at once by the same command: "
            f"{soak.converged} convergences, {len(soak.failures)} failures.",
        ]
    )


def written(page: str, section: str, body: str) -> str:
    """`page` with `body` between the marks of `section`."""
    marks = f"<!-- make soak: {section} -->", f"<!-- end: {section} -->"
    found = re.compile(f"{re.escape(marks[0])}.*?{re.escape(marks[1])}", re.DOTALL)
    assert found.search(page), f"no section {section}"
    return found.sub(lambda _: f"{marks[0]}\n{body}\n{marks[1]}", page)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1800.0, help="no kill at a call begins later than this")
    parser.add_argument("--seed", type=int, default=int(time.time()), help="the order of the cases")
    parser.add_argument("--by-clock", type=int, default=20, help="so many kills at instants chosen by the seed, first")
    options = parser.parse_args()
    for name in [name for name in os.environ if name.startswith(("AWS_", "ACKSM_", "HELM_")) or name == "KUBECONFIG"]:
        del os.environ[name]
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="acksm-soak-", ignore_cleanup_errors=True) as home:
        os.environ |= {
            "ACKSM_SANDBOX_DIR": f"{home}/sandbox",
            "XDG_STATE_HOME": f"{home}/state",
            "COLUMNS": "100",
            "NO_COLOR": "1",
        }
        soak = Soak(began + options.seconds, random.Random(options.seed))
        soak.draw(options.by_clock)
        try:
            api.up(api.Options(name=NAME, clusters=()))
            worlds = [begun(f"soak-{number}", Path(home)) for number in range(WORKERS)]
            with ThreadPoolExecutor(WORKERS) as pool:
                for work in [pool.submit(live, soak, world) for world in worlds]:
                    work.result()
        finally:
            api.down(NAME)
    page = PAGE.read_text()
    if soak.hit:
        page = written(page, "by the clock", by_clock(soak, options.seed))
    if any(soak.done.values()):
        page = written(page, "kills", numbers(soak, time.monotonic() - began, options.seed))
    PAGE.write_text(page)
    sys.stdout.write(f"{soak.kills} kills, {soak.converged} convergences, {len(soak.failures)} failures\n")
    return 1 if soak.failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
