"""The progress of a plan by its steps: how many changes of each are applied, and since when."""

from __future__ import annotations

from dataclasses import field

from acksm.dataclass import dataclass
from acksm.json_types import Document

_TITLES = {
    "oidc": "OIDC provider",
    "iam-role": "IAM role",
    "crds": "CRDs",
    "release": "releases",
    "namespace": "namespaces",
    "kubeconfig": "kubeconfig",
    "samples": "samples",
    "mirror": "copies",
    "adopt": "objects",
}


@dataclass
class Section:
    """Changes of one step: `done` of `of`, started at `since` (seconds by the clock)."""

    title: str
    of: int
    since: float
    done: int = 0


@dataclass
class Sections:
    """What the executor's events say, in their order. An event of a change has its `step`, and `of`, the number of
    changes of that step in the plan."""

    open: dict[str, Section] = field(default_factory=dict)

    def started(self, data: Document, now: float) -> None:
        """A change of a step is being applied."""
        step = str(data["step"])
        if step not in self.open:
            self.open[step] = Section(_TITLES.get(step, step.replace("-", " ")), int(data["of"]), now)

    def ended(self, data: Document, now: float) -> Section | None:
        """A change was applied. Returns the section that is complete with it."""
        self.started(data, now)
        step = str(data["step"])
        section = self.open[step]
        section.done += 1
        return self.open.pop(step) if section.done >= section.of else None
