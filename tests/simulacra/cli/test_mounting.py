from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from simulacra.actors.gateway.call import Call
from simulacra.cli.exits import ExitCode

from .conftest import Run, Serve

ROW = {"host": "nas", "path": "src", "folder": "/mnt/nas", "state": "away", "why": ""}


def test_a_mount_is_asked_for_by_its_real_place(run: Run, serve: Serve, tmp_path: Path) -> None:
    asked: list[dict[str, object]] = []

    def answer(call: Call) -> Iterator[object]:
        asked.append(dict(call.args))
        yield {}

    serve({"mount": answer, "unmount": answer})
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert "simulacra unmount" in run("mount", "nas:a:b", "link/x").stderr
    assert run("unmount", "link/x/").code == 0
    folder = str(tmp_path / "real" / "x")
    assert asked == [{"host": "nas", "path": "a:b", "folder": folder}, {"folder": folder}]
    assert run("mount", "nas", "x").code == ExitCode.USAGE


def test_the_list(run: Run, serve: Serve) -> None:
    serve({"mounts": lambda _: [{"mounts": [ROW]}]})
    assert run("mounts").stdout.splitlines()[1].split() == ["/mnt/nas", "nas:src", "away"]
    assert run("mounts", "--json").json() == {"mounts": [ROW]}
