"""Hosts of private registries of Amazon ECR, in every partition, and what signs in to them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import botocore
import pytest
from botocore.stub import Stubber

from acksm.aws import ecr
from acksm.aws.account import Aws
from acksm.aws.ecr import Ecr, EcrRegistry, registry_of
from acksm.errors import AcksmError
from acksm.guide.connect import registries
from acksm.guide.doctor import caller_policies
from acksm.helm.oci import Login

ACCOUNT = "111122223333"
PARTITIONS = json.loads((Path(botocore.__file__).parent / "data" / "partitions.json").read_text())["partitions"]


@pytest.mark.parametrize(
    ("host", "region", "partition", "fips", "dual"),
    [
        ("111122223333.dkr.ecr.us-west-2.amazonaws.com", "us-west-2", "aws", False, False),
        ("111122223333.dkr.ecr-fips.us-east-1.amazonaws.com", "us-east-1", "aws", True, False),
        ("111122223333.dkr-ecr.eu-west-1.on.aws", "eu-west-1", "aws", False, True),
        ("111122223333.dkr-ecr-fips.us-east-1.on.aws", "us-east-1", "aws", True, True),
        ("111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn", "cn-north-1", "aws-cn", False, False),
        ("111122223333.dkr-ecr.cn-north-1.on.amazonwebservices.com.cn", "cn-north-1", "aws-cn", False, True),
        ("111122223333.dkr.ecr.us-gov-west-1.amazonaws.com", "us-gov-west-1", "aws-us-gov", False, False),
        ("111122223333.dkr.ecr.us-iso-east-1.c2s.ic.gov", "us-iso-east-1", "aws-iso", False, False),
        ("111122223333.dkr.ecr.us-isob-east-1.sc2s.sgov.gov", "us-isob-east-1", "aws-iso-b", False, False),
        ("111122223333.dkr.ecr.eu-isoe-west-1.cloud.adc-e.uk", "eu-isoe-west-1", "aws-iso-e", False, False),
        ("111122223333.dkr.ecr.us-isof-south-1.csp.hci.ic.gov", "us-isof-south-1", "aws-iso-f", False, False),
        ("111122223333.dkr.ecr.eusc-de-east-1.amazonaws.eu", "eusc-de-east-1", "aws-eusc", False, False),
        ("111122223333.dkr.ecr.ap-southeast-7.amazonaws.com", "ap-southeast-7", "aws", False, False),
    ],
)
def test_hosts(host: str, region: str, partition: str, fips: bool, dual: bool) -> None:
    found = registry_of(host)
    assert found == EcrRegistry(host, ACCOUNT, region, fips, dual)
    assert found.arn("acks/*") == f"arn:{partition}:ecr:{region}:{ACCOUNT}:repository/acks/*"


@pytest.mark.parametrize(
    "host",
    [
        "public.ecr.aws",
        "registry.example.com",
        "111122223333.dkr.ecr.us-west-2.amazonaws.com.evil.example",
        "111122223333.dkr.ecr.us-west-2.evil.example",
        "evil.111122223333.dkr.ecr.us-west-2.amazonaws.com",
        "11112222333.dkr.ecr.us-west-2.amazonaws.com",
        "111122223333.dkr.ecr.us-west-2.amazonaws.com:5000",
        "111122223333xdkr.ecr.us-west-2.amazonaws.com",
    ],
)
def test_other_hosts_get_no_token(host: str) -> None:
    assert registry_of(host) is None


@pytest.mark.parametrize("partition", PARTITIONS, ids=lambda one: str(one["id"]))
def test_partitions_are_those_that_botocore_knows(partition: Any) -> None:
    name, outputs = partition["id"], partition["outputs"]
    plain, dual = ecr.SUFFIXES[name]
    assert plain == outputs["dnsSuffix"]
    assert dual == "on.aws" or dual == "on." + outputs["dualStackDnsSuffix"].removeprefix("api.")
    for region in partition["regions"]:
        if "global" not in region:
            assert re.fullmatch(partition["regionRegex"], region)
            found = registry_of(f"{ACCOUNT}.dkr.ecr.{region}.{plain}")
            assert found is not None
            assert (found.region, found.partition) == (region, name)


HERE = EcrRegistry(f"{ACCOUNT}.dkr.ecr.us-west-2.amazonaws.com", ACCOUNT, "us-west-2")


def session() -> Aws:
    aws = Aws(region="eu-west-1")
    aws.session  # noqa: B018 (made before the stub)
    return aws


@pytest.fixture(autouse=True)
def _keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in (("AWS_ACCESS_KEY_ID", "AKIA"), ("AWS_SECRET_ACCESS_KEY", "x"), ("HOME", str(tmp_path))):
        monkeypatch.setenv(name, value)
    for name in ("DOCKER_CONFIG", "HELM_REGISTRY_CONFIG", "REGISTRY_AUTH_FILE", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        (HERE.host, "https://api.ecr.us-west-2.amazonaws.com"),
        (f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com", "https://ecr-fips.us-east-1.amazonaws.com"),
        (f"{ACCOUNT}.dkr-ecr.us-west-2.on.aws", "https://ecr.us-west-2.api.aws"),
        (f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn", "https://api.ecr.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_token_is_of_the_registrys_region(host: str, endpoint: str) -> None:
    found = registry_of(host)
    assert found is not None
    assert Ecr(session(), found)._client().meta.endpoint_url == endpoint


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([{"authorizationToken": "QVdTOnMzY3JldA=="}], ("AWS", "s3cret")),
        ([], "aws-failed"),
        ([{"authorizationToken": "%"}], "aws-failed"),
    ],
)
def test_the_token(data: Any, expected: Any) -> None:
    aws = session()
    with Stubber(aws.client("ecr", "us-west-2")) as stub:
        stub.add_response("get_authorization_token", {"authorizationData": data})
        if isinstance(expected, tuple):
            assert Ecr(aws, HERE).login() == expected
            return
        with pytest.raises(AcksmError) as caught:
            Ecr(aws, HERE).login()
        assert caught.value.id == expected


def test_a_stored_login_serves_where_the_caller_gets_no_token(tmp_path: Path) -> None:
    aws, repository = session(), "acks/sagemaker-chart"
    with Stubber(aws.client("ecr", "us-west-2")) as stub:
        for _ in range(2):
            stub.add_client_error("get_authorization_token", "AccessDeniedException", "no", 400)
        with pytest.raises(AcksmError, match="ecr:GetAuthorizationToken"):
            registries.sign_in(aws)(HERE.host, repository)
        (tmp_path / ".docker").mkdir()
        auths = {"auths": {HERE.host: {"username": "AWS", "password": "stored"}}}
        (tmp_path / ".docker" / "config.json").write_text(json.dumps(auths))
        found = registries.sign_in(aws)(HERE.host, repository)
    assert found == Login("AWS", "stored", source=f"{tmp_path}/.docker/config.json ({HERE.host})")


def test_the_public_registry_is_read_without_credentials(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    (tmp_path / ".docker" / "config.json").write_text("malformed")
    assert registries.sign_in(session())("public.ecr.aws", "aws-controllers-k8s/sagemaker-chart") is None


@pytest.mark.parametrize(
    ("name", "valid"),
    [("acks/sagemaker-chart", True), ("a" * 257, False), ("Acks/x", False), ("a//b", False), ("a", False)],
)
def test_names_of_repositories(name: str, valid: bool) -> None:
    assert ecr.is_repository(name) is valid


def test_only_a_registry_in_ecr_needs_permissions() -> None:
    def actions(command: str, *locations: str) -> set[str]:
        scope = caller_policies.Scope(repositories=caller_policies.repositories(locations))
        document = caller_policies.document(command, scope)
        return {action for one in document["Statement"] for action in one["Action"] if action.startswith("ecr:")}

    assert actions("install", "public.ecr.aws/aws-controllers-k8s", "registry.example.com/x") == set()
    pull = {"ecr:GetAuthorizationToken", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:ListImages"}
    assert actions("install", f"{HERE.host}/acks") == actions("status", f"{HERE.host}/acks") == pull
    assert {"ecr:PutImage", "ecr:CreateRepository"} <= actions("mirror", f"{HERE.host}/acks")
    assert caller_policies.repositories([f"{HERE.host}/acks"]) == (HERE.arn("acks/*"),)
