"""What Nix writes for OpenVPN, OpenVPN takes: real servers and clients, in namespaces."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulacra.overlay.plan.document import OpenVpnServer, Plan, Relay
from tests.hosts.inventory.samples import fingerprint, key
from tests.hosts.nix.nix import LIBRARY, Nix, needs_nix
from tests.hosts.nix.test_plan import written
from tests.overlay.mesh.namespaces import address, cable, namespace
from tests.overlay.plan.inventories import of
from tests.support import eventually

pytestmark = [
    needs_nix,
    pytest.mark.lab,
    pytest.mark.skipif(shutil.which("openvpn") is None, reason="openvpn is not installed"),
]

WAYS = (
    "{ library, inventory, plan, host, certificate, key, shared, folder }:"
    " let read = import (/. + library + /plan.nix)"
    "   { inventory = /. + inventory; plan = /. + plan; };"
    " in map (way: way // { config = way.config (folder + way.name); })"
    "   (import (/. + library + /openvpn.nix) {"
    "     plan = read; inherit host certificate key;"
    "     sharedKeys = builtins.mapAttrs (_: _: shared) read.hosts;"
    "   })"
)


class Certificates:
    """A certificate for each host, its common name the host's."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(self, host: str) -> str:
        """Make one; its fingerprint."""
        secret = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        now = dt.datetime.now(dt.UTC)
        made = (
            x509.CertificateBuilder(name, name, secret.public_key(), x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=1))
            .sign(secret, hashes.SHA256())
        )
        encoded = secret.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        (self.folder / f"{host}.key").write_bytes(encoded)
        (self.folder / f"{host}.key").chmod(0o600)
        pem = made.public_bytes(serialization.Encoding.PEM)
        (self.folder / f"{host}.crt").write_bytes(pem)
        return made.fingerprint(hashes.SHA256()).hex(":").upper()


@pytest.fixture
def plan() -> Plan:
    """A laptop and an old machine, and a relay that serves both."""
    server = {"serves": True, "fingerprint": fingerprint(1)}
    return of(
        {
            "laptop": {"wireguard": key("laptop"), "openvpn": {"fingerprint": fingerprint(2)}},
            "vm": {
                "wireguard": key("vm"),
                "endpoints": ["vm.example.org"],
                "relay": True,
                "openvpn": server,
            },
            "attic": {"openvpn": {"shared_key": True}},
        }
    )


def certified(plan: Plan, prints: dict[str, str]) -> Plan:
    """The plan with other fingerprints, and with addresses for names."""
    server = plan.hosts["vm"].openvpn
    assert server is not None
    clients = {host: (prints[host], inside) for host, (_, inside) in server.clients.items()}

    def reached(relay: Relay) -> Relay:
        ways = tuple(each.replace("vm.example.org", "10.9.0.1") for each in relay.openvpn)
        return replace(relay, openvpn=ways, fingerprint=prints[relay.host])

    parts = {
        name: replace(part, relays=tuple(map(reached, part.relays)))
        for name, part in plan.hosts.items()
    }
    parts["vm"] = replace(parts["vm"], openvpn=replace(server, clients=clients))
    return replace(plan, hosts=parts)


def ways(nix: Nix, folder: Path, plan: Plan, host: str) -> list[dict[str, Any]]:
    """A host's configurations, as Nix writes them."""
    inventory, file = written(folder, plan)
    found: list[dict[str, Any]] = nix.evaluate(
        WAYS,
        library=str(LIBRARY),
        inventory=str(inventory),
        plan=str(file),
        host=host,
        certificate=str(folder / f"{host}.crt"),
        key=str(folder / f"{host}.key"),
        shared=str(folder / "shared.key"),
        folder=str(folder / f"{host}-"),
    )
    return found


@contextmanager
def running(name: str, folder: Path, host: str, found: Sequence[dict[str, Any]]) -> Iterator[None]:
    """OpenVPN with each of these configurations, in a namespace."""
    with ExitStack() as stack:
        for way in found:
            clients = folder / f"{host}-{way['name']}"
            clients.mkdir()
            for client, said in way["clients"].items():
                (clients / client).write_text(said)
            file = folder / f"{host}-{way['name']}.conf"
            file.write_text(way["config"] + "\n")
            words = ("ip", "netns", "exec", name, "openvpn", "--config", str(file))
            log = stack.enter_context((folder / f"{host}-{way['name']}.log").open("wb"))
            process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT)
            stack.callback(process.wait, 10)
            stack.callback(process.terminate)
        yield


def answers(name: str, target: str) -> bool:
    words = ("ip", "netns", "exec", name, "ping", "-c1", "-W1", target)
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def test_a_host_comes_to_a_relay_by_certificates_and_an_old_one_by_a_shared_key(
    nix: Nix, tmp_path: Path, plan: Plan
) -> None:
    certificates = Certificates(tmp_path)
    plan = certified(plan, {host: certificates.make(host) for host in plan.hosts})
    subprocess.run(["openvpn", "--genkey", "secret", tmp_path / "shared.key"], check=True)
    server = plan.hosts["vm"].openvpn
    assert isinstance(server, OpenVpnServer)

    with ExitStack() as stack:
        spaces = {host: stack.enter_context(namespace()) for host in ("vm", "laptop", "attic")}
        for number, host in enumerate(("laptop", "attic"), 1):
            cable(spaces["vm"], f"to{number}", spaces[host], "up0")
        # Both are in one LAN with the relay, by a cable each.
        address(spaces["vm"], "to1", "10.9.0.1/32")
        for number, host in enumerate(("laptop", "attic"), 1):
            address(spaces[host], "up0", f"10.9.0.{number + 1}/24")
            _reach(spaces["vm"], f"10.9.0.{number + 1}", f"to{number}")
        for host in ("vm", "laptop", "attic"):
            found = ways(nix, tmp_path, plan, host)
            stack.enter_context(running(spaces[host], tmp_path, host, found))

        eventually(lambda: answers(spaces["laptop"], server.address), within=20)
        eventually(lambda: answers(spaces["attic"], server.address), within=20)
        # Each has the address that the plan gives it.
        assert answers(spaces["vm"], server.clients["laptop"][1])
        assert answers(spaces["vm"], plan.hosts["attic"].ipv4)


def _reach(name: str, target: str, device: str) -> None:
    words = ("ip", "-n", name, "route", "add", f"{target}/32", "dev", device, "src", "10.9.0.1")
    subprocess.run(words, check=True)
