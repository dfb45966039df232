"""The IAM half as a CloudFormation template: what install would create in IAM and EKS, from the same code. Pure.

Everything has DeletionPolicy Retain: a deleted stack takes neither the role from running controllers nor the OIDC
provider from the cluster's other users.
"""

from __future__ import annotations

from acksm.aws.pod_identity import AGENT
from acksm.errors import AcksmError
from acksm.guide.export.reading import Source
from acksm.guide.identity import cloudformation
from acksm.guide.identity.oidc import AUDIENCE
from acksm.json_types import Json

CREATE_PROVIDER = "CreateOIDCProvider"
_RETAIN = {"DeletionPolicy": "Retain", "UpdateReplacePolicy": "Retain"}


def template(source: Source, *, required: bool = False) -> str:
    """The template, "" where nothing of it is the export's. Error: `export-not-expressible`, if it is `required`."""
    iam = source.iam
    resources: Json = {}
    parameters: Json = {}
    conditions: Json = {}
    if iam.provider is not None:
        parameters[CREATE_PROVIDER] = {
            "Type": "String",
            "AllowedValues": ["true", "false"],
            "Default": "false" if iam.provider_exists else "true",
            "Description": "false where the account already has the cluster's OIDC provider",
        }
        conditions["OIDCProviderIsNew"] = {"Fn::Equals": [{"Ref": CREATE_PROVIDER}, "true"]}
        resources["OIDCProvider"] = {
            "Type": "AWS::IAM::OIDCProvider",
            "Condition": "OIDCProviderIsNew",
            **_RETAIN,
            "Properties": {
                "Url": iam.provider.url,
                "ClientIdList": [AUDIENCE],
                "Tags": cloudformation.tags(iam.provider.tags),
            },
        }
    if iam.role is not None:
        role = cloudformation.role(iam.role, "ACK controllers; exported by acksm")
        resources["Role"] = {"Type": role["Type"], **_RETAIN, "Properties": role["Properties"]}
    if iam.agent:
        resources["PodIdentityAgent"] = {
            "Type": "AWS::EKS::Addon",
            **_RETAIN,
            "Properties": {
                "ClusterName": source.cluster.name,
                "AddonName": AGENT,
                "Tags": cloudformation.tags(iam.tags),
            },
        }
    for number, (namespace, account) in enumerate(iam.associations, start=1):
        resources[f"PodIdentityAssociation{number if len(iam.associations) > 1 else ''}"] = {
            "Type": "AWS::EKS::PodIdentityAssociation",
            **_RETAIN,
            "Properties": {
                "ClusterName": source.cluster.name,
                "Namespace": namespace,
                "ServiceAccount": account,
                "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]} if iam.role is not None else iam.role_arn,
                "Tags": cloudformation.tags(iam.tags),
            },
        }
    if not resources:
        if required:
            raise AcksmError(
                "export-not-expressible",
                f"role {iam.role_arn} exists and acksm does not change it: a template would have no resource",
                where="--role-arn",
            )
        return ""
    outputs = {"RoleArn": {"Value": {"Fn::GetAtt": ["Role", "Arn"]} if iam.role is not None else iam.role_arn}}
    return cloudformation.template(
        f"ACK controllers of EKS cluster {source.cluster.name}: their role and how pods get it",
        resources,
        outputs,
        Parameters=parameters,
        Conditions=conditions,
    )
