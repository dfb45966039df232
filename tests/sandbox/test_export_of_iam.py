"""The template of an export, deployed: for install nothing of IAM and EKS is left to do."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from acksm.guide.export import images
from cloudformation_stack import deploy
from world import ONE, World

pytestmark = pytest.mark.crds
IDENTITIES = {
    "irsa": (),
    "pod-identity": ("--identity", "pod-identity", "--install-agent", "--policy", "least", "--tag", "team=ml"),
}


@pytest.mark.parametrize("identity", IDENTITIES)
def test_a_deployed_template_leaves_no_iam_to_install(
    identity: str, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(images, "read", lambda *_: [])  # the images' registry is not the sandbox's
    options = (*ONE, *IDENTITIES[identity])
    world.acksm("export", "--to", "cloudformation", "--out", str(tmp_path), *options).ok()
    template, page = ((tmp_path / name).read_text() for name in ("iam.yaml", "README.md"))
    made = deploy(template, world.aws)
    assert made["RoleArn"].endswith(f"role/ack-controller-role-{world.cluster}")
    if identity == "irsa":
        (linked,) = re.findall(r"create-service-linked-role --aws-service-name (\S+)", page)
        world.aws("iam").create_service_linked_role(AWSServiceName=linked)
    assert world.acksm("export", "--check", str(tmp_path)).ok().exit_code == 0
    left = world.acksm("install", "--dry-run", "-o", "json", *options).ok().data["changes"]
    assert {one["id"] for one in left} <= {"namespace.create", "release.install", "release.identity"}
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        deploy(template, world.aws)  # as README.md says of a role that exists
