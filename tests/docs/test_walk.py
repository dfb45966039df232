"""Pages are typed as they stand, and pictures are drawn from what came."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

import record
from doc_pages import PAGES, ROOT
from generator import pictures
from generator.walk import WalkError, shortened, walk

PAGE = """# Page

```text title="words.txt"
one
```

<!-- run, picture: first -->

```sh
echo '▸ cluster here'; cat words.txt; printf '\\033[32mgreen\\033[0m\\n'; export KEPT=kept
```

<!-- output -->

```text
old
```

<!-- run: 3 -->

```sh
echo '▸ cluster here'; echo "$KEPT"; seq 9; exit 3
```

<!-- output: 4 -->

```text
```

```sh
false   # not marked, so not run
```
"""


def typed(page: str, folder: Path, before: str = "") -> tuple[str, list[str]]:
    directory = folder / "story"
    directory.mkdir()
    text, screens = walk(page, {"PATH": os.environ["PATH"]}, directory, before)
    return text, [screen.picture for screen in screens]


def test_what_came_stands_in_the_page(tmp_path: Path) -> None:
    text, kept = typed(PAGE, tmp_path)
    assert "```text\n▸ cluster here\none\ngreen\n```" in text
    assert "```text\nkept\n… 7 more lines\n8\n9\n```" in text  # the opening line is there once
    assert text.endswith("```sh\nfalse   # not marked, so not run\n```\n")
    assert kept == ["first", ""]


def test_what_others_did_before_is_kept(tmp_path: Path) -> None:
    text, _ = typed(PAGE.replace('"$KEPT"', '"$OTHER"'), tmp_path, "export OTHER=other")
    assert "other\n…" in text


@pytest.mark.parametrize(("page", "before"), [(PAGE.replace("exit 3", "exit 4"), ""), (PAGE, "false")])
def test_a_command_that_ends_otherwise_is_a_mistake(page: str, before: str, tmp_path: Path) -> None:
    with pytest.raises(WalkError, match="exit code"):
        typed(page, tmp_path, before)


def test_colours_are_kept_and_drawn(tmp_path: Path) -> None:
    directory = tmp_path / "story"
    directory.mkdir()
    screens = walk(PAGE, {"PATH": os.environ["PATH"]}, directory)[1]
    assert "\x1b[0;32mgreen\x1b[0m" in screens[0].text
    (tmp_path / "first.ansi").write_text(screens[0].text)
    assert ">green<" in pictures.draw(tmp_path / "first.ansi")


def test_long_screens_lose_their_middle() -> None:
    assert shortened("1\n2\n3\n", 3) == "1\n2\n3\n"
    assert shortened("1\n2\n3\n4\n5\n", 4) == "1\n… 2 more lines\n4\n5\n"


@pytest.mark.parametrize("picture", sorted((ROOT / "docs" / "pictures").glob("*.svg")), ids=lambda path: path.stem)
def test_a_picture_asks_nothing_of_another_host_and_has_its_recording(picture: Path) -> None:
    assert set(re.findall(r"https?://[^\"'\s]+", picture.read_text("utf-8"))) == {"http://www.w3.org/2000/svg"}
    assert picture.with_suffix(".ansi").is_file()


def test_pictures_are_recorded_by_a_page_and_shown_in_one() -> None:
    recorded = {path.stem for path in pictures.recorded(ROOT / "docs" / "pictures")}
    typed_pages = "".join((ROOT / "docs" / page).read_text("utf-8") for page in record.PAGES)
    assert set(re.findall(r"<!-- run.*, picture: ([\w-]+) -->", typed_pages)) == recorded
    shown = {
        name for page in PAGES for name in re.findall(r"!\[[^\]]+\]\([\w/]*pictures/([\w-]+)\.svg\)", page.read_text())
    }
    assert shown == recorded


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_only_pages_that_are_typed_have_marks(page: Path) -> None:
    marked = re.search(r"^<!-- (run|output)", page.read_text("utf-8"), re.M)
    assert (page.name in record.PAGES) == bool(marked)
