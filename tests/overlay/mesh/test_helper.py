"""The helper as a process, at its socket, in a network namespace of its own."""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from simulacra.overlay.mesh import frames
from simulacra.overlay.mesh.changes import AddDevice, RemoveDevice, SetPeer, SetRoute
from simulacra.overlay.mesh.helper_client import HelperClient, HelperError
from simulacra.overlay.mesh.model import Mesh, Peer, Route
from simulacra.overlay.mesh.reconciling import changes
from simulacra.overlay.mesh.wanting import Choices, wanted
from simulacra.overlay.plan.text import to_text
from tests.machines import wait_for
from tests.overlay.mesh.namespaces import namespace, run
from tests.overlay.plans import key_of, made

pytestmark = pytest.mark.skipif(
    bool(os.geteuid()) or shutil.which("wireguard-go") is None,
    reason="needs root and wireguard-go",
)

PLAN = made({"a": "10.77.0.1", "b": "10.77.0.2", "r": "10.77.0.3"}, relays=["r"])
SOMEBODY = 12345
"""The user who may ask."""


class Space:
    """A namespace with a helper in it."""

    def __init__(self, name: str, folder: Path) -> None:
        self.name, self.folder = name, folder
        self.socket = folder / "sock"
        (folder / "plan.json").write_text(to_text(PLAN))
        # Sockets of wireguard-go are by device alone, whatever the namespace.
        words = [sys.executable, "-m", "simulacra.overlay.mesh.helper", "--host", "r"]
        words += ["--user", str(SOMEBODY), "--plan", str(folder / "plan.json")]
        words += ["--socket", str(self.socket), "--state", str(folder / "state")]
        inside = f"mount -t tmpfs tmpfs /run/wireguard && exec {shlex.join(words)}"
        Path("/run/wireguard").mkdir(exist_ok=True)
        enter = ["ip", "netns", "exec", name, "unshare", "--mount", "sh", "-c", inside]
        self.process = subprocess.Popen(enter, stderr=subprocess.PIPE)
        self.client = HelperClient(self.socket)
        wait_for(self._answers)

    def _answers(self) -> bool:
        # Its socket is there before it listens.
        try:
            return bool(self.client.public_key())
        except HelperError:
            return False

    def close(self) -> None:
        self.client.close()
        self.process.terminate()
        self.process.communicate(timeout=60)


@pytest.fixture(scope="module")
def space() -> Iterator[Space]:
    # Not pytest's folder, which is of root alone.
    with TemporaryDirectory() as folder, namespace() as name:
        Path(folder).chmod(0o755)
        found = Space(name, Path(folder))
        try:
            yield found
            with suppress(HelperError):
                seen = found.client.look()
                found.client.apply([RemoveDevice(each) for each in seen.mesh.devices])
        finally:
            found.close()


def test_a_mesh_is_made_as_it_is_wanted_and_needs_no_more_changes(space: Space) -> None:
    key = space.client.public_key()
    relay = wanted(PLAN, "r", Choices(key))
    space.client.apply(changes(relay, space.client.look()))
    seen = space.client.look()
    assert seen.mesh == relay
    assert seen.backend in {"userspace", "kernel"}
    assert changes(relay, seen) == []
    turned = wanted(PLAN, "r", Choices(key, by={"a": "simr"}, gone=frozenset({"b"})))
    space.client.apply(changes(turned, seen))
    assert space.client.look().mesh == turned


def test_the_private_key_never_leaves(space: Space) -> None:
    public = space.client.public_key()
    private = (space.folder / "state" / "overlay.key").read_text().strip()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(space.socket))
        for verb, args in (("look", {}), ("key", {"which": "present"}), ("key", {"which": "x"})):
            frames.send(connection, {"verb": verb, "args": args})
            said = str(frames.receive(connection))
            assert private not in said
            assert verb != "key" or public in said or "error" in said


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (SetRoute(Route("0.0.0.0/0", "sim0")), "not in the overlay"),
        (SetPeer("sim0", key_of("x"), Peer(frozenset({"0.0.0.0/0"}))), "not in the overlay"),
        (SetRoute(Route("10.44.0.9/32", "sim9")), "there is no device sim9"),
    ],
)
def test_what_may_not_or_cannot_be_is_refused(
    space: Space, change: SetRoute | SetPeer, said: str
) -> None:
    before = space.client.look()
    with pytest.raises(HelperError, match=said):
        space.client.apply([change])
    assert space.client.look().mesh == before.mesh


def test_a_port_that_is_taken_is_said_to_be(space: Space) -> None:
    before = space.client.look().mesh
    taken = next((each.port for each in before.devices.values() if each.port), 0)
    if not taken:
        space.client.apply([AddDevice("sim0", 51820)])
        taken = 51820
    with pytest.raises(HelperError, match="sim7 refuses what it is told"):
        space.client.apply([AddDevice("sim7", taken)])
    space.client.apply([RemoveDevice("sim7")])


def test_the_access_lists_are_those_of_the_plan(space: Space) -> None:
    space.client.set_ruleset()
    assert "simulacra_access" in run("ip", "netns", "exec", space.name, "nft", "list", "tables")


@pytest.mark.parametrize(
    "sent",
    [
        struct.pack("!I", frames.LONGEST + 1),
        struct.pack("!I", 3) + b"\xc1\xc1\xc1",
        struct.pack("!I", 1) + b"\x01",
        struct.pack("!I", 100) + b"short",
    ],
)
def test_who_sends_no_frames_is_hung_up_on(space: Space, sent: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(60)
        connection.connect(str(space.socket))
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""
    assert isinstance(space.client.look().mesh, Mesh)


@pytest.mark.parametrize("request_", [{}, {"verb": "reboot", "args": {}}, {"verb": "look"}])
def test_what_is_no_request_is_refused(space: Space, request_: dict[str, object]) -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(space.socket))
        frames.send(connection, request_)
        answer = frames.receive(connection)
        assert answer is not None
        assert "there is no verb" in answer["error"]


ASK = """
import sys
from pathlib import Path
from simulacra.overlay.mesh.helper_client import HelperClient, HelperError
try:
    print(HelperClient(Path(sys.argv[1])).public_key())
except HelperError as error:
    print(error)
"""


@pytest.mark.parametrize(("user", "may"), [(SOMEBODY, True), (SOMEBODY + 1, False)])
def test_one_user_may_ask_and_no_other(space: Space, user: int, may: bool) -> None:
    words = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    found = run(*words, sys.executable, "-c", ASK, str(space.socket)).strip()
    assert (found == space.client.public_key()) == may
    assert may or "does not answer" in found
