"""A chart archive is somebody else's input: whatever it holds, it is refused by name or read whole."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from acksm import archive
from acksm.errors import AcksmError

FILES = {
    "Chart.yaml": b"apiVersion: v1\nname: sagemaker-chart\nversion: 1.9.1\nappVersion: 1.9.1\n",
    "values.yaml": b"aws:\n  region: us-west-2\n",
    "crds/b.yaml": b"b: 1\n",
    "crds/a.yaml": b"a: 1\n",
    "templates/deployment.yaml": b"{{ .Values }}\n",
}
GOOD = archive.pack("sagemaker-chart", FILES)
REFUSED = {"chart-unsafe", "chart-truncated", "chart-invalid"}


def refused(data: bytes) -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        archive.read_bytes(data, "here")
    assert caught.value.where == "here"
    return caught.value


def tgz(*members: tuple[str | tarfile.TarInfo, bytes], files: dict[str, bytes] | None = None) -> bytes:
    """A .tgz of FILES (or `files`) and of `members` as they are."""
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        base = [(f"sagemaker-chart/{name}", data) for name, data in (FILES if files is None else files).items()]
        for member, data in [*base, *members]:
            info = tarfile.TarInfo(member) if isinstance(member, str) else member
            if info.isreg() and not info.size:
                info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return gzip.compress(raw.getvalue())


def link(kind: bytes, name: str = "sagemaker-chart/templates/x", target: str = "/etc/passwd") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_a_good_one_is_read_whole_and_packing_is_repeatable() -> None:
    chart = archive.read_bytes(GOOD, "here")
    assert (chart.name, chart.version, chart.app_version) == ("sagemaker-chart", "1.9.1", "1.9.1")
    assert chart.files == FILES
    assert chart.crds == [("crds/a.yaml", "a: 1\n"), ("crds/b.yaml", "b: 1\n")]
    assert chart.schema is None
    assert archive.pack("sagemaker-chart", dict(reversed(FILES.items()))) == GOOD
    assert archive.read_bytes(tgz(), "here").files == FILES


@pytest.mark.parametrize(
    "name",
    [
        "../outside",
        "sagemaker-chart/../../outside",
        "sagemaker-chart/templates/../../x",
        "/etc/passwd",
        "other/x.yaml",
        "sagemaker-chart",
        "x",
        "sagemaker-chart\\..\\x",
        "sagemaker-chart/a\\b",
        "//sagemaker-chart/x",
    ],
)
def test_a_path_that_leaves_the_chart(name: str) -> None:
    error = refused(tgz((name, b"x")))
    assert error.id == "chart-unsafe"
    assert repr(name) in error.message


@pytest.mark.parametrize(
    "kind",
    [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.BLKTYPE, tarfile.FIFOTYPE, tarfile.CONTTYPE, b"Z"],
)
def test_links_and_devices(kind: bytes) -> None:
    if kind == tarfile.CONTTYPE:  # an old name for a plain file
        assert "templates/x" in archive.read_bytes(tgz((link(kind), b"")), "here").files
        return
    error = refused(tgz((link(kind), b"")))
    assert error.id == "chart-unsafe"
    assert "templates/x" in error.message


def test_a_sparse_file_can_be_any_size_out_of_nothing() -> None:
    info = tarfile.TarInfo("sagemaker-chart/templates/x")
    info.pax_headers = {"GNU.sparse.map": "0,0", "GNU.sparse.size": str(archive.MAX_FILE), "GNU.sparse.numblocks": "1"}
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in FILES.items():
            plain = tarfile.TarInfo(f"sagemaker-chart/{name}")
            plain.size = len(data)
            tar.addfile(plain, io.BytesIO(data))
        tar.addfile(info)
    assert refused(gzip.compress(raw.getvalue())).id == "chart-unsafe"


@pytest.mark.parametrize("again", ["values.yaml", "./values.yaml", "templates//deployment.yaml"])
def test_a_name_that_stands_twice(again: str) -> None:
    error = refused(tgz((f"sagemaker-chart/{again}", b"aws: {region: evil}\n")))
    assert (error.id, "duplicate file" in error.message) == ("chart-unsafe", True)


def test_bombs() -> None:
    zeros = gzip.compress(bytes(archive.MAX_TOTAL + 1024), 9)
    assert len(zeros) < archive.MAX_ARCHIVE
    assert refused(zeros).id == "chart-unsafe"
    assert refused(bytes(archive.MAX_ARCHIVE + 1)).id == "chart-unsafe"
    big = tgz(("sagemaker-chart/big", bytes(archive.MAX_FILE + 1)))
    assert "has" in refused(big).message
    assert refused(archive.pack("c", FILES | {"values.yaml": b"x: " + b"y" * archive.MAX_YAML})).id == "chart-unsafe"


def test_too_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_FILES", 6)
    archive.read_bytes(tgz(("sagemaker-chart/one", b"")), "here")
    assert refused(tgz(("sagemaker-chart/one", b""), ("sagemaker-chart/two", b""))).id == "chart-unsafe"


def test_headers_that_only_announce_the_next_one() -> None:
    name = tarfile.TarInfo("././@LongLink")
    name.type = tarfile.GNUTYPE_LONGNAME
    assert refused(gzip.compress(name.tobuf() * 5000)).id == "chart-truncated"


def test_nothing_may_hide_behind_the_end_of_the_archive() -> None:
    """Go's gzip reads on where another member begins, so helm would install what nobody looked at."""
    hidden = tgz(("sagemaker-chart/templates/evil.yaml", b"kind: Pod\n"), files={})
    assert refused(GOOD + hidden).id == "chart-unsafe"
    assert refused(GOOD + b"\0").id == "chart-unsafe"


def test_cut_at_every_byte() -> None:
    assert {refused(GOOD[:length]).id for length in range(len(GOOD))} == {"chart-truncated"}


def test_a_tar_that_is_cut_inside_a_whole_gzip() -> None:
    raw = gzip.decompress(GOOD)
    end = len(raw.rstrip(b"\0"))
    for length in range(0, end, 97):
        assert refused(gzip.compress(raw[:length])).id in REFUSED


@given(st.binary(max_size=400))
def test_any_bytes(data: bytes) -> None:
    assert refused(data).id in REFUSED
    assert refused(gzip.compress(data)).id in REFUSED


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 5 * 512), st.integers(0, 255)), min_size=1, max_size=6))
def test_a_tar_with_bytes_changed_is_read_or_refused(changes: list[tuple[int, int]]) -> None:
    raw = bytearray(gzip.decompress(GOOD))
    for location, value in changes:
        raw[location] = value
    try:
        chart = archive.read_bytes(gzip.compress(bytes(raw), 1), "here")
    except AcksmError as error:
        failure = error.id
    else:
        failure = ""
        assert all(".." not in name and not name.startswith("/") for name in chart.files)
    assert failure in {"", *REFUSED}


_header = st.builds(
    lambda name, kind, size, linkname: (name, kind, size, linkname),
    st.text(st.sampled_from("./ab\\\n\0é"), min_size=1, max_size=40),
    st.sampled_from([*b"0123456789LKSxgD\0"]),
    st.integers(0, 2000),
    st.text(max_size=20),
)


@given(st.lists(_header, max_size=5))
def test_members_of_any_kind_are_read_or_refused(headers: list[tuple[str, int, int, str]]) -> None:
    raw = b""
    for name, kind, size, linkname in headers:
        info = tarfile.TarInfo(name)
        info.type, info.size, info.linkname = bytes([kind]), size, linkname
        raw += info.tobuf(tarfile.GNU_FORMAT) + bytes((size + 511) // 512 * 512)
    assert refused(gzip.compress(raw + bytes(1024))).id in REFUSED


# what is inside


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("Chart.yaml", None, "chart-invalid"),
        ("values.yaml", None, "chart-invalid"),
        ("Chart.yaml", b"name: x\n", "chart-invalid"),
        ("Chart.yaml", b"name: [x]\nversion: 1\n", "chart-invalid"),
        ("Chart.yaml", b"- a\n", "chart-invalid"),
        ("Chart.yaml", b"a: [", "chart-invalid"),
        ("Chart.yaml", b"\xff\xfe", "chart-invalid"),
        ("Chart.yaml", b"name: x\nversion: 1\nversion: 2\n", "chart-invalid"),
        ("values.yaml", b"- a\n", "chart-invalid"),
        ("values.yaml", b"", "chart-invalid"),
        ("values.yaml", b"a: &a [x]\nb: *a\n", "chart-unsafe"),
        ("values.yaml", b"a: " + b"[" * 5000, "chart-unsafe"),
        ("values.yaml", b"a: !!python/object/apply:os.system [id]\n", "chart-invalid"),
        ("values.yaml", b"a: \x00\n", "chart-invalid"),
    ],
)
def test_bad_contents(name: str, content: bytes | None, expected: str) -> None:
    files = {key: value for key, value in FILES.items() if key != name} | (
        {name: content} if content is not None else {}
    )
    error = refused(archive.pack("sagemaker-chart", files))
    assert (error.id, name in error.message) == (expected, True)


@pytest.mark.parametrize("schema", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_a_bad_schema_is_told_when_it_is_asked_for(schema: bytes) -> None:
    chart = archive.read_bytes(archive.pack("c", FILES | {"values.schema.json": schema}), "here")
    with pytest.raises(AcksmError) as caught:
        _ = chart.schema
    assert caught.value.id == "chart-invalid"


@given(st.binary(max_size=60))
def test_any_bytes_as_yaml(raw: bytes) -> None:
    try:
        archive.load_yaml(raw, "values.yaml", "here")
    except AcksmError as error:
        failure: str = error.id
    else:
        failure = ""
    assert failure in {"", *REFUSED}


# directories and other sources


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    for name, data in FILES.items():
        path = tmp_path / "chart" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "chart"


def test_a_directory_is_read_like_its_archive(directory: Path, tmp_path: Path) -> None:
    packed = tmp_path / "x.tgz"
    packed.write_bytes(GOOD)
    assert archive.read(directory) == archive.read(packed)


@pytest.mark.parametrize(
    "make",
    [
        lambda base: (base / "templates" / "x").symlink_to("/etc/passwd"),
        lambda base: (base / "more").symlink_to("/etc"),
        lambda base: os.mkfifo(base / "templates" / "x"),
        lambda base: (base / "big").write_bytes(bytes(archive.MAX_FILE + 1)),
    ],
    ids=["link to a file", "link to a directory", "pipe", "too big"],
)
def test_a_directory_with_what_is_no_plain_file(make: Callable[[Path], object], directory: Path) -> None:
    make(directory)
    with pytest.raises(AcksmError) as caught:
        archive.read(directory)
    assert caught.value.id == "chart-unsafe"


def test_a_directory_that_is_no_chart_is_not_looked_through(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)  # would be refused as unsafe if it were seen
    with pytest.raises(AcksmError, match=r"no Chart\.yaml"):
        archive.read(tmp_path)


def test_sources_that_are_not_there_or_never_end(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for source in (tmp_path / "nowhere", tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(AcksmError) as caught:
            archive.read(source)
        assert (caught.value.id, caught.value.where) == ("chart-invalid", str(source))
