from __future__ import annotations

import pytest

from simulacra.actors.compute.restarting import INTENSITY, PERIOD, Again, Over, Restarts
from simulacra.actors.compute.spec import Restart
from simulacra.actors.runtime.reason import NORMAL, ExitReason

KILLED = ExitReason("killed", "SIGKILL")
ERROR = ExitReason("error", error=("ValueError", "x", "one traceback"))
LATER = ExitReason("error", error=("ValueError", "x", "another traceback"))
OTHER = ExitReason("error", error=("ValueError", "y", ""))
STATUS = ExitReason("error", 3, error=("ExitStatus", "exit status 3", ""))


@pytest.mark.parametrize(
    ("policy", "reason", "again"),
    [
        ("permanent", NORMAL, True),
        ("permanent", KILLED, True),
        ("transient", NORMAL, False),
        ("transient", ExitReason("shutdown"), False),
        ("transient", KILLED, True),
        ("transient", ERROR, True),
        ("transient", ExitReason("error", 3), True),
        ("temporary", KILLED, False),
        ("permanent", ExitReason("error", "load"), False),
        ("permanent", ExitReason("limit", {"limit": "memory"}), False),
    ],
)
def test_the_policies(policy: Restart, reason: ExitReason, again: bool) -> None:
    assert isinstance(Restarts(policy).ended(reason, 0.0), Again) is again


def test_too_many_restarts_end_it_with_the_first_cause() -> None:
    restarts = Restarts("transient")
    first = ExitReason("killed", "SIGSEGV")
    assert isinstance(restarts.ended(first, 0.0), Again)
    delays = [restarts.ended(KILLED, float(now)) for now in range(1, INTENSITY)]
    assert [verdict.delay for verdict in delays if isinstance(verdict, Again)] == [0.2, 0.4]
    assert restarts.count == INTENSITY
    verdict = restarts.ended(KILLED, float(INTENSITY))
    assert isinstance(verdict, Over)
    assert verdict.reason.first_cause == first


def test_old_restarts_do_not_count() -> None:
    restarts = Restarts("transient")
    for number in range(5 * INTENSITY):
        assert isinstance(restarts.ended(KILLED, number * (PERIOD + 1)), Again)


def test_the_same_error_twice_from_one_checkpoint_is_final() -> None:
    restarts = Restarts("permanent")
    assert isinstance(restarts.ended(ERROR, 0.0), Again)
    assert isinstance(restarts.ended(LATER, 1.0), Over)


def test_another_error_or_a_new_checkpoint_is_a_new_chance() -> None:
    restarts = Restarts("transient")
    assert isinstance(restarts.ended(ERROR, 0.0), Again)
    assert isinstance(restarts.ended(OTHER, 1.0), Again)
    restarts.saved()
    assert isinstance(restarts.ended(OTHER, 2.0), Again)


def test_a_normal_end_begins_anew() -> None:
    verdict = Restarts("permanent").ended(NORMAL, 0.0)
    assert isinstance(verdict, Again)
    assert verdict.anew


@pytest.mark.parametrize(("policy", "again"), [("permanent", True), ("transient", False)])
def test_the_exit_code_of_a_command_is_its_answer(policy: Restart, again: bool) -> None:
    restarts = Restarts(policy, command=True)
    assert isinstance(restarts.ended(ExitReason("error", 3), 0.0), Again) is again


@pytest.mark.parametrize(
    ("reason", "command", "told"),
    [
        (NORMAL, False, "it ended, as it should, and is started anew"),
        (STATUS, True, "it ended (ExitStatus: exit status 3); it is started again"),
        (STATUS, False, "its worker was lost (ExitStatus: exit status 3); it goes on from"),
        (KILLED, False, "its worker was lost (killed (SIGKILL)); it goes"),
        (ERROR, False, "it failed (ValueError: x); it goes on from the newest checkpoint"),
    ],
    ids=["ended", "command", "status", "killed", "error"],
)
def test_it_is_told_what_happened(reason: ExitReason, command: bool, told: str) -> None:
    again = Restarts("permanent", command=command).ended(reason, 0.0)
    assert isinstance(again, Again)
    assert again.why.startswith(told)
