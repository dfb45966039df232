"""`acksm doctor --watch`: the answer, printed again whenever it changes, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable

from acksm.engine.checks import State
from acksm.guide.connect.target import connect
from acksm.guide.doctor import command
from acksm.guide.doctor.selection import Answer, Options
from acksm.guide.install.watching import Shown, watch
from acksm.output import Output
from acksm.settings import Settings

PAUSE_SECONDS = 10.0  # a reading simulates policies in IAM, which has a quota of calls


def run(
    settings: Settings,
    ui: Output,
    options: Options,
    requested: str = "",
    namespace: str = "",
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Watch until Ctrl-C, and end with the exit code of the last answer, 130 without one. `requested`: KIND/NAME, ""
    for everything. Raises AcksmError only if the first reading fails."""

    def read() -> Shown:
        if requested:
            with connect(settings.target, settings.run) as target:
                found = command.answer_of_object(target, settings.other_account, requested, namespace, options)
        else:
            found = command.answer_now(settings, options)
        return Shown(found.data, found.text, lines_of(found), found.code)

    return watch(ui, "doctor", read, unavailable="not checked", pause=PAUSE_SECONDS, sleep=sleep)


def lines_of(answer: Answer) -> list[str]:
    """A line for each check that counts and is not ok, then their number."""
    checks = [item.check for item in answer.results]
    wrong = [one for one in checks if one.state not in {State.OK, State.SKIPPED}]
    return [*(f"{one.state} {one.id} {one.detail()}" for one in wrong), command.summary_of(checks)]
