"""A part of a fleet for each of many processes, by the contract that batch systems share: an index and a number."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from acksm.errors import AcksmError
from acksm.fleet.file import Member

_SHARD = re.compile(r"([0-9]{1,5})/([0-9]{1,5})")
# The variables in which a system gives a process its part: Kubernetes counts from 0
# (https://kubernetes.io/docs/tasks/job/indexed-parallel-processing-static/), so do AWS Batch
# (https://docs.aws.amazon.com/batch/latest/userguide/array_jobs.html) and Buildkite; GitLab counts from 1.
_INDICES = (
    ("JOB_COMPLETION_INDEX", 0),
    ("AWS_BATCH_JOB_ARRAY_INDEX", 0),
    ("BUILDKITE_PARALLEL_JOB", 0),
    ("CI_NODE_INDEX", 1),
)
_TOTALS = ("BUILDKITE_PARALLEL_JOB_COUNT", "CI_NODE_TOTAL")


def shard_of(text: str, environment: Mapping[str, str]) -> tuple[int, int] | None:
    """(index from 0, number of shards) of `--shard`: "3/10", or "/10" and "auto" with the index, or both, from the
    variables of the system that runs the shard. None for no shard. Error: `fleet-shard-invalid`."""
    if not text:
        return None
    if match := _SHARD.fullmatch(text):
        found: int | None = int(match[1]) - 1
        number = int(match[2])
    else:
        given = _SHARD.fullmatch(f"1{text}") if text.startswith("/") else None
        known = next((environment[name] for name in _TOTALS if environment.get(name)), "")
        number = int(given[2]) if given else int(known) if known.isdigit() and text == "auto" else 0
        found = _index(environment) if number else None
    if found is None:
        names = ", ".join(name for name, _ in _INDICES)
        message = f'"{text}" is neither I/N nor found in the environment ({names})'
        raise AcksmError("fleet-shard-invalid", message, where="--shard")
    index = found
    if not 0 <= index < number:
        raise AcksmError("fleet-shard-invalid", f"shard {index + 1} of {number}", where="--shard")
    return index, number


def shown(shard: tuple[int, int] | None) -> str:
    """The shard as I/N, counted from 1; "" for none."""
    return f"{shard[0] + 1}/{shard[1]}" if shard else ""


def _index(environment: Mapping[str, str]) -> int | None:
    for name, first in _INDICES:
        if environment.get(name, "").isdigit():
            return int(environment[name]) - first
    return None


def part(members: Sequence[Member], shard: tuple[int, int] | None) -> list[Member]:
    """Every N-th cluster by id: each is in one shard, however often and in whatever order shards run."""
    ordered = sorted(members, key=lambda one: one.id)
    return ordered if shard is None else ordered[shard[0] :: shard[1]]
