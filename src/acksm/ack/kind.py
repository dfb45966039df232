"""A kind of a service: calls, key, states. Most follows from its name; `acksm.ack.kinds` is the table of all."""

from __future__ import annotations

import re
from collections.abc import Mapping

from acksm.dataclass import dataclass

_WITH_SLASHES = ("resourceID", "modelPackageName")  # endpoint/NAME/variant/NAME, GROUP/VERSION


@dataclass(frozen=True)
class Kind:
    """A kind of a service.

    `key`: spec fields that name the AWS resource, as adoption-fields has them; `by_arn`: it is described by the ARN in
    its status. `status`: the API member with its state, `busy` the states in which it changes by itself (not synced,
    not to be changed or deleted), `failed` one that is terminal. `stops`: a job: deleting it stops it while it runs,
    and afterwards only removes the ACK resource. `updates`: it can be changed. `lists`: described by a list call
    (application autoscaling). `optional`: key fields that adoption may leave out. `waits_gone`: after the delete call
    it is read until it no longer exists. `stops_first`: a call that has to come before deleting what is InService.
    `shown`: members of the answer that the status has besides the state. `late`: spec fields that are filled in from
    AWS when the spec leaves them out; `late_differs`: until then their absence is a difference. `uses`: kinds that AWS
    or the object's spec ties it to; it is deleted before them. `stands_for`: the key field that an AdoptedResource's
    nameOrID is, where it is not the first (`named`). `listing` is the call that lists all, with the parameters
    `list_with`, for each object of kind `parent` where it needs one; `summary` names members of its answer that are not
    called as the key is. `arn_type` and `paths`: an ARN is `arn:…:TYPE/PATH`, and PATH is also how a person names the
    object. `gone`: a state in which AWS still describes it although it no longer exists. `given`: fields of the key
    that have a usual value.
    """

    name: str
    key: tuple[str, ...]
    status: str = ""
    busy: tuple[str, ...] = ()
    failed: str = ""
    stops: bool = False
    updates: bool = False
    by_arn: str = ""
    create: str = ""
    describe: str = ""
    delete: str = ""
    update: str = ""
    lists: str = ""
    optional: tuple[str, ...] = ()
    terminal: tuple[str, ...] = ("InvalidParameterCombination", "InvalidParameterValue", "MissingParameter")
    waits_gone: bool = False
    stops_first: str = ""
    shown: tuple[str, ...] = ()
    late: tuple[str, ...] = ()
    late_differs: bool = False
    uses: tuple[str, ...] = ()
    requeue: float = 0.0  # seconds between two reads when synced; 0 for the controller's default
    service: str = ""
    stands_for: str = ""
    listing: str = ""
    list_with: tuple[tuple[str, str], ...] = ()
    parent: str = ""
    summary: tuple[tuple[str, str], ...] = ()
    arn_type: str = ""
    arn_member: str = ""
    paths: tuple[str, ...] = ()
    gone: str = ""
    given: tuple[tuple[str, str], ...] = ()

    @property
    def plural(self) -> str:
        lower = self.name.lower()
        return lower[:-1] + "ies" if lower.endswith("y") else lower + "s"

    @property
    def group(self) -> str:
        return f"{self.service}.services.k8s.aws"

    @property
    def named(self) -> str:
        return self.stands_for or self.key[0]

    @property
    def arn_answer(self) -> str:
        """The member of an answer that is the object's ARN."""
        return self.arn_member or f"{self.name}Arn"

    @property
    def arn_kind(self) -> str:
        """The first part of an ARN's resource: endpoint-config."""
        return self.arn_type or re.sub(r"(?<=[a-z])(?=[A-Z])", "-", self.name).lower()

    @property
    def ways(self) -> tuple[str, ...]:
        """How the object may be written: paths with the key's fields in braces."""
        return self.paths or (f"{{{self.key[0]}}}",)

    def read(self, text: str) -> list[dict[str, str]]:
        """The keys that `text` may mean, by each way of writing it; [] for none."""
        found = []
        for way in self.ways:
            names = re.findall(r"{(\w+)}", way)
            pattern = re.escape(way).replace(r"\{", "{").replace(r"\}", "}")
            for name in names:
                pattern = pattern.replace(
                    f"{{{name}}}", f"(?P<{name}>{'.{1,1600}' if name in _WITH_SLASHES else '[^/]+'})"
                )
            match = re.fullmatch(pattern, text)
            found += [match.groupdict()] if match else []
        return found

    def write(self, key: Mapping[str, str]) -> str:
        """A key as people write it; "" when a required field is missing."""
        for way in self.ways:
            if all(key.get(name) for name in re.findall(r"{(\w+)}", way)):
                return way.format(**key)
        return ""

    @property
    def list_call(self) -> str:
        return self.listing or (self.describe_call if self.lists else f"List{self.name}s")

    @property
    def create_call(self) -> str:
        return self.create or f"Create{self.name}"

    @property
    def describe_call(self) -> str:
        return self.describe or f"Describe{self.name}"

    @property
    def delete_call(self) -> str:
        return self.delete or (f"Stop{self.name}" if self.stops else f"Delete{self.name}")

    @property
    def update_call(self) -> str:
        return self.update or f"Update{self.name}"
