"""A cluster in which everything is as it should be, as doctor sees it, and ways to break one thing of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, cast

from acksm.aws.documents import Role
from acksm.aws.eks import Association, Cluster
from acksm.aws.session import Identity
from acksm.engine.change import Change, Op, Plan
from acksm.errors import AcksmError
from acksm.guide.doctor.facts import Deployed, Facts, PlanRights
from acksm.guide.identity import oidc, trust
from acksm.guide.identity.judged import Judged, Verdict
from acksm.guide.identity.live_accounts import Live
from acksm.guide.install.release import Observed as Release
from acksm.kube.kubeconfig import Context
from acksm.kube.paths import Ref
from acksm.live.bindings import OWNER, Namespace
from acksm.live.controller_logs import PodLog
from acksm.live.discovery import Controllers
from acksm.live.inventory import Common, Inventory, Item
from acksm.live.placement import Fit, Placement
from acksm.live.readiness import Health
from acksm.live.running import Flags, Running
from acksm.settings import DEFAULT_REGISTRY, Settings
from carm_cluster import OWN, running

ROLE = f"arn:aws:iam::{OWN}:role/ack-controller-role-demo"
ARN = f"arn:aws:eks:us-west-2:{OWN}:cluster/demo"
ISSUER = "oidc.eks.us-west-2.amazonaws.com/id/ABC"
PROVIDER = f"arn:aws:iam::{OWN}:oidc-provider/{ISSUER}"
CLUSTER = Cluster("demo", ARN, "us-west-2", OWN, "https://x", "QQ==", f"https://{ISSUER}", "ACTIVE", "1.35")
CONTROLLER = running()
SUBJECT = trust.subject("ack-system", CONTROLLER.service_account)
HEALTH = Health("ack-sagemaker", True, "1 of 1 pods available", service_account="ack", service_account_role=ROLE)
RELEASE = Release("1.9.1", "deployed", {}, True, health=HEALTH)
CONTEXT = Context("demo", "config", "https://x", "", "demo", "us-west-2", "eks")


def pod(name: str = "ack-sagemaker-1", role: str = ROLE) -> dict[str, Any]:
    env = [{"name": "AWS_ROLE_ARN", "value": role}, {"name": "AWS_WEB_IDENTITY_TOKEN_FILE", "value": "/t"}]
    return {
        "metadata": {"name": name},
        "spec": {"containers": [{"name": "controller", "env": env if role else []}]},
        "status": {"conditions": [{"type": "Ready", "status": "True"}]},
    }


def deployed(controller: Running = CONTROLLER, replicas: int = 1, **flags: str) -> Deployed:
    values = {name.replace("_", "-"): value for name, value in flags.items()}
    return Deployed(controller, Flags(values), replicas, (pod(),))


def role(*subjects: str, provider: str = PROVIDER, **more: Any) -> Role:
    document = {"Statement": [trust.statement(provider, subjects)] if subjects else []}
    base = {"arn": ROLE, "path": "/", "created": "", "trust": document, "attached": ["x"], "inline": {}}
    return cast(Role, {**base, "boundary": "", "tags": {}, **more})


def crd(name: str = "models.sagemaker.services.k8s.aws", *, established: bool = True, going: bool = False) -> Any:
    accepted = {"type": "NamesAccepted", "status": "True"}
    state = [accepted, {"type": "Established", "status": "True" if established else "False"}]
    metadata = {"name": name} | ({"deletionTimestamp": "x"} if going else {})
    return {"metadata": metadata, "spec": {"group": name.partition(".")[2]}, "status": {"conditions": state}}


def item(*conditions: Mapping[str, str], **more: Any) -> Item:
    location = Ref("sagemaker.services.k8s.aws/v1alpha1", "models", "Model", "m", "team")
    return Item("sagemaker", "Model", location, conditions=tuple(conditions), **more)


def inventory_of(
    *items: Item, found: Any = (CONTROLLER,), common: Any = (), others: Any = (), partial: bool = False, owner: str = ""
) -> Inventory:
    space = Namespace("team", {OWNER: owner} if owner else {})
    return Inventory(
        tuple(items), tuple(common), {}, Controllers(tuple(found), others, partial=partial), {"team": space}
    )


def lease(holder: str = "ack-sagemaker-1_uuid", renewed: str = "") -> dict[str, Any]:
    name = {"name": "ack-sagemaker.services.k8s.aws", "namespace": "ack-system"}
    return {"metadata": name, "spec": {"holderIdentity": holder, "renewTime": renewed or datetime.now(UTC).isoformat()}}


def change(id: str, **more: Any) -> Change:
    base = Change(id=id, step="s", op=Op.UPDATE, system="aws", target=f"target of {id}", call="c", params={})
    return replace(base, **more)


def error(id: str, message: str = "told") -> AcksmError:
    return AcksmError(id, message, where="there")


def export(*crosses: str) -> Common:
    """A FieldExport of a model of team-a, to the namespaces `crosses`."""
    location = Ref("services.k8s.aws/v1alpha1", "fieldexports", "FieldExport", "arn", "team-a")
    return Common("FieldExport", location, ("sagemaker",), crosses=crosses)


def adopted() -> Common:
    location = Ref("services.k8s.aws/v1alpha1", "adoptedresources", "AdoptedResource", "old", "team")
    spec = {"aws": {"nameOrID": "old"}, "kubernetes": {"group": "sagemaker.services.k8s.aws", "kind": "Model"}}
    manifest = {"metadata": {"name": "old", "namespace": "team"}, "spec": spec}
    return Common("AdoptedResource", location, ("sagemaker",), manifest=manifest)


def associated(arn: str, **more: Any) -> dict[tuple[str, str], Association]:
    """The controller's association with a role."""
    account = ("ack-system", CONTROLLER.service_account)
    return {account: replace(Association(arn, arn, True, "a-1", *account), **more)}


def whole(**more: Any) -> Facts:
    """sagemaker 1.9.1 is installed and all is well."""
    base = Facts(
        Settings.of(cluster="demo", service=["sagemaker"], account=OWN),
        helm="helm 4.1 (/bin/helm)",
        context=CONTEXT,
        identity=Identity(OWN, f"arn:aws:iam::{OWN}:user/admin", "U"),
        region="us-west-2",
        regions={"sts": ["us-west-2", "eu-west-1"], "sagemaker": ["us-west-2"]},
        cluster=CLUSTER,
        server="1.35.4",
        nodes=[Placement(Fit.YES, "1 of 1 node can run the controllers")],
        namespace={"metadata": {"name": "ack-system"}},
        registry={("sagemaker", DEFAULT_REGISTRY): "1.9.1"},
        iam={"install": [], "status": []},
        plan=Plan("doctor", ()),
        plan_rights=PlanRights([]),
        releases={"sagemaker": RELEASE},
        unknown_values={"sagemaker": []},
        deployed=[deployed()],
        leases=[],
        crds=[crd()],
        provider=oidc.Observed(PROVIDER, ("sts.amazonaws.com",)),
        roles={ROLE: role(SUBJECT)},
        associated={},
        inventory=inventory_of(item({"type": "ACK.ResourceSynced", "status": "True"})),
        logs=[PodLog("sagemaker", "ack-system", "ack-sagemaker-1", False, "starting manager")],
        chains=[],
        other_subjects={ROLE: Live()},
        pass_role={ROLE: Judged(Verdict.NO)},
    )
    return replace(base, **more)
