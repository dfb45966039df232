"""What `acksm status` says of a controller besides its health: pods, restarts, age, chart, and a newer version."""

from __future__ import annotations

from datetime import UTC, datetime

from packaging.version import InvalidVersion, Version

from acksm.ack import charts
from acksm.dataclass import dataclass
from acksm.guide.install import mirrored
from acksm.guide.install.release import Observed

HEADER = ("PODS", "RESTARTS", "AGE", "CHART")
DROP = ("CHART", "MANAGED BY", "AGE", "RESTARTS")  # what a narrow terminal does without, first to last
_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


@dataclass(frozen=True)
class Details:
    """Of one controller; empty where it is not installed."""

    watched: tuple[str, ...] = ()
    pods: int = 0
    ready: int = 0
    restarts: int = 0
    updated: str = ""
    chart: str = ""
    newer: str = ""

    def cells(self) -> tuple[str, ...]:
        """Below `HEADER`."""
        if not self.chart:
            return ("",) * len(HEADER)
        return (f"{self.ready}/{self.pods}", str(self.restarts), age(self.updated, datetime.now(UTC)), self.chart)

    def newer_line(self, service: str) -> list[str]:
        return [f"{service} {self.newer} available: acksm upgrade"] if self.newer else []


def of(service: str, observed: Observed) -> Details:
    """From a release that exists."""
    pods = observed.health.pods if observed.health else ()
    version = charts.normalise(observed.version)
    return Details(
        tuple(charts.watched(observed.complete)),
        len(pods),
        sum(pod.ready for pod in pods),
        sum(pod.restarts for pod in pods),
        observed.updated,
        f"{mirrored.location('', observed.complete)}/{observed.chart or charts.chart_name(service)}:{version}",
        _newer(service, version),
    )


def _newer(service: str, version: str) -> str:
    """The tested version where it is newer; "" too for a version that cannot be compared."""
    try:
        return charts.TESTED[service] if Version(version) < Version(charts.TESTED[service]) else ""
    except (InvalidVersion, KeyError):
        return ""


def age(updated: str, now: datetime) -> str:
    """Since an RFC 3339 time, in its greatest unit ("3d", "5m"), "" where it cannot be read."""
    try:
        seconds = (now - datetime.fromisoformat(updated)).total_seconds()
    except (ValueError, TypeError):
        return ""
    for unit, name in _UNITS:
        if seconds >= unit:
            return f"{seconds // unit:.0f}{name}"
    return f"{max(seconds, 0):.0f}s"
