"""The processes of OpenVPN: started, started again, found again, ended. Real, in a namespace."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from simulacra.overlay.mesh.backends import BackendError
from simulacra.overlay.mesh.openvpn_processes import Attempts, Processes, names_in
from simulacra.overlay.plan.document import Plan
from tests.overlay.mesh.namespaces import namespace, within
from tests.overlay.tunnelled import PRINT, tunnelled
from tests.support import DEADLINE

NAMES = ("relay", "a", "b")
NOBODY = 2**22 + 1
"""A number that no process has."""


def test_what_fails_is_started_later_each_time_and_what_lasted_soon() -> None:
    attempts, waits = Attempts(), []
    now = 0.0
    for _ in range(8):
        attempts = attempts.started(now).ended(now + 0.1)
        waits.append(round(attempts.due - now - 0.1))
        now = attempts.due
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    lasted = attempts.started(now).ended(now + 3600)
    assert (lasted.failures, lasted.due - now) == (1, 3601)


@pytest.mark.parametrize("relays", [None, "relay", [1], [b"relay"], {"relay": 1}])
def test_only_names_are_heard(relays: object) -> None:
    with pytest.raises(BackendError, match="relays are a list of names"):
        names_in({"relays": relays}, "relays")
    assert names_in({"relays": ["a", "b"]}, "relays") == ["a", "b"]


def test_a_plan_that_is_no_good_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackendError, match="no fingerprint"):
        Processes("relay", tmp_path).keep(tunnelled(NAMES, {"a": "AB"}), [])


def test_a_child_that_is_ending_runs_until_it_was_waited_for(tmp_path: Path) -> None:
    processes = Processes("relay", tmp_path)
    child = mock.create_autospec(subprocess.Popen, instance=True)
    child.poll.side_effect = [None, 0]  # at first it has no memory any more, and cannot be reaped
    processes._children[NOBODY] = child
    (tmp_path / "openvpn").mkdir(exist_ok=True)
    (tmp_path / "openvpn" / "server.pid").write_text(str(NOBODY))
    assert [processes._runs("server"), processes._runs("server")] == [True, False]
    assert not processes._children


@pytest.fixture
def space() -> Iterator[str]:
    if os.geteuid() or shutil.which("openvpn") is None:
        pytest.skip("needs root and openvpn")
    with namespace() as name:
        yield name


class Relay:
    """A relay's processes in a namespace, of which nothing is left."""

    def __init__(self, space: str, folder: Path) -> None:
        self._space, self._folder = space, folder
        self.processes = Processes("relay", folder)
        self.plan = tunnelled(NAMES, {"a": PRINT, "b": PRINT})

    def keep(self, plan: Plan | None = None, gone: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        with within(self._space):
            return self.processes.keep(plan or self.plan, [], gone)

    def ready(self, plan: Plan | None = None, gone: tuple[str, ...] = ()) -> int:
        """Wait until the server is; its process."""
        deadline = time.monotonic() + DEADLINE
        while True:
            found = self.keep(plan, gone)
            if all(each["ready"] for each in found):
                break
            assert time.monotonic() < deadline, found
            time.sleep(0.05)
        return int((self._folder / "openvpn" / "server.pid").read_text())

    def clients(self) -> set[str]:
        return {file.name for file in (self._folder / "openvpn" / "clients").iterdir()}

    def end(self) -> None:
        self.keep(replace(self.plan, hosts={"relay": replace(
            self.plan.hosts["relay"], openvpn=None
        )}))  # fmt: skip


@pytest.fixture
def relay(space: str, tmp_path: Path) -> Iterator[Relay]:
    relay = Relay(space, tmp_path)
    yield relay
    relay.end()


@pytest.mark.lab
def test_one_that_is_killed_is_started_again_after_a_moment(relay: Relay) -> None:
    first = relay.ready()
    assert relay.ready() == first
    os.kill(first, signal.SIGKILL)
    os.waitid(os.P_PID, first, os.WEXITED | os.WNOWAIT)
    began = time.monotonic()
    assert relay.ready() != first
    assert time.monotonic() - began >= 0.9


@pytest.mark.lab
def test_a_helper_that_is_new_finds_it_again(relay: Relay, tmp_path: Path) -> None:
    first = relay.ready()
    before, relay.processes = relay.processes, Processes("relay", tmp_path)
    assert relay.ready() == first
    relay.end()
    assert before._children[first].wait(60) == 0


@pytest.mark.lab
def test_who_is_gone_is_served_no_more(relay: Relay) -> None:
    first = relay.ready()
    assert relay.clients() == {"a", "b"}
    assert relay.ready(gone=("b",)) != first
    assert relay.clients() == {"a"}
    config = (relay._folder / "openvpn" / "server.conf").read_text()
    assert config.count(PRINT) == 1


@pytest.mark.lab
def test_what_the_plan_has_no_more_is_ended(relay: Relay) -> None:
    pid = relay.ready()
    relay.end()
    assert not Path(f"/proc/{pid}").exists() or "Z" in Path(f"/proc/{pid}/stat").read_text()
    assert not (relay._folder / "openvpn" / "server.pid").exists()


@pytest.mark.lab
def test_what_others_start_is_only_looked_at(relay: Relay, tmp_path: Path) -> None:
    relay.ready()
    relay_processes, relay.processes = relay.processes, Processes("relay", tmp_path, starts=False)
    os.kill(int((tmp_path / "openvpn" / "server.pid").read_text()), signal.SIGTERM)
    deadline = time.monotonic() + DEADLINE
    while any(each["ready"] for each in relay.keep()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    relay.processes = relay_processes
