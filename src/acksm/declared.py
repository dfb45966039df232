"""What acksm.yaml may declare for many at once: regions and accounts of namespaces, adoptions.

```yaml
accounts:
  "111111111111":
    role-arn: arn:aws:iam::111111111111:role/SagemakerCrossAccountAccess
namespaces:
  production: {region: us-east-1, account: "111111111111"}
adopt:
  - {kind: Endpoint, name: churn, namespace: production}
```
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from acksm.ack.kinds import KINDS
from acksm.json_types import Json

_ACCOUNT = re.compile(r"\d{12}")


def lost_zeros(text: str) -> bool:
    """Whether a text can be an account id without its leading zeros: of fewer digits something else was meant."""
    return text.isascii() and text.isdigit() and 10 <= len(text) < 12


def whole_account(value: object) -> object:
    """A 12-digit account id as a string, or "". An unquoted one in YAML is a number, without its leading zeros."""
    if isinstance(value, int | float):
        raise ValueError(f"{value} is not text; quote the 12 digits so that leading zeros are kept")
    if isinstance(value, str) and value and not _ACCOUNT.fullmatch(value):
        hint = f"; with its leading zeros it is {value.zfill(12)!r}" if lost_zeros(value) else ""
        raise ValueError(f"{value!r} is not a 12-digit account id{hint}")
    return value


Account = Annotated[str, BeforeValidator(whole_account), Field(json_schema_extra={"pattern": r"^([0-9]{12})?$"})]


def _no_numbers(value: object) -> object:
    """Keys of `accounts` and `teams`, which may not be numbers: those have lost their leading zeros."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"{key!r} is not text; quote it so that leading zeros are kept")
    return value


class _Declared(BaseModel):
    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        alias_generator=lambda name: name.replace("_", "-"),
        defer_build=True,
    )


class DeclaredRole(_Declared):
    """The roles of an account or team: one for both services, and others for single services (by their name)."""

    role_arn: str = ""
    service_role_arn: dict[str, str] = Field(default_factory=dict)


class DeclaredNamespace(_Declared):
    """A namespace's default region, and the account or team that it is bound to."""

    region: str = ""
    account: Account = ""
    team: str = ""


Accounts = Annotated[dict[Account, DeclaredRole], BeforeValidator(_no_numbers)]
Teams = Annotated[dict[str, DeclaredRole], BeforeValidator(_no_numbers)]


class DeclaredAdoption(_Declared):
    """An AWS resource to adopt: `name` is its name or ARN, or `fields` are its adoption fields; `as` is what it
    is called in the cluster. A manifest (AdoptedResource, or an object with adoption annotations) is taken too. With
    the policy `adopt-or-create` the resource is created where it does not exist, and changed to `spec`."""

    kind: str = ""
    name: str = ""
    fields: dict[str, str] = Field(default_factory=dict)
    as_: str = Field("", alias="as")
    namespace: str = ""
    region: str = ""
    retain: bool = True
    read_only: bool = False
    group: str = Field("", description="API group of a manifest; by default that of the kind's service.")
    policy: Literal["adopt", "adopt-or-create"] = "adopt"
    spec: Json = Field(default_factory=dict, description="The desired state, for adopt-or-create.")


def _from_manifest(value: object) -> object:
    """A Kubernetes manifest as a declaration; anything else unchanged."""
    if not isinstance(value, Mapping):
        raise ValueError("expected a mapping with kind, name, namespace, …, or a manifest")
    if "apiVersion" not in value:
        return value
    group, _, version = str(value["apiVersion"]).rpartition("/")
    kind = str(value.get("kind", ""))
    if group in {_COMMON, *_GROUPS} and version != _VERSION:
        raise ValueError(f"{kind} is served as {group}/{_VERSION}, not {version}")
    metadata = _map(value.get("metadata"), "metadata")
    notes = _map(metadata.get("annotations"), "metadata.annotations")
    found: dict[str, object] = {"namespace": metadata.get("namespace") or "", "fields": {}}
    if (group, kind) == (_COMMON, _OBJECT):
        spec = _map(value.get("spec"), "spec")
        aws, target = _map(spec.get("aws"), "spec.aws"), _map(spec.get("kubernetes"), "spec.kubernetes")
        meta = _map(target.get("metadata"), "spec.kubernetes.metadata")
        group, kind = str(target.get("group") or ""), str(target.get("kind") or "")
        for name, text in (("group", group), ("kind", kind)):
            if not text:
                raise ValueError(f"spec.kubernetes.{name} of the AdoptedResource is missing")
        found |= {"name": aws.get("arn") or aws.get("nameOrID") or "", "fields": aws.get("additionalKeys") or {}}
        found |= {"as": meta.get("name") or metadata.get("name", "")}
        found["namespace"] = meta.get("namespace") or found["namespace"]
        notes = {**notes, **_map(meta.get("annotations"), "spec.kubernetes.metadata.annotations")}
    else:
        written, policy = notes.get(f"{_COMMON}/adoption-fields"), notes.get(f"{_COMMON}/adoption-policy") or "adopt"
        spec = _map(value.get("spec"), "spec")
        if group in _GROUPS and kind != _OBJECT and not written and policy == "adopt":
            other = f"; with {_COMMON}/adoption-policy: adopt-or-create its spec names the resource" if spec else ""
            raise ValueError(f"{kind} has no annotation {_COMMON}/adoption-fields, so it cannot be adopted{other}")
        found |= {"fields": _flat(written), "as": metadata.get("name", ""), "policy": policy, "spec": spec}
    found |= {"region": notes.get(f"{_COMMON}/region", ""), "read-only": notes.get(f"{_COMMON}/read-only") == "true"}
    found |= {"retain": notes.get(f"{_COMMON}/deletion-policy", "retain") != "delete", "kind": kind, "group": group}
    return found


def _map(value: object, where: str) -> Json:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise ValueError(f"{where} of the manifest is not a mapping")
    return dict(value)


def _flat(written: object) -> object:
    """The adoption-fields annotation as JSON; other values are refused by the field's own check."""
    try:
        return json.loads(str(written)) if written else {}
    except ValueError as error:
        raise ValueError(f"annotation {_COMMON}/adoption-fields is not JSON: {error}") from None


_COMMON, _VERSION, _OBJECT = "services.k8s.aws", "v1alpha1", "AdoptedResource"
_GROUPS = {f"{service}.{_COMMON}" for service in KINDS}  # others are refused by another check
Adoptions = list[Annotated[DeclaredAdoption, BeforeValidator(_from_manifest)]]

# Every key of an entry, for "did you mean".
DECLARED = [
    str(field.alias)
    for model in (DeclaredRole, DeclaredNamespace, DeclaredAdoption)
    for field in model.model_fields.values()
    if field.alias
]
