"""Syncing real git repositories between hosts."""

from __future__ import annotations

from pathlib import Path

from simulacra.actors.data.git.sync import conflicts, refresh
from tests.actors.data.git.clones import Clone, new_clone, two


def test_a_new_repository_is_the_same(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    assert lap.status() == []
    assert lap.at("HEAD") == desk.at("HEAD")
    assert lap.git("symbolic-ref", "HEAD") == "refs/heads/main"
    assert lap.git("fsck", "--strict") == ""
    assert [one.take(two).changed for one, two in ((lap, desk), (desk, lap))] == [(), ()]


def test_a_commit_is_taken_and_what_git_status_shows_at_each_step(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    commit = desk.commit("other")
    outcome = lap.take(desk)
    assert outcome.changed == ("refs/heads/main", "index")
    assert lap.at("main") == commit
    assert lap.status() == [" D other"]
    lap.files_from(desk)
    assert lap.status() == []
    refresh(lap.repository)
    assert lap.git("diff-files", "--name-only") == ""


def test_diverged_branches_are_both_kept_on_both_sides_until_merged(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    first = desk.commit("a")
    second = lap.commit("b")
    desk.sync(lap)
    for clone in (desk, lap):
        assert clone.at("main") == second
        assert clone.at("refs/simulacra/desk/heads/main") == first
        assert [(one.name, one.host) for one in conflicts(clone.describe())] == [
            ("refs/heads/main", "desk")
        ]
    desk.files_from(lap)
    desk.git("merge", "-q", "refs/simulacra/desk/heads/main")
    lap.sync(desk)
    for clone in (desk, lap):
        assert clone.at("main") == desk.at("HEAD")
        assert clone.git("for-each-ref", "refs/simulacra/desk") == ""
        assert conflicts(clone.describe()) == []


def test_what_is_not_merged_but_dismissed_is_gone_everywhere(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.commit("a")
    lap.commit("b")
    desk.sync(lap)
    lap.git("update-ref", "-d", "refs/simulacra/desk/heads/main")
    lap.sync(desk)
    assert conflicts(desk.describe()) == conflicts(lap.describe()) == []


def test_an_amended_commit_replaces_the_one_before_which_can_be_found(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    before = desk.commit("a")
    lap.sync(desk)
    desk.git("commit", "-q", "--amend", "-m", "better")
    lap.sync(desk)
    assert lap.at("main") == desk.at("main") != before
    assert before in lap.git("log", "-g", "--format=%H", "refs/simulacra/_replaced")
    assert conflicts(lap.describe()) == []


def test_a_deleted_branch_does_not_come_back_by_a_third_host(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    nas = desk.copy_to("nas", tmp_path / "nas" / "project")
    desk.git("branch", "topic")
    lap.sync(desk)
    nas.sync(lap)
    desk.git("branch", "-D", "topic")
    desk.sync(nas)
    lap.sync(nas)
    assert [clone.at("topic") for clone in (desk, lap, nas)] == ["", "", ""]


def test_a_branch_deleted_here_and_moved_there_stays(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("branch", "topic")
    lap.sync(desk)
    desk.git("branch", "-D", "topic")
    lap.git("switch", "-q", "topic")
    commit = lap.commit("b")
    lap.git("switch", "-q", "main")
    desk.sync(lap)
    assert desk.at("topic") == lap.at("topic") == commit


def test_the_branch_switched_to_last_is_checked_out(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("switch", "-q", "-c", "one")
    desk.describe()
    lap.git("switch", "-q", "-c", "two")
    desk.sync(lap)
    heads = {clone.git("symbolic-ref", "HEAD") for clone in (desk, lap)}
    assert heads == {"refs/heads/two"}


def test_a_branch_switched_to_there_and_deleted_here_is_there_again(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("branch", "topic")
    lap.sync(desk)
    desk.git("branch", "-D", "topic")
    desk.describe()
    lap.git("switch", "-q", "topic")
    desk.sync(lap)
    lap.sync(desk)
    for clone in (desk, lap):
        assert clone.git("symbolic-ref", "HEAD") == "refs/heads/topic"
        assert clone.at("topic") == clone.at("main")
        assert clone.status() == []


def test_branches_of_which_one_is_a_folder_of_the_other_are_both_kept(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("branch", "a")
    desk.describe()
    lap.git("branch", "a/b")
    desk.sync(lap)
    lap.sync(desk)
    for clone in (desk, lap):
        assert clone.at("refs/heads/a/b") == clone.at("refs/simulacra/desk/heads/a") != ""
        assert clone.at("refs/heads/a") == ""


def test_tags_that_differ_are_both_kept(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("tag", "-a", "-m", "one", "v1")
    desk.describe()
    lap.git("tag", "-a", "-m", "two", "v1")
    first, second = desk.at("v1"), lap.at("v1")
    desk.sync(lap)
    for clone in (desk, lap):
        assert (clone.at("refs/tags/v1"), clone.at("refs/simulacra/desk/tags/v1")) == (
            second,
            first,
        )


def test_a_commit_checked_out_as_such_goes_along(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("checkout", "-q", "--detach")
    commit = desk.commit("a")
    lap.sync(desk)
    assert lap.git("symbolic-ref", "-q", "HEAD", fine=(1,)) == ""
    assert lap.at("HEAD") == commit


def test_what_is_staged_goes_along_and_is_unstaged_alike(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.write("new", "new\n")
    desk.write("file", "staged\n")
    desk.git("add", "-A")
    lap.sync(desk)
    lap.files_from(desk)
    assert lap.status() == ["M  file", "A  new"]
    lap.git("reset", "-q")
    lap.sync(desk)
    assert desk.status() == [" M file", "?? new"]


def test_what_is_staged_on_another_commit_is_kept_aside(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.write("file", "staged\n")
    desk.git("add", "-A")
    lap.commit("other")
    desk.sync(lap)
    for clone in (desk, lap):
        assert clone.git("diff", "--cached", "--name-only") == ""
        assert clone.git("show", "refs/simulacra/desk/index:file") == "staged"


def test_marks_to_add_stay_where_they_were_made(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.write("new", "new\n")
    desk.git("add", "-N", "new")
    lap.commit("other")
    desk.sync(lap)
    assert desk.status() == [" A new", " D other"]
    assert lap.status() == []


def test_the_stash_goes_along_entry_by_entry(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    for clone in (desk, lap, desk):
        clone.write("file", f"stashed on {clone.host}\n")
        clone.git("stash", "push", "-q", "-m", f"on {clone.host}")
    desk.sync(lap)
    lists = [clone.git("stash", "list", "--format=%gs").splitlines() for clone in (desk, lap)]
    assert sorted(lists[0]) == sorted(lists[1])
    assert len(lists[0]) == 3
    assert {"On main: on lap", "On main: on desk"} == set(lists[1])
    lap.git("stash", "clear")
    lap.sync(desk)
    assert desk.git("stash", "list") == ""


def test_an_unborn_branch_goes_along(tmp_path: Path) -> None:
    desk = new_clone("desk", tmp_path)
    lap = desk.copy_to("lap", tmp_path / "lap" / "project")
    assert lap.git("symbolic-ref", "HEAD") == "refs/heads/main"
    desk.write("file", "staged\n")
    desk.git("add", "file")
    lap.sync(desk)
    lap.files_from(desk)
    assert lap.status() == ["A  file"]
    commit = lap.commit()
    desk.sync(lap)
    assert desk.at("main") == commit


def test_two_that_began_apart_keep_all(tmp_path: Path) -> None:
    clones: list[Clone] = []
    for host in ("desk", "lap"):
        clones.append(new_clone(host, tmp_path))
        clones[-1].commit(host)
    desk, lap = clones
    commits = {clone.at("main") for clone in clones}
    desk.sync(lap)
    for clone in clones:
        assert {clone.at("main"), clone.at("refs/simulacra/desk/heads/main")} == commits


def test_sha256(tmp_path: Path) -> None:
    desk = new_clone("desk", tmp_path, "--object-format=sha256")
    desk.commit()
    lap = desk.copy_to("lap", tmp_path / "lap" / "project")
    commit = lap.commit("b")
    desk.sync(lap)
    assert desk.at("main") == commit
    assert len(commit) == 64


def test_object_formats_that_differ_are_held(tmp_path: Path) -> None:
    desk = new_clone("desk", tmp_path, "--object-format=sha256")
    lap = new_clone("lap", tmp_path)
    desk.commit()
    lap.commit()
    assert "sha1 here and sha256 there" in lap.take(desk).held


def test_carried_settings_follow_and_others_stay(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.git("remote", "add", "origin", "https://example.org/x.git")
    desk.git("remote", "add", "evil", "ext::sh -c true")
    desk.git("config", "core.sshCommand", "evil")
    desk.git("config", "remote.origin.uploadpack", "evil")
    lap.sync(desk)
    assert lap.git("remote", "get-url", "origin") == "https://example.org/x.git"
    assert lap.git("config", "remote.origin.fetch") == "+refs/heads/*:refs/remotes/origin/*"
    written = (lap.place / ".git" / "config").read_text()
    assert not [one for one in ("ext::", "sshCommand", "uploadpack") if one in written]
    lap.git("remote", "remove", "origin")
    desk.sync(lap)
    assert "example.org" not in (desk.place / ".git" / "config").read_text()


def test_the_guides_way_to_settle_works_with_files_that_are_merged_already(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    desk.commit("a")
    lap.commit("b")
    desk.sync(lap)
    lap.write("a", (desk.place / "a").read_text())
    assert lap.status() == ["?? a"]
    lap.git("add", "-A")
    lap.git("stash", "push", "-q")
    lap.git("merge", "-q", "--no-edit", "refs/simulacra/desk/heads/main")
    lap.git("stash", "pop", "-q")
    assert lap.status() == []
    assert conflicts(lap.describe()) == []


def test_changed_files_that_were_merged_already_settle_too(tmp_path: Path) -> None:
    desk, lap = two(tmp_path)
    text = "".join(f"{n}\n" for n in range(30))
    desk.commit("long", text)
    lap.sync(desk)
    lap.files_from(desk)
    desk.commit("long", text.replace("3\n", "three\n", 1))
    lap.commit("long", text.replace("27\n", "27 too\n"))
    desk.sync(lap)
    both = text.replace("3\n", "three\n", 1).replace("27\n", "27 too\n")
    lap.write("long", both)
    lap.git("add", "-A")
    lap.git("stash", "push", "-q")
    lap.git("merge", "-q", "--no-edit", "refs/simulacra/desk/heads/main")
    lap.git("stash", "pop", "-q")
    assert lap.git("show", "HEAD:long") + "\n" == both
    assert lap.status() == []
