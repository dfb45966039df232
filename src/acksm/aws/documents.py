"""What IAM stores of roles and providers, as acksm reads it."""

from __future__ import annotations

from typing import TypedDict

from acksm.json_types import Value


class Statement(TypedDict, total=False):
    """A statement of a policy. The elements are IAM's grammar; their values are the policy owner's, of any form: one
    text or a list, and anything in a user's file.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
    """

    Sid: str
    Effect: str
    Principal: Value
    NotPrincipal: Value
    Action: object
    NotAction: object
    Resource: object
    NotResource: object
    Condition: Value


class PolicyDocument(TypedDict, total=False):
    """A policy: one statement, or a list of them."""

    Version: str
    Id: str
    Statement: Value


class Trusting(TypedDict):
    """A role as GetRole has it, without its policies. `created` is ISO 8601, `boundary` an ARN or ""."""

    arn: str
    path: str
    created: str
    trust: PolicyDocument
    tags: dict[str, str]
    boundary: str


class Role(Trusting):
    """A role with its policies: `attached` are ARNs of managed ones, `inline` the documents of the others by name."""

    attached: list[str]
    inline: dict[str, PolicyDocument]


class OidcProvider(TypedDict):
    """`url` is the issuer's without https://, `created` RFC 3339."""

    url: str
    created: str
    client_ids: list[str]
    tags: dict[str, str]
