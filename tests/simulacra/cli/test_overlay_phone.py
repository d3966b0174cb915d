from __future__ import annotations

import configparser
import os
import re
import shutil
import socket
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest
import tomlkit
import zxingcpp

from simulacra.cli.exits import ExitCode
from simulacra.overlay.mesh.access import ruleset
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.text import from_text
from tests.hosts.inventory.samples import key, pair
from tests.overlay.mesh.namespaces import (
    address,
    cable,
    listening,
    namespace,
    reached,
    route,
    run,
    within,
)
from tests.support import eventually

from .conftest import Run
from .test_qr import dark_squares

HOSTS: dict[str, dict[str, Any]] = {
    "box": {"roles": ["media"], "wireguard": key("box")},
    "other": {"wireguard": key("other")},
    "relay": {"relay": True, "endpoints": ["192.0.2.1"], "wireguard": key("relay")},
}
INVENTORY: dict[str, Any] = {
    "network": {"name": "home"},
    "zones": {"home": {}},
    "roles": {"media": {"accepts": ["*", "family"], "ports": ["tcp/80"]}, "family": {}},
    "hosts": {name: {"zone": "home", **host} for name, host in HOSTS.items()},
}


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    file = tmp_path / "inventory.toml"
    file.write_text(tomlkit.dumps(INVENTORY))
    return file


def configuration(text: str) -> Mapping[str, Mapping[str, str]]:
    parser = configparser.ConfigParser()
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return {section: dict(parser[section]) for section in parser.sections()}


def read_code(drawn: str) -> str:
    """What a camera reads."""
    squares = dark_squares(drawn, "blocks")
    rows = [[0 if dark else 255 for dark in row for _ in range(3)] for row in squares]
    pixels = bytes(pixel for row in rows for _ in range(3) for pixel in row)
    picture = memoryview(pixels).cast("B", (len(rows) * 3, len(rows[0])))
    found = zxingcpp.read_barcode(picture)
    assert found is not None
    return str(found.text)


def test_a_phone_gets_a_place_a_plan_and_a_code(here: Run, inventory: Path) -> None:
    ended = here("overlay", "phone", "anns", "--role", "family", "--qr")
    assert ended.code == ExitCode.OK
    at = ended.stdout.index("█")
    text = ended.stdout[:at].rstrip("\n") + "\n"
    assert read_code(ended.stdout[at:].rstrip("\n")) == text
    told = configuration(text)
    plan = from_text(inventory.with_name("plan.json").read_text())
    box, relay, phone = (plan.hosts[name] for name in ("box", "relay", "anns"))
    assert told["Peer"]["AllowedIPs"] == f"{box.ipv4}/32, {box.ipv6}/128"
    assert told["Peer"]["PublicKey"] == relay.key
    assert told["Peer"]["Endpoint"] == "192.0.2.1:51821"
    assert told["Interface"]["Address"] == f"{phone.ipv4}/32, {phone.ipv6}/128"
    assert public_half(told["Interface"]["PrivateKey"]) == phone.key
    assert [client.host for client in relay.clients] == ["anns", "box", "other"]


def test_the_private_key_is_kept_nowhere(here: Run, tmp_path: Path, inventory: Path) -> None:
    shown = here("overlay", "phone", "anns", "--role", "family", "--json").json()
    private = configuration(shown["configuration"])["Interface"]["PrivateKey"]
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or private not in file.read_text()


def test_a_phone_that_was_lost_gets_another_key(here: Run, inventory: Path) -> None:
    def told(*words: str) -> str:
        ended = here("overlay", "phone", "anns", *words, "--json")
        return public_half(configuration(ended.json()["configuration"])["Interface"]["PrivateKey"])

    first, second = told("--role", "family"), told("--again")
    assert first != second
    assert first not in inventory.read_text()
    assert second in inventory.read_text()
    assert 'roles = ["family"]' in inventory.read_text()


TAKEN = "it is another kind of host: give the phone a name of its own"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("anns",), "give it a role that is accepted: --role family"),
        (
            ("anns", "--role", "family", "--relay", "box"),
            "box is no relay of anns; there is: relay",
        ),
        (("box", "--role", "family"), f"there is a host box already\n  {TAKEN}"),
        (("box", "--again"), f"the inventory has no phone box\n  {TAKEN}"),
        (("anns", "--again"), "let a new one in: simulacra overlay phone anns"),
        (("anns", "--role", "family", "--zone", "hom"), "did you mean home?"),
    ],
)
def test_what_is_refused_changes_nothing(
    here: Run, inventory: Path, words: tuple[str, ...], said: str
) -> None:
    before = inventory.read_bytes()
    ended = here("overlay", "phone", *words)
    assert (ended.code in {ExitCode.USAGE, ExitCode.NOT_FOUND}, ended.stdout) == (True, "")
    assert said in ended.stderr
    assert inventory.read_bytes() == before
    assert not inventory.with_name("plan.json").exists()


def test_where_the_plan_would_cut_this_host_off_a_phone_waits_for_force(
    here: Run, inventory: Path
) -> None:
    assert here("hosts", "plan").code == ExitCode.OK
    inventory.write_text(inventory.read_text().replace("[hosts.box]", "[hosts.chest]"))
    words, box = ("overlay", "phone", "anns", "--role", "family"), {"SIMULACRA_NAME": "box"}
    refused = here(*words, **box)
    assert refused.code == ExitCode.FAILED
    assert "box would be in the network no more" in refused.stderr
    assert refused.stdout == ""
    assert "anns" not in inventory.read_text()
    assert here(*words, "--force", **box).code == ExitCode.OK


def test_without_a_relay_there_is_no_phone(here: Run, inventory: Path) -> None:
    text = re.sub("relay = true\n", "", inventory.read_text())
    inventory.write_text(text)
    ended = here("overlay", "phone", "anns", "--role", "family")
    assert "a phone is a client of relays, and there is none" in ended.stderr


def test_a_phone_whose_relay_has_another_key_is_named_until_it_is_shown_a_code(
    here: Run, inventory: Path
) -> None:
    def advice() -> list[str]:
        found: list[str] = here("hosts", "check", "--json").json()["advice"]
        return [text for text in found if "anns" in text]

    here("overlay", "phone", "anns", "--role", "family")
    assert advice() == []
    turned = here("hosts", "key", "relay", key("relay, later"))
    why = "anns has an old configuration: its relay has another key"
    assert why in turned.stderr
    assert f"{why}; simulacra overlay phone anns --again" in advice()
    assert here("hosts", "plan", "--json").json()["phones"] == advice()
    here("overlay", "phone", "anns", "--again")
    assert advice() == []


def test_a_new_key_is_for_the_relay_that_the_phone_has(here: Run, inventory: Path) -> None:
    far = {"zone": "home", "relay": True, "endpoints": ["192.0.2.7"], "wireguard": key("far")}
    inventory.write_text(tomlkit.dumps({**INVENTORY, "hosts": {**INVENTORY["hosts"], "far": far}}))
    for words in (("--role", "family", "--relay", "far"), ("--again",)):
        told = here("overlay", "phone", "anns", *words, "--json").json()["configuration"]
        assert configuration(told)["Peer"]["PublicKey"] == key("far")


# -- a real client


def public_half(private: str) -> str:
    return run("wg", "pubkey", stdin=private).strip()


def answers(file: Path) -> bool:
    """Whether somebody listens at a socket, which is there a moment before."""
    with socket.socket(socket.AF_UNIX) as ours:
        return ours.connect_ex(str(file)) == 0


@contextmanager
def wireguard(name: str, device: str, settings: str) -> Iterator[None]:
    """A device of wireguard-go in a namespace, with what `wg setconf` takes."""
    environ = {**os.environ, "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1"}
    program = shutil.which("wireguard-go")
    assert program is not None
    with within(name):
        process = psutil.Popen([program, "--foreground", device], env=environ)
    try:
        eventually(lambda: answers(Path(f"/run/wireguard/{device}.sock")))
        file = Path(f"/run/wireguard/{device}.conf")
        file.touch(mode=0o600)
        file.write_text(settings)
        run("wg", "setconf", device, str(file))
        file.unlink()
        run("ip", "-n", name, "link", "set", device, "mtu", "1420", "up")
        yield
    finally:
        process.terminate()
        process.wait(60)


def stripped(text: str) -> str:
    """As `wg-quick strip` does: without what is not the device's own."""
    return re.sub(r"(?m)^(Address|MTU) = .*\n", "", text)


def of_relay(plan: Plan) -> str:
    part = plan.hosts["relay"]
    interface = f"[Interface]\nPrivateKey = {pair('relay')[0]}\nListenPort = {part.port + 1}\n"
    return interface + "".join(
        f"[Peer]\nPublicKey = {client.key}\nAllowedIPs = {', '.join(client.allowed)}\n"
        for client in part.clients
    )


@pytest.mark.lab
def test_a_real_client_reaches_what_is_exposed_and_nothing_else(here: Run, inventory: Path) -> None:
    text = here("overlay", "phone", "anns", "--role", "family").stdout
    plan = from_text(inventory.with_name("plan.json").read_text())
    at = {name: part.ipv4 for name, part in plan.hosts.items()}
    device, client = f"simr{os.getpid()}", f"phone{os.getpid()}"
    # A phone whose owner would like to reach more.
    greedy = re.sub("AllowedIPs = .*", f"AllowedIPs = {plan.ipv4}", text)
    with ExitStack() as stack:
        relay, phone, hosts = (stack.enter_context(namespace()) for _ in range(3))
        cable(relay, "eth0", phone, "eth0")
        cable(relay, "sim0", hosts, "wire")
        address(relay, "eth0", "192.0.2.1/24")
        address(phone, "eth0", "192.0.2.2/24")
        address(relay, "sim0", f"{at['relay']}/32")
        for name in ("box", "other"):
            address(hosts, "wire", f"{at[name]}/32")
            route(relay, at[name], "dev", "sim0")
        route(hosts, "default", "via", at["relay"], "dev", "wire", "onlink")
        run("ip", "netns", "exec", relay, "sysctl", "-qw", "net.ipv4.ip_forward=1")
        run("ip", "netns", "exec", relay, "nft", "-f", "-", stdin=ruleset(plan, "relay"))
        stack.enter_context(wireguard(relay, device, of_relay(plan)))
        route(relay, at["anns"], "dev", device)
        stack.enter_context(listening(hosts, [80]))
        to_box, to_other = (at["anns"], at["box"], 80), (at["anns"], at["other"], 80)
        for settings in (text, greedy):
            with wireguard(phone, client, stripped(settings)):
                address(phone, client, f"{at['anns']}/32")
                route(phone, plan.ipv4, "dev", client)
                assert reached(phone, [to_box, to_other], 2) == {to_box: True, to_other: False}
    assert not list(Path("/run/wireguard").glob(f"*{os.getpid()}*"))
