"""A practice cluster and account for contract tests, and acksm run against them in this process."""

from __future__ import annotations

import json
import os
import re
import subprocess
import tempfile
import threading
import zlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

from acksm.kube.client import Endpoint, Kube
from acksm.kube.paths import Ref, ref
from acksm.sandbox import api
from acksm.sandbox.state import REGION, State, directory
from emptying import CRD, Emptying

NAME = "tests"
WRITES = {"create", "update", "patch", "delete", "deletecollection"}
_NO_WRITES = ("dryRun=All", "accessreviews")  # in the path of a request
# One service of the two, with five CRDs, for tests that are about neither: the other's thirty are most of an install.
ONE = ("--service", "applicationautoscaling")
_PAIR = {"certificate": "crt", "key": "key"}


@dataclass(frozen=True)
class Run:
    """What a command did: its exit code and its two streams."""

    exit_code: int
    stdout: str
    stderr: str

    @property
    def data(self) -> Any:
        """stdout as the report document of `-o json`."""
        return json.loads(self.stdout)

    @property
    def error_id(self) -> str:
        """The id in `error[…]` on stderr, "" when there is none."""
        found = re.search(r"error\[([a-z0-9.-]+)\]", self.stderr)
        return found[1] if found else ""

    def ok(self) -> Run:
        """Itself, when the command succeeded."""
        assert self.exit_code == 0, f"exit {self.exit_code}\n{self.stdout}\n{self.stderr}"
        return self


@dataclass
class Requests:
    """Requests made meanwhile: AWS ones as (action, status), Kubernetes ones as (verb, path, status)."""

    aws: list[tuple[str, int]] = field(default_factory=list)
    kube: list[tuple[str, str, int]] = field(default_factory=list)

    @property
    def writes(self) -> list[str]:
        """Those that write; access reviews do not, and the Lease of whoever writes is told by `leases`."""
        read = ("Get", "GET", "Head", "List", "Describe", "Simulate", "AssumeRole")
        aws = [action for action, _ in self.aws if not action.partition(":")[2].startswith(read)]
        kube = [
            f"{verb} {path}"
            for verb, path, _ in self.kube
            if verb in WRITES and not any(word in path for word in (*_NO_WRITES, "/leases"))
        ]
        return aws + kube

    @property
    def leases(self) -> list[str]:
        """Requests about the Lease that acksm holds while it writes."""
        return [verb for verb, path, _ in self.kube if "/leases" in path]


@dataclass
class World:
    """One cluster and one account of the tests' sandbox; each worker has its own."""

    state: State
    cluster: str
    account: str
    namespace: str = ""
    count: int = 0
    variables: dict[str, str] = field(default_factory=dict)
    emptying: Emptying = field(init=False)
    crds: dict[str, str] = field(default_factory=dict)  # of both services, as an install leaves them, for `emptying`

    def __post_init__(self) -> None:
        pki = directory(NAME) / "clusters" / self.cluster / "pki"
        self.emptying = Emptying(self.state.clusters[self.cluster].etcd, pki)

    @classmethod
    def start(cls, worker: str) -> World:
        """The worker's cluster, in the sandbox that all workers share."""
        real = os.environ.get("ACKSM_CONTROLLER_BIN", "")  # SERVICE=PATH[,SERVICE=PATH]
        binaries = api.binaries(real.split(",") if real else [])
        api.up(api.Options(name=NAME, clusters=(), controller=binaries, images=True))
        state, account = api.require(NAME), f"0{zlib.crc32(worker.encode()):011d}"
        api.add_cluster(state, worker, account, REGION)
        return cls(api.require(NAME), worker, account)

    @property
    def kube(self) -> Kube:
        """As the cluster's own administrator, not through acksm's connection."""
        pki = directory(NAME) / "clusters" / self.cluster / "pki"
        found = self.state.clusters[self.cluster]
        crt, key = (str(pki / f"practice-bootstrap.{end}") for end in ("crt", "key"))
        return Kube(Endpoint(found.endpoint, (pki / "ca.crt").read_text(), cert_file=crt, key_file=key))

    def aws(self, service: str, account: str = "", region: str = REGION) -> Any:
        """A boto3 client as an account's administrator."""
        import boto3

        connect: Any = boto3.client  # typed by literal names of services
        keys = api.require(NAME).accounts[account or self.account]
        return connect(
            service,
            region_name=region,
            endpoint_url=self.state.aws_endpoint,
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
        )

    def reset(self, *, crds: bool = False) -> dict[str, str]:
        """Empty cluster and account; the variables of the next test. With `crds` the CRDs of both services are there,
        untouched since an install made them: a test that is not about CRDs saves half of its install. Pods take a
        moment to end, and nobody waits for them: each test has its own namespace for the controllers."""
        self.end_faults()
        api.control(self.state, "POST", f"accounts/{self.account}/empty")
        self.emptying.empty(self.crds if crds else {})
        if crds and not self.crds:
            self._name_namespace()
            with tempfile.TemporaryDirectory() as cache:
                assert self.acksm("install", "-y", env=self.variables | {"XDG_CACHE_HOME": cache}).ok()
            self.crds = self.emptying.found(CRD)
            return self.reset(crds=True)
        return self._name_namespace()

    def _name_namespace(self) -> dict[str, str]:
        self.count += 1
        self.namespace = f"ack-{self.count}"
        self.variables = api.environment(NAME, self.cluster) | {"ACKSM_CONTROLLER_NAMESPACE": self.namespace}
        return self.variables

    def bucket(self, name: str, region: str = REGION) -> None:
        """See to it that a bucket exists; in another worker's account its name may be taken, which is as good."""
        s3 = self.aws("s3", region=region)
        with suppress(s3.exceptions.BucketAlreadyExists, s3.exceptions.BucketAlreadyOwnedByYou):
            s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": region})

    def role_of_ones_own(self, name: str) -> str:
        """A role that somebody made for the controllers, with the OIDC provider of the cluster; its ARN."""
        iam, issuer = self.aws("iam"), self.state.clusters[self.cluster].issuer
        try:
            provider = iam.create_open_id_connect_provider(
                Url=issuer, ClientIDList=["sts.amazonaws.com"], ThumbprintList=["0" * 40]
            )["OpenIDConnectProviderArn"]
        except iam.exceptions.EntityAlreadyExistsException:
            provider = f"arn:aws:iam::{self.account}:oidc-provider/{issuer.removeprefix('https://')}"
        key = issuer.removeprefix("https://")
        accounts = [
            f"system:serviceaccount:{self.namespace}:ack-{service}-controller"
            for service in ("sagemaker", "applicationautoscaling")
        ]
        trust = {
            "Effect": "Allow",
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Principal": {"Federated": provider},
            "Condition": {"StringEquals": {f"{key}:aud": "sts.amazonaws.com", f"{key}:sub": accounts}},
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        return str(iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])

    def acksm(self, *argv: str, env: Mapping[str, str] | None = None, stdin: str | None = None) -> Run:
        """Run the command line in this process."""
        from acksm.cli import app

        result = CliRunner().invoke(app, list(argv), env=dict(env or {}), input=stdin, prog_name="acksm")
        if result.exception and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Run(result.exit_code, result.stdout, result.stderr)

    def install(self, *argv: str) -> Run:
        """`acksm install -y …`, which has to succeed."""
        return self.acksm("install", "-y", *argv).ok()

    @contextmanager
    def requests(self) -> Iterator[Requests]:
        """What acksm asks of AWS and the apiserver inside the block (of this cluster and account only)."""
        home = directory(NAME)
        logs = (home / "aws.log", home / "clusters" / self.cluster / "audit.log")
        marks = [log.stat().st_size if log.exists() else 0 for log in logs]
        seen = Requests()
        yield seen
        keys = api.require(NAME).accounts[self.account]
        for row in _rows(logs[0], marks[0]):
            if row["key"] == keys["AWS_ACCESS_KEY_ID"]:
                seen.aws.append((row["action"], row["status"]))
        for row in _rows(logs[1], marks[1]):
            if row["user"].get("username") == "practice-admin":
                status = int((row.get("responseStatus") or {}).get("code", 0))
                seen.kube.append((row["verb"], row["requestURI"], status))

    def fault(self, action: str, status: int, code: str, message: str = "practised", **more: Any) -> None:
        """Let AWS answer `action` ("iam:CreateRole") with an error, in this account only. `more`: as in Fault."""
        self.faults({action: {"status": status, "code": code, "message": message, **more}})

    def faults(self, faults: Mapping[str, Mapping[str, Any]], account: str = "") -> None:
        """Several at once, by action, in the place of what was practised before."""
        api.control(self.state, "POST", f"accounts/{account or self.account}/faults", dict(faults))

    def scps(self, *statements: Mapping[str, Any]) -> None:
        """Put the account into an organization with one service control policy, until the next test."""
        document = {"Version": "2012-10-17", "Statement": list(statements)}
        api.control(self.state, "POST", f"accounts/{self.account}/scps", {"policies": [document]})

    def restart(self, part: str) -> None:
        """End a part of the control plane and start it again."""
        api.control(self.state, "POST", f"clusters/{self.cluster}/restart/{part}")

    def end_faults(self) -> None:
        api.control(self.state, "POST", f"accounts/{self.account}/faults", {})

    def user(
        self, name: str, *, policy: Mapping[str, Any], groups: Sequence[str] = (), mapped: bool = True
    ) -> dict[str, str]:
        """Another IAM user of the account with this policy, known to the cluster as `name`; its keys as variables."""
        iam = self.aws("iam")
        arn = iam.create_user(UserName=name)["User"]["Arn"]
        iam.put_user_policy(UserName=name, PolicyName="practice", PolicyDocument=json.dumps(policy))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        if mapped:
            api.control(self.state, "POST", "users", {"arn": arn, "name": name, "groups": list(groups)})
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def bind(self, role: str, user: str) -> None:
        """Give a Kubernetes user a ClusterRole."""
        group = "rbac.authorization.k8s.io"
        self.kube.create(
            {
                "apiVersion": f"{group}/v1",
                "kind": "ClusterRoleBinding",
                "metadata": {"name": f"{role}-{user}"},
                "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": role},
                "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
            }
        )

    def custom(self, api_version: str, plural: str, kind: str, namespace: str, name: str, spec: Any) -> Ref:
        """Create a custom resource; where it lives."""
        location = Ref(api_version, plural, kind, name, namespace)
        body = {"apiVersion": api_version, "kind": kind, "metadata": {"name": name}, "spec": spec}
        self.kube._request("post", location.collection, body=body, query_params=[])
        return location

    def chart(self, service: str, version: str) -> str:
        """The reference of a practice chart, for plain helm."""
        return f"oci://{self.state.registry}/aws-controllers-k8s/{service}-chart:{version}"

    def helm(self, *argv: str, namespace: str = "") -> str:
        """Plain helm, in the controllers' namespace, as the cluster's administrator: with the sandbox's kubeconfig each
        would start `acksm token`, which takes longer than helm."""
        done = subprocess.run(
            [
                self.state.helm,
                *argv,
                "-n",
                namespace or self.namespace,
                *(["--plain-http"] if "oci://" in "".join(argv) else []),
            ],
            env=os.environ | self.variables | {"KUBECONFIG": self.administrator},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    @property
    def administrator(self) -> str:
        """A kubeconfig with the certificate of the cluster's own administrator."""
        home, found = directory(NAME) / "clusters" / self.cluster, self.state.clusters[self.cluster]
        pair = {f"client-{long}": str(home / "pki" / f"practice-bootstrap.{end}") for long, end in _PAIR.items()}
        cluster = {"server": found.endpoint, "certificate-authority": str(home / "pki" / "ca.crt")}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "x",
            "clusters": [{"name": "x", "cluster": cluster}],
            "users": [{"name": "x", "user": pair}],
            "contexts": [{"name": "x", "context": {"cluster": "x", "user": "x"}}],
        }
        path = home / "administrator.json"
        path.write_text(json.dumps(document))
        return str(path)

    @contextmanager
    def http(self, status: int) -> Iterator[str]:
        """A server on loopback that answers everything with `status`; its HOST:PORT."""
        from werkzeug.serving import make_server
        from werkzeug.wrappers import Response

        server = make_server("127.0.0.1", 0, Response(status=status), threaded=True)
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()

    def role(self) -> dict[str, Any]:
        """The controllers' role as IAM has it."""
        role: dict[str, Any] = self.aws("iam").get_role(RoleName=f"ack-controller-role-{self.cluster}")["Role"]
        return role

    def objects(self, kind: str) -> list[str]:
        """Names of the objects of a built-in kind in the controllers' namespace."""
        found = self.kube.list(ref(kind, namespace=self.namespace), metadata_only=True)
        return [item["metadata"]["name"] for item in found]


def _rows(log: Path, mark: int) -> list[dict[str, Any]]:
    if not log.exists():
        return []
    with log.open("rb") as stream:
        stream.seek(mark)
        return [json.loads(line) for line in stream.read().splitlines() if line.strip()]
