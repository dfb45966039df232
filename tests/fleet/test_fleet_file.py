"""fleet.yaml: every value is checked before the first call, and named with its line."""

from pathlib import Path

import pytest

from acksm.errors import AcksmError
from acksm.fleet.file import Fleet, read, wave_of

ONE = 'clusters:\n- {cluster: a, account: "111111111111", region: eu-west-1'


def fleet_of(tmp_path: Path, text: str) -> Fleet:
    path = tmp_path / "fleet.yaml"
    path.write_text(text)
    return read(str(path))


def test_an_entry_is_over_the_defaults(tmp_path: Path) -> None:
    fleet = fleet_of(
        tmp_path,
        """
defaults:
  scope: namespace
  watch-namespace: [team]
  set: [logging.level=debug]
  assume-role-arn: arn:aws:iam::{account}:role/{region}-{cluster}
  labels: {stage: rest, tier: gpu}
clusters:
- {cluster: a, account: "111111111111", region: eu-west-1, labels: {stage: canary}, scope: cluster}
- {cluster: b, account: "222222222222", region: us-east-1, profile: other, watch_namespace: [x, y]}
""",
    )
    first, second = fleet.members
    assert first.id == "111111111111/eu-west-1/a"
    assert first.labels == {"stage": "canary", "tier": "gpu"}
    assert first.assume_role_arn == "arn:aws:iam::111111111111:role/eu-west-1-a"
    assert first.settings["scope"] == "cluster"
    assert first.settings["watch_namespace"] == ["team"]
    # its own way of signing in outdoes the default one
    assert (second.profile, second.assume_role_arn) == ("other", "")
    assert second.settings["scope"] == "namespace"
    assert second.settings["watch_namespace"] == ["x", "y"]


INVALID = {
    "no mapping": ("- a\n", "not a mapping", ""),
    "nothing in it": ("waves: []\n", "nothing to work on", ""),
    "unknown setting": (ONE + ", scop: cluster}\n", "clusters.0.scop: unknown setting; did you mean scope?", ":2:60"),
    "unknown key of the file": ("cluster: []\n", "cluster: unknown setting; did you mean clusters?", ":1:1"),
    "no account": ("clusters:\n- {cluster: a, region: eu-west-1}\n", "clusters.0.account: missing", ":2:3"),
    "account without its zeros": (
        "clusters:\n- {cluster: a, region: eu-west-1, account: 12345678901}\n",
        "quote the 12 digits",
        ":2:35",
    ),
    "invalid value": (ONE + ", scope: all}\n", "clusters.0.scope: Input should be 'cluster' or 'namespace'", ":2:60"),
    "unknown placeholder": (ONE + ", assume-role-arn: 'arn:{acount}'}\n", "{acount} is not known", ":2:3"),
    "an option of the run": (ONE + ", yes: true}\n", "yes is an option of acksm fleet", ":2:60"),
    "twice": (ONE + '}\n- {cluster: a, account: "111111111111", region: eu-west-1}\n', "is listed twice", ":3:3"),
    "in no wave": (
        ONE + ", labels: {stage: dev}}\nwaves:\n- {name: canary, select: {stage: canary}}\n",
        "is in no wave: its labels are stage=dev",
        ":2:3",
    ),
    "not a share": (ONE + "}\nwaves:\n- {name: all, max-failures: 200%}\n", "nor a percentage such as 10%", ":4:15"),
    "not YAML": ("clusters: [\n", "not YAML", ":2:1"),
}


@pytest.mark.parametrize("name", INVALID)
def test_what_is_wrong_is_named_with_its_place(tmp_path: Path, name: str) -> None:
    text, message, where = INVALID[name]
    with pytest.raises(AcksmError) as raised:
        fleet_of(tmp_path, text)
    assert raised.value.id in {"fleet-invalid", "config-invalid"}
    assert message in raised.value.message
    assert raised.value.where.endswith(f"fleet.yaml{where}")


def test_a_cluster_is_in_the_first_wave_whose_labels_it_has(tmp_path: Path) -> None:
    text = (
        ONE + ", labels: {stage: canary, tier: gpu}}\nwaves:\n- {name: gpu, select: {tier: gpu, stage: dev}}\n"
        "- {name: canary, select: {stage: canary}}\n- {name: rest}\n"
    )
    fleet = fleet_of(tmp_path, text)
    wave = wave_of(fleet.waves, fleet.members[0])
    assert wave
    assert wave.name == "canary"
