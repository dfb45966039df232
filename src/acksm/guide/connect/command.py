"""`acksm connect`: a context of the cluster in a kubeconfig (guide §2.1), and who signs in by it."""

from __future__ import annotations

import base64
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

from acksm.aws.token import mint
from acksm.dataclass import dataclass
from acksm.engine.change import Plan
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.guide.connect import entries
from acksm.guide.connect.apply import apply_plan
from acksm.guide.connect.entries import Request
from acksm.guide.connect.target import connect, session_of
from acksm.kube import kubeconfig_file
from acksm.kube.client import Endpoint, Kube
from acksm.kube.sign_in import SignIn
from acksm.output import Output
from acksm.settings import RunSettings, TargetSettings
from acksm.surroundings import context_proxy

APISERVER_SECONDS = 15.0  # a private endpoint does not answer at all


@dataclass(frozen=True)
class Identity:
    """Who signs in: the ARN by STS, and the apiserver's user and groups, or why it could not say."""

    arn: str
    user: str = ""
    groups: Sequence[str] = ()
    error: AcksmError | None = None


def run(
    at: TargetSettings, run: RunSettings, ui: Output, *, alias: str = "", user_alias: str = "", role_arn: str = ""
) -> int:
    """Write the context. Errors: cluster-…, aws-…, kubeconfig-…"""
    if not at.cluster:
        raise AcksmError(
            "cluster-missing", "no cluster specified", remedy="acksm connect --cluster NAME --region REGION"
        )
    files = kubeconfig_file.paths(at.kubeconfig, os.environ)
    # the cluster is the one that was named, whatever a kubeconfig says
    with connect(at.model_copy(update={"kubeconfig": "", "context": ""}), run) as target:
        ui.emit(Event(Kind.STEP, "target", target.line()))
        session = session_of(target.aws, SignIn(role_arn=role_arn))
        arn = session.identity().arn
        cluster = target.cluster
        file = kubeconfig_file.choose(files, cluster.arn)
        request = Request(
            arn=cluster.arn,
            name=cluster.name,
            region=cluster.region,
            endpoint=cluster.endpoint,
            ca_data=cluster.ca_data,
            user=user_alias or cluster.arn,
            context=alias or user_alias or cluster.arn,
            profile=at.profile,
            role_arn=role_arn,
            command=token_command(),
        )
        found = kubeconfig_file.entries(file)
        changes = entries.plan(found, kubeconfig_file.current_of(file), request, str(file))
        current = kubeconfig_file.current(files, file, request.context)
        notes = [] if current == request.context else [_shadowed(current, request.context)]
        entry = entries.desired(found, request)["clusters"][cluster.arn]
        who = cache(lambda: _who(entry, arn, mint(session, cluster.name).value, target.deadline.remaining))
        facts: dict[str, object] = {
            "kubeconfig": os.path.realpath(file),
            "context": request.context,
            "user": request.user,
            "current_context": current,
            "identity": arn,
            "kubernetes_user": lambda: who().user,
            "groups": lambda: list(who().groups),
            "apiserver_error": lambda: (error := who().error) and error.as_data(),
        }

        def text() -> str:
            return "\n".join([f"context {request.context} in {os.path.realpath(file)}", *_lines(who())])

        planned = Plan("connect", tuple(changes), tuple(notes), facts)
        dispatch: Mapping[str, Callable[..., object]] = {"kubeconfig.edit": edit}
        dry_text = text() if run.dry_run else ""
        ask = f"Replace entries of {file}?"
        return apply_plan(target, ui, planned, dispatch, text, dry_text=dry_text, lock=False, ask=ask)


def edit(file: str, request: Mapping[str, object]) -> None:
    """Write the request's entries over those that the file has now."""
    wanted: Request = Request(**request)  # type: ignore[arg-type]  # a plan's parameters are JSON
    kubeconfig_file.edit(Path(file), lambda found: entries.desired(found, wanted), wanted.context)


def token_command() -> tuple[str, ...]:
    """The AWS CLI where it is on PATH, as every other tool knows its entry; else acksm itself."""
    if shutil.which("aws"):
        return ("aws",)
    return ("acksm",) if shutil.which("acksm") else (sys.executable, "-m", "acksm")


def _who(cluster: Mapping[str, object], arn: str, token: str, seconds: float) -> Identity:
    """Who signs in with `token`, by the server and the proxy of the entry."""
    until = time.monotonic() + min(APISERVER_SECONDS, seconds)
    try:
        endpoint = Endpoint(
            str(cluster["server"]),
            base64.b64decode(str(cluster["certificate-authority-data"])).decode("ascii"),
            token=token,
            tls_server_name=str(cluster.get("tls-server-name") or ""),
            proxy_url=context_proxy(str(cluster["proxy-url"])) if cluster.get("proxy-url") else "",
        )
        user, groups = Kube(endpoint, lambda: until - time.monotonic()).who_am_i()
    except ValueError as error:
        return Identity(arn, error=AcksmError("kubeconfig-malformed", str(error), where=str(cluster["server"])))
    except AcksmError as error:
        return Identity(arn, error=error)
    return Identity(arn, user, groups)


def _lines(who: Identity) -> list[str]:
    lines = [f"AWS: {who.arn}"]
    if who.error is None:
        groups = ", ".join(who.groups) or "none"
        return [*lines, f"apiserver: user {who.user}, groups {groups}"]
    if who.error.id == "kube-not-found":  # before Kubernetes 1.28 it answers, and cannot say
        return [*lines, "apiserver: reached"]
    return [*lines, f"apiserver: {who.error.message}", f"  remedy: {who.error.remedy}"]


def _shadowed(current: str, context: str) -> str:
    return (
        f"the current context is {current}, as an earlier file of KUBECONFIG has it; "
        f"kubectl config use-context {context} changes it"
    )
