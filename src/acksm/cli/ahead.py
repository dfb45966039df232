"""What the processes of a fleet's clusters would each do again, done once (`acksm.fleet.forks`): the imports of acksm's
commands, AWS's models and the shape of the settings. Nothing of it depends on a cluster or its variables."""

from __future__ import annotations

import acksm.cli.remedies
import acksm.engine.plan_file
import acksm.fleet.facts
import acksm.guide.cleanup.command
import acksm.guide.doctor.command
import acksm.guide.install.command
import acksm.guide.install.status
import acksm.guide.install.watching
import acksm.guide.upgrade.command
import acksm.guide.upgrade.going_back  # noqa: F401
from acksm.aws.session import Keys, Session
from acksm.kube.client import Endpoint, Kube
from acksm.settings import Settings

Settings.of()
Kube(Endpoint("https://127.0.0.1", ""))
_SESSION = Session(region="us-east-1", keys=Keys("none", "none", ""))
for service in ("sts", "iam", "eks"):
    _SESSION.client(service)
"".encode("idna")  # the codec, which each connection needs
