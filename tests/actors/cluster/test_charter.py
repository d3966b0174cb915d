"""What a host keeps of its network: whole or not at all, for nobody else's eyes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simulacra.actors.cluster.charter import Charter, CharterError, from_plain, to_plain
from simulacra.actors.cluster.records import MalformedRecordError

from .networks import NOW, Host, Network


@pytest.fixture
def network() -> Network:
    return Network()


def test_it_is_found_again(network: Network, tmp_path: Path) -> None:
    desk, nas = Host("desk"), Host("nas")
    charter = network.charter(tmp_path, network.admit(desk))
    charter.add([network.admit(nas)])
    again = Charter.load(tmp_path / "network.json")
    assert again is not None
    assert [member.host for member in again.roll.members] == ["desk", "nas"]
    assert (again.network, again.door) == ("home", network.door)
    assert (tmp_path / "network.json").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["network.json"]


def test_where_there_is_none(tmp_path: Path) -> None:
    assert Charter.load(tmp_path / "network.json") is None


def test_an_expulsion_outlives_a_restart_and_a_later_admission(
    network: Network, tmp_path: Path
) -> None:
    nas = Host("nas")
    charter = network.charter(tmp_path, network.admit(nas))
    charter.add(charter.roll.expel("nas", network.owner, at=NOW + 5))
    again = Charter.load(tmp_path / "network.json")
    assert again is not None
    again.add([network.admit(nas, at=NOW + 10)])
    assert again.roll.members == ()


def test_only_what_is_new_and_sound_is_told(network: Network, tmp_path: Path) -> None:
    desk, other = network.admit(Host("desk")), Network().admit(Host("spy"))
    charter = network.charter(tmp_path)
    assert charter.add([desk, other]) == [desk]
    assert charter.add([desk]) == []
    assert charter.missing([]) == [desk]
    assert charter.missing([desk.id]) == []


def test_a_disk_that_takes_no_more_changes_nothing(network: Network, tmp_path: Path) -> None:
    charter = network.charter(tmp_path / "state")
    charter.file = tmp_path / "gone" / "\0"
    with pytest.raises((OSError, ValueError)):
        charter.add([network.admit(Host("desk"))])


@pytest.mark.parametrize("damage", ["", "{", "[]", '{"schema": 1}', '{"schema": 9}'])
def test_a_damaged_file_is_named(network: Network, tmp_path: Path, damage: str) -> None:
    file = network.charter(tmp_path).file
    file.write_text(damage)
    with pytest.raises(CharterError, match=str(file)):
        Charter.load(file)


def test_a_file_that_others_may_read_is_refused(network: Network, tmp_path: Path) -> None:
    file = network.charter(tmp_path).file
    file.chmod(0o644)
    with pytest.raises(CharterError, match="chmod 600"):
        Charter.load(file)


def test_records_travel_as_plain_data(network: Network) -> None:
    record = network.admit(Host("desk"))
    assert from_plain(json.loads(json.dumps(to_plain(record)))) == record
    garbage: Any
    for garbage in (None, [], ["admission"], ["king", {}], ["owner", {}], ["owner", 3], [[], {}]):
        with pytest.raises(MalformedRecordError):
            from_plain(garbage)
