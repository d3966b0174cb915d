"""Networks as a user makes, joins and leaves them; real nodes, each with a home of its own."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from simulacra.cli.exits import ExitCode
from tests.processes import until_none

from .homes import Home, peers, processes_below


@contextmanager
def homes(folder: Path, *names: str) -> Iterator[list[Home]]:
    made = [Home(name, folder) for name in names]
    try:
        yield made
    finally:
        for home in made:
            home.run("down")
    until_none(lambda: processes_below(folder))


def founded(home: Home) -> Home:
    home.do("up", "--detach")
    home.do("init", "home")
    return home


def invitation(home: Home, *options: str) -> str:
    return str(home.do("invite", "--json", *options).json()["join"])


def test_a_network_is_made_joined_and_left(tmp_path: Path) -> None:
    with homes(tmp_path, "desk", "nas", "tv") as (desk, nas, tv):
        founded(desk)
        used = invitation(desk)
        assert "desk let nas into" in nas.do("up", "--detach", "--join", used).stderr
        # Any member lets others in, and who joins meets those who joined before.
        door = nas.client.item("status")["door"]
        fresh = invitation(desk).rpartition("@")[0]
        tv.do("up", "--detach")
        tv.do("up", "--detach", "--join", f"{fresh}@{door}")
        tv.until(lambda: peers(tv) == {"desk": "up", "nas": "up"})

        # An expelled host has no connection left, and comes back by no old way.
        desk.do("expel", "nas", "--reason", "stolen")
        assert "nas" not in peers(desk)
        tv.until(lambda: "nas" not in peers(tv))
        told = [each["text"] for each in tv.client.items("events")]
        assert "nas is let in no more: stolen" in told
        nas.do("down")
        again = nas.run("up", "--detach", "--join", invitation(desk))
        assert again.code == ExitCode.DENIED
        assert "keys reset" in again.stderr
        desk.do("down")
        desk.do("up", "--detach")
        assert "nas" not in peers(desk)

        # With new keys it is a new host.
        nas.do("keys", "reset")
        nas.do("up", "--detach", "--join", invitation(desk))
        desk.until(lambda: peers(desk).get("nas") == "up")

        tv.do("leave")
        desk.until(lambda: "tv" not in peers(desk))
        assert not (tmp_path / "tv" / "config" / "tv.key").exists()


def test_an_invitation_that_is_no_good_is_refused_with_the_reason(tmp_path: Path) -> None:
    with homes(tmp_path, "desk", "nas", "den") as (desk, nas, den):
        founded(desk)
        den.do("up", "--detach")
        den.do("init", "other")
        assert "good for nobody" in desk.run("invite", "--expires", "0s").stderr
        short = desk.do("invite", "--expires", "1s", "--json").json()
        expired, good = str(short["join"]), invitation(desk)
        desk.until(lambda: time.time() > short["expires"] + 1)
        for words, code, said in [
            (good[:40], ExitCode.USAGE, "TOKEN@HOST"),
            (good[5:], ExitCode.USAGE, "begins with sim1"),
            (good.replace("sim1", "sim1a"), ExitCode.USAGE, "token"),
            (expired, ExitCode.DENIED, "expired"),
        ]:
            ended = nas.run("up", "--detach", "--join", words)
            assert (ended.code, said in ended.stderr) == (code, True), ended
        assert not (tmp_path / "nas" / "state" / "nas" / "network.json").exists()
        nas.do("up", "--detach", "--join", good)
        taken = den.run("up", "--detach", "--join", good)
        assert (taken.code, "leave it first" in taken.stderr) == (ExitCode.USAGE, True)


def test_what_another_version_wrote_is_said_as_why_a_node_does_not_start(tmp_path: Path) -> None:
    with homes(tmp_path, "desk") as (desk,):
        founded(desk)
        desk.do("down")
        directory = tmp_path / "desk" / "state" / "desk" / "directory.db"
        with closing(sqlite3.connect(directory)) as database:
            database.execute("PRAGMA user_version = 99")
        ended = desk.run("up", "--detach")
    assert f"while it was starting: the directory {directory} has schema 99" in ended.stderr
    assert "install the newer simulacra that wrote it" in ended.stderr


def test_what_needs_a_network_or_its_owner_says_so(tmp_path: Path) -> None:
    with homes(tmp_path, "desk", "nas") as (desk, nas):
        assert "simulacra init" in desk.run("invite").stderr
        assert "simulacra init" in desk.run("leave").stderr
        founded(desk)
        assert "already" in desk.run("init", "again").stderr
        assert "small letters" in nas.run("init", "My Home").stderr
        assert "it has: desk" in desk.run("expel", "ghost").stderr
        nas.do("up", "--detach", "--join", invitation(desk))
        refused = nas.run("invite")
        assert (refused.code, "owner import" in refused.stderr) == (ExitCode.DENIED, True)


def test_a_second_owner_and_a_copy_of_the_key(tmp_path: Path) -> None:
    with homes(tmp_path, "desk", "nas", "tv") as (desk, nas, tv):
        founded(desk)
        nas.do("up", "--detach", "--join", invitation(desk))
        key = nas.do("owner").stdout.strip()
        assert "owner add NAME" in nas.run("invite").stderr
        desk.do("owner", "add", "anna", key)
        nas.until(lambda: nas.run("invite").code == 0)
        tv.do("up", "--detach", "--join", invitation(nas))
        tv.until(lambda: peers(tv) == {"desk": "up", "nas": "up"})

        copy = tmp_path / "owner.key"
        desk.do("owner", "export", str(copy))
        assert copy.stat().st_mode & 0o777 == 0o600
        assert desk.run("owner", "export", str(copy)).code == ExitCode.FAILED
        tv.do("owner", "import", str(copy))
        tv.do("expel", "nas")
        desk.until(lambda: "nas" not in peers(desk))


@pytest.mark.parametrize("text", ["", "public x\nsecret y\n"])
def test_a_copy_that_holds_no_key_is_not_brought_in(tmp_path: Path, text: str) -> None:
    home, copy = Home("desk", tmp_path), tmp_path / "copy"
    copy.write_text(text)
    assert home.run("owner", "import", str(copy)).code == ExitCode.FAILED
    assert not (tmp_path / "desk" / "config" / "owner.key").exists()


def test_an_invitation_can_be_scanned(tmp_path: Path) -> None:
    with homes(tmp_path, "desk") as (desk,):
        shown = founded(desk).do("invite", "--qr", "--role", "outside", "--expires", "10m")
        assert shown.stdout.startswith("simulacra up --join sim1")
        assert "good for one outside host, for 10m" in shown.stderr
        assert sum(line.startswith("█") for line in shown.stdout.splitlines()) > 20


def test_a_node_that_is_down_is_found_by_its_keys(tmp_path: Path) -> None:
    home = Home("desk", tmp_path)
    home.do("keys")
    del home.environ["SIMULACRA_NAME"]
    assert home.do("keys", "--json").json()["name"] == "desk"
