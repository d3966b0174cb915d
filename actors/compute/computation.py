"""One computation on one host: its worker, its mail, its moves, and what is kept of it on disk.

The actor lives as long as the computation has anything to do with this host: it runs here, arrives,
leaves, or has ended and its result is kept. It finds all it needs in its folder, so it may itself
be restarted. What it decides, the machines decide: `mail` (letters), `moving` (where it runs),
`restarts` (how often its worker is started again); the actor does what they say.

A worker that is lost goes on from the newest checkpoint, with the mail of that moment.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final

from simulacra.actors.compute import messages as w
from simulacra.actors.compute import moves as m
from simulacra.actors.compute import stub
from simulacra.actors.compute.computing import (
    Await,
    Carry,
    Described,
    Migrate,
    MigratedTo,
    StopIt,
    WorkerEnded,
    WorkerSaid,
    describe_reason,
)
from simulacra.actors.compute.correspondence import Correspondence
from simulacra.actors.compute.letters import (
    Ack,
    Arrived,
    End,
    Freeze,
    Gone,
    Letter,
    Locate,
    Located,
    Moved,
    NotFound,
    Parcel,
    Place,
    Saved,
    Send,
    Thaw,
    Tick,
    Unknown,
)
from simulacra.actors.compute.mail import Endpoint
from simulacra.actors.compute.post import POST, Enter, FindFor, Found, Leave, Resolve
from simulacra.actors.compute.reading import Reading
from simulacra.actors.compute.relocation import FetchDone, Relocation
from simulacra.actors.compute.services import Services
from simulacra.actors.compute.spec import Spec
from simulacra.actors.compute.store import Store
from simulacra.actors.compute.task import Task, start_task
from simulacra.actors.runtime import Actor, ExitReason, Ref
from simulacra.actors.runtime.childspec import Backoff
from simulacra.actors.runtime.futures import Reply
from simulacra.actors.runtime.restarts import RestartWindow, delay_before

logger = logging.getLogger(__name__)

INTENSITY: Final = 3
PERIOD: Final = 60.0
BACKOFF: Final = Backoff(initial=0.1, maximum=5.0)
STOP_GRACE: Final = 5.0


class Computation(Actor):
    """See the module.

    Args:
        party: its name among all computations that ever were.
        services: what the node provides.
        registry: the actor that keeps the table of this node's computations.
    """

    def __init__(self, party: str, services: Services, registry: Ref) -> None:
        self._party = party
        self._services = services
        self._registry = registry
        self._store = Store(services.root / party.replace("#", "-"))
        self._name = party.rpartition("#")[0]
        self._state = "waiting"
        self._reason: ExitReason | None = None
        self._spec: Spec | None = None
        self._task: Task | None = None
        self._run_number = 0
        self._mail: Correspondence | None = None
        self._reading = Reading()
        self._restarts: list[ExitReason] = []
        self._window = RestartWindow()
        self._stopping = False
        self._size = 0
        self._plain: bool | None = None
        self._started = time.time()
        self._moves: list[dict[str, Any]] = []
        self._migrating: tuple[Reply, float] | None = None
        self._frozen_at = 0.0
        self._awaiting: list[Reply] = []
        self._due: float | None = None

    def on_start(self) -> None:
        """Begin from the folder: run, wait for a decision, or stand where something has left."""
        self._relocation = Relocation(
            self._party,
            self._services,
            self._store,
            resident=self,
            send=self._send_move,
            tell_self=self.ref.tell,
        )
        birth = self._store.birth()
        if birth is not None:
            self._spec = Spec.from_plain(birth["spec"])
        result = self._store.result()
        if result is None:
            self._relocation.begin()
        else:
            self._state, self._reason = result["state"], ExitReason(**result["reason"])
        self._after()

    def on_receive(self, message: Any) -> Any:
        """What came; see the messages' classes."""
        answer = self._handle(message)
        self._after()
        return answer

    def _handle(self, message: Any) -> Any:
        match message:
            case WorkerSaid(run, said):
                self._heard_worker(run, said)
            case WorkerEnded(run, reason) if run == self._run_number:
                self._worker_ended(reason)
            case Parcel() | Ack() | Moved() | Gone() | Unknown():
                self._packet(message)
            case Located() | NotFound() if self._mail is not None:
                self._mail.step(message)
            case Carry(host, move):
                self._relocation.heard(host, move)
            case FetchDone():
                self._relocation.fetched(message)
            case Tick():
                self._due = None
                self._relocation.tick()
                if self._mail is not None:
                    self._mail.step(Tick())
            case Migrate(target):
                self._migrate(target)
            case StopIt(kill):
                self._stop(kill=kill)
            case Await():
                self._await()
            case _Resolved(name, found) if self._mail is not None:
                self._mail.resolved(name, found)
            case _StartAgain(run) if run == self._run_number:
                self._go_on()
        return None
