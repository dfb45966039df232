"""`acksm init`: a commented acksm.yaml, from options and, on a terminal, from questions."""

from __future__ import annotations

import io
import json
import os
import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from acksm import private_file, reports
from acksm.ack import charts
from acksm.aws import local
from acksm.aws.account import Aws
from acksm.aws.eks import Eks
from acksm.config import FILE_NAME, resolve
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.json_types import Json
from acksm.output import Output
from acksm.settings import TARGET_ROLE, Namespace
from acksm.words import did_you_mean

SCHEMA_FILE, SCHEMA_TITLE = "acksm.schema.json", "acksm.yaml"
Answer = TypeVar("Answer")
_HEADER = f"""\
# yaml-language-server: $schema={SCHEMA_FILE}
# Settings of acksm; options and ACKSM_… variables override them, and acksm config show says where each comes from.
"""


@dataclass(frozen=True)
class Request:
    """What was given: settings by their field names, and `bind` as "NAMESPACE=ACCOUNT" or "NAMESPACE=REGION".
    `schema` is the text of the schema of settings."""

    given: Json
    bind: Sequence[str] = ()
    path: str = FILE_NAME
    force: bool = False
    print_only: bool = False
    schema: str = ""


@dataclass(frozen=True)
class _Section:
    """Settings that belong together in the file, the comment above them, and an example where none is set."""

    comment: str
    names: tuple[str, ...]
    example: str = ""


_SECTIONS = (
    _Section(
        "The cluster. acksm refuses credentials of another account.",
        ("cluster", "region", "account", "profile", "controller-namespace"),
    ),
    _Section(
        "What the controllers watch: all namespaces (scope: cluster), or those of watch-namespace (scope: namespace).",
        ("scope", "watch-namespace", "create-namespace"),
        "scope: namespace\nwatch-namespace: [team-a, team-b]",
    ),
    _Section("Which controllers are installed; without it both.", ("service",), "service: [sagemaker]"),
    _Section(
        "Chart versions; without them those that this acksm was tested with. Other versions: acksm versions",
        ("version",),
        "version: {sagemaker: " + charts.TESTED[charts.SAGEMAKER] + "}",
    ),
    _Section(
        "Roles in other accounts, by account id in quotes. They are created by: acksm carm setup --target-account ID",
        ("accounts",),
        'accounts:\n  "111111111111":\n    role-arn: arn:aws:iam::111111111111:role/' + TARGET_ROLE,
    ),
    _Section(
        "Namespaces whose AWS resources are in another account or region, for acksm carm bind and acksm region bind.",
        ("namespaces",),
        'namespaces:\n  team-b: {account: "111111111111"}\n  team-c: {region: us-east-1}',
    ),
)


def run(request: Request, ui: Output) -> int:
    """Write the file, or print it. Errors: `config-invalid`, `init-exists`, `init-incomplete`, `init-write`,
    `cluster-unknown`."""
    path = Path(request.path)
    if not request.print_only:
        _check_free(path, force=request.force)
    document({}, request.bind)  # before anything is read
    settings = document(*_completed(request, ui))
    resolve({key.replace("-", "_"): value for key, value in settings.items()}, os.devnull, {})
    data: reports.InitReport = {"file": "" if request.print_only else str(path), "settings": settings}
    if request.print_only:
        ui.result("init", {**data}, rendered(settings))
        return 0
    try:
        private_file.write(path.with_name(SCHEMA_FILE), request.schema)
        private_file.write(path, rendered(settings))
    except OSError as error:
        raise AcksmError("init-write", f"cannot write {path}: {error.strerror}", where=str(path)) from error
    named = "" if path == Path(FILE_NAME) else f" -f {path}"
    ui.result("init", {**data}, f"wrote {path}, and its schema {SCHEMA_FILE} for editors")
    ui.show(f"next: acksm install{named} --dry-run")
    return 0


def _check_free(path: Path, *, force: bool) -> None:
    """Error: `init-exists` for a settings file, and for a file of the schema's name that is something else."""
    if path.exists() and not force:
        raise AcksmError("init-exists", f"{path} exists", where=str(path), remedy=f"acksm init --file {path} --force")
    schema = path.with_name(SCHEMA_FILE)
    try:
        ours = not schema.exists() or json.loads(schema.read_bytes())["title"] == SCHEMA_TITLE
    except (OSError, ValueError, LookupError, TypeError):
        ours = False
    if not ours:
        raise AcksmError("init-exists", f"{schema} exists and is not the schema of acksm.yaml", where=str(schema))


# the file


def document(chosen: Mapping[str, object], bind: Sequence[str]) -> Json:
    """The settings as the file has them, by the options' own names, without those that are not set.

    `chosen` are settings by their field names. Error: `config-invalid`.
    """
    found: Json = {name.replace("_", "-"): value for name, value in chosen.items() if value not in (None, "", [], {})}
    known = local.regions()
    accounts: dict[str, Json] = {}
    namespaces: dict[str, Json] = {}
    for item in bind:
        name, target = _pair(item, known)
        place = {"account" if target.isdigit() else "region": target}
        namespaces[name] = {**namespaces.get(name, {}), **place}
        if target.isdigit():
            partition = known.get(str(chosen.get("region") or ""), "aws")
            accounts[target] = {"role-arn": f"arn:{partition}:iam::{target}:role/{TARGET_ROLE}"}
    if watched := found.get("watch-namespace"):  # a binding of a namespace that is not watched has no effect
        found["watch-namespace"] = list(dict.fromkeys([*watched, *namespaces]))
        found = {"scope": "namespace", **found, "create-namespace": True}
    return {
        **found,
        **({"accounts": accounts} if accounts else {}),
        **({"namespaces": namespaces} if namespaces else {}),
    }


def _pair(item: str, regions: Mapping[str, str]) -> tuple[str, str]:
    name, equals, target = item.partition("=")
    whole = target.isascii() and target.isdigit() and len(target) == 12
    if not equals or not (whole or target in regions) or not _is_namespace(name):
        message = f'"{item}" is not NAMESPACE=ACCOUNT or NAMESPACE=REGION'
        near = "" if target.isdigit() else did_you_mean(get_close_matches(target, regions, n=1))
        remedy = "acksm init --bind team-b=111111111111   (12 digits), or --bind team-b=us-east-1"
        raise AcksmError("config-invalid", message + near, where="flag --bind", remedy=remedy)
    return name, target


def _is_namespace(name: str) -> bool:
    try:
        TypeAdapter(Namespace).validate_python(name)
    except ValidationError:
        return False
    return True


def rendered(settings: Mapping[str, object]) -> str:
    """The file: each section below its comment, an unset one as a commented example."""
    from ruamel.yaml import YAML

    yaml, sections = YAML(typ="safe", pure=True), [_HEADER]
    yaml.default_flow_style, yaml.width = False, 4096
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    for section in _SECTIONS:
        stream, mine = io.StringIO(), {name: settings[name] for name in section.names if name in settings}
        yaml.dump(mine, stream)
        body = stream.getvalue() if mine else "".join(f"# {line}\n" for line in section.example.splitlines())
        if body:
            sections.append(f"# {section.comment}\n{body}")
    return "\n".join(sections)


# questions


def _completed(request: Request, ui: Output) -> tuple[Json, Sequence[str]]:
    """The settings and bindings of the file: what was given, with answers to the rest, and the cluster's account."""
    chosen, bind, asks = dict(request.given), request.bind, ui.can_ask()
    aws = Aws(str(chosen.get("profile") or "") or None, str(chosen.get("region") or "") or None)
    if "region" not in chosen:
        usual = _usual_region(aws)
        chosen["region"] = _asked(ui, "AWS region of the cluster", usual, _region) if asks else usual
    if not chosen["region"]:
        raise AcksmError("init-incomplete", "no region given, and none set in the environment or the profile")
    aws = Aws(aws.profile, str(_region(str(chosen["region"]))))
    chosen = {"cluster": _cluster(ui, aws, asks=asks), **chosen} if not chosen.get("cluster") else chosen
    if not chosen.get("account"):
        chosen["account"] = _account(ui, aws, str(chosen["cluster"]))
    if asks and not chosen.get("scope") and not chosen.get("watch_namespace"):
        chosen["watch_namespace"] = _asked(ui, "Namespaces to watch, such as team-a,team-b; empty for all", "", _names)
    if asks and not bind:
        bind = _asked(
            ui, "Namespaces in another account or region, such as team-b=111111111111,team-c=us-east-1", "", _bound
        )
    if asks and not chosen.get("version"):
        pair = ", ".join(f"{service} {version}" for service, version in charts.TESTED.items())
        chosen["version"] = _asked(ui, f"Pin the tested versions ({pair})? [y/N]", "", _pinned)
    return chosen, bind


def _usual_region(aws: Aws) -> str:
    """The region of the environment or the profile, "" without one."""
    try:
        return aws.region
    except AcksmError as error:
        if error.id != "aws-region-missing":
            raise
        return ""


def _cluster(ui: Output, aws: Aws, *, asks: bool) -> str:
    """A cluster of the region. Error: `init-incomplete` where no one can answer."""
    try:
        names = Eks(aws).names()
        found = f"clusters in {aws.region}: {', '.join(names)}" if names else f"{aws.region} has no cluster"
    except AcksmError as error:
        names, found = [], f"the clusters of {aws.region} could not be listed: {error.message}"
    if not asks:
        remedy = f"acksm init --cluster {names[0] if names else 'NAME'} --region {aws.region}"
        raise AcksmError("init-incomplete", f"no cluster given; {found}", remedy=remedy)
    ui.show(found)
    return _asked(ui, "Cluster", names[0] if names else "", _not_empty)


def _account(ui: Output, aws: Aws, cluster: str) -> str:
    """The account of the cluster, "" where it cannot be read. Error: `cluster-unknown`."""
    try:
        return Eks(aws).describe_cluster(cluster).account
    except AcksmError as error:
        if error.id == "cluster-unknown":
            raise
        ui.emit(Event(Kind.NOTE, "note", f"account not pinned, as the cluster could not be read: {error.message}"))
        return ""


def _asked(ui: Output, question: str, default: str, read: Callable[[str], Answer]) -> Answer:
    """The answer as `read` reads it; asked again while it is invalid."""
    while True:
        try:
            return read(ui.ask(question, default))
        except AcksmError as error:
            if error.id != "config-invalid":
                raise
            ui.show(error.message)


def _region(answer: str) -> str:
    if answer not in (known := local.regions()):
        near = get_close_matches(answer, known, n=1)
        raise AcksmError(
            "config-invalid",
            f'unknown region "{answer}"{did_you_mean(near)}',
            where="flag --region",
            remedy=f"acksm init --cluster NAME --region {(near or ['REGION'])[0]}",
        )
    return answer


def _not_empty(answer: str) -> str:
    if not answer:
        raise AcksmError("config-invalid", "a name is required")
    return answer


def _names(answer: str) -> list[str]:
    names = [part for part in re.split(r"[,\s]+", answer) if part]
    resolve({"watch_namespace": names}, os.devnull, {})
    return names


def _bound(answer: str) -> list[str]:
    pairs = [part for part in re.split(r"[,\s]+", answer) if part]
    resolve({key: value for key, value in document({}, pairs).items() if value}, os.devnull, {})
    return pairs


def _pinned(answer: str) -> dict[str, str]:
    return dict(charts.TESTED) if answer.lower() in {"y", "yes"} else {}
