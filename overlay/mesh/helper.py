"""The overlay's helper: the one small process that may change devices, routes and the firewall.

It takes requests at a Unix socket (`helper_socket`). It does seven things, and holds the host's
private key, which it gives to nobody::

    look                    the mesh as it is
    apply   changes         changes to it, within the overlay
    ruleset                 the access lists of the plan in force, by nftables
    key     which           the public half of the host's key: "present", "next"
    turn                    the next key is the present one from now on
    tunnels relays, gone    OpenVPN to these relays, and for all whom this host serves but these
    fingerprint             of the host's certificate for OpenVPN

Before it changes anything it has nftables let in whom the plan lets in. It needs CAP_NET_ADMIN,
and the folders of its socket and its state. Where the kernel has no WireGuard it starts
wireguard-go. OpenVPN it starts as the plan says, unless another does.
"""

from __future__ import annotations

import argparse
import logging
import pwd
import signal
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

from pyroute2 import IPRoute

from simulacra.overlay.mesh import kernel
from simulacra.overlay.mesh.applying import Hands
from simulacra.overlay.mesh.backends import Backend, BackendError
from simulacra.overlay.mesh.changes import change_from_plain, seen_to_plain
from simulacra.overlay.mesh.guarding import ForbiddenError, check
from simulacra.overlay.mesh.helper_socket import Server, listen
from simulacra.overlay.mesh.keyfile import KeyStore, PrivateKeyError
from simulacra.overlay.mesh.model import ModelError
from simulacra.overlay.mesh.netlink import Netlink
from simulacra.overlay.mesh.openvpn import SHARED_WARNING, instances
from simulacra.overlay.mesh.openvpn_keys import places, shared_key
from simulacra.overlay.mesh.openvpn_processes import Processes, names_in
from simulacra.overlay.mesh.userspace import Userspace
from simulacra.overlay.mesh.wall import Wall
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.text import PlanTextError, from_text

SOCKET: Final = Path("/run/simulacra/overlay.sock")
STATE: Final = Path("/var/lib/simulacra")
PLAN: Final = Path("/etc/simulacra/plan.json")

_MOST_CHANGES: Final = 20_000
_REFUSALS: Final = (
    BackendError,
    ForbiddenError,
    ModelError,
    PlanTextError,
    PrivateKeyError,
    OSError,
)

logger = logging.getLogger("simulacra.overlay.helper")


class Helper:
    """What the helper does for one who may ask.

    Args:
        host: this host's name in the plan.
        plan: the plan's file, which is read anew each time it counts.
        state: where the keys lie.
        openvpn: whether it starts and ends OpenVPN; else it only looks at its devices.
        outside: whether its rules guard the host outside of the overlay too.
    """

    def __init__(
        self, host: str, plan: Path, state: Path, *, openvpn: bool = True, outside: bool = False
    ) -> None:
        self._host, self._plan = host, plan
        self._keys = KeyStore(state)
        self._processes = Processes(host, state, starts=openvpn)
        self._lock = threading.Lock()
        iproute = IPRoute()
        there = kernel.is_there(iproute)
        backend: Backend = kernel.Kernel(iproute) if there else Userspace()
        self._hands = Hands(backend, Netlink(iproute), self._keys)
        self._wall = Wall(host, outside=outside)
        self._verbs: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "look": self._look,
            "apply": self._apply,
            "ruleset": self._ruleset,
            "key": self._key,
            "turn": self._turn,
            "tunnels": self._tunnels,
            "fingerprint": lambda _: self._processes.fingerprint(),
        }

    def answer(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Do what is asked, one thing at a time."""
        verb, args = request.get("verb"), request.get("args")
        if not isinstance(verb, str) or verb not in self._verbs or not isinstance(args, dict):
            return {"error": f"there is no verb {verb!r}; there are: {', '.join(self._verbs)}"}
        try:
            with self._lock:
                return {"ok": self._verbs[verb](args)}
        except _REFUSALS as error:
            return {"error": str(error)}

    def _look(self, _: Mapping[str, Any]) -> dict[str, Any]:
        return seen_to_plain(replace(self._hands.look(), outside=self._wall.outside))

    def _apply(self, args: Mapping[str, Any]) -> None:
        plain = args.get("changes")
        if not isinstance(plain, list) or len(plain) > _MOST_CHANGES:
            raise ModelError(f"changes are a list of at most {_MOST_CHANGES}")
        changes = [change_from_plain(each) for each in plain]
        plan = self._read_plan()
        check(changes, [ip_network(plan.ipv4), ip_network(plan.ipv6)])
        # First, so that nobody comes in by a device before it is guarded.
        self._wall.stand(plan)
        self._hands.apply(changes, plan.mtu)

    def _ruleset(self, _: Mapping[str, Any]) -> None:
        self._wall.stand(self._read_plan(), again=True)

    def _key(self, args: Mapping[str, Any]) -> str:
        match args.get("which"):
            case "present":
                return self._keys.public()
            case "next":
                return self._keys.next_public()
        raise ModelError("a host has a key that is 'present' and one that is 'next'")

    def _turn(self, _: Mapping[str, Any]) -> str:
        return self._keys.turn()

    def _tunnels(self, args: Mapping[str, Any]) -> list[dict[str, Any]]:
        return self._processes.keep(
            self._read_plan(), names_in(args, "relays"), names_in(args, "gone")
        )

    def _read_plan(self) -> Plan:
        plan = from_text(self._plan.read_text())
        if self._host not in plan.hosts:
            raise PlanTextError(f"{self._plan} knows no host {self._host}: simulacra hosts plan")
        return plan


def _arguments(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="simulacra-overlay-helper",
        description="Change this host's devices and routes of the overlay for its node.",
    )
    parser.add_argument("--host", required=True, help="this host's name in the plan")
    parser.add_argument("--user", default="0", help="whose node may ask: a name or a number")
    parser.add_argument("--plan", type=Path, default=PLAN, help=f"the plan ({PLAN})")
    parser.add_argument("--socket", type=Path, default=SOCKET, help=f"where to listen ({SOCKET})")
    parser.add_argument("--state", type=Path, default=STATE, help=f"where keys lie ({STATE})")
    parser.add_argument("--show-key", action="store_true", help="print the public key, and end")
    parser.add_argument(
        "--show-fingerprint", action="store_true", help="print that of the certificate, and end"
    )
    parser.add_argument(
        "--openvpn-elsewhere",
        action="store_true",
        help="somebody else starts OpenVPN, as NixOS does: look at its devices alone",
    )
    parser.add_argument(
        "--guard-outside",
        action="store_true",
        help="let in from outside of the overlay what the plan opens there, and nothing else",
    )
    parser.add_argument(
        "--share",
        metavar="OLD",
        help="on a relay: print the configuration of OpenVPN for a host of the old form, with the "
        "key that it shares with this relay, and end",
    )
    return parser.parse_args(words)


def share(host: str, old: str, plan: Plan, state: Path) -> str:
    """The configuration for a host of the old form, with its key in it.

    Raises:
        PlanTextError: the plan has no such host, or it does not come to this relay.
    """
    own = places(state)
    planned = instances(plan, old, own) if old in plan.hosts else ()
    found = [each for each in planned if each.relay == host and "tls-client" not in each.lines]
    if not found:
        raise PlanTextError(f"{old} is no host that shares a key with {host}, by the plan")
    lines = [line for line in found[0].lines if not line.startswith("secret ")]
    key = shared_key(old, own)
    return "".join(f"{line}\n" for line in (*lines, "<secret>")) + f"{key}</secret>\n"


def main(words: Sequence[str] | None = None) -> int:
    """Serve until SIGTERM; the exit code."""
    args = _arguments(sys.argv[1:] if words is None else words)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(message)s")
    try:
        if args.show_key:
            sys.stdout.write(KeyStore(args.state).public() + "\n")
            return 0
        if args.show_fingerprint:
            sys.stdout.write(Processes(args.host, args.state).fingerprint() + "\n")
            return 0
        if args.share:
            plan = from_text(args.plan.read_text())
            sys.stdout.write(share(args.host, args.share, plan, args.state))
            logger.warning(SHARED_WARNING, args.share)
            return 0
        user = int(args.user) if args.user.isdecimal() else pwd.getpwnam(args.user).pw_uid
        helper = Helper(
            args.host,
            args.plan,
            args.state,
            openvpn=not args.openvpn_elsewhere,
            outside=args.guard_outside,
        )
        listener = listen(args.socket)
    except KeyError:
        logger.error("there is no user %s", args.user)  # noqa: TRY400 (no bug)
        return 2
    except (OSError, PlanTextError, PrivateKeyError, ValueError) as error:
        logger.error("the helper cannot start: %s", error)  # noqa: TRY400
        return 1
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(0))
    logger.info("the helper of %s listens at %s", args.host, args.socket)
    Server(helper.answer, listener, user).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
