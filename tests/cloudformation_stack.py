"""CloudFormation, as far as acksm's templates need it: parameters, conditions, references and the order that these
give, and each resource by the calls that its type is documented to make
(https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-template-resource-type-ref.html). moto's own
knows no OIDC provider and nothing of EKS, and keeps neither attached policies nor inline ones as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from graphlib import TopologicalSorter
from typing import Any

from acksm import yaml_reader
from acksm.json_types import Json, Value

Connect = Callable[[str], Any]  # a boto3 client by the name of its service


def deploy(text: str, connect: Connect, **overrides: str) -> Json:
    """Create everything of a template, with values for its parameters; its outputs."""
    template = dict(yaml_reader.load(text))
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"
    known = template.keys() - {"AWSTemplateFormatVersion", "Description"}
    assert known <= {"Parameters", "Conditions", "Resources", "Outputs"}
    declared = dict(template.get("Parameters") or {})
    assert overrides.keys() <= declared.keys()
    parameters: Json = {}
    for name, parameter in declared.items():
        parameters[name] = overrides.get(name, parameter.get("Default"))
        assert parameters[name] in parameter["AllowedValues"]
    stack = _Stack(parameters)
    stack.conditions = {name: stack.value(one) for name, one in (template.get("Conditions") or {}).items()}
    wanted = {
        name: one
        for name, one in template["Resources"].items()
        if "Condition" not in one or stack.conditions[one["Condition"]]
    }
    order = TopologicalSorter({name: _references(one["Properties"]) & wanted.keys() for name, one in wanted.items()})
    for name in order.static_order():
        assert wanted[name].keys() <= {"Type", "Condition", "DeletionPolicy", "UpdateReplacePolicy", "Properties"}
        properties = dict(stack.value(wanted[name]["Properties"]))
        ref, attributes = _TYPES[wanted[name]["Type"]](connect, properties)
        assert not properties, f"{name}: Encountered unsupported property {', '.join(properties)}"
        stack.refs[name], stack.attributes[name] = ref, attributes
    return {name: stack.value(one["Value"]) for name, one in (template.get("Outputs") or {}).items()}


class _Stack:
    """What references of a template are replaced by."""

    def __init__(self, parameters: Mapping[str, Value]) -> None:
        self.refs, self.attributes, self.conditions = Json(parameters), Json(), Json()

    def value(self, found: Value) -> Value:
        if isinstance(found, list):
            return [self.value(one) for one in found]
        if not isinstance(found, Mapping):
            return found
        match list(found.items()):
            case [("Ref", name)]:
                return self.refs[name]
            case [("Fn::GetAtt", [name, attribute])]:
                return self.attributes[name][attribute]
            case [("Fn::Equals", [one, other])]:
                return self.value(one) == self.value(other)
        assert not any(str(key).startswith("Fn::") for key in found), found
        return {key: self.value(one) for key, one in found.items()}


def _references(found: Value) -> set[str]:
    if isinstance(found, Mapping):
        if named := found.get("Fn::GetAtt"):
            return {str(named[0])}
        if named := found.get("Ref"):
            return {str(named)}
        return {name for one in found.values() for name in _references(one)}
    return {name for one in found for name in _references(one)} if isinstance(found, list) else set()


def _role(connect: Connect, given: Json) -> tuple[str, Json]:
    iam, name = connect("iam"), given.pop("RoleName")
    policies, attached = given.pop("Policies", []), given.pop("ManagedPolicyArns", [])
    direct = {key: given.pop(key) for key in ("Path", "Description", "PermissionsBoundary", "Tags") if key in given}
    trust = json.dumps(given.pop("AssumeRolePolicyDocument"))
    made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **direct)["Role"]
    for one in policies:
        document = json.dumps(one["PolicyDocument"])
        iam.put_role_policy(RoleName=name, PolicyName=one["PolicyName"], PolicyDocument=document)
    for arn in attached:
        iam.attach_role_policy(RoleName=name, PolicyArn=arn)
    return name, {"Arn": made["Arn"], "RoleId": made["RoleId"]}


def _provider(connect: Connect, given: Json) -> tuple[str, Json]:
    direct = {"Url": given.pop("Url"), "ClientIDList": given.pop("ClientIdList"), "Tags": given.pop("Tags")}
    arn = connect("iam").create_open_id_connect_provider(**direct)["OpenIDConnectProviderArn"]
    return arn, {"Arn": arn}


def _addon(connect: Connect, given: Json) -> tuple[str, Json]:
    eks, cluster, name = connect("eks"), given.pop("ClusterName"), given.pop("AddonName")
    made = eks.create_addon(clusterName=cluster, addonName=name, tags=_tags(given))["addon"]
    return f"{cluster}|{name}", {"Arn": made["addonArn"]}


def _association(connect: Connect, given: Json) -> tuple[str, Json]:
    made = connect("eks").create_pod_identity_association(
        clusterName=given.pop("ClusterName"),
        namespace=given.pop("Namespace"),
        serviceAccount=given.pop("ServiceAccount"),
        roleArn=given.pop("RoleArn"),
        tags=_tags(given),
    )["association"]
    arn = made["associationArn"]
    return arn, {"AssociationArn": arn, "AssociationId": made["associationId"]}


def _tags(given: Json) -> dict[str, str]:
    return {one["Key"]: one["Value"] for one in given.pop("Tags", [])}


_TYPES: Mapping[str, Callable[[Connect, Json], tuple[str, Json]]] = {
    "AWS::IAM::Role": _role,
    "AWS::IAM::OIDCProvider": _provider,
    "AWS::EKS::Addon": _addon,
    "AWS::EKS::PodIdentityAssociation": _association,
}
