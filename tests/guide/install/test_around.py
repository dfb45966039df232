"""What a command adds around the plan of install."""

from __future__ import annotations

from acksm.engine.change import Change, Op, Plan
from acksm.guide.install.around import Around, composed


def change(name: str) -> Change:
    return Change(name, "step", Op.UPDATE, "kubernetes", name, "call", {})


def test_each_is_outside_the_ones_before_it() -> None:
    plan = Plan("upgrade", (change("release"),), ("of install",), {"controllers": {}})
    inner = Around((change("delete"),), (change("adopt"),), notes=("inner",), facts={"adopted": []})
    outer = Around((change("look"),), (change("look again"),), notes=("outer",))
    whole = composed(plan, [inner, outer])
    assert [item.id for item in whole.changes] == ["look", "delete", "release", "adopt", "look again"]
    assert whole.notes == ("of install", "inner", "outer")
    assert whole.facts == {"controllers": {}, "adopted": []}
    assert composed(plan, []) == plan
