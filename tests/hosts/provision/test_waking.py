"""Magic packets: by which networks they go, who sends them, and what is in them."""

from __future__ import annotations

import socket

import pytest

from simulacra.hosts.provision import waking
from simulacra.hosts.provision.waking import Card, Way, senders, ways

MAC = "aa:bb:cc:dd:ee:0f"


def test_a_packet_goes_by_every_network_that_broadcasts() -> None:
    cards = [
        Card("lo", True, False, ("127.0.0.1/8",)),
        Card("eth0", True, True, ("192.168.1.7/24", "10.0.0.9/8")),
        Card("eth1", False, True, ("192.168.2.7/24",)),
        Card("sim0", True, False, ("10.44.0.1/16",)),
        Card("ppp0", True, True, ("10.1.1.1/32", "10.1.1.2/31")),
        Card("eth0.1", True, True, ("192.168.1.7/255.255.255.0",)),
    ]
    assert ways(cards) == (
        Way("192.168.1.7", "192.168.1.255"),
        Way("10.0.0.9", "10.255.255.255"),
    )


def test_this_machine_has_its_loopback_and_it_hears_no_packets() -> None:
    [loopback] = [each for each in waking.cards() if each.name == "lo"]
    assert "127.0.0.1/255.0.0.0" in loopback.addresses
    assert ways([loopback]) == ()


@pytest.mark.parametrize(
    ("zones", "able"),
    [
        ({"desk": "home", "nas": "home", "here": "home"}, ["here", "desk", "nas"]),
        ({"nas": "home", "desk": "home", "here": "office", "far": None}, ["desk", "nas"]),
        ({"here": "office", "far": None}, []),
    ],
)
def test_a_host_of_the_sleepers_zone_sends_it(
    zones: dict[str, str | None], able: list[str]
) -> None:
    assert senders("home", zones, "here") == able


def test_what_is_sent_is_a_magic_packet(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as card:
        card.bind(("127.255.255.255", 0))
        card.settimeout(60)
        monkeypatch.setattr(waking, "PORT", card.getsockname()[1])
        there, nowhere = Way("127.0.0.1", "127.255.255.255"), Way("192.0.2.1", "192.0.2.255")
        went, failed = waking.send(MAC, [nowhere, there])
        assert went == [there]
        assert len(failed) == 1
        assert failed[0].startswith("192.0.2.255: ")
        assert card.recv(1024) == b"\xff" * 6 + bytes.fromhex(MAC.replace(":", "")) * 16
