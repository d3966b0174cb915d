from __future__ import annotations

import signal
import subprocess
from pathlib import Path

import pytest

from simulacra.testing.lab import Lab

pytestmark = pytest.mark.lab


def namespaces() -> set[str]:
    folder = Path("/run/netns")
    return {path.name for path in folder.iterdir()} if folder.exists() else set()


def reaches(lab: Lab, source: str, target: str) -> bool:
    """Whether a packet comes back: a closed port refuses, a cut cable is silent."""
    script = f"exec 3<>/dev/tcp/{lab.address(target)}/9"
    try:
        done = lab.run(source, ["bash", "-c", script], check=False, timeout=0.7)
    except subprocess.TimeoutExpired:
        return False
    return "refused" in done.stderr


def test_cables_can_be_cut_and_mended() -> None:
    with Lab("laptop", "nas") as lab:
        assert reaches(lab, "laptop", "nas")
        lab.cut("nas")
        assert not reaches(lab, "laptop", "nas")
        lab.mend("nas")
        assert reaches(lab, "laptop", "nas")


def test_nothing_is_left_behind() -> None:
    before = namespaces()
    with Lab("laptop") as lab:
        words = ["sh", "-c", "echo up; exec sleep 60"]
        with lab.start("laptop", words, stdout=subprocess.PIPE) as sleeper:
            assert sleeper.stdout is not None
            assert sleeper.stdout.readline() == b"up\n"
            assert namespaces() > before
            lab.close()
            assert sleeper.wait(5) == -signal.SIGKILL
    assert namespaces() == before


def test_a_host_without_a_name_of_the_lab_is_refused() -> None:
    with Lab("laptop") as lab, pytest.raises(ValueError, match="nas"):
        lab.address("nas")
