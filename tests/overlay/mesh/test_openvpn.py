"""OpenVPN's configurations as texts, and what a host is known by."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from simulacra.overlay.mesh.keyfile import PrivateKeyError
from simulacra.overlay.mesh.openvpn import Instance, Places, instances, is_old
from simulacra.overlay.mesh.openvpn_keys import fingerprint, places, shared_key
from simulacra.overlay.plan.document import Plan
from tests.overlay.tunnelled import PRINT, tunnelled

AT = Places(Path("/s/c.crt"), Path("/s/c.key"), Path("/s/clients"), Path("/s/shared"))


def by_name(plan: Plan, host: str) -> dict[str, Instance]:
    return {each.name: each for each in instances(plan, host, AT)}


def test_a_relay_serves_its_clients_and_each_old_host() -> None:
    plan = tunnelled(["relay", "a", "b", "old"], {"a": PRINT, "b": PRINT}, old=["old"])
    found = by_name(plan, "relay")
    assert set(found) == {"server", "old-old"}
    server = found["server"]
    assert server.clients == {
        "a": "ifconfig-push 10.45.0.2 255.255.0.0\n",
        "b": "ifconfig-push 10.45.0.3 255.255.0.0\n",
    }
    assert {
        *("tls-server", "dh none", "client-to-client", "ccd-exclusive", "port 443"),
        *("socket-flags TCP_NODELAY", "disable-dco", 'client-config-dir "/s/clients"'),
        *("<peer-fingerprint>", PRINT, 'key "/s/c.key"', "ifconfig 10.45.0.1 255.255.0.0"),
    } <= set(server.lines)
    old = found["old-old"]
    assert {"lport 11944", "dev simk11944", "ifconfig 10.45.0.1 10.44.0.4"} <= set(old.lines)
    assert (server.device, old.device, old.old) == ("simv", "simk11944", "old")


def test_a_host_comes_to_a_relay_by_the_relays_fingerprint() -> None:
    plan = tunnelled(["relay", "a"], {"a": PRINT})
    [client] = instances(plan, "a", AT)
    assert (client.relay, client.device) == ("relay", "simv1")
    assert {"remote 192.0.2.1 443", "tls-client", "nobind", "route-nopull"} <= set(client.lines)
    assert instances(plan, "relay", AT)[0].relay == ""


def test_an_old_host_has_the_overlay_by_its_tunnel() -> None:
    plan = tunnelled(["relay", "old"], {}, old=["old"])
    assert is_old(plan.hosts["old"])
    assert not is_old(plan.hosts["relay"])
    [client] = instances(plan, "old", AT)
    assert {
        "ifconfig 10.44.0.2 10.45.0.1",
        "route 10.44.0.0 255.255.0.0",
        'secret "/s/shared/relay.key"',
    } <= set(client.lines)


def test_nothing_insecure_is_asked_for() -> None:
    plan = tunnelled(["relay", "a", "old"], {"a": PRINT}, old=["old"])
    for host in plan.hosts:
        for each in instances(plan, host, AT):
            assert "insecure" not in each.text
            assert "script" not in each.text


@pytest.mark.parametrize("print_", ["", PRINT + "\nup /bin/sh", PRINT.lower()])
def test_what_is_no_fingerprint_gets_into_no_configuration(print_: str) -> None:
    plan = tunnelled(["relay", "a"], {"a": print_})
    with pytest.raises(ValueError, match="no fingerprint"):
        instances(plan, "relay", AT)


@pytest.mark.parametrize("remote", ["192.0.2.1:0", "a b:443", "x\nup /bin/sh:443", "relay"])
def test_what_is_no_place_gets_into_no_configuration(remote: str) -> None:
    plan = tunnelled(["relay", "a"], {"a": PRINT})
    mine = plan.hosts["a"]
    relay = replace(mine.relays[0], openvpn=(remote,))
    hosts = {**plan.hosts, "a": replace(mine, relays=(relay,))}
    with pytest.raises(ValueError, match="is no"):
        instances(replace(plan, hosts=hosts), "a", AT)


def test_a_host_makes_its_certificate_once(tmp_path: Path) -> None:
    at = places(tmp_path)
    first = fingerprint("desk", at)
    assert fingerprint("desk", at) == first
    assert at.key.stat().st_mode & 0o777 == 0o600
    words = ["openssl", "x509", "-in", str(at.certificate), "-noout", "-fingerprint", "-sha256"]
    said = subprocess.run([*words, "-subject"], capture_output=True, text=True, check=True).stdout
    assert first in said
    assert "CN = desk" in said or "CN=desk" in said
    at.certificate.unlink()
    assert fingerprint("desk", at) != first


def test_keys_that_others_may_read_are_refused(tmp_path: Path) -> None:
    at = places(tmp_path)
    key = shared_key("old", at)
    assert shared_key("old", at) == key
    assert key.count("\n") == 18
    fingerprint("desk", at)
    at.key.chmod(0o640)
    with pytest.raises(PrivateKeyError, match="chmod 600"):
        fingerprint("desk", at)
    (at.shared / "old.key").chmod(0o640)
    with pytest.raises(PrivateKeyError, match="chmod 600"):
        shared_key("old", at)
