"""What a worker saves is kept, or let go; its descriptor is closed either way."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, cast

import pytest

from simulacra.actors.compute.channel import memfd
from simulacra.actors.compute.dossier import Dossier
from simulacra.actors.compute.mailroom import Mailroom
from simulacra.actors.compute.messages import Checkpoint
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.running import Running
from simulacra.actors.compute.store import Kept


class Mail:
    """A mailroom as far as saving goes."""

    def __init__(self, snapshot: dict[str, Any] | None) -> None:
        self._snapshot = snapshot

    def snapshot(self) -> dict[str, Any] | None:
        return self._snapshot

    def saved(self, mail: dict[str, Any]) -> None:
        assert mail == self._snapshot


@pytest.mark.parametrize(
    ("mail", "limit", "kept"), [(None, 10, False), ({"n": 1}, 10, True), ({"n": 1}, 1, False)]
)
def test_a_checkpoints_descriptor_is_closed(
    tmp_path: Path, mail: dict[str, Any] | None, limit: int, kept: bool
) -> None:
    folder, log = Kept(tmp_path / "job", limit), OutputLog(tmp_path / "log", 100)
    running = Running(
        Dossier("job", "here"), folder, cast("Mailroom", Mail(mail)), log,
        lambda *_: None, lambda *_: None,
    )  # fmt: skip
    descriptor = memfd(b"state")
    if mail is not None and not kept:
        with pytest.raises(OSError, match="checkpoint_limit"):
            running.save(Checkpoint(5, True, 0, 0, descriptor))
    else:
        running.save(Checkpoint(5, True, 0, 0, descriptor))
    with pytest.raises(OSError, match="Bad file"):
        os.fstat(descriptor)
    checkpoint = folder.open_checkpoint()
    assert (checkpoint is not None) is kept
    if checkpoint is not None:
        os.close(checkpoint[0])
    log.close()
