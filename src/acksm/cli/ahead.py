"""What the processes of a fleet's clusters would each import again, imported once (`acksm.fleet.forks`)."""

from __future__ import annotations

import acksm.cli.remedies
import acksm.config
import acksm.engine.plan_file
import acksm.fleet.facts
import acksm.guide.cleanup.command
import acksm.guide.doctor.command
import acksm.guide.install.command
import acksm.guide.install.status
import acksm.guide.upgrade.command
import acksm.guide.upgrade.going_back  # noqa: F401
from acksm.aws.session import Keys, Session
from acksm.kube.client import Endpoint, Kube

Kube(Endpoint("https://127.0.0.1", ""))
_SESSION = Session(region="us-east-1", keys=Keys("none", "none", ""))
for service in ("sts", "iam", "eks"):
    _SESSION.client(service)
