"""The ``membership`` actor: the machine of swim.py, driven by real time and the node's transport.

Packets go as tells from one host's ``membership`` to another's, at most once. A host that is not
connected is dialed, and what is for it waits, a few packets for a moment; what waits longer is
dropped, as the machine expects of any network. Changes are told to the process group ``GROUP`` of
this node, and to a callback.

A folder keeps what must outlive the process: this host's incarnation, so that each start begins a
higher one, and the hosts that it knew, whom it greets when it starts.
"""

from __future__ import annotations

import json
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import Any, Final, get_args

from simulacra.actors.cluster.members import Member, State
from simulacra.actors.cluster.packets import Packet
from simulacra.actors.cluster.swim import Swim
from simulacra.actors.cluster.swim_events import (
    Arrived,
    Command,
    Declare,
    Event,
    Lost,
    Met,
    Near,
    Review,
    Send,
    Tick,
    Watch,
    WriteOff,
)
from simulacra.actors.cluster.swim_settings import Settings
from simulacra.actors.cluster.view import Changed, Contested, Remember
from simulacra.actors.private_files import replace_private
from simulacra.actors.runtime import Actor, ExitReason
from simulacra.actors.runtime.errors import MailboxFullError
from simulacra.actors.runtime.timers import Timer
from simulacra.actors.runtime.turns import never_wait
from simulacra.actors.runtime.wire_types import register

logger = logging.getLogger(__name__)

MEMBERSHIP: Final = "membership"
GROUP: Final = "membership.changes"
_PACKETS: Final = get_args(Packet)
_EVENTS: Final = (Tick, Met, Lost, Declare, Watch, WriteOff, Review)
_WAITING: Final = 8  # packets for a host that is being dialed
_WAIT: Final = 2.0  # seconds that they wait


@register("membership.table-please")
@dataclass(frozen=True, slots=True)
class TableQuery:
    """Answered with a list of `Entry`, by name."""


@register("membership.entry")
@dataclass(frozen=True, slots=True)
class Entry:
    """A host, as the asked one holds it.

    Attributes:
        host: its name.
        key: its public key.
        address: where it listens, ``host:port``.
        incarnation: of its record.
        state: how it stands, as `State` spells it.
        since: seconds since that changed here.
        heard: seconds since it was heard directly; None if it was not.
    """

    host: str
    key: str
    address: str
    incarnation: int
    state: str
    since: float
    heard: float | None


class Memory:
    """What outlives the process, in two files of a folder: ``incarnation`` and ``known.json``.

    Args:
        folder: made where absent.
    """

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._incarnation = folder / "incarnation"
        self._known = folder / "known.json"

    def next_life(self) -> int:
        """A higher incarnation than any before, already written down."""
        try:
            last = int(self._incarnation.read_text())
        except FileNotFoundError:
            last = 0
        except ValueError:
            logger.warning("%s holds no number: others will say how high to go", self._incarnation)
            last = 0
        self.remember(last + 1)
        return last + 1

    def remember(self, incarnation: int) -> None:
        """This is the incarnation now."""
        replace_private(self._incarnation, f"{incarnation}\n")

    def keep(self, members: list[Member]) -> None:
        """These are the hosts to greet after a restart."""
        replace_private(self._known, json.dumps([(m.host, m.key, m.address) for m in members]))

    def known(self) -> list[Member]:
        """The hosts that were known when the node ended."""
        try:
            told = json.loads(self._known.read_text())
            return [
                Member(str(host), str(key), str(address), 0, State.DOWN)
                for host, key, address in told
            ]
        except FileNotFoundError:
            return []
        except (ValueError, TypeError):
            logger.warning("%s is damaged: hosts are learned anew from others", self._known)
            return []


class Membership(Actor):
    """See the module.

    Args:
        host: this host's name.
        key: its public key.
        address: ``host:port`` where others reach it.
        memory: what outlives the process.
        connected: whether the transport is connected to a host just now.
        dial: makes the transport connect to ``tcp://host:port`` with a key, if it does not yet.
        on_change: told of every change, with the record of the host as it is now, in the actor's
            thread: it must be quick.
        on_near: told whom this host has to be connected to, in the actor's thread, too.
        admits: whether a host of that name may have that key.
        settings: how patient to be.
    """

    def __init__(
        self,
        host: str,
        key: str,
        address: str,
        *,
        memory: Memory,
        connected: Callable[[str], bool],
        dial: Callable[[str, str], object],
        on_change: Callable[[Changed, Member | None], object] = lambda *_: None,
        on_near: Callable[[frozenset[str]], object] = lambda _: None,
        admits: Callable[[str, str], bool] = lambda *_: True,
        settings: Settings | None = None,
    ) -> None:
        self._memory = memory
        self._connected = connected
        self._dial = dial
        self._on_change = on_change
        self._on_near = on_near
        self._waiting: dict[str, deque[tuple[float, Packet]]] = {}
        self._timer: Timer | None = None
        self._dropped = 0
        self._swim = Swim(
            Member(host, key, address, memory.next_life(), State.UP),
            random=SystemRandom(),
            settings=settings,
            contacts=memory.known(),
            admits=admits,
            now=_now(),
        )

    def on_start(self) -> None:
        """Begin. Nobody is waited for: a peer that takes no mail must not make this host late."""
        never_wait()
        self._step(Tick())

    def on_receive(self, message: Any) -> Any:
        """Packets, events of the node and the user (`swim`), and `TableQuery`."""
        match message:
            case TableQuery():
                return self._entries()
            case _ if isinstance(message, _PACKETS):
                self._step(Arrived(message))
            case _ if isinstance(message, _EVENTS):
                self._step(message)
                if isinstance(message, Met):
                    self._send_waiting(message.host)
            case _:
                self.refuse(message)
        return None

    def on_stop(self, reason: ExitReason) -> None:
        """Keep who was known."""
        del reason
        self._keep()

    # -- the machine

    def _step(self, event: Event) -> None:
        for command in self._swim.step(event, _now()):
            self._perform(command)
        self._set_timer()

    def _set_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        due = self._swim.deadline()
        self._timer = None if due is None else self.send_after(max(0.0, due - _now()), Tick())

    def _perform(self, command: Command) -> None:
        match command:
            case Send(host, packet):
                self._send(host, packet)
            case Remember(incarnation):
                self._memory.remember(incarnation)
            case Changed():
                self._changed(command)
            case Near(hosts):
                self._on_near(hosts)
            case Contested(key, address):
                me = self._swim.me.host
                logger.error(
                    "the host at %s (key %s) bears the name of this one, %s: rename one of the "
                    "two: simulacra up --name OTHER",
                    address,
                    key,
                    me,
                )

    def _changed(self, change: Changed) -> None:
        logger.info(
            "%s: %s -> %s: %s", change.host, change.old or "-", change.new or "-", change.reason
        )
        self._on_change(change, self._swim.contact(change.host))
        for ref in self.system.groups.own().get(GROUP, ()):
            ref.tell(change)
        if change.old is None or change.new is None:
            self._keep()

    def _keep(self) -> None:
        me = self._swim.me.host
        self._memory.keep(
            [each for each in self._swim.members() if each.host != me and each.state != State.LEFT]
        )

    # -- packets

    def _send(self, host: str, packet: Packet) -> None:
        if self._connected(host):
            self._tell(host, packet)
            return
        member = self._swim.contact(host)
        if member is None:
            self._dropped += 1
            return
        waiting = self._waiting.setdefault(host, deque(maxlen=_WAITING))
        self._dropped += len(waiting) == _WAITING
        waiting.append((_now(), packet))
        self._dial(f"tcp://{member.address}", member.key)

    def _send_waiting(self, host: str) -> None:
        for since, packet in self._waiting.pop(host, ()):
            if _now() - since <= _WAIT:
                self._tell(host, packet)
            else:
                self._dropped += 1

    def _tell(self, host: str, packet: Packet) -> None:
        try:
            self.system.ref(f"{MEMBERSHIP}@{host}").tell(packet)
        except MailboxFullError:  # the peer takes nothing: as if lost on the way
            self._dropped += 1

    # -- questions

    def _entries(self) -> list[Entry]:
        return [self._entry(member) for member in self._swim.members()]

    def _entry(self, member: Member) -> Entry:
        since, heard = self._swim.age(member.host)
        return Entry(
            member.host,
            member.key,
            member.address,
            member.incarnation,
            member.state.value,
            since,
            heard,
        )


def _now() -> float:
    """Seconds that go on while the machine is suspended, so that the machine notices."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)
