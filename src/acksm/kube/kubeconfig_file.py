"""Writing entries into a kubeconfig: all that is the user's is kept, comments and order included, and the file is
replaced at once. Which file it is, is the rule of `aws eks update-kubeconfig`
(https://docs.aws.amazon.com/cli/latest/reference/eks/update-kubeconfig.html).
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from acksm import bounded, private_file, yaml_reader
from acksm.errors import AcksmError
from acksm.json_types import Json, Untyped
from acksm.kube.kubeconfig import MAX_BYTES, entries_of, parse

# section -> the field of its entries that has the body
SECTIONS = {"clusters": "cluster", "users": "user", "contexts": "context"}
CURRENT = "current-context"
_NEW: Json = {
    "apiVersion": "v1",
    "clusters": [],
    "contexts": [],
    CURRENT: "",
    "kind": "Config",
    "preferences": {},
    "users": [],
}
# section -> entries by name
Entries = Mapping[str, Mapping[str, Json]]


def paths(named: str, environment: Mapping[str, str]) -> list[Path]:
    """The file that is `named`, else $KUBECONFIG's list, else ~/.kube/config; each absolute."""
    listed = [named] if named else environment.get("KUBECONFIG", "").split(os.pathsep)
    found = [Path(os.path.abspath(os.path.expanduser(part))) for part in listed if part.strip()]
    return found or [Path.home() / ".kube" / "config"]


def choose(files: list[Path], cluster: str) -> Path:
    """The first file that has an entry of the cluster, else the first. One that cannot be read is skipped, unless it
    is the first."""
    for file in files:
        try:
            if cluster in entries(file)["clusters"]:
                return file
        except AcksmError:
            continue
    return files[0]


def entries(file: Path) -> Entries:
    """The file's entries; none of a file that does not exist. Errors: kubeconfig-missing, -malformed."""
    document = _document(file)
    return {section: entries_of(document, section, field, file) for section, field in SECTIONS.items()}


def current(files: list[Path], changed: Path, to: str) -> str:
    """The current context of all files together once `changed` has `to`: the first that has one decides."""
    for file in files:
        try:
            found = to if file == changed else str(_document(file).get(CURRENT) or "")
        except AcksmError:
            continue
        if found:
            return found
    return ""


def current_of(file: Path) -> str:
    return str(_document(file).get(CURRENT) or "")


def _document(file: Path) -> Json:
    return parse(file) if os.path.lexists(file) else {}


def edit(file: Path, change: Callable[[Entries], Entries], current_context: str) -> None:
    """Give the file the entries that `change` returns for those that it has. A symbolic link is followed, the mode is
    0600. Errors: kubeconfig-missing, -malformed, -not-written."""
    file = Path(os.path.realpath(file))
    desired = change(entries(file))
    try:
        text = bounded.read(file, MAX_BYTES).decode("utf-8") if file.exists() else ""
        private_file.write(file, _with(text, desired, current_context, file))
    except OSError as error:
        raise AcksmError("kubeconfig-not-written", f"cannot write {file}: {error.strerror}", where=str(file)) from error


def _with(text: str, desired: Entries, current_context: str, file: Path) -> str:
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    yaml = YAML(typ="rt", pure=True)
    yaml.preserve_quotes = True
    yaml.width = 1_000_000  # a certificate is one line
    try:
        documents = list(yaml.load_all(text))
        if len(documents) > 1:
            raise ValueError(f"it has {len(documents)} documents; only the first is read, and none can be added to it")
        document: Untyped = documents[0] if documents else None
        before = text.rstrip() + "\n" if document is None and text.strip() else ""  # only comments
        if document is None:
            document = dict(_NEW)
        for section, bodies in desired.items():
            document[section] = document.get(section) or []
            for name, body in bodies.items():
                _set(document[section], section, name, body)
        document[CURRENT] = _text(current_context)
        stream = io.StringIO()
        yaml.dump(document, stream)
        written = before + stream.getvalue()
        _check(text, written, desired, current_context)
    except (YAMLError, ValueError, RecursionError) as error:
        message = str(getattr(error, "problem", None) or error)
        raise AcksmError("kubeconfig-malformed", f"cannot be edited: {message}"[:500], where=str(file)) from error
    return written


def _set(listed: Untyped, section: str, name: str, body: Json) -> None:
    field = SECTIONS[section]
    for entry in listed:
        if isinstance(entry, Mapping) and str(entry.get("name")) == name and isinstance(entry.get(field), Mapping):
            _assign(entry[field], body)
            return
    listed.append({field: _quoted(body), "name": _text(name)})


def _assign(node: Untyped, body: Json) -> None:
    """Make `node` equal to `body`; what is equal already keeps its form."""
    for key in [key for key in node if key not in body]:
        del node[key]
    for key, value in body.items():
        if isinstance(value, dict) and isinstance(node.get(key), Mapping):
            _assign(node[key], value)
        elif key not in node or node[key] != value:
            node[key] = _quoted(value)


def _quoted(value: Untyped) -> Untyped:
    if isinstance(value, dict):
        return {key: _quoted(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_quoted(inner) for inner in value]
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> Untyped:
    """Quoted where YAML 1.1, which kubectl reads, has something else than a text: yes, 0x1f, 1e3."""
    from ruamel.yaml.scalarstring import DoubleQuotedScalarString

    try:
        plain = yaml_reader.first(value) == value
    except yaml_reader.YamlError:
        return value  # ruamel quotes it
    return value if plain else DoubleQuotedScalarString(value)


def _check(before: str, after: str, desired: Entries, current_context: str) -> None:
    """Every other entry is as it was, as kubectl reads it. Error: ValueError."""
    old, new = yaml_reader.first(before), yaml_reader.first(after)
    expected: Untyped = dict(old) if isinstance(old, dict) else dict(_NEW)
    for section, bodies in desired.items():
        rest = [
            entry
            for entry in expected.get(section) or []
            if not isinstance(entry, dict) or str(entry.get("name")) not in bodies
        ]
        expected[section] = (rest, dict(bodies))
    expected[CURRENT] = current_context
    found: Untyped = dict(new) if isinstance(new, dict) else {}
    for section, bodies in desired.items():
        field = SECTIONS[section]
        mine = [entry for entry in found.get(section) or [] if isinstance(entry, dict) and entry.get("name") in bodies]
        rest = [entry for entry in found.get(section) or [] if entry not in mine]
        found[section] = (rest, {entry["name"]: entry[field] for entry in mine})
    if found != expected:
        raise ValueError("its other entries would not be kept as they are")
