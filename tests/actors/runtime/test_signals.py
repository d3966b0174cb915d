from __future__ import annotations

import typing

from simulacra.actors.runtime import signals
from simulacra.actors.runtime.cell import _SIGNALS
from simulacra.actors.runtime.ties import HANDLERS


def test_every_signal_is_handled_by_a_cell() -> None:
    assert set(typing.get_args(signals.Signal)) == {*_SIGNALS, *HANDLERS}


def test_the_signals_that_overtake_mail_are_those_of_otp() -> None:
    assert set(signals.URGENT) == {signals.Stop, signals.Kill, signals.Suspend, signals.Resume}
