"""The ssh command for a machine without a node."""

from __future__ import annotations

from pathlib import Path

from simulacra.hosts.inventory.schema import Ssh
from simulacra.hosts.inventory.trust import known_hosts
from simulacra.hosts.provision.appliances import ssh_command
from tests.hosts.inventory.samples import ssh_key

KEY = ssh_key("tv")
FILE = Path("/state of mine/tv")


def test_each_word_stays_one_for_the_shell_there() -> None:
    words = ssh_command(
        "tv", Ssh(host="tv.lan"), ["echo", "a b", "$HOME; reboot"], terminal=False, known_hosts=FILE
    )
    assert words[-3:] == ["--", "tv.lan", "echo 'a b' '$HOME; reboot'"]
    assert words[:8] == ["ssh", "-p", "22", "-l", "root", "-T", "-o", "ConnectTimeout=10"]
    assert words.count("-o") == 1


def test_the_inventorys_key_is_the_only_one() -> None:
    ssh = Ssh(host="192.0.2.1", user="admin", port=2222, public_key=KEY)
    words = ssh_command("tv", ssh, ["true"], terminal=True, known_hosts=FILE)
    assert words[1:6] == ["-p", "2222", "-l", "admin", "-t"]
    assert 'UserKnownHostsFile="/state of mine/tv"' in words
    assert {"HostKeyAlias=tv", "StrictHostKeyChecking=yes", "GlobalKnownHostsFile=/dev/null"} < {
        *words
    }
    assert known_hosts({"tv": ssh, "box": Ssh(host="box.lan")}) == f"tv {KEY}\n"
