from __future__ import annotations

from unittest import mock

import pytest

from simulacra.actors.cluster import reproaches
from simulacra.actors.cluster.reproaches import Reproaches


def test_each_is_counted_and_each_reason_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    here = Reproaches()
    for reason in ("bad", "bad", "worse"):
        here.add("b", reason)
    assert here.counts == {"b": 3}
    assert [record.message.rpartition(" ")[2] for record in caplog.records] == ["bad", "worse"]


def test_a_clock_that_is_ahead_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    here = Reproaches()
    here.is_ahead("b")
    here.is_ahead("b")
    assert here.ahead == {"b"}
    assert len(caplog.records) == 1


def test_so_many_hosts_and_reasons_are_told_apart(caplog: pytest.LogCaptureFixture) -> None:
    here = Reproaches()
    with mock.patch.object(reproaches, "_LIMIT", 2):
        for number in range(5):
            here.add(f"h{number}", "bad")
            here.is_ahead(f"h{number}")
    assert here.counts == {"h0": 1, "h1": 1, "": 3}
    assert len(here.ahead) == 2
    assert len(caplog.records) == 4
