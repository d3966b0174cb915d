"""Knocking: how a host that was invited joins, at any member's door.

It proves its CURVE key by the connection, its signing key and the token by signatures, and believes
nothing that it is told but what the network's root key, which is in the token, proves.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Sequence
from typing import Any, Final

import msgpack
import zmq
from zmq.utils.monitor import recv_monitor_message

from simulacra.actors.cluster.admissions import bind
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.invitations import DOOR_PORT, Token
from simulacra.actors.cluster.reception import Knock, Refusal, Welcome
from simulacra.actors.cluster.records import MalformedRecordError, plain, read
from simulacra.actors.runtime.keys import KeyPair

TIMEOUT: Final = 15.0
WELCOME_LIMIT: Final = 64 * 1024 * 1024
_RETRY_MS: Final = 200
_RETRY_MAX_MS: Final = 1000
_HIGHEST_PORT: Final = 65535


class KnockError(Exception):
    """A host was not let in.

    Attributes:
        code: a `Refusal`'s, or ``unreachable``, ``usage`` or ``not_proved``.
    """

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code = code


def knock(
    token: Token,
    hosts: Sequence[str],
    *,
    name: str,
    pair: KeyPair,
    own: Signer,
    address: str = "",
    timeout: float = TIMEOUT,
) -> Welcome:
    """Join a network at the first of some members that answers.

    Args:
        token: the invitation.
        hosts: ``HOST[:PORT]`` of members.
        name: what this host is to be called.
        pair: its CURVE keys.
        own: its signing key.
        address: ``host:port`` where it listens, if others reach it there.
        timeout: seconds for each of the hosts.

    Raises:
        KnockError: none lets it in; says why, and what to do.
    """
    binding = bind(token, host=name, curve=pair.public, own=own, address=address)
    question = msgpack.packb({"knock": plain(Knock(token.invitation, binding))})
    endpoints = [_endpoint(host) for host in hosts]
    errors: list[KnockError] = []
    for host, endpoint in zip(hosts, endpoints, strict=True):
        try:
            welcome = _ask(host, endpoint, token.door, pair, question, timeout)
        except KnockError as error:
            errors.append(error)
            # Another host would say the same, unless this one is none of the network's.
            if error.code not in ("unreachable", "no_member", "failed"):
                break
        else:
            return _proved(welcome, token, pair, host)
    raise KnockError(errors[-1].code, "; ".join(map(str, errors)))


def _ask(
    host: str, endpoint: str, door: str, pair: KeyPair, question: bytes, timeout: float
) -> Welcome:
    with zmq.Context() as context, context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        dealer.ipv6 = "[" in endpoint
        dealer.curve_serverkey = door.encode()
        dealer.curve_publickey = pair.public.encode()
        dealer.curve_secretkey = pair.secret.encode()
        dealer.maxmsgsize = WELCOME_LIMIT
        dealer.reconnect_ivl, dealer.reconnect_ivl_max = _RETRY_MS, _RETRY_MAX_MS
        monitor = dealer.get_monitor_socket(zmq.EVENT_CONNECTED | zmq.EVENT_HANDSHAKE_SUCCEEDED)
        try:
            dealer.connect(endpoint)
            dealer.send(question)
            answer = _await(host, dealer, monitor, time.monotonic() + timeout)
        finally:
            dealer.disable_monitor()
            monitor.close()
    return _read(answer, host)


def _await(
    host: str, dealer: zmq.Socket[bytes], monitor: zmq.Socket[bytes], deadline: float
) -> bytes:
    """The answer; when there is none, how far it got tells why."""
    poller = zmq.Poller()
    poller.register(dealer, zmq.POLLIN)
    poller.register(monitor, zmq.POLLIN)
    events: set[int] = set()
    while (left := deadline - time.monotonic()) > 0:
        ready = dict(poller.poll(int(left * 1000) + 1))
        if dealer in ready:
            return dealer.recv()
        if monitor in ready:
            events.add(recv_monitor_message(monitor)["event"])
    if zmq.EVENT_HANDSHAKE_SUCCEEDED in events:
        text = f"{host} let us in as far as its door and then gave no answer: try again"
    elif zmq.EVENT_CONNECTED in events:
        text = (
            f"{host} answers, but not with the door of the network that invited: it is no member "
            "of it, that is not the door's port, or the door is crowded; try another member"
        )
    else:
        text = (
            f"nothing answers at {host}: is the host up, is a node running there (simulacra up), "
            f"does its firewall let port {DOOR_PORT} in?"
        )
    raise KnockError("unreachable", text)


def _read(answer: bytes, host: str) -> Welcome:
    try:
        data: Any = msgpack.unpackb(answer)
        if not isinstance(data, dict):
            raise MalformedRecordError("not a map")
        if "refused" in data:
            refusal = read(Refusal, data["refused"])
            raise KnockError(refusal.code, f"{host}: {refusal.text}")
        return read(Welcome, data.get("welcome"))
    except (ValueError, msgpack.UnpackException) as error:
        raise KnockError(
            "malformed", f"{host} gave an answer that is not understood here: {error}"
        ) from error


def _proved(welcome: Welcome, token: Token, pair: KeyPair, host: str) -> Welcome:
    """The welcome, if the root key in the token proves that this host is in."""
    if welcome.root != token.invitation.root:
        raise KnockError("not_proved", f"{host} welcomed us to another network than invited us")
    why_not = welcome.roll().why_not(pair.public)
    if why_not is not None:
        raise KnockError("not_proved", f"{host} welcomed us without the proof: {why_not}")
    return welcome


def _endpoint(host: str) -> str:
    """Where to connect, with the name looked up, as libzmq would look for it for ever in silence.

    Raises:
        KnockError: this is no host, or has no address.
    """
    name, port = _split(host)
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)[0][4][0]
    except (OSError, UnicodeError) as error:
        raise KnockError(
            "usage", f"no address is known of {name!r} ({error}): give the host's IP address"
        ) from None
    return f"tcp://[{found}]:{port}" if ":" in str(found) else f"tcp://{found}:{port}"


def _split(host: str) -> tuple[str, int]:
    bare = host.strip("[]")
    try:
        return str(ipaddress.ip_address(bare)), DOOR_PORT
    except ValueError:
        pass
    name, colon, port = host.rpartition(":")
    if not colon:
        return host, DOOR_PORT
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _HIGHEST_PORT):
        raise KnockError("usage", f"{host!r} is not HOST or HOST:PORT, as in nas.local:{DOOR_PORT}")
    return name.strip("[]"), int(port)
