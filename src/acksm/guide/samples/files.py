"""The samples: manifests with parameters, as files of the package (src/acksm/samples).

A file has two documents: what the sample is, with its parameters, and the manifest, in which `${name}` is
replaced by a value. Values are inserted after the YAML is read, so that none can become anything but a value. The value
of a parameter with `sample` is the name of that sample's object, which is created first.
"""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from difflib import get_close_matches
from functools import cache
from importlib.resources import files

from acksm import yaml_reader
from acksm.ack.kinds import KINDS
from acksm.dataclass import dataclass
from acksm.errors import AcksmError
from acksm.json_types import Document, Json, Value
from acksm.words import did_you_mean

_PLACEHOLDER = re.compile(r"\$\{([a-z][a-z0-9-]*)(:text)?\}")
_COMMON_ABOUT = {
    "role": "ARN of the execution role that SageMaker assumes; --with-role creates one.",
    "bucket": "S3 bucket for data and results.",
}


@dataclass(frozen=True)
class Parameter:
    """`kind` says what a value may be (`sample_values`). Without `default` and `sample` it is required.

    `sample`: the value is that sample's name, or its object's field `of`, which `like` replaces until it is known.
    """

    name: str
    kind: str
    about: str
    default: object = None
    sample: str = ""
    of: str = ""
    like: str = ""
    least: float | None = None
    most: float | None = None
    longest: int = 63
    choices: tuple[str, ...] = ()
    pattern: str = ""

    @property
    def required(self) -> bool:
        return self.default is None and not self.sample


@dataclass(frozen=True)
class Sample:
    """One sample. `needs` are samples that are created before it, whatever its parameters are; `text` is the manifest
    as in the file; `sandbox`: the sandbox can create it."""

    name: str
    about: str
    kind: str
    service: str
    parameters: Mapping[str, Parameter]
    needs: tuple[str, ...]
    sandbox: bool
    text: str

    @property
    def uses(self) -> tuple[str, ...]:
        """Samples whose objects it needs, unless the parameter for them is given."""
        linked = [item.sample for item in self.parameters.values() if item.sample]
        return tuple(dict.fromkeys([*linked, *self.needs]))

    def manifest(self, values: Document) -> Json:
        """The manifest with these values; a value that is missing is a defect and raises KeyError."""
        found: Json = _filled(yaml_reader.load(self.text), lambda name: values[name])
        return found

    def yaml(self, values: Document, namespace: str = "") -> str:
        """The manifest as YAML with the file's comments. A value that is missing is shown as <NAME>."""
        from ruamel.yaml import YAML

        yaml = YAML()
        yaml.width = 4096
        yaml.indent(mapping=2, sequence=4, offset=2)
        document = yaml.load(self.text)
        filled = _filled(document, lambda name: values.get(name, f"<{name.upper()}>"))
        if namespace:
            filled["metadata"]["namespace"] = namespace
        stream = io.StringIO()
        yaml.dump(filled, stream)
        return stream.getvalue()


def _filled(node: object, value_of: Callable[[str], object]) -> Value:
    """Fill the placeholders of `node`, in place: a string that is one placeholder becomes the value itself, or with
    `:text` a string."""
    if isinstance(node, dict):
        for key in node:
            node[key] = _filled(node[key], value_of)
        return node
    if isinstance(node, list):
        for index, item in enumerate(node):
            node[index] = _filled(item, value_of)
        return node
    if not isinstance(node, str):
        return node
    whole = _PLACEHOLDER.fullmatch(node)
    if whole and not whole[2]:
        return value_of(whole[1])
    return type(node)(_PLACEHOLDER.sub(lambda match: str(value_of(match[1])), node))


@cache
def samples() -> Mapping[str, Sample]:
    """All samples by name."""
    folder = files("acksm") / "samples"
    found = {}
    for file in sorted(folder.iterdir(), key=lambda item: item.name):
        if file.name.endswith(".yaml") and not file.name.startswith("_"):
            sample = parse(file.name.removesuffix(".yaml"), file.read_text("utf-8"))
            found[sample.name] = sample
    return found


def parse(name: str, text: str) -> Sample:
    """One file. An incomplete file is a defect and raises KeyError or ValueError."""
    head_text, _, body = text.partition("\n---\n")
    head = yaml_reader.load(head_text)
    manifest = yaml_reader.load(body)
    kind = str(manifest["kind"])
    parameters = {key: _parameter(key, item) for key, item in head["parameters"].items()}
    service = next(service for service, kinds in KINDS.items() if kind in kinds)
    used = {placeholder for placeholder, _ in _PLACEHOLDER.findall(body)}
    if used != set(parameters):
        raise ValueError(f"{name}: parameters and placeholders differ: {sorted(used ^ set(parameters))}")
    needs = tuple(head.get("needs") or ())
    return Sample(name, str(head["about"]), kind, service, parameters, needs, bool(head["sandbox"]), body)


def _parameter(name: str, item: str | Json) -> Parameter:
    if isinstance(item, str):
        return Parameter(name, item, _COMMON_ABOUT[item])
    fields = {**item, "choices": tuple(item.get("choices") or ())}
    return Parameter(name, **{"kind": "name", **fields})


def find(name: str) -> Sample:
    """A sample by its name or kind. Error: `sample-unknown` with close names."""
    known = samples()
    if name in known:
        return known[name]
    by_kind = {item.kind.lower(): item for item in sorted(known.values(), key=lambda item: -len(item.name))}
    if name.lower() in by_kind:
        return by_kind[name.lower()]
    near = get_close_matches(name.lower(), [*known, *by_kind], n=3, cutoff=0.5)
    close = list(dict.fromkeys(item if item in known else by_kind[item].name for item in near))
    raise AcksmError("sample-unknown", f'no sample "{name}"{did_you_mean(close)}', where=name)


def chain(name: str, is_given: Callable[[Sample, Parameter], bool] = lambda _sample, _parameter: False) -> list[Sample]:
    """The sample after all that it needs. `is_given` says that a parameter's sample is not needed, because the value is
    given."""
    found: dict[str, Sample] = {}

    def add(one: Sample) -> None:
        linked = [item.sample for item in one.parameters.values() if item.sample and not is_given(one, item)]
        for needed in dict.fromkeys([*linked, *one.needs]):
            if needed not in found:
                add(samples()[needed])
        found[one.name] = one

    add(samples()[name])
    return list(found.values())


def rows() -> list[Sample]:
    """All samples in the order of `list`: by service and kind."""
    return sorted(samples().values(), key=lambda item: (item.service != "sagemaker", item.kind, item.name))
