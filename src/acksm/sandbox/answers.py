"""Where moto's SageMaker and autoscaling do not answer as AWS does, so that a real controller would not understand.

ACK's controllers recognize "not found" by code and text (generator configuration of sagemaker-controller v1.9.1), take
an empty structure for a difference from the spec, and wait for defaults that AWS fills in; a call that moto lacks ends
in a traceback where AWS would name the call.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from types import TracebackType

from acksm.json_types import Document, Json, Value
from acksm.sandbox import sagemaker_calls

Headers = list[tuple[str, str]]
ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
App = Callable[..., Iterable[bytes]]
SERVICES = ("sagemaker", "application-autoscaling")
_ABSENT = re.compile(r"could not find|not found|does not exist|recordnotfound", re.I)
_LINKED_ROLE = (
    "arn:aws:iam::{}:role/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"
    "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
)
# call -> code and text of AWS when the resource does not exist; {0} is the requested name
_NOT_THERE = {
    "DescribeTrainingJob": ("ValidationException", "Requested resource not found."),
    "DescribeProcessingJob": ("ValidationException", "Could not find requested job with name: {0}"),
    "DescribeTransformJob": ("ValidationException", "Could not find requested job with name: {0}"),
    "DescribeFeatureGroup": (
        "ResourceNotFound",
        "Resource Not Found: Amazon SageMaker can't find a FeatureGroup with name {0}",
    ),
    "DescribeDomain": ("ResourceNotFound", "Domain [{0}] does not exist."),
    "DescribePipeline": ("ResourceNotFound", "Pipeline {0} does not exist."),
    "DescribePipelineExecution": ("ResourceNotFound", "Pipeline execution {0} does not exist"),
    "DescribeModelPackage": ("ValidationException", "ModelPackage {0} does not exist."),
}
# call -> the defaults that AWS fills in; a path leads into structures that the answer has
_DEFAULTS: dict[str, Json] = {
    "DescribeDomain": {
        "AppNetworkAccessType": "PublicInternetOnly",
        "DefaultUserSettings.DefaultLandingUri": "studio::",
        "DefaultUserSettings.StudioWebPortal": "ENABLED",
    },
    "DescribeEndpointConfig": {"EnableNetworkIsolation": False},
    "DescribeFeatureGroup": {
        "FeatureGroupStatus": "Created",
        "OfflineStoreConfig.DisableGlueTableCreation": False,
        "OfflineStoreConfig.S3StorageConfig.ResolvedOutputS3Uri": "s3://practice/resolved",
    },
    "DescribeHyperParameterTuningJob": {
        "TrainingJobDefinition.AlgorithmSpecification.MetricDefinitions": [],
        "TrainingJobDefinition.EnableInterContainerTrafficEncryption": False,
        "TrainingJobDefinition.EnableManagedSpotTraining": False,
        "TrainingJobDefinition.EnableNetworkIsolation": False,
    },
    "DescribeModel": {"EnableNetworkIsolation": False},
    "DescribeModelPackage": {"CertifyForMarketplace": False},
    "DescribeNotebookInstance": {"PlatformIdentifier": "notebook-al2-v3", "VolumeSizeInGB": 5},
    "DescribeTrainingJob": {
        "AlgorithmSpecification.EnableSageMakerMetricsTimeSeries": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        "EnableNetworkIsolation": False,
        "OutputDataConfig.CompressionType": "GZIP",
        "OutputDataConfig.KmsKeyId": "",
    },
    "DescribeTransformJob": {"TransformInput.CompressionType": "None", "TransformInput.SplitType": "None"},
}


def respond(
    moto: App, environ: Document, service: str, action: str, body: bytes, region: str
) -> tuple[str, Headers, bytes]:
    """Ask moto and correct its answer: status line, headers, body."""
    verb, account = action.partition(":")[2], str(environ.get("HTTP_X_MOTO_ACCOUNT_ID", ""))
    if service == "sagemaker" and verb in sagemaker_calls.CALLS:
        return _own(verb, account, region, body)
    lacks = _missing(service, verb)
    if lacks:
        return error("UnknownOperationException", lacks)
    seen: list[tuple[str, Headers]] = []

    def begin(status: str, headers: Headers, *_: object) -> None:
        seen.append((status, headers))

    try:
        answer = b"".join(moto(environ, begin))
    except Exception as failure:  # moto's own faults; a KeyError is how some of its calls say "not found"
        seen = [("500 InternalFailure", [])]
        answer = f"{type(failure).__name__}: {failure}".encode()
    status, headers = seen[-1]
    code = int(status.split()[0])
    if verb in _NOT_THERE and (code >= 500 or (code == 400 and _ABSENT.search(answer.decode("utf-8", "replace")))):
        kind, text = _NOT_THERE[verb]
        return error(kind, text.format(_asked(body)))
    if code >= 500:
        return error("InternalFailure", f"the practice cloud failed: {answer.decode('utf-8', 'replace')[:300]}", 500)
    if code == 200 and verb.startswith("Describe"):
        answer = json.dumps(_corrected(verb, json.loads(answer), account)).encode()
        headers = [(name, value) for name, value in headers if name.lower() != "content-length"]
        headers.append(("Content-Length", str(len(answer))))
    return status, headers, answer


def _own(verb: str, account: str, region: str, body: bytes) -> tuple[str, Headers, bytes]:
    from moto.backends import get_backend

    try:
        answer = sagemaker_calls.CALLS[verb](get_backend("sagemaker")[account][region], json.loads(body or b"{}"))
    except sagemaker_calls.RefusalError as refusal:
        return error(refusal.code, refusal.message)
    except KeyError as lacking:
        return error("ValidationException", f"{lacking} is required")
    raw = json.dumps(answer).encode()
    return "200 OK", [("Content-Type", "application/x-amz-json-1.1"), ("Content-Length", str(len(raw)))], raw


def _missing(service: str, verb: str) -> str:
    """The message for a call that moto does not have, "" for one that it has."""
    from moto.applicationautoscaling.responses import ApplicationAutoScalingResponse
    from moto.sagemaker.responses import SageMakerResponse

    methods: type = SageMakerResponse if service == "sagemaker" else ApplicationAutoScalingResponse
    snake = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", verb).lower()
    return "" if hasattr(methods, snake) or not verb.isalpha() else f"the practice cloud has no {verb}"


def _corrected(verb: str, answer: Json, account: str) -> Json:
    found: Json = answer if verb.startswith("DescribeScal") else _without_empty(answer)
    for path, value in _DEFAULTS.get(verb, {}).items():
        *way, last = path.split(".")
        place: object = found
        for step in way:
            place = place.get(step) if isinstance(place, dict) else None
        if isinstance(place, dict):
            place.setdefault(last, value)
    # AWS names the service-linked role where the request names none
    for target in found.get("ScalableTargets") or [] if verb == "DescribeScalableTargets" else []:
        target["RoleARN"] = target.get("RoleARN") or _LINKED_ROLE.format(account)
    return found


def _without_empty(value: Value) -> Value:
    """AWS leaves out what was not given; moto answers null or an empty structure."""
    if isinstance(value, dict):
        cleaned = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in cleaned.items() if item is not None and item not in ({}, [])}
    return [_without_empty(item) for item in value] if isinstance(value, list) else value


def error(code: str, message: str, status: int = 400) -> tuple[str, Headers, bytes]:
    """A refusal in the JSON protocol."""
    raw = json.dumps({"__type": code, "message": message}).encode()
    headers = [("Content-Type", "application/x-amz-json-1.1"), ("x-amzn-ErrorType", code)]
    return f"{status} {code}", [*headers, ("Content-Length", str(len(raw)))], raw


def _asked(body: bytes) -> str:
    try:
        return str(next(iter(json.loads(body).values()), ""))
    except ValueError:
        return ""
