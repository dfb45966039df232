"""Names of the roles that acksm creates, within what IAM allows.

A cluster's name has up to 100 characters (EKS API reference, CreateCluster), a role's 64 of `[\\w+=,.@-]` (IAM API
reference, CreateRole).
"""

from __future__ import annotations

import hashlib
import re

from acksm.aws.iam_calls import is_role_name
from acksm.errors import AcksmError
from acksm.settings import RoleSettings

PREFIX = "ack-controller-role-"
LONGEST, LONGEST_PATH = 64, 512
_PATH = re.compile(r"/|/[\x21-\x7e]{1,510}/")


def of_cluster(prefix: str, cluster: str) -> str:
    """The name of a cluster's role: prefix and cluster, cut and with a hash of the cluster's name where both together
    are too long. Every command derives it again, so it must never change."""
    whole = prefix + cluster
    if len(whole) <= LONGEST:
        return whole
    return whole[: LONGEST - 9] + "-" + hashlib.sha256(cluster.encode()).hexdigest()[:8]


def of_controllers(cluster: str, settings: RoleSettings) -> str:
    """The controller role's name, by option or by default: the guide's. Errors: of `check`."""
    check(settings.role_name, settings.role_path, "--role-name", "--role-path")
    return settings.role_name or of_cluster(PREFIX, cluster)


def check(name: str, path: str, name_option: str, path_option: str) -> None:
    """Check a name ("" for the default one) and a path as IAM does. Errors: `role-name-too-long`, `config-invalid`."""
    if len(name) > LONGEST:
        raise AcksmError(
            "role-name-too-long", f"{name!r} has {len(name)} characters; IAM allows {LONGEST}", where=name_option
        )
    if name and not is_role_name(name):
        text = f"invalid role name {name!r}: IAM allows letters, digits and _+=,.@-"
        raise AcksmError("config-invalid", text, where=name_option)
    if not _PATH.fullmatch(path):
        text = f"invalid role path {path!r}: it must begin and end with '/', and IAM allows {LONGEST_PATH} characters"
        raise AcksmError("config-invalid", text + " without spaces", where=path_option)
