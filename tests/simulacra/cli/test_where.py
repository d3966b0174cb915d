"""Names, the same on every host, and in the DNS."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.resolver
import pytest

from simulacra.cli.exits import ExitCode
from tests.processes import until_none

from .conftest import Run, Serve
from .homes import Home, processes_below

FOUND: dict[str, Any] = {
    "asked": "photos:2024",
    "kind": "tree",
    "name": "photos",
    "host": "nas",
    "path": "2024",
    "address": "192.168.1.2:7400",
    "places": [{"host": "nas", "path": "/srv/photos/2024", "complete": True}],
    "why": ["photos is a tree, at nas"],
}


def test_what_a_name_stands_for_is_shown_with_the_reason(run: Run, serve: Serve) -> None:
    serve({"where": lambda _: [FOUND]})
    shown = run("where", "photos:2024").stdout
    assert "places   nas:/srv/photos/2024" in shown
    assert "why      photos is a tree, at nas" in shown
    assert run("where", "photos:2024", "--json").json() == FOUND


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Home, Home]]:
    folder: Path = tmp_path_factory.mktemp("network")
    desk, nas = Home("desk", folder), Home("nas", folder)
    try:
        desk.do("up", "--detach")
        desk.do("init", "home")
        nas.do("up", "--detach", "--join", desk.do("invite", "--json").json()["join"])
        for home in (desk, nas):
            home.until(lambda home=home: all(has_met(home, name) for name in ("desk", "nas")))  # type: ignore[misc]
        yield desk, nas
    finally:
        for home in (desk, nas):
            home.run("down")
    until_none(lambda: processes_below(folder))


def where(home: Home, name: str) -> dict[str, Any]:
    found: dict[str, Any] = home.client.item("where", name=name)
    return {key: found[key] for key in ("kind", "name", "host", "path")}


def has_met(home: Home, name: str) -> bool:
    return bool(home.client.item("where", name=name)["address"])


def known(home: Home, name: str) -> bool:
    return name in {each["name"] for each in home.client.item("where")["names"]}


def test_a_name_is_known_everywhere_and_goes_when_its_holder_ends(
    network: tuple[Home, Home],
) -> None:
    desk, nas = network
    desk.do("spawn", "--name", "job", "--on", "nas", "--", "sleep", "600")
    desk.until(lambda: known(desk, "job"))
    wanted = {"kind": "computation", "name": "job", "host": "nas", "path": None}
    assert where(desk, "job") == where(nas, "job") == wanted
    assert desk.run("where", "jop").stderr == (
        "simulacra: nothing is named jop; did you mean job?\n  see all names: simulacra where\n"
    )
    desk.do("stop", "job")
    desk.until(lambda: not known(desk, "job"))
    assert desk.run("where", "job").code == ExitCode.NOT_FOUND


def test_a_services_name_is_free_again_as_soon_as_it_is_removed(
    network: tuple[Home, Home],
) -> None:
    desk, _ = network
    film = ("service", "add", "film", "--needs", "hosts>=9", "--", "sleep", "600")
    desk.do(*film)
    desk.until(lambda: known(desk, "film"))
    assert "name of a service" in desk.run("spawn", "--name", "film", "--", "true").stderr
    desk.do("service", "remove", "film")
    desk.do(*film)  # also while the directory still has the first one
    desk.do("service", "remove", "film")


def test_hosts_and_their_paths_are_alike_on_both(network: tuple[Home, Home]) -> None:
    for home in network:
        assert where(home, "nas:/srv") == {
            "kind": "path", "name": "nas", "host": "nas", "path": "/srv"
        }  # fmt: skip
        assert where(home, "desk")["kind"] == "host"
        assert home.run("where", "x" * 300).code == ExitCode.USAGE
        assert home.run("where", "two words").code == ExitCode.USAGE


def test_the_dns_tells_the_names(network: tuple[Home, Home]) -> None:
    for home in network:
        resolver = dns.resolver.Resolver(configure=False)
        resolver.nameservers = ["127.0.0.1"]
        resolver.port = home.client.item("status")["dns"]
        assert [str(each) for each in resolver.resolve("nas.home", "A")] == ["127.0.0.1"]
        with pytest.raises(dns.resolver.NXDOMAIN):
            resolver.resolve("nobody.home", "A")


def test_a_host_may_not_be_named_like_something_else(network: tuple[Home, Home]) -> None:
    desk, _ = network
    desk.do("service", "add", "web", "--needs", "hosts>=9", "--", "sleep", "600")
    desk.until(lambda: known(desk, "web"))
    web = Home("web", desk.folder.parent)
    refused = web.run("up", "--detach", "--join", desk.do("invite", "--json").json()["join"])
    assert (refused.code, "name of a service" in refused.stderr) == (ExitCode.DENIED, True)
    desk.do("service", "remove", "web")
