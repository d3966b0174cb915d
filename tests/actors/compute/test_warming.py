"""Memory ahead of its use: what is put there costs no page fault, and the rest is given back."""

from __future__ import annotations

import subprocess
import sys

import pytest

SIZE = 64 * 2**20
PAGE = 4096

# In a process of its own, as an allocator is one for a process, and what others had from it counts.
MEASURE = f"""
import resource, sys
from pathlib import Path
from simulacra.actors.compute.warming import settle, warm

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1])

if sys.argv[1] == "warm":
    warm({SIZE} + {SIZE} // 16)
def fill():
    return [b"x" * ({SIZE} // 4) for _ in range(4)]

before = faults()
state = fill()
print(faults() - before)
if sys.argv[1] == "warm":
    settle()
full = resident()
del state
state = fill()
print(resident() - full)
warm({SIZE})
full = resident()
settle()
print(full - resident())
"""


@pytest.fixture(scope="module")
def measured() -> dict[str, list[int]]:
    def measure(mode: str) -> list[int]:
        command = [sys.executable, "-c", MEASURE, mode]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        return [int(number) for number in output.split()]

    return {mode: measure(mode) for mode in ("cold", "warm")}


def test_what_is_put_into_memory_got_ahead_costs_no_page_faults(
    measured: dict[str, list[int]],
) -> None:
    assert measured["warm"][0] < SIZE // PAGE // 100
    assert measured["cold"][0] > 10 * measured["warm"][0]


def test_what_a_state_leaves_is_given_back_or_used_again(measured: dict[str, list[int]]) -> None:
    assert measured["warm"][1] < SIZE // PAGE // 10


def test_what_was_not_used_goes_back_to_the_kernel(measured: dict[str, list[int]]) -> None:
    assert measured["warm"][2] > SIZE // PAGE * 9 // 10
