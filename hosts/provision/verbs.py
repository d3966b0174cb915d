"""The gateway's verbs of waking and sleeping: ``wake`` and ``sleep``."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.members import LIVE, State
from simulacra.actors.control.finding import wait
from simulacra.actors.control.network import refuse_outside
from simulacra.actors.control.other_hosts import check_host
from simulacra.actors.gateway.call import Call, Handler
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError
from simulacra.hosts.provision.power import POWER, GoToSleep, SendMagic
from simulacra.hosts.provision.waking import senders

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_MAC: Final = re.compile(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}")
_ASK: Final = 5.0
_AGAIN: Final = 2.0
"""A magic packet may be lost, as any; so it is sent again while the host is waited for."""
_PAUSE: Final = 0.05
_LEAVES_WITHIN: Final = 60.0
_MARGIN: Final = 5.0
_HOWS: Final = ("suspend", "poweroff")


class PowerVerbs:
    """See the module.

    Args:
        node: this host's.
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def table(self) -> Mapping[str, Handler]:
        """The handlers by verb."""
        return {"wake": self.wake, "sleep": self.sleep}

    # -- waking

    def wake(self, call: Call) -> Iterator[object]:
        """Have a host of the sleeper's zone send a magic packet; wait for the sleeper if wanted."""
        refuse_outside(self._node)
        host, mac = call.arg("host", str), call.arg("mac", str)
        zone, waits = call.arg("zone", str), call.arg("wait", bool, False)
        if _MAC.fullmatch(mac) is None:
            raise GatewayError(
                ErrorCode.USAGE, f"{mac!r} is no MAC address", "as in aa:bb:cc:dd:ee:ff"
            )
        if self._is_awake(host):
            yield {"host": host, "by": None, "networks": [], "awake": True}
            return
        began = time.monotonic()
        told = self._send(host, zone, mac)
        yield {"host": host, **told, "awake": False}
        if not waits:
            return
        due = began + _AGAIN
        while not self._is_awake(host):
            call.check()
            if time.monotonic() > due:
                self._send(host, zone, mac)
                due = time.monotonic() + _AGAIN
            time.sleep(_PAUSE)
        yield {"host": host, "awake": True, "took": time.monotonic() - began}

    def _is_awake(self, host: str) -> bool:
        if host == self._node.settings.name:
            return True
        member = self._node.cluster.members.get(host)
        if member is not None and member.state not in LIVE:
            return False  # one that sleeps keeps its connections for a while
        self._node.neighbours.call(host)
        return host in self._node.neighbours.inside()

    def _send(self, host: str, zone: str, mac: str) -> dict[str, Any]:
        zones = self._zones()
        able, failed = senders(zone, zones, self._node.settings.name), []
        if not able:
            awake = ", ".join(f"{each} in {of or 'no zone'}" for each, of in sorted(zones.items()))
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"no host that is awake is in the zone {zone}, where {host} is; awake: {awake}",
                "a magic packet comes only from the same LAN; a node's zone is a setting: "
                f"simulacra up --zone {zone}",
            )
        for each in able:
            try:
                networks = self._node.system.ref(f"{POWER}@{each}").ask(
                    SendMagic(mac), timeout=_ASK
                )
            except (ActorDeadError, AskTimeoutError, OSError) as error:
                failed.append(f"{each}: {error}")
            else:
                return {"by": each, "networks": networks}
        raise GatewayError(
            ErrorCode.UNREACHABLE,
            f"nobody in the zone {zone} can send a magic packet: {'; '.join(failed)}",
            "see who is there: simulacra status",
        )

    def _zones(self) -> dict[str, str | None]:
        """The zones of the hosts that are awake, as they say."""
        hosts = self._node.hosts
        told = {
            each: hosts.of(each) for each in self._node.neighbours.inside() if self._is_awake(each)
        }
        zones = {
            host: None if heard is None else heard.facts.capabilities.get("zone") or None
            for host, heard in told.items()
        }
        return {**zones, self._node.settings.name: self._node.settings.zone or None}

    # -- sleeping

    def sleep(self, call: Call) -> Iterator[object]:
        """Let a host's work leave it, and have it sleep."""
        refuse_outside(self._node)
        host, how = call.arg("host", str), call.arg("how", str, "suspend")
        if how not in _HOWS:
            raise GatewayError(
                ErrorCode.USAGE, f"{how!r} is no way to sleep", f"there are: {', '.join(_HOWS)}"
            )
        check_host(self._node, host)
        within = _LEAVES_WITHIN if call.timeout is None else max(1.0, call.timeout - _MARGIN)
        order = GoToSleep(how, call.arg("force", bool, False), within)
        power = self._node.system.ref(f"{POWER}@{host}")
        try:
            told = wait(call, power.ask(order, block=False, timeout=None))
        except (ActorDeadError, AskTimeoutError, OSError) as error:
            if not self._said_good_night(host):
                raise GatewayError(
                    ErrorCode.UNREACHABLE,
                    f"{host} does not go to sleep: {error}",
                    "see how it is: simulacra status",
                ) from error
            told = {
                "sleeps": True,
                "problem": "",
                "moved": {},
                "main_stores": {},
                "stays": [],
                "notes": [],
            }
        if not told["sleeps"]:
            what = "; ".join([told["problem"], *told["stays"]])
            raise GatewayError(ErrorCode.FAILED, f"{host} stays awake: {what}", _hint(host, told))
        del told["problem"]
        yield {"host": host, "how": how, **told}

    def _said_good_night(self, host: str) -> bool:
        """It sleeps already: its answer was too late to leave."""
        member = self._node.cluster.members.get(host)
        return member is not None and member.state is State.ASLEEP


def _hint(host: str, told: Mapping[str, Any]) -> str:
    if told["stays"]:
        return (
            "what stays goes on from its checkpoint when it is awake again: "
            f"simulacra sleep --force {host}"
        )
    return f"see its log, and the setting sleep on {host}"
