"""Which hosts a deploy is for."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.hosts.deploy.selecting import select
from simulacra.hosts.inventory.reading import read
from tests.hosts.deploy.making import host, inventory

DEN = host("den", zone="cloud", ssh=None, endpoints=["den.example.org"], relay=True)
HOSTS = inventory(
    {
        "desk": host("desk", "home"),
        "nas": host("nas", "home", "servers"),
        "web": host("web", "servers"),
        "den": DEN,
        "phone": host("phone", "home", kind="phone", ssh=None),
        "router": host("router", kind="appliance", wireguard=None),
    }
)


def refusal(*words: str) -> GatewayError:
    with pytest.raises(GatewayError) as caught:
        select(HOSTS, words)
    assert caught.value.code is ErrorCode.USAGE
    assert caught.value.message.startswith("nothing was changed: ")
    return caught.value


def test_names_and_tags_mean_hosts_in_the_order_of_the_inventory() -> None:
    assert select(HOSTS, ["web", "desk", "@servers"]).hosts == ("desk", "nas", "web")


def test_without_words_all_are_meant_that_can_be_deployed_to() -> None:
    chosen = select(HOSTS, [])
    assert chosen.hosts == ("desk", "nas", "web")
    assert chosen.left_out == {
        "den": "has no ssh in the inventory, by which it would be deployed to",
        "phone": "is a host of the kind phone, which Nix does not configure",
        "router": "is a host of the kind appliance, which Nix does not configure",
    }


def test_all_nodes_of_the_worked_example_can_be_deployed_to() -> None:
    example = Path(__file__).parents[3] / "hosts" / "inventory.toml"
    chosen = select(read(example.read_text()), [])
    assert set(chosen.hosts) == {"laptop", "desk", "nas", "vm", "attic"}


def test_an_unknown_tag_is_refused_with_the_known_ones() -> None:
    error = refusal("@server")
    assert "no host has the tag @server" in error.message
    assert error.hint == "tags are: @home, @servers"


def test_an_unknown_host_is_refused_with_what_may_have_been_meant() -> None:
    assert "no host dsek; did you mean desk?" in refusal("dsek").message
    assert "no host servers; did you mean @servers?" in refusal("servers").message


def test_a_host_without_ssh_is_refused_with_what_to_write() -> None:
    error = refusal("den")
    assert "den has no ssh in the inventory" in error.message
    assert "hosts.den.ssh = { host =" in error.hint


def test_everything_wrong_is_told_at_once() -> None:
    error = refusal("@home", "den", "nowhere", "@nothing")
    for part in (
        "phone is a host of the kind phone",
        "den has no ssh",
        "no host nowhere",
        "the tag @nothing",
    ):
        assert part in error.message


def test_a_host_whose_key_is_not_known_is_refused_also_where_nobody_named_it() -> None:
    hosts = inventory({"nas": host("nas", ssh={"host": "nas"}), "desk": host("desk")})
    for words in ([], ["nas"]):
        with pytest.raises(GatewayError, match=r"nas has no ssh\.public_key") as caught:
            select(hosts, words)
        assert "hosts.nas.ssh.public_key" in caught.value.hint


def test_an_inventory_of_phones_has_nothing_to_deploy_to() -> None:
    with pytest.raises(GatewayError, match="no host of the inventory can be deployed to"):
        select(inventory({"den": DEN, "phone": host("phone", kind="phone", ssh=None)}), [])
