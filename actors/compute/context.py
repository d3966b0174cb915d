"""What user code sees of Simulacra: ``ctx``, the first argument of ``main``.

One rule says what moving and crashing mean. A computation goes on from a safe point: the code
runs again *from its top*, with ``ctx.state`` as it was at the safe point. Loops of ``ctx.steps``
skip what they have done. So locals are gone, and what is written above the safe point (in `main`,
and in each body around it) runs again: let it set values there, not count.

Safe points are the boundaries between items of `steps`, `checkpoint` and `receive`. There the
computation may be frozen and moved, and writes its checkpoints: one where an outermost loop lists
its items, then one every few seconds (`Spec.checkpoint_every`, and at most a tenth of the time).
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from simulacra.actors.compute.exposed import own_memory
from simulacra.actors.compute.files import DataPath, use
from simulacra.actors.compute.messages import (
    Answer,
    Ask,
    Checkpoint,
    Freeze,
    Frozen,
    Mail,
    NotFrozen,
    Progress,
    Read,
    Reply,
    Request,
    Send,
)
from simulacra.actors.compute.port import WINDOW, Port
from simulacra.actors.compute.snapshot import Snapshot
from simulacra.actors.compute.spec import CHECKPOINT_EVERY
from simulacra.actors.compute.state import State
from simulacra.actors.compute.steps import Loop, Loops
from simulacra.actors.compute.values import CannotPackError, pack, unpack
from simulacra.actors.error_text import error_text

if TYPE_CHECKING:
    import logging

Item = TypeVar("Item")

CHECKPOINT_SHARE: Final = 0.1
REPORT_EVERY: Final = 0.5
FILE_TIMEOUT: Final = 30.0
ASK_TIMEOUT: Final = 5.0


class RemoteAskError(RuntimeError):
    """The one who was asked failed; the text begins with the class of its error."""


class Message:
    """A message to the computation.

    Attributes:
        body: what was sent.
        sender: address of the sender.
    """

    def __init__(self, port: Port, mail: Mail) -> None:
        """Unpack ``mail``."""
        self._port = port
        self._ask = mail.ask
        self.sender: Final = mail.sender
        self.body: Final = unpack(mail.body)

    def __repr__(self) -> str:
        return f"<Message from {self.sender}: {self.body!r}>"

    @property
    def awaits_reply(self) -> bool:
        """Whether the sender waits for `reply`."""
        return self._ask is not None

    def reply(self, value: Any) -> None:
        """Answer the sender; without effect where no answer is awaited."""
        if self._ask is not None:
            self._port.send(Reply(self._ask, pack(value, "the reply")))
            self._ask = None

    def reply_error(self, error: Exception) -> None:
        """Answer the sender with an error, which its ask raises."""
        if self._ask is not None:
            self._port.send(Reply(self._ask, pack(None), (type(error).__name__, error_text(error))))
            self._ask = None


class Context:
    """A computation's access to Simulacra.

    Attributes:
        state: what moves with the computation.
        name: the computation's name.
        host: the host where it runs now.
        args: the positional arguments it was spawned with.
    """

    def __init__(
        self,
        port: Port,
        snapshot: Snapshot,
        *,
        name: str,
        host: str,
        args: tuple[Any, ...] = (),
        checkpoint_every: float = CHECKPOINT_EVERY,
    ) -> None:
        """Go on from ``snapshot``; the worker makes this, user code gets it."""
        self.name: Final = name
        self.host: Final = host
        self.args: Final = args
        self.state: Final = State(snapshot.state if snapshot.version == 0 else {})
        self.save: Callable[[], tuple[Any, int]] = lambda: (self.state.__dict__, 0)
        self._port = port
        self._loops = Loops(snapshot.loops)
        self._consumed = self._covered = snapshot.consumed
        self._sent = snapshot.sent
        self._checkpoint_every = checkpoint_every
        self._next_checkpoint = time.monotonic() + checkpoint_every
        self._next_report = 0.0
        self._read: dict[str, tuple[int, int]] = {}
        use(self)

    @property
    def log(self) -> logging.Logger:
        """A logger whose lines go to the computation's log."""
        import logging  # noqa: PLC0415 - most scripts print; the import would slow their start

        logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.INFO)
        return logging.getLogger(self.name)

    def steps(self, name: str, items: Iterable[Item]) -> Iterator[Item]:
        """Iterate over ``items`` with a safe point before each, and go on where it was.

        The list of items is kept from the first time on; a body that was interrupted runs again;
        a loop that was left is skipped. See docs/guide/computations.md.

        Args:
            name: the loop's name, used once in its place (in `main`, or in the body around it).
            items: a list, a range, or a generator of at most `steps.DRAW_LIMIT` items.

        Raises:
            NameReusedError: the name is used twice in the same place.
            TooManyItemsError: the generator is too long.
        """
        loop = self._loops.enter(name, items)
        return iter(()) if loop is None else self._run(name, loop)

    def _run(self, name: str, loop: Loop) -> Iterator[Any]:
        is_outermost = "/" not in loop.key
        try:
            if loop.is_new and is_outermost:
                self._next_checkpoint = 0.0  # the list is kept before the first body runs
            while loop.has_next:
                self._safe_point()
                if is_outermost:
                    self._report(Progress(name, loop.position, len(loop.items)))
                yield loop.begin()
                loop.advance()
        finally:
            loop.leave()
        self._safe_point()

    def checkpoint(self) -> None:
        """A safe point: the computation may stop here and go on here."""
        self._safe_point()

    def receive(self, timeout: float | None = None) -> Message | None:
        """A safe point, then the next message; None when ``timeout`` seconds are over.

        What a message says must be in ``ctx.state`` before the next safe point: it does not come
        again.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            self._safe_point()
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            mail = self._port.take_mail(left)
            if mail is not None:
                self._consumed = mail.n
                return Message(self._port, mail)
            if deadline is not None and time.monotonic() >= deadline:
                return None

    def send(self, to: str, message: Any) -> None:
        """Send a message to an address, ``name`` or ``name@host``; returns at once."""
        self._sent += 1
        self._port.send(Send(self._sent, to, pack(message, "the message")))

    def ask(self, to: str, message: Any, timeout: float | None = ASK_TIMEOUT) -> Any:
        """Ask an address and wait for the answer; asked again when this code runs again.

        Args:
            to: ``name`` or ``name@host``.
            message: what to ask.
            timeout: seconds; None waits for ever.

        Raises:
            TimeoutError: no answer came in time.
            RemoteAskError: the one who was asked failed.
        """
        request = self._port.new_request()
        self._port.send(Ask(request, to, pack(message, "the message"), timeout))
        answer = self._port.await_answer(request, timeout)
        if answer.error is not None:
            if answer.error[0] == TimeoutError.__name__:  # the node was sooner than this clock
                raise TimeoutError(answer.error[1])
            raise RemoteAskError(": ".join(answer.error))
        return unpack(answer.value)

    def path(self, path: str | DataPath) -> DataPath:
        """A path, ``host:path`` or one of the host where this runs now."""
        return DataPath(str(path))

    def open(self, path: str | DataPath, mode: str = "r", **options: Any) -> Any:
        """Open a file of any host; those of other hosts for reading only.

        Args:
            path: ``host:path``, or a path of the host where this runs now.
            mode: as for the builtin ``open``.
            options: ``encoding`` and ``newline``.
        """
        return self.path(path).open(mode, **options)

    def request(self, op: str, host: str, path: str, offset: int = 0, size: int = 0) -> Any:
        """Ask another host about its files; `DataPath` does, user code need not."""
        request = self._port.new_request()
        self._port.send(Request(request, op, host, path, offset, size))
        answer = self._port.await_answer(request, FILE_TIMEOUT)
        _raise_os_error(answer, f"{host}:{path}")
        return answer.value

    def note_read(self, path: str, size: int) -> None:
        """Count what was opened; told to the node twice a second, for placement."""
        folder = path.rpartition("/")[0] or path
        before, files = self._read.get(folder, (0, 0))
        self._read[folder] = before + size, files + 1
        self._report(None)

    def _report(self, progress: Progress | None) -> None:
        now = time.monotonic()
        if now < self._next_report:
            return
        self._next_report = now + REPORT_EVERY
        for folder, (size, files) in self._read.items():
            self._port.send(Read(folder, size, files))
        self._read.clear()
        if progress is not None:
            self._port.send(progress)

    def _safe_point(self) -> None:
        freeze = self._port.freeze_wanted()
        if freeze is not None:
            self._freeze(freeze)
        elif time.monotonic() >= self._next_checkpoint or self._window_is_half_used():
            self._checkpoint()

    def _freeze(self, freeze: Freeze) -> None:
        snapshot = self._snapshot()
        try:
            exposed = snapshot.expose(portable=freeze.portable)
        except CannotPackError as error:
            # First the end, then the word: the node may answer with another freeze.
            self._port.end_freeze(freeze)
            self._port.send(NotFrozen(str(error), True, freeze.ticket))
            return
        plain = freeze.portable or snapshot.is_plain()
        counts = exposed.size, plain, self._consumed, self._sent
        memory = own_memory()
        self._port.send_and_close(Frozen(*counts, freeze.ticket, exposed.extents(), memory), memory)
        self._port.wait_released(freeze)

    def _checkpoint(self) -> None:
        begun = time.monotonic()
        snapshot = self._snapshot()
        try:
            fd = snapshot.write()
        except CannotPackError as error:
            self._port.send(NotFrozen(str(error), False))
        else:
            counts = os.fstat(fd).st_size, snapshot.is_plain(), self._consumed, self._sent
            self._port.send_and_close(Checkpoint(*counts, fd), fd)
        self._covered = self._consumed
        now = time.monotonic()
        pause = max(self._checkpoint_every, (now - begun) / CHECKPOINT_SHARE)
        self._next_checkpoint = now + pause

    def _window_is_half_used(self) -> bool:
        """Whether much mail waits at the node for a checkpoint that covers it."""
        return self._consumed - self._covered >= WINDOW // 2

    def _snapshot(self) -> Snapshot:
        """What it would take along from here."""
        state, version = self.save()
        return Snapshot(state, version, self._loops.records, self._consumed, self._sent)


def _raise_os_error(answer: Answer, path: str) -> None:
    if answer.error is None:
        return
    kind, text = answer.error
    known = (FileNotFoundError, NotADirectoryError, IsADirectoryError, PermissionError)
    raise {error.__name__: error for error in known}.get(kind, OSError)(f"{path}: {text}")
