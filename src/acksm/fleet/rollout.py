"""Waves: which clusters may be started now, and when to stop. Pure; `run` is the loop that starts them.

A failure is a cluster whose command did not end well. When a wave has more of them than it may, nothing further is
started: what is running ends by itself, and the rest is reported as not started.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import field

from acksm.dataclass import dataclass
from acksm.exits import ExitCode
from acksm.fleet.file import Failures, Member, Wave, wave_of
from acksm.words import counted

FINE = frozenset({ExitCode.OK, ExitCode.CHANGES_PENDING})
# The worst first: a defect says the least about the cluster, pending changes are no failure at all.
ORDER = (
    ExitCode.DEFECT,
    ExitCode.USAGE,
    ExitCode.INTERRUPTED,
    ExitCode.STEP_FAILED,
    ExitCode.TIMED_OUT,
    ExitCode.REFUSED,
    ExitCode.CHECK_FAILED,
    ExitCode.INCOMPLETE,
    ExitCode.CHANGES_PENDING,
    ExitCode.OK,
)


def worst(codes: Collection[int]) -> int:
    """The exit code of the whole, by a fixed order; 0 for none. A code that acksm does not have is a defect."""
    known = [code if code in ORDER else ExitCode.DEFECT for code in codes]
    return int(min(known, key=lambda code: ORDER.index(ExitCode(code)), default=ExitCode.OK))


def allowed(failures: Failures, size: int) -> int:
    """How many clusters of a wave may fail: a percentage is rounded down."""
    return failures if isinstance(failures, int) else size * int(failures.rstrip("%")) // 100


@dataclass(frozen=True)
class Step:
    """A wave and its clusters, in the order in which they are started."""

    wave: Wave
    members: tuple[Member, ...]

    def stopped(self, codes: Mapping[str, int]) -> str:
        """Why nothing further is started, "" where it may be; `codes` are exit codes by id."""
        failed = [one.id for one in self.members if codes.get(one.id, ExitCode.OK) not in FINE]
        most = allowed(self.wave.max_failures, len(self.members))
        if len(failed) <= most:
            return ""
        return f"wave {self.wave.name}: {counted(len(failed), 'cluster')} failed, and {most} may"

    def startable(self, waiting: Iterable[Member], running: Collection[Member], writers: int) -> list[Member]:
        """Those of `waiting` to start now: at most as many at a time as the wave allows, and `writers` of one
        account."""
        busy = Counter(one.account for one in running)
        found: list[Member] = []
        for one in waiting:
            if len(running) + len(found) >= self.wave.concurrency:
                break
            if busy[one.account] < writers:
                busy[one.account] += 1
                found.append(one)
        return found


def steps(waves: Sequence[Wave], members: Sequence[Member]) -> list[Step]:
    """The members by wave, waves without one left out. Within a wave accounts take turns, so that none holds it up."""
    found: dict[str, list[Member]] = {}
    by_name: dict[str, Wave] = {}
    for one in members:
        wave = wave_of(waves, one)
        if wave is not None:
            by_name[wave.name] = wave
            found.setdefault(wave.name, []).append(one)
    order = [wave.name for wave in waves] or list(by_name)
    return [Step(by_name[name], tuple(_turns(found[name]))) for name in order if name in found]


def _turns(members: Sequence[Member]) -> list[Member]:
    place: Counter[str] = Counter()
    ranked = []
    for one in sorted(members, key=lambda one: one.id):
        ranked.append((place[one.account], one.id, one))
        place[one.account] += 1
    return [one for _, _, one in sorted(ranked, key=lambda item: item[:2])]


@dataclass
class Outcome:
    """Exit codes by cluster id of what ran, and why the rest did not."""

    codes: dict[str, int] = field(default_factory=dict)
    stopped: str = ""


Work = Callable[[Member], int]
After = Callable[[Step, Outcome], None]


def run(rollout: Sequence[Step], writers: int, work: Work, after: After, *, interrupted: Callable[[], bool]) -> Outcome:
    """Start each cluster when it may be, wave after wave; `after` follows each wave that did not stop the rollout, and
    may add codes. `interrupted` is asked before each start."""
    outcome = Outcome()
    for step in rollout:
        _wave(step, writers, work, outcome, interrupted)
        outcome.stopped = _stopped(step, outcome, interrupted)
        if not outcome.stopped:
            after(step, outcome)
            outcome.stopped = _stopped(step, outcome, interrupted)
        if outcome.stopped:
            break
    return outcome


INTERRUPTED = "interrupted"


def _stopped(step: Step, outcome: Outcome, interrupted: Callable[[], bool]) -> str:
    return INTERRUPTED if interrupted() else step.stopped(outcome.codes)


def _wave(step: Step, writers: int, work: Work, outcome: Outcome, interrupted: Callable[[], bool]) -> None:
    waiting = {one.id: one for one in step.members if one.id not in outcome.codes}
    stopped = bool(step.stopped(outcome.codes))
    running: dict[Future[int], Member] = {}
    with ThreadPoolExecutor(max_workers=step.wave.concurrency) as pool:
        while True:
            if not stopped and not interrupted():
                for one in step.startable(waiting.values(), running.values(), writers):
                    running[pool.submit(work, waiting.pop(one.id))] = one
            if not running:
                return
            ended, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in ended:
                code = outcome.codes[running.pop(future).id] = future.result()
                stopped = stopped or (code not in FINE and bool(step.stopped(outcome.codes)))
