"""An outside host writes to what was exposed to it, and to nothing else."""

from __future__ import annotations

from pathlib import Path

from simulacra.actors.compute.values import pack
from simulacra.cli.exits import ExitCode
from tests.processes import until_none

from .homes import Home, processes_below

BELL = """
class Bell:
    def __init__(self):
        self.rung = 0

    def on_receive(self, message):
        self.rung += message.body
        return self.rung
"""


def test_an_outside_host_reaches_what_was_exposed_and_no_more(tmp_path: Path) -> None:
    desk, phone = Home("desk", tmp_path), Home("phone", tmp_path)
    (tmp_path / "modules" / "bells.py").write_text(BELL)
    try:
        desk.do("up", "--detach")
        desk.do("init", "home")
        token = desk.do("invite", "--role", "outside", "--json").json()["join"]
        phone.do("up", "--detach", "--join", token)
        desk.do("spawn", "bells:Bell", "--name", "bell")
        phone.until(lambda: phone.client.item("status")["peers"][0]["state"] == "up")

        def ring(body: object, name: str = "bell@desk") -> object:
            return phone.client.item("ask", name=name, body=pack(body, "the message"))["body"]

        assert phone.run("send", "bell@desk", "1").code != 0
        unknown = desk.run("expose", "bel")
        assert (unknown.code, "no computation called bel" in unknown.stderr) == (
            ExitCode.NOT_FOUND,
            True,
        )
        assert desk.run("expose", "bell", "--off").code == ExitCode.NOT_FOUND
        desk.do("expose", "bell")
        phone.do("send", "bell@desk", "1")
        phone.until(lambda: ring(1) == pack(3, "") or ring(0) == pack(2, ""))
        assert desk.do("expose").stdout == "bell\n"

        # Nothing that comes from outside is unpickled, and no other way leads in.
        refused = phone.run("send", "bell", "1")
        assert (refused.code, "@HOST" in refused.stderr) == (ExitCode.USAGE, True)
        for words in (
            ("spawn", "--on", "desk", "--", "true"),
            ("spawn", "--", "true"),
            ("service", "add", "web", "--", "true"),
            ("service", "remove", "web"),
            ("service",),
            ("focus", "phone"),
            ("migrate", "bell", "desk"),
            ("expose", "bell"),
        ):
            denied = phone.run(*words)
            assert (denied.code, "is an outside host" in denied.stderr) == (ExitCode.DENIED, True)
        assert phone.run("stop", "bell").code != 0

        desk.do("down")
        desk.do("up", "--detach")
        phone.until(lambda: phone.run("send", "bell@desk", "1").code == 0)
        desk.do("expose", "bell", "--off")
        assert phone.run("send", "bell@desk", "1").code != 0
    finally:
        for home in (phone, desk):
            home.run("down")
    until_none(lambda: processes_below(tmp_path))
