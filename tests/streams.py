"""Streams for tests of what is written: any encoding, a terminal or not, and every write noted."""

from __future__ import annotations

import io


class Stream(io.TextIOWrapper):
    """A text stream in memory. `text` is what arrived, as a reader of that encoding sees it."""

    def __init__(self, *, encoding: str = "utf-8", terminal: bool = False) -> None:
        self._bytes = io.BytesIO()
        super().__init__(self._bytes, encoding=encoding, write_through=True, newline="")
        self._terminal = terminal

    def isatty(self) -> bool:
        return self._terminal

    @property
    def text(self) -> str:
        self.flush()
        return self._bytes.getvalue().decode(self.encoding)

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()
