"""WireGuard's cross-platform protocol as text: what to ask of a device, and what it answers. Pure.

A request is lines of ``key=value`` and an empty line; the answer likewise, its last line
``errno=N``. Keys are in hex. What an answer has that is not expected is an error, not skipped: a
peer that is half understood would be taken for another.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from simulacra.overlay.mesh.backends import DeviceState, Settle, presharing
from simulacra.overlay.mesh.keyfile import public_half
from simulacra.overlay.mesh.model import Contact, ModelError, Peer, split_endpoint

GET: Final = "get=1\n\n"
_NO_KEY: Final = "0" * 64


class UapiError(Exception):
    """An answer is none, or says that it failed.

    Attributes:
        errno: what it said; 0 where it is no answer.
    """

    def __init__(self, text: str, errno: int = 0) -> None:
        super().__init__(text)
        self.errno = errno


def request(
    *, private: str | None = None, port: int | None = None, peers: Sequence[Settle] = ()
) -> str:
    """The request that tells a device its key, port and peers; what is not said stays."""
    lines = ["set=1"]
    lines += [f"private_key={_to_hex(private)}"] if private is not None else []
    lines += [f"listen_port={port}"] if port is not None else []
    for each in peers:
        lines += _settle(each)
    return "".join(f"{line}\n" for line in [*lines, ""])


def _settle(settle: Settle) -> Iterator[str]:
    key = f"public_key={_to_hex(settle.key)}"
    if settle.peer is None or settle.afresh:
        yield from (key, "remove=true")
    if settle.peer is None:
        return
    yield key
    yield f"preshared_key={_to_hex(presharing(settle.peer))}"
    if settle.peer.endpoint is not None:
        yield f"endpoint={settle.peer.endpoint}"
    yield "replace_allowed_ips=true"
    yield from (f"allowed_ip={each}" for each in sorted(settle.peer.allowed))
    # Last: a device that is up speaks to the peer at once when it is told so.
    yield f"persistent_keepalive_interval={settle.peer.keepalive}"


def check(answer: str) -> None:
    """Raise a UapiError unless an answer to `request` says that it is done."""
    for key, value in _pairs(answer):
        raise UapiError(f"the answer has {key}={value}, where only errno was expected")


def parse(answer: str) -> DeviceState:
    """What the answer to `GET` says.

    Raises:
        UapiError: it says that it failed, or something that is not understood.
    """
    found = _Found()
    for key, value in _pairs(answer):
        try:
            found.take(key, value)
        except (ValueError, ModelError) as error:
            raise UapiError(f"the answer has {key}={value!r}: {error}") from error
    return found.state()


@dataclass
class _Peer:
    allowed: set[str] = field(default_factory=set)
    keepalive: int = 0
    endpoint: str = ""
    seconds: int = 0
    nanoseconds: int = 0
    received: int = 0
    sent: int = 0
    barred: bool = False


@dataclass
class _Found:
    """What was read of an answer so far."""

    port: int = 0
    private: str = _NO_KEY
    peers: dict[str, _Peer] = field(default_factory=dict)

    def take(self, key: str, value: str) -> None:
        if key == "public_key":
            self.peers[_from_hex(value)] = _Peer()
        elif self.peers:
            _take_of_peer(next(reversed(self.peers.values())), key, value)
        elif key == "listen_port":
            self.port = int(value)
        elif key == "private_key":
            self.private = value
        elif key != "fwmark":
            raise ValueError("nothing that a device has")

    def state(self) -> DeviceState:
        peers = {
            key: Peer(frozenset(each.allowed), None, each.keepalive, each.barred)
            for key, each in self.peers.items()
        }
        contacts = {
            key: Contact(p.endpoint, p.seconds + p.nanoseconds / 1e9, p.received, p.sent)
            for key, p in self.peers.items()
        }
        public = "" if self.private == _NO_KEY else public_half(_from_hex(self.private))
        return DeviceState(self.port, public, peers, contacts)


def _take_of_peer(peer: _Peer, key: str, value: str) -> None:
    match key:
        case "allowed_ip":
            peer.allowed.add(value)
        case "persistent_keepalive_interval":
            peer.keepalive = int(value)
        case "endpoint":
            split_endpoint(value)
            peer.endpoint = value
        case "last_handshake_time_sec":
            peer.seconds = int(value)
        case "last_handshake_time_nsec":
            peer.nanoseconds = int(value)
        case "rx_bytes":
            peer.received = int(value)
        case "tx_bytes":
            peer.sent = int(value)
        case "preshared_key":
            peer.barred = value != _NO_KEY
        case "protocol_version":
            pass  # there is one
        case _:
            raise ValueError("nothing that a peer has")


def _pairs(answer: str) -> Iterable[tuple[str, str]]:
    """The pairs of an answer before its errno, which has to be 0."""
    if not answer.endswith("\n\n"):
        raise UapiError("the answer is cut short")
    pairs = []
    for line in answer[:-2].split("\n"):
        key, equals, value = line.partition("=")
        if not equals:
            raise UapiError(f"the answer has the line {line!r}")
        pairs.append((key, value))
    key, errno = pairs.pop()
    if key != "errno" or not errno.removeprefix("-").isdecimal():
        raise UapiError("the answer does not end in errno")
    if int(errno):
        raise UapiError(f"refused with errno {errno}", int(errno))
    return pairs


def _to_hex(key: str) -> str:
    return base64.b64decode(key).hex()


def _from_hex(key: str) -> str:
    try:
        return base64.b64encode(binascii.unhexlify(key)).decode()
    except binascii.Error as error:
        raise ValueError("no key in hex") from error
