"""A plan as a file: what a command would do, to be reviewed, and to be applied by `acksm apply`.

The file has no parameters of calls and no secret, only what a person reviews and a fingerprint of each change; apply
plans again and applies no change whose fingerprint is not in the file, or is in it with another text. Answers to
questions belong to the run that applies the plan, never to the file.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import field, replace
from datetime import UTC, datetime
from pathlib import Path

import acksm
from acksm import bounded, private_file, reports
from acksm.config import Resolved
from acksm.dataclass import dataclass
from acksm.engine.change import Change, Plan, sha256
from acksm.engine.diff import render, unified
from acksm.errors import AcksmError
from acksm.json_types import Json
from acksm.settings import Flat, RunSettings, Settings
from acksm.words import counted

SCHEMA = "acksm.dev/plan/v1"
MAX_BYTES = 32 * 1024 * 1024
_TARGET = ("cluster", "region", "namespace")  # parts of the target that follow from the ARN and the settings


def of(command: Sequence[str], plan: Plan, settings: Settings, target: reports.Target) -> reports.PlanFile:
    """The document of a plan; `command` is what was typed after `acksm plan`."""
    body: reports.PlanFile = {
        "schema": SCHEMA,
        "acksm": acksm.__version__,
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "command": list(command),
        "settings": replace(settings, run=RunSettings()).flat(non_default=True),
        "target": target,
        "notes": list(plan.notes),
        "result": {
            key: fact for key, fact in plan.facts.items() if not callable(fact)
        },  # those are known only afterwards
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
    """A plan file. Error: `plan-file-invalid` for what is none, has another schema, or was modified."""
    from pydantic import TypeAdapter, ValidationError

    try:
        found: object = json.loads(bounded.read(path, MAX_BYTES), object_pairs_hook=_once)
        if isinstance(found, dict) and found.get("schema") != SCHEMA:
            raise ValueError(f"unsupported schema {str(found.get('schema'))[:60]!r}; expected {SCHEMA}")
        document: reports.PlanFile = TypeAdapter(reports.PlanFile).validate_python(found, strict=True)
        if document != found:
            raise ValueError("unknown fields")
        if of_a_run := RunSettings.model_fields.keys() & set(document["settings"]):
            raise ValueError(f"settings.{min(of_a_run)} is not allowed in a plan")
        Settings.of(**document["settings"])
    except OSError as error:
        raise AcksmError("plan-file-invalid", f"cannot read the file: {error.strerror}", where=str(path)) from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        location = ".".join(str(part) for part in first["loc"])
        raise AcksmError("plan-file-invalid", f"{location}: {first['msg']}", where=str(path)) from error
    except (ValueError, RecursionError) as error:
        raise AcksmError("plan-file-invalid", str(error)[:300], where=str(path)) from error
    if document["digest"] != _digest(document):
        raise AcksmError(
            "plan-file-invalid", "the file was modified after acksm plan wrote it: the digest differs", where=str(path)
        )
    return document


def _once(pairs: list[tuple[str, object]]) -> Json:
    """A JSON object; a duplicate key is refused, since people and programs would read different values."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("duplicate key in an object")
    return found


@dataclass
class Recorder:
    """Records the plan of the command that runs under it, which writes nothing, and its `settings`."""

    command: Sequence[str]
    document: reports.PlanFile | None = None
    asks: bool = False
    confirm: str = ""
    settings: Settings = field(default_factory=Settings.of)

    def resolved(self, own: Callable[[], Resolved]) -> Resolved:
        """The settings with a dry run. Not as an option of the command: one without its value would swallow it."""
        found = own()
        self.settings = replace(found.settings, run=found.settings.run.model_copy(update={"dry_run": True}))
        return replace(found, settings=self.settings)

    def inspect(self, plan: Plan, target: reports.Target) -> None:
        self.document = of(self.command, plan, self.settings, target)


@dataclass
class Approval:
    """Allows the command that runs under it only the changes of a plan file. `run` are the settings of this run,
    `confirm` is its answer to the question for the cluster's name."""

    path: str
    document: reports.PlanFile
    run: Json
    confirm: str = ""
    asks: bool = True

    def resolved(self, own: Callable[[], Resolved]) -> Resolved:
        settings = Settings.of(**{**self.document["settings"], **self.run})
        return Resolved(settings, dict.fromkeys(Flat.model_fields, "plan file"))

    def inspect(self, plan: Plan, target: reports.Target) -> None:
        """Errors: `plan-other-target`, `plan-outdated` with a diff, `plan-file-altered` with what the file shows."""
        was = self.document["target"]
        for key in ("cluster_arn", "account"):
            if was[key] != target[key]:
                raise AcksmError(
                    "plan-other-target",
                    f"the plan is for {was['cluster_arn']} and account {was['account']}, "
                    f"this is {target['cluster_arn']} and account {target['account']}",
                    where=self.path,
                )
        shown, real = dict[str, object](was), dict[str, object](target)
        for key in _TARGET:
            if shown[key] != real[key]:
                raise self._altered(f"target.{key}", shown[key], real[key])
        approved: dict[str, list[reports.Change]] = {}
        for item in self.document["changes"]:
            approved.setdefault(item["fingerprint"], []).append(item["change"])
        for change in plan.mutations:
            fresh = json.loads(json.dumps(change.as_data(), default=str))
            for kept in approved.get(sha256(change.content), []):
                if kept != fresh:
                    raise self._altered(f"the change of {change.target}", kept, fresh)
        new = [change for change in plan.mutations if sha256(change.content) not in approved]
        if new:
            raise AcksmError(
                "plan-outdated",
                f"{len(new)} of {counted(len(plan.mutations), 'change')} not in the plan of {self.document['made']}",
                where=self.path,
                details={"diff": [line for change in new for line in self._difference(change)]},
            )

    def _altered(self, what: str, shown: object, real: object) -> AcksmError:
        return AcksmError(
            "plan-file-altered",
            f"{what} differs from what the file shows",
            where=self.path,
            details={"diff": unified(shown, real)},
        )

    def _difference(self, change: Change) -> list[str]:
        """The change against the file's change of the same id and target, or the change alone."""
        for item in self.document["changes"]:
            was = item["change"]
            if (was["id"], was["target"]) == (change.id, change.target):
                lines = unified({**was}, {**change.as_data()})
                return [f"~ {change.target}", *(f"    {line}" for line in lines)]
        return render(change)
