"""The part of EKS's API that moto lacks, behind the gate: EKS Pod Identity, add-ons and capabilities."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from wsgiref.types import WSGIEnvironment as Environ

from acksm.json_types import Json
from acksm.sandbox import eks_model
from acksm.sandbox.addons import Addons
from acksm.sandbox.answers import Headers
from acksm.sandbox.capabilities import Capabilities
from acksm.sandbox.pod_identity import Owner, PodIdentity, RefusedError

_VERBS = ("Create", "Describe", "Update", "Delete")
_LISTS = ("ListPodIdentityAssociations", "ListAddons", "ListCapabilities")
OWN = {f"eks:{verb}{noun}" for verb in _VERBS for noun in ("PodIdentityAssociation", "Capability")}
OWN |= {f"eks:{verb}Addon" for verb in _VERBS if verb != "Update"} | {f"eks:{verb}" for verb in _LISTS}


class EksOwn:
    """What a sandbox has recorded of it. `clock` is in seconds."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.pods, self.addons, self.capabilities = PodIdentity(clock), Addons(clock), Capabilities(clock)

    def empty(self, account: str) -> None:
        """Forget all of the account's clusters."""
        self.pods.empty(account)
        self.addons.empty(account)
        self.capabilities.empty(account)

    def respond(
        self, action: str, environ: Environ, body: bytes, account: str, region: str
    ) -> tuple[str, Headers, bytes]:
        """The whole answer to a request that the caller may make."""
        verb = action.partition(":")[2]
        try:
            answer = self._answer(verb, environ, body, account, region)
            status, code = "200 OK", ""
        except RefusedError as refused:
            answer, code = {"message": refused.message}, refused.code
            status = f"{refused.status} {code}"
        headers = [("Content-Type", "application/json"), *([("x-amzn-ErrorType", code)] if code else [])]
        return status, headers, json.dumps(answer).encode()

    def _answer(self, verb: str, environ: Environ, body: bytes, account: str, region: str) -> Json:
        asked = eks_model.parameters(verb, str(environ["PATH_INFO"]), str(environ.get("QUERY_STRING", "")), body)
        wrong = eks_model.fault(verb, asked)
        if wrong:
            raise RefusedError(400, "InvalidParameterException", wrong)
        owner = Owner(account, region, str(asked["clusterName"]))
        if not _exists(owner):
            raise RefusedError(404, "ResourceNotFoundException", f"No cluster found for name: {owner.cluster}.")
        if "PodIdentity" in verb:
            return self.pods.answer(verb, owner, asked)
        return (self.addons if "Addon" in verb else self.capabilities).answer(verb, owner, asked)


def _exists(owner: Owner) -> bool:
    from moto.eks.models import eks_backends

    return owner.cluster in eks_backends[owner.account][owner.region].clusters
