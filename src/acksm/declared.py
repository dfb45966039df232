"""What acksm.yaml may declare for many namespaces at once: their regions and accounts (issue 5).

```yaml
accounts:
  "111111111111":
    role-arn: arn:aws:iam::111111111111:role/SagemakerCrossAccountAccess
namespaces:
  production: {region: us-east-1, account: "111111111111"}
```
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

_ACCOUNT = re.compile(r"\d{12}")


def whole_account(value: object) -> object:
    """A 12-digit account id as a string, or "". An unquoted one in YAML is a number, and its leading zero gone (G3)."""
    if isinstance(value, int | float):
        raise ValueError(f"{value} is a number here; write the 12 digits in quotes so that no zero is lost")
    if isinstance(value, str) and value and not _ACCOUNT.fullmatch(value):
        short = value.isascii() and value.isdigit() and len(value) < 12
        hint = f"; with its leading zeros it is {value.zfill(12)!r}" if short else ""
        raise ValueError(f"{value!r} is not a 12-digit account id{hint}")
    return value


Account = Annotated[str, BeforeValidator(whole_account), Field(json_schema_extra={"pattern": r"^([0-9]{12})?$"})]


def _no_numbers(value: object) -> object:
    """Keys of `accounts` and `teams` as they were meant: a number has lost its zeros before anyone can see them."""
    if isinstance(value, dict):
        for key in value:
            if not isinstance(key, str):
                raise ValueError(f"{key!r} is a number here; write it in quotes so that no zero is lost")
    return value


class _Declared(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, populate_by_name=True, alias_generator=lambda name: name.replace("_", "-")
    )


class DeclaredRole(_Declared):
    """The roles of an account or team: one for both services, and others for single services (by their name)."""

    role_arn: str = ""
    service_role_arn: dict[str, str] = Field(default_factory=dict)


class DeclaredNamespace(_Declared):
    """A namespace's default region, and whose objects are made in it: an account's or a team's."""

    region: str = ""
    account: Account = ""
    team: str = ""


Accounts = Annotated[dict[Account, DeclaredRole], BeforeValidator(_no_numbers)]
Teams = Annotated[dict[str, DeclaredRole], BeforeValidator(_no_numbers)]


# Every key of an entry, for "did you mean".
DECLARED = [
    str(field.alias)
    for model in (DeclaredRole, DeclaredNamespace)
    for field in model.model_fields.values()
    if field.alias
]
