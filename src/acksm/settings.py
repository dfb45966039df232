"""Settings in the groups that commands take, each frozen. In flags, variables and acksm.yaml they are flat (`Flat`).

The field names are the long options without dashes. Durations are in seconds, account ids 12-digit strings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from acksm.ack.names import SERVICES
from acksm.dataclass import dataclass
from acksm.declared import Account, Accounts, Adoptions, DeclaredNamespace, Teams
from acksm.errors import AcksmError
from acksm.json_types import Json

CONTROLLER_NAMESPACE = "ack-system"
DEFAULT_REGISTRY = "public.ecr.aws/aws-controllers-k8s"
TARGET_ROLE = "SagemakerCrossAccountAccess"  # guide §6.1

Namespace = Annotated[str, StringConstraints(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]
Preset = Literal["core", "least", "studio", "autoscaling"]


def _known(services: Iterable[str]) -> None:
    for name in services:
        if name not in SERVICES:
            raise ValueError(f'unknown service "{name}"; expected {" or ".join(SERVICES)}')


def _each_once(services: list[str]) -> list[str]:
    _known(services)
    return list(dict.fromkeys(services))


def _by_service(value: dict[str, str]) -> dict[str, str]:
    _known(value)
    return value


def _pairs(value: object) -> object:
    """`["SERVICE=V", …]` from flags and variables, a mapping from the file."""
    if isinstance(value, list):
        pairs = {}
        for item in value:
            key, equals, rest = str(item).partition("=")
            if not equals or not key or not rest:
                raise ValueError(f'"{item}" is not in the form NAME=VALUE')
            pairs[key] = rest
        return pairs
    return value


def _listed(value: object) -> object:
    """Names, each alone or several in one text with commas between, as `acksm status` and the charts write them."""
    if isinstance(value, list):
        parts = [item.split(",") if isinstance(item, str) else [item] for item in value]
        return list(dict.fromkeys(part.strip() if isinstance(part, str) else part for found in parts for part in found))
    return value


def _service_pairs(value: object) -> object:
    """As `_pairs`, where each name is a service's."""
    for item in value if isinstance(value, list) else ():
        if "=" not in str(item):
            raise ValueError(f'"{item}" names no service; did you mean {SERVICES[0]}={item}?')
    return _pairs(value)


def located(text: str) -> str:
    """A registry's location without the scheme that it may be written with."""
    return re.sub(r"^(oci|https?)://", "", text.strip()).rstrip("/")


def location(text: str) -> str:
    """HOST[:PORT][/PATH] of a registry, however it is written; "" for "". Raises ValueError for anything else."""
    found = located(text)
    if text and not _LOCATION.fullmatch(found):
        shown = "the value" if "@" in text else f'"{text[:200]}"'  # it may have a password
        raise ValueError(f"{shown} is not a registry in the form HOST/PATH")
    return found


# A host or address, and the path of a repository (https://github.com/opencontainers/distribution-spec/blob/main/spec.md)
_LOCATION = re.compile(
    r"(\[[0-9a-fA-F:]+\]|[A-Za-z0-9][A-Za-z0-9.-]{0,252})(:[0-9]{1,5})?(/[a-z0-9][a-z0-9._-]{0,127}){0,32}"
)


def _duration(value: object) -> object:
    """Seconds, or Go's form: 90s, 15m, 1h30m."""
    if isinstance(value, str) and value and not value.replace(".", "", 1).isdigit():
        match = _DURATION.match(value)
        if not match:
            raise ValueError(f'"{value}" is not a duration such as 90s or 15m')
        hours, minutes, seconds = (int(match[unit] or 0) for unit in ("h", "m", "s"))
        return float(hours * 3600 + minutes * 60 + seconds)
    return value


_DURATION = re.compile(r"^(?:(?P<h>\d+)h)?(?:(?P<m>\d+)m)?(?:(?P<s>\d+)s)?$")


def seconds(text: str, flag: str) -> int:
    """A duration of an option that is no setting, at least a second. Error: `config-invalid`."""
    try:
        found = TypeAdapter(Seconds).validate_python(text)
    except ValidationError as error:
        message = f'"{text}" is not a duration such as 90s or 15m'
        raise AcksmError("config-invalid", message, where=f"flag {flag}", remedy=f"{flag} 15m") from error
    return max(1, round(found))


# What the validators accept, for docs/schemas/settings.json.
_DURATION_SCHEMA = {"type": "string", "pattern": r"^(?=[0-9])([0-9]+h)?([0-9]+m)?([0-9]+s)?$"}
_ONE_OF_SERVICES = {"enum": list(SERVICES)}
Services = Annotated[
    list[Annotated[str, Field(json_schema_extra={**_ONE_OF_SERVICES})]],
    BeforeValidator(_listed),
    AfterValidator(_each_once),
]
Namespaces = Annotated[list[Namespace], BeforeValidator(_listed)]
Presets = Annotated[list[Preset], BeforeValidator(_listed)]
Pairs = Annotated[dict[str, str], BeforeValidator(_pairs)]
ByService = Annotated[
    dict[str, str],
    BeforeValidator(_service_pairs),
    AfterValidator(_by_service),
    Field(json_schema_extra={"propertyNames": {**_ONE_OF_SERVICES}}),
]
Seconds = Annotated[
    float,
    Field(gt=0, allow_inf_nan=False),
    BeforeValidator(_duration),
    WithJsonSchema({"anyOf": [{"type": "number", "exclusiveMinimum": 0}, _DURATION_SCHEMA]}),
]
SecondsOrZero = Annotated[
    float,
    Field(ge=0, allow_inf_nan=False),
    BeforeValidator(_duration),
    WithJsonSchema({"anyOf": [{"type": "number", "minimum": 0}, _DURATION_SCHEMA]}),
]


RegistryLocation = Annotated[str, AfterValidator(location)]


class _Group(BaseModel):
    # most are validated as parts of `Flat` alone, and need no validator of their own
    model_config = ConfigDict(extra="forbid", strict=False, frozen=True, defer_build=True)


class TargetSettings(_Group):
    """Which cluster in which account, and the namespace of the controllers in it."""

    cluster: str = ""
    region: str = ""
    profile: str = ""
    account: Account = ""
    kubeconfig: str = ""
    context: str = ""
    controller_namespace: Namespace = CONTROLLER_NAMESPACE


class ControllerSettings(_Group):
    """What is installed: services, versions, scope and values."""

    service: Services = Field(default_factory=lambda: list(SERVICES))
    version: ByService = Field(default_factory=dict)
    scope: Literal["cluster", "namespace"] | None = None
    watch_namespace: Namespaces = Field(default_factory=list)
    add_watch_namespace: Namespaces = Field(default_factory=list)
    remove_watch_namespace: Namespaces = Field(default_factory=list)
    create_namespace: bool = False
    values: list[str] = Field(default_factory=list)
    set: list[str] = Field(default_factory=list)
    reset_values: bool = False
    chart: ByService = Field(default_factory=dict)
    registry: RegistryLocation = ""
    adopt_release: bool = False
    mode: Literal["carm", "role-selector"] | None = None


class RoleSettings(_Group):
    """The controllers' IAM role, and how their pods get it."""

    identity: Literal["irsa", "pod-identity"] | None = None
    install_agent: bool = False
    role_arn: str = ""
    role_name: str = ""
    role_path: str = "/"
    permissions_boundary: str = ""
    tag: Pairs = Field(default_factory=dict)
    policy: Presets = Field(default_factory=list)
    policy_arn: list[str] = Field(default_factory=list)
    execution_role: list[str] = Field(default_factory=list)
    adopt_role: bool = False


class OtherAccountSettings(_Group):
    """The target account, its credentials, and the controllers' role there (docs/ack/accounts-and-regions.md)."""

    controller_role_arn: list[str] = Field(default_factory=list)
    target_account: Account = ""
    target_profile: str = ""
    target_role_arn: str = ""
    target_role_name: str = TARGET_ROLE
    target_role_path: str = "/"
    target_permissions_boundary: str = ""
    target_tag: Pairs = Field(default_factory=dict)
    target_policy: Presets = Field(default_factory=list)
    target_policy_arn: list[str] = Field(default_factory=list)
    target_execution_role: list[str] = Field(default_factory=list)
    adopt_target_role: bool = False

    @property
    def reachable(self) -> bool:
        """Whether credentials for the account are named."""
        return bool(self.target_profile or self.target_role_arn)


class Declared(_Group):
    """What only acksm.yaml can declare: many namespaces, roles and objects."""

    namespaces: dict[Namespace, DeclaredNamespace] = Field(
        default_factory=dict, description="Regions and accounts of namespaces, for region bind and carm bind."
    )
    accounts: Accounts = Field(default_factory=dict, description="Roles of other accounts, by account id in quotes.")
    teams: Teams = Field(default_factory=dict, description="Roles of teams, by team id.")
    adopt: Adoptions = Field(default_factory=list, description="AWS resources to adopt, for acksm adopt.")


class RunSettings(_Group):
    """How a command runs and prints its result. None of it changes what a plan does, and no plan file has it."""

    dry_run: bool = False
    full: bool = False
    yes: bool = False
    wait: bool = True
    timeout: Seconds = 900.0
    lock_timeout: SecondsOrZero = 50.0
    output: Literal["text", "wide", "json", "yaml"] = "text"


Group = TypeVar("Group", bound=_Group)


class Flat(RunSettings, Declared, OtherAccountSettings, RoleSettings, ControllerSettings, TargetSettings):
    """Every setting by its own name. One validation gives every error, and its schema is that of acksm.yaml.
    pydantic orders the fields from the last base to the first."""

    def part(self, group: type[Group]) -> Group:
        """The settings of one group."""
        return group.model_construct(**{name: getattr(self, name) for name in group.model_fields})


@dataclass(frozen=True)
class Settings:
    """All groups of a command."""

    target: TargetSettings
    controllers: ControllerSettings
    role: RoleSettings
    other_account: OtherAccountSettings
    declared: Declared
    run: RunSettings

    @classmethod
    def of(cls, /, **flat: object) -> Settings:
        """From settings by their own names. Error: pydantic's ValidationError with every invalid field."""
        found = Flat.model_validate(flat)
        return cls(
            found.part(TargetSettings),
            found.part(ControllerSettings),
            found.part(RoleSettings),
            found.part(OtherAccountSettings),
            found.part(Declared),
            found.part(RunSettings),
        )

    def flat(self, *, non_default: bool = False) -> Json:
        """Every setting by its own name, as JSON types; only those that differ from their default if `non_default`."""
        groups = (self.target, self.controllers, self.role, self.other_account, self.declared, self.run)
        return {
            name: value
            for group in groups
            for name, value in group.model_dump(mode="json", exclude_defaults=non_default).items()
        }
