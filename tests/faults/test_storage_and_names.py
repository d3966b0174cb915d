"""Bad input, taken names, full disks, and what is kept: bounded, told, and expired."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from simulacra.actors.compute.computations import Begin, NameInUseError, _Expire
from simulacra.actors.compute.computing import Await, Look
from simulacra.actors.compute.spec import EntryPoint, Limits, Script, Spec
from simulacra.actors.compute.store import KEEP_SECONDS
from simulacra.actors.compute.values import CannotPackError
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError
from tests.onehost import Host, one_host, until

WAITS = "def main(ctx):\n    ctx.receive()"


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        (Spec(Script("/x/bad.py", "def main(ctx:\n")), "bad.py, line 1: '(' was never closed"),
        (Spec(Script("/x/bad.py", "import nothing_like_it")), "no module 'nothing_like_it'"),
        (Spec(Script("/x/bad.py", "x = 1")), "main"),
        (Spec(EntryPoint("nothing_like_it:main")), "no module 'nothing_like_it'"),
        (Spec(EntryPoint("json:nothing")), "nothing"),
    ],
)
def test_code_that_cannot_be_loaded_is_said_at_once_and_not_tried_again(
    host: Host, spec: Spec, said: str
) -> None:
    name = host.spawn(spec).name
    found = host.result(name)
    assert (found["state"], found["reason"]["kind"]) == ("failed", "error")
    assert said in found["reason"]["text"]
    assert host.row(name)["restarts"] == 0


def test_arguments_that_cannot_be_packed_are_refused_by_name(host: Host) -> None:
    with pytest.raises(CannotPackError, match="lock"):
        host.network.spawn("json:dumps", args=(threading.Lock(),))
    with (
        Path(os.devnull).open() as stream,
        pytest.raises(CannotPackError, match="the argument stream"),
    ):
        host.network.spawn("json:dumps", kwargs={"stream": stream})


def test_state_that_cannot_be_packed_is_said_in_the_log_and_a_result_is_an_error(
    host: Host,
) -> None:
    source = """
import threading
def main(ctx):
    ctx.state.lock = threading.Lock()
    ctx.checkpoint()
    return ctx.state.lock
"""
    host.script(source, name="locked", restart="temporary", checkpoint_every=0.0001)
    found = host.result("locked")
    assert "CannotPackError" in found["reason"]["text"]
    assert "no checkpoint could be made" in host.log("locked")


def test_a_result_over_the_limit_of_a_message_is_an_error_that_says_so(host: Host) -> None:
    host.script("def main(ctx):\n    return b'x' * (65 * 2**20)", name="big", restart="temporary")
    found = host.result("big")
    assert found["state"] == "failed"
    assert "CannotPackError: the result has 68157440 bytes" in found["reason"]["text"]


def test_a_name_that_is_taken(host: Host) -> None:
    host.script(WAITS, name="taken")
    with pytest.raises(GatewayError, match="the name taken is taken by") as refused:
        host.script(WAITS, name="taken")
    assert refused.value.hint == "take another, or end that one: simulacra stop taken"
    host.network.computation("taken").stop()
    host.script("def main(ctx): return 2", name="taken")
    assert host.result("taken")["text"] == "2"


def test_of_two_who_want_a_name_at_the_same_time_one_gets_it(host: Host) -> None:
    spec = Spec(Script("/x/waits.py", WAITS)).to_plain()
    answers = [host.table.ask(Begin(spec, "one"), block=False) for _ in range(5)]
    refused = 0
    for answer in answers:
        try:
            answer.get(timeout=60)
        except NameInUseError:
            refused += 1
    assert refused == 4


def test_a_hundred_at_once(host: Host) -> None:
    def spawn(n: int) -> str:
        return host.command("sh", "-c", f"echo {n}", name=f"c{n}").name

    with ThreadPoolExecutor(8) as pool:
        names = list(pool.map(spawn, range(100)))
        states = list(pool.map(lambda name: host.result(name)["state"], names))
    assert states == ["done"] * 100
    assert sorted(int(host.log(name)) for name in names[:10]) == list(range(10))


def test_what_prints_without_end_keeps_within_its_limit(host: Host) -> None:
    limit = 2**18
    hundreds = f"yes {'x' * 99} | head -c 100000000; echo last"
    host.command("sh", "-c", hundreds, name="prints", limits=Limits(output=limit))
    pieces = host.client.items("logs", timeout=60, name="prints", follow=True)
    seen, dropped = b"", 0
    for piece in pieces:
        seen = seen[-100:] + piece["data"]
        dropped += piece["dropped"]
    assert host.result("prints")["state"] == "done"
    assert seen.endswith(b"last\n")
    log = host.folder("prints") / "log"
    kept = sum(each.stat().st_size for each in (log, log.with_name("log.1")))
    assert kept <= limit
    (tail,) = host.client.items("logs", name="prints", tail=2)
    assert tail["data"].splitlines()[1:] == [b"last"]


def test_the_last_lines_of_a_long_log(host: Host) -> None:
    source = "def main(ctx):\n    for n in range(400_000): print(n)"
    host.script(source, name="counts")
    assert host.result("counts")["state"] == "done"
    (tail,) = host.client.items("logs", name="counts", tail=3)
    assert tail["data"] == b"399997\n399998\n399999\n"
    assert host.log("counts").splitlines()[-1] == "399999"


def test_finished_computations_are_kept_a_while_and_then_forgotten(host: Host) -> None:
    host.script("def main(ctx):\n    ctx.checkpoint()\n    return 1", name="old")
    assert host.result("old")["text"] == "1"
    folder = host.folder("old")
    assert not list(folder.glob("checkpoint-*"))
    host.table.tell(_Expire())
    assert host.result("old")["text"] == "1"
    past = time.time() - KEEP_SECONDS - 1
    os.utime(folder / "result", (past, past))
    actors = len(host.node.system.actors())
    host.table.tell(_Expire())
    until(lambda: not folder.exists())
    with pytest.raises(GatewayError) as unknown:
        host.result("old")
    assert unknown.value.code is ErrorCode.NOT_FOUND
    assert unknown.value.hint == "see what there is: simulacra ps --finished"
    until(lambda: len(host.node.system.actors()) == actors - 1)


def test_results_and_logs_outlive_the_node(host: Host) -> None:
    host.script("def main(ctx):\n    print('said')\n    return 1", name="one")
    assert host.result("one")["text"] == "1"
    host.node.close()
    host.start()
    assert host.result("one")["text"] == "1"
    assert host.log("one") == "said\n"


def test_running_ones_go_on_when_the_node_is_up_again(host: Host) -> None:
    source = """
def main(ctx):
    ctx.state.starts = ctx.state.get("starts", 0) + 1
    ctx.checkpoint()
    print("ready")
    return [ctx.state.starts, ctx.receive().body]
"""
    host.script(source, name="one", checkpoint_every=0.0001)
    host.command("sh", "-c", "echo ready; sleep 100", name="once")
    host.command("sh", "-c", "echo ready; sleep 100", name="again", restartable=True)
    until(lambda: all("ready" in host.log(name) for name in ("one", "once", "again")))
    host.node.close()
    host.start()
    host.network.computation("one").tell("hello")
    assert host.network.computation("one").result(60) == [2, "hello"]
    assert "spawned as restartable" in host.result("once")["reason"]["text"]
    assert host.row("again")["state"] == "running"


def test_no_second_node_of_a_name(host: Host) -> None:
    with pytest.raises(GatewayError, match="node desk is already up on this machine") as refused:
        host.start()
    assert "--name" in (refused.value.hint or "")
    host.script("def main(ctx): return 1", name="one")
    assert host.result("one")["text"] == "1"


def test_an_actor_that_fails_is_started_again_and_found(host: Host) -> None:
    host.script(WAITS, name="waits")
    party = host.folder("waits").name
    (cell,) = (c for c in host.node.system.actors() if c.behaviour_class.__name__ == "Computation")
    cell.ref.tell(Await(party))  # told, where an answer is wanted: a mistake that ends it
    until(lambda: not cell.is_alive())

    def is_found() -> bool:
        with suppress(ActorDeadError):  # until the next one has said that it is there
            return bool(host.table.ask(Look(party)).state == "running")
        return False

    until(is_found)
    host.network.computation("waits").tell("end")
    assert host.result("waits")["state"] == "done"


def test_a_table_that_fails_takes_its_computations_up_again_once(host: Host) -> None:
    host.script(WAITS, name="waits")
    before = host.table
    before.tell(Look(host.folder("waits").name))  # a mistake, likewise
    until(lambda: host.node.system.whereis("computations") not in (None, before))
    until(lambda: any(row["name"] == "waits" for row in host.client.item("ps")["rows"]))
    host.network.computation("waits").tell("end")
    assert host.result("waits")["state"] == "done"
    assert len(list(host.settings.paths.state.glob("desk/computations/*"))) == 1


def test_a_state_that_outgrows_the_limit_goes_on_without_new_checkpoints(tmp_path: Path) -> None:
    source = """
def main(ctx):
    for size in ctx.steps("sizes", [10, 100_000, 20]):
        ctx.state.data = b"x" * size
        ctx.receive(timeout=0.1)
    return len(ctx.state.data)
"""
    with one_host(tmp_path, checkpoint_limit=50_000) as host:
        host.script(source, name="grows", checkpoint_every=0.0001)
        assert host.result("grows")["text"] == "20"
        log = host.log("grows")
        assert "a checkpoint is not kept, the one before still is" in log
        assert "checkpoint_limit is 50000 on this host" in log


@pytest.fixture
def full_disk(tmp_path: Path) -> Path:
    """A home whose state is on a disk of 4 MiB."""
    state = tmp_path / "state"
    state.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(state)], check=False
    )
    if mounted.returncode != 0:
        pytest.skip("a disk of its own needs the right to mount")
    return tmp_path


@pytest.mark.lab
def test_a_full_disk_for_checkpoints(full_disk: Path) -> None:
    source = """
def main(ctx):
    print("ready")
    for size in ctx.steps("sizes", [10, 8_000_000, 10]):
        ctx.state.data = b"x" * size
        ctx.receive(timeout=0.3)
        ctx.checkpoint()
    return len(ctx.state.data)
"""
    try:
        with one_host(full_disk) as host:
            host.script(source, name="grows", checkpoint_every=0.0001)
            assert host.result("grows")["text"] == "10"
            log = host.log("grows")
            assert "a checkpoint is not kept, the one before still is" in log
            assert "no room" in log or "full" in log
            (full_disk / "state" / "fill").write_bytes(b"x" * 3_500_000)
            with pytest.raises(GatewayError, match=r"room on the disk|No space left"):
                host.script("x = 1\n" + "#" * 900_000)
            (full_disk / "state" / "fill").unlink()
            host.script("def main(ctx): return 1", name="after")
            assert host.result("after")["text"] == "1"
    finally:
        subprocess.run(["umount", str(full_disk / "state")], check=True)
