"""Lists as AWS answers them: filtered, sorted and in pages, each of which names the next one."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime

from acksm.json_types import Document, Json

# docs.aws.amazon.com/sagemaker/latest/APIReference: the size of a page where the request names none
DEFAULT_RESULTS, MOST_RESULTS = 10, 100
_TIMES = {"CreationTime": "CreationTime", "LastModifiedTime": "LastModifiedTime", "Created": "CreationTime"}
_OWN = {"MaxResults", "NextToken", "NameContains", "StatusEquals"}


class RefusalError(Exception):
    """AWS's refusal of a call: code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = code, message


def page(member: str, found: Sequence[Json], params: Document, most: int) -> Json:
    """The page of `found` that the request names, as an answer with this member."""
    size = int(params.get("MaxResults") or most)
    if not 1 <= size <= MOST_RESULTS:
        raise RefusalError("ValidationException", f"Value '{size}' at 'maxResults' is not between 1 and {MOST_RESULTS}")
    start = _start(str(params.get("NextToken") or ""))
    end = start + size
    answer: Json = {member: list(found[start:end])}
    if end < len(found):
        answer["NextToken"] = base64.urlsafe_b64encode(f"practice:{end}".encode()).decode()
    return answer


def _start(token: str) -> int:
    if not token:
        return 0
    try:
        mark, _, start = base64.urlsafe_b64decode(token).decode().partition(":")
        if mark == "practice":
            return int(start)
    except ValueError:
        pass
    raise RefusalError("ValidationException", "Invalid NextToken")


def listed(moto: Callable[[Json], Json], member: str, params: Document) -> Json:
    """A list of SageMaker: `moto` has every object, and no filter of the request is left to it."""
    left = {key: value for key, value in params.items() if key not in _OWN and not _time(key)}
    found = [item for item in _every(moto, member, left) if _fits(item, params)]
    if params.get("SortBy"):
        found = _sorted(found, str(params["SortBy"]))
        found = found[::-1] if params.get("SortOrder") == "Descending" else found
    return page(member, found, params, DEFAULT_RESULTS)


def _every(moto: Callable[[Json], Json], member: str, params: Json) -> Iterator[Json]:
    token: Json = {}
    while True:
        answer = moto({**params, **token})
        yield from answer.get(member) or []
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def _time(parameter: str) -> str:
    """The member that a parameter such as CreationTimeAfter is about, "" for any other parameter."""
    return next((item for name, item in _TIMES.items() if parameter in {f"{name}After", f"{name}Before"}), "")


def _fits(item: Json, params: Document) -> bool:
    name, states = _name(item), [value for key, value in item.items() if key.endswith("Status")]
    if str(params.get("NameContains") or "").lower() not in name.lower():
        return False
    if params.get("StatusEquals") and params["StatusEquals"] not in states:
        return False
    for parameter, limit in params.items():
        time = item.get(_time(parameter))
        if time is None:
            continue
        later = seconds(time) > seconds(limit)
        if later is parameter.endswith("Before"):
            return False
    return True


def seconds(value: object) -> float:
    """Seconds since 1970, as the JSON protocol has times; moto writes some as text."""
    try:
        return float(str(value))
    except ValueError:
        moment = datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _name(item: Json) -> str:
    return str(next((value for key, value in item.items() if key.endswith("Name")), ""))


def _sorted(found: Sequence[Json], by: str) -> list[Json]:
    if by == "Status":
        return sorted(found, key=lambda item: str([value for key, value in item.items() if key.endswith("Status")]))
    if by in {"CreationTime", "LastModifiedTime"}:
        return sorted(found, key=lambda item: seconds(item.get(by) or 0))
    return sorted(found, key=_name)
