"""What of boto3 is not imported is there for whoever uses it, in acksm's process or any other code of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

_LOADED = """
import sys
from acksm.aws.postponed import _MODULES, _PACKAGES, load
load()
import boto3
session = boto3.Session(aws_access_key_id="a", aws_secret_access_key="b", region_name="us-west-2")
"""


def run(code: str) -> str:
    """The output of a new process that has imported boto3 by `load`."""
    return subprocess.run([sys.executable, "-c", _LOADED + code], capture_output=True, text=True, check=True).stdout


def test_neither_documents_nor_transfers_are_imported_for_a_client() -> None:
    found = run("session.client('iam'); print(*{*_MODULES, *_PACKAGES, 'html.parser'} & {*sys.modules})")
    assert found.strip() == ""


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("help(session.client('iam').get_role)", "Retrieves information about the specified role"),
        ("help(session.client('iam').get_paginator('list_roles').paginate)", "PaginationConfig"),
        ("help(session.resource('s3').Bucket('b').load)", "s3.Bucket"),
        ("help(session.client('s3').upload_file)", "Upload a file to an S3 object."),
        ("import s3transfer.manager as it; print(it.TransferConfig().max_io_queue_size)", "1000"),
        ("import boto3.docs, botocore.docs; print(boto3.docs.ServiceDocumenter.__mro__[1])", "botocore.docs.service"),
    ],
)
def test_all_of_it_is_there_where_it_is_used(code: str, text: str) -> None:
    assert text in run(code)


def test_it_is_loaded_once() -> None:
    assert run("before = {**sys.modules}; load(); print(before == sys.modules)").strip() == "True"
