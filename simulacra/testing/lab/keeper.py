"""The process that a lab is: it lives in the bridges' namespace, and all hosts end with it.

It takes orders at the socket ``control`` in the lab's folder: one JSON object a connection, on one
line, ``{"verb": ..., "args": {...}}``, answered by one line, the lab's state or ``{"error": ...,
"hint": ...}``. It ends by the order ``down``, by SIGTERM, and, unless it was told to ``stay``, when
its standard input closes: then the one who wanted the lab is dead. It says on its standard output
how starting went, in one such line.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from simulacra.testing.lab import folders
from simulacra.testing.lab.furniture import furnish
from simulacra.testing.lab.holding import Holder
from simulacra.testing.lab.machine import TIMEOUT, Machine, batch, feed
from simulacra.testing.lab.plan import LabError, Plan
from simulacra.testing.lab.wiring import Wiring

_LONGEST_ORDER: Final = 1 << 20
_WIRING: Final = frozenset({"split", "cut", "slow", "lose", "unplug", "plug", "mend", "heal"})


class Keeper:
    """A lab's hosts and cables.

    Args:
        plan: what it is to be.
        folder: its own.
        shared: what the environments of all hosts have in common.

    Attributes:
        stays: whether the lab is to go on without the one who wanted it.
    """

    def __init__(self, plan: Plan, folder: Path, shared: dict[str, str]) -> None:
        self.stays = False
        self._plan, self._folder, self._shared = plan, folder, shared
        self._wiring = Wiring(plan)
        self._machines = {host: Machine(host, folder) for host in plan.hosts}
        self._holder = Holder()

    def up(self) -> None:
        """Start it all.

        Raises:
            LabError: it cannot be.
        """
        batch("ip", self._plan.bridges())
        self._boot(self._plan.hosts)

    def down(self) -> None:
        """End all hosts at once."""
        for machine in self._machines.values():
            machine.kill()

    def obey(self, verb: str, args: dict[str, Any]) -> dict[str, Any]:
        """Do as told and return the state after it.

        Raises:
            LabError: it cannot be done.
        """
        if verb in _WIRING:
            self._rewire(getattr(self._wiring, verb)(**args))
        elif verb == "start":
            self._start(**args)
        elif verb == "kill":
            self._kill(**args)
        elif verb == "stay":
            self.stays = True
        elif verb not in {"status", "down"}:
            raise LabError(f"there is no order {verb!r}")
        return self._state()

    def _state(self) -> dict[str, Any]:
        hosts = [
            {
                "host": host,
                "address": self._plan.address(host),
                "zone": self._plan.zone(host),
                "pid": machine.first,
            }
            for host, machine in self._machines.items()
        ]
        return {
            "lab": self._folder.name,
            "pid": os.getpid(),
            "hosts": hosts,
            "links": self._wiring.words(),
            "dropped": self._holder.lost,
        }

    # -- hosts

    def _boot(self, hosts: list[str]) -> None:
        deadline = time.monotonic() + TIMEOUT
        machines = [self._machines[host] for host in hosts]
        for machine in machines:
            machine.boot(self._plan.environ(machine.name, self._shared))
        for machine in machines:
            machine.wait("booted", deadline)
        batch("ip", (line for each in machines for line in self._plan.cable(each.name, each.space)))
        for machine in machines:
            machine.go_on()
        for machine in machines:
            machine.wait("ready", deadline)

    def _start(self, host: str) -> None:
        self._plan.number(host)
        if self._machines[host].first:
            raise LabError(f"host {host} is up already")
        self._end(host)
        try:
            self._boot([host])
            batch("tc", self._wiring.shaping(host))
            if host in self._wiring.unplugged:
                batch("ip", [f"link set {self._plan.port(host)} down"])
        except BaseException:
            # Half of a host would be taken for one that is up.
            self._end(host)
            raise
        self._hold()

    def _kill(self, host: str) -> None:
        self._plan.number(host)
        self._end(host)
        self._hold()

    def _end(self, host: str) -> None:
        self._machines[host].kill()
        # The kernel may take its time with the namespace, and so with the cable in it.
        with contextlib.suppress(LabError):
            batch("ip", [f"link del {self._plan.port(host)}"])

    # -- cables

    def _rewire(self, after: Wiring) -> None:
        before = self._wiring
        up = {self._plan.port(host) for host, each in self._machines.items() if each.first}
        ports = {self._plan.port(host) for host in self._plan.hosts}
        dead = ports - up

        def living(line: str) -> bool:
            return not dead.intersection(line.split())

        batch("ip", filter(living, after.cables(before)))
        batch("tc", filter(living, after.reshaping(before)))
        if after.links != before.links:
            feed(["nft", "-f", "-"], after.ruleset())
        self._wiring = after
        self._hold()

    def _hold(self) -> None:
        up = {self._plan.port(host) for host, each in self._machines.items() if each.first}
        held = [link for link in self._wiring.held() if {link.source_port, link.target_port} <= up]
        self._holder.hold(held)


def serve(keeper: Keeper, listener: socket.socket, guard: int) -> None:
    """Obey until told to end, or until the guard's pipe closes on a lab that does not stay."""
    while True:
        watched: list[Any] = [listener] if keeper.stays else [listener, guard]
        ready = select.select(watched, [], [])[0]
        if guard in ready and not os.read(guard, 1):
            return
        if listener in ready:
            connection, _ = listener.accept()
            with connection:
                connection.settimeout(TIMEOUT)
                # Whoever hangs up, or says nothing, gets nothing.
                with contextlib.suppress(OSError):
                    if not _answer(keeper, connection):
                        return


def _answer(keeper: Keeper, connection: socket.socket) -> bool:
    """Obey one order; False where it was to end."""
    with connection.makefile("rb") as lines:
        line = lines.readline(_LONGEST_ORDER)
    verb = ""
    try:
        order = json.loads(line)
        verb = order["verb"]
        if verb == "down":
            keeper.down()
        answer = keeper.obey(verb, order["args"])
    except LabError as error:
        answer = refusal(error)
    except (LookupError, TypeError, ValueError, OSError, subprocess.SubprocessError) as error:
        # One wrong order, or one tool that fails, is not the lab's end.
        answer = refusal(LabError(f"the order cannot be obeyed: {type(error).__name__}: {error}"))
    connection.sendall(json.dumps(answer).encode() + b"\n")
    return bool(verb != "down")


def refusal(error: LabError) -> dict[str, str]:
    """An error as an answer."""
    return {"error": str(error.args[0]), "hint": error.hint}


def main() -> None:
    """Keep the lab that the first argument says, as JSON, until it is to end."""
    order = json.loads(sys.argv[1])
    folder = Path(order["folder"])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    plan = Plan(tuple(tuple(zone) for zone in order["zones"]))
    keeper = Keeper(plan, folder, order["environ"])
    try:
        (folder / "pid").write_text(str(os.getpid()))
        with socket.socket(socket.AF_UNIX) as listener:
            try:
                furnish(plan, folder, order["environ"], order["python"])
                keeper.up()
                listener.bind(str(folder / "control"))
                listener.listen()
            except (LabError, OSError) as error:
                known = error if isinstance(error, LabError) else LabError(str(error))
                _say(refusal(known))
                return
            _say(keeper.obey("status", {}))
            serve(keeper, listener, sys.stdin.fileno())
    finally:
        keeper.down()
        folders.remove(folder)


def _say(answer: dict[str, Any]) -> None:
    """Tell how it went, and nothing more: whoever listens goes away."""
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()
    null = os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, sys.stdout.fileno())
    os.close(null)


if __name__ == "__main__":
    main()
