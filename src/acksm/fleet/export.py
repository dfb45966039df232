"""`acksm export --fleet`: the export of each cluster in a directory of its own, and what rolls all of them out.

A process for each cluster writes or checks its directory, under the rules of `acksm.guide.export.folder`; what is
beside these directories is written when every cluster has been exported. A directory whose cluster the fleet no longer
has is kept: its Application still reads it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from acksm import __version__, reports, yaml_writer
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.fleet import applicationset, command, discovery, export_readme, rollout, rows
from acksm.fleet.applicationset import DEFAULT_DESTINATION, Destinations, folder_of
from acksm.fleet.file import Fleet, Member, read
from acksm.guide.export import files, folder
from acksm.guide.export.command import Options, repository_of
from acksm.guide.export.repository import Repository
from acksm.guide.install.kept import OF_FLEET
from acksm.json_types import Json, Object
from acksm.output import Output
from acksm.words import counted

OPTIONS = ("repo", "repo_path", "revision")


@dataclass(frozen=True)
class Given:
    """`fleet` is the path of the file, `destination` how Argo CD knows the clusters; "" for what the directory has
    recorded, or the default."""

    fleet: str
    destination: str
    options: Options


def recorded(directory: str) -> str:
    """The path of the fleet that a directory is the export of; "" where it is none of a fleet, or not readable."""
    try:
        path = str(folder.record(Path(directory)).get("export", {}).get("fleet", "")) if directory else ""
    except AcksmError:
        return ""  # what is wrong with it is found again
    return os.path.relpath(Path(directory) / path) if path else ""


def run(given: Given, ui: Output) -> int:
    """Write the directory, or check it. Errors: `config-invalid`, `export-…`, those of the fleet's file."""
    options = given.options
    if bool(options.out) == bool(options.check):
        text = "--check and --out are mutually exclusive" if options.out else "no directory specified"
        raise AcksmError("config-invalid", text, where="--out", remedy="acksm … --out clusters")
    place = Path(options.out or options.check)
    known = folder.record(place)
    if known and "fleet" not in known["export"]:
        raise AcksmError(
            "export-dir-foreign",
            f"{place} is the export of cluster {known.get('cluster')}",
            where=str(place),
            remedy="acksm export … --out OTHER_DIRECTORY",
        )
    if options.check:
        if not known:
            raise AcksmError("export-record-missing", f"{place} has no {folder.RECORD}", where=str(place))
        recorded_destination = str(known["export"].get("destination", ""))
        options = options.with_recorded(known["export"])
        given = Given(given.fleet, given.destination or recorded_destination, options)
    return _Run(given, place, known, repository_of(options)).run(ui)


@dataclass(frozen=True)
class _Run:
    given: Given
    place: Path
    known: Json
    at: Repository | None

    @property
    def options(self) -> Options:
        return self.given.options

    @property
    def has_set(self) -> bool:
        """Whether the export has an ApplicationSet."""
        return self.options.to == "argocd" and self.at is not None

    def run(self, ui: Output) -> int:
        destinations = self._destinations()
        fleet, found = self._members()
        steps = rollout.steps(fleet.waves, found.members)
        for step in steps if self.has_set else ():
            applicationset.check_label(step.wave.name)
        for one in found.members:  # before any of them is written, as a link inside may lead out of the directory
            folder.digest_of(self.place, f"{folder_of(one)}/{folder.RECORD}")
        new = [one for one in found.members if self.options.check and not self._digest(one)]
        known = discovery.Found(tuple(one for one in found.members if one not in new), found.unread)
        ran = command.execute(fleet, known, command.Command("export", ["export"], of_member=self._words), ui)
        arns = {item["id"]: str(item["report"].get("cluster", "")) for item in ran.rows}
        code = rows.exit_code(ran.rows, ran.stopped, ran.incomplete)
        if new:
            code = rollout.worst([code, ExitCode.CHANGES_PENDING])
        notes = [f"{item['id']}: {note}" for item in ran.rows for note in item["report"].get("notes") or ()]
        notes += _shared(ran.rows)
        notes += _not_labels(found.members) if self.has_set else []
        planned, made = folder.Planned(), dict[str, bytes]()
        diff = [
            line for item in ran.rows for line in _below(f"{OF_FLEET}/{item['id']}", item["report"].get("diff") or ())
        ]
        diff += [f"{folder_of(one)} does not exist, or is no export" for one in new]
        if code in rollout.FINE and not new:
            made = self._files(fleet, steps, arns, destinations)
            record = self._record(fleet, found.members, made)
            if self.options.check:
                whole = {**made, folder.RECORD: folder.encoded({**record, "acksm": self.known.get("acksm")})}
                planned = folder.plan(self.place, whole, self.known)
                diff += folder.differences(self.place, whole, planned)
                code = rollout.worst([code, ExitCode.CHANGES_PENDING if planned.changes else ExitCode.OK])
            else:
                planned = folder.plan(self.place, made, self.known)
                folder.write(self.place, made, record, self.known, planned)
                notes += self._left(found.members)
        for note in notes:
            ui.emit(Event(Kind.NOTE, "note", note))
        return self._show(ran, planned, made, notes, diff, code, ui)

    def _destinations(self) -> Destinations:
        given = self.given.destination
        if given and not self.has_set:
            message = "only an ApplicationSet has destinations"
            raise AcksmError("config-invalid", message, where="--destination", remedy="acksm … --to argocd")
        return Destinations.parse(given or DEFAULT_DESTINATION)

    def _members(self) -> tuple[Fleet, discovery.Found]:
        """The clusters; without their roles and profiles where AWS is not asked."""
        fleet = read(self.given.fleet)
        if not self.options.offline:
            return command.members(command.Chosen(self.given.fleet))
        if fleet.discover:
            message = "--offline asks no AWS, which discover needs"
            raise AcksmError("config-invalid", message, where=fleet.path, remedy="acksm export …   (without --offline)")
        return fleet, discovery.Found(tuple(replace(one, profile="", assume_role_arn="") for one in fleet.members), ())

    def _words(self, one: Member) -> list[str]:
        """What `acksm export` gets for a cluster."""
        options, at = self.options, self.at
        words = ["--to", options.to, "--check" if options.check else "--out", str(self.place / folder_of(one))]
        if options.offline:
            words += ["--offline", *(["--issuer", one.issuer] if one.issuer else [])]
        if self.has_set or options.manifests_only:
            words.append("--manifests-only")
        elif at is not None:
            words += ["--repo", at.url, "--repo-path", at.below(folder_of(one))]
            words += ["--revision", options.revision] if options.revision else []
        return words

    def _digest(self, one: Member) -> str:
        return folder.digest_of(self.place, f"{folder_of(one)}/{folder.RECORD}")

    def _files(
        self, fleet: Fleet, steps: Sequence[rollout.Step], arns: Mapping[str, str], destinations: Destinations
    ) -> dict[str, bytes]:
        """What is beside the clusters' directories. Errors: `config-invalid`, `export-not-expressible`."""
        if not self.has_set or self.at is None:
            text = export_readme.text(fleet, steps, self.options.to)
            return {files.README: text.encode()}
        found = applicationset.elements(steps, arns, destinations)
        name = _name(fleet)
        made = applicationset.manifest(name, steps, found, destinations, self.at)
        text = export_readme.text(fleet, steps, self.options.to, self.at, name, found, destinations)
        return {files.README: text.encode(), applicationset.PATH: yaml_writer.dump(made).encode()}

    def _record(self, fleet: Fleet, members: Sequence[Member], made: Mapping[str, bytes]) -> Json:
        """EXPORT.json: the options, the digest of each cluster's own EXPORT.json, and that of each other file."""
        options = self.options
        given = {name.replace("_", "-"): value for name in OPTIONS if (value := str(getattr(options, name)))}
        given |= {"destination": self.given.destination or DEFAULT_DESTINATION} if self.has_set else {}
        export: Object = {"to": options.to, **given, "fleet": _relative(fleet.path, self.place)}
        export |= {"offline": True} if options.offline else {}
        export |= {"manifests-only": True} if options.manifests_only else {}
        return {
            "schema": folder.SCHEMA,
            "acksm": __version__,
            "export": export,
            "settings": {},
            "settings-file": [],
            "images": {},
            "clusters": {one.id: self._digest(one) for one in members},
            "files": {path: folder.digest(data) for path, data in made.items()},
        }

    def _left(self, members: Sequence[Member]) -> list[str]:
        """Directories of clusters that an earlier export had, and this one has not."""
        gone = sorted(set(self.known.get("clusters", {})) - {one.id for one in members})
        return [f"{OF_FLEET}/{name} is kept: the fleet no longer has this cluster, see {files.README}" for name in gone]

    def _show(
        self,
        ran: command.Ran,
        planned: folder.Planned,
        made: Mapping[str, bytes],
        notes: Sequence[str],
        diff: Sequence[str],
        code: int,
        ui: Output,
    ) -> int:
        data: reports.ExportReport = {
            "to": self.options.to,
            "offline": self.options.offline,
            "directory": str(self.place),
            "cluster": "",
            "role_arn": "",
            "files": [
                {"path": path, "change": planned.changes.get(path, "")} for path in sorted({*made, *planned.changes})
            ],
            "left": list(planned.left),
            "notes": list(notes),
            "diff": list(diff),
            "clusters": ran.rows,
            "incomplete": list(ran.incomplete),
        }
        lines = [*diff, command.table(ran.rows, ui), *(f"incomplete: {note}" for note in ran.incomplete)]
        if code not in rollout.FINE:
            lines.append(f"{self.place} is not complete: fix what failed, and repeat the command")
        elif self.options.check:
            lines.append(f"{self.place} is up to date" if code == ExitCode.OK else f"{self.place} would change")
        else:
            lines += [f"{self.place}: {counted(len(ran.rows), 'cluster')}", f"next: {self.place / files.README}"]
        ui.result("export", {**data}, "\n".join(lines), code)
        return code


def _name(fleet: Fleet) -> str:
    """The ApplicationSet's, by the file's, so that two fleets have two."""
    stem = "".join(letter if letter.isalnum() and letter.isascii() else "-" for letter in Path(fleet.path).stem.lower())
    return f"ack-{stem.strip('-') or 'fleet'}"


def _relative(path: str, place: Path) -> str:
    """The file from the directory, so that neither the machine nor the working directory is in the files."""
    return os.path.relpath(path, place)


def _shared(found: Sequence[reports.FleetRow]) -> list[str]:
    """Roles that two exports would create: IAM has each once in an account."""
    by_role: dict[str, list[str]] = {}
    for item in found:
        if any(one["path"] == files.IAM for one in item["report"].get("files") or ()):
            by_role.setdefault(str(item["report"].get("role_arn")), []).append(item["id"])
    return [
        f"{' and '.join(ids)} both create role {arn}: set role-name in the fleet's file"
        for arn, ids in by_role.items()
        if len(ids) > 1
    ]


def _not_labels(members: Sequence[Member]) -> list[str]:
    """Labels of fleet.yaml that no Application has."""
    left = {one.id: sorted(one.labels.keys() - applicationset.labels(one).keys()) for one in members}
    return [
        f"{name}: its Application does not have {', '.join(keys)}: no label of Kubernetes, or acksm's own"
        for name, keys in left.items()
        if keys
    ]


def _below(directory: str, diff: Sequence[str]) -> list[str]:
    """A diff of a cluster's directory as one of the whole."""
    lines = list(diff)
    for place, line in enumerate(lines[:-1]):
        if line.startswith("--- ") and lines[place + 1].startswith("+++ "):
            lines[place] = line.replace("--- a/", f"--- a/{directory}/", 1)
            lines[place + 1] = lines[place + 1].replace("+++ b/", f"+++ b/{directory}/", 1)
    return lines
