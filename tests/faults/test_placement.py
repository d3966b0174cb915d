"""Where real nodes start a computation: by what it reads, by labels, and where there is room."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psutil
import pytest

from simulacra.actors.compute.arguments import Reads
from simulacra.actors.compute.placement import WAIT_LIMIT_SECONDS
from simulacra.actors.compute.spec import Limits
from tests.machines import ErrorCode, GatewayError, Machine, Machines, wait_for

HOLD = "def main(ctx, *_):\n    ctx.receive()\n"
FETCH = "def main(ctx, path):\n    return len(ctx.path(path).read_bytes())\n"


@pytest.fixture(scope="module")
def machines(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machines]:
    with Machines(tmp_path_factory.mktemp("places"), "a", "b", "c", up=False) as machines:
        _, b, c = machines
        b.labels, c.labels = "gpu", "gpu,big"
        for machine in machines:
            machine.up()
        machines.wait_met()
        yield machines


def place(machine: Machine, name: str, *args: object, **options: object) -> str:
    """Where a computation starts; it is ended then."""
    host = machine.spawn(HOLD, *args, name=name, **options)
    machine.call("stop", name=name, kill=True)
    return host


def test_it_starts_at_the_larger_data_over_the_bandwidth_measured(machines: Machines) -> None:
    a, b, c = machines
    (b.home / "data").write_bytes(b"x" * 1_000_000)
    (c.home / "data").write_bytes(b"x" * 20_000_000)
    small, large = f"b:{b.home}/data", f"c:{c.home}/data"
    assert a.spawn(FETCH, large, name="fetch", on="a") == "a"
    assert a.result("fetch") == 20_000_000
    [rate] = [p["bandwidth"] for p in a.call("status")["peers"] if p["host"] == "c"]
    assert rate is not None
    # From c it would read what is on b: c measures that route, and a hears of it.
    assert c.spawn(FETCH, small, name="fetch-too", on="c") == "c"
    assert c.result("fetch-too") == 1_000_000
    wait_for(lambda: place(a, "drawn", Reads(small), Reads(large)) == "c", what="a has heard")
    assert place(a, "drawn-too", Reads(small)) == "b"
    assert place(a, "told", Reads(large), on="b") == "b"
    assert place(a, "free") == "a"


def test_labels_decide_and_nobody_without_them_takes_it(machines: Machines) -> None:
    a, *_ = machines
    assert place(a, "trains", labels=("gpu",)) in {"b", "c"}
    assert place(a, "trains-much", labels=("gpu", "big")) == "c"
    with pytest.raises(GatewayError) as refused:
        a.spawn(HOLD, name="archive", labels=("gpu", "tape"))
    assert refused.value.code is ErrorCode.UNPLACEABLE
    assert refused.value.message == (
        "no host can take it: a: the host is not marked gpu, tape; "
        "b: the host is not marked tape; c: the host is not marked tape"
    )
    assert refused.value.hint == "mark a host when it is started: simulacra up --label gpu"


def test_a_label_holds_where_the_data_is_elsewhere(machines: Machines) -> None:
    a, _, c = machines
    (a.home / "data").write_bytes(b"x" * 5_000_000)
    assert place(c, "pulled", Reads(f"a:{a.home}/data"), labels=("big",)) == "c"


def test_more_memory_than_any_host_has_is_refused_at_once(machines: Machines) -> None:
    a, *_ = machines
    with pytest.raises(GatewayError, match=r"c: it needs \d+ MiB of memory, of \d+ MiB there") as e:
        a.spawn(HOLD, name="huge", limits=Limits(memory=2**50))
    assert e.value.code is ErrorCode.UNPLACEABLE


def test_a_full_host_is_waited_for_a_little_and_it_is_said(machines: Machines) -> None:
    a, *_ = machines
    memory = psutil.virtual_memory()
    much = (memory.available + memory.total) // 2  # more than is free, less than there is
    errors: list[GatewayError] = []

    def spawn() -> None:
        try:
            a.spawn(HOLD, name="large", limits=Limits(memory=much))
        except GatewayError as error:
            errors.append(error)

    spawning = threading.Thread(target=spawn)
    spawning.start()
    [row] = wait_for(lambda: a.rows("large"))
    assert (row["state"], row["host"]) == ("waiting", None)
    assert row["waits_for"].startswith(f"room on a, {WAIT_LIMIT_SECONDS:g} s at most: it needs ")
    why = a.call("explain", name="large")
    assert why["waits_for"].startswith("room on a, ")
    assert all("more than is free there now" in each["refused"] for each in why["alternatives"])
    with pytest.raises(GatewayError, match="large is taken by a computation that waits"):
        a.spawn(HOLD, name="large")
    spawning.join()
    [error] = errors
    assert error.code is ErrorCode.UNPLACEABLE
    assert "a: it needs" in error.message
    assert "more than is free there now" in error.message
    with pytest.raises(GatewayError, match="no computation called large"):
        a.rows("large")  # it is not shown any more
