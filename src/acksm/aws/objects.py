"""What exists in AWS of the kinds that the controllers know: one by its key, all of a kind, tags. Reads only.

Names of calls and members follow from `acksm.ack.kinds` and from botocore's own models, so that a kind is data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field

from acksm.ack.kinds import API, KINDS, Kind, is_absent
from acksm.aws.errors import code_of, translated
from acksm.aws.session import Session
from acksm.dataclass import dataclass
from acksm.json_types import Document, Json, Untyped

Key = Mapping[str, str]
PARALLEL = 8


@dataclass(frozen=True)
class Found:
    """An AWS resource. `key` are its adoption fields ({"arn": …} for kinds that are found by ARN), `arn` may be ""
    where no answer has it, `state` its state in AWS ("" for a kind without), `answer` the API's own members."""

    kind: Kind
    key: Key
    arn: str
    region: str
    state: str = ""
    answer: Document = field(default_factory=dict)


def describe(aws: Session, kind: Kind, key: Key, region: str = "") -> Found | None:
    """The AWS resource with this key in `region` (default: the session's), None when it does not exist. Errors: aws-…

    `key` has the kind's key fields (optional ones may be missing), or "arn" for kinds that are found by ARN.
    """
    return next(iter(matching(aws, kind, key, region)), None)


def matching(aws: Session, kind: Kind, key: Key, region: str = "") -> list[Found]:
    """All that this key may mean; more than one only where optional fields are missing. Errors: aws-…"""
    from botocore.exceptions import ClientError

    region = region or aws.region
    client, call = aws.client(API[kind.service], region), kind.describe_call
    model = client.meta.service_model.operation_model(call)
    answer: Json = {}
    with translated(API[kind.service], call, f"{kind.name} {', '.join(key.values())}"):
        try:
            answer = _called(client, call, _parameters(kind, key, model.input_shape))
        except ClientError as error:
            if not is_absent(code_of(error), str(error.response.get("Error", {}).get("Message", ""))):
                raise
            return []
    items = answer.get(kind.lists) or [] if kind.lists else [answer]
    found = [_found(kind, item, region, {} if kind.lists else key) for item in items]
    there = [item for item in found if not (kind.gone and item.state == kind.gone)]
    return [item for item in there if not kind.lists or _fits(item.key, key)]


def list_all(aws: Session, kind: Kind, region: str = "") -> list[Found]:
    """Every AWS resource of the kind in `region`, page by page; of application autoscaling only SageMaker's.

    Errors: aws-…
    """
    region = region or aws.region
    requested: list[dict[str, str]] = [{}]
    if kind.parent:
        parent = KINDS[kind.service][kind.parent]
        member = aws.client(API[kind.service], region).meta.service_model.operation_model(kind.list_call).input_shape
        name = next(iter(member.required_members))
        requested = [{name: item.key[parent.key[0]]} for item in list_all(aws, parent, region)]
    with ThreadPoolExecutor(max_workers=PARALLEL) as pool:
        pages = pool.map(lambda more: list(_pages(aws, kind, region, more)), requested)
        found = [_found(kind, item, region, {}) for items in pages for item in items]
    return [item for item in found if not (kind.gone and item.state == kind.gone)]


def tags(aws: Session, found: Found) -> dict[str, str]:
    """The AWS resource's tags. Errors: aws-…"""
    client = aws.client(API[found.kind.service], found.region)
    if found.kind.lists:
        with translated(API[found.kind.service], "ListTagsForResource", found.arn):
            return {
                str(key): str(value)
                for key, value in client.list_tags_for_resource(ResourceARN=found.arn)["Tags"].items()
            }
    pairs: dict[str, str] = {}
    token: dict[str, str] = {}
    while True:
        with translated(API[found.kind.service], "ListTags", found.arn):
            answer = client.list_tags(ResourceArn=found.arn, **token)
        pairs |= {str(item["Key"]): str(item["Value"]) for item in answer.get("Tags") or []}
        if not answer.get("NextToken"):
            return pairs
        token = {"NextToken": answer["NextToken"]}


def _pages(aws: Session, kind: Kind, region: str, more: Mapping[str, str]) -> Iterator[Document]:
    client = aws.client(API[kind.service], region)
    model = client.meta.service_model.operation_model(kind.list_call)
    member = next(name for name, shape in model.output_shape.members.items() if shape.type_name == "list")
    # SageMaker's pages have 10 by default
    most = model.input_shape.members["MaxResults"].metadata.get("max")
    size, token = {"MaxResults": most} if most else {}, dict[str, str]()
    while True:
        with translated(API[kind.service], kind.list_call, kind.name):
            answer = _called(client, kind.list_call, {**dict(kind.list_with), **more, **size, **token})
        yield from answer.get(member) or []
        if not answer.get("NextToken"):
            return
        token = {"NextToken": answer["NextToken"]}


def _called(client: Untyped, call: str, parameters: Document) -> Json:
    from botocore import xform_name

    answer: Json = getattr(client, xform_name(call))(**parameters)
    return answer


def _parameters(kind: Kind, key: Key, shape: Untyped) -> Json:
    """A key as the describe call takes it; application autoscaling takes some fields as lists of one."""
    if kind.by_arn:
        return {kind.by_arn: next(iter(key.values()))}
    members = {name.lower(): (name, member.type_name) for name, member in shape.members.items()}
    found: Json = {}
    for name, value in key.items():
        for written in (name.lower(), f"{name.lower()}s"):
            if written in members:
                member, form = members[written]
                found[member] = [value] if form == "list" else value
    return found


def _found(kind: Kind, item: Document, region: str, requested: Key) -> Found:
    members = {name.lower(): value for name, value in item.items()}
    called = dict(kind.summary)

    def told(name: str) -> str:
        return str(members.get(called.get(name, name).lower()) or members.get(name.lower()) or "")

    arn = str(item.get(kind.arn_answer) or told("arn"))
    state = str(item.get(kind.status) or "") if kind.status else ""
    if kind.by_arn:
        return Found(kind, {"arn": arn}, arn, region, state, item)
    key = {name: told(name) or requested.get(name, "") for name in kind.key}
    return Found(kind, {name: value for name, value in key.items() if value}, arn, region, state, item)


def _fits(key: Key, requested: Key) -> bool:
    return all(key.get(name) == value for name, value in requested.items())
