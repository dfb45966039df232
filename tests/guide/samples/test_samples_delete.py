"""What `samples delete` deletes, in which order, and what it keeps; and what is charged by the hour."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from acksm.engine.change import Op
from acksm.errors import AcksmError
from acksm.guide.samples import costs, delete
from acksm.guide.samples.delete import Existing
from acksm.guide.samples.files import samples
from acksm.kube.paths import ref
from sample_values_for import values

NS = "team-a"


def existing(name: str, *, owned: bool = True, as_: str = "", **annotations: Any) -> Existing:
    """The object of a sample as it is applied; with `as_` under another name, and of no sample."""
    manifest: Any = samples()[name].manifest(values(samples()[name]))
    labels = {"acksm.dev/owned": "true"} if owned else {}
    metadata = {**manifest["metadata"], "namespace": NS, "uid": name, "labels": labels}
    metadata["annotations"] = {f"services.k8s.aws/{key.replace('_', '-')}": text for key, text in annotations.items()}
    location = ref(manifest["kind"], as_ or manifest["metadata"]["name"], NS)
    return Existing("" if as_ else name, location, {**manifest, "metadata": metadata})


CHAIN = ("model", "endpoint-config", "endpoint")


def deleted(names: list[str], live: list[Existing], retained: tuple[str, ...] = ()) -> tuple[list[str], list[str]]:
    changes, notes = delete.plan([samples()[name] for name in names], live, retained, wait=True)
    assert [change.op for change in changes] == [Op.DELETE, Op.WAIT] * (len(changes) // 2)
    return [change.params["uid"] for change in changes if change.op is Op.DELETE], notes


def test_the_chain_goes_from_its_end() -> None:
    assert deleted(["endpoint"], [existing(name) for name in CHAIN]) == (["endpoint", "endpoint-config", "model"], [])


def test_what_another_object_needs_is_kept() -> None:
    other = existing("endpoint-config", owned=False, as_="mine")
    found, notes = deleted(["endpoint"], [*(existing(name) for name in CHAIN), other])
    assert found == ["endpoint", "endpoint-config"]
    assert notes == ["kept: Model team-a/acksm-model (needed by EndpointConfig team-a/mine)"]
    found, notes = deleted(["model"], [existing(name) for name in CHAIN])
    assert (found, len(notes)) == ([], 1)


@pytest.mark.parametrize(
    ("annotations", "retained"),
    [
        ({"adopted": "true"}, ()),
        ({"adoption_policy": "adopt"}, ()),
        ({"deletion_policy": "retain"}, ()),
        ({}, ("sagemaker",)),
    ],
)
def test_what_keeps_its_aws_resource_is_kept(annotations: dict[str, Any], retained: tuple[str, ...]) -> None:
    found, notes = deleted(["model"], [existing("model", **annotations)], retained)
    assert (found, len(notes), notes[0].startswith("kept: Model team-a/acksm-model")) == ([], 1, True)


def test_a_namespaces_retain_is_overridden_by_the_object() -> None:
    assert deleted(["model"], [existing("model", deletion_policy="delete")], ("sagemaker",))[0] == ["model"]


def test_nothing_of_acksm_is_an_error() -> None:
    with pytest.raises(AcksmError) as caught:
        deleted(["model"], [existing("model", owned=False)])
    assert caught.value.id == "sample-none"


OWN = "arn:aws:iam::012345678901:role/acksm-samples-demo"


@pytest.mark.parametrize("name", samples())
def test_what_is_left_is_named_with_the_command_that_deletes_it(name: str) -> None:
    """Of every sample: the role of --with-role, and each S3 URI that is no input of it."""
    given = values(samples()[name])
    manifest: Any = samples()[name].manifest(given | ({"role": OWN} if "role" in given else {}))
    notes = delete.left([manifest], "acksm-samples-demo")
    uris = set(re.findall(r"s3://[^\s\"']+", json.dumps(manifest).replace("\\", "")))
    written = {uri for uri in uris if uri in _outputs(name)}
    assert [note for note in notes if OWN in note] == (
        [f"kept: role {OWN}, one for all samples of the cluster; deleted with the controllers by: acksm cleanup --iam"]
        if OWN in json.dumps(manifest)
        else []
    )
    assert {uri for uri in uris for note in notes if note.count(f" {uri} ")} == written
    assert delete.left([manifest], "acksm-samples-other") == [note for note in notes if OWN not in note]


def _outputs(name: str) -> set[str]:
    """What a sample's file has of S3 without a parameter but the bucket's."""
    text = (Path(delete.__file__).parents[2] / "samples" / f"{name}.yaml").read_text()
    found = re.findall(r"s3://\$\{bucket\}/acksm-samples/[a-z-]+", text)
    return {uri.replace("${bucket}", values(samples()[name])["bucket"]) for uri in found}


def test_an_endpoint_is_charged_by_the_hour_and_a_job_is_not() -> None:
    told = costs.hint(samples()["endpoint"], [existing(name).manifest for name in CHAIN], NS)
    assert "1 × ml.m5.large" in told
    assert "acksm samples delete endpoint -n team-a" in told
    assert costs.hint(samples()["training"], [existing("training").manifest], NS) == ""
