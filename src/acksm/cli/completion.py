"""Values for the shell's TAB, by a parameter's name or metavar. What cannot be known at once is not offered.

A completion never fails, writes nothing on stderr, and waits at most `SECONDS` for AWS and the cluster. What needs
neither is read without boto3 and kubernetes.
"""

from __future__ import annotations

import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from acksm.json_types import Untyped

if TYPE_CHECKING:
    from acksm.settings import Settings

SECONDS = 0.5
VARIABLE = "_ACKSM_COMPLETE"  # set by the shell's script (click, "Shell Completion")
_CHOICE = re.compile(r"[a-z-]{2,20}(\|[a-z-]{2,20}){1,9}")


def attach(parameter: Untyped) -> None:
    """Let the shell complete the values of a parameter of click."""
    if (find := source(str(parameter.name or ""), str(parameter.metavar or ""))) is not None:
        parameter._custom_shell_complete = partial(_complete, find)


def source(name: str, metavar: str) -> Callable[[Untyped], Iterable[str]] | None:
    """Where the values of a parameter come from, by its name or its metavar; None where it has no known ones."""
    if _CHOICE.fullmatch(metavar):
        return lambda _ctx: metavar.split("|")
    return _BY_NAME.get(name) or _BY_METAVAR.get(metavar)


def _complete(find: Callable[[Untyped], Iterable[str]], ctx: Untyped, _parameter: Untyped, begun: str) -> list[str]:
    try:
        return sorted({value for value in find(ctx) if value.startswith(begun)})
    except Exception:  # no completion is better than a traceback in the prompt
        return []


def be_quiet() -> None:
    """Discard stderr of this process and of those that it starts: the shell would print it into the prompt."""
    with open(os.devnull, "w") as nowhere:
        os.dup2(nowhere.fileno(), sys.stderr.fileno())


def within(work: Callable[[], Iterable[str]], seconds: float | None = None) -> list[str]:
    """What `work` finds in time, else nothing. Its thread does not keep the process alive."""
    found: list[str] = []

    def run() -> None:
        try:
            found.extend(work())
        except Exception:
            found.clear()

    thread = threading.Thread(target=run, daemon=True, name="acksm-completion")
    thread.start()
    thread.join(SECONDS if seconds is None else seconds)
    return [] if thread.is_alive() else found


# without a connection


def _services(_ctx: Untyped) -> Iterable[str]:
    from acksm.ack.names import SERVICES

    return SERVICES


def _services_equal(ctx: Untyped) -> Iterable[str]:
    return [f"{name}=" for name in _services(ctx)]


def _kinds(_ctx: Untyped) -> Iterable[str]:
    from acksm.ack.kinds import KINDS

    return [name for kinds in KINDS.values() for name in kinds]


def _kinds_of_objects(ctx: Untyped) -> Iterable[str]:
    return [f"{name}/" for name in _kinds(ctx)]


def _samples(_ctx: Untyped) -> Iterable[str]:
    from acksm.guide.samples.files import samples

    return samples()


def _ids(_ctx: Untyped) -> Iterable[str]:
    from acksm.catalog import entries

    return entries()


def _checks(_ctx: Untyped) -> Iterable[str]:
    from acksm.catalog import entries

    return [entry.id for entry in entries().values() if entry.kind == "check"]


def _regions(_ctx: Untyped) -> Iterable[str]:
    from acksm.aws.local import regions

    return regions()


def _profiles(_ctx: Untyped) -> Iterable[str]:
    from acksm.aws.local import profiles

    return profiles(os.environ)


def _contexts(ctx: Untyped) -> Iterable[str]:
    from acksm.kube.kubeconfig import contexts

    return contexts(_flag(ctx, "kubeconfig"))


def _planned(ctx: Untyped) -> Iterable[str]:
    """The commands that have a plan, word by word."""
    found, words = ctx.find_root().command, list(ctx.params.get("words") or ())
    inner: Mapping[str, Untyped] = {}
    for word in [*words, ""]:
        inner = getattr(found, "commands", {})
        if word not in inner:
            break
        found = inner[word]
    more = [] if words else ["show"]
    return more + [
        name for name, command in inner.items() if " " not in name and _has_plan(" ".join([*words, name]), command)
    ]


def _has_plan(name: str, command: Untyped) -> bool:
    from acksm.cli.planned import has_plan

    inner = getattr(command, "commands", None)
    if inner is None:
        return has_plan(name, command)
    return any(_has_plan(f"{name} {one}", sub) for one, sub in inner.items())


def _policies(_ctx: Untyped) -> Iterable[str]:
    from acksm.guide.doctor.caller_policies import spellings

    return spellings()


def _sandboxes(_ctx: Untyped) -> Iterable[str]:
    from acksm.sandbox.state import names

    return names()


def _flag(ctx: Untyped, name: str) -> str:
    return str(ctx.params.get(name) or "")


# from AWS and the cluster


def _clusters(ctx: Untyped) -> Iterable[str]:
    """The clusters of the account and region in force."""
    from acksm.aws.eks import Eks
    from acksm.aws.session import Session
    from acksm.surroundings import settled

    target = _settings(ctx).target
    eks = Eks(Session(target.profile or None, target.region or None))
    with settled(os.environ):
        return within(eks.names)


def _namespaces(ctx: Untyped) -> Iterable[str]:
    """The namespaces of the cluster in force."""
    from acksm.guide.connect.target import connect
    from acksm.kube.client import preload
    from acksm.kube.paths import ref
    from acksm.surroundings import settled

    settings = _settings(ctx)
    preload()

    def names() -> Iterable[str]:
        with connect(settings.target, settings.run) as target:
            return [str(item["metadata"]["name"]) for item in target.kube.list(ref("Namespace"))]

    with settled(os.environ):
        return within(names)


def _settings(ctx: Untyped) -> Settings:
    """The settings of the command as far as it is typed. Raises AcksmError for invalid ones."""
    from acksm.config import resolve
    from acksm.settings import TargetSettings

    flags = {name: value for name, value in ctx.params.items() if name in TargetSettings.model_fields and value}
    return resolve(flags, _flag(ctx, "file")).settings


_Source = Callable[[Untyped], Iterable[str]]
_BY_NAME: Mapping[str, _Source] = {
    "cluster": _clusters,
    "context": _contexts,
    "id": _ids,
    "print_policy": _policies,
    "words": _planned,
}
_BY_METAVAR: Mapping[str, _Source] = {
    "CHECK": _checks,
    "KIND": _kinds,
    "KIND/NAME": _kinds_of_objects,
    "KIND[/NAME]": _kinds,
    "NAMESPACE": _namespaces,
    "PROFILE": _profiles,
    "REGION": _regions,
    "SAMPLE": _samples,
    "SANDBOX": _sandboxes,
    "SERVICE": _services,
    "SERVICE=PATH": _services_equal,
    "SERVICE=V": _services_equal,
}
