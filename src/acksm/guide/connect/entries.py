"""The entries of a kubeconfig for an EKS cluster, as `aws eks update-kubeconfig` writes them
(https://docs.aws.amazon.com/cli/latest/reference/eks/update-kubeconfig.html): pure functions of what the file has.

Unlike there, what the user added is kept: a proxy, a tunnel's server with its server name, a namespace, and a token
command that signs in as the same identity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict

from acksm.dataclass import dataclass
from acksm.engine.change import Change, Danger, Op
from acksm.json_types import Json
from acksm.kube import sign_in
from acksm.kube.kubeconfig import Context, is_server
from acksm.kube.kubeconfig_file import CURRENT, Entries
from acksm.kube.sign_in import RefusedError, SignIn
from acksm.words import without_login

STEP = "kubeconfig"
_API_VERSION = "client.authentication.k8s.io/v1beta1"  # every kubectl since 1.11 reads it
_HIDDEN = "(hidden)"


@dataclass(frozen=True)
class Request:
    """The context to write: `command` is the program of the token command, `aws` or what runs acksm."""

    arn: str
    name: str
    region: str
    endpoint: str
    ca_data: str
    user: str
    context: str
    profile: str
    role_arn: str
    command: Sequence[str]


def desired(found: Entries, request: Request) -> Entries:
    """The entries to write, from those that the file has."""
    context = {key: value for key, value in found["contexts"].get(request.context, {}).items() if value is not None}
    return {
        "clusters": {request.arn: _cluster(found["clusters"].get(request.arn, {}), request)},
        "users": {request.user: _user(found["users"].get(request.user), request)},
        "contexts": {request.context: {**context, "cluster": request.arn, "user": request.user}},
    }


def _cluster(found: Mapping[str, object], request: Request) -> Json:
    kept = {
        key: value for key, value in found.items() if key not in {"certificate-authority", "insecure-skip-tls-verify"}
    }
    server, name = str(found.get("server") or ""), str(found.get("tls-server-name") or "")
    if server and is_server(Context("", "", server, "", "", "", "eks", tls_server_name=name), request.endpoint):
        return {**kept, "certificate-authority-data": request.ca_data}
    kept.pop("tls-server-name", None)
    return {**kept, "certificate-authority-data": request.ca_data, "server": request.endpoint}


def _user(found: Mapping[str, object] | None, request: Request) -> Json:
    entry = found.get("exec") if found else None
    if found is not None and isinstance(entry, Mapping) and set(found) == {"exec"}:
        try:
            known = sign_in.read(entry, {})
        except RefusedError:
            known = None
        if known == SignIn(request.name, request.region, request.profile, request.role_arn):
            return dict(found)
    return {"exec": _exec(request)}


def _exec(request: Request) -> Json:
    program, *words = request.command
    if program == "aws":
        args = ["--region", request.region, "eks", "get-token", "--cluster-name", request.name, "--output", "json"]
        args += ["--role-arn", request.role_arn] if request.role_arn else []
        env = {"env": [{"name": "AWS_PROFILE", "value": request.profile}]} if request.profile else {}
        return {"apiVersion": _API_VERSION, "args": args, "command": "aws", **env}
    args = [*words, "token", "--cluster", request.name, "--region", request.region]
    args += ["--profile", request.profile] if request.profile else []
    args += ["--role", request.role_arn] if request.role_arn else []
    return {"apiVersion": _API_VERSION, "args": args, "command": program}


def plan(found: Entries, current: str, request: Request, file: str) -> list[Change]:
    """At most one change, as the file is replaced at once; a user or context of these names that is another one now has
    to be confirmed."""
    wanted = desired(found, request)
    before: Json = {}
    after: Json = {}
    reasons: list[str] = []
    for section, bodies in wanted.items():
        for name, body in bodies.items():
            old = found[section].get(name)
            if old == body:
                continue
            after[f"{section[:-1]} {name}"] = _shown(body)
            if old is not None:
                before[f"{section[:-1]} {name}"] = _shown(old)
                reasons += [] if section == "clusters" else [_other(section, name, old, found, request)]
    if current != request.context:
        before, after = {**before, CURRENT: current or None}, {**after, CURRENT: request.context}
    if not after:
        return []
    exists = request.arn in found["clusters"] or bool(before and reasons)
    return [
        Change(
            id="kubeconfig.entries",
            step=STEP,
            op=Op.UPDATE if exists else Op.CREATE,
            system="kubeconfig",
            target=f"context {request.context} in {file}",
            call="kubeconfig.edit",
            params={"file": file, "request": {**asdict(request), "command": [*request.command]}},
            before=before or None,
            after=after,
            reason="; ".join(reasons),
            danger=Danger.MILD if reasons else Danger.NONE,
            guide=f"aws eks update-kubeconfig --name {request.name} --region {request.region}",
        )
    ]


def _other(section: str, name: str, old: Mapping[str, object], found: Entries, request: Request) -> str:
    """Why a user or context is replaced, in words."""
    if section == "contexts":
        return f"context {name} is replaced: it has cluster {old.get('cluster')} and user {old.get('user')}"
    others = [
        other for other, body in found["contexts"].items() if other != request.context and body.get("user") == name
    ]
    used = f", which context {', '.join(others)} uses too (--user-alias keeps it)" if others else ""
    return f"user {name} is replaced{used}: it signs in as another identity, or by another command"


def _shown(body: Mapping[str, object]) -> Json:
    """An entry as a plan shows it: no credentials, and no certificate of a thousand characters."""
    shown: Json = {}
    for key, value in body.items():
        if key == "exec" and isinstance(value, Mapping):
            env = value.get("env")
            safe = (
                [{**item, "value": _value(item)} for item in env if isinstance(item, Mapping)]
                if isinstance(env, list)
                else env
            )
            shown[key] = {**value, "env": safe} if env else dict(value)
        elif key in {"server", "proxy-url"}:
            shown[key] = without_login(str(value))
        elif key in {"cluster", "user", "namespace", "tls-server-name", "insecure-skip-tls-verify"}:
            shown[key] = value
        elif key == "certificate-authority-data":
            shown[key] = f"({len(str(value))} characters)" if value else value
        else:
            shown[key] = _HIDDEN
    return shown


def _value(item: Mapping[str, object]) -> object:
    return item.get("value") if item.get("name") in {"AWS_PROFILE", "AWS_REGION", "AWS_DEFAULT_REGION"} else _HIDDEN
