"""WireGuard's text protocol: said as it is specified, and read strictly."""

from __future__ import annotations

import base64

import pytest

from simulacra.overlay.mesh import uapi
from simulacra.overlay.mesh.backends import Settle
from simulacra.overlay.mesh.keyfile import public_half
from simulacra.overlay.mesh.model import Contact, Peer
from tests.overlay.plans import key_of

PRIVATE = key_of("private")
ONE, OTHER = key_of("one"), key_of("other")


def hexed(key: str) -> str:
    return base64.b64decode(key).hex()


ANSWER = f"""\
private_key={hexed(PRIVATE)}
listen_port=51820
fwmark=1
public_key={hexed(ONE)}
preshared_key={"0" * 64}
protocol_version=1
endpoint=192.0.2.7:51820
last_handshake_time_sec=1700000000
last_handshake_time_nsec=500000000
tx_bytes=5
rx_bytes=7
persistent_keepalive_interval=25
allowed_ip=10.44.0.1/32
allowed_ip=fd77::1/128
public_key={hexed(OTHER)}
last_handshake_time_sec=0
errno=0

"""


def test_a_device_is_read_with_its_peers() -> None:
    found = uapi.parse(ANSWER)
    assert (found.port, found.key) == (51820, public_half(PRIVATE))
    assert found.peers == {
        ONE: Peer(frozenset({"10.44.0.1/32", "fd77::1/128"}), None, 25),
        OTHER: Peer(frozenset()),
    }
    assert found.contacts[ONE] == Contact("192.0.2.7:51820", 1700000000.5, 7, 5)
    assert found.contacts[OTHER] == Contact()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("errno=0\n", ""),
        ("\n\n", "\n"),
        ("listen_port=51820", "listen_port=many"),
        ("listen_port", "colour"),
        ("tx_bytes=5", "smell=5"),
        ("endpoint=192.0.2.7:51820", "endpoint=nas:51820"),
        (f"public_key={hexed(ONE)}", "public_key=zz"),
        ("fwmark=1", "fwmark"),
    ],
)
def test_what_is_not_understood_is_refused(old: str, new: str) -> None:
    with pytest.raises(uapi.UapiError):
        uapi.parse(ANSWER.replace(old, new, 1))


def test_a_refusal_has_its_number() -> None:
    with pytest.raises(uapi.UapiError) as caught:
        uapi.check("errno=-98\n\n")
    assert caught.value.errno == -98
    uapi.check("errno=0\n\n")


def test_a_device_is_told_its_peers_one_after_the_other() -> None:
    peer = Peer(frozenset({"10.44.0.1/32"}), "[2001:db8::1]:51820", 25)
    settled = [Settle(OTHER, None), Settle(ONE, peer, afresh=True)]
    assert uapi.request(port=7, peers=settled).splitlines() == [
        "set=1",
        "listen_port=7",
        f"public_key={hexed(OTHER)}",
        "remove=true",
        f"public_key={hexed(ONE)}",
        "remove=true",
        f"public_key={hexed(ONE)}",
        f"preshared_key={'0' * 64}",
        "endpoint=[2001:db8::1]:51820",
        "replace_allowed_ips=true",
        "allowed_ip=10.44.0.1/32",
        "persistent_keepalive_interval=25",
        "",
    ]


def test_one_that_is_barred_has_a_preshared_key_that_nobody_has() -> None:
    barred = Settle(ONE, Peer(frozenset(), barred=True))
    first, second = (uapi.request(peers=[barred]) for _ in range(2))
    assert first != second
    assert "preshared_key=" + "0" * 64 not in first
    said = ANSWER.replace("preshared_key=" + "0" * 64, f"preshared_key={hexed(OTHER)}")
    assert uapi.parse(said).peers[ONE].barred


def test_a_peer_that_stays_where_it_is_is_told_no_endpoint() -> None:
    text = uapi.request(private=PRIVATE, peers=[Settle(ONE, Peer(frozenset()))])
    assert f"private_key={hexed(PRIVATE)}\n" in text
    assert "endpoint" not in text
    assert "remove" not in text
