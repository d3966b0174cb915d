"""What the gateway tells of the overlay: ``overlay``, ``overlay_ping``, ``overlay_check``."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from simulacra.actors.gateway.call import Call, Handler
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, ActorSystem, AskTimeoutError
from simulacra.overlay.mesh import prober
from simulacra.overlay.mesh.checking import compare
from simulacra.overlay.mesh.helper_client import HelperError
from simulacra.overlay.mesh.messages import Rotate, Show
from simulacra.overlay.mesh.overlay import OVERLAY, Overlay
from simulacra.overlay.mesh.rotation import RotationError
from simulacra.overlay.plan import phone
from simulacra.overlay.plan.document import HostPlan

_ASKING: Final = 10.0
_PATIENCE: Final = 2.0
_MOST: Final = 10_000


def overlay_verbs(system: ActorSystem, overlay: Overlay | None) -> Mapping[str, Handler]:
    """The handlers, for a node that is in an overlay or not."""
    verbs = _Verbs(system, overlay)
    return {
        "overlay": verbs.status,
        "overlay_ping": verbs.ping,
        "overlay_check": verbs.check,
        "overlay_rotate": verbs.rotate,
    }


class _Verbs:
    def __init__(self, system: ActorSystem, overlay: Overlay | None) -> None:
        self._system, self._overlay = system, overlay

    def status(self, call: Call) -> Iterator[object]:
        """The overlay as this host has it: each route, and how good it is."""
        del call
        self._entered()
        yield self._ask("status")

    def ping(self, call: Call) -> Iterator[object]:
        """Probe a host again and again, once a second, by the way that everything takes."""
        host, count = call.arg("host", str), call.arg("count", int, 4)
        part = _other(self._entered(), host)
        if count < 1:
            raise GatewayError(ErrorCode.USAGE, f"{count} probes are none", "say --count 4")
        for number in range(1, min(count, _MOST) + 1):
            if number > 1:
                call.cancelled.wait(call.arg("interval", float, 1.0))
            call.check()
            yield {
                "number": number,
                "host": host,
                **self._probe(part.ipv4, number),
                **self._way(host),
            }

    def check(self, call: Call) -> Iterator[object]:
        """Which hosts reach which, as the plan says and as they measured it."""
        del call
        overlay = self._entered()
        yield {"pairs": compare(overlay.plan, self._ask("lines"))}

    def rotate(self, call: Call) -> Iterator[object]:
        """Give this host another key, once all others know it; whom that waits for."""
        overlay = self._entered()
        phones = phone.users(overlay.plan, overlay.host)
        if phones and not call.arg("force", bool, False):
            raise _of_phones(phones)
        try:
            waits = self._system.ref(OVERLAY).ask(Rotate(), timeout=_ASKING)
        except (RotationError, HelperError, NotImplementedError) as error:
            raise GatewayError(
                ErrorCode.FAILED,
                f"this host's key cannot be replaced: {error}",
                "see for whom it waits: simulacra overlay status",
            ) from error
        except (ActorDeadError, AskTimeoutError) as error:
            raise _silent(error) from error
        yield {"waits_for": waits, "phones": list(phones)}

    def _probe(self, address: str, number: int) -> dict[str, Any]:
        began = time.monotonic()
        try:
            trip, why = prober.ping(address, number, _PATIENCE), ""
        except OSError as error:
            trip, why = None, str(error)
        late = "" if trip is not None else f"no answer in {time.monotonic() - began:.1f} s"
        return {"round_trip": trip, "why": why or late}

    def _way(self, host: str) -> dict[str, Any]:
        routes = self._ask("status")["routes"]
        line = next((each for each in routes if each["host"] == host), None)
        return {} if line is None else {"how": line["how"], "relays": line["relays"]}

    def _entered(self) -> Overlay:
        if self._overlay is None:
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                "this node is in no overlay",
                "give it the plan of one: plan = '/etc/simulacra/plan.json' in simulacra.toml",
            )
        return self._overlay

    def _ask(self, what: str) -> Any:
        try:
            return self._system.ref(OVERLAY).ask(Show(what), timeout=_ASKING)
        except (ActorDeadError, AskTimeoutError) as error:
            raise _silent(error) from error


def _other(overlay: Overlay, host: str) -> HostPlan:
    """A host of the overlay that is not this one."""
    hint = "see who is in it: simulacra overlay status"
    part = overlay.plan.hosts.get(host)
    if part is None:
        raise GatewayError(ErrorCode.NOT_FOUND, f"the overlay has no host {host}", hint)
    if host == overlay.host:
        raise GatewayError(ErrorCode.USAGE, f"{host} is this host", hint)
    return part


def _of_phones(phones: Sequence[str]) -> GatewayError:
    return GatewayError(
        ErrorCode.FAILED,
        f"with another key of this host's these phones would reach nothing any more: "
        f"{', '.join(phones)}; nothing is changed",
        "if that is meant: simulacra overlay rotate --force; then show each phone a new code",
    )


def _silent(error: Exception) -> GatewayError:
    return GatewayError(
        ErrorCode.TIMED_OUT,
        f"the overlay's actor does not answer: {error}",
        "its log says more; is the helper up? systemctl status simulacra-overlay-helper",
    )
