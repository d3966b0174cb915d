"""The worker's side of the channel: a thread that receives, and what waits for it.

Mail, a freeze, a stop and answers are put where the main thread finds them; the main thread acts
on them at its safe points only. When the node is gone the process ends at once, for nobody would
ever look at its result; so it does when the computation goes on elsewhere. The inbox is bounded by
the window that the node keeps to (`WINDOW` messages sent and not yet taken); a node that sends
more breaks the protocol, which ends the worker.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from typing import Final

from simulacra.actors.compute.channel import Channel, ChannelClosedError
from simulacra.actors.compute.messages import (
    Answer,
    Discard,
    Freeze,
    Mail,
    Message,
    Resume,
    Stop,
    Taken,
    ToNode,
)

WINDOW: Final = 256
EXIT_ORPHANED: Final = 70


class StoppedError(BaseException):
    """The computation is told to end; not an Exception, so that user code does not catch it."""


class Port:
    """Mail and orders from the node, as the main thread sees them."""

    def __init__(self, channel: Channel) -> None:
        """Receive from ``channel`` from now on."""
        self._channel = channel
        self._changed = threading.Condition()
        self._sending = threading.Lock()
        self._mail: deque[Mail] = deque()
        self._answers: dict[int, Answer | None] = {}
        self._freeze: Freeze | None = None
        self._stop: Stop | None = None
        self._requests = 0
        threading.Thread(target=self._receive, name="channel", daemon=True).start()

    def send(self, message: ToNode) -> None:
        """Send to the node; waits while the node is slow."""
        with self._sending:
            self._channel.send(message)

    def send_and_close(self, message: ToNode, fd: int) -> None:
        """Send a message with its descriptor, and close the descriptor here."""
        try:
            self.send(message)
        finally:
            os.close(fd)

    def freeze_wanted(self) -> Freeze | None:
        """The freeze that the node wants at the next safe point, if any.

        Raises:
            StoppedError: the node wants the computation to end.
        """
        with self._changed:
            if self._stop is not None:
                raise StoppedError(self._stop.why)
            return self._freeze

    def end_freeze(self, freeze: Freeze) -> None:
        """A freeze has failed, and is over; the node may want another one by now."""
        with self._changed:
            if self._freeze is freeze:
                self._freeze = None

    def wait_released(self, freeze: Freeze) -> None:
        """Wait until the node resumes what it froze; it may want another freeze by then.

        Raises:
            StoppedError: the computation is to end.
        """
        with self._changed:
            # Without a time-out of its own: a node that is gone closes the channel, which ends us.
            self._changed.wait_for(lambda: self._freeze is not freeze or self._stop is not None)
            if self._stop is not None:
                raise StoppedError(self._stop.why)

    def take_mail(self, timeout: float | None) -> Mail | None:
        """The next mail; None when time is over, or as soon as the node wants a safe point."""
        with self._changed:
            self._changed.wait_for(
                lambda: self._mail or self._freeze is not None or self._stop is not None,
                None if timeout is None else min(timeout, threading.TIMEOUT_MAX),
            )
            if not self._mail or self._freeze is not None or self._stop is not None:
                return None
            mail = self._mail.popleft()
        self.send(Taken(mail.n))
        return mail

    def new_request(self) -> int:
        """A number for an `Ask` or a `Request`, to be awaited with `await_answer`."""
        with self._changed:
            self._requests += 1
            self._answers[self._requests] = None
            return self._requests

    def await_answer(self, request: int, timeout: float | None) -> Answer:
        """The answer to a request.

        Raises:
            TimeoutError: it did not come in time.
            StoppedError: the computation is to end.
        """
        with self._changed:
            try:
                self._changed.wait_for(
                    lambda: self._answers[request] is not None or self._stop is not None,
                    None if timeout is None else min(timeout, threading.TIMEOUT_MAX),
                )
                answer = self._answers[request]
            finally:
                del self._answers[request]
            if answer is not None:
                return answer
            if self._stop is not None:
                raise StoppedError(self._stop.why)
        raise TimeoutError(f"no answer within {timeout} s")

    def _receive(self) -> None:
        try:
            while True:
                message = self._channel.receive()
                with self._changed:
                    self._accept(message)
                    self._changed.notify_all()
        finally:
            os._exit(EXIT_ORPHANED)

    def _accept(self, message: Message) -> None:
        match message:
            case Mail():
                if len(self._mail) >= WINDOW:
                    raise ChannelClosedError("the node sent more mail than the window allows")
                self._mail.append(message)
            case Freeze():
                self._freeze = message
            case Resume():
                self._freeze = None
            case Discard():
                # At once: it runs elsewhere now, and no `finally` of the user's may act here.
                os._exit(0)
            case Stop():
                self._stop = message
            case Answer(request=request) if request in self._answers:
                self._answers[request] = message
            case Answer():
                pass  # its asker has given up
            case _:
                raise ChannelClosedError(f"a worker has no use for a {type(message).__name__}")
