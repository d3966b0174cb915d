from __future__ import annotations

import tomllib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulacra.hosts.inventory.editing import EditError, add, change, remove
from tests.hosts.inventory.test_reading import EXAMPLE

TEXT = """\
# All of my hosts.
[network]
name = "home"  # sweet

[zones.home]

# Too loud for the bedroom.
[hosts.nas]
zone = "home"
lan = [
  "192.168.1.10",
]

[hosts.nas.ssh]
host = "192.168.1.10"

# Quiet.
[hosts.desk]
zone = "home"
port = 4000

# The end.
"""


def test_a_host_is_added_after_the_others_and_comments_stay() -> None:
    fields = {"zone": "home", "lan": ["192.168.1.3"], "ssh": {"host": "x", "sudo": True}}
    lines = 'zone = "home"\nlan = ["192.168.1.3"]\nssh = {host = "x", sudo = true}\n'
    assert add(TEXT, "new", fields) == f"{TEXT}\n[hosts.new]\n{lines}"
    with pytest.raises(EditError, match="there is a host nas already"):
        add(TEXT, "nas", fields)


def test_the_first_host_is_added() -> None:
    found = add('[network]\nname = "a"\n', "nas", {"zone": "home"})
    assert found == '[network]\nname = "a"\n\n[hosts.nas]\nzone = "home"\n'


def test_a_host_goes_with_its_comment() -> None:
    found = remove(TEXT, "nas")
    assert found == TEXT[: TEXT.index("\n# Too")] + TEXT[TEXT.index("\n# Quiet") :]
    assert remove(found, "desk").endswith("[zones.home]\n\n# The end.\n")
    with pytest.raises(EditError, match="there is no host ns; there are: nas, desk"):
        remove(TEXT, "ns")


def test_fields_are_changed_added_and_taken_out_where_they_are() -> None:
    found = change(TEXT, "desk", {"port": None, "relay": True, "zone": "away"})
    assert found == TEXT.replace('"home"\nport = 4000\n', '"away"\nrelay = true\n')
    found = change(TEXT, "nas", {"wireguard": "k"})
    assert found == TEXT.replace('"home"\nlan', '"home"\nwireguard = "k"\nlan')


@pytest.mark.parametrize(
    "text",
    [
        'hosts = {nas = {zone = "home"}}\n',
        '[hosts]\nnas = {zone = "home"}\n',
        '[hosts]\nnas.zone = "home"\n',
    ],
)
def test_what_is_written_otherwise_is_edited_rightly_or_left_to_people(text: str) -> None:
    edits: list[Callable[[], str]] = [
        lambda: add(text, "new", {"zone": "home"}),
        lambda: change(text, "nas", {"relay": True}),
        lambda: remove(text, "nas"),
    ]
    for edit in edits:
        try:
            found = tomllib.loads(edit())
        except EditError as error:
            assert "only you can edit" in str(error)  # noqa: PT017 (either is right)
        else:
            assert found != tomllib.loads(text)


HOSTS = tuple(tomllib.loads(EXAMPLE.read_text())["hosts"])
VALUES = st.text() | st.booleans() | st.integers(0, 9) | st.lists(st.text(), max_size=3)
FIELDS = st.dictionaries(
    st.sampled_from(["relay", "lan", "ssh", "tags", "port"]),
    VALUES | st.dictionaries(st.sampled_from(["host", "user"]), st.text()),
)


@settings(max_examples=25)
@given(FIELDS, st.sampled_from(HOSTS))
def test_an_edit_says_what_it_was_to_say(fields: dict[str, Any], name: str) -> None:
    text = EXAMPLE.read_text()
    before = tomllib.loads(text)["hosts"]
    added = add(text, "new", {"zone": "home", **fields})
    assert tomllib.loads(added)["hosts"] == before | {"new": {"zone": "home", **fields}}
    assert remove(added, "new") == text
    changed = tomllib.loads(change(text, name, fields))["hosts"]
    assert changed == before | {name: before[name] | fields}
    gone = tomllib.loads(remove(text, name))["hosts"]
    assert gone == {other: host for other, host in before.items() if other != name}
