"""What a machine does at its first boot, as cloud-init would read it."""

from __future__ import annotations

import json
import shlex
from typing import Any

import pytest

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.user_data import HEAD, INVITATION, LIMIT, user_data

JOIN = "sim1abc@192.0.2.7:7401"


def told(**options: str | int) -> dict[str, Any]:
    cloud = Cloud.model_validate({"driver": "ec2", "image": "i", "size": "s", "options": options})
    text = user_data("worker1", "cloud", cloud, JOIN)
    assert text.startswith(HEAD)
    found: dict[str, Any] = json.loads(text.removeprefix(HEAD))
    return found


def test_the_invitation_stands_in_a_private_file_and_in_no_command() -> None:
    found = told(setup="pip install simulacra")
    [file] = found["write_files"]
    assert (file["path"], file["permissions"]) == (INVITATION, "0600")
    assert file["content"].strip() == JOIN
    assert not any("sim1" in word for command in found["runcmd"] for word in command)
    assert found["runcmd"][0] == ["sh", "-ec", "pip install simulacra"]
    assert found["runcmd"][-1] == ["rm", "-f", INVITATION]


def test_the_node_is_that_of_the_persons() -> None:
    [up] = [each for each in told(user="me", port=7500)["runcmd"] if each[0] == "runuser"]
    assert up[:4] == ["runuser", "-l", "me", "-c"]
    assert shlex.split(up[4]) == [
        *("simulacra", "up", "--detach", "--name", "worker1", "--zone", "cloud"),
        *("--listen", "0.0.0.0:7500", "--join", f"@{INVITATION}"),
    ]


@pytest.mark.parametrize(
    ("options", "says"),
    [({"user": "a b; rm"}, "no user's name"), ({"setup": "x" * LIMIT}, "more than 16384 bytes")],
)
def test_what_no_machine_could_do_is_refused(options: dict[str, str], says: str) -> None:
    with pytest.raises(CloudError, match=says):
        told(**options)
