"""Settings: flag > ACKSM_… variable > acksm.yaml > default, and where each value came from.

The field names are the long options without dashes; the file uses the options' own spelling. pydantic checks types
and gives every error of the file at once. Nothing else in acksm reads os.environ for settings.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    field_validator,
)

from acksm import bounded, own_file
from acksm.ack.names import SERVICES
from acksm.declared import DECLARED, Account, Accounts, Adoptions, DeclaredNamespace, Teams
from acksm.errors import AcksmError

DEFAULT_REGISTRY = "public.ecr.aws/aws-controllers-k8s"
FILE_NAME = "acksm.yaml"
TARGET_ROLE = "SagemakerCrossAccountAccess"  # guide §6.1
# What answers a question that protects what is there: never from a file that the user did not name.
NAMED_ONLY = ("yes", "adopt_role", "adopt_release")
FILE_ONLY = frozenset({"namespaces", "accounts", "teams", "adopt"})  # no flag and no variable can say these
MAX_FILE_BYTES = 8 * 1024 * 1024

Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
_ONE_OF_SERVICES = {"enum": list(SERVICES)}
# What the validators below take, told to docs/schemas/settings.json as well.
Service = Annotated[str, Field(json_schema_extra={**_ONE_OF_SERVICES})]
ByService = Annotated[dict[str, str], Field(json_schema_extra={"propertyNames": {**_ONE_OF_SERVICES}})]
_DURATION_SCHEMA = {"type": "string", "pattern": r"^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}
Seconds = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _DURATION_SCHEMA]}),
]
SecondsOrZero = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, _DURATION_SCHEMA]}),
]
Preset = Literal["core", "least", "studio", "autoscaling"]
_DURATION = re.compile(r"^(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?$")


class Settings(BaseModel):
    """Every option that more than one command has. Durations are in seconds, account ids 12-digit strings."""

    model_config = ConfigDict(extra="forbid", strict=False, frozen=True)

    cluster: str = ""
    region: str = ""
    profile: str = ""
    account: Account = ""
    kubeconfig: str = ""
    context: str = ""
    controller_namespace: Namespace = "ack-system"
    service: list[Service] = Field(default_factory=lambda: list(SERVICES))
    version: ByService = Field(default_factory=dict)
    scope: Literal["cluster", "namespace"] | None = None
    watch_namespace: list[Namespace] = Field(default_factory=list)
    create_namespace: bool = False
    role_arn: str = ""
    role_name: str = ""
    role_path: str = "/"
    permissions_boundary: str = ""
    tag: dict[str, str] = Field(default_factory=dict)
    policy: list[Preset] = Field(default_factory=list)
    policy_arn: list[str] = Field(default_factory=list)
    execution_role: list[str] = Field(default_factory=list)
    adopt_role: bool = False
    values: list[str] = Field(default_factory=list)
    set: list[str] = Field(default_factory=list)
    reset_values: bool = False
    adopt_release: bool = False
    chart: ByService = Field(default_factory=dict)
    registry: str = DEFAULT_REGISTRY
    mode: Literal["carm", "role-selector"] | None = None
    controller_role_arn: list[str] = Field(default_factory=list)
    target_account: Account = ""
    target_profile: str = ""
    target_role_arn: str = ""
    target_role_name: str = TARGET_ROLE
    target_role_path: str = "/"
    target_permissions_boundary: str = ""
    target_tag: dict[str, str] = Field(default_factory=dict)
    target_policy: list[Preset] = Field(default_factory=list)
    target_policy_arn: list[str] = Field(default_factory=list)
    target_execution_role: list[str] = Field(default_factory=list)
    adopt_target_role: bool = False
    namespaces: dict[Namespace, DeclaredNamespace] = Field(
        default_factory=dict, description="Regions and accounts of namespaces, for region bind and carm bind."
    )
    accounts: Accounts = Field(default_factory=dict, description="Roles of other accounts, by account id in quotes.")
    teams: Teams = Field(default_factory=dict, description="Roles of teams, by team id.")
    adopt: Adoptions = Field(default_factory=list, description="Objects in AWS to be adopted, for acksm adopt.")
    dry_run: bool = False
    full: bool = False
    yes: bool = False
    wait: bool = True
    timeout: Seconds = 900.0
    lock_timeout: SecondsOrZero = 50.0
    output: Literal["text", "json", "yaml"] = "text"

    @field_validator("service")
    @classmethod
    def _known_services(cls, value: list[str]) -> list[str]:
        for name in value:
            if name not in SERVICES:
                raise ValueError(f"{name!r} is not a service acksm installs; it knows {', '.join(SERVICES)}")
        return list(dict.fromkeys(value))

    @field_validator("version", "chart", "tag", "target_tag", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """`["SERVICE=V", …]` from flags and variables, a mapping from the file."""
        if isinstance(value, list):
            pairs = {}
            for item in value:
                key, equals, rest = str(item).partition("=")
                if not equals or not key or not rest:
                    raise ValueError(f"{item!r} is not NAME=VALUE")
                pairs[key] = rest
            return pairs
        return value

    @field_validator("version", "chart")
    @classmethod
    def _keys_are_services(cls, value: dict[str, str]) -> dict[str, str]:
        for name in value:
            if name not in SERVICES:
                raise ValueError(f"{name!r} is not a service acksm installs; it knows {', '.join(SERVICES)}")
        return value

    @field_validator("timeout", "lock_timeout", mode="before")
    @classmethod
    def _duration(cls, value: object) -> object:
        """Seconds, or Go's form: 90s, 15m, 1h30m."""
        if isinstance(value, str) and value and not value.replace(".", "", 1).isdigit():
            match = _DURATION.match(value)
            if not match:
                raise ValueError(f"{value!r} is not a duration such as 90s or 15m")
            hours, minutes, seconds = (int(match[unit] or 0) for unit in ("h", "m", "s"))
            return float(hours * 3600 + minutes * 60 + seconds)
        return value


@dataclass(frozen=True)
class Resolved:
    """Settings, and for each field where its value came from: flag, variable, file or default. `unnamed` are the fields
    that come from an acksm.yaml which lay in the working directory and was not named."""

    settings: Settings
    origins: Mapping[str, str]
    unnamed: tuple[str, ...] = ()


def resolve(flags: Mapping[str, Any], file: str = "", environment: Mapping[str, str] | None = None) -> Resolved:
    """Merge the four sources. Flags that are None or empty were not given.

    Errors: `config-invalid` with every wrong field, its value's origin and the reason; `config-missing`; for a file
    that was not named, `config-untrusted` and `config-unnamed`.
    """
    environment = os.environ if environment is None else environment
    merged: dict[str, Any] = {}
    origins = dict.fromkeys(Settings.model_fields, "default")
    path = file or environment.get("ACKSM_CONFIG", "")
    unnamed, named = _from_files(path)
    for name, found in ((FILE_NAME, unnamed), (path, named)):
        merged |= found
        origins |= dict.fromkeys(found, f"file {name}")
    for field, info in Settings.model_fields.items():
        variable = f"ACKSM_{field.upper()}"
        raw = environment.get(variable, "") if field not in FILE_ONLY else ""
        if raw:
            many = str(info.annotation).startswith(("list", "dict"))
            merged[field] = [part for part in raw.split(",") if part] if many else raw
            origins[field] = f"variable {variable}"
    for field, value in flags.items():
        if value is not None and value != []:
            merged[field] = value
            origins[field] = f"flag --{field.replace('_', '-')}"
    for field, variable in (("region", "AWS_REGION"), ("region", "AWS_DEFAULT_REGION"), ("profile", "AWS_PROFILE")):
        if field not in merged and environment.get(variable):
            merged[field] = environment[variable]
            origins[field] = f"variable {variable}"
    try:
        settings = Settings.model_validate(merged)
    except ValidationError as error:
        wrong = [origins.get(str(item["loc"][0]), "file") for item in error.errors(include_url=False)]
        of_file = [origin.startswith("file") for origin in wrong]
        where = ", ".join(sorted(set(wrong)))
        if any(of_file):
            loc = error.errors(include_url=False)[of_file.index(True)]["loc"]
            where = place(path or FILE_NAME, loc)
        raise AcksmError("config-invalid", "; ".join(_problems(error, origins)), where=where) from error
    lying = tuple(
        field for field in Settings.model_fields if field in unnamed and origins[field] == f"file {FILE_NAME}"
    )
    for field in lying:
        if field in NAMED_ONLY and getattr(settings, field):
            told = f"{field.replace('_', '-')} is not taken from an {FILE_NAME} that nobody named"
            raise AcksmError("config-unnamed", told, where=place(FILE_NAME, [field]))
    return Resolved(settings, origins, lying)


def _from_files(path: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """What stands in the acksm.yaml that was not named, and in the file that was. A named file with adoptions only
    leaves the other settings to acksm.yaml."""
    named = _read_file(Path(path)) if path else {}
    if path and (set(named) != {"adopt"} or os.path.realpath(path) == os.path.realpath(FILE_NAME)):
        return {}, named
    return _read_unnamed(Path(FILE_NAME)), named


def _read_unnamed(path: Path) -> dict[str, Any]:
    """The settings file of the working directory, {} without one. Running acksm in a directory of others must not be
    running it by their settings. Error: `config-untrusted`."""
    if not path.is_file():
        return {}
    try:
        others = own_file.others(path)
    except OSError as error:
        raise AcksmError("config-missing", f"cannot read {path}: {error.strerror}", where=str(path)) from error
    if others:
        raise AcksmError("config-untrusted", f"{path} was not named, and {others}", where=str(path.absolute()))
    return _read_file(path)


def place(path: str, loc: Sequence[str | int]) -> str:
    """FILE:LINE:COLUMN of a value in a settings file, as near as it can be told; `loc` is its keys and indices."""
    try:
        documents = _composed(path, Path(path).stat().st_mtime_ns)
    except OSError:
        return path
    inner = list(loc)
    if len(documents) > 1 or not _has_settings(documents):  # a list, or manifests: entries of `adopt`
        inner = inner[1:]
        if len(documents) > 1:
            index = int(inner.pop(0)) if inner and isinstance(inner[0], int) else 0
            documents = documents[min(index, len(documents) - 1) :]
    node: Any = documents[0] if documents else None
    mark = node.start_mark if node is not None else None
    for step in inner:
        pairs = node.value if node is not None and isinstance(getattr(node, "value", None), list) else []
        if isinstance(step, int) and step < len(pairs) and not isinstance(pairs[step], tuple):
            node, mark = pairs[step], pairs[step].start_mark
            continue
        fitting = [pair for pair in pairs if isinstance(pair, tuple) and _is_key(pair[0].value, step)]
        if not fitting:
            break
        mark, node = fitting[0][0].start_mark, fitting[0][1]
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path


@cache
def _composed(path: str, _changed_at: int) -> list[Any]:
    """The nodes of a file's documents, with their marks; [] when it is no YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return list(YAML(typ="safe", pure=True).compose_all(Path(path).read_text("utf-8")))
    except (YAMLError, ValueError, RecursionError):
        return []


def _is_key(written: object, step: str | int) -> bool:
    return str(written).replace("-", "_") == str(step).replace("-", "_")


def _has_settings(documents: Sequence[Any]) -> bool:
    """Whether the only document is a mapping of options, no list and no manifest."""
    top = documents[0].value if documents and documents[0] is not None else []
    return any(isinstance(pair, tuple) for pair in top) and not any(
        isinstance(pair, tuple) and pair[0].value == "apiVersion" for pair in top
    )


def _problems(error: ValidationError, origins: Mapping[str, str]) -> list[str]:
    found = []
    for item in error.errors(include_url=False):
        field = str(item["loc"][0])
        reason = str(item["msg"]).removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            from difflib import get_close_matches

            known = [name.replace("_", "-") for name in Settings.model_fields] if len(item["loc"]) == 1 else DECLARED
            near = get_close_matches(str(item["loc"][-1]), known, n=1)
            reason = "is not an option" + (f"; did you mean {near[0]}?" if near else "")
        elif item["type"] == "string_pattern_mismatch":
            reason = f"{item['input']!r} is not a namespace name (lower-case letters, digits and '-', at most 63)"
        place = ".".join([field.replace("_", "-"), *map(str, item["loc"][1:])]).removesuffix(".[key]")
        found.append(f"{place} ({origins.get(field, 'file')}): {reason}")
    return found


def _read_file(path: Path) -> dict[str, Any]:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        raw = bounded.read(path, MAX_FILE_BYTES)
        documents = bounded.check(list(YAML(typ="safe", pure=True).load_all(raw.decode("utf-8"))))
    except OSError as error:
        raise AcksmError("config-missing", f"cannot read {path}: {error.strerror}", where=str(path)) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise AcksmError("config-invalid", f"not YAML: {error.problem}", where=place) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise AcksmError("config-invalid", f"not YAML: {error}"[:300], where=str(path)) from error
    document = documents[0] if documents else None
    if document is None and len(documents) < 2:
        return {}
    if len(documents) > 1 or isinstance(document, list) or (isinstance(document, dict) and "apiVersion" in document):
        return {"adopt": document if isinstance(document, list) else documents}
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise AcksmError("config-invalid", "the file is not a mapping of options", where=str(path))
    return {key.replace("-", "_"): value for key, value in document.items()}


def cache_dir() -> Path:
    """$XDG_CACHE_HOME/acksm, else ~/.cache/acksm: nothing in it that cannot be had again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acksm"


def state_dir() -> Path:
    """$XDG_STATE_HOME/acksm, else ~/.local/state/acksm: the sandbox's state, nothing of a real cluster."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "acksm"
