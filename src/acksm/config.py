"""Settings: flag > ACKSM_… variable > acksm.yaml > default, and where each value came from.

The field names are the long options without dashes; the file uses the options' own spelling. pydantic checks types
and gives every error of the file. Nothing else reads os.environ for settings.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from acksm import bounded, own_file, yaml_reader
from acksm.dataclass import dataclass
from acksm.declared import DECLARED
from acksm.errors import AcksmError
from acksm.json_types import Untyped
from acksm.settings import Declared, Flat, Settings
from acksm.words import did_you_mean

FILE_NAME = "acksm.yaml"
# Answers to questions that protect existing resources: only from a file that the user named.
NAMED_ONLY = ("yes", "adopt_role", "adopt_release")
FILE_ONLY = frozenset(Declared.model_fields)  # without a flag or a variable
MAX_FILE_BYTES = 8 * 1024 * 1024


@dataclass(frozen=True)
class Resolved:
    """Settings, and for each field where its value came from: flag, variable, file or default. `unnamed` are the fields
    that come from an acksm.yaml of the working directory that was not named."""

    settings: Settings
    origins: Mapping[str, str]
    unnamed: tuple[str, ...] = ()


def resolve(flags: Mapping[str, object], file: str = "", environment: Mapping[str, str] | None = None) -> Resolved:
    """Merge the four sources. Flags that are None or empty are not set.

    Errors: `config-invalid` with every wrong field, its value's origin and the reason; `config-missing`; for a file
    that was not named, `config-untrusted` and `config-unnamed`.
    """
    environment = os.environ if environment is None else environment
    merged: dict[str, object] = {}
    origins = dict.fromkeys(Flat.model_fields, "default")
    path = file or environment.get("ACKSM_CONFIG", "")
    unnamed, named = _from_files(path)
    for name, found in ((FILE_NAME, unnamed), (path, named)):
        merged |= found
        origins |= dict.fromkeys(found, f"file {name}")
    for field, info in Flat.model_fields.items():
        variable = f"ACKSM_{field.upper()}"
        raw = environment.get(variable, "") if field not in FILE_ONLY else ""
        if raw:
            many = str(info.annotation).startswith(("list", "dict"))
            merged[field] = [part for part in raw.split(",") if part] if many else raw
            origins[field] = f"variable {variable}"
    for field, value in flags.items():
        if value is not None and value != []:
            merged[field] = value
            origins[field] = f"flag --{field.replace('_', '-')}"
    for field, variable in (("region", "AWS_REGION"), ("region", "AWS_DEFAULT_REGION"), ("profile", "AWS_PROFILE")):
        if field not in merged and environment.get(variable):
            merged[field] = environment[variable]
            origins[field] = f"variable {variable}"
    _settle_watched(merged, origins)
    _check_texts(merged, origins)
    try:
        settings = Settings.of(**merged)
    except ValidationError as error:
        wrong = [origins.get(str(item["loc"][0]), "file") for item in error.errors(include_url=False)]
        of_file = [origin.startswith("file") for origin in wrong]
        where = ", ".join(sorted(set(wrong)))
        if any(of_file):
            loc = error.errors(include_url=False)[of_file.index(True)]["loc"]
            where = location(path or FILE_NAME, loc)
        message, remedy = "; ".join(_problems(error, origins)), _corrected(error, origins)
        raise AcksmError("config-invalid", message, where=where, remedy=remedy) from error
    unnamed_fields = tuple(
        field for field in Flat.model_fields if field in unnamed and origins[field] == f"file {FILE_NAME}"
    )
    for field in unnamed_fields:
        if field in NAMED_ONLY and settings.flat()[field]:
            message = f"{field.replace('_', '-')} is only accepted from a settings file named with -f"
            raise AcksmError("config-unnamed", message, where=location(FILE_NAME, [field]))
    return Resolved(settings, origins, unnamed_fields)


def _settle_watched(merged: dict[str, object], origins: dict[str, str]) -> None:
    """`watch_namespace` replaces the list of watched namespaces, and the others change it: one source may not ask for
    both, and a list of a higher source outdoes changes of a lower one. Error: `config-invalid`."""
    ranks = ("flag", "variable", "file")
    rank = {name: ranks.index(origins[name].partition(" ")[0]) for name in _WATCHED if name in merged}
    for name in set(rank) - {_WATCHED[0]} if _WATCHED[0] in rank else ():
        if rank[name] == rank[_WATCHED[0]]:
            first, second = (origins[item].rpartition(" ")[2] for item in (_WATCHED[0], name))
            if rank[name] == ranks.index("file"):
                first, second = _WATCHED[0].replace("_", "-"), name.replace("_", "-")
            message = f"{first} and {second} are mutually exclusive: one replaces the list, the other changes it"
            raise AcksmError("config-invalid", message, where=origins[name])
        if rank[name] > rank[_WATCHED[0]]:
            del merged[name]
            origins[name] = "default"


_WATCHED = ("watch_namespace", "add_watch_namespace", "remove_watch_namespace")


def _check_texts(merged: Mapping[str, object], origins: Mapping[str, str]) -> None:
    if broken := {origins.get(field, "file") for field, value in merged.items() if not _is_text(value)}:
        raise AcksmError("config-invalid", "a value is not UTF-8", where=", ".join(sorted(broken)))


def _is_text(value: object) -> bool:
    """Whether it can be written: bytes of a variable or an option that are not UTF-8 are surrogates here (PEP 383)."""
    try:
        str(value).encode()
    except UnicodeEncodeError:
        return False
    return all(map(_is_text, value)) if isinstance(value, list) else True


def _from_files(path: str) -> tuple[dict[str, object], dict[str, object]]:
    """The settings of the acksm.yaml that was not named, and of the file that was. With a named file that has only
    adoptions, acksm.yaml has the other settings."""
    named = _read_file(Path(path)) if path else {}
    if path and (set(named) != {"adopt"} or os.path.realpath(path) == os.path.realpath(FILE_NAME)):
        return {}, named
    return _read_unnamed(Path(FILE_NAME)), named


def _read_unnamed(path: Path) -> dict[str, object]:
    """The settings file of the working directory, {} without one. Running acksm in a directory of another user must
    not use their settings. Error: `config-untrusted`."""
    if not path.is_file():
        return {}
    try:
        others = own_file.others(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if others:
        raise AcksmError("config-untrusted", f"{path} was found without -f, and {others}", where=str(path.absolute()))
    return _read_file(path)


def location(path: str, loc: Sequence[str | int]) -> str:
    """FILE:LINE:COLUMN of a value in a settings file, or of what is closest; `loc` is its keys and indices."""
    try:
        documents = _composed(path, Path(path).stat().st_mtime_ns)
    except OSError:
        return path
    inner = list(loc)
    if len(documents) > 1 or not _has_settings(documents):  # a list, or manifests: entries of `adopt`
        inner = inner[1:]
        if len(documents) > 1:
            index = int(inner.pop(0)) if inner and isinstance(inner[0], int) else 0
            documents = documents[min(index, len(documents) - 1) :]
    node: Untyped = documents[0] if documents else None
    mark = node.start_mark if node is not None else None
    for step in inner:
        pairs = node.value if node is not None and isinstance(getattr(node, "value", None), list) else []
        if isinstance(step, int) and step < len(pairs) and not isinstance(pairs[step], tuple):
            node, mark = pairs[step], pairs[step].start_mark
            continue
        fitting = [pair for pair in pairs if isinstance(pair, tuple) and _is_key(pair[0].value, step)]
        if not fitting:
            break
        mark, node = fitting[0][0].start_mark, fitting[0][1]
    return f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else path


@cache
def _composed(path: str, _changed_at: int) -> list[Untyped]:
    """The nodes of a file's documents, with their marks; [] when it is no YAML."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return list(YAML(typ="safe", pure=True).compose_all(Path(path).read_text("utf-8")))
    except (YAMLError, ValueError, RecursionError):
        return []


def _is_key(written: object, step: str | int) -> bool:
    return str(written).replace("-", "_") == str(step).replace("-", "_")


def _has_settings(documents: Sequence[Untyped]) -> bool:
    """Whether the only document is a mapping of options, no list and no manifest."""
    top = documents[0].value if documents and documents[0] is not None else []
    return any(isinstance(pair, tuple) for pair in top) and not any(
        isinstance(pair, tuple) and pair[0].value == "apiVersion" for pair in top
    )


def _problems(error: ValidationError, origins: Mapping[str, str]) -> list[str]:
    found = []
    for item in error.errors(include_url=False):
        field = str(item["loc"][0])
        reason = str(item["msg"]).removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            known = [name.replace("_", "-") for name in Flat.model_fields] if len(item["loc"]) == 1 else DECLARED
            near = get_close_matches(str(item["loc"][-1]), known, n=1)
            reason = "unknown setting" + did_you_mean(near)
        elif item["type"] == "string_pattern_mismatch":
            reason = (
                f'invalid namespace name "{item["input"]}": expected up to 63 lower-case letters, digits or hyphens'
            )
        elif item["type"] == "literal_error":
            known = _expected(item)
            near = get_close_matches(str(item["input"]), known, n=1)
            reason = f'invalid value "{item["input"]}": expected {" or ".join(known)}' + did_you_mean(near)
        origin = origins.get(field, "file")
        location = ".".join([field.replace("_", "-"), *map(str, item["loc"][1:])]).removesuffix(".[key]")
        found.append(f"{location} ({origin}): {reason}" if origin.startswith("file") else f"{_given(origin)}: {reason}")
    return found


def _expected(item: Untyped) -> list[str]:
    """The values of a setting that has a few."""
    return [part.strip("' ") for part in str(item["ctx"]["expected"]).replace(" or ", ", ").split(", ")]


def _given(origin: str) -> str:
    """The option or variable that a value is from."""
    return origin.rpartition(" ")[2]


def _corrected(error: ValidationError, origins: Mapping[str, str]) -> str:
    """The command with the first wrong option corrected, or its help; "" for what no option gave."""
    item: Untyped = error.errors(include_url=False)[0]
    field = str(item["loc"][0])
    origin = origins.get(field, "")
    if not origin.startswith("flag"):
        return ""
    if item["type"] == "literal_error" and (near := get_close_matches(str(item["input"]), _expected(item), n=1)):
        return f"acksm … {_given(origin)} {near[0]}"
    return "acksm … --help"


def _read_file(path: Path) -> dict[str, object]:
    documents = documents_of(path)
    document = documents[0] if documents else None
    if document is None and len(documents) < 2:
        return {}
    if len(documents) > 1 or isinstance(document, list) or (isinstance(document, dict) and "apiVersion" in document):
        return {"adopt": document if isinstance(document, list) else documents}
    if not isinstance(document, dict) or not all(isinstance(key, str) for key in document):
        raise AcksmError("config-invalid", "the file is not a mapping of settings", where=str(path))
    return {key.replace("-", "_"): value for key, value in document.items()}


def documents_of(path: Path) -> list[Untyped]:
    """The YAML documents of a person's file. Errors: `config-missing`, and `config-invalid` with the line."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        raw = bounded.read(path, MAX_FILE_BYTES)
        text = yaml_reader.not_deep(raw.decode("utf-8"))
        return bounded.check(list(YAML(typ="safe", pure=True).load_all(text)))
    except OSError as error:
        raise _unreadable(path, error) from error
    except MarkedYAMLError as error:
        mark = error.problem_mark
        location = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise AcksmError("config-invalid", f"not YAML: {error.problem}", where=location) from error
    except (YAMLError, ValueError, RecursionError) as error:
        raise AcksmError("config-invalid", f"not YAML: {error}"[:300], where=str(path)) from error


def _unreadable(path: Path, error: OSError) -> AcksmError:
    """`config-missing`, with the command that shows what the directory has."""
    missing = isinstance(error, FileNotFoundError)
    remedy = f"ls {shlex.quote(str(path.parent))}" if missing else f"ls -l {shlex.quote(str(path))}"
    return AcksmError("config-missing", f"cannot read {path}: {error.strerror}", where=str(path), remedy=remedy)


def cache_dir() -> Path:
    """$XDG_CACHE_HOME/acksm, else ~/.cache/acksm: everything in it can be downloaded again."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "acksm"


def state_dir() -> Path:
    """$XDG_STATE_HOME/acksm, else ~/.local/state/acksm: the sandbox's state; nothing of a real cluster."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state") / "acksm"
