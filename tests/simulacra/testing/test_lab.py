"""Real hosts: what each has of its own, its cables, and that nothing of a lab is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from simulacra.testing.lab import Host, Lab, LabError, attach, end, folders
from simulacra.testing.lab.fixtures import Labs
from tests.namespaces import living, traces
from tests.support import DEADLINE, eventually

pytestmark = pytest.mark.lab

LISTENER = """
import socket
listener = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
listener.bind(("", 9000))
listener.settimeout({patience})
print("listens", flush=True)
try:
    print(listener.recv(100).decode(), flush=True)
except TimeoutError:
    print("silence", flush=True)
"""

HOLDER = """
import json, sys, time
from simulacra.testing.lab import Lab
lab = Lab("a", "b")
lab.slow("a", "b", latency=0.01)
lab["a"].popen(["sleep", "600"])
if "stay" in sys.argv:
    lab.stay()
print(json.dumps(lab.status()), flush=True)
time.sleep(600)
"""


def hears(source: Host, target: Host, patience: float = 0.3) -> bool:
    """Whether a datagram arrives, which asks for no answer."""
    words = [sys.executable, "-c", LISTENER.format(patience=patience)]
    with target.popen(words, stdout=subprocess.PIPE) as listener:
        assert listener.stdout is not None
        assert listener.stdout.readline() == b"listens\n"
        source.run(["bash", "-c", f"echo -n hello >/dev/udp/{target.address}/9000"], check=False)
        return listener.stdout.readline() == b"hello\n"


def pings(source: Host, target: Host, count: int = 1) -> tuple[int, float]:
    """How many come back, and the shortest round trip in seconds."""
    words = ["ping", "-q", f"-c{count}", "-i0.002", "-W0.2", target.name]
    done = source.run(words, check=False)
    received = int(done.stdout.split(" received")[0].split()[-1])
    return received, float(done.stdout.split("= ")[1].split("/")[0]) / 1000 if received else 0.0


# -- what a host has of its own


def test_a_host_has_a_name_processes_and_a_home_of_its_own(labs: Labs) -> None:
    laptop, _ = labs("laptop", "nas")
    laptop.run(["sh", "-c", "echo mine >/run/mark; echo kept >~/kept"])
    assert laptop.run(["hostname"]).stdout == "laptop\n"
    assert laptop.run(["cat", "/run/mark"]).stdout == "mine\n"
    assert not Path("/run/mark").exists()
    assert (laptop.home / "kept").read_text() == "kept\n"
    assert {words[0] for _, words in laptop.processes()} >= {"sleep"}
    assert laptop.run(["sh", "-c", "echo $$"]).stdout.strip() != str(laptop.pid)
    assert laptop.run(["cat"], input="told").stdout == "told"


def test_ssh_between_hosts_asks_nothing(labs: Labs) -> None:
    laptop, nas = labs("laptop", "nas")
    there = laptop.run(["ssh", "nas", "hostname; echo $SIMULACRA_NAME; ssh laptop hostname"])
    assert there.stdout.split() == ["nas", "nas", "laptop"]
    assert nas.run(["ssh", laptop.address, "pwd"]).stdout == "/run/root\n"


def test_by_ssh_a_command_has_the_environment_that_others_on_the_host_have(labs: Labs) -> None:
    lab = labs("laptop", "nas")
    laptop, nas = lab
    lab.add_environ("nas", {"TOLD": "two  words = one value"})
    there = laptop.run(["ssh", "nas", "env"]).stdout.splitlines()
    assert "TOLD=two  words = one value" in there
    assert {f"{name}={value}" for name, value in nas.environ().items()} <= set(there)
    login = laptop.run(["ssh", "nas", "bash -lc 'echo $TOLD'"]).stdout
    assert login == "two words = one value\n"


def test_a_command_that_fails_says_what_it_said(labs: Labs) -> None:
    laptop, _ = labs("laptop", "nas")
    with pytest.raises(LabError, match=r"on laptop, ls ended with 2.*/none"):
        laptop.run(["ls", "/none"])


def test_a_signal_reaches_the_command_itself(labs: Labs) -> None:
    laptop, _ = labs("laptop", "nas")
    with laptop.popen(["sleep", "60"]) as sleeper:
        sleeper.terminate()
        assert sleeper.wait(DEADLINE) == -signal.SIGTERM
    with laptop.popen(["sleep", "61"]) as sleeper:
        eventually(lambda: any(words == ["sleep", "61"] for _, words in laptop.processes()))
        os.kill(sleeper.pid, signal.SIGKILL)
    eventually(lambda: not any("61" in words for _, words in laptop.processes()))


def test_a_stopped_host_is_silent_and_goes_on(labs: Labs) -> None:
    laptop, _ = labs("laptop", "nas")
    with laptop.popen(["sh", "-c", "read x; echo $x"], stdin=-1, stdout=-1) as reader:
        eventually(lambda: any("read x; echo $x" in words for _, words in laptop.processes()))
        laptop.stop()
        assert laptop.is_stopped()
        laptop.cont()
        assert not laptop.is_stopped()
        assert reader.communicate(b"on\n", timeout=DEADLINE)[0] == b"on\n"


@pytest.mark.parametrize("end", ["kill", "close"])
def test_a_host_that_is_stopped_can_end(end: str) -> None:
    with Lab("laptop") as lab:
        laptop = lab["laptop"]
        with laptop.popen(["sleep", "600"]) as sleeper:
            eventually(lambda: any(words[0] == "sleep" for _, words in laptop.processes()))
            laptop.stop()
            if end == "kill":
                laptop.kill()
            else:
                lab.close()
            assert sleeper.wait(DEADLINE) != 0


def test_a_host_without_power_keeps_only_its_home_and_its_cable_stays_slow(labs: Labs) -> None:
    lab = labs("laptop", "nas")
    laptop, nas = lab
    lab.slow("laptop", "nas", rate="1gbit", latency=0.02)
    laptop.run(["sh", "-c", "echo kept >~/kept; echo gone >/run/mark"])
    laptop.kill()
    assert pings(nas, laptop) == (0, 0.0)
    with pytest.raises(LabError, match="host laptop is down"):
        laptop.run(["true"])
    lab.cut("laptop", "nas")
    lab.mend()
    laptop.start()
    assert laptop.run(["sh", "-c", "cat ~/kept; ls /run/mark"], check=False).stdout == "kept\n"
    received, trip = pings(nas, laptop)
    assert (received, trip >= 0.04) == (1, True)
    with pytest.raises(LabError, match="up already"):
        laptop.start()


def test_what_a_host_runs_at_boot_runs_after_each_loss_of_power(labs: Labs) -> None:
    laptop, _ = labs("laptop", "nas")
    laptop.at_boot("echo again >>~/booted; setsid sleep 62 </dev/null >/dev/null 2>&1 &")
    for starts in (1, 2):
        assert (laptop.home / "booted").read_text() == "again\n" * starts
        eventually(lambda: any(words == ["sleep", "62"] for _, words in laptop.processes()))
        laptop.kill()
        laptop.start()
    with pytest.raises(LabError, match="on laptop, sh ended with 3: no disk"):
        laptop.at_boot("echo no disk >&2; exit 3")
    laptop.kill()
    with pytest.raises(LabError, match=r"host laptop ended while it started \(no disk\)"):
        laptop.start()
    (laptop.home / "boot").unlink()
    laptop.start()


# -- cables


def test_one_way_is_cut_and_the_other_is_not(labs: Labs) -> None:
    lab = labs("laptop", "nas")
    laptop, nas = lab
    lab.cut("laptop", "nas", one_way=True)
    assert not hears(laptop, nas)
    assert hears(nas, laptop, 5.0)
    lab.mend()
    assert hears(laptop, nas, 5.0)


def test_a_cable_is_pulled_and_put_back(labs: Labs) -> None:
    lab = labs("laptop", "nas")
    laptop, nas = lab
    lab.unplug("nas")
    assert nas.run(["cat", "/sys/class/net/eth0/carrier"]).stdout == "0\n"
    assert pings(laptop, nas)[0] == 0
    lab.plug("nas")
    eventually(lambda: pings(laptop, nas)[0] == 1)


def test_packets_are_late_slow_and_whole(labs: Labs) -> None:
    lab = labs("laptop", "nas")
    laptop, nas = lab
    lab.slow("laptop", "nas", rate="20mbit", latency=0.02)
    assert pings(laptop, nas)[1] >= 0.04
    sums = "head -c 1000000 /dev/urandom >~/data; sha1sum <~/data; ssh nas sha1sum <~/data"
    begun = time.monotonic()
    here, there = laptop.run(["bash", "-c", sums]).stdout.splitlines()
    assert here == there
    assert time.monotonic() - begun > 0.4
    lab.heal()
    assert pings(laptop, nas, 5)[1] < 0.02


@pytest.mark.parametrize("latency", [0.0, 0.005])
def test_some_packets_are_lost(labs: Labs, latency: float) -> None:
    lab = labs("laptop", "nas")
    laptop, nas = lab
    lab.slow("laptop", "nas", latency=latency)
    lab.lose("laptop", "nas", share=0.5)
    assert 0 < pings(laptop, nas, 60)[0] < 60


def test_parts_that_overlap(labs: Labs) -> None:
    lab = labs("a", "b", "c", "d")
    a, b, c, d = lab
    lab.split(["a", "b"], ["b", "c"])
    seen = [bool(pings(*pair)[0]) for pair in ((a, b), (b, c), (a, c), (a, d), (c, d))]
    assert seen == [True, True, False, True, True]


def test_a_split_between_zones_pulls_the_cable_between_them(labs: Labs) -> None:
    lab = labs(zones=[["a", "b"], ["c"]])
    a, b, c = lab
    assert pings(a, c)[0] == 1
    lab.slow("a", "c", latency=0.01)
    lab.split(["c"], ["a", "b"])
    assert "the zones are apart" in lab.status()["links"]
    assert (pings(a, b)[0], pings(a, c)[0], pings(b, c)[0]) == (1, 0, 0)
    lab.heal()
    assert pings(b, c)[0] == 1


def test_what_is_not_of_the_lab_is_refused_and_changes_nothing(labs: Labs) -> None:
    lab = labs("laptop", "nas")
    with pytest.raises(LabError, match=r"no host 'desk'.*laptop, nas"):
        lab["desk"]
    with pytest.raises(LabError, match="no host 'desk'"):
        lab.split(["laptop"], ["desk"])
    assert lab.status()["links"] == []


@pytest.mark.parametrize(
    "line",
    [b"", b"\n", b"[]\n", b'"x"\n', b'{"verb": "cut"}\n', b'{"verb": "cut", "args": {"x": 1}}\n'],
)
def test_an_order_that_is_none_is_not_the_end(labs: Labs, line: bytes) -> None:
    lab = labs("laptop", "nas")
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(lab.folder / "control"))
        connection.sendall(line)
        connection.shutdown(socket.SHUT_WR)
        with connection.makefile("rb") as answer:
            assert "cannot be obeyed" in json.loads(answer.readline())["error"]
    assert all(host["pid"] for host in lab.status()["hosts"])


# -- several labs, and their ends


def test_nothing_is_left_behind() -> None:
    with Lab("laptop", "nas", zones=[["laptop"], ["nas"]]) as lab:
        found = traces(lab.status())
        assert len(found) == 11  # five kinds each, and the bridges'
        laptop, _ = lab
        with laptop.popen(["sleep", "60"]) as sleeper:
            eventually(sleeper.inner)
            lab.close()
            assert sleeper.wait(DEADLINE) != 0
    eventually(lambda: not living(found))
    assert not lab.folder.exists()
    assert lab.name not in Path("/proc/self/mountinfo").read_text()
    lab.close()


def test_of_the_labs_of_many_tests_those_wanted_last_are_kept() -> None:
    labs = Labs()
    try:
        first, second = labs("a"), labs("b")
        assert labs("a") is first
        others = labs("c"), labs("d")
        assert not second.folder.exists()
        assert [labs(name) for name in ("a", "c", "d")] == [first, *others]
        assert labs("b") is not second
        assert not first.folder.exists()
    finally:
        labs.close()


@pytest.mark.parametrize("victim", ["program", "keeper", "both"])
def test_nothing_is_left_of_a_lab_that_was_killed(victim: str) -> None:
    with subprocess.Popen([sys.executable, "-c", HOLDER], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        state = json.loads(holder.stdout.readline())
        found = traces(state)
        assert living(found)
        if victim != "program":
            os.kill(state["pid"], signal.SIGKILL)
        if victim != "keeper":
            holder.kill()
        eventually(lambda: not living(found))
        eventually(lambda: state["lab"] not in folders.running())
        holder.kill()
    assert not (folders.ROOT / state["lab"]).exists()
    assert state["lab"] not in Path("/proc/self/mountinfo").read_text()


def test_a_lab_that_stays_outlives_who_made_it_and_is_ended_by_anybody() -> None:
    program = [sys.executable, "-c", HOLDER, "stay"]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        state = json.loads(holder.stdout.readline())
        holder.kill()
    found = traces(state)
    lab = attach(state["lab"])
    assert lab["a"].run(["hostname"]).stdout == "a\n"
    lab.close()
    eventually(lambda: not living(found))
    assert not lab.folder.exists()


def test_a_lab_is_found_by_its_name() -> None:
    name = f"found-{os.getpid()}"
    made = Lab("a", "b", name=name)
    try:
        other = attach(name)
        other.cut("a", "b")
        assert pings(made["a"], made["b"])[0] == 0
        with pytest.raises(LabError, match=f"a lab named {name} runs already"):
            Lab("c", name=name)
        mode = (made.folder.stat().st_mode & 0o777, (made.folder / "lock").stat().st_mode & 0o777)
        assert mode == (0o700, 0o600)
        other["a"].kill()
        assert made.status()["hosts"][0]["pid"] == 0
    finally:
        end(made.folder)
    with pytest.raises(LabError, match="no lab named"):
        attach(name)
    made.close()


def test_who_looks_for_labs_while_one_ends_does_not_take_it_for_a_dead_one() -> None:
    lab = Lab("a")
    for number in range(3000):
        (lab["a"].home / str(number)).touch()
    with ThreadPoolExecutor(2) as pool:
        closing = pool.submit(lab.close)
        while not closing.done():
            folders.running()
        closing.result()
    assert not lab.folder.exists()


def test_a_keeper_that_hangs_is_ended_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulacra.testing.lab.running.TIMEOUT", 0.2)
    lab = Lab("a")
    state = lab.status()
    found = traces(state)
    os.kill(state["pid"], signal.SIGSTOP)
    lab.close()
    eventually(lambda: not living(found))
    assert not lab.folder.exists()


# -- nodes


def test_nodes_meet_through_one_of_them_and_can_be_killed_and_stopped(labs: Labs) -> None:
    lab = labs("a", "b", "c", nodes=True)
    a, b, c = lab
    assert (a.sees(), b.sees(), c.sees()) == ({"b", "c"}, {"a", "c"}, {"a", "b"})
    assert c.json("status")["host"] == "c"
    c.signal_node(signal.SIGKILL)
    eventually(lambda: c.node_pid() == 0)
    with pytest.raises(LabError, match="no node is up on c"):
        c.signal_node(signal.SIGKILL)
    c.up()
    lab.wait_met()
    b.down()
    with pytest.raises(TimeoutError, match=r"still misses.*'b'"):
        lab.wait_met(timeout=0.1)
