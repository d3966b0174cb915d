"""A machine's first boot in a lab: what cloud-init would do with our user data, done by hand."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator

import pytest

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.user_data import HEAD, INVITATION, user_data
from simulacra.testing.lab import Host, Lab
from tests.machines import wait_for

pytestmark = pytest.mark.lab

TEMPLATE = Cloud.model_validate({
    "driver": "dummy", "image": "i", "size": "s", "options": {"setup": "date >/run/set-up"},
})  # fmt: skip


@pytest.fixture
def lab() -> Iterator[Lab]:
    with Lab("laptop", "worker1") as lab:
        worker = lab["worker1"]
        # A login forgets the environment; Simulacra is not installed in the lab's machine itself.
        known = {k: v for k, v in worker.environ().items() if k != "SIMULACRA_LISTEN"}
        told = "".join(f"export {name}={shlex.quote(value)}\n" for name, value in known.items())
        (worker.home / ".profile").write_text(told)
        yield lab
        for host in lab:
            host.down()


def boot(host: Host, text: str) -> None:
    """Do what the user data says, as cloud-init does: files first, then commands."""
    told = json.loads(text.removeprefix(HEAD))
    for file in told["write_files"]:
        script = 'umask 077; cat >"$1"; chmod "$2" "$1"'
        words = ["sh", "-c", script, "sh", file["path"], file["permissions"]]
        host.run(words, input=file["content"])
    for command in told["runcmd"]:
        host.run(command, check=command[0] != "loginctl")  # no lab has logind


def test_a_machine_joins_the_network_at_its_first_boot(lab: Lab) -> None:
    laptop, worker = lab
    laptop.up()
    laptop.simulacra("init", "home")
    wait_for(lambda: laptop.status()["door"])
    join = laptop.json("invite")["join"]
    boot(worker, user_data("worker1", "cloud", TEMPLATE, join))
    wait_for(lambda: laptop.sees() == {"worker1"})
    assert worker.status()["zone"] == "cloud"
    assert worker.run(["cat", "/run/set-up"]).stdout
    assert worker.run(["test", "-e", INVITATION], check=False).returncode == 1
