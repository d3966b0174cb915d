from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.compute.mounts import (
    Lying,
    Mount,
    Origin,
    UnmappedError,
    host_named,
    mount_above,
    origin,
    parse,
    reaches_out,
)

# Recorded: sshfs on Linux 6.18; nfs, cifs and 9p as Linux 6.x writes them.
RECORDED = r"""
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard
60 27 0:50 / /mnt/nas rw,nosuid,nodev,relatime shared:9 - fuse.sshfs root@10.0.0.3:/srv/big\040data rw,user_id=0,group_id=0
61 27 0:51 / /home/me/desk rw,nosuid,nodev,relatime - fuse.sshfs desk: rw,user_id=0,group_id=0
62 27 0:50 /photos /home/me/photos rw,nosuid - fuse.sshfs root@10.0.0.3:/srv/big\040data rw
63 27 0:52 / /mnt/export rw,relatime shared:3 - nfs4 nas.lan:/export/home rw,vers=4.2,rsize=1048576,addr=10.0.0.3
64 27 0:53 / /mnt/six rw,relatime - nfs [fd00::3]:/export rw,vers=3,addr=fd00::3
65 27 0:54 / /mnt/share rw,relatime - cifs //nas/photos rw,vers=3.1.1,username=me,addr=10.0.0.3
66 27 0:54 /2020 /mnt/share/old rw,relatime - cifs //nas/photos/2020 rw,vers=3.1.1
67 27 0:55 / /mnt/plan rw,relatime - 9p 10.0.0.3 rw,access=any,trans=tcp,aname=/srv/plan
68 27 0:56 / /mnt/vm rw,relatime - 9p hostshare rw,access=client,trans=virtio
"""  # noqa: E501
MOUNTS = {mount.point: mount for mount in parse(RECORDED)}


def whose(path: str, point: str, **told: str) -> Origin | None:
    return origin(Lying(path, MOUNTS[point]), told)


def test_what_is_no_line_of_mountinfo_is_passed_over() -> None:
    assert len(MOUNTS) == 10
    assert parse("") == ()
    assert parse("1 2 3\nx 2 3 4 5 6 - a b c\n1 2 3 4 5 6 7\n") == ()


def test_a_directory_of_this_host_has_no_other_origin() -> None:
    assert whose("/home/me", "/") is None


def test_sshfs_says_the_host_and_the_path() -> None:
    assert whose("/mnt/nas/a b", "/mnt/nas") == Origin("10.0.0.3", "/srv/big data/a b")
    assert whose("/mnt/nas", "/mnt/nas") == Origin("10.0.0.3", "/srv/big data")


def test_an_empty_base_of_sshfs_is_the_home() -> None:
    assert whose("/home/me/desk", "/home/me/desk") == Origin("desk", "")
    assert whose("/home/me/desk/src/x", "/home/me/desk") == Origin("desk", "src/x")


def test_a_bind_of_a_part_shows_that_part() -> None:
    found = whose("/home/me/photos/2020", "/home/me/photos")
    assert found == Origin("10.0.0.3", "/srv/big data/photos/2020")


def test_nfs_says_the_host_and_the_path() -> None:
    assert whose("/mnt/export/me", "/mnt/export") == Origin("nas.lan", "/export/home/me")
    assert whose("/mnt/six", "/mnt/six") == Origin("fd00::3", "/export")


def test_where_a_share_of_cifs_lies_the_user_says() -> None:
    with pytest.raises(UnmappedError, match="//nas/photos"):
        whose("/mnt/share/x", "/mnt/share")
    told = {"//nas/photos": "nas:/srv/photos"}
    assert whose("/mnt/share/x", "/mnt/share", **told) == Origin("nas", "/srv/photos/x", told=True)
    # Its root repeats the end of its source.
    assert whose("/mnt/share/old/x", "/mnt/share/old", **told) == Origin(
        "nas", "/srv/photos/2020/x", told=True
    )


def test_9p_says_it_over_tcp_only() -> None:
    assert whose("/mnt/plan/x", "/mnt/plan") == Origin("10.0.0.3", "/srv/plan/x")
    with pytest.raises(UnmappedError, match="hostshare"):
        whose("/mnt/vm", "/mnt/vm")
    assert whose("/mnt/vm/x", "/mnt/vm", hostshare="desk:/vm") == Origin("desk", "/vm/x", told=True)


def test_what_the_user_says_comes_first_the_longest_before_all() -> None:
    told = {"desk:": "nas:/home/me", "nas.lan:/export": "nas:/srv", "nas.lan:/": "desk:/wrong"}
    assert whose("/home/me/desk/a", "/home/me/desk", **told) == Origin(
        "nas", "/home/me/a", told=True
    )
    found = whose("/mnt/export/me", "/mnt/export", **told)
    assert found == Origin("nas", "/srv/home/me", told=True)


def test_the_host_of_a_source() -> None:
    addresses = {"nas": "10.0.0.3:7400", "desk": "[fd00::4]:7400", "laptop": "127.0.0.1:7400"}
    aliases = {"desk": "me@big.example.org"}
    names = {
        "nas": "nas",
        "nas.lan": "nas",
        "NAS.lan": "nas",
        "10.0.0.3": "nas",
        "fd00::4": "desk",
        "big.example.org": "desk",
        "big": None,
        "10.0.0.9": None,
    }
    assert {name: host_named(name, addresses, aliases) for name in names} == names


def test_the_nearest_mount_above_a_path() -> None:
    assert mount_above("/mnt/share/old/x", MOUNTS.values()) == "/mnt/share/old"
    assert mount_above("/mnt/shared", MOUNTS.values()) == "/"


names = st.text(
    st.characters(codec="utf-8", exclude_characters="\0/", exclude_categories=["Cs"]), min_size=1
).filter(lambda name: name not in {".", ".."})
paths = st.lists(names, max_size=3).map(lambda parts: "/" + "/".join(parts))


def escaped(text: str) -> str:
    return "".join(f"\\{ord(c):03o}" if c in " \t\n\\#" else c for c in text)


@given(paths, paths, paths, paths)
def test_any_names_come_back_out_of_mountinfo(root: str, point: str, base: str, below: str) -> None:
    line = (
        f"7 1 0:5 {escaped(root)} {escaped(point)} rw shared:1 master:2 - "
        f"fuse.sshfs nas:{escaped(base)} rw"
    )
    [mount] = parse(f"{line}\n")
    assert mount == Mount(7, root, point, "fuse.sshfs", f"nas:{base}", ("rw",), "0:5")
    found = origin(Lying(f"{point.rstrip('/')}{below}".rstrip("/") or "/", mount), {})
    assert found is not None
    parts = [part for path in (base, root, below) for part in path.split("/") if part]
    assert [part for part in found.path.split("/") if part] == parts
    assert found.path.startswith("/")


def test_an_argument_that_leads_out_of_the_mount() -> None:
    def out(*words: str) -> str | None:
        return reaches_out(words, "a/b")

    assert out("make", "-j8", "CC=gcc", "a/../b", "../..", "--x=../y", "dir/") is None
    for word in (
        "/x",
        "-I/x",
        "--to=/x",
        "CC=/bin/cc",
        "../../..",
        "-C../../../z",
        "c/../../../..",
    ):
        assert out("make", word) == word


def test_where_a_directory_lies_is_plain_data() -> None:
    lying = Lying("/mnt/nas/\udcff", MOUNTS["/mnt/nas"])
    assert Lying.from_plain(lying.to_plain()) == lying
    for wrong in ({}, {"id": 1, "texts": []}, {"id": "1", "texts": [b""] * 6}, {"id": 1}):
        with pytest.raises(ValueError):
            Lying.from_plain(wrong)
