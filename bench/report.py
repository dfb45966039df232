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
from start import IMPORTS, Starts, judged

_IS_CRD = "/customresourcedefinitions/"
# GROUP/VERSION/[namespaces/NAMESPACE/]KIND/NAME; discovery has no kind
_OBJECT = re.compile(r"^(\w+ (?:/api/v1|/apis/[^/]+/[^/]+)(?:/namespaces/[^/]+)?/[^/]+)/[^/]+$")
COLD, SECOND = 0.30, 0.08  # of the guide's wall time, near
FAR_COLD, FAR_SECOND = 0.30, 0.10  # the same at a distance
SEQUENTIAL = 4  # round trips to AWS, one after another, of a second run
OVER_FLOOR = 1.15
# Measured on the same machine before there were these targets; the others were not measured.
BEFORE_DATE = "2026-11-25"
BEFORE = {
    "acksm, first run / guide": "0.32",
    "acksm, second run / guide": "0.11",
    f"CPU time of `acksm install --yes` with nothing to do / of `{IMPORTS}`": "3.4",
    "`acksm --help`": "0.119 s",
}


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
class Place:
    """Both ways, near or at a distance: `cold` is acksm's first run, `second` the one after it."""

    guide: Series
    cold: Series
    second: Series

    @property
    def columns(self) -> tuple[Series, Series, Series]:
        return self.guide, self.cold, self.second


@dataclass(frozen=True)
class Results:
    """Everything that the page says. `bare_helm`: requests of helm alone, where it installs both releases;
    `help_imports`: what must not be imported."""

    near: Place
    far: Place
    bare_helm: int
    starts: Starts
    help_imports: Sequence[str]
    machine: Mapping[str, str]
    date: str


@dataclass(frozen=True)
class Target:
    """A target, what was measured, and whether it is met."""

    what: str
    desired: str
    measured: str
    met: bool


def targets(results: Results) -> list[Target]:
    """All targets, which can be met. `make bench` fails when one is missed."""
    found = []
    for place, where, cold, second in (
        (results.near, "", COLD, SECOND),
        (results.far, ", at a distance", FAR_COLD, FAR_SECOND),
    ):
        for run, what, most in ((place.cold, "first run / guide", cold), (place.second, "second run / guide", second)):
            ratio = run.wall / place.guide.wall
            found.append(Target(f"acksm, {what}{where}", f"≤ {most:.2f}", f"{ratio:.2f}", ratio <= most))
    trips = results.far.second.count(_sequential_aws)
    what = "round trips to AWS one after another, second run"
    found.append(Target(what, f"≤ {SEQUENTIAL}", f"{trips:.0f}", trips <= SEQUENTIAL))
    ratio = results.near.cold.count(_all) / least(results).total()
    what = "requests (AWS and Kubernetes), first run / the fewest that do it"
    found.append(Target(what, f"≤ {OVER_FLOOR:.2f}", f"{ratio:.2f}", ratio <= OVER_FLOOR))
    found += [Target(*row) for row in judged(results.starts)]
    imported = ", ".join(results.help_imports) or "none"
    what = "`acksm --help` imports neither boto3 nor kubernetes"
    found.append(Target(what, "none", imported, not results.help_imports))
    return found


# The fewest requests of acksm itself, apart from helm's and the CRDs: what is made, and what tells that it has to be
# made, or that it was.
_LEAST_AWS = {
    "who the caller is, and the cluster: GetCallerIdentity, DescribeCluster": 2,
    "OIDC provider: read, created": 2,
    "role: read, created, its managed policy attached, its inline policy written, and that it is visible": 5,
    "service-linked role: read, created": 2,
}
_LEAST_KUBE = {
    "namespaces listed, one created": 2,
    "nodes listed": 1,
    "releases: helm's records listed": 1,
    "controllers: Deployments listed": 1,
    "CRDs listed, and watched until they are served": 2,
    "controllers watched until they are available, one watch for each": 2,
    "identity of the pods: service accounts and pods listed": 2,
    "the lock: created, released": 2,
}


def least(results: Results) -> Counter[str]:
    """The fewest requests with which a first install can be made and verified: what needs them, and how many."""
    names = {request.rpartition("/")[2] for request in results.near.cold.requests[-1].kube if _IS_CRD in request}
    own = {"helm alone, both releases (measured)": results.bare_helm, "CRDs: one for each": len(names)}
    return Counter({**own, **_LEAST_AWS, **_LEAST_KUBE})


def _all(counts: Counts) -> int:
    return counts.total


def _aws(counts: Counts) -> int:
    return counts.aws.total()


def _kube(counts: Counts) -> int:
    return counts.kube.total()


def _helm(counts: Counts) -> int:
    return counts.helm


def _crds(counts: Counts) -> int:
    return sum(number for request, number in counts.kube.items() if _IS_CRD in request)


def _sequential_aws(counts: Counts) -> int:
    return counts.to_aws.sequential if counts.to_aws else 0


def _sequential_kube(counts: Counts) -> int:
    return counts.to_kube.sequential if counts.to_kube else 0


def _connections_aws(counts: Counts) -> int:
    return counts.to_aws.connections if counts.to_aws else 0


def _connections_kube(counts: Counts) -> int:
    return counts.to_kube.connections if counts.to_kube else 0


def page(results: Results) -> str:
    """The Markdown of docs/benchmarks.md."""
    near, far = results.near, results.far

    def row(what: str, value: Callable[[Series], str], place: Place = near) -> list[str]:
        return [what, *(value(series) for series in place.columns)]

    def number(what: str, of: Callable[[Counts], int], place: Place = near) -> list[str]:
        return row(what, lambda series: f"{series.count(of):.0f}", place)

    def times(place: Place) -> list[list[str]]:
        return [
            row("wall time, median", lambda s: f"{s.wall:.2f} s", place),
            row("wall time, each round", lambda s: ", ".join(f"{run.wall:.2f}" for run in s.rounds), place),
            row("CPU time, median", lambda s: f"{s.cpu:.2f} s", place),
        ]

    head = ["", "guide", "acksm, first run", "acksm, second run"]
    here = [
        *times(near),
        number("AWS requests", _aws),
        number("Kubernetes requests", _kube),
        number("of these: helm's own", _helm),
        number("of these: CRDs, one by one", _crds),
        row("peak memory, largest process", lambda s: mib(s.largest)),
        row("peak memory, all processes at once", lambda s: mib(s.memory.tree)),
    ]
    there = [
        *times(far),
        number("AWS: round trips one after another", _sequential_aws, far),
        number("AWS: connections", _connections_aws, far),
        number("Kubernetes: round trips one after another", _sequential_kube, far),
        number("Kubernetes: connections", _connections_kube, far),
    ]
    shown = [
        [one.what, one.desired, BEFORE.get(one.what, "–"), one.measured, "yes" if one.met else "**no**"]
        for one in targets(results)
    ]
    floor = least(results)
    fewest = [*([what, str(count)] for what, count in floor.items()), ["together", str(floor.total())]]
    fewest.append(["acksm, first run", f"{near.cold.count(_all):.0f}"])
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "Written by `make bench`; do not edit. The manual guide as a shell script (`bench/guide.sh`: aws, "
            "kubectl, helm, yq) compared with `acksm install`, both controllers in cluster scope, on the sandbox.",
            "",
            *table(["target", "required", BEFORE_DATE, "measured", "met"], shown),
            "",
            f"Medians of {len(near.guide.rounds)} rounds, alternating:",
            "",
            *table(head, here),
            "",
            "## At a distance",
            "",
            "AWS 60 ms and the apiserver 30 ms away, for both; the registry is as near as before. Medians of "
            f"{len(far.guide.rounds)} rounds, alternating:",
            "",
            *table(head, there),
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
            "The fewest requests with which both controllers can be installed and their pods verified:",
            "",
            *table(["what for", "requests"], fewest),
            "",
            "acksm's others are checks before the first write: what the caller may do in AWS and in the cluster, other "
            "owners of what helm would create, EKS's own controllers and associations; and the marks on CRDs that "
            "other ACK charts have too.",
            "",
            *_requests(near.guide.requests[-1], near.cold.requests[-1]),
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
    "- The distance is a proxy on loopback before AWS's endpoint and one before the apiserver, for both tools instead "
    "of the real ones, EKS's description of the cluster included. They delay each direction by half of the round "
    "trip; "
    "what a client sends first leaves a round trip after it opened the connection, as a TCP handshake takes one, and "
    "the handshake of TLS is delayed as it passes. Bandwidth is not limited.",
    "- Round trips one after another: the longest chain of requests of which each began after the one before had ended "
    "(its first byte sent, its last received). Those to AWS by the proxy's clock, those to Kubernetes by the audit "
    "log's times with half of a round trip at both ends. What is sent concurrently counts once, and independent "
    "requests that happen to follow one another count too.",
    "- helm's requests are measured with `helm install` alone, by the options with which acksm starts it. The targets "
    "of an earlier time, half of the guide's requests, are below that: helm's own, and one for each CRD because the "
    "apiserver has no bulk request, are more. So the requests are compared with the fewest that do it.",
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
OTHERS = ("Adoption of many", "Fleets", "Scale")


def put_section(page: Path, title: str, section: str, pictures: Mapping[str, str] | None = None) -> None:
    """Write a section into the page, which may not exist yet, and its pictures, by their paths from the page."""
    old = page.read_text("utf-8") if page.exists() else ""
    page.write_text(with_section(old, title, section), "utf-8")
    for path, picture in (pictures or {}).items():
        place = page.parent / path
        place.parent.mkdir(exist_ok=True)
        place.write_text(picture, "utf-8")


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
