"""An overlay over a lab: a helper on each host, a plan, and nodes that talk by way of it.

The helpers make each host's key; the plan is made of their public halves, and laid on each host.
Where a host's node is told of the plan, it brings the overlay up before it listens. A host that is
started again starts its helper before its node.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

from simulacra.overlay.mesh.helper_client import HelperClient
from simulacra.overlay.plan.document import Plan
from simulacra.overlay.plan.text import to_text
from simulacra.testing.lab.host import Host
from simulacra.testing.lab.plan import HOME, PORT
from simulacra.testing.lab.running import RunningLab

SOCKET: Final = f"{HOME}/overlay.sock"
PLAN: Final = f"{HOME}/plan.json"
_STATE: Final = f"{HOME}/overlay"
_LOG: Final = f"{HOME}/overlay.log"

_HELPER: Final = """\
rm -f {socket}
setsid {words} </dev/null >{log} 2>&1 &
until test -S {socket}; do
  kill -0 $! 2>/dev/null || {{ cat {log} >&2; exit 1; }}
  sleep 0.02
done
"""

PlanMaker = Callable[[Mapping[str, str]], Plan]


class LabOverlay:
    """The overlay of a lab, from the moment this is made; its helpers end with their hosts.

    Args:
        lab: a lab whose nodes are not up.
        make: gives the plan, from each host's public key.
        hosts: which of the lab's are in it; all if left out.

    Attributes:
        plan: what was made.
        hosts: by name.
        keys: each host's public key.

    Raises:
        LabError: a helper does not start.
    """

    def __init__(self, lab: RunningLab, make: PlanMaker, hosts: Iterable[str] = ()) -> None:
        self.lab = lab
        self.hosts = {name: lab[name] for name in hosts or lab.hosts}
        lab.on_all(lambda host: host.at_boot(_helper(host.name)), self)
        self.keys = {name: self._key(name) for name in self.hosts}
        self.plan = make(self.keys)
        self.lay(self.plan)

    def __iter__(self) -> Iterator[Host]:
        return iter(self.hosts.values())

    def start_nodes(self) -> None:
        """Start a node on every host of the overlay, all in one network that talks by way of it."""
        self.lab.start_nodes(*self.hosts)

    def lay(self, plan: Plan) -> None:
        """Lay a plan on every host that is in it, where nodes that are up see it within seconds."""
        self.plan = plan
        text = to_text(plan)
        for host in (each for each in self if each.name in plan.hosts):
            (host.home / Path(PLAN).name).write_text(text)
            listen = f"{self.address(host.name)}:{PORT}"
            added = {"PLAN": PLAN, "HELPER": SOCKET, "LISTEN": listen}
            told = {f"SIMULACRA_{name}": value for name, value in added.items()}
            self.lab.add_environ(host.name, told)

    def helper(self, host: str) -> HelperClient:
        """A connection to a host's helper, for who looks from outside."""
        return HelperClient(self.lab[host].home / Path(SOCKET).name)

    def address(self, host: str) -> str:
        """A host's IPv4 address in the overlay."""
        return self.plan.hosts[host].ipv4

    def _key(self, host: str) -> str:
        with self.helper(host) as helper:
            return helper.public_key()


def _helper(host: str) -> str:
    """What a host runs when it starts: its helper, until that listens."""
    words = [sys.executable, "-m", "simulacra.overlay.mesh.helper", "--host", host]
    words += ["--user", "root", "--plan", PLAN, "--socket", SOCKET, "--state", _STATE]
    return _HELPER.format(socket=SOCKET, log=_LOG, words=shlex.join(words))
