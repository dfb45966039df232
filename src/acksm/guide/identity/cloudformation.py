"""CloudFormation templates of what acksm creates in IAM, from the same desired state as its own plan. Pure."""

from __future__ import annotations

from acksm import yaml_writer
from acksm.guide.identity.iam_role import NEW, Desired
from acksm.json_types import Document, Json

VERSION = "2010-09-09"


def role(want: Desired, description: str) -> Json:
    """The role as a resource (AWS::IAM::Role), tags included, so that acksm recognises it."""
    properties: Json = {
        "RoleName": want.name,
        "Path": want.path,
        "Description": description,
        "AssumeRolePolicyDocument": want.trust(None, NEW),
        "ManagedPolicyArns": list(want.managed),
        "Policies": [{"PolicyName": name, "PolicyDocument": doc} for name, doc in want.inline.items()],
        "PermissionsBoundary": want.boundary,
        "Tags": tags(want.tags),
    }
    return {"Type": "AWS::IAM::Role", "Properties": {key: value for key, value in properties.items() if value}}


def tags(found: Document) -> list[Json]:
    return [{"Key": key, "Value": value} for key, value in found.items()]


def template(description: str, resources: Document, outputs: Document, **sections: Document) -> str:
    """The template as YAML; `sections` are its others (Parameters, Conditions)."""
    document: Json = {"AWSTemplateFormatVersion": VERSION, "Description": description}
    document |= {name: dict(section) for name, section in sections.items() if section}
    return yaml_writer.dump({**document, "Resources": dict(resources), "Outputs": dict(outputs)})
