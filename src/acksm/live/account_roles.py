"""ARNs of roles in other accounts, checked before they are written anywhere."""

from __future__ import annotations

import re
from collections.abc import Sequence

from acksm.dataclass import dataclass
from acksm.declared import lost_zeros
from acksm.errors import AcksmError

_ARN = re.compile(
    r"arn:(?P<partition>[^:]*):iam::(?P<account>[^:]*):role(?P<path>/(?:[\x21-\x7e]{0,510}/)?)(?P<name>[\w+=,.@-]{1,64})"
)
_ACCOUNT = re.compile(r"\d{12}", re.ASCII)


@dataclass(frozen=True)
class RoleArn:
    """An IAM role's ARN in its parts; `path` begins and ends with "/"."""

    partition: str
    account: str
    path: str
    name: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{self.path}{self.name}"


def parse(text: str, partitions: Sequence[str], where: str) -> RoleArn:
    """The ARN's parts. Errors: `carm-role-arn`, `carm-partition`."""
    match = _ARN.fullmatch(text)
    if not match or not _ACCOUNT.fullmatch(match["account"]):
        hint = ""
        if ":assumed-role/" in text:
            hint = "; it is a session of a role, whose own ARN is arn:…:iam::ACCOUNT:role/NAME"
        elif match:
            hint = f"; {match['account']!r} is not a 12-digit account id"
        elif text.strip() != text:
            hint = "; it has white space around it"
        raise AcksmError("carm-role-arn", f"{text!r} is not the ARN of an IAM role{hint}", where=where)
    if match["partition"] not in partitions:
        raise AcksmError(
            "carm-partition",
            f'unknown partition "{match["partition"]}"; AWS has {", ".join(partitions)}',
            where=where,
        )
    return RoleArn(match["partition"], match["account"], match["path"], match["name"])


def check(text: str, *, account: str, partition: str, partitions: Sequence[str], where: str) -> RoleArn:
    """`text` as a role that the controllers could assume. `account` "" is any.

    Errors: `carm-role-arn`, `carm-partition` (roles of other partitions cannot be assumed), `carm-role-account`.
    """
    arn = parse(text, partitions, where)
    if arn.partition != partition:
        raise AcksmError(
            "carm-partition",
            f"{text} is in partition {arn.partition}, but the controllers are in {partition}",
            where=where,
        )
    if account and arn.account != account:
        raise AcksmError("carm-role-account", f"{text} is a role of account {arn.account}, not {account}", where=where)
    return arn


def check_account(text: str, where: str) -> str:
    """`text` when it is a whole account id. Error: `carm-account`."""
    if not _ACCOUNT.fullmatch(text):
        hint = f"; with its leading zeros it is {text.zfill(12)}" if lost_zeros(text) else ""
        raise AcksmError("carm-account", f"{text!r} is not a 12-digit account id{hint}", where=where)
    return text
