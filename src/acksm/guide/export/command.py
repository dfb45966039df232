"""`acksm export`: the plan of an install as files of a GitOps engine, and whether a folder still has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import field, replace
from pathlib import Path

from acksm import reports
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import Target, connect, offline
from acksm.guide.export import bindings, files, folder, reading, repository
from acksm.guide.export.files import ENGINES, Request
from acksm.guide.export.folder import RECORD
from acksm.json_types import Document, Json, Object
from acksm.output import Output
from acksm.settings import (
    ControllerSettings,
    Declared,
    RoleSettings,
    Settings,
    TargetSettings,
)
from acksm.words import counted

_ISSUER = re.compile(r"https://[A-Za-z0-9.-]{1,253}(:[0-9]{1,5})?(/[A-Za-z0-9._-]{1,255}){0,8}")
# What a machine or a run has of its own, and what has no part in the files
_GROUPS = (TargetSettings, ControllerSettings, RoleSettings, Declared)
_NOT_RECORDED = frozenset({"profile", "kubeconfig", "context", "adopt"})
OPTIONS = ("repo", "repo_path", "revision", "issuer")


@dataclass(frozen=True)
class Options:
    """The command's own options, "" where not given."""

    to: str = ""
    out: str = ""
    check: str = ""
    offline: bool = False
    issuer: str = ""
    repo: str = ""
    repo_path: str = ""
    revision: str = ""
    manifests_only: bool = False

    def with_recorded(self, export: Document) -> Options:
        """With what an export has recorded, where no option says otherwise."""
        return replace(
            self,
            to=self.to or str(export.get("to", "")),
            offline=self.offline or bool(export.get("offline")),
            manifests_only=self.manifests_only or bool(export.get("manifests-only")),
            **{name: getattr(self, name) or str(export.get(name.replace("_", "-"), "")) for name in OPTIONS},
        )


@dataclass(frozen=True)
class Given:
    """The settings of a run, and by name those that an option or variable (`own`) and a settings file (`of_file`)
    give."""

    settings: Settings
    own: frozenset[str] = field(default_factory=frozenset)
    of_file: frozenset[str] = field(default_factory=frozenset)


def run(given: Given, options: Options, ui: Output) -> int:
    """Write the folder, or check it. Errors: `export-…`, and those of install's plan."""
    if options.check:
        return _check(given, options, ui)
    if not options.out:
        raise _invalid("no directory specified", "--out", "acksm … --out clusters/demo")
    place = Path(options.out)
    known = folder.record(place)
    source, request, made, record = _made(given.settings, options, given.of_file, ui)
    _check_same(place, known, record, "acksm export … --out OTHER_DIRECTORY")
    planned = folder.plan(place, made, known)
    folder.write(place, made, record, known, planned)
    for path in planned.left:
        ui.emit(Event(Kind.NOTE, "note", f"{place / path} is kept: it was changed since it was exported"))
    count = Counter(planned.changes.values())
    text = ", ".join(f"{count[change]} {change}" for change in ("created", "updated", "deleted") if count[change])
    text = f"{place}: {counted(len(made), 'file')}, {text}" if text else f"{place} is already up to date"
    data = _report(source, request, place, planned, (), made)
    ui.result("export", {**data}, f"{text}\nnext: {place / files.README}")
    return 0


def _check(given: Given, options: Options, ui: Output) -> int:
    """Whether the folder is what acksm would write with its recorded settings, or with given ones."""
    if options.out:
        raise _invalid("--check and --out are mutually exclusive", "--check", f"acksm export --check {options.check}")
    place = Path(options.check)
    known = folder.record(place)
    if not known:
        raise AcksmError("export-record-missing", f"{place} has no {RECORD}", where=str(place))
    settings = _merged(given, known)
    options = options.with_recorded(known["export"])
    of_file = given.of_file or frozenset(map(str, known.get("settings-file", [])))
    source, request, made, record = _made(settings, options, of_file, ui)
    at = {name: known["settings"].get(name) for name in ("cluster", "region", "account")}
    at["controller-namespace"] = known.get("namespace")
    words = ["acksm export", f"--check {place}", *(f"--{name} {value}" for name, value in at.items() if value)]
    _check_same(place, known, record, " ".join(words))
    for image in source.images:
        if image.error and known.get("images", {}).get(image.reference):
            raise AcksmError("export-image-unread", f"{image.reference}: {image.error}", where=image.reference)
    whole = {**made, RECORD: folder.encoded({**record, "acksm": known.get("acksm")})}
    planned = folder.plan(place, whole, known)
    diff = folder.differences(place, whole, planned)
    code = int(ExitCode.CHANGES_PENDING if planned.changes else ExitCode.OK)
    data = _report(source, request, place, planned, diff, made)
    shown = "\n".join([*diff, f"{place}: {counted(len(planned.changes), 'file')} would change"])
    ui.result("export", {**data}, shown if planned.changes else f"{place} is up to date", code)
    return code


def _made(
    settings: Settings, options: Options, of_file: frozenset[str], ui: Output
) -> tuple[reading.Source, Request, dict[str, bytes], Json]:
    """The files that these settings give, and their record. Reads only."""
    engine = options.to
    place = repository_of(options)
    with _target(settings, options) as target:
        ui.emit(Event(Kind.STEP, "target", _line(target)))
        source = reading.read(target, settings.controllers, settings.role, ui.emit)
        bound, more = list[Object](), list[str]()
        if engine != "cloudformation":
            bound, more = bindings.objects(target, settings.declared, source.running)
    source = replace(source, notes=[*source.notes, *more])
    given = {name: value for name in OPTIONS if (value := str(getattr(options, name)))}
    recorded = {name.replace("_", "-"): value for name, value in given.items()}
    request = Request(
        engine,
        options.offline,
        options.issuer,
        place,
        recorded,
        _recorded(settings, source),
        tuple(sorted(of_file - _NOT_RECORDED)),
        options.manifests_only,
    )
    made, record = files.build(source, request, bound)
    for note in source.notes:
        ui.emit(Event(Kind.NOTE, "note", note))
    return source, request, made, record


def repository_of(options: Options) -> repository.Repository | None:
    """Where the engine finds the files; None where nothing that is written names it.

    Errors: `config-invalid`, `export-repo-…`.
    """
    engine = options.to
    if engine not in ENGINES:
        text = f"{engine!r} is no engine" if engine else "no engine specified"
        raise _invalid(f"{text}; expected {', '.join(ENGINES[:-1])} or {ENGINES[-1]}", "--to", "acksm … --to flux")
    has_objects = engine in {"flux", "argocd"}
    if options.manifests_only and not has_objects:
        raise _invalid(f"{engine} has no objects of its own to leave out", "--manifests-only", f"acksm … --to {engine}")
    if has_objects and not options.manifests_only:
        return repository.parse(options.repo, options.repo_path, options.revision, engine)
    if options.repo or options.repo_path or options.revision:
        reader = "--manifests-only" if has_objects else engine
        raise _invalid(f"{reader} reads no repository", "--repo", f"acksm … --to {engine}   (without --repo)")
    return None


def _target(settings: Settings, options: Options) -> Target:
    """Error: `export-offline-incomplete`."""
    at = settings.target
    if not options.offline:
        if options.issuer:
            raise _invalid("--issuer is for --offline: else EKS says it", "--issuer", "acksm … --offline")
        return connect(at, settings.run)
    missing = [f"--{name}" for name in ("cluster", "region", "account") if not getattr(at, name)]
    if missing:
        raise AcksmError(
            "export-offline-incomplete",
            f"--offline asks neither AWS nor the cluster, so {', '.join(missing)} "
            f"{'is' if len(missing) == 1 else 'are'} required",
            where=", ".join(missing),
        )
    if options.issuer and not _ISSUER.fullmatch(options.issuer):
        example = f"https://oidc.eks.{at.region}.amazonaws.com/id/ID"
        raise _invalid(f"{options.issuer!r} is not the URL of an issuer", "--issuer", f"acksm … --issuer {example}")
    return offline(at, settings.run, options.issuer)


def _line(target: Target) -> str:
    cluster = target.cluster
    if target.offline:
        return f"cluster {cluster.name} ({cluster.region}), account {cluster.account}, offline"
    return target.line()


def _recorded(settings: Settings, source: reading.Source) -> Json:
    """The settings that decide what is written, other than their defaults."""
    names = {name for group in _GROUPS for name in group.model_fields} - _NOT_RECORDED
    found = {name: value for name, value in settings.flat(non_default=True).items() if name in names}
    cluster = source.cluster
    return {**found, "cluster": cluster.name, "region": cluster.region, "account": cluster.account}


def _merged(given: Given, known: Document) -> Settings:
    """The recorded settings, with those of options and variables instead, and those of a settings file as it is now."""
    recorded = dict(known["settings"])
    if given.of_file:
        recorded = {name: value for name, value in recorded.items() if name not in known.get("settings-file", [])}
    flat = given.settings.flat()
    now = {name: flat[name] for name in (*given.of_file, *given.own)}
    try:
        of_run = given.settings.run.model_dump(mode="json")
        return Settings.of(**{**recorded, **now, **of_run})
    except ValueError as error:
        raise AcksmError(
            "export-record-invalid", f"settings of {RECORD} are invalid: {error}"[:400], where=RECORD
        ) from error


def _check_same(place: Path, known: Document, record: Document, remedy: str) -> None:
    """Refuse the folder of another cluster, as a variable may name one. Error: `export-dir-foreign`."""
    before = (known.get("cluster"), known.get("namespace"))
    if known and before != (record["cluster"], record["namespace"]):
        whose = f"cluster {before[0]}, namespace {before[1]}" if before[0] else "a fleet"
        raise AcksmError(
            "export-dir-foreign",
            f"{place} is the export of {whose}",
            where=str(place),
            remedy=remedy,
        )


def _report(
    source: reading.Source,
    request: Request,
    place: Path,
    planned: folder.Planned,
    diff: Sequence[str],
    made: Mapping[str, bytes],
) -> reports.ExportReport:
    return {
        "to": request.engine,
        "offline": request.offline,
        "directory": str(place),
        "cluster": source.cluster.arn,
        "role_arn": source.iam.role_arn,
        "files": [
            {"path": path, "change": planned.changes.get(path, "")} for path in sorted({*made, *planned.changes})
        ],
        "left": list(planned.left),
        "notes": list(source.notes),
        "diff": list(diff),
        "clusters": [],
        "incomplete": [],
    }


def _invalid(message: str, where: str, remedy: str) -> AcksmError:
    return AcksmError("config-invalid", message, where=where, remedy=remedy)
