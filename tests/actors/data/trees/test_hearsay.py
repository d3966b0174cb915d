"""What hosts of a tree tell one another: when, whom, and what is none of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from simulacra.actors.data.trees import hearsay
from simulacra.actors.data.trees.fetching import RemoteTree
from simulacra.actors.data.trees.hearsay import Hearsay
from simulacra.actors.data.trees.messages import News
from simulacra.actors.data.trees.packing import pack_context
from tests.actors.data.trees.copies import Copies, Copy
from tests.actors.data.trees.test_local_tree import write

SHOWS = ("what the disk shows",)


class Told:
    """What one copy says, and to whom."""

    def __init__(self, copy: Copy) -> None:
        self.copy = copy
        self.hosts = ["nas", "lap"]
        self.said: list[tuple[str, News]] = []
        self.hearsay = Hearsay(
            lambda host: cast("RemoteTree", host),
            lambda: self.hosts,
            self._announce,
            copy.agreement,
        )

    def _announce(self, hosts: Iterable[str], news: News) -> None:
        self.said += [(host, news) for host in sorted(hosts)]

    def tell(self) -> list[str]:
        """Say what there is to say; who was told."""
        self.said.clear()
        self.hearsay.tell(self.copy.tree.journal, SHOWS)
        return [host for host, _ in self.said]

    def news(self, **other: Any) -> News:
        journal = self.copy.tree.journal
        said = {"incarnation": 1, "last": journal.last, "vector": pack_context(journal.vector)}
        return News(**{"host": "nas", **said, **other})


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Told]:
    with Copies(tmp_path, "desk") as copies:
        write(copies["desk"].root / "x", "x")
        copies["desk"].tree.scan()
        yield Told(copies["desk"])


def test_all_are_told_once_of_each_change(told: Told) -> None:
    assert told.tell() == ["lap", "nas"]
    assert told.said[0][1].last == told.copy.tree.journal.last
    assert told.tell() == []
    write(told.copy.root / "y", "y")
    told.copy.tree.scan()
    assert told.tell() == ["lap", "nas"]


def test_all_are_told_again_after_a_while_as_news_can_be_lost(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    told.tell()
    assert told.hearsay.due > time.monotonic() + hearsay.COMPARE / 2
    monkeypatch.setattr(hearsay, "COMPARE", 0.0)
    assert told.tell() == ["lap", "nas"]


def test_who_was_not_there_is_greeted_once(told: Told) -> None:
    told.tell()
    told.said.clear()
    told.hosts.append("pi")
    for _ in range(2):
        told.hearsay.greet(told.copy.tree.journal, SHOWS)
    assert [host for host, _ in told.said] == ["pi"]


@pytest.mark.parametrize("heard", ["all", "less", "nothing"])
def test_who_has_heard_less_is_told_what_is_known(told: Told, heard: str) -> None:
    journal = told.copy.tree.journal
    less = [(*replica, n - 1) for replica, n in journal.vector.items()]
    vector = {"all": pack_context(journal.vector), "less": less, "nothing": []}[heard]
    told.hearsay.answer(journal, SHOWS, told.news(vector=vector))
    assert [host for host, _ in told.said] == ([] if heard == "all" else ["nas"])


def test_who_has_heard_nothing_is_told_of_an_empty_tree(tmp_path: Path) -> None:
    with Copies(tmp_path, "desk") as copies:
        copies["desk"].tree.scan()
        told = Told(copies["desk"])
        told.hearsay.answer(copies["desk"].tree.journal, SHOWS, told.news(vector=[]))
        assert [host for host, _ in told.said] == ["nas"]


def test_hosts_with_news_are_to_be_heard_while_they_are_connected(told: Told) -> None:
    journal = told.copy.tree.journal
    assert list(told.hearsay.unheard(journal)) == []
    assert told.hearsay.note(told.news(last=5))
    assert list(told.hearsay.unheard(journal)) == ["nas"]
    told.hosts.remove("nas")
    assert list(told.hearsay.unheard(journal)) == []


@pytest.mark.parametrize("wrong", [{"last": "5"}, {"incarnation": None}, {"host": 1}])
def test_what_is_no_news_is_not_taken_in(told: Told, wrong: dict[str, Any]) -> None:
    assert not told.hearsay.note(told.news(**wrong))
    assert list(told.hearsay.unheard(told.copy.tree.journal)) == []


def test_nonsense_in_news_does_no_harm(told: Told) -> None:
    journal = told.copy.tree.journal
    news = told.news(last=5, vector=["nonsense"], acknowledged=["nonsense"])
    assert told.hearsay.note(news)
    told.hearsay.answer(journal, SHOWS, news)
    assert told.said == []
