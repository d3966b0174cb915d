from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simulacra.cli.exits import ExitCode
from simulacra.overlay.plan.document import HostPlan
from simulacra.overlay.plan.text import from_text
from tests.hosts.inventory.samples import key
from tests.hosts.inventory.test_reading import EXAMPLE

from .conftest import Run, Serve

BROKEN = '[network]\nname = "Home"\n[zones.a]\n[hosts.b]\nzone = "x"\n\nport = "y"\n'


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    file = tmp_path / "hosts" / "inventory.toml"
    file.parent.mkdir()
    shutil.copy(EXAMPLE, file)
    return file


def test_check_tells_everything_with_its_line(here: Run, tmp_path: Path) -> None:
    (tmp_path / "inventory.toml").write_text(BROKEN)
    ended = here("hosts", "check")
    assert ended.code == ExitCode.FAILED
    starts = ["inventory.toml:2: network.name: ", "inventory.toml:5: hosts.b.zone: "]
    lines = ended.stdout.splitlines()
    assert [line.startswith(start) for line, start in zip(lines, starts, strict=False)] == [
        True
    ] * 2
    assert len(lines) == 3
    wrong = here("hosts", "check", "--json").json()["wrong"]
    assert wrong[2] == {
        "line": 7,
        "key": "hosts.b.port",
        "problem": '"y" is no whole number: write it in digits, without quotes',
    }


def test_what_stands_on_no_line_is_said_of_the_file(here: Run, tmp_path: Path) -> None:
    (tmp_path / "inventory.toml").write_text("x = [")
    assert here("hosts", "check").stdout.startswith("inventory.toml: is no TOML: ")


def test_check_advises(here: Run, inventory: Path) -> None:
    inventory.write_text(
        f'[network]\nname = "home"\n[zones.a]\n[zones.b]\n'
        f'[hosts.one]\nzone = "a"\nwireguard = "{key("one")}"\n'
        f'[hosts.two]\nzone = "b"\nwireguard = "{key("two")}"\n'
        '[hosts.new]\nzone = "a"\n'
    )
    ended = here("hosts", "check", "--json")
    assert ended.code == ExitCode.OK
    advice = ended.json()["advice"]
    assert advice[0].startswith("one and two are both behind NAT")
    assert advice[1].startswith("new has no key")
    assert advice[2] == "hosts/plan.json is stale; write it: simulacra hosts plan"


def test_nothing_of_it_is_loaded_by_other_commands(environ: dict[str, str]) -> None:
    told = "import sys; from simulacra.cli.main import make_app; make_app().resolved_commands();"
    told += "print({'pydantic', 'tomlkit'} & set(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", told], env=environ, capture_output=True, text=True, check=False
    )
    assert done.stdout == "set()\n"


def test_list_shows_the_hosts_and_their_addresses(here: Run, inventory: Path) -> None:
    assert "vm      node       cloud  10.44.100.232  relay " in here("hosts", "list").stdout
    rows = here("hosts", "list", "--tag", "workstations", "--json").json()
    assert [row["name"] for row in rows] == ["laptop", "desk"]
    assert rows[0]["reached"] == "behind NAT"
    assert rows[0]["ipv4"] == "10.44.77.74"


def test_plan_is_written_beside_the_inventory_with_its_hash(here: Run, inventory: Path) -> None:
    file = inventory.with_name("plan.json")
    assert here("hosts", "plan", "--check").code == ExitCode.FAILED
    assert not file.exists()
    assert here("hosts", "plan").code == ExitCode.OK
    plan = from_text(file.read_text())
    assert plan.inventory == hashlib.sha256(inventory.read_bytes()).hexdigest()
    assert here("hosts", "plan", "--check").code == ExitCode.OK
    # A comment alone changes no host, and makes the plan stale all the same.
    inventory.write_text(inventory.read_text() + "# more\n")
    stale = here("hosts", "plan", "--check", "--json")
    assert stale.code == ExitCode.FAILED
    assert stale.json() == {"stale": True, "changes": [], "phones": []}


def test_a_host_comes_and_goes_and_the_file_is_as_before(here: Run, inventory: Path) -> None:
    before = inventory.read_text()
    here("hosts", "plan")
    words = ("--lan", "192.168.1.9", "--ssh", "ann@box:2022", "--sudo", "--wireguard", key("box"))
    ended = here("hosts", "add", "box", "--zone", "home", *words)
    assert ended.code == ExitCode.OK
    assert "laptop: peers: +box" in ended.stderr
    assert inventory.read_text().startswith(before)
    assert 'ssh = {host = "box", user = "ann", port = 2022, sudo = true}' in inventory.read_text()
    plan = from_text(inventory.with_name("plan.json").read_text())
    assert plan.hosts["box"].peers
    gone = here("hosts", "remove", "box", "--json").json()
    assert {"host": "box", "change": "leaves the network"} in gone["changes"]
    assert inventory.read_text() == before


def test_a_host_gets_another_key_in_two_steps(here: Run, inventory: Path) -> None:
    def plan() -> HostPlan:
        return from_text(inventory.with_name("plan.json").read_text()).hosts["router"]

    assert here("hosts", "key", "router", key("first")).code == ExitCode.OK
    assert here("hosts", "key", "router", "--next", key("second")).code == ExitCode.OK
    assert (plan().key, plan().next) == (key("first"), key("second"))
    assert here("hosts", "key", "router", "--turn").code == ExitCode.OK
    assert (plan().key, plan().next) == (key("second"), "")
    again = here("hosts", "key", "router", "--turn")
    assert again.code == ExitCode.USAGE
    assert "router has no next key to turn to" in again.stderr
    assert "# OpenWRT: no node, but ssh.\n[hosts.router]\n" in inventory.read_text()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "box", "--zone", "hom"), "there is no zone 'hom'; did you mean home?"),
        (("add", "nas", "--zone", "home"), "there is a host nas already"),
        (("add", "Box", "--zone", "home"), "is no name"),
        (("key", "nas"), "either a key is said"),
        (("key", "nas", "abc"), "is no WireGuard public key"),
        (("remove", "ns"), "the inventory has no host ns; did you mean nas?"),
        (("remove", "vm"), "needs a relay that serves OpenVPN"),
        (("add", "b", "--zone", "home", "--address", "10.44.77.74"), "or another one for b"),
        (("add", "b", "--zone", "home", "--port", "0"), "hosts.b.port: 0 is out of range"),
        (("add", "b", "--zone", "home", "--ssh", "ann@b:x"), 'hosts.b.ssh.host: "b:x" is no host'),
        (("list", "--tag", "server"), "tags are: portable, servers, workstations"),
    ],
)
def test_what_is_refused_changes_nothing(
    here: Run, inventory: Path, words: tuple[str, ...], said: str
) -> None:
    before = inventory.read_bytes()
    ended = here("hosts", *words)
    assert ended.code in {ExitCode.USAGE, ExitCode.NOT_FOUND}
    assert said in ended.stderr
    assert inventory.read_bytes() == before
    assert [each.name for each in inventory.parent.iterdir()] == ["inventory.toml"]


def test_what_is_wrong_with_an_edit_is_not_said_of_the_file(here: Run, inventory: Path) -> None:
    said = here("hosts", "add", "b", "--zone", "home", "--mac", "02:00").stderr
    assert said.splitlines()[:2] == [
        "simulacra: nothing is changed, since hosts/inventory.toml would be refused:",
        '  hosts.b.mac: "02:00" is no MAC address, as in 02:00:5e:10:00:07',
    ]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("box", '{host = "box"}'),
        ("ann@box:22", '{host = "box", user = "ann", port = 22}'),
        ("[2001:db8::1]:22", '{host = "2001:db8::1", port = 22}'),
        ("ann@2001:db8::1", '{host = "2001:db8::1", user = "ann"}'),
    ],
)
def test_where_ssh_answers_is_said_in_one_word(
    here: Run, inventory: Path, said: str, written: str
) -> None:
    assert here("hosts", "add", "box", "--zone", "home", "--ssh", said).code == ExitCode.OK
    assert f"ssh = {written}\n" in inventory.read_text()


def test_whoever_sits_at_a_host_does_not_cut_it_off(here: Run, inventory: Path) -> None:
    assert here("hosts", "plan").code == ExitCode.OK
    before = inventory.read_bytes()
    ended = here("hosts", "remove", "desk")
    assert ended.code == ExitCode.FAILED
    assert "this would cut off the host that you sit at: desk would be" in ended.stderr
    assert inventory.read_bytes() == before
    inventory.write_text(inventory.read_text().replace("[hosts.desk]", "[hosts.dsk]"))
    assert here("hosts", "plan").code == ExitCode.FAILED
    assert here("hosts", "plan", "--force").code == ExitCode.OK


def test_a_host_whose_key_is_another_by_now_may_say_so_in_the_inventory(
    here: Run, serve: Serve, inventory: Path
) -> None:
    assert here("hosts", "plan").code == ExitCode.OK
    own, other = ("hosts", "key", "desk", key("held")), ("hosts", "key", "desk", key("other"))
    refused = here(*own)
    assert refused.code == ExitCode.FAILED
    assert "desk would have another key than the one that it holds" in refused.stderr
    serve({"overlay": lambda _: [{"host": "desk", "key": key("held")}]})
    assert here(*other).code == ExitCode.FAILED
    assert here(*own).code == ExitCode.OK
    # By hand it is the same.
    inventory.write_text(inventory.read_text().replace(key("held"), key("other")))
    assert here("hosts", "plan").code == ExitCode.FAILED


def test_the_key_that_the_node_of_another_host_holds_says_nothing(
    here: Run, serve: Serve, inventory: Path
) -> None:
    assert here("hosts", "plan").code == ExitCode.OK
    serve({"overlay": lambda _: [{"host": "nas", "key": key("held")}]})
    assert here("hosts", "key", "desk", key("held")).code == ExitCode.FAILED


def test_an_inventory_is_found_from_below_and_by_its_name(here: Run, inventory: Path) -> None:
    other = inventory.with_name("other.toml")
    other.write_text(BROKEN)
    assert here("hosts", "check").code == ExitCode.OK
    assert here("hosts", "check", "--inventory", str(other)).code == ExitCode.FAILED
    assert here("hosts", "check", SIMULACRA_INVENTORY=str(other)).code == ExitCode.FAILED
    inventory.unlink()
    gone = here("hosts", "check", "--inventory", str(inventory))
    assert f"there is no inventory {inventory}, which --inventory says" in gone.stderr
    missing = here("hosts", "list", "--json")
    assert missing.code == ExitCode.NOT_FOUND
    assert json.loads(missing.stdout)["error"]["code"] == "not_found"


def test_the_setting_says_where_the_inventory_is_that_is_not_found_from_here(
    here: Run, inventory: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "inventory.toml"
    other.parent.mkdir()
    other.write_text(BROKEN)
    (tmp_path / "home" / "config").mkdir(parents=True)
    settings = tmp_path / "home" / "config" / "simulacra.toml"
    settings.write_text(f"inventory = '{other}'\n")
    # Who is in a flake means that one.
    assert here("hosts", "check").code == ExitCode.OK
    inventory.unlink()
    assert str(other) in here("hosts", "check").stderr
    other.unlink()
    gone = here("hosts", "check")
    assert gone.code == ExitCode.NOT_FOUND
    assert f"there is no inventory {other}, which the setting inventory says" in gone.stderr
