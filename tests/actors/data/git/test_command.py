"""A repository that was made to run programs runs none through a sync."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from simulacra.actors.data.git.command import Git, GitError, settings
from simulacra.actors.data.git.state import State, StateError, is_setting
from simulacra.actors.data.git.sync import refresh
from tests.actors.data.git.clones import Clone, new_clone, two

HOOKS = [
    "post-checkout", "post-commit", "post-index-change", "post-merge", "post-rewrite",
    "pre-auto-gc", "pre-commit", "pre-receive", "proc-receive", "reference-transaction", "update",
]  # fmt: skip


def booby_trap(clone: Clone, trap: Path) -> None:
    """Have all that git may run on its own write a file; then the trap is tried."""
    folder = clone.place / ".git"
    run = folder / "run"
    run.write_text(f"#!/bin/sh\necho $0 $* >> {shlex.quote(str(trap))}\ncat\n")
    run.chmod(0o755)
    (folder / "hooks").mkdir(exist_ok=True)
    for hook in HOOKS:
        (folder / "hooks" / hook).symlink_to(run)
    (folder / "more").write_text(f"[core]\n\tfsmonitor = {run}\n")
    for key, value in {
        "core.fsmonitor": str(run),
        "core.hooksPath": str(folder / "hooks"),
        "core.sshCommand": str(run),
        "core.pager": str(run),
        "core.editor": str(run),
        "core.askPass": str(run),
        "core.gitProxy": str(run),
        "core.alternateRefsCommand": str(run),
        "core.worktree": str(trap.parent),
        "credential.helper": str(run),
        "diff.external": str(run),
        "gpg.program": str(run),
        "log.showSignature": "true",
        "filter.evil.clean": str(run),
        "filter.evil.smudge": str(run),
        "filter.evil.process": str(run),
        "filter.evil.required": "true",
        "merge.evil.driver": str(run),
        "diff.evil.textconv": str(run),
        "alias.for-each-ref": f"!{run}",
        "include.path": str(folder / "more"),
        "uploadpack.packObjectsHook": str(run),
        "remote.evil.url": f"ext::{run}",
        "remote.evil.vcs": "ext",
        "protocol.ext.allow": "always",
    }.items():
        clone.git("config", "--file", ".git/config", key, value)
    (folder / "info").mkdir(exist_ok=True)
    (folder / "info" / "attributes").write_text("* filter=evil diff=evil merge=evil\n")
    clone.write(".gitattributes", "* filter=evil diff=evil merge=evil\n")
    old = folder / "simulacra" / "common"
    old.mkdir(parents=True, exist_ok=True)
    (old / "config").write_text(f"[core]\n\tfsmonitor = {run}\n")
    (old / "hooks").symlink_to(folder / "hooks")


def test_no_program_that_a_repository_names_is_run(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    lap.commit("more")
    lap.write("staged", "staged\n")
    lap.git("add", "staged")
    desk.write("file", "edited\n")
    trap = tmp_path / "trap"
    booby_trap(desk, trap)
    desk.git("--work-tree=.", "status", fine=(0, 128))
    assert trap.exists(), "the trap is a trap"
    trap.unlink()
    desk.sync(lap)
    refresh(desk.repository)
    nas = desk.copy_to("nas", tmp_path / "nas" / "project")
    assert not trap.exists()
    assert desk.at("main") == lap.at("main")
    assert "evil" not in (nas.place / ".git" / "config").read_text()
    assert not (nas.place / ".git" / "hooks").exists()


def test_the_views_config_has_nothing_but_how_files_are_read(tmp_path: Path) -> None:
    desk, _ = two(tmp_path)
    desk.git("config", "core.autocrlf", "input")
    desk.git("config", "core.eol", "lf\n[core]\n\tfsmonitor = evil")
    desk.describe()
    shown = settings(desk.place / ".git" / "simulacra" / "common" / "config")
    assert shown["core.autocrlf"] == ["input"]
    assert not {"core.eol", "core.fsmonitor", "core.hookspath"} & shown.keys()


@pytest.mark.parametrize(
    "url",
    ["https://example.org/x.git", "git@example.org:x.git", "ssh://h/x", "../x.git", "/srv/x"],
)
def test_addresses_that_are_carried(url: str) -> None:
    assert is_setting("remote.origin.url", url)


@pytest.mark.parametrize(
    "url",
    ["ext::sh -c id", "fd::7", "-oProxyCommand=id", "ssh://-oProxyCommand=id/x", "a::b", "x\0y"],
)
def test_addresses_that_are_not(url: str) -> None:
    assert not is_setting("remote.origin.url", url)


@pytest.mark.parametrize(
    "key",
    ["core.fsmonitor", "remote.x.uploadpack", "remote.x.vcs", "submodule.x.update", "alias.x"],
)
def test_settings_that_are_never_carried(key: str) -> None:
    assert not is_setting(key, "x")


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("refs/heads/x", "--exec=id"),
        ("refs/heads/x\nrefs/heads/y", "0" * 40),
        ("refs/simulacra/desk/heads/x", "0" * 40),
        ("config/core.fsmonitor", "id"),
        ("HEAD", "ref: ../../etc/passwd"),
        ("hooks/update", "0" * 40),
        ("stash/" + "0" * 40, "1" * 40),
    ],
)
def test_a_state_that_says_more_than_may_be_is_refused(
    tmp_path: Path, name: str, text: str
) -> None:
    plain = new_clone("desk", tmp_path).describe().to_plain()
    replica = "0" * 12
    plain["history"]["elements"] = [["git", name, replica, 1, [text, 1, "desk"]]]
    plain["history"]["context"] = {replica: 1}
    with pytest.raises(StateError):
        State.from_plain(plain)


@pytest.mark.parametrize("plain", [None, {}, [], {"schema": 2}, {"schema": 1, "shallow": 3}])
def test_what_is_no_state_is_refused(plain: object) -> None:
    with pytest.raises(StateError):
        State.from_plain(plain)


def test_git_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    desk, _ = two(tmp_path)
    git = Git(desk.place / ".git")
    git.open()
    with pytest.raises(GitError, match=r"took over 0\.01 s"):
        git.run("cat-file", "--batch", stdin="0\n" * 3_000_000, within=0.01)


def test_a_name_that_is_no_utf_8_travels(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("branch", b"caf\xe9".decode(errors="surrogateescape"))
    lap.sync(desk)
    names = lap.git("for-each-ref", "--format=%(refname:short)", "--sort=refname")
    assert len(names.splitlines()) == 2
