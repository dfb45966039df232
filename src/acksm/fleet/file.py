"""fleet.yaml: defaults, clusters, discovery and waves. Every value is checked, with its line, before the first call.

An entry has any setting of acksm.yaml; what it lacks comes from `defaults`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from acksm import config
from acksm.dataclass import dataclass
from acksm.declared import Account
from acksm.errors import AcksmError
from acksm.json_types import Document, Json, Untyped
from acksm.settings import Flat, SecondsOrZero
from acksm.words import did_you_mean

FILE_NAME = "fleet.yaml"
MOST = 10_000  # clusters; a typing error in a generator is more likely than a larger fleet
# Of one run of one command: the supervisor's own options say it for all clusters.
OF_THE_RUN = ("dry_run", "full", "yes", "output")
_PLACEHOLDER = re.compile(r"\{([^{}]{0,40})\}")
_PLACES = ("account", "region", "cluster")
_PERCENT = re.compile(r"([1-9]?[0-9]|100)%")


def _share(value: int | str) -> int | str:
    if isinstance(value, str) and not _PERCENT.fullmatch(value):
        raise ValueError(f'"{value}" is neither a number of clusters nor a percentage such as 10%')
    return value


Labels = dict[str, str]
Failures = Annotated[Annotated[int, Field(ge=0)] | str, AfterValidator(_share)]


class Defaults(Flat):
    """The settings of an entry: those of acksm.yaml, labels, and the role that acksm itself assumes for the cluster."""

    labels: Labels = Field(default_factory=dict)
    assume_role_arn: str = Field(
        default="",
        description="Role that acksm assumes for the cluster; {account}, {region} and {cluster} are filled in.",
    )


class Entry(Defaults):
    """A cluster: its name, account and region are never guessed from what the shell is signed in to."""

    cluster: str = Field(min_length=1)
    account: Account = Field(min_length=1)
    region: str = Field(min_length=1)
    issuer: str = Field(default="", description="URL of the cluster's OIDC issuer, for acksm export --offline.")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Discovery(_Part):
    """Clusters that EKS lists in these accounts and regions, with these tags."""

    accounts: list[Account] = Field(min_length=1)
    regions: list[str] = Field(min_length=1)
    tags: Labels = Field(default_factory=dict)
    labels: Labels = Field(default_factory=dict)
    profile: str = ""
    assume_role_arn: str = ""


class Wave(_Part):
    """The clusters that have all labels of `select` and are in no earlier wave."""

    name: str = Field(min_length=1)
    select: Labels = Field(default_factory=dict)
    concurrency: int = Field(default=4, ge=1, le=64)
    max_failures: Failures = 0
    soak: SecondsOrZero = 0.0


class File(_Part):
    """The whole of fleet.yaml."""

    defaults: Defaults = Field(default_factory=Defaults)
    clusters: list[Entry] = Field(default_factory=list, max_length=MOST)
    discover: list[Discovery] = Field(default_factory=list)
    waves: list[Wave] = Field(default_factory=list)
    writers_per_account: int = Field(
        default=4, ge=1, description="How many clusters of one account are changed at a time."
    )


@dataclass(frozen=True)
class Member:
    """A cluster of the fleet; `settings` are those of acksm.yaml that are set for it, as JSON types."""

    cluster: str
    account: str
    region: str
    labels: Mapping[str, str] = field(default_factory=dict)
    profile: str = ""
    assume_role_arn: str = ""
    settings: Document = field(default_factory=dict)
    issuer: str = ""

    @cached_property
    def id(self) -> str:
        """ACCOUNT/REGION/CLUSTER: what no two clusters share."""
        return f"{self.account}/{self.region}/{self.cluster}"


@dataclass(frozen=True)
class Fleet:
    """A checked file. `members` are the listed clusters; discovered ones are added by `discovery`."""

    path: str
    members: tuple[Member, ...]
    discover: tuple[Discovery, ...]
    waves: tuple[Wave, ...]
    writers_per_account: int
    defaults: Defaults


def read(path: str) -> Fleet:
    """The fleet of a file. Errors: `config-missing`; `fleet-invalid` with FILE:LINE:COLUMN and every problem."""
    documents = config.documents_of(Path(path))
    document = documents[0] if len(documents) == 1 else None
    if not isinstance(document, dict):
        raise AcksmError("fleet-invalid", "the file is not a mapping with clusters", where=path)
    try:
        found = File.model_validate(_spelled(document))
    except ValidationError as error:
        raise _invalid(path, error) from error
    if not found.clusters and not found.discover:
        raise AcksmError("fleet-invalid", "no clusters and no discover: there is nothing to work on", where=path)
    _check_run_settings(path, found)
    members = []
    for index, entry in enumerate(found.clusters):
        try:
            members.append(member(found.defaults, entry))
        except ValueError as error:
            raise AcksmError("fleet-invalid", str(error), where=config.location(path, ["clusters", index])) from error
    fleet = Fleet(
        path, tuple(members), tuple(found.discover), tuple(found.waves), found.writers_per_account, found.defaults
    )
    check_unique(fleet, members)
    return fleet


def member(defaults: Defaults, entry: Defaults) -> Member:
    """An entry over the defaults. ValueError for a placeholder that is not known."""
    own, given = _set(entry), _set(defaults)
    labels = {**defaults.labels, **entry.labels}
    merged: Json = {**given, **own}
    place = {name: str(merged.get(name, "")) for name in _PLACES}
    profile = str(merged.pop("profile", ""))
    # a profile of its own outdoes the default role; the default profile is who assumes that role
    role = filled(entry.assume_role_arn or ("" if "profile" in own else defaults.assume_role_arn), place)
    issuer = str(merged.pop("issuer", ""))
    return Member(
        place["cluster"], place["account"], place["region"], labels, profile, role, dict(sorted(merged.items())), issuer
    )


def filled(text: str, place: Mapping[str, str]) -> str:
    """`text` with {account}, {region}, {cluster} and what else `place` has. ValueError for any other name in braces."""
    for name in _PLACEHOLDER.findall(text):
        if name not in place:
            raise ValueError(f"{{{name}}} is not known; expected {', '.join(f'{{{one}}}' for one in place)}")
    return _PLACEHOLDER.sub(lambda found: place[found[1]], text)


def check_unique(fleet: Fleet, members: Sequence[Member]) -> None:
    """Each cluster once, each in a wave. Error: `fleet-invalid`."""
    seen: set[str] = set()
    for index, one in enumerate(members):
        problem = ""
        if one.id in seen:
            problem = f"cluster {one.id} is listed twice"
        elif wave_of(fleet.waves, one) is None:
            problem = f"cluster {one.id} is in no wave: its labels are {_shown(one.labels)}"
        if problem:
            where = config.location(fleet.path, ["clusters", index]) if index < len(fleet.members) else fleet.path
            raise AcksmError("fleet-invalid", problem, where=where)
        seen.add(one.id)


def wave_of(waves: Sequence[Wave], one: Member) -> Wave | None:
    """The first wave whose labels the cluster has; a wave of all where the file has none."""
    if not waves:
        return ALL
    return next((wave for wave in waves if wave.select.items() <= one.labels.items()), None)


ALL = Wave(name="all")


def _shown(labels: Mapping[str, str]) -> str:
    return ", ".join(f"{key}={value}" for key, value in sorted(labels.items())) or "none"


def _set(entry: Defaults) -> Json:
    """What the entry sets, as JSON types."""
    return {
        name: value
        for name, value in entry.model_dump(mode="json", by_alias=True, exclude_unset=True).items()
        if name not in {"labels", "assume_role_arn"}
    }


def _check_run_settings(path: str, found: File) -> None:
    given: list[tuple[list[str | int], Defaults]] = [(["defaults"], found.defaults)]
    given += [(["clusters", index], entry) for index, entry in enumerate(found.clusters)]
    for loc, entry in given:
        if wrong := [name for name in OF_THE_RUN if name in entry.model_fields_set]:
            option = wrong[0].replace("_", "-")
            raise AcksmError(
                "fleet-invalid",
                f"{option} is an option of acksm fleet, not of a cluster",
                where=config.location(path, [*loc, option]),
            )


def _spelled(document: Untyped) -> Untyped:
    """Keys as the models have them: those of the file, of each entry, discovery and wave, with dashes as options."""

    def keys(value: Untyped) -> Untyped:
        return {str(key).replace("-", "_"): inner for key, inner in value.items()} if isinstance(value, dict) else value

    found = keys(document)
    for name in ("clusters", "discover", "waves"):
        if isinstance(found.get(name), list):
            found[name] = [keys(entry) for entry in found[name]]
    if "defaults" in found:
        found["defaults"] = keys(found["defaults"])
    return found


def _invalid(path: str, error: ValidationError) -> AcksmError:
    problems = list(_problems(error))
    first = [step for step in error.errors(include_url=False)[0]["loc"] if step != "[key]"]
    return AcksmError("fleet-invalid", "; ".join(problems), where=config.location(path, first))


def _problems(error: ValidationError) -> Iterator[str]:
    for item in error.errors(include_url=False):
        loc = ".".join(str(step).replace("_", "-") for step in item["loc"] if step != "[key]")
        reason = str(item["msg"]).removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            reason = "unknown setting" + did_you_mean(get_close_matches(str(item["loc"][-1]), _known(item["loc"]), n=1))
        elif item["type"] == "missing":
            reason = "missing"
        yield f"{loc}: {reason}"


def _known(loc: Sequence[str | int]) -> list[str]:
    models: dict[str | int, type[BaseModel]] = {
        "clusters": Entry,
        "defaults": Defaults,
        "discover": Discovery,
        "waves": Wave,
    }
    model = models.get(loc[0], File) if len(loc) > 1 else File
    return [name.replace("_", "-") for name in model.model_fields]
