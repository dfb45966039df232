"""Resources of a kind in AWS: an object's spec becomes calls, and their answers become spec and status."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from acksm.ack.kinds import Kind
from acksm.json_types import Manifest, Object, Untyped
from acksm.sandbox.controllers.standin import names
from acksm.sandbox.controllers.standin.cloud import AbsentError, Cloud
from acksm.sandbox.controllers.standin.conditions import SYNCED, TERMINAL, Conditions
from acksm.sandbox.controllers.standin.resolve import metadata_of

if TYPE_CHECKING:
    from botocore.client import BaseClient


@dataclass
class Manager:
    """One kind in one account and region, through one client."""

    cloud: Cloud
    kind: Kind
    client: BaseClient
    account: str
    region: str

    def read(self, obj: Object) -> Object:
        """The object as AWS has it: spec and status filled in, the state as conditions.

        Raises AbsentError when it does not exist or its name is not known yet, and AwsError.
        """
        parameters = self._key(obj)
        if parameters is None:
            raise AbsentError
        answer = self.cloud.call(self.client, self.kind.describe_call, parameters)
        shape = self.cloud.model.operation_model(self.kind.describe_call).output_shape
        if self.kind.lists:
            shape = shape.members[self.kind.lists].member
            elements = [item for item in answer.get(self.kind.lists) or [] if self._is_it(item, obj)]
            if not elements:
                raise AbsentError
            answer = elements[0]
        return self._filled(obj, answer, shape)

    def _key(self, obj: Object) -> Object | None:
        """The describe call's parameters; None while the object has no name in AWS."""
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        if self.kind.by_arn:
            arn = metadata_of(obj).get("arn", "")
            if not arn and self.kind.name == "ModelPackage" and spec.get("modelPackageName"):
                arn = spec["modelPackageName"]
            return {self.kind.by_arn: arn} if arn else None
        shape = self.cloud.model.operation_model(self.kind.describe_call).input_shape
        values = {**status, **spec}
        known = {key: values[key] for key in self.kind.key if values.get(key)}
        if any(key not in known for key in self.kind.key if key not in self.kind.optional):
            return None
        found: Object = names.to_api(known, shape)
        if self.kind.name == "ScalableTarget":
            found["ResourceIds"] = [known["resourceID"]]
        if self.kind.name == "ScalingPolicy" and "policyName" in known:
            found["PolicyNames"] = [known["policyName"]]
        return found

    def _is_it(self, item: Manifest, obj: Object) -> bool:
        """Whether a listed item is the object's: moto lists more than was requested."""
        spec = obj.get("spec") or {}
        shape = self.cloud.model.operation_model(self.kind.create_call).input_shape
        wanted = names.to_api({key: spec[key] for key in self.kind.key if spec.get(key)}, shape)
        return all(item.get(name) == value for name, value in wanted.items())

    def _filled(self, obj: Object, answer: Manifest, shape: Untyped) -> Object:
        found = copy.deepcopy(obj)
        spec, status = found.setdefault("spec", {}), found.setdefault("status", {})
        settable = self.cloud.model.operation_model(self.kind.create_call).input_shape.members
        known = {names.letters(name): name for name in settable}
        shown = {names.letters(name) for name in (self.kind.status, *self.kind.shown)}
        for name, value in names.to_fields(answer, shape).items():
            member = known.get(names.letters(name))
            if member == "Tags":
                continue
            if member:
                spec[name] = value
            elif names.letters(name) in shown:
                status[name] = value
        self._identify(found, self._arn(answer))
        self._state(found)
        return found

    def _arn(self, answer: Manifest) -> str:
        wanted = (f"{self.kind.name}Arn", "JobDefinitionArn", "ScalableTargetARN", "PolicyARN")
        return str(next((answer[name] for name in wanted if answer.get(name)), ""))

    def _identify(self, obj: Object, arn: str) -> None:
        """Fill in status.ackResourceMetadata; existing values are kept, except the ARN."""
        meta = obj.setdefault("status", {}).setdefault("ackResourceMetadata", {})
        if arn:
            meta["arn"] = arn
        meta.setdefault("ownerAccountID", self.account)
        meta.setdefault("region", self.region)
        if self.cloud.release.has("partition-in-status"):
            meta.setdefault("partition", "aws")

    def late(self, desired: Object, observed: Object) -> Object:
        """Values that AWS chose for fields that the spec leaves out, to merge into the spec."""
        found: Object = {}
        for path in self.kind.late:
            *way, last = path.split(".")
            own, there, place = desired.get("spec") or {}, observed.get("spec") or {}, found
            for step in way:
                own, there = own.get(step), there.get(step)
                if not isinstance(own, dict) or not isinstance(there, dict):
                    break
            else:
                if own.get(last) is None and there.get(last) is not None:
                    for step in way:
                        place = place.setdefault(step, {})
                    place[last] = there[last]
        return found

    def stop_first(self, obj: Object) -> None:
        """The call that must come before deleting. Raises AwsError."""
        shape = self.cloud.model.operation_model(self.kind.stops_first).input_shape
        self.cloud.call(self.client, self.kind.stops_first, self._parameters(obj, shape))

    def state_of(self, obj: Object) -> str:
        """The state in AWS, "" for a kind without one."""
        return str((obj.get("status") or {}).get(names.field_name(self.kind.status), "")) if self.kind.status else ""

    def _state(self, obj: Object) -> None:
        state, conditions = self.state_of(obj), Conditions(obj.get("status"))
        if state:
            text = f"{self.kind.name} is in {state} status."
            conditions.set(SYNCED, "False" if state in self.kind.busy else "True", text)
            if state == self.kind.failed:
                told = f"{self.kind.name} status reached terminal state: {state}. Check the FailureReason."
                conditions.set(TERMINAL, "True", told)
        obj["status"]["conditions"] = conditions.items

    def create(self, obj: Object) -> Object:
        """Create it; the object with the values of the answer. Raises AwsError."""
        model = self.cloud.model.operation_model(self.kind.create_call)
        parameters = names.to_api(obj.get("spec") or {}, model.input_shape)
        if "Tags" in model.input_shape.members and self.cloud.release.service == "sagemaker":
            parameters["Tags"] = self._tags(obj, parameters.get("Tags") or [])
        answer = self.cloud.call(self.client, self.kind.create_call, parameters)
        made = copy.deepcopy(obj)
        status = made.setdefault("status", {})
        for name, value in names.to_fields(answer, model.output_shape).items():
            if names.letters(name) != names.letters(f"{self.kind.name}Arn"):
                status[name] = value
        self._identify(made, self._arn(answer))
        if self.kind.name == "Domain":  # the answer to the call has the id in the ARN only
            status["domainID"] = self._arn(answer).rpartition("/")[2]
        return made

    def _tags(self, obj: Object, own: list[dict[str, str]]) -> list[dict[str, str]]:
        """The spec's tags and those of --resource-tags, whose formats are filled in."""
        labels = obj["metadata"].get("labels") or {}
        formats = {
            "%CONTROLLER_SERVICE%": self.cloud.release.service,
            "%CONTROLLER_VERSION%": self.cloud.release.version,
            "%K8S_NAMESPACE%": obj["metadata"]["namespace"],
            "%K8S_RESOURCE_NAME%": obj["metadata"]["name"],
        }
        if self.cloud.release.has("kro-tags"):
            formats |= {
                "%MANAGED_BY%": labels.get("app.kubernetes.io/managed-by", ""),
                "%KRO_VERSION%": labels.get("kro.run/kro-version", ""),
            }
        found = {item["Key"]: item["Value"] for item in own}
        for tag in self.cloud.config.tags if self.cloud.release.has("resource-tags") else ():
            key, _, value = tag.partition("=")
            for name, text in formats.items():
                value = value.replace(name, str(text))
            if value:
                found.setdefault(key, value)
        return [{"Key": key, "Value": value} for key, value in found.items()]

    def update(self, obj: Object) -> None:
        """Change it to what the spec says. Raises AwsError."""
        shape = self.cloud.model.operation_model(self.kind.update_call).input_shape
        self.cloud.call(self.client, self.kind.update_call, self._parameters(obj, shape))

    def delete(self, obj: Object) -> None:
        """Delete it, or stop a job. Raises AwsError and AbsentError."""
        shape = self.cloud.model.operation_model(self.kind.delete_call).input_shape
        self.cloud.call(self.client, self.kind.delete_call, self._parameters(obj, shape))

    def _parameters(self, obj: Object, shape: Untyped) -> Object:
        spec, status = obj.get("spec") or {}, obj.get("status") or {}
        arn = metadata_of(obj).get("arn", "")
        found: Object = names.to_api({**status, **spec}, shape)
        known = set(self.cloud.model.operation_model(self.kind.create_call).input_shape.members)
        wanted = {*shape.required_members, *known}
        found = {name: value for name, value in found.items() if name in wanted}
        for name in shape.required_members:
            if name not in found and name.endswith("Arn"):
                found[name] = arn
        if self.kind.by_arn in shape.members:
            found[self.kind.by_arn] = arn
        return found
