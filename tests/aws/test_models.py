"""botocore's models: those that a command needs are found without a look at those of every other service."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from acksm.aws import session
from acksm.aws.session import Keys, Session
from acksm.errors import AcksmError


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The folders that are listed meanwhile, with nothing known from before."""
    found: list[str] = []
    listdir = os.listdir

    def listing(path: str) -> list[str]:
        found.append(str(path))
        return listdir(path)

    monkeypatch.setattr(os, "listdir", listing)
    session._models.cache_clear()
    yield found
    session._models.cache_clear()


def made() -> Session:
    return Session(region="us-west-2", keys=Keys("key", "secret", ""))


def test_only_folders_of_the_service_are_listed(listed: list[str]) -> None:
    client = made().client("eks")
    assert client.can_paginate("list_clusters")
    assert {os.path.basename(path) for path in listed} == {"eks"}


def test_an_unknown_service_is_told_with_those_that_there_are(listed: list[str]) -> None:
    with pytest.raises(AcksmError, match=r"Unknown service: 'nothing-of-aws'\. Valid service names are: .*acm, "):
        made().client("nothing-of-aws")
    models = session._models(None)
    services = models.list_available_services("service-2")
    assert len(services) == len(list(services)) > 300
    assert ("iam" in services, "nothing-of-aws" in services) == (True, False)
