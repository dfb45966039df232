"""Guide §2.1: connected to the right cluster with the right account, checked before the first write.

The endpoint and CA come from EKS and acksm creates the token, so a cluster name is enough. The server of a context must
be the endpoint that EKS reports for the cluster.
"""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field, replace
from difflib import get_close_matches
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING

from acksm.aws import local
from acksm.aws.account import Aws
from acksm.aws.eks import Cluster
from acksm.aws.session import Identity, Keys, Session
from acksm.aws.token import exec_credential as _credential, mint
from acksm.dataclass import dataclass
from acksm.engine.waits import Deadline
from acksm.errors import AcksmError
from acksm.guide.connect.registries import registry
from acksm.helm.api import Charts, Operations
from acksm.helm.releases import Releases
from acksm.helm.runner import Helm
from acksm.json_types import Json
from acksm.kube.api import Apiserver
from acksm.kube.client import Endpoint, Kube, preload
from acksm.kube.kubeconfig import Context, is_server, load
from acksm.kube.sign_in import NO_SIGN_IN, SignIn
from acksm.remedies import KNOWN
from acksm.settings import RunSettings, TargetSettings, located
from acksm.words import did_you_mean

if TYPE_CHECKING:
    from acksm import reports


@dataclass
class Target:
    """The cluster of a command. `deadline` is that of the whole command."""

    settings: TargetSettings
    run: RunSettings
    aws: Aws
    identity: Identity
    cluster: Cluster
    kube: Apiserver
    endpoint: Endpoint
    deadline: Deadline
    # Creates a token where acksm signs in itself: EKS accepts one for 15 minutes, and a command may take longer.
    new_token: Callable[[], str] | None = None
    offline: bool = False  # neither AWS nor the apiserver is asked, also not for the credentials of a registry
    registries: dict[str, Charts] = field(default_factory=dict, init=False, repr=False)

    def __enter__(self) -> Target:
        return self

    def __exit__(self, *_: object) -> None:
        if "helm" in self.__dict__:
            self.helm.close()

    @cached_property
    def helm(self) -> Helm:
        """helm with this connection's credentials, created when it is first needed."""
        return Helm(self.kubeconfig)

    @cached_property
    def releases(self) -> Operations:
        return Releases(self.helm)

    def registry(self, location: str) -> Charts:
        """The chart registry at `location`; one for the whole command, as it caches its tokens."""
        location = located(location)
        if location not in self.registries:
            self.registries[location] = registry(location, self.deadline.left, None if self.offline else self.aws)
        return self.registries[location]

    def line(self) -> str:
        """One line on the cluster and the caller, shown before all else."""
        return (
            f"cluster {self.cluster.name} ({self.cluster.region}, Kubernetes {self.cluster.version}), "
            f"account {self.identity.account} as {self.identity.arn}"
        )

    def as_data(self) -> reports.Target:
        """The `target` object of the report document."""
        return {
            "cluster": self.cluster.name,
            "cluster_arn": self.cluster.arn,
            "region": self.cluster.region,
            "account": self.identity.account,
            "identity": self.identity.arn,
            "endpoint": self.cluster.endpoint,
            "kubernetes": self.cluster.version,
            "namespace": self.settings.controller_namespace,
        }

    def kubeconfig(self) -> Json:
        """A kubeconfig for helm, with this connection's credentials. It is secret: file mode 0600, and short-lived."""
        token = self.new_token() if self.new_token else self.endpoint.token
        user: Json = (
            {"token": token}
            if token
            else {"client-certificate": self.endpoint.cert_file, "client-key": self.endpoint.key_file}
        )
        cluster: Json = {"server": self.endpoint.server}
        if self.endpoint.ca_data:
            cluster["certificate-authority-data"] = base64.b64encode(self.endpoint.ca_data.encode()).decode()
        if self.endpoint.proxy:  # in Go, the proxy resolves names in any case
            cluster["proxy-url"] = self.endpoint.proxy.replace("socks5h://", "socks5://")
        if self.endpoint.tls_server_name:
            cluster["tls-server-name"] = self.endpoint.tls_server_name
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "acksm",
            "clusters": [{"name": "acksm", "cluster": cluster}],
            "users": [{"name": "acksm", "user": user}],
            "contexts": [{"name": "acksm", "context": {"cluster": "acksm", "user": "acksm"}}],
        }


# Begins reads of an account that need only the name of a cluster
Ahead = Callable[[Aws, str], None]


def connect(settings: TargetSettings, run: RunSettings, ahead: Ahead = lambda *_: None) -> Target:
    """Find the cluster and check that it is the right one. Reads only. Errors: cluster-…, aws-…, kubeconfig-…,
    context-other-cluster.

    `ahead` begins reads while the cluster is described; it raises nothing.
    """
    deadline = Deadline(run.timeout)
    context = context_of(settings)
    name = settings.cluster or (context.cluster_name if context else "")
    region = settings.region or (context.region if context else "")
    if not name:
        raise AcksmError("cluster-missing", "no cluster specified, and no kubeconfig context that names one")
    profile = settings.profile or (context.signs_in.profile if context else "")
    aws = Aws(profile or None, region or None, settings.account or None, left=deadline.left)
    _check_region(aws)
    with ThreadPoolExecutor(max_workers=3) as pool:
        caller, described = pool.submit(aws.identity), pool.submit(aws.eks.describe_cluster, name)
        ahead(aws, name)
        pool.submit(preload)
        identity = caller.result()  # first: a wrong account is the cause of an unknown cluster, not its result
        cluster = described.result()
    KNOWN.set(_known(identity, cluster, context.signs_in.role_arn if context else ""))
    if context and not is_server(context, cluster.endpoint):
        if context.insecure:
            raise AcksmError(
                "kubeconfig-insecure",
                f"context {context.name} connects to {context.server} without verification, and the endpoint of "
                f"cluster {cluster.name} is {cluster.endpoint}",
                where=context.source,
            )
        raise AcksmError(
            "context-other-cluster",
            f"context {context.name} points to {context.server}, but the endpoint of "
            f"cluster {cluster.name} in {cluster.region} is {cluster.endpoint}",
            where=context.source,
        )
    own = context is None or context.auth == "eks"
    new_token = partial(_token, aws, cluster.name, context.signs_in if context else NO_SIGN_IN) if own else None
    endpoint = _endpoint(cluster, context, new_token() if new_token else "")
    kube = Kube(endpoint, deadline.left, new_token)
    return Target(settings, run, aws, identity, cluster, kube, endpoint, deadline, new_token)


def _known(identity: Identity, cluster: Cluster, role_arn: str) -> dict[str, str]:
    """What a remedy may name: the cluster, and who signs in to it."""
    principal = role_arn or identity.arn
    kind, _, name = principal.rpartition(":")[2].partition("/")
    if kind == "assumed-role":  # an access entry is for the role
        principal = f"arn:{identity.partition}:iam::{identity.account}:role/{name.rpartition('/')[0]}"
    known = {"CLUSTER": cluster.name, "REGION": cluster.region, "PARTITION": identity.partition}
    return {**known, "PRINCIPAL_ARN": principal}


def _check_region(aws: Aws) -> None:
    """Refuse a misspelt region before the first call, which would be sent to a host that does not exist. Error:
    `region-unknown` with close names of botocore's table."""
    known = [name for partition in aws.partitions() for name in aws.regions("sts", partition)]
    if aws.region in known or not aws.region.replace("-", "").isalnum():  # the latter is botocore's to refuse
        return
    near = get_close_matches(aws.region, known, n=3)
    raise AcksmError(
        "region-unknown",
        f"{aws.region!r} is not a region of AWS" + did_you_mean(near),
        where="--region",
        remedy=f"acksm … --region {near[0]}" if near else "",
    )


def without_cluster(settings: TargetSettings, run: RunSettings) -> Target:
    """A target for what is in AWS of a deleted cluster; its apiserver does not answer.

    Errors: `cluster-missing`, aws-…
    """
    if not settings.cluster:
        raise AcksmError("cluster-missing", "no cluster specified")
    deadline = Deadline(run.timeout)
    aws = Aws(settings.profile or None, settings.region or None, settings.account or None, left=deadline.left)
    _check_region(aws)
    identity = aws.identity()
    arn = f"arn:{identity.partition}:eks:{aws.region}:{identity.account}:cluster/{settings.cluster}"
    cluster = Cluster(settings.cluster, arn, aws.region, identity.account, "", "", "", "GONE", "")
    endpoint = Endpoint("https://cluster.invalid", "", token="none")  # noqa: S106 (no request is made with it)
    return Target(settings, run, aws, identity, cluster, Kube(endpoint), endpoint, deadline)


def offline(settings: TargetSettings, run: RunSettings, issuer: str) -> Target:
    """A target for a cluster that may not exist yet, from settings alone: `cluster`, `region` and `account` are set.

    `issuer`: of the cluster's OIDC provider, "" where none is needed. Error: `region-unknown`.
    """
    deadline = Deadline(run.timeout)
    aws = Aws(region=settings.region, keys=Keys("none", "none", ""), left=deadline.left)  # no profile is read
    _check_region(aws)
    partition = local.regions().get(settings.region, "aws")
    identity = Identity(settings.account, f"arn:{partition}:iam::{settings.account}:root", "")
    arn = f"arn:{partition}:eks:{settings.region}:{settings.account}:cluster/{settings.cluster}"
    cluster = Cluster(settings.cluster, arn, settings.region, settings.account, "", "", issuer, "OFFLINE", "")
    endpoint = Endpoint("https://cluster.invalid", "", token="none")  # noqa: S106 (no request is made with it)
    return Target(settings, run, aws, identity, cluster, Kube(endpoint), endpoint, deadline, offline=True)


def context_of(settings: TargetSettings) -> Context | None:
    """The kubeconfig's context when one is requested, or when nothing else names the cluster."""
    if settings.context or settings.kubeconfig:
        return load(settings.kubeconfig, settings.context)
    if settings.cluster:
        return None
    try:
        return load()
    except AcksmError as error:
        if error.id in {"kubeconfig-missing", "kubeconfig-context-unknown"}:
            return None
        raise


def _token(aws: Aws, cluster: str, signs_in: SignIn) -> str:
    """A token of who signs in: by the context's profile and role, else the caller of AWS. Errors: aws-…"""
    return mint(session_of(aws, signs_in), cluster).value


def session_of(aws: Aws, signs_in: SignIn) -> Session:
    """The session of who signs in. Errors: aws-…"""
    session: Session = aws
    if signs_in.profile and signs_in.profile != aws.profile:
        session = aws.with_profile(signs_in.profile)
    return session.assume(signs_in.role_arn) if signs_in.role_arn else session


def _endpoint(cluster: Cluster, context: Context | None, token: str) -> Endpoint:
    """Where the context connects, verified with EKS's certificate authority; `token` where acksm made one."""
    ca_data = base64.b64decode(cluster.ca_data).decode("ascii") if cluster.ca_data else ""
    if context is None:
        return Endpoint(cluster.endpoint, ca_data, token=token)
    at = Endpoint(
        context.server, ca_data, tls_server_name=context.tls_server_name, proxy_url=context.proxy_url, token=token
    )
    if context.auth == "token":
        return replace(at, token=context.token)
    if context.auth == "certificate":
        return replace(at, cert_file=_private_file(context.cert_data), key_file=_private_file(context.key_data))
    return at


def _private_file(text: str) -> str:
    """A 0600 file, deleted when the process ends (TLS libraries read a client certificate only from a file)."""
    import atexit

    handle, path = tempfile.mkstemp(prefix="acksm-")  # mkstemp makes it 0600
    with os.fdopen(handle, "w") as stream:
        stream.write(text)
    atexit.register(lambda: Path(path).unlink(missing_ok=True))
    return path


def exec_credential(settings: TargetSettings, role_arn: str = "") -> str:
    """An ExecCredential document for kubectl, of the caller or of a role. Errors: aws-…, cluster-missing."""
    if not settings.cluster:
        raise AcksmError("cluster-missing", "no cluster specified for the token")
    aws = Aws(profile=settings.profile or None, region=settings.region or None, account=settings.account or None)
    _check_region(aws)
    return _credential(mint(session_of(aws, SignIn(role_arn=role_arn)), settings.cluster))
