"""`acksm doctor --watch`: the answer, printed again whenever it changes, until Ctrl-C."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from acksm.engine.checks import State
from acksm.errors import AcksmError
from acksm.events import Event, Kind
from acksm.exits import ExitCode
from acksm.guide.connect.target import connect
from acksm.guide.doctor import command
from acksm.guide.doctor.selection import Answer, Options
from acksm.guide.install.watching import changes, now
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

    def read() -> Answer:
        if not requested:
            return command.answer_now(settings, options)
        with connect(settings.target, settings.run) as target:
            return command.answer_of_object(target, settings.other_account, requested, namespace, options)

    shown: Sequence[str] | None = None
    code = int(ExitCode.INTERRUPTED)
    try:
        while True:
            try:
                answer = read()
            except AcksmError as error:
                if shown is None:
                    raise
                lines, code = [f"not checked: {error.id}: {error.message}"], int(error.exit_code)
                if lines != shown:
                    ui.changed("doctor", {"error": error.as_data()}, lines[0], changes((), lines), code)
            else:
                lines, code = lines_of(answer), answer.code
                if lines != shown:
                    text = f"{answer.text}\nchanged at {now()} UTC" if shown is not None else answer.text
                    ui.changed("doctor", {**answer.data}, text, changes(shown or (), lines), code)
            shown = lines
            ui.emit(Event(Kind.PROGRESS, "watch", f"checked at {now()} UTC; Ctrl-C ends", {"live": True}))
            sleep(PAUSE_SECONDS)
    except KeyboardInterrupt:
        return code


def lines_of(answer: Answer) -> list[str]:
    """A line for each check that counts and is not ok, then their number."""
    checks = [item.check for item in answer.results]
    wrong = [one for one in checks if one.state not in {State.OK, State.SKIPPED}]
    return [*(f"{one.state} {one.id} {one.detail()}" for one in wrong), command.summary_of(checks)]
