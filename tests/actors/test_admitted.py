"""Whom a node admits and dials, from the user's list and from the network's records."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.admitted import Admitted
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime.keys import KeyPair, Member
from simulacra.actors.settings import Paths, Settings

ME = KeyPair.generate().public
KEYS = [KeyPair.generate().public for _ in range(8)]


@dataclass(frozen=True)
class Records:
    """What a network's records say, as `Enrolment` tells it."""

    of: Collection[Member] = ()
    out: Collection[str] = ()

    def members(self) -> list[Member]:
        return list(self.of)

    def expelled(self) -> Collection[str]:
        return self.out

    def outside(self) -> set[str]:
        return {each.name for each in self.of if each.outside}


def admitted(home: Path, records: Records, *lines: str, **settings: Any) -> Admitted:
    """As a node has it that has read the user's list, which has these lines."""
    paths = Paths.find({"SIMULACRA_HOME": str(home)})
    if lines:
        paths.members.parent.mkdir(parents=True, exist_ok=True)
        paths.members.write_text("".join(f"{line}\n" for line in lines))
    made = Admitted(Settings(name="desk", paths=paths, **settings), records, ME)  # type: ignore[arg-type]
    made.read()
    return made


def test_the_list_counts_over_the_records_and_nobody_is_admitted_who_was_expelled(
    tmp_path: Path,
) -> None:
    nas, tv, boat, den = KEYS[:4]
    records = Records([Member("nas", nas, "nas:1"), Member("tv", tv)], {boat, tv})
    found = admitted(tmp_path, records, f"nas {nas} nas:2", f"boat {boat}", f"den {den}").keys()
    assert found.members() == [Member("den", den), Member("nas", nas, "nas:2")]


def test_a_list_that_cannot_be_used_says_what_to_mend_and_changes_nothing(tmp_path: Path) -> None:
    made = admitted(tmp_path, Records(), f"nas {KEYS[0]}")
    file = tmp_path / "config" / "members"
    file.write_text("nas\n")
    with pytest.raises(GatewayError, match="line 1") as caught:
        made.read()
    assert str(file) in caught.value.hint
    assert [each.name for each in made.keys().members()] == ["nas"]


def test_a_host_is_alone_among_outside_hosts_and_itself(tmp_path: Path) -> None:
    phone = Member("phone", KEYS[0], outside=True)
    assert admitted(tmp_path, Records(), f"desk {ME}").is_alone()
    assert admitted(tmp_path, Records([phone])).is_alone()
    assert not admitted(tmp_path, Records([phone, Member("nas", KEYS[1])])).is_alone()


def test_a_connection_is_said_by_an_address_in_the_list_or_in_the_settings(tmp_path: Path) -> None:
    records = Records([Member("tv", KEYS[2], "tv:1")])
    lines = f"nas {KEYS[0]} nas:1", f"den {KEYS[1]}"
    made = admitted(tmp_path, records, *lines, join=("den:1",))
    assert made.is_said(KEYS[0], "nas:5")
    assert made.is_said(KEYS[1], "den:1")
    assert not made.is_said(KEYS[1], "den:2")
    assert not made.is_said(KEYS[2], "tv:1")


def test_an_address_of_the_settings_is_that_of_the_one_without_an_address(tmp_path: Path) -> None:
    nas, den = KEYS[:2]
    lines = [f"desk {ME}", f"nas {nas} nas:1", f"den {den}"]
    made = admitted(tmp_path, Records(), *lines, join=("nas:1", "den:1"))
    assert list(made.to_join("desk:1", set())) == [("nas:1", nas), ("den:1", den)]
    made = admitted(tmp_path, Records(), *lines, f"tv {KEYS[2]}", join=("den:1",))
    with pytest.raises(GatewayError, match="which key has the node at den:1") as caught:
        list(made.to_join("desk:1", set()))
    assert caught.value.code is ErrorCode.USAGE


@given(
    listed=st.sets(st.sampled_from(KEYS)),
    members=st.sets(st.sampled_from(KEYS)),
    known=st.sets(st.sampled_from(KEYS)),
    mesh=st.integers(min_value=1, max_value=len(KEYS)),
)
def test_all_of_the_list_are_dialed_and_of_the_members_as_many_as_there_is_room_for(
    tmp_path_factory: pytest.TempPathFactory,
    listed: set[str],
    members: set[str],
    known: set[str],
    mesh: int,
) -> None:
    home = tmp_path_factory.mktemp("home")
    at = {key: f"h{number}:1" for number, key in enumerate(KEYS)}
    records = Records(
        [Member(f"h{number}", key, at[key]) for number, key in enumerate(sorted(members))]
    )
    made = admitted(home, records, *(f"x {key} {at[key]}" for key in sorted(listed)), mesh=mesh)
    dialed = dict(made.to_join(at[KEYS[0]], known))
    others = (listed | members) - {KEYS[0]}
    by_choice = others - listed - known
    assert listed - {KEYS[0]} <= set(dialed.values()) <= others
    assert all(at[key] == address for address, key in dialed.items())
    room = max(0, mesh - len(known))
    assert len(by_choice & set(dialed.values())) == min(room, len(by_choice))
