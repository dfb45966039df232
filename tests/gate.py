"""The sandbox's AWS alone, in this process: moto behind its gate, asked by botocore as acksm sets it up."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import boto3
import moto.eks.utils
import pytest
from botocore.exceptions import ClientError
from werkzeug.serving import BaseWSGIServer, make_server

from acksm.ack.names import SERVICES
from acksm.aws.account import Aws
from acksm.aws.eks import Cluster, Eks
from acksm.engine.change import Change, Plan
from acksm.engine.executor import Outcome, execute
from acksm.engine.waits import Deadline
from acksm.guide.identity import iam_role, oidc
from acksm.sandbox.cloud import Cloud, forget_cluster, open_account, record_cluster
from acksm.sandbox.faults import Faults
from acksm.sandbox.serving import KeptOpen
from acksm.settings import RoleSettings
from clock import Clock

ACCOUNT, REGION = "012345678901", "us-west-2"
ISSUER = f"https://oidc.eks.{REGION}.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"
ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/practice"
CLUSTER = Cluster("practice", ARN, REGION, ACCOUNT, "https://x", "", ISSUER, "ACTIVE", "1.35")


@dataclass
class Gate:
    """An account of its own. `aws` is acksm's session in it, under `deadline`."""

    cloud: Cloud
    server: BaseWSGIServer
    log: Path
    boto: Any
    clock: Clock = field(default_factory=Clock)

    @classmethod
    def open(cls, folder: Path) -> Gate:
        of_eks: Any = moto.eks.utils
        of_eks.Session = lru_cache(of_eks.Session)  # one reads AWS's endpoints for each cluster
        cloud = Cloud(folder / "aws.log")
        server = make_server("127.0.0.1", 0, cloud, threaded=True, request_handler=KeptOpen)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        keys = open_account(ACCOUNT, REGION)
        boto = boto3.Session(keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], region_name=REGION)
        return cls(cloud, server, folder / "aws.log", boto)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.server.server_port}"

    def reset(self) -> dict[str, str]:
        """Nothing made, no fault; the variable that leads to it."""
        self.cloud.empty(ACCOUNT)
        forget_cluster(CLUSTER.name, REGION, ACCOUNT)
        return self.calm()

    def calm(self) -> dict[str, str]:
        """No fault; what was made stays."""
        self.cloud.faults.clear()
        self.clock = Clock()
        return {"AWS_ENDPOINT_URL": self.endpoint}

    def cluster(self, endpoint: str) -> dict[str, str]:
        """EKS knows the cluster, whose apiserver is at `endpoint`; the variables of whoever works with it."""
        record_cluster(CLUSTER.name, REGION, ACCOUNT, endpoint, "", ISSUER, CLUSTER.version)
        keys = self.boto.get_credentials()
        return {
            "AWS_ACCESS_KEY_ID": keys.access_key,
            "AWS_SECRET_ACCESS_KEY": keys.secret_key,
            "ACKSM_CLUSTER": CLUSTER.name,
            "ACKSM_REGION": REGION,
        }

    def session(self, seconds: float = 900) -> Aws:
        """acksm's, with `seconds` for everything."""
        self.deadline = self.clock.deadline(seconds)
        aws = Aws(region=REGION, left=self.deadline.left)
        # botocore's models are read once; its clients are new, with their quota of retries
        aws._core, aws.session = self.boto._session, self.boto
        aws.iam._clock, aws.iam._sleep = self.clock, self.clock.sleep
        aws.eks = Eks(aws, self.clock, self.clock.sleep)
        return aws

    def pass_time(self, patch: pytest.MonkeyPatch) -> None:
        """Let botocore's pauses be those of the clock."""
        patch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: self.clock.sleep(seconds)))

    def fault(self, action: str, **fault: Any) -> None:
        self.cloud.faults[ACCOUNT] = Faults.of({action: fault})

    def asked(self, action: str) -> int:
        """How often the action was asked for since the file began."""
        return sum(1 for line in self.log.read_text().splitlines() if json.loads(line)["action"] == action)


def plan(aws: Aws) -> Plan:
    """What `acksm install` does in IAM."""
    provider = oidc.observe(aws, CLUSTER)
    accounts = [("ack-system", "ack-sagemaker-controller")]
    want = iam_role.desired(
        aws.identity(), CLUSTER, RoleSettings(), accounts, provider.arn, kinds=dict.fromkeys(SERVICES, ())
    )
    changes: list[Change] = oidc.plan(provider, oidc.desired(CLUSTER, {}))
    changes += iam_role.plan(iam_role.observe(aws, want.name), want)
    return Plan("install", tuple(changes))


def apply_plan(aws: Aws, planned: Plan, deadline: Deadline | None = None) -> Outcome:
    table: Mapping[str, Callable[..., Any]] = aws.dispatch_table()
    return execute(planned, table, deadline=deadline)


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    """Code and message of the error that AWS answers."""
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]
