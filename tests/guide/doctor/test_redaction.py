"""Secrets do not get into a bundle, whatever form they have and wherever they stand; what is none stays readable."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.guide.doctor import redaction

JWT = (
    ".".join(
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "R"}, {"sub": "x"})
    )
    + ".c2ln"
)
SECRETS = {
    "access key": "AKIA" + "IOSFODNN7EXAMPLE",
    "session key": "ASIA" + "IOSFODNN7EXAMPLE",
    "secret key": "wJalrXUtnFEMI/K7MDENG/" + "bPxRfiCYEXAMPLEKEY",
    "token of STS": "IQoJb3JpZ2luX2VjEJr" + "aBcDeFgHiJkLmNoPqRsTuVwXyZ0123456789+/=",
    "token of EKS": "k8s-aws-v1.aHR0cHM6Ly9zdHMuYW1hem9uYXdzLmNvbS8_QWN0aW9u",
    "JWT": JWT,
    "docker config": base64.b64encode(b'{"auths": {"x": {"auth": "eDp5"}}}').decode(),
    "key file": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----",
    "half a key file": "-----BEGIN PRIVATE KEY-----\nMIIEow",
    "token of GitHub": "ghp_" + "a1B2c3D4e5F6g7H8i9J0",
}


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize(
    "around", ["{}", "before {} after", "x={}&y=1", '"{}"', "https://h/?X-Amz-Security-Token={}", "\t{}\n"]
)
def test_the_form_of_a_secret_is_enough(name: str, around: str) -> None:
    secret = SECRETS[name]
    told = redaction.text(around.format(secret))
    assert secret not in told
    assert redaction.HIDDEN in told
    assert secret not in json.dumps(redaction.data({"message": [around.format(secret)]}))


@pytest.mark.parametrize(
    "text",
    [
        "password=hunter2",
        "DB_PASSWORD: hunter2",
        '"clientSecret": "hunter2"',
        "token=hunter2;",
        "aws_secret_access_key = hunter2",
        "Authorization: Bearer hunter2hunter2",
        "https://me:hunter2@registry.example/x",
    ],
)
def test_what_a_name_says_is_a_secret(text: str) -> None:
    assert "hunter2" not in redaction.text(text)


@pytest.mark.parametrize(
    "key", ["password", "dbPassword", "secretAccessKey", "token", "apiKey", "client_secret", "AUTH", "privateKey"]
)
def test_keys_that_hold_secrets(key: str) -> None:
    found = redaction.data({"a": {key: "hunter2", "more": [{key: {"deep": "hunter2"}}]}})
    assert "hunter2" not in json.dumps({"a": {key: found["a"][key]}})


@pytest.mark.parametrize(
    "value",
    [
        {"credentials": {"secretName": "aws", "profile": "default"}},
        {"serviceAccount": {"name": "ack", "annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::aws:policy/x"}}},
        {"region": "us-west-2", "log": {"level": "debug"}, "replicas": 2, "on": True, "none": None},
        {"image": "public.ecr.aws/x/y@sha256:" + "0123456789abcdef" * 4},
        {"commit": "da39a3ee5e6b4b0d3255bfef95601890afd80709"},
        {"time": "2026-01-29T10:00:00.123456Z", "uid": "5f0d4b7e-9b1c-4c39-9d55-0123456789ab"},
        {"password": ""},
        {"text": "IAM Role is not available: key not found in CARM configmap"},
    ],
)
def test_what_is_no_secret_stays(value: Any) -> None:
    assert redaction.data(value) == value


def test_variables_of_containers_never_keep_their_values() -> None:
    found = redaction.data(
        {"extraEnvVars": [{"name": "PLAIN", "value": "hunter2"}, {"name": "B", "valueFrom": {"x": 1}}]}
    )
    assert found == {"extraEnvVars": [{"name": "PLAIN", "value": "(hidden)"}, {"name": "B", "valueFrom": {"x": 1}}]}


def test_what_repeats_whole_objects_is_dropped() -> None:
    metadata = {
        "managedFields": [1],
        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "all", "a": "b"},
    }
    assert redaction.data({"metadata": metadata}) == {"metadata": {"annotations": {"a": "b"}}}


def test_account_ids_keep_four_digits_unless_they_are_asked_for() -> None:
    arn = "arn:aws:iam::012345678901:role/x"
    assert redaction.text(arn) == "arn:aws:iam::********8901:role/x"
    assert redaction.text(arn, accounts=True) == arn
    assert redaction.data({"a": 123456789012, "012345678901": "b", "n": 1234}) == {
        "a": "********9012",
        "********8901": "b",
        "n": 1234,
    }


@given(st.text(max_size=200), st.sampled_from(sorted(SECRETS)))
def test_no_text_around_it_lets_a_secret_through(noise: str, name: str) -> None:
    assert SECRETS[name] not in redaction.text(f"{noise} {SECRETS[name]} {noise}")


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("before", range(3960, 4001, 5))
def test_a_secret_at_the_cut_is_hidden_whole(name: str, before: int) -> None:
    raw = f"{'. ' * (before // 2)}{SECRETS[name]} and more"
    parts = [SECRETS[name][:size] for size in range(12, len(SECRETS[name]) + 1)]
    for told in (redaction.text(raw), redaction.data([raw])[0]):
        assert not [part for part in parts if part in told]
        assert len(told) <= redaction.LONGEST_TEXT + 2


def test_each_line_is_cut_and_none_is_lost() -> None:
    told = redaction.text("a " * 5000 + "\nshort\n" + "b " * 5000)
    assert [len(line) for line in told.split("\n")] == [redaction.LONGEST_TEXT + 2, 5, redaction.LONGEST_TEXT + 2]


def test_a_name_before_a_word_for_secrets_may_have_any_length() -> None:
    assert "hunter2" not in redaction.text("a.b-" * 100 + "password" + "d" * 60 + " = hunter2")


# Texts that made one of the patterns look at everything again from each place of it.
HOSTILE = ("a.", "a-", "passw", "secret", "token ", "a,", "mount", "-----BEGIN A", "-----BEGIN A-----", "AKIA", "eyJ-")
_MORE = ("failed to list a: ", "Resource already exists ", "-chart:", "1")
_ENDS = """
import sys
from acksm.live import symptoms
from acksm.guide.doctor import redaction
for piece in sys.argv[1:]:
    text = piece * (65536 // len(piece))
    redaction.text(text)
    redaction.data({text: text})
    symptoms.of_log(text)
    symptoms.of_helm(text)
print("ended")
"""


def test_long_lines_of_others_come_to_an_end() -> None:
    """In a process of its own, for nothing else can stop an expression; the minutes are no measure. The reason why it
    ends is in tests/test_linear.py: the quadratic forms take hours."""
    argv = [sys.executable, "-c", _ENDS, *HOSTILE, *_MORE]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=110, check=False)
    assert (done.stdout, done.stderr) == ("ended\n", "")
