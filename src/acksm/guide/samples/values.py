"""Values of samples' parameters: read from `--set`, checked by kind, and images looked up for a region."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from acksm import yaml_reader
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.guide.samples.files import Parameter, Sample
from acksm.json_types import Document
from acksm.live import account_roles
from acksm.words import did_you_mean

FUNCTION_PARTITION = "aws"  # the only one with Ground Truth's functions


@dataclass(frozen=True)
class Location:
    """Where objects will be created, as far as it is known; "" is unknown, and checks that need it are skipped."""

    region: str = ""
    partition: str = "aws"
    account: str = ""
    partitions: Sequence[str] = ("aws", "aws-cn", "aws-us-gov")


def parse(given: Sequence[str]) -> dict[str, str]:
    """`["K=V", …]` as a mapping. Error: `sample-set`."""
    found: dict[str, str] = {}
    for item in given:
        key, equals, value = item.partition("=")
        key = key.strip()
        if not equals or not key or not value:
            raise AcksmError("sample-set", f"{item!r} is not NAME=VALUE", where=f"--set {item}")
        if key in found and found[key] != value:
            raise AcksmError("sample-set", f"{key} is set twice, to {found[key]!r} and {value!r}", where="--set")
        found[key] = value
    return found


def check_names(given: Mapping[str, str], root: Sample, chain: Sequence[Sample]) -> None:
    """Refuse keys that are not parameters. Error: `sample-parameter-unknown` with close names."""
    plain = set(root.parameters)
    for item in chain:
        plain |= {name for name in item.parameters if name != "name"}
    known = [*sorted(plain), *(f"{item.name}.{name}" for item in chain for name in item.parameters)]
    for key in given:
        if key in known:
            continue
        near = get_close_matches(key, known, n=3)
        others = did_you_mean(near) or f"; it has {', '.join(sorted(plain))}"
        raise AcksmError(
            "sample-parameter-unknown", f"sample {root.name} has no parameter {key!r}{others}", where=f"--set {key}"
        )


def given_to(given: Mapping[str, str], root: Sample, sample: Sample) -> dict[str, str]:
    """What of `given` is this sample's: SAMPLE.K, else K wherever a sample has it; the plain `name` is the root's."""
    found = {}
    for name in sample.parameters:
        key = f"{sample.name}.{name}"
        if key in given:
            found[name] = given[key]
        elif name in given and (name != "name" or sample is root):
            found[name] = given[name]
    return found


def value(parameter: Parameter, text: str, location: Location) -> object:
    """`text` as a value. Errors: `sample-value` naming parameter and form, `sample-no-image`."""
    if parameter.sample and parameter.kind == "name" and parameter.of:
        return _matched(parameter, text, r"[\w-]{1,63}", "an ID")
    return _KINDS[parameter.kind](parameter, text, location)


def default(parameter: Parameter, location: Location) -> object:
    """The default's value."""
    return value(parameter, str(parameter.default), location)


def _wrong(parameter: Parameter, text: str, form: str) -> AcksmError:
    return AcksmError(
        "sample-value", f"invalid {parameter.name} {text!r}: expected {form}", where=f"--set {parameter.name}"
    )


def _matched(parameter: Parameter, text: str, pattern: str, form: str) -> str:
    if not re.fullmatch(pattern, text, re.ASCII):
        raise _wrong(parameter, text, form)
    return text


def _name(parameter: Parameter, text: str, _location: Location) -> str:
    form = f"lowercase letters, digits and '-', at most {parameter.longest} characters"
    found = _matched(parameter, text, r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", form)
    if len(found) > parameter.longest:
        raise _wrong(parameter, text, form)
    return found


def _role(parameter: Parameter, text: str, location: Location) -> str:
    try:
        found = account_roles.check(
            text,
            account=location.account,
            partition=location.partition,
            partitions=location.partitions,
            where="--set role",
        )
    except AcksmError as error:
        raise AcksmError("sample-value", f"{parameter.name}: {error.message}", where=error.where) from error
    return str(found)


def _bucket(parameter: Parameter, text: str, _location: Location) -> str:
    form = "an S3 bucket name"
    if text.startswith("s3://"):
        bare = text[5:].partition("/")[0]
        raise _wrong(parameter, text, f"{form} without s3://{did_you_mean([bare] if bare else [])}")
    return _matched(parameter, text, r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", form)


def _path(parameter: Parameter, text: str, _location: Location) -> str:
    return _matched(
        parameter, text, r"(?!s3:)[\w!.*()=+-][\w!.*()=+/-]{0,900}", "a key in the bucket, without s3://BUCKET/"
    )


def _number_in(parameter: Parameter, text: str, pattern: str, convert: Callable[[str], float], form: str) -> float:
    form += "".join(
        f", {word} {limit:g}" for word, limit in (("at least", parameter.least), ("at most", parameter.most)) if limit
    )
    found = convert(_matched(parameter, text, pattern, form))
    if (parameter.least is not None and found < parameter.least) or (
        parameter.most is not None and found > parameter.most
    ):
        raise _wrong(parameter, text, form)
    return found


def _int(parameter: Parameter, text: str, _location: Location) -> float:
    return _number_in(parameter, text, r"-?\d{1,9}", int, "a whole number")


def _number(parameter: Parameter, text: str, _location: Location) -> float:
    found = _number_in(parameter, text, r"-?\d{1,9}(\.\d{1,6})?", float, "a number")
    return int(found) if found == int(found) else found


def _string(parameter: Parameter, text: str, _location: Location) -> str:
    if parameter.choices:
        if text not in parameter.choices:
            raise _wrong(parameter, text, f"one of {', '.join(parameter.choices)}")
        return text
    return _matched(parameter, text, parameter.pattern, parameter.about)


def _form(pattern: str, form: str) -> Callable[[Parameter, str, Location], str]:
    return lambda parameter, text, _location: _matched(parameter, text, pattern, form)


def _subnets(parameter: Parameter, text: str, _location: Location) -> list[str]:
    return [_matched(parameter, part.strip(), r"subnet-[0-9a-z]+", "subnet-…,subnet-…") for part in text.split(",")]


_IMAGE = r"[a-z0-9.-]+(:\d+)?(/[a-z0-9._-]+)+(:[\w.-]+)?(@sha256:[0-9a-f]{64})?"


def _image(parameter: Parameter, text: str, location: Location) -> str:
    name, _, tag = text.partition(":")
    known = _table()["images"]
    if "/" in text or name not in known:
        form = f"an image with its registry, or one of {', '.join(known)}"
        return _matched(parameter, text, _IMAGE, form)
    return image_uri(name, location.region, tag) if location.region else f"<{text.upper()} IMAGE OF YOUR REGION>"


def _function(parameter: Parameter, text: str, location: Location) -> str:
    if ":" in text:
        return _matched(parameter, text, r"arn:[\w-]+:lambda:[\w-]+:\d{12}:function:[\w-]+", "the ARN of a function")
    _matched(parameter, text, r"(PRE|ACS)-\w+", "the ARN of a function, or the name of a Ground Truth function")
    if not location.region:
        return f"<{text.upper()} FUNCTION OF YOUR REGION>"
    accounts = _table()["ground-truth"]
    if location.region not in accounts:
        raise _no_image(f"Ground Truth has no functions in {location.region}", parameter.name)
    return f"arn:{FUNCTION_PARTITION}:lambda:{location.region}:{accounts[location.region]}:function:{text}"


def image_uri(name: str, region: str, tag: str = "") -> str:
    """The image of one of SageMaker's own algorithms in a region. Error: `sample-no-image`."""
    table = _table()
    image = table["images"][name]
    accounts = table["registries"][image["registry"]]
    if region not in accounts:
        raise _no_image(f"no known registry of {name} in {region}", "image")
    suffixes: Mapping[str, str] = table["suffixes"]
    suffix = suffixes[max((start for start in suffixes if region.startswith(start)), key=len)]
    tag = tag or str(image.get("tag", ""))
    return f"{accounts[region]}.dkr.ecr.{region}.{suffix}/{image['repository']}" + (f":{tag}" if tag else "")


def _no_image(message: str, name: str) -> AcksmError:
    return AcksmError("sample-no-image", message, where=f"--set {name}", remedy=f"acksm … --set {name}={name.upper()}")


@cache
def _table() -> Document:
    found: Document = yaml_reader.load((files("acksm") / "samples" / "_accounts.yaml").read_text("utf-8"))
    return found


_KINDS: dict[str, Callable[[Parameter, str, Location], object]] = {
    "name": _name,
    "role": _role,
    "bucket": _bucket,
    "path": _path,
    "int": _int,
    "number": _number,
    "string": _string,
    "image": _image,
    "function": _function,
    "instance-type": _form(r"ml\.[a-z0-9-]+\.[a-z0-9]+", "a SageMaker instance type such as ml.m5.large"),
    "arn": _form(r"arn:[\w-]+:[\w-]+:[\w-]*:\d{12}:[\w/:.-]+", "an ARN"),
    "vpc": _form(r"vpc-[0-9a-z]+", "the ID of a VPC, vpc-…"),
    "subnets": _subnets,
}
