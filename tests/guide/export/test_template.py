"""iam.yaml is created by moto's CloudFormation, and install then has nothing to change about the role.

moto knows no OIDC provider and no EKS types there. It imports all its services, and API Gateway's a validator that
nothing here calls.
"""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

import typed
from acksm import yaml_reader
from acksm.aws.account import Aws
from acksm.aws.session import Keys
from acksm.events import silent
from acksm.guide.export import command, reading
from acksm.guide.identity import iam_role
from acksm.settings import Settings
from exports import export, offline_in_memory
from memory_account import ACCOUNT, CLUSTER, REGION, ROLE_NAME

_UNUSED = "openapi_spec_validator"


@pytest.mark.parametrize("identity", ["irsa", "pod-identity"])
def test_a_stack_of_the_template_leaves_install_nothing_to_do(
    identity: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in (_UNUSED, f"{_UNUSED}.validation", f"{_UNUSED}.validation.exceptions"):
        module = ModuleType(name)
        vars(module).update(validate_spec=None, OpenAPIValidationError=Exception, __path__=[])
        monkeypatch.setitem(sys.modules, name, module)
    import boto3
    from moto import mock_aws

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOTO_ACCOUNT_ID", ACCOUNT)
    monkeypatch.setenv("MOTO_IAM_LOAD_MANAGED_POLICIES", "true")
    typed.in_memory(monkeypatch)
    offline_in_memory(monkeypatch)
    options = {"cluster": "demo", "region": REGION, "account": ACCOUNT, "identity": identity, "tag": {"team": "012"}}
    settings = Settings.of(**options)
    folder = tmp_path / "x"
    export(folder, "cloudformation", identity=identity, tag=options["tag"])
    text = (folder / "iam.yaml").read_text()
    with command.offline(settings.target, settings.run, CLUSTER.issuer) as target:
        want = reading.read(target, settings.controllers, settings.role, silent).iam.role
    assert want is not None
    keys = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    with mock_aws():
        stacks = boto3.client("cloudformation", region_name=REGION, **keys)
        stacks.create_stack(StackName="acksm-iam", TemplateBody=text, Capabilities=["CAPABILITY_NAMED_IAM"])
        (stack,) = stacks.describe_stacks(StackName="acksm-iam")["Stacks"]
        assert stack["StackStatus"] == "CREATE_COMPLETE"
        role = Aws(region=REGION, keys=Keys("x", "x", "")).iam.get_role(ROLE_NAME)
        assert role is not None
        left = iam_role.plan(iam_role.Observed(role), want)
        assert [change.id for change in left] == []
        assert {one["OutputKey"]: one["OutputValue"] for one in stack["Outputs"]} == {"RoleArn": want.arn}
    assert set(yaml_reader.load(text)["Resources"]) >= {"Role"}
