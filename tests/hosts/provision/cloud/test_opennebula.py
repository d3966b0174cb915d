"""Renting from OpenNebula: an endpoint that speaks its XML-RPC, with machines in memory."""

from __future__ import annotations

import base64
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape
from xmlrpc.server import SimpleXMLRPCServer

import pytest

from simulacra.hosts.inventory.schema import Inventory
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import State
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting

SESSION = "me:hush"
JOIN = "sim1abc@192.0.2.7:7401"
AUTHENTICATION, NO_EXISTS = 0x0100, 0x0400
ACTIVE, DONE, RUNNING, BOOT = 3, 6, 3, 2


class OpenNebula:
    """What OpenNebula keeps of machines, and its methods.

    Attributes:
        vms: by number: name, state, inner state, what was said beside the template.
    """

    def __init__(self) -> None:
        self.vms: dict[int, list[Any]] = {}

    def _dispatch(self, method: str, params: tuple[Any, ...]) -> list[Any]:
        session, *args = params
        if session != SESSION:
            return [False, f"[{method}] User couldn't be authenticated, aborting.", AUTHENTICATION]
        answer: list[Any] = getattr(self, method.removeprefix("one.").replace(".", "_"))(*args)
        return answer

    def template_instantiate(self, number: int, name: str, hold: bool, extra: str) -> list[Any]:
        if number != 7 or hold:
            return [False, "[one.template.instantiate] Error getting template.", NO_EXISTS]
        new = len(self.vms) + 1
        self.vms[new] = [name, ACTIVE, BOOT, extra]
        return [True, new, 0]

    def templatepool_info(self, *_: int) -> list[Any]:
        names = {7: "debian", 8: "twice", 9: "twice"}
        rows = "".join(
            f"<VMTEMPLATE><ID>{n}</ID><UID>0</UID><GID>0</GID><UNAME>me</UNAME><GNAME>us</GNAME>"
            f"<NAME>{name}</NAME><REGTIME>1</REGTIME><TEMPLATE/></VMTEMPLATE>"
            for n, name in names.items()
        )
        return [True, f"<VMTEMPLATE_POOL>{rows}</VMTEMPLATE_POOL>", 0]

    def vmpool_info(self, whose: int, first: int, last: int, state: int) -> list[Any]:
        assert (whose, first, last, state) == (-3, -1, -1, -1)
        rows = [self._row(n, vm) for n, vm in self.vms.items() if vm[1] != DONE]
        return [True, f"<VM_POOL>{''.join(rows)}</VM_POOL>", 0]

    def vm_action(self, action: str, number: int) -> list[Any]:
        if self.vms.get(number, [None, DONE])[1] == DONE:
            return [False, f"[one.vm.action] Error getting virtual machine [{number}].", NO_EXISTS]
        assert action == "terminate-hard"
        self.vms[number][1] = DONE
        return [True, number, 0]

    def _row(self, number: int, vm: list[Any]) -> str:
        name, state, inner, extra = vm
        marks = re.findall(r'^(SIMULACRA_\w+)="(.*)"$', extra, re.MULTILINE)
        said = "".join(f"<{key}>{escape(value)}</{key}>" for key, value in marks)
        return (
            f"<VM><ID>{number}</ID><UID>0</UID><GID>0</GID><UNAME>me</UNAME><GNAME>us</GNAME>"
            f"<NAME>{name}</NAME><LAST_POLL>0</LAST_POLL><STATE>{state}</STATE>"
            f"<LCM_STATE>{inner}</LCM_STATE><RESCHED>0</RESCHED><STIME>1</STIME><ETIME>0</ETIME>"
            f"<DEPLOY_ID/><TEMPLATE><NIC><IP>192.0.2.{number}</IP></NIC></TEMPLATE>"
            f"<USER_TEMPLATE>{said}</USER_TEMPLATE></VM>"
        )


@pytest.fixture
def one() -> Iterator[tuple[OpenNebula, str]]:
    one = OpenNebula()
    with SimpleXMLRPCServer(("127.0.0.1", 0), logRequests=False) as server:
        server.register_instance(one)
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield one, f"http://127.0.0.1:{server.server_address[1]}/RPC2"
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONE_USERNAME", "me")
    monkeypatch.setenv("ONE_PASSWORD", "hush")


def renting(at: str, folder: Path, **changes: str) -> Renting:
    cloud = {"driver": "opennebula", "image": "7", "size": "2x4096", "endpoint": at}
    inventory = Inventory.model_validate({
        "network": {"name": "home"},
        "zones": {"cloud": {}},
        "clouds": {"one": cloud | changes},
        "hosts": {"worker1": {"zone": "cloud", "cloud": "one"}},
    })  # fmt: skip
    return Renting(inventory, Records(folder / "rented.json"))


def test_a_host_is_rented_once_found_again_and_let_go(
    one: tuple[OpenNebula, str], tmp_path: Path
) -> None:
    nebula, endpoint = one
    rents = renting(endpoint, tmp_path)
    first = rents.create("worker1", lambda: JOIN)
    assert (first.is_new, first.machine.id) == (True, "1")
    [found] = rents.machines()
    assert (found.host, found.state, found.addresses) == ("worker1", State.STARTING, ("192.0.2.1",))
    nebula.vms[1][2] = RUNNING
    again = rents.create("worker1", lambda: JOIN)
    assert (again.is_new, again.machine.state) == (False, State.RUNNING)
    [gone] = rents.destroy("worker1")
    assert gone.id == "1"
    assert rents.machines() == []


def test_size_marks_and_first_orders_go_beside_the_template(
    one: tuple[OpenNebula, str], tmp_path: Path
) -> None:
    nebula, endpoint = one
    renting(endpoint, tmp_path, image="debian").create("worker1", lambda: JOIN)
    name, _, _, extra = nebula.vms[1]
    assert name == "home-worker1"
    lines = extra.splitlines()
    assert {'CPU="2"', 'MEMORY="4096"', 'SIMULACRA_NETWORK="home"'} <= set(lines)
    [data] = re.findall(r'USER_DATA="([^"]*)"', extra)
    assert JOIN in base64.b64decode(data).decode()


def test_a_machine_that_is_gone_already_is_let_go(
    one: tuple[OpenNebula, str], tmp_path: Path
) -> None:
    nebula, endpoint = one
    rents = renting(endpoint, tmp_path)
    machine = rents.create("worker1", lambda: JOIN).machine
    nebula.vms[1][1] = DONE
    rents._driver("one").destroy(machine)
    assert rents.destroy("worker1") == []


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"size": "large"}, "is none of OpenNebula's"),
        ({"image": "twice"}, "has 2 templates called twice"),
        ({"image": "none"}, "has no templates called none"),
        ({"image": "8"}, "Error getting template"),
        ({"endpoint": ""}, "does not say where OpenNebula answers"),
        ({"endpoint": "http://127.0.0.1:9/RPC2"}, "does not list its machines"),
    ],
)
def test_what_cannot_be_is_told(
    one: tuple[OpenNebula, str], tmp_path: Path, changes: dict[str, str], says: str
) -> None:
    with pytest.raises(CloudError, match=says):
        renting(one[1], tmp_path, **changes).create("worker1", lambda: JOIN)
    assert one[0].vms == {}


def test_wrong_credentials_are_told_and_not_shown(
    one: tuple[OpenNebula, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONE_PASSWORD", "wrong-one")
    with pytest.raises(CloudError, match="couldn't be authenticated") as caught:
        renting(one[1], tmp_path).machines()
    assert "wrong-one" not in f"{caught.value} {caught.value.hint}"
