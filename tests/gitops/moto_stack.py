"""moto's CloudFormation, in the environment that `make gitops` makes for it: creates a stack of the template on stdin,
and prints what it has created. It skips the types that it does not know, and attaches no managed policy."""

from __future__ import annotations

import json
import sys
from typing import Any

import boto3
from moto import mock_aws


def main() -> None:
    connect: Any = boto3.client
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x", "region_name": "us-west-2"}
    with mock_aws():
        formation, iam = connect("cloudformation", **keys), connect("iam", **keys)
        template = sys.stdin.read()
        formation.create_stack(StackName="one", TemplateBody=template, Capabilities=["CAPABILITY_NAMED_IAM"])
        (stack,) = formation.describe_stacks(StackName="one")["Stacks"]
        roles = {}
        for role in iam.list_roles()["Roles"]:
            name = role["RoleName"]
            roles[name] = {
                "arn": role["Arn"],
                "trust": role["AssumeRolePolicyDocument"],
                "inline": iam.list_role_policies(RoleName=name)["PolicyNames"],
                "tags": {one["Key"]: one["Value"] for one in iam.list_role_tags(RoleName=name)["Tags"]},
            }
        outputs = {one["OutputKey"]: one["OutputValue"] for one in stack.get("Outputs", [])}
        json.dump({"status": stack["StackStatus"], "outputs": outputs, "roles": roles}, sys.stdout)


if __name__ == "__main__":
    main()
