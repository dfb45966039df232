"""What a child of the supervisor gets."""

from io import BytesIO

from acksm.aws.session import Keys
from acksm.fleet.children import KEPT_LINES, _read, _Said, environment, settings_of
from acksm.fleet.file import Member

MEMBER = Member("a", "111111111111", "eu-west-1", profile="ml", settings={"scope": "cluster", "set": ["a=b"]})


def test_no_variable_says_which_cluster_it_is_or_outdoes_its_settings() -> None:
    current = {
        "PATH": "/bin",
        "ACKSM_CLUSTER": "other",
        "ACKSM_REGION": "us-east-1",
        "ACKSM_ACCOUNT": "222222222222",
        "ACKSM_CONTEXT": "other",
        "ACKSM_CONFIG": "other.yaml",
        "ACKSM_SCOPE": "namespace",
        "ACKSM_REGISTRY": "mirror.example.com",
        "AWS_PROFILE": "other",
    }
    assert environment(MEMBER, None, current) == {
        "PATH": "/bin",
        "ACKSM_REGISTRY": "mirror.example.com",
    }


def test_a_role_is_passed_as_credentials_that_no_profile_outdoes() -> None:
    found = environment(MEMBER, Keys("id", "secret", "token"), {"AWS_DEFAULT_PROFILE": "x", "AWS_ACCESS_KEY_ID": "y"})
    assert found == {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token"}


def test_account_and_region_are_pinned() -> None:
    assert settings_of(MEMBER) == {
        "scope": "cluster",
        "set": ["a=b"],
        "cluster": "a",
        "account": "111111111111",
        "region": "eu-west-1",
        "profile": "ml",
    }


def test_a_child_may_write_while_its_lines_are_read() -> None:
    said = _Said()
    _read(BytesIO(b"one\n\ntwo\n"), said)
    seen = reversed(said.lines)
    assert next(seen) == "two"
    _read(BytesIO(b"three\n" * KEPT_LINES), said)
    assert (list(seen), said.lines) == (["one"], ("three",) * KEPT_LINES)
