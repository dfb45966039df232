"""Reading a chart archive as untrusted input.

Nothing is unpacked to disk. Paths outside of the chart, links, devices, bombs and truncated archives are refused
with the name of the file.
"""

from __future__ import annotations

import gzip
import io
import json
import tarfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

from acksm import yaml_reader
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Json

MAX_ARCHIVE = 20 * 1024 * 1024  # helm's own limit for a chart in a registry
MAX_TOTAL = 50 * 1024 * 1024
MAX_FILE = 10 * 1024 * 1024
MAX_FILES = 5_000
MAX_YAML = 512 * 1024  # the charts' files have some kilobytes


@dataclass(frozen=True)
class Chart:
    """A chart in memory: `files` by path inside the chart, `crds` as (path, text) in order."""

    name: str
    version: str
    app_version: str
    files: Mapping[str, bytes]

    @property
    def values_text(self) -> str:
        return self._text("values.yaml")

    @property
    def crds(self) -> list[tuple[str, str]]:
        names = sorted(name for name in self.files if name.startswith("crds/") and name.endswith((".yaml", ".yml")))
        return [(name, self._text(name)) for name in names]

    @property
    def schema(self) -> Json | None:
        """values.schema.json, or None. Error: `chart-invalid`."""
        raw = self.files.get("values.schema.json")
        if raw is None:
            return None
        try:
            loaded = json.loads(raw)
        except (ValueError, RecursionError) as error:
            raise AcksmError("chart-invalid", f"values.schema.json is not JSON: {error}", where=self.name) from error
        if not isinstance(loaded, dict):
            raise AcksmError("chart-invalid", "values.schema.json is not an object", where=self.name)
        return loaded

    def _text(self, path: str) -> str:
        try:
            return self.files[path].decode("utf-8")
        except UnicodeDecodeError as error:
            raise AcksmError("chart-invalid", f"{path} is not UTF-8", where=self.name) from error


def read(source: Path) -> Chart:
    """A chart from a .tgz or from a directory. Errors: chart-unsafe, chart-truncated, chart-invalid."""
    return load(source)[0]


def load(source: Path) -> tuple[Chart, bytes]:
    """As `read`, with the bytes of the archive that was read; a directory is packed. The source is read once."""
    try:
        if source.is_dir():
            chart = _chart(_directory(source), str(source))
            return chart, pack(chart.name, chart.files)
        if source.exists() and not source.is_file():  # reading a device or a pipe may not end
            raise AcksmError("chart-invalid", "neither a file nor a directory", where=str(source))
        with source.open("rb") as stream:
            data = stream.read(MAX_ARCHIVE + 1)
        return read_bytes(data, str(source)), data
    except OSError as error:
        raise AcksmError("chart-invalid", f"cannot read {source}: {error.strerror}", where=str(source)) from error


def read_bytes(data: bytes, where: str, known: Callable[[Mapping[str, bytes]], None] = lambda _files: None) -> Chart:
    """A chart from the bytes of a .tgz. `known` is called with its files before any of their YAML is read."""
    if len(data) > MAX_ARCHIVE:
        raise AcksmError("chart-unsafe", f"the archive is larger than {MAX_ARCHIVE} bytes", where=where)
    files = _members(_inflated(data, where), where)
    known(files)
    return _chart(files, where)


def _inflated(data: bytes, where: str) -> bytes:
    """Gunzip with a limit on what comes out."""
    inflate = zlib.decompressobj(wbits=31)
    try:
        out = inflate.decompress(data, MAX_TOTAL + 1)
    except zlib.error as error:
        raise AcksmError("chart-truncated", f"not a gzip archive: {error}", where=where) from error
    if len(out) > MAX_TOTAL:
        raise AcksmError("chart-unsafe", f"the archive unpacks to more than {MAX_TOTAL} bytes", where=where)
    if not inflate.eof:
        raise AcksmError("chart-truncated", "the archive is truncated", where=where)
    if inflate.unused_data:  # helm would continue to read, and find another chart than the one checked here
        raise AcksmError("chart-unsafe", "the archive has data after its end", where=where)
    return out


def _members(tar: bytes, where: str) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    root = ""
    try:
        with tarfile.open(fileobj=io.BytesIO(tar), mode="r:") as archive:
            for count, member in enumerate(archive):
                if count >= MAX_FILES:
                    raise AcksmError("chart-unsafe", f"the archive has more than {MAX_FILES} files", where=where)
                if member.isdir():
                    continue
                path = _safe(member, where)
                root = root or path.parts[0]
                if path.parts[0] != root or len(path.parts) < 2:
                    raise AcksmError("chart-unsafe", f"{member.name!r} is outside of {root}/", where=where)
                inside = str(PurePosixPath(*path.parts[1:]))
                if inside in files:
                    raise AcksmError("chart-unsafe", f"duplicate file {member.name!r}", where=where)
                stream = archive.extractfile(member)
                files[inside] = stream.read(MAX_FILE + 1) if stream else b""
                if len(files[inside]) != member.size:
                    raise AcksmError("chart-truncated", f"{member.name!r} is truncated", where=where)
    # RecursionError: tarfile recurses for each header that announces another one
    except (tarfile.TarError, EOFError, ValueError, OverflowError, OSError, RecursionError) as error:
        raise AcksmError("chart-truncated", f"invalid or truncated tar archive: {error}"[:300], where=where) from error
    return files


def _safe(member: tarfile.TarInfo, where: str) -> PurePosixPath:
    path = PurePosixPath(member.name)
    if not member.isreg() or member.issparse():  # a sparse file can have any size
        raise AcksmError("chart-unsafe", f"{member.name!r} is a link, a device or a sparse file", where=where)
    if path.is_absolute() or ".." in path.parts or "\\" in member.name or "\0" in member.name or not path.parts:
        raise AcksmError("chart-unsafe", f"{member.name!r} is outside of the archive", where=where)
    if member.size > MAX_FILE:
        raise AcksmError("chart-unsafe", f"{member.name!r} has {member.size} bytes", where=where)
    return path


def _directory(source: Path) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    total = 0
    base = source.resolve()
    if not (base / "Chart.yaml").is_file():  # before reading what may be a home directory
        raise AcksmError("chart-invalid", "no Chart.yaml found", where=str(source))
    for path in sorted(base.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise AcksmError("chart-unsafe", f"{path.relative_to(base)} is a link or a device", where=str(source))
        if path.is_dir():
            continue
        size = path.stat().st_size
        if size > MAX_FILE:
            raise AcksmError("chart-unsafe", f"{path.relative_to(base)} has {size} bytes", where=str(source))
        total += size
        if total > MAX_TOTAL or len(files) >= MAX_FILES:
            raise AcksmError("chart-unsafe", "the directory is too large for a chart", where=str(source))
        files[path.relative_to(base).as_posix()] = path.read_bytes()
    return files


def _chart(files: Mapping[str, bytes], where: str) -> Chart:
    for needed in ("Chart.yaml", "values.yaml"):
        if needed not in files:
            raise AcksmError("chart-invalid", f"no {needed} found", where=where)
    meta = load_yaml(files["Chart.yaml"], "Chart.yaml", where)
    if not isinstance(meta, dict) or not isinstance(meta.get("name"), str) or "version" not in meta:
        raise AcksmError("chart-invalid", "Chart.yaml has no name or no version", where=where)
    chart = Chart(meta["name"], str(meta["version"]), str(meta.get("appVersion", "")), files)
    if not isinstance(load_yaml(files["values.yaml"], "values.yaml", where), dict):
        raise AcksmError("chart-invalid", "values.yaml is not a mapping", where=where)
    return chart


def load_yaml(raw: bytes, name: str, where: str) -> object:
    """The one YAML document of a chart's file. Errors: `chart-invalid`, `chart-unsafe`."""
    if len(raw) > MAX_YAML:
        raise AcksmError("chart-unsafe", f"{name} has {len(raw)} bytes", where=where)
    try:
        return yaml_reader.load(raw.decode("utf-8"))
    except yaml_reader.YamlError as error:
        raise unreadable(error, name, where) from error
    except UnicodeDecodeError as error:
        raise AcksmError("chart-invalid", f"{name} is not UTF-8: {error}"[:400], where=where) from error


def unreadable(error: yaml_reader.YamlError, name: str, where: str) -> AcksmError:
    """The error for a chart's file that cannot be read."""
    if error.unsafe:
        return AcksmError("chart-unsafe", f"{name} has {error}", where=where)
    return AcksmError("chart-invalid", f"{name} is not YAML: {error}"[:400], where=where)


def pack(root: str, files: Mapping[str, bytes]) -> bytes:
    """A .tgz of `files` under `root`/, the same bytes for the same files."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted(files):
            info = tarfile.TarInfo(f"{root}/{name}")
            info.size, info.mode = len(files[name]), 0o644
            archive.addfile(info, io.BytesIO(files[name]))
    return gzip.compress(raw.getvalue(), mtime=0)
