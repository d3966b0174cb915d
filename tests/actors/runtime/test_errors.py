from __future__ import annotations

import pickle

import pykka
import pytest

from simulacra.actors.runtime.errors import (
    ActorDeadError,
    ActorExit,
    AskTimeoutError,
    RemoteError,
    describe,
)
from simulacra.actors.runtime.reason import SHUTDOWN


class NoTextError(Exception):
    def __str__(self) -> str:
        raise ValueError("no text")


def test_pykkas_errors_are_the_base_of_ours() -> None:
    assert issubclass(ActorDeadError, pykka.ActorDeadError)
    assert issubclass(AskTimeoutError, pykka.Timeout)


def test_builtins_are_told_by_their_bare_name_and_others_with_their_module() -> None:
    assert describe(ValueError("bad"))[:2] == ("ValueError", "bad")
    assert describe(NoTextError())[0] == f"{__name__}.NoTextError"


def test_the_traceback_is_told() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        _ = 1 / 0
    assert "_ = 1 / 0" in describe(caught.value)[2]


def test_a_remote_error_is_told_as_it_was_told() -> None:
    told = ("pkg.Broken", "bad", "Traceback")
    assert describe(RemoteError(*told)) == told


def test_an_error_whose_text_fails_is_told_all_the_same() -> None:
    assert describe(NoTextError())[1] == "<its text failed: ValueError>"


def test_a_remote_error_survives_pickling() -> None:
    again = pickle.loads(pickle.dumps(RemoteError("pkg.Broken", "bad", "Traceback")))
    assert describe(again) == ("pkg.Broken", "bad", "Traceback")


def test_a_request_to_exit_carries_its_reason() -> None:
    assert ActorExit(SHUTDOWN).reason is SHUTDOWN
    assert str(ActorExit(SHUTDOWN)) == "shutdown"
