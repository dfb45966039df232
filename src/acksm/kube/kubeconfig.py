"""Reading the user's kubeconfig (never writing it), and proving that a context is the cluster that was named.

An exec entry is never run: for EKS acksm mints the same token itself (`acksm.aws.token`); any other exec entry is
refused, because running what a file says is not a read.
"""

from __future__ import annotations

import base64
import binascii
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from acksm import bounded
from acksm.errors import AcksmError
from acksm.json_types import Document, Json

MAX_BYTES = 4 * 1024 * 1024
_ARN = re.compile(r"^arn:[^:]+:eks:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):cluster/(?P<name>[A-Za-z0-9_-]+)$")
_EKSCTL = re.compile(
    r"(?:^|@)(?P<name>[A-Za-z0-9_-]{1,100})\.(?P<region>[a-z]{2}(?:-[a-z]{1,16}){1,3}-\d)\.eksctl\.io$"
)


@dataclass(frozen=True)
class Context:
    """A context of a kubeconfig. `cluster_name` and `region` are "" when nothing in it tells them."""

    name: str
    source: str
    server: str
    ca_data: str
    cluster_name: str
    region: str
    auth: str  # "eks" (exec of aws/acksm/authenticator), "token", "certificate"
    token: str = ""
    cert_file: str = ""
    key_file: str = ""
    cert_data: str = ""
    key_data: str = ""


def default_paths(environment: Mapping[str, str] | None = None) -> list[Path]:
    """$KUBECONFIG's list, else ~/.kube/config (kubectl's own rule)."""
    environment = os.environ if environment is None else environment
    named = [Path(part) for part in environment.get("KUBECONFIG", "").split(os.pathsep) if part]
    return named or [Path.home() / ".kube" / "config"]


def load(path: str = "", context: str = "", environment: Mapping[str, str] | None = None) -> Context:
    """The named context, or the current one. Errors: kubeconfig-missing, -malformed, -context-unknown, -exec."""
    paths = [Path(path)] if path else default_paths(environment)
    merged: dict[str, Json] = {"clusters": {}, "contexts": {}, "users": {}}
    current, found = "", False
    for one in paths:
        if not _is_file(one):
            if path:
                raise AcksmError("kubeconfig-missing", f"{one} does not exist", where=str(one))
            continue
        found = True
        document = _parse(one)
        current = current or str(document.get("current-context") or "")
        for section, field in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
            for entry in _list(document, section, one):
                body = entry.get(field) if isinstance(entry, dict) else None
                if isinstance(entry, dict) and isinstance(body, dict):
                    merged[section].setdefault(str(entry.get("name")), body | {"_dir": str(one.parent)})
    where = os.pathsep.join(str(one) for one in paths)
    if not found:
        raise AcksmError("kubeconfig-missing", "no kubeconfig found", where=where)
    name = context or current
    if name not in merged["contexts"]:
        known = ", ".join(sorted(merged["contexts"])) or "none"
        raise AcksmError("kubeconfig-context-unknown", f'no context "{name}"; the kubeconfig has: {known}', where=where)
    return _context(name, merged, where)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # an invalid file name
        return False


def _parse(path: Path) -> Json:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        text = bounded.read(path, MAX_BYTES)
        document = bounded.check(YAML(typ="safe", pure=True).load(text.decode("utf-8")))
    except (YAMLError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise AcksmError("kubeconfig-malformed", f"not YAML: {error}"[:500], where=str(path)) from error
    except OSError as error:
        raise AcksmError("kubeconfig-missing", str(error), where=str(path)) from error
    if not isinstance(document, dict):
        raise AcksmError("kubeconfig-malformed", "the file is not a mapping", where=str(path))
    return document


def _list(document: Document, section: str, path: Path) -> list[object]:
    value = document.get(section) or []
    if not isinstance(value, list):
        raise AcksmError("kubeconfig-malformed", f"{section} is not a list", where=str(path))
    return value


def _context(name: str, merged: Mapping[str, Document], where: str) -> Context:
    body = merged["contexts"][name]
    cluster_key, user_key = str(body.get("cluster", "")), str(body.get("user", ""))
    if cluster_key not in merged["clusters"] or user_key not in merged["users"]:
        raise AcksmError(
            "kubeconfig-malformed",
            f"context {name} refers to a cluster or user that is not in the kubeconfig",
            where=where,
        )
    cluster, user = merged["clusters"][cluster_key], merged["users"][user_key]
    server = str(cluster.get("server") or "")
    if not server:
        raise AcksmError("kubeconfig-malformed", f"cluster {cluster_key} has no server", where=where)
    ca_data = _inline_or_file(cluster, "certificate-authority", where)
    cluster_name, region = _identify(name, cluster_key, user)
    exec_entry = user.get("exec")
    common = {
        "name": name,
        "source": where,
        "server": server,
        "ca_data": ca_data,
        "cluster_name": cluster_name,
        "region": region,
    }
    if isinstance(exec_entry, dict):
        if not _is_eks_exec(exec_entry):
            raise AcksmError(
                "kubeconfig-exec",
                f"user {user_key} runs {exec_entry.get('command')!r}, which is not "
                "an EKS token command; acksm does not run it",
                where=where,
            )
        return Context(**common, auth="eks")
    if user.get("token") or user.get("tokenFile"):
        token = str(user.get("token") or _read(_resolve(user, "tokenFile"), where)).strip()
        return Context(**common, auth="token", token=token)
    if user.get("client-certificate-data") or user.get("client-certificate"):
        return Context(
            **common,
            auth="certificate",
            cert_data=_inline_or_file(user, "client-certificate", where),
            key_data=_inline_or_file(user, "client-key", where),
        )
    return Context(**common, auth="eks")


def _identify(context: str, cluster_key: str, user: Document) -> tuple[str, str]:
    """Name and region from an ARN, an eksctl name, or the arguments of the exec entry."""
    for text in (cluster_key, context):
        match = _ARN.match(text) or _EKSCTL.search(text)
        if match:
            return match["name"], match["region"]
    entry = user.get("exec")
    if isinstance(entry, dict) and isinstance(entry.get("args"), list):
        args = [str(arg) for arg in entry["args"]]
        name = next((_after(args, flag) for flag in ("--cluster-name", "--cluster", "-i") if flag in args), "")
        return name, _after(args, "--region") if "--region" in args else ""
    return "", ""


def _after(args: list[str], flag: str) -> str:
    index = args.index(flag) + 1
    return args[index] if index < len(args) else ""


def _is_eks_exec(entry: Document) -> bool:
    args = [str(arg) for arg in entry.get("args") or []]
    command = Path(str(entry.get("command", ""))).name
    eks = "get-token" in args or "token" in args
    return eks and (command in {"aws", "aws.exe", "aws-iam-authenticator", "acksm"} or "acksm" in args)


def _resolve(body: Document, key: str) -> Path:
    return Path(str(body["_dir"])) / str(body[key])


def _read(path: Path, where: str) -> str:
    try:
        return bounded.read(path, MAX_BYTES).decode("utf-8")
    except (OSError, ValueError) as error:
        raise AcksmError("kubeconfig-malformed", f"cannot read {path}: {error}", where=where) from error


def _inline_or_file(body: Document, key: str, where: str) -> str:
    if body.get(f"{key}-data"):
        try:
            return base64.b64decode(str(body[f"{key}-data"]), validate=True).decode("ascii")
        except (binascii.Error, ValueError) as error:
            raise AcksmError("kubeconfig-malformed", f"{key}-data is not base64 of a PEM", where=where) from error
    return _read(_resolve(body, key), where) if body.get(key) else ""


def same_server(one: str, other: str) -> bool:
    """Whether two apiserver URLs are the same server: case, a trailing slash and the default port do not count."""

    def canonical(url: str) -> str:
        return re.sub(r":443$", "", url.lower().rstrip("/"))

    return canonical(one) == canonical(other)
