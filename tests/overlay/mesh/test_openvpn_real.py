"""Real OpenVPN by our configurations, in namespaces: who comes in, and what passes."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from simulacra.overlay.mesh.openvpn import instances
from simulacra.overlay.mesh.openvpn_keys import fingerprint, places, shared_key
from simulacra.overlay.plan.document import Plan
from tests.overlay.mesh.namespaces import address, cable, namespace, run
from tests.overlay.tunnelled import tunnelled
from tests.support import DEADLINE

pytestmark = [
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("openvpn") is None, reason="openvpn is not installed"),
]

UP = "Initialization Sequence Completed"
REFUSED = "certificate hash verification failed"
HOSTS = ("relay", "a", "b", "old")


@dataclass
class Net:
    """The hosts' namespaces, on one LAN, and their folders."""

    spaces: dict[str, str]
    folder: Path

    def start(self, plan: Plan, host: str, name: str, stack: ExitStack) -> Path:
        """Start one of a host's processes; its log."""
        at = places(self.folder / host)
        [chosen] = [each for each in instances(plan, host, at) if each.name == name]
        at.clients.mkdir(parents=True, exist_ok=True)
        for client, said in chosen.clients.items():
            (at.clients / client).write_text(said)
        config, log = (self.folder / host / f"{name}.{kind}" for kind in ("conf", "log"))
        config.write_text(chosen.text)
        words = ["ip", "netns", "exec", self.spaces[host], "openvpn", "--config", str(config)]
        with log.open("wb") as said_to:
            process = subprocess.Popen(words, stdout=said_to, stderr=subprocess.STDOUT)
        stack.callback(_end, process)
        return log

    def ping(self, host: str, to: str, *words: str) -> bool:
        ping = ["ip", "netns", "exec", self.spaces[host], "ping", "-c1", "-W2", *words, to]
        return subprocess.run(ping, capture_output=True, check=False).returncode == 0


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()


def said(log: Path, what: str, within: float = DEADLINE) -> str:
    deadline = time.monotonic() + within
    while what not in (text := log.read_text(errors="replace")):
        assert time.monotonic() < deadline, text
        time.sleep(0.02)
    return text


@contextmanager
def lan(names: tuple[str, ...]) -> Iterator[dict[str, str]]:
    with ExitStack() as stack:
        bridge = stack.enter_context(namespace())
        run("ip", "-n", bridge, "link", "add", "lan", "type", "bridge")
        run("ip", "-n", bridge, "link", "set", "lan", "up")
        spaces = {}
        for number, name in enumerate(names, 1):
            spaces[name] = stack.enter_context(namespace())
            cable(spaces[name], "eth0", bridge, f"port{number}")
            run("ip", "-n", bridge, "link", "set", f"port{number}", "master", "lan")
            address(spaces[name], "eth0", f"192.0.2.{number}/24")
        yield spaces


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Net]:
    folder = tmp_path_factory.mktemp("openvpn")
    with lan(HOSTS) as spaces:
        yield Net(spaces, folder)


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def prints(net: Net, *hosts: str) -> dict[str, str]:
    return {host: fingerprint(host, places(net.folder / host)) for host in hosts}


def test_listed_certificates_come_in_and_reach_each_other(net: Net, stack: ExitStack) -> None:
    own = prints(net, "relay", "a", "b")
    relay_print = own.pop("relay")
    plan = tunnelled(HOSTS, own, relay_print=relay_print)
    server = net.start(plan, "relay", "server", stack)
    clients = [net.start(plan, host, "to-relay", stack) for host in ("a", "b")]
    for log in (server, *clients):
        assert "DEPRECATED" not in said(log, UP)
    assert net.ping("a", "10.45.0.1")
    assert net.ping("a", "10.45.0.3")  # by way of the server: client to client
    assert net.ping("a", "10.45.0.1", "-s", "1460", "-M", "do")  # a packet of WireGuard's


def test_a_certificate_that_is_not_listed_is_refused(net: Net, stack: ExitStack) -> None:
    own = prints(net, "relay", "a", "b")
    relay_print = own.pop("relay")
    known = tunnelled(HOSTS, {"a": own["a"]}, relay_print=relay_print)
    server = net.start(known, "relay", "server", stack)
    believes = tunnelled(HOSTS, own, relay_print=relay_print)
    stranger = net.start(believes, "b", "to-relay", stack)
    said(server, REFUSED)
    assert UP not in stranger.read_text()


def test_a_relay_with_another_certificate_is_refused(net: Net, stack: ExitStack) -> None:
    own = prints(net, "relay", "a", "b")
    server_plan = tunnelled(HOSTS, {"a": own["a"]}, relay_print=own["relay"])
    net.start(server_plan, "relay", "server", stack)
    expects = tunnelled(HOSTS, {"a": own["a"]}, relay_print=own["b"])
    client = net.start(expects, "a", "to-relay", stack)
    said(client, REFUSED)
    assert UP not in client.read_text()


def test_a_host_of_the_old_form_comes_in_by_a_shared_key(net: Net, stack: ExitStack) -> None:
    plan = tunnelled(HOSTS, {}, old=["old"])
    text = shared_key("old", places(net.folder / "relay"))
    key = places(net.folder / "old").shared / "relay.key"
    key.parent.mkdir(parents=True, exist_ok=True)
    key.write_text(text)
    key.chmod(0o600)
    logs = [
        net.start(plan, "relay", "old-old", stack),
        net.start(plan, "old", "to-relay", stack),
    ]
    for log in logs:
        assert "DEPRECATED" in said(log, UP)  # the warning is shown
    assert net.ping("relay", "10.44.0.4")
    assert net.ping("old", "10.45.0.1")


def test_another_shared_key_opens_nothing(net: Net, stack: ExitStack) -> None:
    plan = tunnelled(HOSTS, {}, old=["old"])
    shared_key("old", places(net.folder / "relay"))
    key = places(net.folder / "old").shared / "relay.key"
    key.unlink(missing_ok=True)
    shared_key("relay", places(net.folder / "old"))  # made there, and not the same
    server = net.start(plan, "relay", "old-old", stack)
    net.start(plan, "old", "to-relay", stack)
    said(server, "Authenticate/Decrypt packet error")
    assert not net.ping("old", "10.45.0.1")
