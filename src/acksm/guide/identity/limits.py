"""What IAM refuses of a role's policies and tags, found before the first write.

The numbers are IAM's: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html and, of tags,
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_tags.html.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence

from acksm.aws.documents import Role
from acksm.aws.iam_calls import Quotas
from acksm.engine.change import Change
from acksm.errors import AcksmError
from acksm.guide.identity import policies

MOST = Quotas(8_192, 25)  # what the quotas can be raised to
TAGS = 50
_KEY = re.compile(r"[\w\s.:/=+@-]{1,128}")
_VALUE = re.compile(r"[\w\s.:/=+@-]{0,256}")
_POLICY = re.compile(r"policy/[\x21-\x7e]{1,640}")


def check_tags(tags: Mapping[str, str], option: str) -> None:
    """Error: `config-invalid` for a tag that IAM refuses. Tags that begin with aws: are AWS's own."""
    for key, value in tags.items():
        if not _KEY.fullmatch(key) or key.lower().startswith("aws:"):
            text = "up to 128 letters, digits, spaces and _.:/=+@-, not beginning with aws:"
            raise AcksmError("config-invalid", f"invalid tag key {key!r}: IAM allows {text}", where=option)
        if not _VALUE.fullmatch(value):
            text = "up to 256 letters, digits, spaces and _.:/=+@-"
            raise AcksmError("config-invalid", f"invalid value of tag {key}: IAM allows {text}", where=option)


def check_policy_arns(arns: Iterable[str], partition: str, account: str, option: str) -> None:
    """Error: `policy-arn-invalid` for what cannot be attached in this account, such as another account's."""
    for arn in arns:
        heads = [f"arn:{partition}:iam::{owner}:" for owner in ("aws", account)]
        head = next((head for head in heads if arn.startswith(head)), None)
        if head is None or not _POLICY.fullmatch(arn.removeprefix(head)):
            raise AcksmError(
                "policy-arn-invalid",
                f"{arn!r} is not a policy ARN of account {account} ({heads[1]}policy/NAME) or of AWS",
                where=option,
            )


def check(changes: Sequence[Change], role: Role | None, quotas: Callable[[], Quotas]) -> None:
    """Check the changes of one role, of which `role` is the present state. `quotas` reads those of the account, where
    the defaults do not suffice. Errors: `trust-too-long`, `role-quota`."""
    default = Quotas()
    for change in changes:
        document = change.params.get("trust")
        length = policies.size(document) if document else 0
        if length > default.trust and length > (most := quotas().trust):
            raise AcksmError(
                "trust-too-long",
                f"the trust policy would have {length} characters, and IAM allows {most} in this account"
                + (f" (its quota can be raised to {MOST.trust})" if length <= MOST.trust else ""),
                where=change.target,
            )
    before = role["attached"] if role else []
    added = [change for change in changes if change.call.endswith("iam.attach_policy")]
    attached = {*before, *(change.params["policy_arn"] for change in added)}  # what is detached, is so afterwards
    if added and len(attached) > default.attached and len(attached) > (most := quotas().attached):
        raise AcksmError(
            "role-quota",
            f"the role would have {len(attached)} attached policies, and IAM allows {most} in this account"
            + (f" (its quota can be raised to {MOST.attached})" if len(attached) <= MOST.attached else ""),
            where=added[0].target,
        )
    for change in changes:
        tags = {**(role["tags"] if role else {}), **change.params.get("tags", {})}
        if change.call.endswith(("iam.create_role", "iam.tag_role")) and len(tags) > TAGS:
            text = f"the role would have {len(tags)} tags, and IAM allows {TAGS}"
            raise AcksmError("role-quota", text, where=change.target)
