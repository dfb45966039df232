"""The page says what was measured, and a missed target is told as missed."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

import report
from counts import Counts
from measure import Measured
from report import Results, Series

MIB = 1024**2


def _series(*walls: float, aws: int = 4, kube: int = 6) -> Series:
    rounds = [Measured(wall, wall / 2, 50 * MIB, 0, 0, "") for wall in walls]
    counts = Counts(Counter({"iam:GetRole": aws}), Counter({"get /api/v1/namespaces/a/pods/x": kube}))
    return Series(rounds, Measured(9.0, 9.0, 60 * MIB, 90 * MIB, 0, ""), [counts] * len(rounds))


GOOD = Results(
    guide=_series(10.0, 30.0, 20.0, aws=8, kube=12),
    cold=_series(7.0, 9.0, 8.0),
    second=_series(1.0, 5.0, 4.0, aws=1, kube=1),
    help=[0.1, 0.9, 0.2],
    help_imports=[],
    machine={"CPU": "a | b"},
    date="2026-01-02",
)


def _missed(results: Results) -> list[str]:
    return [target.what for target in report.targets(results) if not target.met]


def test_ratios_are_of_medians_and_at_the_limit_is_met() -> None:
    measured = [target.measured for target in report.targets(GOOD)]
    assert measured[:2] == ["0.40", "0.20"]
    assert _missed(GOOD) == []


@pytest.mark.parametrize(
    ("changed", "missed"),
    [
        (replace(GOOD, cold=_series(8.2)), "acksm, first run / guide"),
        (replace(GOOD, second=_series(4.2)), "acksm, second run / guide's first"),
        (replace(GOOD, cold=_series(1.0, kube=7)), "requests (AWS and Kubernetes), first run / guide"),
        (replace(GOOD, help=[0.3, 0.3, 0.1]), "`acksm --help`"),
        (replace(GOOD, help_imports=["boto3"]), "`acksm --help` imports neither boto3 nor kubernetes"),
    ],
)
def test_what_is_missed_is_told(changed: Results, missed: str) -> None:
    assert _missed(changed) == [missed]
    assert "**no**" in report.page(changed)


def test_page_has_every_number() -> None:
    page = report.page(GOOD)
    assert "| wall time, median | 20.00 s | 8.00 s | 4.00 s |" in page
    assert "| AWS requests | 8 | 4 | 1 |" in page
    assert "| Kubernetes requests | 12 | 6 | 1 |" in page
    assert "| of these: CRDs, one by one | 0 | 0 | 0 |" in page
    assert "| peak memory, all processes at once | 90 MiB | 90 MiB | 90 MiB |" in page
    assert "| `get /api/v1/namespaces/a/pods/{name}` | 12 | 6 |" in page
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
