"""IAM's wildcards as regular expressions whose time is linear in the text, whoever wrote the policy."""

from __future__ import annotations

import re
from functools import lru_cache


@lru_cache(maxsize=4096)
def pattern(text: str, *, fold: bool = False) -> re.Pattern[str]:
    """`*` and `?` as IAM has them, for `fullmatch`; `fold` where case does not count.

    What is between two stars matches at its first position, and no other is tried, as in fnmatch.translate
    (https://github.com/python/cpython/issues/84461): a dozen stars would take forever otherwise.
    """
    first, *others = ["".join("." if char == "?" else re.escape(char) for char in part) for part in text.split("*")]
    between = "".join(f"(?>.*?{part})" for part in others[:-1] if part)
    last = f".*{others[-1]}" if others else ""
    return re.compile(first + between + last, re.DOTALL | (re.I if fold else 0))
