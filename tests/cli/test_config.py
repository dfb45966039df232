"""Settings: precedence with origins, and every wrong value told with its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, strategies as st

from acksm.config import Settings, resolve
from acksm.errors import AcksmError, ExitCode


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str) -> str:
    Path("acksm.yaml").write_text(text)
    return "acksm.yaml"


def test_flag_beats_variable_beats_file_beats_default() -> None:
    write("cluster: file\nscope: namespace\nregion: file-1\n")
    resolved = resolve({"cluster": "flag"}, environment={"ACKSM_CLUSTER": "variable", "ACKSM_REGION": "variable-1"})
    assert (resolved.settings.cluster, resolved.origins["cluster"]) == ("flag", "flag --cluster")
    assert (resolved.settings.region, resolved.origins["region"]) == ("variable-1", "variable ACKSM_REGION")
    assert (resolved.settings.scope, resolved.origins["scope"]) == ("namespace", "file acksm.yaml")
    assert (resolved.settings.timeout, resolved.origins["timeout"]) == (900.0, "default")


def test_the_aws_variables_are_the_last_word_before_the_default() -> None:
    assert resolve({}, environment={"AWS_REGION": "eu-west-1"}).settings.region == "eu-west-1"
    assert resolve({"region": "us-east-1"}, environment={"AWS_REGION": "eu-west-1"}).settings.region == "us-east-1"


def test_lists_from_variables_are_comma_separated() -> None:
    resolved = resolve({}, environment={"ACKSM_WATCH_NAMESPACE": "a,b", "ACKSM_VERSION": "sagemaker=1.9.1"})
    assert resolved.settings.watch_namespace == ["a", "b"]
    assert resolved.settings.version == {"sagemaker": "1.9.1"}


@pytest.mark.parametrize(("value", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("45", 45), (45, 45)])
def test_durations(value: object, seconds: float) -> None:
    assert resolve({"timeout": value}, environment={}).settings.timeout == seconds
    assert resolve({}, environment={"ACKSM_LOCK_TIMEOUT": str(value)}).settings.lock_timeout == seconds


def test_the_wait_for_the_lock_may_be_nothing() -> None:
    assert resolve({}, environment={}).settings.lock_timeout == 50
    write("lock-timeout: 0\n")
    resolved = resolve({}, environment={})
    assert (resolved.settings.lock_timeout, resolved.origins["lock_timeout"]) == (0, "file acksm.yaml")
    with pytest.raises(AcksmError) as caught:
        resolve({"lock_timeout": "-1"}, environment={})
    assert caught.value.id == "config-invalid"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"account": "12345678901"}, "with its leading zeros it is '012345678901'"),
        ({"account": "1234567890123"}, "not a 12-digit account id"),
        ({"service": ["s3"]}, "'s3' is not a service acksm installs"),
        ({"version": ["1.9.1"]}, "'1.9.1' is not NAME=VALUE"),
        ({"version": ["s3=1"]}, "'s3' is not a service"),
        ({"scope": "world"}, "scope (flag --scope)"),
        ({"watch_namespace": ["Bad_Name"]}, "'Bad_Name' is not a namespace name"),
        ({"controller_namespace": "x" * 64}, "is not a namespace name"),
        ({"timeout": "soon"}, "'soon' is not a duration"),
    ],
)
def test_bad_flags_are_usage_errors_that_name_the_flag(flags: dict[str, object], said: str) -> None:
    with pytest.raises(AcksmError) as caught:
        resolve(flags, environment={})
    assert said in caught.value.message
    assert caught.value.exit_code is ExitCode.USAGE


@pytest.mark.parametrize(
    ("text", "said", "where"),
    [
        ("account: 012345678901\n", "a number here", "acksm.yaml"),
        ("clutser: x\n", "did you mean cluster?", "acksm.yaml"),
        ("a: [\n", "not YAML", "acksm.yaml:2:1"),
        ("a\n", "not a mapping", "acksm.yaml"),
        ("cluster: x\nscope: 7\ntimeout: soon\n", "scope", "acksm.yaml"),
    ],
)
def test_bad_files(text: str, said: str, where: str) -> None:
    with pytest.raises(AcksmError) as caught:
        resolve({}, write(text), environment={})
    assert said in caught.value.message
    assert caught.value.where.startswith(where.split(":")[0])


def test_every_wrong_field_is_told_at_once() -> None:
    with pytest.raises(AcksmError) as caught:
        resolve({"scope": "x", "timeout": "y", "service": ["z"]}, environment={})
    assert all(f"--{name}" in caught.value.message for name in ("scope", "timeout", "service"))


def test_a_named_file_that_is_not_there() -> None:
    with pytest.raises(AcksmError) as caught:
        resolve({}, "nowhere.yaml", environment={})
    assert caught.value.id == "config-missing"


def test_no_file_at_all_is_fine() -> None:
    assert resolve({}, environment={}).settings == Settings()


@given(st.binary(max_size=200))
def test_any_bytes_as_a_file_give_settings_or_an_error(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    path = tmp_path_factory.mktemp("any") / "acksm.yaml"
    path.write_bytes(raw)
    failure = None
    try:
        resolve({}, str(path), environment={})
    except AcksmError as error:
        failure = error.id
    assert failure in {None, "config-invalid"}
