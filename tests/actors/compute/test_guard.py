"""Guards for real: when a node is killed, nothing it started survives, whatever hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actors.compute.workers import eventually
from tests.onehost import is_gone

NODE = """
import sys, time
from pathlib import Path
from simulacra.actors.compute.output import OutputLog
from simulacra.actors.compute.process import WorkerProcess
from simulacra.actors.compute.spec import Script, Spec
spec = Spec(Script("/none/s.py", sys.argv[2]))
folder = Path(sys.argv[1])
WorkerProcess(
    folder=folder / "work", log=OutputLog(folder / "log", 1000), on_message=print, on_exit=print,
).begin(spec, name="n", host="h")
time.sleep(60)
"""
STARTS = """
import ctypes, os, subprocess, time
def main(ctx):
    child = subprocess.Popen(["sleep", "60"], start_new_session=True)
    with open("pids.part", "w") as file:
        file.write(f"{os.getppid()} {os.getpid()} {child.pid}")
    os.rename("pids.part", "pids")
    HANG
"""
# PyDLL keeps the GIL while it is in C: no thread of this process runs any more.
HANGS = {
    "asleep": "time.sleep(60)",
    "holding the GIL": "ctypes.PyDLL(None).sleep(60)",
    "stopped": "os.kill(os.getpid(), 19)",
}


@pytest.mark.parametrize("hang", sorted(HANGS))
def test_nothing_survives_a_killed_node(tmp_path: Path, hang: str) -> None:
    node = subprocess.Popen(
        [sys.executable, "-c", NODE, str(tmp_path), STARTS.replace("HANG", HANGS[hang])],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        stdout=subprocess.DEVNULL,
    )
    try:
        pids = tmp_path / "work" / "pids"
        eventually(pids.exists)
        started = [int(pid) for pid in pids.read_text().split()]
        assert not any(is_gone(pid) for pid in started)
    finally:
        node.send_signal(signal.SIGKILL)
        node.wait(60)
    eventually(lambda: all(is_gone(pid) for pid in started))
