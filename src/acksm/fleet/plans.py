"""The plans of all clusters in one directory, with an index of their digests: what was reviewed is what is applied.

The index has no secret and no parameters of calls, as the plan files (docs/plans.md).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from typing_extensions import TypedDict

from acksm import bounded, private_file, reports
from acksm.engine.change import sha256
from acksm.errors import AcksmError
from acksm.fleet.children import file_name
from acksm.fleet.file import Defaults, Fleet, Member, Wave
from acksm.json_types import Json

INDEX = "fleet.json"
SCHEMA = "acksm.dev/fleet-plan/v1"
MAX_BYTES = 64 * 1024 * 1024


class PlannedCluster(TypedDict):
    """A cluster of the index. `digest` is that of its plan file, `changes` how many it has."""

    cluster: str
    account: str
    region: str
    labels: dict[str, str]
    profile: str
    assume_role_arn: str
    digest: str
    changes: int


class Index(TypedDict):
    """The plans of one run; `digest` is over everything else."""

    schema: str
    command: list[str]
    waves: list[Json]
    writers_per_account: int
    clusters: list[PlannedCluster]
    digest: str


def path_of(folder: str, one: Member) -> str:
    """The plan file of a cluster."""
    return str(Path(folder) / f"{file_name(one)}.plan")


def write(
    folder: str, command: Sequence[str], fleet: Fleet, members: Sequence[Member], rows: Sequence[reports.FleetRow]
) -> Index:
    """The index of the plans that were written. Errors: `plan-file-write`, `plan-file-invalid`."""
    from acksm.engine import plan_file

    changes = {row["id"]: row["changes"] or 0 for row in rows}
    clusters: list[PlannedCluster] = [
        {
            "cluster": one.cluster,
            "account": one.account,
            "region": one.region,
            "labels": dict(one.labels),
            "profile": one.profile,
            "assume_role_arn": one.assume_role_arn,
            "digest": plan_file.read(Path(path_of(folder, one)))["digest"],
            "changes": changes[one.id],
        }
        for one in members
    ]
    body: Index = {
        "schema": SCHEMA,
        "command": list(command),
        "waves": [wave.model_dump(mode="json") for wave in fleet.waves],
        "writers_per_account": fleet.writers_per_account,
        "clusters": clusters,
        "digest": "",
    }
    index: Index = {**body, "digest": _digest(body)}
    path = Path(folder) / INDEX
    try:
        private_file.write(path, json.dumps(index, indent=1) + "\n")
    except OSError as error:
        raise AcksmError("plan-file-write", f"cannot write {path}: {error.strerror}", where=str(path)) from error
    return index


def read(folder: str) -> tuple[Fleet, Index]:
    """The reviewed plans as a fleet. Errors: `plan-file-invalid` for what is none, or was modified,
    `plan-digest` for a plan that is not the one of the index."""
    path = Path(folder) / INDEX
    try:
        found = json.loads(bounded.read(path, MAX_BYTES))
        index: Index = TypeAdapter(Index).validate_python(found, strict=True)
        if index["schema"] != SCHEMA or index["digest"] != _digest(index):
            raise ValueError("the index was modified, or is of another version")
        waves = tuple(Wave.model_validate(wave) for wave in index["waves"])
    except OSError as error:
        raise AcksmError("plan-file-invalid", f"cannot read the file: {error.strerror}", where=str(path)) from error
    except (ValueError, ValidationError) as error:
        raise AcksmError("plan-file-invalid", str(error)[:300], where=str(path)) from error
    members = tuple(_member(folder, one) for one in index["clusters"])
    return Fleet(str(path), members, (), waves, index["writers_per_account"], Defaults()), index


def _member(folder: str, one: PlannedCluster) -> Member:
    """The cluster with the settings of its plan. Errors: `plan-file-invalid`, `plan-digest`."""
    from acksm.engine import plan_file

    found = Member(one["cluster"], one["account"], one["region"], one["labels"], one["profile"], one["assume_role_arn"])
    path = path_of(folder, found)
    document = plan_file.read(Path(path))
    if document["digest"] != one["digest"]:
        raise AcksmError("plan-digest", f"digest is {document['digest']}, expected {one['digest']}", where=path)
    return replace(found, settings={name: value for name, value in document["settings"].items() if name != "profile"})


def digests(index: Index) -> Mapping[str, str]:
    """The digest of each cluster's plan, by cluster id."""
    return {f"{one['account']}/{one['region']}/{one['cluster']}": one["digest"] for one in index["clusters"]}


def _digest(index: Index) -> str:
    return sha256({key: value for key, value in index.items() if key != "digest"})
