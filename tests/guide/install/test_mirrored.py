"""Where chart and image of a release come from, over any sequence of installs: what an option says holds until another
option says otherwise, and the same run again changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from acksm.ack import charts
from acksm.archive import Chart
from acksm.errors import AcksmError
from acksm.guide.install import mirrored
from acksm.guide.install.controller_values import kept_and_given
from acksm.guide.install.release import Observed
from acksm.helm.registry import MANIFEST, Described, Pulled
from acksm.json_types import Document
from acksm.settings import DEFAULT_REGISTRY, ControllerSettings, Settings

SERVICE, VERSION = "sagemaker", "1.9.1"
PUBLIC = f"{DEFAULT_REGISTRY}/sagemaker-controller"
MIRROR, OTHER, ONLY_CHARTS = "mirror.example.com/acks", "other.example.com", "charts.example.com/x"
CHART: Document = {
    "image": {"repository": PUBLIC, "tag": VERSION},
    "deployment": {"annotations": {}, "labels": {}},
    "aws": {"region": ""},
}


class Charts:
    """A registry that has the image of some tags, or no such repository."""

    def __init__(self, at: str, tags: tuple[str, ...] = (VERSION,)) -> None:
        self.at, self.has = at, tags

    def tags(self, service: str) -> list[str]:
        return [VERSION]

    def find(self, service: str, requested: str) -> Described:
        raise NotImplementedError

    def pull(self, service: str, requested: str) -> Pulled:
        raise NotImplementedError

    def image(self, service: str, tag: str) -> Described | None:
        assert self.at != DEFAULT_REGISTRY, "the public registry is not asked"
        if self.at == ONLY_CHARTS or not self.has:
            return None
        if tag not in self.has:
            raise AcksmError("image-missing", tag)
        return Described(tag, MANIFEST, b"{}")

    def manifest(self, repository: str, reference: str) -> Described:
        raise NotImplementedError

    def repository(self, name: str) -> str:
        raise NotImplementedError


def installed_by(values: Document, tags: tuple[str, ...] = (VERSION,), **options: Any) -> dict[str, Any]:
    """The values of the release after an install with these options, from those before it."""
    controllers = Settings.of(**options).controllers
    return _install(values, controllers, tags)


def _install(values: Document, controllers: ControllerSettings, tags: tuple[str, ...]) -> dict[str, Any]:
    observed = Observed(version=VERSION if values else "", values=values, owned=True)
    at = mirrored.location(controllers.registry, values)
    chart = Chart("sagemaker-chart", VERSION, "", {"values.yaml": json.dumps(CHART).encode()})
    kept, given_ = kept_and_given(controllers, SERVICE, chart, observed)
    image = mirrored.image(lambda: Charts(at, tags), at, SERVICE, CHART, values, kept, given_)
    found: dict[str, Any] = {"deployment": {"labels": {"acksm.dev/owned": "true"}}}
    for edit in [*mirrored.edits(kept, SERVICE, at, image, values), *given_]:
        place = found
        for key in edit.path[:-1]:
            place = place.setdefault(key, {})
        place[edit.path[-1]] = edit.value
    if found.get("image", {}).get("repository") == PUBLIC:
        del found["image"]["repository"]
    return {key: value for key, value in found.items() if value}


def image_of(values: Document) -> str:
    return str((values.get("image") or {}).get("repository", PUBLIC))


def test_a_mirror_is_used_and_remembered() -> None:
    first = installed_by({}, registry=MIRROR)
    assert (image_of(first), mirrored.mirror_of(first)) == (f"{MIRROR}/sagemaker-controller", MIRROR)
    assert mirrored.location("", first) == MIRROR
    assert installed_by(first) == first
    assert installed_by(first, registry=f"oci://{MIRROR}/") == first


@pytest.mark.parametrize("start", ["", MIRROR, OTHER])
def test_from_one_registry_to_another_and_back(start: str) -> None:
    before = installed_by({}, registry=start)
    moved = installed_by(before, registry=MIRROR)
    assert image_of(moved) == f"{MIRROR}/sagemaker-controller"
    back = installed_by(moved, registry=DEFAULT_REGISTRY)
    assert (image_of(back), mirrored.mirror_of(back)) == (PUBLIC, "")


def test_a_registry_of_charts_alone_changes_no_value() -> None:
    assert installed_by({}, registry=ONLY_CHARTS) == installed_by({})
    own = installed_by({}, registry=ONLY_CHARTS, set=["image.repository=mine.example.com/x"])
    assert image_of(own) == "mine.example.com/x"
    assert image_of(installed_by(own, registry=ONLY_CHARTS)) == "mine.example.com/x"


def test_the_users_own_image_wins_until_a_registry_is_named() -> None:
    own = installed_by({}, set=["image.repository=mine.example.com/x"])
    assert image_of(installed_by(own)) == "mine.example.com/x"
    assert image_of(installed_by(own, registry=DEFAULT_REGISTRY)) == "mine.example.com/x"
    moved = installed_by(own, registry=MIRROR)
    assert image_of(moved) == f"{MIRROR}/sagemaker-controller"
    both = installed_by(moved, set=["image.repository=mine.example.com/x"])
    assert (image_of(both), mirrored.mirror_of(both)) == ("mine.example.com/x", MIRROR)
    assert image_of(installed_by(both)) == "mine.example.com/x"
    assert image_of(installed_by(both, reset_values=True)) == f"{MIRROR}/sagemaker-controller"
    assert mirrored.mirror_of({"deployment": {"annotations": {"acksm.dev/registry": "a b"}}}) == ""


@pytest.mark.parametrize(
    ("tags", "options"), [(("1.8.0",), {}), ((), {}), ((VERSION,), {"set": ["image.tag=9.9.9"]})], ids=str
)
def test_an_image_that_the_mirror_lacks_is_refused(tags: tuple[str, ...], options: Any) -> None:
    first = installed_by({}, registry=MIRROR)
    with pytest.raises(AcksmError) as caught:
        installed_by(first, tags, **options)
    assert caught.value.id == "image-missing"
    if tags:
        with pytest.raises(AcksmError):
            installed_by({}, tags, registry=MIRROR, **options)


OPTIONS = st.fixed_dictionaries(
    {
        "registry": st.sampled_from(["", DEFAULT_REGISTRY, MIRROR, OTHER, ONLY_CHARTS]),
        "set": st.sampled_from([[], ["image.repository=mine.example.com/x"], ["image.tag=1.9.1"]]),
        "reset_values": st.booleans(),
    }
)


@given(st.lists(OPTIONS, min_size=1, max_size=5))
def test_the_same_install_again_changes_nothing(runs: list[dict[str, Any]]) -> None:
    values: dict[str, Any] = {}
    for options in runs:
        values = installed_by(values, **options)
        assert installed_by(values, **options) == values
        without = {**options, "registry": "", "set": [], "reset_values": False}
        assert installed_by(values, **without) == values
        if options["registry"] in {MIRROR, OTHER}:
            assert mirrored.location("", values) == options["registry"]
            if not options["set"] or "tag" in options["set"][0]:
                assert image_of(values).startswith((options["registry"], "mine.example.com"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("oci://mirror.example.com/acks/", MIRROR),
        ("https://mirror.example.com/acks", MIRROR),
        ("[::1]:5000/x", "[::1]:5000/x"),
        ("", ""),
    ],
)
def test_how_a_registry_is_written(written: str, expected: str) -> None:
    assert Settings.of(registry=written).controllers.registry == expected


@pytest.mark.parametrize(
    "wrong", ["a b", "https:///x", "a.example/X", "a.example/x:1.9.1", "user:pass@a.example/x", "-x"]
)
def test_what_is_no_registry(wrong: str) -> None:
    from pydantic import ValidationError

    with pytest.raises(ValidationError, match="registry") as caught:
        Settings.of(registry=wrong)
    assert "user:pass" not in str(caught.value.errors(include_input=False)[0]["msg"])


def test_names() -> None:
    assert charts.image_name(SERVICE) == "sagemaker-controller"
