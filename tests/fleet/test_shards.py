"""Parts of a fleet for many processes."""

import pytest
from hypothesis import given, strategies as st

from acksm.errors import AcksmError
from acksm.fleet.file import Member
from acksm.fleet.shards import part, shard_of

SHARDS = {
    "written": ("2/3", {}, (1, 3)),
    "of an Indexed Job": ("/4", {"JOB_COMPLETION_INDEX": "0"}, (0, 4)),
    "of an AWS Batch array": ("/4", {"AWS_BATCH_JOB_ARRAY_INDEX": "3"}, (3, 4)),
    "of GitLab, which counts from 1": ("auto", {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "2"}, (0, 2)),
    "of Buildkite": ("auto", {"BUILDKITE_PARALLEL_JOB": "1", "BUILDKITE_PARALLEL_JOB_COUNT": "2"}, (1, 2)),
    "none": ("", {"JOB_COMPLETION_INDEX": "0"}, None),
}


@pytest.mark.parametrize("name", SHARDS)
def test_the_index_is_written_or_of_the_system(name: str) -> None:
    text, environment, expected = SHARDS[name]
    assert shard_of(text, environment) == expected


@pytest.mark.parametrize(
    ("text", "environment"),
    [
        ("4/3", {}),
        ("0/3", {}),
        ("/3", {}),
        ("/0", {"JOB_COMPLETION_INDEX": "0"}),
        ("auto", {"JOB_COMPLETION_INDEX": "0"}),
        ("/3", {"JOB_COMPLETION_INDEX": "3"}),
        ("x", {"JOB_COMPLETION_INDEX": "0"}),
    ],
)
def test_anything_else_is_refused(text: str, environment: dict[str, str]) -> None:
    with pytest.raises(AcksmError) as raised:
        shard_of(text, environment)
    assert raised.value.id == "fleet-shard-invalid"


@given(st.integers(0, 30), st.integers(1, 8), st.randoms())
def test_each_cluster_is_in_one_shard(size: int, number: int, random: object) -> None:
    members = [Member(f"c{index}", "111111111111", "eu-west-1") for index in range(size)]
    parts = [part(members[::-1], (index, number)) for index in range(number)]
    assert sorted(one.id for found in parts for one in found) == sorted(one.id for one in members)
    assert max(map(len, parts)) - min(map(len, parts)) <= 1
