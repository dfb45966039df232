"""The page says what was measured, and a missed target is told as missed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

import report
import start
from counts import Counts, Trips
from measure import Measured
from report import Place, Results, Series
from start import Starts

MIB = 1024**2


def _series(*walls: float, aws: int = 4, kube: int = 6, far: bool = False, sequential: int = 4) -> Series:
    rounds = [Measured(wall, wall / 2, 50 * MIB, 0, 0, "") for wall in walls]
    path = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    requests = Counter({"get /api/v1/namespaces/a/pods/x": kube - 2, f"patch {path}/one": 1, f"patch {path}/two": 1})
    trips = (Trips(3, sequential), Trips(5, 7)) if far else (None, None)
    counts = Counts(Counter({"iam:GetRole": aws}), requests, 2, *trips)
    return Series(rounds, Measured(9.0, 9.0, 60 * MIB, 90 * MIB, 0, ""), [counts] * len(rounds))


def _starts(imports: float = 1.0, run: float = 2.0, waits: float = 0.1) -> Starts:
    cpu = {"imports": imports, **dict.fromkeys(start.WITHIN, run)}
    return Starts({name: [one] for name, one in cpu.items()}, {"help": [waits], "completion": [waits]})


NEAR = Place(_series(10.0, 30.0, 20.0, aws=8, kube=12), _series(7.0, 5.0, 6.0), _series(1.0, 1.6, 4.0, aws=1, kube=3))
FAR = Place(_series(40.0, far=True), _series(12.0, far=True), _series(4.0, far=True))
GOOD = Results(NEAR, FAR, 20, _starts(), [], {"CPU": "a | b"}, "2026-01-02")


def _missed(results: Results) -> list[str]:
    return [target.what for target in report.targets(results) if not target.met]


def test_ratios_are_of_medians_and_at_the_limit_is_met() -> None:
    measured = [target.measured for target in report.targets(GOOD)]
    assert measured[:5] == ["0.30", "0.08", "0.30", "0.10", "4"]
    assert _missed(GOOD) == []


def test_the_fewest_requests_are_helms_one_for_each_crd_and_what_makes_and_verifies_the_rest() -> None:
    fewest = report.least(GOOD)
    assert list(fewest.values())[:2] == [20, 2]
    assert fewest.total() == 22 + sum(report._LEAST_AWS.values()) + sum(report._LEAST_KUBE.values())


TOO_MANY = int(report.least(GOOD).total() * 1.15) + 1


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        (replace(GOOD, near=replace(NEAR, cold=_series(6.2))), "acksm, first run / guide"),
        (replace(GOOD, near=replace(NEAR, second=_series(1.8))), "acksm, second run / guide"),
        (replace(GOOD, far=replace(FAR, cold=_series(12.3, far=True))), "acksm, first run / guide, at a distance"),
        (replace(GOOD, far=replace(FAR, second=_series(4.3, far=True))), "acksm, second run / guide, at a distance"),
        (
            replace(GOOD, far=replace(FAR, second=_series(1.0, far=True, sequential=5))),
            "round trips to AWS one after another, second run",
        ),
        (
            replace(GOOD, near=replace(NEAR, cold=_series(1.0, aws=1, kube=TOO_MANY))),
            "requests (AWS and Kubernetes), first run / the fewest that do it",
        ),
        (replace(GOOD, starts=_starts(waits=0.16)), "`acksm --help`"),
        (replace(GOOD, help_imports=["boto3"]), "`acksm --help` imports neither boto3 nor kubernetes"),
    ],
)
def test_what_is_missed_is_told(changed: Results, missed: str) -> None:
    assert _missed(changed) == [missed]
    assert "**no**" in report.page(changed)


def test_page_has_every_number() -> None:
    page = report.page(GOOD)
    assert "| wall time, median | 20.00 s | 6.00 s | 1.60 s |" in page
    assert "| wall time, median | 40.00 s | 12.00 s | 4.00 s |" in page
    assert "| AWS requests | 8 | 4 | 1 |" in page
    assert "| Kubernetes requests | 12 | 6 | 3 |" in page
    assert "| of these: helm's own | 2 | 2 | 2 |" in page
    assert "| of these: CRDs, one by one | 2 | 2 | 2 |" in page
    assert "| AWS: round trips one after another | 4 | 4 | 4 |" in page
    assert "| AWS: connections | 3 | 3 | 3 |" in page
    assert "| Kubernetes: round trips one after another | 7 | 7 | 7 |" in page
    assert "| Kubernetes: connections | 5 | 5 | 5 |" in page
    assert "| helm alone, both releases (measured) | 20 |" in page
    assert f"| together | {report.least(GOOD).total()} |" in page
    assert "| acksm, first run | 10 |" in page
    assert "| peak memory, all processes at once | 90 MiB | 90 MiB | 90 MiB |" in page
    assert "| `get /api/v1/namespaces/a/pods/{name}` | 10 | 4 |" in page
    assert "| CPU | a \\| b |" in page
    assert "Medians of 3 rounds" in page
    assert "**no**" not in page


@pytest.mark.parametrize(
    ("request_", "short"),
    [
        ("get /api/v1/nodes/x", "get /api/v1/nodes/{name}"),
        ("get /apis/apps/v1/namespaces/a/deployments/x", "get /apis/apps/v1/namespaces/a/deployments/{name}"),
        ("get /apis/apiextensions.k8s.io/v1/customresourcedefinitions/x.y", None),
        ("list /api/v1/namespaces/a/pods", "list /api/v1/namespaces/a/pods"),
        ("get /openapi/v3/apis/apps/v1", "get /openapi/v3/apis/apps/v1"),
        ("get /api", "get /api"),
        ("get /version", "get /version"),
        ("iam:GetRole", "iam:GetRole"),
    ],
)
def test_single_objects_are_put_together(request_: str, short: str | None) -> None:
    expected = short or f"{request_.rpartition('/')[0]}/{{name}}"
    assert report.shortened(Counter({request_: 2})) == {expected: 2}


PAGE = "# Page\n\nText.\n\n## One\n\nfirst\n\n## Two\n\nsecond\n"


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("One", "# Page\n\nText.\n\n## One\n\nnew\n\n## Two\n\nsecond\n"),
        ("Two", "# Page\n\nText.\n\n## One\n\nfirst\n\n## Two\n\nnew\n"),
        ("Three", f"{PAGE}\n## Three\n\nnew\n"),
    ],
)
def test_a_section_is_replaced_or_added_and_found_again(title: str, expected: str) -> None:
    page = report.with_section(PAGE, title, f"## {title}\n\nnew\n")
    assert page == expected
    assert report.section_of(page, title).strip() == f"## {title}\n\nnew"
    assert report.section_of(PAGE, "Three") == ""
    assert report.with_section(PAGE, "Three", "") == PAGE
