"""A plan as a file: what a command would do, for others to read, and for `acksm apply` to hold it to.

The file has no parameters of calls and no secret, only what a person reviews and a fingerprint of each change; apply
plans anew and carries out nothing whose fingerprint the file does not have.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import acksm
from acksm import bounded, private_file, reports
from acksm.config import Settings
from acksm.engine.change import Change, Plan, sha256
from acksm.engine.diff import render, unified
from acksm.errors import AcksmError

SCHEMA = "acksm.dev/plan/v1"
MAX_BYTES = 32 * 1024 * 1024
# Settings that are of a run and not of what it does.
_OF_A_RUN = {"dry_run", "full", "yes", "wait", "timeout", "lock_timeout", "output"}


def of(command: Sequence[str], plan: Plan, settings: Settings, target: reports.Target) -> reports.PlanFile:
    """The document of a plan; `command` is what was typed after `acksm plan`."""
    body: reports.PlanFile = {
        "schema": SCHEMA,
        "acksm": acksm.__version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "settings": settings.model_dump(mode="json", exclude=_OF_A_RUN, exclude_defaults=True),
        "target": target,
        "notes": list(plan.notes),
        "result": {key: fact for key, fact in plan.facts.items() if not callable(fact)},  # those are of the end
        "changes": [{"change": change.as_data(), "fingerprint": sha256(change.content)} for change in plan.mutations],
        "digest": "",
    }
    return {**body, "digest": _digest(body)}


def _digest(document: reports.PlanFile) -> str:
    return sha256({key: value for key, value in document.items() if key != "digest"})


def write(path: Path, document: reports.PlanFile) -> None:
    """0600 and whole. Error: `plan-file-write`."""
    try:
        private_file.write(path, json.dumps(document, indent=1, default=str) + "\n")
    except OSError as error:
        raise AcksmError("plan-file-write", f"cannot write {path}: {error.strerror}", where=str(path)) from error


def read(path: Path) -> reports.PlanFile:
    """Errors: `plan-file-invalid` for what is none, is of another version of acksm's form, or was changed."""
    from pydantic import TypeAdapter, ValidationError

    try:
        found: Any = json.loads(bounded.read(path, MAX_BYTES))
        if isinstance(found, dict) and found.get("schema") != SCHEMA:
            raise ValueError(f"its schema is {str(found.get('schema'))[:60]!r}, not {SCHEMA}")
        document: reports.PlanFile = TypeAdapter(reports.PlanFile).validate_python(found, strict=True)
    except OSError as error:
        raise AcksmError("plan-file-invalid", f"cannot read it: {error.strerror}", where=str(path)) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AcksmError("plan-file-invalid", f"{place}: {first['msg']}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise AcksmError("plan-file-invalid", str(error)[:300], where=str(path)) from error
    if document["digest"] != _digest(document):
        raise AcksmError("plan-file-invalid", "it is not as acksm plan wrote it: the digest differs", where=str(path))
    return document


@dataclass
class Recorder:
    """Keeps the plan of the command that runs under it."""

    command: Sequence[str]
    document: reports.PlanFile | None = None

    def settings(self) -> Settings | None:
        return None

    def saw(self, plan: Plan, settings: Settings, target: reports.Target) -> None:
        self.document = of(self.command, plan, settings, target)


@dataclass
class Approval:
    """Holds the command that runs under it to the plan of a file. `run` are the settings of this run alone."""

    path: str
    document: reports.PlanFile
    run: dict[str, Any]

    def settings(self) -> Settings | None:
        return Settings.model_validate({**self.document["settings"], **self.run})

    def saw(self, plan: Plan, settings: Settings, target: reports.Target) -> None:
        """Errors: `plan-other-target`, `plan-outdated` with a diff."""
        was = self.document["target"]
        for key in ("cluster_arn", "account"):
            if was[key] != target[key]:
                raise AcksmError(
                    "plan-other-target",
                    f"it is for {was['cluster_arn']} and account {was['account']}, "
                    f"this is {target['cluster_arn']} and account {target['account']}",
                    where=self.path,
                )
        approved = {item["fingerprint"] for item in self.document["changes"]}
        new = [change for change in plan.mutations if sha256(change.content) not in approved]
        if new:
            raise AcksmError(
                "plan-outdated",
                f"{len(new)} of {len(plan.mutations)} changes would be others than planned on {self.document['made']}",
                where=self.path,
                details={"diff": [line for change in new for line in self._difference(change)]},
            )

    def _difference(self, change: Change) -> list[str]:
        """The change against the file's change of the same id and target, or the change alone."""
        for item in self.document["changes"]:
            was = item["change"]
            if (was["id"], was["target"]) == (change.id, change.target):
                lines = unified({**was}, {**change.as_data()})
                return [f"~ {change.target}", *(f"    {line}" for line in lines)]
        return render(change)
