from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from unittest import mock

import pytest

from simulacra.actors.cluster import backup as backups
from simulacra.actors.cluster.backup import BackupError, backup, read_manifest, restore
from simulacra.actors.cluster.facts import Key
from simulacra.actors.cluster.store import Store
from tests.actors.cluster.replicas import Known, replica, replicas, say, shown

WEB, DB = Key("service", "", "web"), Key("service", "", "db")


class State:
    """A node's files."""

    def __init__(self, folder: Path) -> None:
        self.directory = folder / "state" / "directory.sqlite"
        self.files = {"node.key": folder / "node.key", "network.json": folder / "network.json"}

    def fill(self) -> int:
        self.directory.parent.mkdir(parents=True)
        self.files["node.key"].write_text("secret")
        with Store(self.directory) as store:
            [a] = replicas("a")
            store.keep(say(a, WEB, 1), store.life, durable=True)
            return store.life


@pytest.fixture
def state(tmp_path: Path) -> State:
    state = State(tmp_path / "here")
    state.directory.parent.parent.mkdir()
    return state


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "node.backup"


def test_what_was_backed_up_is_restored_in_a_new_life(
    state: State, target: Path, tmp_path: Path
) -> None:
    life = state.fill()
    made = backup(target, "a", state.directory, state.files)
    assert target.stat().st_mode & 0o777 == 0o600
    assert sorted(made.parts) == ["directory.sqlite", "node.key"]
    new = State(tmp_path / "there")
    assert restore(target, new.directory, new.files) == made == read_manifest(target)
    assert new.files["node.key"].read_text() == "secret"
    assert new.files["node.key"].stat().st_mode & 0o777 == 0o600
    with Store(new.directory) as store:
        assert store.life != life
        again = replica("a", Known("a"), store.logs)
    assert shown(again) == {WEB: 1}


def test_a_node_may_go_on_while_its_directory_is_copied(state: State, target: Path) -> None:
    state.fill()
    with Store(state.directory) as store:
        a = replica("a", Known("a"), store.logs)
        store.keep(say(a, DB, 2), store.life, durable=False)
        backup(target, "a", state.directory, state.files)
        store.keep(say(a, WEB, 3), store.life, durable=True)
    restore(target, state.directory, state.files, replace=True)
    with Store(state.directory) as store:
        assert shown(replica("a", Known("a"), store.logs)) == {WEB: 1, DB: 2}


def test_nothing_is_written_over_unless_told(state: State, target: Path) -> None:
    state.fill()
    backup(target, "a", state.directory, state.files)
    with pytest.raises(BackupError, match="is there already"):
        backup(target, "a", state.directory, state.files)
    state.files["node.key"].write_text("newer")
    with pytest.raises(BackupError, match=r"would be written over.*--replace"):
        restore(target, state.directory, state.files)
    assert state.files["node.key"].read_text() == "newer"


def cut_off(target: Path) -> None:
    target.write_bytes(target.read_bytes()[:-100])


def turn_a_bit(target: Path) -> None:
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)


def write_over(target: Path) -> None:
    target.write_text("not a backup")


def change_a_part(target: Path) -> None:
    parts = backups._read(target)
    target.write_bytes(backups._pack({**parts, "node.key": b"another"}))


def leave_out_the_manifest(target: Path) -> None:
    target.write_bytes(backups._pack({"node.key": b"another"}))


@pytest.mark.parametrize(
    "damage", [cut_off, turn_a_bit, write_over, change_a_part, leave_out_the_manifest, Path.unlink]
)
def test_a_damaged_backup_is_refused_before_anything_is_written(
    state: State, target: Path, damage: Callable[[Path], None], tmp_path: Path
) -> None:
    state.fill()
    backup(target, "a", state.directory, state.files)
    damage(target)
    new = State(tmp_path / "there")
    with pytest.raises(BackupError, match=r"is damaged|there is no file"):
        restore(target, new.directory, new.files)
    assert not (tmp_path / "there").exists()


def test_a_backup_of_a_newer_software_is_refused(state: State, target: Path) -> None:
    state.fill()
    with mock.patch.object(backups.Manifest, "__init__", _newer):
        backup(target, "a", state.directory, state.files)
    with pytest.raises(BackupError, match="has schema 9"):
        restore(target, state.directory, state.files, replace=True)


def _newer(self: backups.Manifest, host: str, made: int, parts: dict[str, str]) -> None:
    vars(self).update(host=host, made=made, parts=parts, schema=9)


def test_a_part_that_is_not_known_is_refused(state: State, target: Path) -> None:
    state.fill()
    backup(target, "a", state.directory, state.files)
    parts = backups._read(target)
    manifest = json.loads(parts["manifest.json"])
    manifest["parts"]["../../evil"] = backups._hash(b"x")
    parts |= {"manifest.json": json.dumps(manifest).encode(), "../../evil": b"x"}
    target.write_bytes(backups._pack(parts))
    with pytest.raises(BackupError, match=r"parts that this software does not know: .*evil"):
        restore(target, state.directory, state.files, replace=True)


def test_without_a_directory_there_is_nothing_to_back_up(state: State, target: Path) -> None:
    with pytest.raises(BackupError, match="start the node once"):
        backup(target, "a", state.directory, state.files)
    assert not target.exists()


def test_a_damaged_directory_is_not_backed_up(state: State, target: Path) -> None:
    state.fill()
    state.directory.write_bytes(b"not a database" * 1000)
    with pytest.raises(BackupError, match="cannot be made: file is not a database"):
        backup(target, "a", state.directory, state.files)
