"""docs/benchmarks.md out of what was measured. Pure: the same measurements give the same bytes."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.ui import Ui
from counts import Counts
from measure import Measured

# GROUP/VERSION/[namespaces/NAMESPACE/]KIND/NAME; discovery has no kind
_OBJECT = re.compile(r"^(\w+ (?:/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/[^/]+)?/[^/]+)/[^/]+$")
COLD, SECOND, REQUESTS, HELP = 0.40, 0.20, 0.50, 0.25


@dataclass(frozen=True)
class Series:
    """One way of doing it: its timed rounds, a run whose memory was sampled, and the requests of each round."""

    rounds: Sequence[Measured]
    memory: Measured
    requests: Sequence[Counts]

    @property
    def wall(self) -> float:
        return median(run.wall for run in self.rounds)

    @property
    def cpu(self) -> float:
        return median(run.cpu for run in self.rounds)

    @property
    def largest(self) -> float:
        return median(run.largest for run in self.rounds)

    def count(self, of: Callable[[Counts], int]) -> float:
        return median(of(counts) for counts in self.requests)


@dataclass(frozen=True)
class Results:
    """Everything that the page says. `help` are wall times in seconds, `help_imports` what must not be imported."""

    guide: Series
    cold: Series
    second: Series
    help: Sequence[float]
    help_imports: Sequence[str]
    machine: Mapping[str, str]
    date: str


@dataclass(frozen=True)
class Target:
    """A target of issue 4, what was measured, and whether it is met."""

    what: str
    desired: str
    measured: str
    met: bool


def targets(results: Results) -> list[Target]:
    """All targets. `make bench` fails when one is missed."""
    guide, cold, second = results.guide, results.cold, results.second
    cold_ratio, second_ratio = cold.wall / guide.wall, second.wall / guide.wall
    requests = cold.count(_all) / guide.count(_all)
    return [
        Target("acksm, first run / guide", f"≤ {COLD:.2f}", f"{cold_ratio:.2f}", cold_ratio <= COLD),
        Target("acksm, second run / guide's first", f"≤ {SECOND:.2f}", f"{second_ratio:.2f}", second_ratio <= SECOND),
        Target(
            "requests (AWS and Kubernetes), first run / guide",
            f"≤ {REQUESTS:.2f}",
            f"{requests:.2f}",
            requests <= REQUESTS,
        ),
        Target("`acksm --help`", f"< {HELP:.2f} s", f"{median(results.help):.2f} s", median(results.help) < HELP),
        Target(
            "`acksm --help` imports neither boto3 nor kubernetes",
            "none",
            ", ".join(results.help_imports) or "none",
            not results.help_imports,
        ),
    ]


def _all(counts: Counts) -> int:
    return counts.total


def _aws(counts: Counts) -> int:
    return counts.aws.total()


def _kube(counts: Counts) -> int:
    return counts.kube.total()


def _helm(counts: Counts) -> int:
    return counts.helm


def _crds(counts: Counts) -> int:
    return sum(number for request, number in counts.kube.items() if "/customresourcedefinitions/" in request)


def page(results: Results) -> str:
    """The Markdown of docs/benchmarks.md."""
    columns = (results.guide, results.cold, results.second)
    rounds = len(results.guide.rounds)

    def row(what: str, value: Callable[[Series], str]) -> list[str]:
        return [what, *(value(series) for series in columns)]

    measured = [
        row("wall time, median", lambda s: f"{s.wall:.2f} s"),
        row("wall time, each round", lambda s: ", ".join(f"{run.wall:.2f}" for run in s.rounds)),
        row("CPU time, median", lambda s: f"{s.cpu:.2f} s"),
        row("AWS requests", lambda s: f"{s.count(_aws):.0f}"),
        row("Kubernetes requests", lambda s: f"{s.count(_kube):.0f}"),
        row("of these: helm's own", lambda s: f"{s.count(_helm):.0f}"),
        row("of these: CRDs, one by one", lambda s: f"{s.count(_crds):.0f}"),
        row("peak memory, largest process", lambda s: mib(s.largest)),
        row("peak memory, all processes at once", lambda s: mib(s.memory.tree)),
    ]
    judged = [[t.what, t.desired, t.measured, "yes" if t.met else "**no**"] for t in targets(results)]
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`; do not edit. The manual guide as a shell script (`bench/guide.sh`: aws, "
            "kubectl, helm, yq) compared with `acksm install`, both controllers in cluster scope, on the sandbox.",
            "",
            *table(["target", "required", "measured", "met"], judged),
            "",
            f"Medians of {rounds} rounds, alternating:",
            "",
            *table(["", "guide", "acksm, first run", "acksm, second run"], measured),
            "",
            f"`acksm --help`: median of {len(results.help)} runs {median(results.help):.3f} s.",
            "",
            "## Machine",
            "",
            *table(["", ""], [[key, value] for key, value in {"date": results.date, **results.machine}.items()]),
            "",
            "## How it is measured",
            "",
            *_METHOD,
            "",
            "## Requests of the first run",
            "",
            *_requests(results.guide.requests[-1], results.cold.requests[-1]),
            "",
        ]
    )


_METHOD = (
    "- The same clean state for every run: a new cluster in a new account of one sandbox, and an empty HOME, so no "
    "chart cache, no helm cache, no discovery cache of kubectl. Nothing can be left from an earlier run, "
    "and nothing has to be deleted during a measurement. A run starts when the new control plane is idle. "
    "acksm's second run follows its first, in the state that the first left.",
    "- The order of the two changes from round to round.",
    "- Both use the sandbox's own kubeconfig and the same helm; kubectl and helm get their token from `acksm token`, "
    "which takes less time than `aws eks get-token`. eksctl's step is done with aws, which is faster. Both favour the "
    "guide. All tools run once before the first round.",
    "- acksm does more than the script: it verifies account and context, gives the autoscaling controller its policy "
    "and service-linked role, tags what it creates, checks permissions and owners before the first write, and checks "
    "the pods' identity after the last. A second run of the script fails at its first write.",
    "- Requests are counted from the sandbox's log of AWS requests, by the caller's key, and from the apiserver's "
    "audit log, by the caller's user, including kubectl's, helm's and aws's own.",
    "- helm's own requests, and one for each CRD because the apiserver has no bulk request, are already more than "
    "half of the guide's; the rest are acksm's.",
    "- Memory: the largest process as the kernel recorded it, and the sum of resident sizes over the whole process "
    "tree, sampled every 10 ms in a separate run that is not timed. Shared pages count in each process.",
)


def _requests(guide: Counts, acksm: Counts) -> list[str]:
    rows = []
    for side in ("aws", "kube"):
        one, other = shortened(getattr(guide, side)), shortened(getattr(acksm, side))
        rows += [[f"`{what}`", str(one[what] or ""), str(other[what] or "")] for what in sorted({*one, *other})]
    return table(["request", "guide", "acksm"], rows)


def shortened(found: Counter[str]) -> Counter[str]:
    """Requests for single objects put together: the object's name at the end of a path becomes `{name}`."""
    short: Counter[str] = Counter()
    for what, count in found.items():
        short[_OBJECT.sub(r"\1/{name}", what)] += count
    return short


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    lines = [head, ["---"] * len(head), *rows]
    return ["| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines]


# Sections of the page that other benchmarks write.
OTHERS = ("Adoption of many", "Fleets")


def put_section(page: Path, title: str, section: str) -> None:
    """Write a section into the page, which may not exist yet."""
    old = page.read_text("utf-8") if page.exists() else ""
    page.write_text(with_section(old, title, section), "utf-8")


def judge(found: Sequence[Target], ui: Ui) -> int:
    """Show each target with what was measured; the exit code."""
    for target in found:
        kind = Kind.DONE if target.met else Kind.FAILED
        ui.emit(Event(kind, "bench.target", f"{target.what}: {target.measured} (required {target.desired})"))
    return 0 if all(target.met for target in found) else int(ExitCode.CHECK_FAILED)


def with_section(page: str, title: str, section: str) -> str:
    """The page with this section in the place of the one with its title, or at the end; `section` "" takes it away."""
    before, mark, rest = f"\n{page}".partition(f"\n## {title}\n")
    after = rest.partition("\n## ")
    tail = f"## {after[2]}" if mark and after[1] else ""
    parts = [before.strip("\n"), section.strip("\n"), tail.strip("\n")]
    return "\n\n".join(part for part in parts if part) + "\n"


def section_of(page: str, title: str) -> str:
    """A section of the page with its head, "" when there is none."""
    _, mark, rest = f"\n{page}".partition(f"\n## {title}\n")
    return f"## {title}\n{rest.partition(chr(10) + '## ')[0]}" if mark else ""


def mib(size: float) -> str:
    return f"{size / 1024**2:.0f} MiB"
