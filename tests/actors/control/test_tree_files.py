"""Conflicts, versions and single files of trees, asked of two nodes of a network."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.control import conflicts
from simulacra.actors.data.trees import questions
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.actors.test_enrolment import desk_and_nas
from tests.onehost import Host, until

OLD = 1_600_000_000
TEXT = "".join(f"line {number}\n" for number in range(20))


class Two:
    """Two hosts that have a tree ``src``, its main store at ``desk``."""

    def __init__(self, folder: Path, desk: Host, nas: Host) -> None:
        self.folder, self.desk, self.nas = folder, desk, nas
        self.hosts = {"desk": desk, "nas": nas}
        for name in self.hosts:
            self.root(name).mkdir()
        self.write("desk", "other", "there from the beginning")
        desk.client.item("tree_add", name="src", path=str(self.root("desk")), timeout=60)
        until(lambda: nas.client.item("tree_list")["trees"])
        nas.client.item("tree_follow", name="src", path=str(self.root("nas")), timeout=60)
        self.sync()

    def root(self, host: str) -> Path:
        return self.folder / f"src-of-{host}"

    def sync(self) -> None:
        until(lambda: len(self.desk.client.item("tree_status", name="src")["copies"]) == 2)
        for host in self.hosts.values():
            host.client.item("tree_sync", name="src", timeout=30)

    def write(self, host: str, name: str, text: str) -> None:
        path = self.root(host) / name
        path.write_text(text)
        os.utime(path, (OLD, OLD))

    def ask(self, host: str, verb: str, file: str | bytes | None = None, **arguments: Any) -> Any:
        if file is not None:
            arguments |= {"file": file, "folder": str(self.root(host))}
        return self.hosts[host].client.item(verb, timeout=30, **arguments)

    def apart(self, name: str, of_desk: str, of_nas: str) -> None:
        """Have a file changed on both hosts, neither knowing of the other's."""
        for host in self.hosts:
            self.ask(host, "tree_pause", name="src", paused=True)
        self.write("desk", name, of_desk)
        self.write("nas", name, of_nas)
        for host in self.hosts:
            self.ask(host, "tree_pause", name="src", paused=False)
        self.sync()

    def remembered(self, host: str) -> bool:
        """Whether a host has remembered all texts as they are now."""
        [file] = (self.hosts[host].settings.paths.state / host / "trees").glob("*/bases/upto")
        [mine] = [
            copy
            for copy in self.ask(host, "tree_status", name="src")["copies"]
            if copy["host"] == host
        ]
        return file.read_text().split()[1] == str(mine["last"])

    def conflicts(self, host: str) -> list[Any]:
        found: list[Any] = self.ask(host, "conflicts")["conflicts"]
        return found


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    with desk_and_nas(tmp_path) as (desk, nas):
        yield Two(tmp_path, desk, nas)


def test_conflicts_are_listed_alike_and_settled_from_either(two: Two) -> None:
    two.write("desk", "a.txt", "base")
    two.sync()
    two.apart("a.txt", "of desk", "of nas, longer")
    (conflict,) = two.conflicts("desk")
    assert [conflict] == two.conflicts("nas")
    assert (conflict["tree"], conflict["path"], conflict["kind"]) == ("src", "a.txt", "content")
    assert {side["host"] for side in conflict["sides"]} == {"desk", "nas"}
    assert {side["size"] for side in conflict["sides"]} == {7, 14}
    for side in conflict["sides"]:
        assert len((two.root("nas") / side["name"]).read_bytes()) == side["size"]
    with pytest.raises(GatewayError, match=r"tux is no side of src:a.txt.*desk, nas") as refused:
        two.ask("nas", "conflict_settle", "a.txt", take="tux")
    assert refused.value.code is ErrorCode.USAGE
    two.ask("nas", "conflict_settle", "a.txt", take="main")
    two.sync()
    assert two.conflicts("desk") == two.conflicts("nas") == []
    for host in two.hosts:
        assert {each.name for each in two.root(host).iterdir()} == {"a.txt", "other"}
        assert (two.root(host) / "a.txt").read_text() == "of desk"
    with pytest.raises(GatewayError, match=r"src:a\.txt is in no conflict") as refused:
        two.ask("nas", "conflict_settle", "src:a.txt", take="both")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_names_that_are_no_text_or_not_to_be_seen_can_be_asked_for(two: Two) -> None:
    odd = {os.fsdecode(b"caf\xe9"): b"caf\xe9", "two\nlines": b"two\nlines", "\x1b[2J": b"\x1b[2J"}
    for name in odd:
        two.write("desk", name, "base")
    two.sync()
    shown = ["\\x1b[2J", "caf\\xe9", "two\\nlines"]
    for name, typed in odd.items():
        two.apart(name, "of desk", "of nas, longer")
        found = two.ask("nas", "tree_file", typed)
        assert found["path"] in shown
        assert found["path"] in found["conflict"]
        with pytest.raises(GatewayError, match=r"tux\\xe9 is no side of src"):
            two.ask("nas", "conflict_settle", typed, take=b"tux\xe9")
    assert [each["path"] for each in two.conflicts("desk")] == shown
    for typed in odd.values():
        two.ask("nas", "conflict_settle", b"src:" + typed, take="nas")
    two.sync()
    assert two.conflicts("desk") == []
    assert {(two.root("desk") / name).read_text() for name in odd} == {"of nas, longer"}
    [kept, *_] = two.ask("desk", "tree_versions", b"caf\xe9")["versions"]
    assert kept["path"] == "caf\\xe9"


def test_many_conflicts_are_listed_in_parts_and_each_can_be_settled(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (questions, conflicts):
        monkeypatch.setattr(module, "MOST", 1)
    names = ["a.txt", "b.txt", "c.txt"]
    for name in names:
        two.write("desk", name, "base")
    two.sync()
    for host in two.hosts:
        two.ask(host, "tree_pause", name="src", paused=True)
        for name in names:
            two.write(host, name, f"of {host}")
    for host in two.hosts:
        two.ask(host, "tree_pause", name="src", paused=False)
    two.sync()
    pages = [two.ask("nas", "conflicts", skip=skip) for skip in range(4)]
    assert [[each["path"] for each in page["conflicts"]] for page in pages] == [
        *([name] for name in names), [],
    ]  # fmt: skip
    assert [page["more"] for page in pages] == [{"src": 2}, {"src": 1}, {}, {}]
    assert two.ask("nas", "tree_file", "c.txt")["conflict"][0] == "c.txt"
    two.ask("nas", "conflict_settle", "c.txt", take="main")
    two.sync()
    assert two.ask("desk", "conflicts")["more"] == {"src": 1}
    with pytest.raises(GatewayError, match="cannot be skipped"):
        two.ask("desk", "conflicts", skip=-1)


def test_an_edited_file_is_taken(two: Two) -> None:
    two.write("desk", "a.txt", "base")
    two.sync()
    two.apart("a.txt", "of desk", "of nas, longer")
    edited = two.folder / "edited"
    edited.write_text("by hand")
    two.ask("nas", "conflict_settle", "src:a.txt", take=str(edited))
    two.sync()
    assert (two.root("desk") / "a.txt").read_text() == "by hand"
    assert two.conflicts("desk") == []


def test_texts_are_merged_at_the_main_store(two: Two) -> None:
    two.write("desk", "a.txt", TEXT)
    two.sync()
    until(lambda: two.remembered("desk"))
    two.apart("a.txt", TEXT.replace("line 3\n", "desk\n"), TEXT.replace("line 15\n", "nas\n"))
    merged = TEXT.replace("line 3\n", "desk\n").replace("line 15\n", "nas\n")
    for host in two.hosts:
        until(lambda host=host: (two.root(host) / "a.txt").read_text() == merged)  # type: ignore[misc]
        until(lambda host=host: two.conflicts(host) == [])  # type: ignore[misc]


def test_what_was_replaced_or_deleted_comes_back(two: Two) -> None:
    two.write("desk", "a.txt", "first")
    two.sync()
    two.write("desk", "a.txt", "second")
    two.sync()
    (two.root("desk") / "a.txt").unlink()
    two.sync()
    found = two.ask("desk", "tree_versions", "a.txt")["versions"]
    assert [(each["host"], each["size"]) for each in found] == [("nas", 6), ("nas", 5)]
    done = two.ask("nas", "tree_restore", "a.txt", version=found[1]["number"], to="deep/b.txt")
    assert (done["to"], done["exact"]) == ("deep/b.txt", True)
    two.ask("desk", "tree_restore", "src:a.txt", on="nas")
    two.sync()
    assert (two.root("desk") / "a.txt").read_text() == "second"
    assert (two.root("desk") / "deep" / "b.txt").read_text() == "first"
    two.ask("nas", "tree_restore", "a.txt", version=found[1]["number"])
    until(lambda: (two.root("desk") / "a.txt").read_text() == "first")
    assert two.ask("nas", "tree_versions", "a.txt")["versions"][0]["size"] == len("second")
    for wrong, why in (({"version": 99}, "no version 99"), ({"on": "tux"}, "tux has no copy")):
        with pytest.raises(GatewayError, match=why):
            two.ask("nas", "tree_restore", "a.txt", **wrong)


def test_a_file_says_how_it_stands_on_each_host(two: Two) -> None:
    two.write("desk", "a.txt", "text")
    two.write("desk", ".simulacraignore", "*.o\n")
    two.write("desk", "x.o", "object")
    two.sync()
    found = two.ask("nas", "tree_file", "a.txt")
    assert (found["tree"], found["path"], found["conflict"]) == ("src", "a.txt", [])
    assert {copy["host"]: copy["state"] for copy in found["copies"]} == {
        "desk": "in step",
        "nas": "in step",
    }
    assert [(each["host"], each["size"]) for each in found["known"]] == [("desk", 4)]
    states = {each["host"]: each for each in two.ask("nas", "tree_file", "src:x.o")["copies"]}
    assert (states["desk"]["state"], states["nas"]["state"]) == ("not kept", "not there")
    assert "ignored" in states["desk"]["reason"]
    two.apart("a.txt", "of desk", "of nas, longer")
    assert "a.txt" in two.ask("nas", "tree_file", "a.txt")["conflict"]
    with pytest.raises(GatewayError, match="is in no tree") as refused:
        two.ask("nas", "tree_file", "/etc/passwd")
    assert refused.value.code is ErrorCode.NOT_FOUND


def test_a_host_without_the_tree_asks_one_that_has_it(two: Two) -> None:
    two.write("desk", "a.txt", "base")
    two.sync()
    two.apart("a.txt", "of desk", "of nas, longer")
    # Who has it no more gives nobody its side.
    until(lambda: "of nas, longer" in {each.read_text() for each in two.root("desk").glob("a*")})
    before = two.conflicts("desk")
    two.ask("nas", "tree_unfollow", name="src", force=True)
    until(lambda: list(two.ask("desk", "tree_list")["trees"][0]["hosts"]) == ["desk"])
    assert two.conflicts("nas") == before
    two.ask("nas", "conflict_settle", "src:a.txt", take="nas")
    until(lambda: (two.root("desk") / "a.txt").read_text() == "of nas, longer")
