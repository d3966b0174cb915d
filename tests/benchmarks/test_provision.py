"""What is there, what is not, and that a foreign environment is left alone."""

from benchmarks import provision


def test_a_module_that_is_there_gives_no_reason() -> None:
    assert provision.module("benchmarks.program") is None


def test_a_missing_module_is_named_also_when_its_package_is_missing() -> None:
    assert provision.module("benchmarks.nowhere") == "there is no module benchmarks.nowhere yet"
    assert provision.module("nowhere.at.all") == "there is no module nowhere.at.all yet"


def test_what_is_installed_is_enough() -> None:
    assert provision.packages(("pyzmq>=26,<99", "pykka")) is None


def test_nothing_is_installed_outside_the_benchmarks_own_environment() -> None:
    assert provision.packages(("pykka", "no-such-peer<2")) == (
        "no-such-peer<2 is not installed; `make bench` installs it into build/bench-venv"
    )
