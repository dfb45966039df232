"""`acksm explain`: an id, also without its prefix, or words of a title."""

from __future__ import annotations

import pytest

from acksm.catalog import entries
from acksm.errors import AcksmError
from acksm.explain import ISSUE, REPOSITORIES, explain
from acksm.ui import Ui


def ids(text: str) -> list[str]:
    data, _ = explain(text, Ui().table)
    found = data.get("entries", [data.get("entry")])
    assert isinstance(found, list)
    return [item["id"] for item in found]


@pytest.mark.parametrize("id", entries())
def test_every_id_and_its_form_without_a_prefix_is_found(id: str) -> None:
    assert ids(id) == [id]
    short = id.partition(".")[2]
    if short and short not in entries():
        assert id in ids(short)


def test_words_are_searched_in_titles() -> None:
    assert ids("carm-map") == ["check.carm-map"]
    found = ids("trust policy")
    assert len(found) > 1
    assert all("trust" in f"{one} {entries()[one].title}".lower() for one in found)


@pytest.mark.parametrize("text", ["nothing-of-this-name", "x", "", "!?", "is a"])
def test_what_is_no_id_and_in_no_title(text: str) -> None:
    with pytest.raises(AcksmError) as caught:
        explain(text, Ui().table)
    assert caught.value.id == "explain-unknown"


def test_issues_have_their_addresses() -> None:
    assert "https://github.com/aws-controllers-k8s/community/issues/1246" in explain("carm-role-account", Ui().table)[1]
    cited = [match for entry in entries().values() for match in ISSUE.finditer(f"{entry.cause} {entry.remedy}")]
    assert len(cited) > 20
    assert {match[1] for match in cited} <= {*REPOSITORIES}
