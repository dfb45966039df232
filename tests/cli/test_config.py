"""Settings: precedence with origins, and every wrong value told with its place."""

from __future__ import annotations

import grp
import os
import pwd
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, strategies as st
from pydantic import BaseModel

from acksm import own_file
from acksm.cli.information import shown
from acksm.config import NAMED_ONLY, resolve
from acksm.errors import AcksmError
from acksm.exits import ExitCode
from acksm.settings import (
    ControllerSettings,
    Declared,
    Flat,
    OtherAccountSettings,
    RoleSettings,
    RunSettings,
    Settings,
    TargetSettings,
)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def write(text: str) -> str:
    Path("acksm.yaml").write_text(text)
    return "acksm.yaml"


def test_every_setting_is_of_one_group_and_comes_back() -> None:
    groups: list[type[BaseModel]] = [
        TargetSettings,
        ControllerSettings,
        RoleSettings,
        OtherAccountSettings,
        Declared,
        RunSettings,
    ]
    assert [name for group in groups for name in group.model_fields] == list(Flat.model_fields)
    given = {"cluster": "demo", "set": ["a=b"], "tag": {"a": "b"}, "target_account": "111111111111", "timeout": 5.0}
    assert Settings.of(**given).flat(non_default=True) == given
    assert list(Settings.of().flat()) == list(Flat.model_fields)


def test_flag_beats_variable_beats_file_beats_default() -> None:
    write("cluster: file\nscope: namespace\nregion: file-1\n")
    resolved = resolve({"cluster": "flag"}, environment={"ACKSM_CLUSTER": "variable", "ACKSM_REGION": "variable-1"})
    assert (resolved.settings.target.cluster, resolved.origins["cluster"]) == ("flag", "flag --cluster")
    assert (resolved.settings.target.region, resolved.origins["region"]) == ("variable-1", "variable ACKSM_REGION")
    assert (resolved.settings.controllers.scope, resolved.origins["scope"]) == ("namespace", "file acksm.yaml")
    assert (resolved.settings.run.timeout, resolved.origins["timeout"]) == (900.0, "default")


def test_the_aws_variables_are_the_last_word_before_the_default() -> None:
    assert resolve({}, environment={"AWS_REGION": "eu-west-1"}).settings.target.region == "eu-west-1"
    assert (
        resolve({"region": "us-east-1"}, environment={"AWS_REGION": "eu-west-1"}).settings.target.region == "us-east-1"
    )


def test_lists_from_variables_are_comma_separated() -> None:
    resolved = resolve({}, environment={"ACKSM_WATCH_NAMESPACE": "a,b", "ACKSM_VERSION": "sagemaker=1.9.1"})
    assert resolved.settings.controllers.watch_namespace == ["a", "b"]
    assert resolved.settings.controllers.version == {"sagemaker": "1.9.1"}


@pytest.mark.parametrize(("value", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("45", 45), (45, 45)])
def test_durations(value: object, seconds: float) -> None:
    assert resolve({"timeout": value}, environment={}).settings.run.timeout == seconds
    assert resolve({}, environment={"ACKSM_LOCK_TIMEOUT": str(value)}).settings.run.lock_timeout == seconds


def test_the_wait_for_the_lock_may_be_nothing() -> None:
    assert resolve({}, environment={}).settings.run.lock_timeout == 50
    write("lock-timeout: 0\n")
    resolved = resolve({}, environment={})
    assert (resolved.settings.run.lock_timeout, resolved.origins["lock_timeout"]) == (0, "file acksm.yaml")
    with pytest.raises(AcksmError) as caught:
        resolve({"lock_timeout": "-1"}, environment={})
    assert caught.value.id == "config-invalid"


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({"account": "12345678901"}, "with its leading zeros it is '012345678901'"),
        ({"account": "1234567890123"}, "not a 12-digit account id"),
        ({"service": ["s3"]}, 'unknown service "s3"'),
        ({"version": ["1.9.1"]}, '"1.9.1" names no service; did you mean sagemaker=1.9.1?'),
        ({"version": ["s3=1"]}, 'unknown service "s3"'),
        ({"scope": "world"}, '--scope: invalid value "world": expected cluster or namespace'),
        ({"scope": "clustr"}, "did you mean cluster?"),
        ({"output": "jsn"}, "did you mean json?"),
        ({"policy": ["cor"]}, "--policy: invalid value"),
        ({"watch_namespace": ["Bad_Name"]}, 'invalid namespace name "Bad_Name"'),
        ({"controller_namespace": "x" * 64}, "invalid namespace name"),
        ({"timeout": "soon"}, '"soon" is not a duration'),
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
        ("account: 012345678901\n", "is not text; quote", "acksm.yaml"),
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
    assert resolve({}, environment={}).settings == Settings.of()


# a file that nobody named


def refused(file: str = "") -> AcksmError:
    with pytest.raises(AcksmError) as caught:
        resolve({}, file, environment={})
    return caught.value


def test_what_comes_from_it_is_known_and_what_is_named_is_not() -> None:
    write("cluster: demo\npolicy-arn: [x]\nregion: eu-west-1\n")
    assert resolve({"region": "us-east-1"}, environment={}).unnamed == ("cluster", "policy_arn")
    assert resolve({}, "acksm.yaml", environment={}).unnamed == ()
    assert resolve({}, environment={"ACKSM_CONFIG": "acksm.yaml"}).unnamed == ()
    Path("more.yaml").write_text("adopt: []\n")
    assert resolve({}, "more.yaml", environment={}).unnamed == ("cluster", "region", "policy_arn")
    Path("more.yaml").write_text("cluster: other\n")
    assert resolve({}, "more.yaml", environment={}).unnamed == ()


@pytest.mark.parametrize("field", NAMED_ONLY)
@pytest.mark.parametrize("value", ["true", "yes", "1", '"on"'])
def test_it_answers_no_question(field: str, value: str) -> None:
    option = field.replace("_", "-")
    write(f"cluster: demo\n{option}: {value}\n")
    error = refused()
    assert (error.id, error.exit_code, error.where) == ("config-unnamed", ExitCode.USAGE, "acksm.yaml:2:1")
    assert error.message.startswith(option)
    assert "-f acksm.yaml" in error.remedy
    assert resolve({}, "acksm.yaml", environment={}).settings.flat()[field]
    assert resolve({field: True}, environment={}).settings.flat()[field]  # said by who runs it
    assert resolve({}, environment={f"ACKSM_{field.upper()}": "true"}).settings.flat()[field]
    write(f"cluster: demo\n{option}: false\n")
    assert not resolve({}, environment={}).settings.flat()[field]


def test_it_answers_none_beside_a_file_with_adoptions_either() -> None:
    write("yes: true\n")
    Path("more.yaml").write_text("adopt: []\n")
    assert refused("more.yaml").id == "config-unnamed"


def test_one_of_another_user_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    write("cluster: demo\n")
    monkeypatch.setattr(own_file, "_trusted", lambda: {os.getuid() + 1})
    error = refused()
    assert (error.id, error.exit_code) == ("config-untrusted", ExitCode.REFUSED)
    assert error.where == str(Path("acksm.yaml").absolute())
    assert "belongs to" in error.message
    assert resolve({}, "acksm.yaml", environment={}).settings.target.cluster == "demo"
    Path("acksm.yaml").unlink()
    assert resolve({}, environment={}).settings == Settings.of()


@pytest.mark.parametrize(("location", "mode"), [("acksm.yaml", 0o646), ("acksm.yaml", 0o666), (".", 0o777)])
def test_one_that_everybody_may_write_is_refused(location: str, mode: int) -> None:
    write("cluster: demo\n")
    Path(location).chmod(mode)
    assert (refused().id, "writable by all users" in refused().message) == ("config-untrusted", True)


@pytest.mark.parametrize("location", ["acksm.yaml", "."])
@pytest.mark.parametrize("private", [True, False])
def test_a_group_may_write_where_it_is_the_users_alone(
    location: str, private: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("cluster: demo\n")
    Path(location).chmod(0o775)
    monkeypatch.setattr(own_file, "_is_private", lambda _group, _user: private)
    if private:
        assert resolve({}, environment={}).settings.target.cluster == "demo"
    else:
        assert refused().id == "config-untrusted"


def test_ones_own_in_a_directory_like_tmp_is_taken() -> None:
    write("cluster: demo\n")
    Path().absolute().chmod(0o1777)
    assert resolve({}, environment={}).settings.target.cluster == "demo"


def test_a_link_leads_to_no_file_that_others_may_write(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "a.yaml").write_text("cluster: demo\n")
    (shared / "b.yaml").symlink_to("a.yaml")
    Path("acksm.yaml").symlink_to(shared / "b.yaml")
    assert resolve({}, environment={}).settings.target.cluster == "demo"
    shared.chmod(0o777)
    assert refused().id == "config-untrusted"


def test_whose_group_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    users = [
        SimpleNamespace(pw_name="ann", pw_uid=1000, pw_gid=1000),
        SimpleNamespace(pw_name="bob", pw_uid=1, pw_gid=2),
    ]
    groups = {1000: ["ann"], 1001: [], 1002: ["ann", "bob"], 2: ["ann"]}
    monkeypatch.setattr(pwd, "getpwall", lambda: users)
    monkeypatch.setattr(pwd, "getpwnam", {item.pw_name: item for item in users}.__getitem__)
    monkeypatch.setattr(grp, "getgrgid", lambda gid: SimpleNamespace(gr_mem=groups[gid]))
    assert [own_file._is_private(group, 1000) for group in (1000, 1001, 1002, 2, 7)] == [
        True,
        True,
        False,
        False,
        False,
    ]


def test_who_is_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SUDO_UID", "1000")
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert own_file._trusted() == {0, 1000}
    monkeypatch.setattr(os, "geteuid", lambda: 7)
    assert own_file._trusted() == {0, 7}


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


@pytest.mark.parametrize(
    ("flags", "remedy"),
    [
        ({"scope": "clustr"}, "acksm … --scope cluster"),
        ({"timeout": "soon"}, "acksm … --help"),
    ],
)
def test_the_remedy_of_a_wrong_option_is_the_right_one(flags: dict[str, object], remedy: str) -> None:
    with pytest.raises(AcksmError) as caught:
        resolve(flags, environment={})
    assert caught.value.remedy == remedy


def test_the_remedy_of_a_missing_file_names_its_directory() -> None:
    with pytest.raises(AcksmError) as caught:
        resolve({}, "some where/no.yaml", environment={})
    assert caught.value.remedy == "ls 'some where'"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (900.0, "15m"),
        (5400.0, "1h30m"),
        (61.0, "1m1s"),
        (0.5, "0.5"),
        (0.0, "0"),
        (True, "true"),
        ({"sagemaker": "1.9.1"}, "sagemaker=1.9.1"),
        ({"team-b": {"role_arn": "x"}}, "team-b"),
        (["a", "b"], "a, b"),
        (None, ""),
    ],
)
def test_a_setting_is_shown_as_it_is_typed(value: object, expected: str) -> None:
    assert shown(value) == expected
    if isinstance(value, float) and value:
        assert resolve({"timeout": shown(value)}, "", {}).settings.run.timeout == value
