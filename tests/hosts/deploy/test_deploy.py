"""Deploys in a lab: the real program, real ssh, real Nix; hosts that switch, and that go back."""

from __future__ import annotations

import json
import signal
import subprocess

import pytest

from simulacra.testing.lab import HostProcess
from tests.hosts.deploy.site import (
    DENIED,
    ENDS_ITS_NODE,
    FAILS,
    FLAKE,
    HOSTS,
    LATE,
    PATIENCE,
    SHUTS_ALL_OUT,
    SOON,
    Reported,
    Site,
    of_wire,
)
from tests.machines import wait_for

pytestmark = [pytest.mark.lab, pytest.mark.timeout(4 * PATIENCE)]

WELL = ["1", "2"]


def test_hosts_are_rolled_out_in_waves_and_then_left_alone(site: Site) -> None:
    site.set(*HOSTS, version="2")
    report = site.report()
    assert report.outcomes == dict.fromkeys(["nas", "web", "gate", "desk"], "done")
    assert [row["wave"] for row in report.rows.values()] == [1, 2, 3, 4]
    assert site.applied() == ["nas", "web", "gate", "desk"]
    assert site.versions() == dict.fromkeys(HOSTS, "2")
    assert not any(site.is_armed(host) for host in HOSTS)
    again = site.report()
    assert set(again.outcomes.values()) == {"unchanged"}
    assert len(site.applied()) == 4


def test_a_host_that_is_cut_off_comes_back_on_its_old_system_by_itself(site: Site) -> None:
    site.set("nas", "web", version="2")
    site.set("nas", version="2", late=SHUTS_ALL_OUT)
    report = site.report("nas", "web", code=1, confirm=SOON)
    assert report.outcomes == {"nas": "rolled back", "web": "not begun"}
    assert "it went back by itself" in report.why["nas"]
    assert report.plain["halted"] == "nas: rolled back"
    assert site.switches("nas") == ["2", "1"]
    assert site.version("nas") == "1"
    assert site.applied() == ["nas"]


def test_a_host_whose_node_does_not_come_back_is_taken_back_at_once(site: Site) -> None:
    site.set("web", version="2", late=ENDS_ITS_NODE)
    report = site.report("web", code=1, confirm=2 * SOON)
    assert report.outcomes == {"web": "rolled back"}
    assert "web is detached in the network" in report.why["web"]
    assert site.version("web") == "1"
    site.lab.wait_met()


def test_by_ssh_alone_such_a_host_is_well(site: Site) -> None:
    site.set("web", version="2", late=ENDS_ITS_NODE)
    assert site.report("web", "--health", "ssh").outcomes == {"web": "done"}


def test_a_canary_that_fails_stops_the_waves(site: Site) -> None:
    site.set(*HOSTS, version="2")
    site.set("web", version="2", early=FAILS)
    report = site.report("--canary", "web", code=1)
    assert report.outcomes == {
        "web": "rolled back",
        **dict.fromkeys(["nas", "gate", "desk"], "not begun"),
    }
    assert "unit nonsense.service failed" in report.why["web"]
    assert site.versions() == dict.fromkeys(HOSTS, "1")
    assert not site.is_armed("web")


def test_nothing_is_changed_where_nixops4_fails_before_it_switches(site: Site) -> None:
    site.set("nas", version="2")
    site.order(nixops4_apply_nas="the state is locked")
    report = site.report("nas", code=1)
    assert report.outcomes == {"nas": "failed"}
    assert "the state is locked" in report.why["nas"]
    assert site.switches("nas") == []
    assert not site.is_armed("nas")


def test_nothing_is_begun_where_a_system_does_not_build(site: Site) -> None:
    site.set("nas", version="2")
    site.set("web", version="broken")
    done = site.deploy("nas", "web", "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["message"].startswith("nothing was changed: ")
    assert "web: nix ended with 1: " in error["message"]
    assert "services.nonsense does not exist" in error["message"]
    assert site.applied() == []


def test_interrupted_it_lets_what_runs_end_and_timers_take_back_what_is_half_done(
    site: Site,
) -> None:
    site.set("nas", "web", version="2")
    site.order(apply="wait")
    with site.begun("nas", "web", confirm=SOON) as deploy:
        site.wait_call("apply", "nas")
        deploy.send_signal(signal.SIGINT)
        site.go()
        out, err = deploy.communicate(timeout=PATIENCE)
    assert deploy.returncode == 130, err
    report = Reported(json.loads(out))
    assert report.outcomes == {"nas": "left to its timer", "web": "not begun"}
    assert report.plain["interrupted"]
    assert b"stopping when what runs has ended" in err
    site.wait_version("nas", "1")
    assert site.switches("nas") == ["2", "1"]


def test_begun_again_it_takes_up_what_was_left(site: Site) -> None:
    site.set("nas", "web", version="2")
    site.order(apply="wait")
    with site.begun("nas", "web") as deploy:
        site.wait_call("apply", "nas")
        deploy.send_signal(signal.SIGINT)
        site.go()
        deploy.communicate(timeout=PATIENCE)
    assert site.is_armed("nas")
    assert site.report("nas", "web").outcomes == {"nas": "done", "web": "done"}
    assert site.switches("nas") == ["2"]
    assert site.applied() == ["nas", "web"]
    assert not site.is_armed("nas")


def test_interrupted_while_it_builds_it_has_changed_nothing(site: Site) -> None:
    site.set("nas", version="2")
    site.order(nix_build="wait")
    with site.begun("nas") as deploy:
        wait_for(lambda: site.calls("nix"), PATIENCE)
        other = site.deploy("web")
        deploy.send_signal(signal.SIGINT)
        out, err = deploy.communicate(timeout=PATIENCE)
    assert deploy.returncode == 130, err
    assert Reported(json.loads(out)).outcomes == {"nas": "not begun"}
    assert site.switches("nas") == []
    assert other.returncode == 77
    assert "another deploy runs on this machine" in other.stderr


def test_a_second_interrupt_ends_what_runs_and_others_leave_such_a_host_alone(site: Site) -> None:
    site.set("nas", version="2")
    site.order(apply="wait")
    with site.begun("nas", confirm=SOON) as deploy:
        site.wait_call("apply", "nas")
        eve = {"LOGNAME": "eve", "SIMULACRA_HOME": "/run/eve"}
        line = site.command("nas", "--health", "ssh", "--json")
        other = site.desk.run(line, env=eve, check=False)
        deploy.send_signal(signal.SIGINT)
        assert deploy.stderr is not None
        assert any(b"stopping when what runs has ended" in line for line in deploy.stderr)
        deploy.send_signal(signal.SIGINT)
        out, err = deploy.communicate(timeout=PATIENCE)
    report = Reported(json.loads(other.stdout))
    assert report.outcomes == {"nas": "failed"}
    assert report.why["nas"] == "root@desk deploys to it at this moment"
    assert deploy.returncode == 130, err
    assert Reported(json.loads(out)).outcomes["nas"] in {"left to its timer", "failed"}
    assert site.switches("nas") == []


def told(deploy: HostProcess, *texts: str) -> None:
    """Wait until a deploy under way has said all of this, in whatever order."""
    assert deploy.stderr is not None
    said, missing = [], set(texts)
    for line in deploy.stderr:
        said.append(line.decode())
        missing = {text for text in missing if text not in said[-1]}
        if not missing:
            return
    raise AssertionError(f"never: {missing}; but {said}")


@pytest.mark.parametrize(
    "step", ["looking", "copying", "arming", "switching", "confirming", "keeping"]
)
def test_killed_at_any_step_and_begun_again_it_goes_on(site: Site, step: str) -> None:
    site.set("nas", version="2")
    with site.begun("nas") as deploy:
        told(deploy, f"nas: {step}")
        deploy.send_signal(signal.SIGKILL)
        deploy.communicate(timeout=PATIENCE)
    report = site.report_when_alone("nas")
    assert report.outcomes["nas"] in {"done", "unchanged"}, report.plain
    assert site.switches("nas") == ["2"]
    assert site.version("nas") == "2"
    assert not site.is_armed("nas")


def test_killed_while_nixops4_runs_it_is_not_begun_again_beside_that(site: Site) -> None:
    site.set("nas", version="2")
    site.order(apply="wait")
    with site.begun("nas") as deploy:
        site.wait_call("apply", "nas")
        deploy.send_signal(signal.SIGKILL)
        deploy.communicate(timeout=PATIENCE)
    refused = site.deploy("nas")
    assert refused.returncode == DENIED
    assert "of one that was killed, wait for what it had begun" in refused.stderr
    site.go()
    assert site.report_when_alone("nas").outcomes == {"nas": "done"}
    assert site.applied() == ["nas"]
    assert site.switches("nas") == ["2"]


def test_a_host_that_goes_down_takes_nobody_of_its_wave_along(site: Site) -> None:
    site.set("nas", "web", version="2")
    site.order(apply="wait")
    with site.begun("nas", "web", "--at-once") as deploy:
        site.wait_call("apply", "nas")
        site.wait_call("apply", "web")
        site.lab["nas"].kill()
        site.go()
        told(deploy, "web: done", "nas: waiting for its timer")
        site.start("nas")
        out, err = deploy.communicate(timeout=PATIENCE)
    report = Reported(json.loads(out))
    assert report.outcomes == {"nas": "rolled back", "web": "done"}, err
    assert report.why["nas"].endswith("; it went back by itself")
    assert report.plain["halted"] == "nas: rolled back"
    assert site.versions() == {"desk": "1", "nas": "1", "web": "2", "gate": "1"}


def test_whether_a_host_was_kept_is_not_claimed_where_nobody_waited_for_it(site: Site) -> None:
    site.set("nas", version="2", boot='until [ -e "$HOME/go" ]; do sleep 0.05; done\n')
    with site.begun("nas") as deploy:
        told(deploy, "nas: keeping")
        wait_for(lambda: site.is_keeping("nas"), PATIENCE)
        deploy.send_signal(signal.SIGINT)
        told(deploy, "once more, and it is ended at once")
        deploy.send_signal(signal.SIGINT)
        out, _ = deploy.communicate(timeout=PATIENCE)
    assert deploy.returncode == 130
    assert Reported(json.loads(out)).outcomes == {"nas": "not known"}
    (site.lab["nas"].home / "go").touch()
    assert site.report_when_alone("nas").outcomes == {"nas": "unchanged"}


def test_where_its_timer_cannot_be_set_a_host_is_left_as_it_is(site: Site) -> None:
    nas = site.lab["nas"]
    nas.run(["mkdir", "-p", "/run/systemd/system"])
    site.set("nas", version="2")
    try:
        (nas.home / "orders").write_text(json.dumps({"systemd-run": "no such unit"}))
        report = site.report("nas", code=1)
        assert report.outcomes == {"nas": "failed"}
        assert report.why["nas"].endswith("no such unit / its timer cannot be set")
        assert not site.is_armed("nas")
        assert site.switches("nas") == []
        (nas.home / "orders").unlink()
        assert site.report("nas").outcomes == {"nas": "done"}
    finally:
        nas.run(["rm", "-r", "/run/systemd"])


def test_a_host_with_another_key_than_the_inventory_has_is_not_touched(site: Site) -> None:
    site.set("nas", version="2")
    site.write_inventory(HOSTS, wrong_keys=True)
    report = site.report("nas", code=1)
    assert report.outcomes == {"nas": "failed"}
    assert "REMOTE HOST IDENTIFICATION HAS CHANGED" in report.why["nas"] or (
        "Host key verification failed" in report.why["nas"]
    )
    assert site.applied() == []


def test_rolling_back_goes_to_the_generation_before(site: Site) -> None:
    site.set("nas", version="2")
    site.report("nas")
    report = site.report("--rollback", "nas")
    assert report.outcomes == {"nas": "done"}
    assert site.version("nas") == "1"
    assert site.switches("nas") == ["2", "1"]
    assert len(site.applied()) == 1


# -- what a host starts with


def test_until_it_was_seen_to_be_well_a_host_starts_with_the_system_that_it_had(
    site: Site,
) -> None:
    site.set("nas", version="2")
    site.order(applied="wait")
    with site.begun("nas") as deploy:
        site.wait_call("applied", "nas")
        assert site.starts("nas") == ("2", "1")
        site.restart("nas")
        site.go()
        out, err = deploy.communicate(timeout=PATIENCE)
    report = Reported(json.loads(out))
    assert report.outcomes == {"nas": "rolled back"}, err
    assert report.why["nas"] == (
        "it started anew before it was seen to be well; it went back by itself"
    )
    assert site.version("nas") == "1"
    assert not site.is_armed("nas")


def test_a_host_that_is_cut_off_and_whose_deploy_is_gone_comes_back_when_it_starts_anew(
    site: Site,
) -> None:
    site.set("nas", version="2", late=SHUTS_ALL_OUT)
    site.kill_switched("nas", version="2")
    site.restart("nas")
    assert site.version("nas") == "1"
    assert not site.is_armed("nas")


def test_a_host_that_cannot_start_with_its_new_system_goes_back(site: Site) -> None:
    site.set("nas", version="2", boot="echo 'no room is left on /boot' >&2; exit 1\n")
    report = site.report("nas", code=1)
    assert report.outcomes == {"nas": "rolled back"}
    assert report.why["nas"] == (
        "it cannot be what the host starts with: no room is left on /boot; it went back by itself"
    )
    assert site.switches("nas") == ["2", "1"]
    assert site.version("nas") == "1"


def test_a_system_that_is_not_only_tried_is_taken_back_as_well(site: Site) -> None:
    site.set("nas", version="2", late=SHUTS_ALL_OUT, tries=False)
    report = site.report("nas", code=1, confirm=SOON)
    assert report.outcomes == {"nas": "rolled back"}
    assert site.version("nas") == "1"
    site.set("nas", version="2", tries=False)
    assert site.report("nas").outcomes == {"nas": "done"}
    assert site.version("nas") == "2"


def test_without_a_deploy_nixops4_switches_for_good(site: Site) -> None:
    site.set("nas", version="2")
    site.desk.run(["nixops4", "apply", "nas"], cwd=FLAKE)
    assert site.version("nas") == "2"


# -- what would change, and what has


def test_a_dry_run_shows_what_would_change_and_changes_nothing(site: Site) -> None:
    site.set("nas", version="2")
    done = site.deploy("nas", "web", "--dry-run")
    assert done.returncode == 0, done.stderr
    for line in (
        "wave 1 (the canary): nas",
        "  nixos-system-nas: 1 \u2192 2",
        "  | would restart the following units: simulacra.service",
    ):
        assert line in done.stdout.splitlines()
    assert "\nweb: nothing changes: /nix/store/" in done.stdout
    assert site.switches("nas") == []
    assert site.applied() == []
    assert not site.is_armed("nas")


def test_a_dry_run_of_going_back_shows_the_generation_before(site: Site) -> None:
    site.set("nas", version="2")
    site.report("nas")
    called = len(site.calls("nix"))
    done = site.deploy("nas", "--rollback", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "  nixos-system-nas: 2 \u2192 1" in done.stdout.splitlines()
    assert site.version("nas") == "2"
    assert len(site.calls("nix")) == called


def test_drift_is_what_runs_against_what_is_evaluated(site: Site) -> None:
    assert site.drift().returncode == 0
    site.set("nas", version="2")
    site.set("web", version="broken")
    done = site.drift("--json")
    assert done.returncode == 1
    rows = {each["host"]: each for each in json.loads(done.stdout)["hosts"]}
    states = {host: row["state"] for host, row in rows.items()}
    assert states == {"desk": "same", "nas": "drifted", "web": "unknown", "gate": "same"}
    assert rows["nas"]["running"].endswith("-nixos-system-nas-1")
    assert rows["nas"]["evaluated"].endswith("-nixos-system-nas-2")
    assert "services.nonsense does not exist" in rows["web"]["why"]


def test_a_host_that_is_not_reached_has_not_drifted(site: Site) -> None:
    site.write_inventory(HOSTS, wrong_keys=True)
    done = site.drift("gate", "--json")
    assert done.returncode == 1
    [row] = json.loads(done.stdout)["hosts"]
    assert (row["state"], row["running"]) == ("unreachable", None)


# -- nodes of two versions


def runs(site: Site, here: str, there: str) -> bool:
    """Whether a command is run by one host's node on another host."""
    done = site.lab[here].simulacra("run", "--on", there, "--", "hostname", check=False)
    return done.stdout == f"{there}\n"


def test_nodes_one_wire_version_apart_work_together_during_the_waves(site: Site) -> None:
    site.set("nas", "web", version="2", late=of_wire(1))
    site.order(apply_web="wait")
    with site.begun("nas", "web") as deploy:
        site.wait_call("apply", "web")
        wires = {host: site.lab[host].status()["wire"] for host in ("nas", "web")}
        assert wires["nas"] == wires["web"] + 1
        assert runs(site, "web", "nas")
        assert runs(site, "nas", "web")
        site.go()
        out, err = deploy.communicate(timeout=PATIENCE)
    assert Reported(json.loads(out)).outcomes == {"nas": "done", "web": "done"}, err
    assert runs(site, "nas", "web")
    assert runs(site, "desk", "nas")


def test_a_node_two_wire_versions_on_is_taken_back_and_the_report_says_why(site: Site) -> None:
    site.set("nas", version="2", late=of_wire(2))
    report = site.report("nas", code=1)
    assert report.outcomes == {"nas": "rolled back"}
    assert "nodes one version apart work together: upgrade" in report.why["nas"]
    assert site.version("nas") == "1"


# -- the timer


@pytest.mark.parametrize("manager", ["none", "systemd"])
def test_a_host_whose_timer_was_killed_is_not_its_deploys_for_ever(
    site: Site, manager: str
) -> None:
    nas, here = site.lab["nas"], "/run/simulacra-deploy"
    if manager == "systemd":
        nas.run(["mkdir", "-p", "/run/systemd/system"])
    try:
        site.set("nas", version="2", late=ENDS_ITS_NODE)
        site.kill_switched("nas", version="2", confirm=LATE)
        nas.run(["sed", "-i", "1s/.*/eve@gate/", f"{here}/armed"])
        site.set("nas", version="3")
        in_use = {"nas": "eve@gate deploys to it at this moment"}
        assert site.report_when_alone("nas").why == in_use
        nas.run(["touch", "-d", "10 minutes ago", f"{here}/armed"])
        assert site.report("nas", code=1).why == in_use
        nas.run(["pkill", "-KILL", "-f", f"{here}/guard"])
        if manager == "systemd":
            silent = json.dumps({"systemctl is-active": "Failed to connect to bus"})
            (nas.home / "orders").write_text(silent)
            assert site.report("nas", code=1).why == in_use
            (nas.home / "orders").unlink()
        assert site.report("nas").outcomes == {"nas": "done"}
        assert site.version("nas") == "3"
    finally:
        nas.run(["rm", "-rf", "/run/systemd"])


def test_with_systemd_its_timer_takes_back_what_a_killed_deploy_left(site: Site) -> None:
    nas = site.lab["nas"]
    nas.run(["mkdir", "-p", "/run/systemd/system"])
    try:
        site.set("nas", version="2", late=ENDS_ITS_NODE)
        site.kill_switched("nas", version="2", confirm=SOON)
        site.wait_version("nas", "1")
    finally:
        nas.run(["rm", "-r", "/run/systemd"])
    calls = [json.loads(line) for line in (nas.home / "calls").read_text().splitlines()]
    [(_, *armed)] = [call for call in calls if call[0] == "systemd-run"]
    quiet, collect, unit, *rest = armed
    assert (quiet, collect) == ("--quiet", "--collect")
    assert unit.startswith("--unit=simulacra-rollback-")
    assert rest[:3] == ["--on-active=3", "--timer-property=AccuracySec=1s", "/bin/sh"]
    # The real one takes these words, and only then finds that there is no systemd.
    real = subprocess.run(
        ["/usr/bin/systemd-run", *armed], check=False, capture_output=True, text=True
    )
    assert "not been booted with systemd" in real.stderr
