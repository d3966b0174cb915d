"""Networks as hosts leave them or are expelled, and what becomes of their trees; real nodes."""

from __future__ import annotations

from pathlib import Path

from simulacra.cli.exits import ExitCode

from .homes import one_network, peers


def test_no_host_expels_itself_and_one_that_is_out_invites_nobody(tmp_path: Path) -> None:
    with one_network(tmp_path, "desk", "nas") as (desk, nas):
        for host in (desk, nas):
            refused = host.run("expel", host.name)
            assert refused.code == ExitCode.USAGE
            assert "is this host, and to expel is for ever" in refused.stderr
            assert "simulacra leave" in refused.stderr
        desk.until(lambda: peers(desk) == {"nas": "up"})

        nas.do("expel", "desk", "--reason", "stolen")
        desk.until(lambda: desk.client.item("status")["out"])
        refused = desk.run("invite")
        assert refused.code == ExitCode.FAILED
        assert "the door here lets nobody in: desk was expelled by nas: stolen" in refused.stderr
        assert "simulacra owner export" in refused.stderr

        def why() -> list[str | None]:
            return [each["reason"] for each in desk.client.item("status")["peers"]]

        told = "its door turns this node away: desk was expelled by nas: stolen"
        desk.until(lambda: why() == [told])


def test_a_master_that_leaves_hands_the_focus_over(tmp_path: Path) -> None:
    with one_network(tmp_path, "desk", "nas") as (desk, nas):
        desk.until(lambda: desk.client.item("focus")["acting"])
        nas.until(lambda: nas.client.item("focus")["master"] == "desk")
        desk.do("leave")
        told = nas.client.item("focus")
        assert (told["master"], told["why"]) == ("nas", "desk leaves the network")
        assert [each["planned"] for each in told["history"]] == [False, True]


def test_who_has_trees_leaves_only_when_they_were_looked_at_or_by_force(tmp_path: Path) -> None:
    with one_network(tmp_path, "desk", "nas") as (desk, nas):
        (nas.folder / "src").mkdir()
        nas.do("tree", "add", "src", "src")
        nas.do("down")
        refused = nas.run("leave")
        assert refused.code == ExitCode.FAILED
        said = " ".join(refused.stderr.split())
        assert "nas has copies of src, and nobody knows whether other hosts have all" in said
        assert "simulacra up --detach, then simulacra leave;" in said
        assert "simulacra leave --force" in said
        nas.do("up", "--detach")
        desk.until(lambda: peers(desk).get("nas") == "up")
        nas.do("down")
        definitions = tmp_path / "nas" / "state" / "nas" / "trees" / "trees.json"
        kept = definitions.read_text()
        definitions.write_text("{")
        assert "cannot be read" in nas.run("leave").stderr
        definitions.write_text(kept)
        assert "expel it on another host" in nas.do("leave", "--force").stderr
        assert "simulacra init" in nas.run("leave").stderr


def test_a_tree_stays_where_its_main_store_is_expelled(tmp_path: Path) -> None:
    with one_network(tmp_path, "desk", "nas") as (desk, nas):
        (nas.folder / "src").mkdir()
        nas.do("tree", "add", "src", "src")
        desk.until(lambda: desk.client.item("tree_list")["trees"])
        desk.do("tree", "follow", "src", "src")
        nas.until(lambda: len(nas.client.item("tree_list")["trees"][0]["hosts"]) == 2)
        nas.do("tree", "sync", "src")
        told = desk.do("expel", "nas", "--reason", "stolen").stderr
        assert "the main store of src is on desk now" in told
        assert "nas" not in peers(desk)
        [tree] = desk.client.item("tree_list")["trees"]
        assert (tree["name"], tree["main"], list(tree["hosts"])) == ("src", "desk", ["desk"])
