"""S3's buckets as its callers see them, and jobs whose buckets do not exist.

moto answers every account about the buckets of all, and finishes jobs whatever their data is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from wsgiref.types import WSGIEnvironment as Environ

from acksm.json_types import Document, Untyped
from acksm.sandbox import sagemaker_calls

_URI = re.compile(r"s3://([^/]{1,255})")
# job's call -> its kind and the member with its name
_JOBS = {
    "CreateProcessingJob": ("ProcessingJob", "ProcessingJobName"),
    "CreateTrainingJob": ("TrainingJob", "TrainingJobName"),
    "CreateTransformJob": ("TransformJob", "TransformJobName"),
}


def name(environ: Environ) -> str:
    """The bucket of a request in the path style, "" for none."""
    return str(environ.get("PATH_INFO", "")).strip("/").partition("/")[0]


def action(verb: str) -> str:
    """The IAM action of an operation of S3
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html: s3:ListBucket)."""
    return {"HeadBucket": "s3:ListBucket", "ListBuckets": "s3:ListAllMyBuckets"}.get(verb, f"s3:{verb}")


def owner(bucket: str) -> str:
    """The account of a bucket, "" where it does not exist."""
    from moto.s3.models import s3_backends

    found = s3_backends.bucket_accounts.get(bucket)
    return str(found[1]) if found else ""


def fail_job(backend: Untyped, verb: str, params: Document) -> None:
    """A job with a bucket that does not exist fails, as in SageMaker a minute after it began."""
    if verb not in _JOBS:
        return
    missing = sorted({bucket for bucket in _buckets(params) if not owner(bucket)})
    if missing:
        kind, member = _JOBS[verb]
        sagemaker_calls.set_status(backend, kind, str(params[member]), "Failed")
        _, _, job = sagemaker_calls.find(backend, kind, str(params[member]))
        job.failure_reason = (
            f"ClientError: Data download failed:NoSuchBucket (404): The specified bucket does not exist: {missing[0]}"
        )


def _buckets(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        for value in node.values():
            yield from _buckets(value)
    elif isinstance(node, list):
        for value in node:
            yield from _buckets(value)
    elif isinstance(node, str):
        yield from _URI.findall(node)
