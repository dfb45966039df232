"""What the target account's administrator gets from `carm setup --print`: a CloudFormation template and aws commands.

Both create the role that `carm setup` would create with credentials of that account, tags included, so that a later
setup recognises it. The text is one valid template: the commands are in its comments.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence

from acksm.guide.identity import cloudformation
from acksm.guide.identity.iam_role import NEW, Desired

STACK = "acksm-carm"


def template(want: Desired, principals: Sequence[str]) -> str:
    """The template as YAML. `principals` are in its description."""
    role = cloudformation.role(want, "ACK controllers of another account; created by acksm")
    outputs = {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]}}}
    return cloudformation.template(f"Role {want.name} for {', '.join(principals)}", {"Role": role}, outputs)


def commands(want: Desired) -> list[str]:
    """aws commands that create the same, one per line."""

    def aws(*words: str) -> str:
        return shlex.join(["aws", "iam", *words])

    def compact(document: object) -> str:
        return json.dumps(document, separators=(",", ":"))

    create = ["create-role", "--role-name", want.name, "--path", want.path]
    create += ["--assume-role-policy-document", compact(want.trust(None, NEW))]
    create += ["--permissions-boundary", want.boundary] if want.boundary else []
    create += ["--tags", *(f"Key={key},Value={value}" for key, value in want.tags.items())]
    lines = [aws(*create)]
    lines += [aws("attach-role-policy", "--role-name", want.name, "--policy-arn", arn) for arn in want.managed]
    lines += [
        aws("put-role-policy", "--role-name", want.name, "--policy-name", name, "--policy-document", compact(document))
        for name, document in want.inline.items()
    ]
    if want.service_linked:
        lines.append(aws("create-service-linked-role", "--aws-service-name", want.service_linked))
    return lines


def text(want: Desired, template: str, commands: Sequence[str]) -> str:
    """The template, with its instructions as comments above it."""
    account = want.arn.split(":")[4]
    head = [
        f"For the administrator of account {account}. This file is a CloudFormation template:",
        f"  aws cloudformation deploy --stack-name {STACK} --template-file FILE --capabilities CAPABILITY_NAMED_IAM",
    ]
    if want.service_linked:
        head.append(f"and once per account, unless the service-linked role exists: {commands[-1]}")
    head += ["or, without CloudFormation:", *(f"  {line}" for line in commands)]
    head.append("Afterwards, in the cluster's account: acksm carm verify --live")
    return "".join(f"# {line}\n" for line in head) + template
