"""A lab whose hosts are as a deploy finds them: sshd, a system profile, Nix, a node.

Nix is Debian's, real, with a store of its own on each host: flakes, builds, copies by ssh and
profiles are what they are. The systems are small (a switch-to-configuration and a bin/apply), and
NixOps4 is a stand-in, as neither can be had here (see `programs`).
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from simulacra.testing.lab import HostProcess, Lab
from simulacra.testing.lab.plan import HOME
from tests.hosts.deploy.making import host, text, write
from tests.hosts.inventory.samples import ssh_key

DESK, GATE = "desk", "gate"
HOSTS: Final = ("desk", "nas", "web", "gate")
"""The hosts: the first is the one to sit at, the last the relay."""

PROGRAMS: Final = Path(__file__).parent / "programs"
LIBRARY: Final = Path(__file__).parents[3] / "hosts" / "nix"
PATIENCE: Final = 90.0
CONFIRM: Final = 60
SOON: Final = 3
"""Seconds until timers go off: where they should not, and where they are waited for."""
LATE: Final = 3600
"""And where no machine is so slow that they do."""
KEEPING: Final = "/run/simulacra-deploy/keeping"
DENIED: Final = 77
FLAKE: Final = "/run/root/flake"
INVENTORY: Final = f"{FLAKE}/hosts/inventory.toml"

_TAGS: Final = {"nas": ["servers"], "web": ["servers"]}
_APPLY: Final = ["apply", "--no-interactive"]
# Of the host's disk, so that it outlives the host.
_MOUNT: Final = ["mount", "--bind", "/run/root/nix", "/nix"]
_NIX: Final = """\
experimental-features = nix-command flakes
substituters =
flake-registry =
sandbox = false
build-users-group =
"""
# What an earlier system did is undone: its firewall, the end of the node, another node.
_PLAIN: Final = """\
nft delete table inet shut 2>/dev/null || :
if [ -e "$HOME/wire" ]; then
	simulacra down 2>/dev/null || :
	rm "$HOME/wire"
fi
[ -S "$HOME/simulacra/run/$(hostname)" ] || simulacra up --detach >/dev/null 2>&1
"""
SHUTS_ALL_OUT: Final = """\
nft add table inet shut
nft 'add chain inet shut input { type filter hook input priority 0; policy drop; }'
"""
ENDS_ITS_NODE: Final = "simulacra down 2>/dev/null\n"
FAILS: Final = "echo 'unit nonsense.service failed' >&2; exit 4\n"


def of_wire(apart: int) -> str:
    """Has the node be one of another wire version."""
    return f"""\
simulacra down 2>/dev/null || :
echo {apart} >"$HOME/wire"
setsid /run/lab/bin/node-of-wire {apart} </dev/null >"$HOME/node.log" 2>&1 &
until simulacra status >/dev/null 2>&1; do sleep 0.05; done
"""


class Reported:
    """A report.

    Attributes:
        plain: as it was printed.
        rows: its hosts, by name.
        outcomes: how each of them ended.
        why: and why.
    """

    def __init__(self, plain: dict[str, Any]) -> None:
        self.plain = plain
        self.rows: dict[str, dict[str, Any]] = {each["host"]: each for each in plain["hosts"]}
        self.outcomes = {host: row["outcome"] for host, row in self.rows.items()}
        self.why = {host: row["why"] for host, row in self.rows.items()}


class Site:
    """The hosts, and deploys that are begun on the first of them."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.desk = lab[DESK]
        self._systems: dict[str, dict[str, object]] = {}
        self._base: dict[str, str] = {}
        self._bins()
        self._stores()
        self._flake()
        self.set(*HOSTS, version="1")
        self._install()

    # -- what hosts have

    def _bins(self) -> None:
        bins = self.lab.folder / "etc/bin"
        for name in ("nix", "nixops4", "orders.py", "node-of-wire", "systemd-run", "systemctl"):
            shutil.copy(PROGRAMS / name, bins / name)
            (bins / name).chmod(0o755)

    def _stores(self) -> None:
        for each in self.lab:
            (each.home / ".config/nix").mkdir(parents=True)
            (each.home / ".config/nix/nix.conf").write_text(_NIX)
            (each.home / "nix").mkdir()
            each.run(_MOUNT)
            each.run(["mkdir", "-p", "/nix/store", "/nix/var/nix/profiles"])

    def _flake(self) -> None:
        self.flake = self.desk.home / "flake"
        (self.flake / "hosts").mkdir(parents=True)
        for name in ("flake.nix", "switch-to-configuration", "apply"):
            shutil.copy(PROGRAMS / name, self.flake / name)
        for name in ("tried.nix", "tried.sh"):
            shutil.copy(LIBRARY / name, self.flake / name)
        self.write_inventory(HOSTS)

    def write_inventory(self, hosts: Sequence[str], *, wrong_keys: bool = False) -> None:
        """Write an inventory of these hosts with their keys of ssh, or wrong ones, and its plan."""
        key_of = ssh_key if wrong_keys else self._ssh_key
        told = {
            name: host(
                name,
                *_TAGS.get(name, ()),
                zone=f"at-{name}",
                ssh={"host": name, "public_key": key_of(name)},
                **({"endpoints": [name], "relay": True} if name == GATE else {}),
            )
            for name in hosts
        }
        write(self.flake, text(told, network="lab"))

    def _ssh_key(self, host: str) -> str:
        line = (self.lab.folder / f"etc/{host}.host_key.pub").read_text()
        return " ".join(line.split()[:2])

    def set(
        self,
        *hosts: str,
        version: str,
        early: str = "",
        late: str = "",
        boot: str = "",
        tries: bool = True,
    ) -> None:
        """Have the flake say what systems of hosts are.

        ``early``, ``late`` and ``boot`` are what they do before and after they run, and to be what
        the host starts with; one that does not try is of a flake that knows nothing of deploys.
        """
        for name in hosts:
            does = {"early": early, "late": _PLAIN + late, "boot": boot, "tries": tries}
            self._systems[name] = {"version": version, **does}
        (self.flake / "systems.json").write_text(json.dumps(self._systems))

    def _install(self) -> None:
        """Give every host its first system."""
        for name in HOSTS:
            build = ["nix", "build", "--no-link", "--json", _system(name)]
            built = json.loads(self.desk.run(build, cwd=FLAKE).stdout)
            self._base[name] = built[0]["outputs"]["out"]
            copy = ["nix", "copy", "--no-check-sigs", "--to", f"ssh-ng://root@{name}"]
            self.desk.run([*copy, self._base[name]])
        self.reset()

    def reset(self) -> None:
        """Put every host back on its first system, with its node up, and forget what was."""
        # What a killed deploy had begun may wait for the word.
        self.go()
        self._wait(self._is_alone, "no deploy runs")
        for each in self.lab:
            base = self._base[each.name]
            script = (
                "rm -rf /run/simulacra-deploy; "
                f"nix-env -p /nix/var/nix/profiles/system --set {base}; "
                f"{base}/bin/switch-to-configuration switch; "
                "rm -f switches calls orders go"
            )
            each.run(["sh", "-ec", script])
        self.set(*HOSTS, version="1")
        self.write_inventory(HOSTS)
        self.lab.wait_met()

    # -- deploys

    def command(self, *words: str, confirm: int = CONFIRM) -> list[str]:
        """The command line of a deploy."""
        times = ["--confirm", f"{confirm}s", "--settle", "0.3s"]
        program = ["python3", "-m", "simulacra.hosts.deploy", "--inventory", INVENTORY]
        return [*program, *times, *words]

    def deploy(self, *words: str, confirm: int = CONFIRM) -> subprocess.CompletedProcess[str]:
        """Run a deploy to its end."""
        return self.desk.run(
            self.command(*words, confirm=confirm), check=False, timeout=2 * PATIENCE
        )

    def report(self, *words: str, code: int = 0, confirm: int = CONFIRM) -> Reported:
        """Run a deploy that ends with this code, and return its report."""
        done = self.deploy(*words, "--json", confirm=confirm)
        assert done.returncode == code, (done.returncode, done.stdout, done.stderr)
        return Reported(json.loads(done.stdout))

    @contextmanager
    def begun(self, *words: str, confirm: int = CONFIRM) -> Iterator[HostProcess]:
        """A deploy under way, whose report is JSON."""
        line = self.command(*words, "--json", confirm=confirm)
        pipe = subprocess.PIPE
        with self.desk.popen(line, stdout=pipe, stderr=pipe) as deploy:
            try:
                yield deploy
            finally:
                deploy.kill()

    def kill_switched(self, host: str, *, version: str, confirm: int = CONFIRM) -> None:
        """Begin a deploy of a host, and kill it once that has switched to a version."""
        with self.begun(host, confirm=confirm) as deploy:
            self._wait(lambda: self.switches(host) == [version], f"{host} has {version}")
            deploy.send_signal(signal.SIGKILL)
            deploy.communicate(timeout=PATIENCE)

    def report_when_alone(self, *words: str) -> Reported:
        """The report of a deploy, begun when what a killed one had begun has ended."""
        ended: list[Reported] = []

        def runs() -> bool:
            done = self.deploy(*words, "--json")
            if done.returncode == DENIED:
                return False
            ended.append(Reported(json.loads(done.stdout)))
            # On the host as well.
            return not any("the end of the deploy before" in why for why in ended[-1].why.values())

        self._wait(runs, "a deploy runs alone")
        return ended[-1]

    def drift(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run `simulacra hosts drift`."""
        return self.desk.simulacra("hosts", "drift", "--inventory", INVENTORY, *words, check=False)

    def order(self, **orders: str) -> None:
        """Tell the stand-ins what to fail with, or to wait: by how the call begins, with _ for ."""
        told = {call.replace("_", " "): what for call, what in orders.items()}
        (self.desk.home / "orders").write_text(json.dumps(told))

    def go(self) -> None:
        """Let what waits go on."""
        (self.desk.home / "go").touch()

    # -- what became of it

    def calls(self, program: str) -> list[list[str]]:
        """The calls of a stand-in, in order."""
        file = self.desk.home / "calls"
        lines = file.read_text().splitlines() if file.exists() else []
        return [call[1:] for call in map(json.loads, lines) if call[0] == program]

    def switches(self, host: str) -> list[str]:
        """The versions that a host switched to, in order."""
        file = self.lab[host].home / "switches"
        return file.read_text().split() if file.exists() else []

    def version(self, host: str) -> str:
        """The version that a host runs, and will run when it starts again."""
        runs, starts = self.starts(host)
        assert runs == starts
        return runs

    def starts(self, host: str) -> tuple[str, str]:
        """The version that a host runs, and the one that it starts with."""
        places = "/run/current-system boots /nix/var/nix/profiles/system"
        script = f'for each in {places}; do cat "$each/version"; echo; done'
        runs, starts, kept = self.lab[host].run(["sh", "-c", script]).stdout.split()
        assert kept == starts
        return runs, starts

    def restart(self, host: str) -> None:
        """Take a host's power away, and have it start with what it is to start with."""
        self.lab[host].kill()
        self.start(host)

    def start(self, host: str) -> None:
        """Have a host without power start with what it is to start with."""
        machine = self.lab[host]
        machine.start()
        machine.run(_MOUNT)
        # Its node's socket is on the disk, and of the one that is gone.
        script = 'rm -f "$HOME/simulacra/run/$(hostname)"; boots/bin/switch-to-configuration test'
        machine.run(["sh", "-ec", script])

    def versions(self) -> dict[str, str]:
        """The versions of all hosts."""
        return {host: self.version(host) for host in HOSTS}

    def is_keeping(self, host: str) -> bool:
        """Whether a host is making what it runs what it starts with."""
        return self.lab[host].run(["test", "-e", KEEPING], check=False).returncode == 0

    def is_armed(self, host: str) -> bool:
        """Whether a host's timer is set."""
        script = "[ -e /run/simulacra-deploy/armed ] || [ -e /run/simulacra-deploy/rolling ]"
        return self.lab[host].run(["sh", "-c", script], check=False).returncode == 0

    def applied(self) -> list[str]:
        """The hosts that NixOps4 was to roll out, in order."""
        calls = self.calls("nixops4")
        for call in calls:
            assert call in (["members", "list", "--no-interactive"], [*_APPLY, call[-1]])
        return [call[-1] for call in calls if call[:2] == _APPLY]

    def wait_call(self, program: str, *words: str) -> None:
        """Wait until a stand-in was called so."""
        self._wait(lambda: list(words) in self.calls(program), f"{program} {words}")

    def _wait(self, check: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + PATIENCE
        while not check():
            assert time.monotonic() < deadline, f"never: {what}"
            time.sleep(0.02)

    def wait_version(self, host: str, version: str) -> None:
        """Wait until a host runs a version, and its timer is not set."""
        self._wait(lambda: self._is_back(host, version), f"{host} runs {version}")

    def _is_alone(self) -> bool:
        lock = self.desk.home / "simulacra/state/deploy/lock"
        script = ["flock", "--nonblock", f"{HOME}/{lock.relative_to(self.desk.home)}", "true"]
        return not lock.exists() or self.desk.run(script, check=False).returncode == 0

    def _is_back(self, host: str, version: str) -> bool:
        with suppress(AssertionError):
            return self.version(host) == version and not self.is_armed(host)
        return False


def _system(host: str) -> str:
    return f".#nixosConfigurations.{host}.config.system.build.toplevel"
