"""Reading the user's kubeconfig, and proving that a context is the cluster that was named.

A file is read as client-go reads it (k8s.io/client-go/tools/clientcmd): an empty one is an empty configuration, only
the first document counts, of duplicate keys the last. An exec entry is never run: for EKS acksm mints the same token
itself (`acksm.aws.token`), as the identity that `acksm.kube.sign_in` reads. What decides who signs in or where the
server is, and is not supported, is refused by name.
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

from acksm import bounded, yaml_reader
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Document, Json
from acksm.kube import sign_in
from acksm.kube.sign_in import NO_SIGN_IN, RefusedError, SignIn
from acksm.surroundings import context_proxy

_HTTPS = 443
MAX_BYTES = 4 * 1024 * 1024
# Fields of a user that sign in, or act, as an identity that acksm does not use
# (https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/).
_UNSUPPORTED = ("auth-provider", "username", "password", "as", "as-uid", "as-groups", "as-user-extra")
_ARN = re.compile(r"^arn:[^:]+:eks:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):cluster/(?P<name>[A-Za-z0-9_-]+)$")
_EKSCTL = re.compile(
    r"(?:^|@)(?P<name>[A-Za-z0-9_-]{1,100})\.(?P<region>[a-z]{2}(?:-[a-z]{1,16}){1,3}-\d)\.eksctl\.io$"
)


@dataclass(frozen=True)
class Context:
    """A context of a kubeconfig. `cluster_name` and `region` are "" when nothing in it gives them; `signs_in` is who an
    exec entry signs in as. `insecure`: the context disables verification of the server."""

    name: str
    source: str
    server: str
    ca_data: str
    cluster_name: str
    region: str
    auth: str  # "eks" (exec of aws/acksm/authenticator), "token", "certificate"
    token: str = ""
    cert_data: str = ""
    key_data: str = ""
    signs_in: SignIn = NO_SIGN_IN
    proxy_url: str = ""
    tls_server_name: str = ""
    insecure: bool = False
    namespace: str = ""


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
        document = parse(one)
        current = current or str(document.get("current-context") or "")
        for section, field in (("clusters", "cluster"), ("contexts", "context"), ("users", "user")):
            for name, body in entries_of(document, section, field, one).items():
                merged[section].setdefault(name, body | {"_dir": str(one.parent)})
    where = os.pathsep.join(str(one) for one in paths)
    if not found:
        raise AcksmError("kubeconfig-missing", "no kubeconfig found", where=where)
    name = context or current
    if name not in merged["contexts"]:
        known = ", ".join(sorted(merged["contexts"])) or "none"
        raise AcksmError("kubeconfig-context-unknown", f'no context "{name}"; the kubeconfig has: {known}', where=where)
    return _context(name, merged, where)


def contexts(path: str = "", environment: Mapping[str, str] | None = None) -> list[str]:
    """The names of all contexts. Errors: kubeconfig-missing, -malformed."""
    paths = [Path(path)] if path else default_paths(environment)
    return [
        name for one in paths if path or _is_file(one) for name in entries_of(parse(one), "contexts", "context", one)
    ]


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # an invalid file name
        return False


def parse(path: Path) -> Json:
    """The file's first document, {} of an empty file. Errors: kubeconfig-missing, -malformed."""
    try:
        document = bounded.check(yaml_reader.first(bounded.read(path, MAX_BYTES).decode("utf-8")))
    except ValueError as error:  # YamlError and UnicodeDecodeError too
        raise AcksmError("kubeconfig-malformed", f"not a YAML file: {error}"[:500], where=str(path)) from error
    except OSError as error:
        raise AcksmError("kubeconfig-missing", str(error), where=str(path)) from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise AcksmError("kubeconfig-malformed", "the file is not a mapping", where=str(path))
    return document


def entries_of(document: Document, section: str, field: str, path: Path) -> dict[str, Json]:
    """The entries of a section by name. Two of the same name in a file are an error, as in kubectl."""
    value = document.get(section) or []
    if not isinstance(value, list):
        raise AcksmError("kubeconfig-malformed", f"{section} is not a list", where=str(path))
    found: dict[str, Json] = {}
    for entry in value:
        body = entry.get(field) if isinstance(entry, dict) else None
        if isinstance(entry, dict) and isinstance(body, dict):
            name = str(entry.get("name"))
            if name in found:
                raise AcksmError("kubeconfig-malformed", f'{section} has two entries named "{name}"', where=str(path))
            found[name] = body
    return found


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
    if unsupported := [field for field in _UNSUPPORTED if user.get(field)]:
        raise AcksmError(
            "kubeconfig-unsupported",
            f"user {user_key} has {', '.join(unsupported)}, which acksm does not use",
            where=where,
        )
    signs_in = _signs_in(user, user_key, where)
    cluster_name, region = _identify(name, cluster_key, signs_in)
    base = Context(
        name,
        where,
        server,
        _inline_or_file(cluster, "certificate-authority", where),
        cluster_name,
        region,
        "eks",
        signs_in=signs_in,
        proxy_url=_proxy(cluster, cluster_key, where),
        tls_server_name=str(cluster.get("tls-server-name") or ""),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        namespace=str(body.get("namespace") or ""),
    )
    if user.get("exec") is not None:
        return base
    if user.get("token") or user.get("tokenFile"):  # the file counts where both are set, as in client-go
        token = _read(_resolve(user, "tokenFile"), where) if user.get("tokenFile") else str(user["token"])
        return replace(base, auth="token", token=token.strip())
    if user.get("client-certificate-data") or user.get("client-certificate"):
        return replace(
            base,
            auth="certificate",
            cert_data=_inline_or_file(user, "client-certificate", where),
            key_data=_inline_or_file(user, "client-key", where),
        )
    return base


def _proxy(cluster: Document, key: str, where: str) -> str:
    if not cluster.get("proxy-url"):
        return ""
    try:
        return context_proxy(str(cluster["proxy-url"]))
    except ValueError as error:
        raise AcksmError("kubeconfig-malformed", f"cluster {key}: {error}", where=where) from error


def _signs_in(user: Document, key: str, where: str) -> SignIn:
    entry = user.get("exec")
    if entry is None:
        return NO_SIGN_IN
    try:
        return sign_in.read(entry if isinstance(entry, dict) else {}, os.environ)
    except RefusedError as error:
        command = entry.get("command") if isinstance(entry, dict) else entry
        raise AcksmError("kubeconfig-exec", f"exec entry of user {key} ({command}): {error}", where=where) from error


def _identify(context: str, cluster_key: str, signs_in: SignIn) -> tuple[str, str]:
    """Name and region from an ARN, an eksctl name, or the exec entry."""
    for text in (cluster_key, context):
        match = _ARN.match(text) or _EKSCTL.search(text)
        if match:
            return match["name"], match["region"]
    return signs_in.cluster, signs_in.region


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


def is_server(context: Context, endpoint: str) -> bool:
    """Whether `context` can only connect to the server at the URL `endpoint`: its certificate is verified against the
    host of `endpoint`, or against the context's own server name where that is this host. The port is a tunnel's own.

    Every connection is verified with the certificate authority that EKS gives, which no other cluster has, so that a
    tunnel may have any port. An address without a name of its own is a server only with its port.
    """
    try:
        there, here = urlsplit(endpoint.lower().rstrip("/")), urlsplit(context.server.lower().rstrip("/"))
        same_port = (there.port or _HTTPS) == (here.port or _HTTPS)
    except ValueError:
        return False
    if (here.scheme, here.path, here.username) != (there.scheme, there.path, None) or not there.hostname:
        return False
    if context.tls_server_name:
        return context.tls_server_name.lower() == there.hostname
    return here.hostname == there.hostname and (same_port or not _is_address(there.hostname))


def _is_address(host: str) -> bool:
    try:
        return bool(ipaddress.ip_address(host))
    except ValueError:
        return host == "localhost"
