"""Where moto's SageMaker and autoscaling do not answer as AWS does, so that a real controller would not understand.

ACK's controllers recognize "not found" by code and text (generator configuration of sagemaker-controller v1.9.1), take
an empty structure for a difference from the spec, and wait for defaults that AWS fills in; a call that moto lacks ends
in a traceback where AWS would name the call.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable, Iterable
from types import TracebackType
from wsgiref.types import WSGIEnvironment as Environ

from acksm.json_types import Json, Untyped, Value
from acksm.sandbox import autoscaling_calls, buckets, given, iam_model, pages, sagemaker_calls
from acksm.sandbox.pages import RefusalError

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
    "DescribeModelPackageGroup": {"CreatedBy": {}},
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
    moto: App, environ: Environ, service: str, action: str, body: bytes, region: str
) -> tuple[str, Headers, bytes]:
    """Ask moto and correct its answer: status line, headers, body."""
    verb, account = action.partition(":")[2], str(environ.get("HTTP_X_MOTO_ACCOUNT_ID", ""))
    backend = _backend(service, account, region)
    try:
        params: Json = json.loads(body or b"{}")
    except ValueError:
        return error("SerializationException", "the request is not JSON")

    def ask(requested: Json) -> Json:
        return _ask(moto, environ, service, verb, backend, requested)

    try:
        if service == "sagemaker":
            _check_tags(params)
        member = given.list_member(verb) if service == "sagemaker" else ""
        answer = pages.listed(ask, member, params) if member else ask(params)
    except RefusalError as refusal:
        return error(refusal.code, refusal.message, 500 if refusal.code == "InternalFailure" else 400)
    if service == "sagemaker":
        given.remember(backend, verb, params, answer)
        buckets.fail_job(backend, verb, params)
    if verb.startswith("Describe"):
        answer = _corrected(verb, answer, account)
        answer = given.completed(backend, verb, answer) if service == "sagemaker" else answer
    return _sent("200 OK", answer)


def _check_tags(params: Json) -> None:
    """Raises AWS's refusal of tags whose characters it does not allow, such as a percent sign."""
    from moto.core.utils import get_service_model

    shapes = {name: get_service_model("sagemaker").shape_for(f"Tag{name}").metadata for name in ("Key", "Value")}
    tags = params.get("Tags")
    for index, tag in enumerate(tags if isinstance(tags, list) else [], 1):
        for name, shape in shapes.items():
            path = f"Tags.member.{index}.{name}"
            if wrong := list(iam_model.string(shape, path, str(tag.get(name, "")))):
                raise RefusalError("ValidationException", f"1 validation error detected: {wrong[0]}")


def _ask(moto: App, environ: Environ, service: str, verb: str, backend: Untyped, params: Json) -> Json:
    """moto's answer, or that of a call that it lacks. Raises AWS's refusal, or InternalFailure for moto's faults."""
    own = (sagemaker_calls.CALLS if service == "sagemaker" else autoscaling_calls.CALLS).get(verb)
    if own:
        try:
            return own(backend, params)
        except KeyError as lacking:
            raise RefusalError("ValidationException", f"{lacking} is required") from lacking
    lacks = _missing(service, verb)
    if lacks:
        raise RefusalError("UnknownOperationException", lacks)
    seen: list[str] = []

    def begin(status: str, _headers: Headers, *_: object) -> None:
        seen.append(status)

    raw = json.dumps(params).encode()
    request = {**environ, "wsgi.input": io.BytesIO(raw), "CONTENT_LENGTH": str(len(raw))}
    absent = False
    try:
        answer = b"".join(moto(request, begin))
    except Exception as failure:
        absent = isinstance(failure, KeyError)  # how some of moto's calls say "not found"; others are its own faults
        seen = ["500 InternalFailure"]
        answer = f"{type(failure).__name__}: {failure}".encode()
    code, text = int(seen[-1].split()[0]), answer.decode("utf-8", "replace")
    if verb in _NOT_THERE and (absent or (code == 400 and _ABSENT.search(text))):
        kind, message = _NOT_THERE[verb]
        raise RefusalError(kind, message.format(next(iter(params.values()), "")))
    if code >= 500:
        raise RefusalError("InternalFailure", f"the practice cloud failed: {text[:300]}")
    found: Json = json.loads(answer or b"{}")
    if code >= 300:
        raise RefusalError(
            str(found.get("__type", "ValidationException")), str(found.get("message") or found.get("Message") or text)
        )
    return found


def _backend(service: str, account: str, region: str) -> Untyped:
    from moto.backends import get_backend

    named: Untyped = get_backend("sagemaker" if service == "sagemaker" else "applicationautoscaling")
    return named[account][region]


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
    return _sent(f"{status} {code}", {"__type": code, "message": message}, ("x-amzn-ErrorType", code))


def _sent(status: str, answer: Json, *headers: tuple[str, str]) -> tuple[str, Headers, bytes]:
    raw = json.dumps(answer).encode()
    length = ("Content-Length", str(len(raw)))
    return status, [("Content-Type", "application/x-amz-json-1.1"), *headers, length], raw
