"""Names that are none: refused at every verb that takes one, in words, with nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.compute.spec import Command, Spec
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from tests.onehost import Host, until

SPEC = Spec(Command(("sleep", "600"))).to_plain()
NAMES = ("two words", "x" * 300, "bell\x07", "line\nbreak", "nul\0", "", "über", "-rf")


def state(host: Host) -> list[Any]:
    """What there is: what runs, the services, what is exposed, who is master."""
    rows = next(iter(host.client.items("ps")))["rows"]
    services = host.client.item("services")["services"]
    exposed = host.client.item("expose")["exposed"]
    epoch = host.client.item("focus")["epoch"]
    return [[(row["name"], row["state"]) for row in rows], services, exposed, epoch]


def test_a_name_that_is_none_is_refused_by_every_verb_and_nothing_changes(host: Host) -> None:
    until(lambda: host.client.item("focus")["acting"])
    until(lambda: host.client.item("services")["services"] == [])
    before = state(host)
    for name in NAMES:
        calls: list[tuple[str, dict[str, Any]]] = [
            ("spawn", {"spec": SPEC | {"name": name}}),
            ("service_set", {"name": name, "told": {}, "spec": SPEC}),
            ("service_unset", {"name": name}),
            ("where", {"name": name}),
            ("expose", {"name": name}),
            ("stop", {"name": name}),
            ("refocus", {"host": name}),
            ("succession", {"hosts": [name]}),
        ]
        for verb, args in calls:
            with pytest.raises(GatewayError) as caught:
                host.client.item(verb, **args)
            assert caught.value.code in {
                ErrorCode.USAGE,
                ErrorCode.NOT_FOUND,
                ErrorCode.UNREACHABLE,
            }, (verb, name)
            told = f"{caught.value}{caught.value.hint}"
            # What is told is for a terminal: short, and nothing in it is obeyed.
            assert told.isprintable(), (verb, name)
            assert len(told) < 600, (verb, name)
    assert state(host) == before


def test_no_computation_and_no_service_gets_the_name_of_another_thing(host: Host) -> None:
    until(lambda: host.client.item("focus")["acting"])
    until(lambda: host.client.item("services")["services"] == [])
    before = state(host)
    calls: list[tuple[str, dict[str, Any]]] = [
        ("spawn", {"spec": SPEC | {"name": "desk"}}),
        ("service_set", {"name": "desk", "told": {}, "spec": SPEC}),
    ]
    for verb, args in calls:
        with pytest.raises(GatewayError, match="desk is the name of a host: choose") as caught:
            host.client.item(verb, **args)
        assert (caught.value.code, caught.value.hint) == (
            ErrorCode.USAGE,
            "see which names are taken: simulacra where",
        )
    assert state(host) == before


def test_a_name_is_free_again_as_soon_as_its_thing_has_gone(host: Host) -> None:
    until(lambda: host.client.item("focus")["acting"])
    web: dict[str, Any] = {"name": "web", "told": {"needs": ["hosts>=9"]}, "spec": SPEC}
    assert host.client.item("service_set", **web)["changed"] is False
    with pytest.raises(GatewayError, match="web is the name of a service: choose another"):
        host.client.item("spawn", spec=SPEC | {"name": "web"})
    host.client.item("service_unset", name="web")
    assert host.client.item("service_set", **web)["changed"] is False
    host.client.item("service_unset", name="web")
    assert host.client.item("spawn", spec=SPEC | {"name": "web"})["name"] == "web"
