from __future__ import annotations

import pytest

from simulacra.actors.runtime.errors import RemoteError
from simulacra.actors.runtime.reason import KILLED, NORMAL, SHUTDOWN, ExitReason


def raised(error: BaseException) -> ExitReason:
    try:
        raise error  # noqa: TRY301 - for its traceback
    except BaseException as caught:
        return ExitReason.of_error(caught)


@pytest.mark.parametrize(
    ("reason", "text"),
    [
        (NORMAL, "normal"),
        (ExitReason("shutdown", detail="upgrade"), "shutdown (upgrade)"),
        (raised(ValueError("bad")), "ValueError: bad"),
        (raised(KeyboardInterrupt()), "KeyboardInterrupt"),
        (
            ExitReason("shutdown", cause=ExitReason("x", cause=KILLED)),
            "shutdown, because of killed",
        ),
    ],
)
def test_reasons_read_as_text(reason: ExitReason, text: str) -> None:
    assert str(reason) == text


@pytest.mark.parametrize(
    ("reason", "normal"),
    [(NORMAL, True), (SHUTDOWN, True), (ExitReason("shutdown", 1), True), (KILLED, False)],
)
def test_a_transient_child_is_not_restarted_after_normal_and_shutdown(
    reason: ExitReason, normal: bool
) -> None:
    assert reason.is_normal is normal


def test_the_first_cause_is_at_the_end_of_the_chain() -> None:
    first = raised(KeyError("x"))
    assert ExitReason("shutdown", cause=ExitReason("shutdown", cause=first)).first_cause is first
    assert first.first_cause is first


def test_an_error_keeps_its_exception_where_it_was_raised() -> None:
    error = ValueError("bad")
    reason = raised(error)
    assert reason.to_exception() is error
    assert reason.error is not None
    assert "raise error" in reason.error[2]


@pytest.mark.parametrize("error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit()])
def test_what_would_end_the_process_becomes_text(error: BaseException) -> None:
    told = raised(error).to_exception()
    assert isinstance(told, RemoteError)
    assert told.class_name == type(error).__name__


def test_an_error_without_words_is_told_by_its_class() -> None:
    assert str(raised(SystemExit()).to_exception()) == "SystemExit"


def test_an_error_from_elsewhere_is_told_as_text() -> None:
    told = ExitReason("error", error=("pkg.Broken", "bad", "Traceback")).to_exception()
    assert isinstance(told, RemoteError)
    assert (str(told), told.traceback_text) == ("pkg.Broken: bad", "Traceback")


def test_a_reason_without_an_error_can_be_raised_as_well() -> None:
    assert str(KILLED.to_exception()) == "ExitReason: killed"


def test_reasons_are_equal_whatever_the_living_exception() -> None:
    told = raised(ValueError("bad"))
    assert ExitReason("error", error=told.error) == told
    assert told != raised(ValueError("worse"))
