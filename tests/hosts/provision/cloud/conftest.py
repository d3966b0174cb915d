"""A cloud for tests: moto speaks as EC2 does, over real HTTP."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from urllib.request import Request, urlopen

import pytest


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    """Where it answers, once it has loaded all of EC2, for which nobody else waits long enough."""
    # Not above: every process of the tests would import all of it, for the one that uses it.
    moto = importlib.import_module("moto.server")
    server = moto.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    place = f"http://{host}:{port}"
    scope = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=me/20260101/eu-central-1/ec2/aws4_request"
    }
    with urlopen(Request(place, b"Action=DescribeInstances", scope), timeout=100) as answer:
        assert b"DescribeInstancesResponse" in answer.read()
    yield place
    server.stop()
