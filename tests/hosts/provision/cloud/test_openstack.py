"""Renting from OpenStack: an endpoint that answers as keystone v3 and nova do."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from simulacra.hosts.inventory.schema import Inventory
from simulacra.hosts.provision.cloud.errors import CloudError
from simulacra.hosts.provision.cloud.machines import State
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.renting import Renting

JOIN = "sim1abc@192.0.2.7:7401"
TOKEN = "gAAAA-token"


class OpenStack(ThreadingHTTPServer):
    """Keystone and nova in one.

    Attributes:
        servers: what nova was told, by id, and their status.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.servers: dict[str, dict[str, Any]] = {}

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def catalogue(self) -> list[dict[str, Any]]:
        nova = {"region": "R1", "region_id": "R1", "interface": "public", "id": "e1"}
        nova["url"] = f"{self.url}/compute/v2.1"
        return [{"type": "compute", "name": "nova", "id": "s1", "endpoints": [nova]}]


class Handler(BaseHTTPRequestHandler):
    server: OpenStack
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def _body(self) -> Any:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, body: Any = None, **headers: str) -> None:
        text = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(text)

    def do_POST(self) -> None:
        body = self._body()
        if self.path == "/v3/auth/tokens":
            self._authenticate(body["auth"])
            return
        assert (self.path, self.headers["X-Auth-Token"]) == ("/compute/v2.1/servers", TOKEN)
        number = f"server-{len(self.server.servers) + 1}"
        self.server.servers[number] = {**body["server"], "id": number, "status": "BUILD"}
        self._answer(202, {"server": {"id": number, "links": [], "adminPass": "x"}})

    def _authenticate(self, auth: dict[str, Any]) -> None:
        user = auth["identity"]["password"]["user"]
        if (user["name"], user["password"]) != ("me", "hush"):
            said = {"error": {"message": f"refused {user['password']}", "code": 401}}
            self._answer(401, said)
            return
        assert auth["scope"]["project"]["name"] == "mine"
        token = {
            "methods": ["password"], "expires_at": "2999-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z", "user": {"id": "u", "name": "me"},
            "roles": [], "catalog": self.server.catalogue(),
        }  # fmt: skip
        self._answer(201, {"token": token}, X_Subject_Token=TOKEN)

    def do_GET(self) -> None:
        assert self.headers["X-Auth-Token"] == TOKEN
        name = self.path.partition("?")[0].rpartition("/")[2]
        if name == "detail":
            self._answer(200, {"servers": [_shown(e) for e in self.server.servers.values()]})
        else:
            self._answer(200, {"server": _shown(self.server.servers[name])})

    def do_DELETE(self) -> None:
        found = self.server.servers.pop(self.path.rpartition("/")[2], None)
        if found is None:
            self._answer(404, {"itemNotFound": {"message": "Instance not found", "code": 404}})
        else:
            self._answer(204)


def _shown(server: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": server["id"], "name": server["name"], "status": server["status"], "hostId": "",
        "addresses": {"private": [{"addr": "10.0.0.5", "version": 4}]}, "tenant_id": "t",
        "user_id": "u", "created": "2026-01-01T00:00:00Z", "updated": "2026-01-01T00:00:00Z",
        "metadata": server["metadata"], "image": {"id": server["imageRef"]},
        "flavor": {"id": server["flavorRef"]}, "links": [{"rel": "self", "href": "http://x"}],
    }  # fmt: skip


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenStack]:
    for name, value in {
        "OS_USERNAME": "me", "OS_PASSWORD": "hush", "OS_PROJECT_NAME": "mine",
    }.items():  # fmt: skip
        monkeypatch.setenv(name, value)
    with OpenStack() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def renting(endpoint: str, folder: Path) -> Renting:
    template = {
        "driver": "openstack", "image": "debian-12", "size": "m1.small", "region": "R1",
        "endpoint": endpoint, "options": {"networks": "net-1, net-2", "keyname": "mine"},
    }  # fmt: skip
    inventory = Inventory.model_validate({
        "network": {"name": "home"},
        "zones": {"cloud": {}},
        "clouds": {"stack": template},
        "hosts": {"worker1": {"zone": "cloud", "cloud": "stack"}},
    })  # fmt: skip
    return Renting(inventory, Records(folder / "rented.json"))


def test_a_host_is_rented_once_found_again_and_let_go(cloud: OpenStack, tmp_path: Path) -> None:
    rents = renting(cloud.url, tmp_path)
    first = rents.create("worker1", lambda: JOIN)
    assert (first.is_new, first.machine.state) == (True, State.STARTING)
    told = cloud.servers[first.machine.id]
    assert (told["imageRef"], told["flavorRef"], told["key_name"]) == (
        "debian-12",
        "m1.small",
        "mine",
    )
    assert told["networks"] == [{"uuid": "net-1"}, {"uuid": "net-2"}]
    assert JOIN in base64.b64decode(told["user_data"]).decode()
    told["status"] = "ACTIVE"
    again = rents.create("worker1", lambda: JOIN)
    assert (again.is_new, again.machine.state) == (False, State.RUNNING)
    assert again.machine.addresses == ("10.0.0.5",)
    cloud.servers["other"] = {**told, "id": "other", "metadata": {}}
    assert [each.id for each in rents.machines()] == [first.machine.id]
    rents.destroy("worker1")
    assert set(cloud.servers) == {"other"}
    rents._driver("stack").destroy(again.machine)  # it is gone already


def test_wrong_credentials_are_told_and_not_shown(
    cloud: OpenStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_PASSWORD", "wrong-one")
    with pytest.raises(CloudError, match="credentials are refused") as caught:
        renting(cloud.url, tmp_path).machines()
    assert "wrong-one" not in f"{caught.value} {caught.value.hint}"


def test_a_template_has_to_say_where_keystone_is(cloud: OpenStack, tmp_path: Path) -> None:
    with pytest.raises(CloudError, match="where keystone is"):
        renting("", tmp_path).machines()
    with pytest.raises(CloudError, match="does not list its machines"):
        renting("http://127.0.0.1:9", tmp_path).machines()
    assert cloud.servers == {}
