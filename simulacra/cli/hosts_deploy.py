"""``hosts deploy``, which is also ``nix run .#deploy``: hosts rolled out in waves."""

from __future__ import annotations

import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final, Literal, TypeAlias

from cyclopts import Parameter
from cyclopts.validators import Number

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.settings import Paths, Settings
from simulacra.actors.units import show_seconds
from simulacra.cli import hosts_source, output, planning
from simulacra.cli.exits import ExitCode
from simulacra.cli.hosts_source import Source
from simulacra.cli.inventories import InventoryFile
from simulacra.cli.options import COMMON, Common, Duration, client
from simulacra.hosts.deploy import deploying, sitting
from simulacra.hosts.deploy import network as overlays
from simulacra.hosts.deploy.building import build
from simulacra.hosts.deploy.children import Children
from simulacra.hosts.deploy.deploying import Order
from simulacra.hosts.deploy.health import Members, members
from simulacra.hosts.deploy.nix import Nix, check_tools
from simulacra.hosts.deploy.preview import Preview, previews
from simulacra.hosts.deploy.progress import Lines, Progress, Screen
from simulacra.hosts.deploy.refusing import refuse
from simulacra.hosts.deploy.report import Report
from simulacra.hosts.deploy.rolling import Times
from simulacra.hosts.deploy.selecting import select
from simulacra.hosts.deploy.sitting import Here
from simulacra.hosts.deploy.ssh import Connections
from simulacra.hosts.deploy.stopping import stopped
from simulacra.hosts.deploy.waves import SIZE, Wave, Wishes, refusals, waves

_ASK: Final = 5.0
_TIMES: Final = Times()
_ASKED: Final = "nothing was changed: whether hosts come back is told by the network"
_SSH_ALONE: Final = "or have ssh alone say whether hosts come back: --health ssh"

_Count: TypeAlias = Annotated[int, Parameter(validator=Number(gte=1))]


@Parameter(name="*")
@dataclass(frozen=True)
class How:
    """How hosts are rolled out.

    Attributes:
        canary: The host that goes first, alone.
        per_wave: How many hosts a wave has at most.
        at_once: All hosts in one wave, without a canary.
        jobs: How many hosts are under way at once.
        confirm: How long after the switch a host may take to be well again, before its own timer
            takes it back.
        settle: How long it must be up in the network on end.
        health: What says that a host is well: the network, as the node here sees it, or ssh alone.
        force: Go over what speaks against it, where that is possible.
    """

    canary: str = ""
    per_wave: _Count = SIZE
    at_once: bool = False
    jobs: _Count = 2
    confirm: Duration = _TIMES.confirm
    settle: Duration = _TIMES.settle
    health: Literal["network", "ssh"] = "network"
    force: bool = False


_HOW: Final = How()


def deploy(
    *which: Annotated[str, Parameter(name="HOST")],
    dry_run: bool = False,
    rollback: bool = False,
    how: How = _HOW,
    inventory: InventoryFile = None,
    common: Common = COMMON,
) -> int:
    """Roll hosts out in waves by NixOps4; a host that does not come back goes back by itself.

    Each host first gets a timer that takes it back to the system it has, then the new system; when
    the network has seen it well, the timer is ended. The first host goes alone; the next wave
    begins when all of the last are well. Without hosts, all that have ssh in the inventory.

    For example:

    - `nix run .#deploy`
    - `nix run .#deploy -- nas @servers --dry-run`
    - `nix run .#deploy -- --rollback nas`
    - `simulacra hosts deploy @servers --canary desk --confirm 5m`

    Args:
        which: Hosts, or @TAG for all hosts with a tag.
        dry_run: Build, and show what would change on each host; change nothing.
        rollback: Switch to the generation before instead; with --dry-run, show what that changes.
        inventory: Where the inventory is, in your flake; found from the current folder upwards
            otherwise.
        how: How hosts are rolled out.
        common: Options of all commands.
    """
    source = hosts_source.load(inventory)
    chosen = select(source.inventory, which)
    network = None if dry_run or how.health == "ssh" else _network(source, common)
    here = _here(source, network, common)
    wishes = Wishes(how.canary, how.per_wave, how.at_once)
    overlay = overlays.of(source.plan)
    planned = waves(chosen.hosts, overlay, here.name, wishes)
    fixed = source.inventory.hosts.keys() - source.reached(list(source.inventory.hosts))
    speaking = refusals(planned, chosen.hosts, source.plan, wishes, fixed=fixed)
    times = Times(how.confirm, how.settle)
    cut_off = sitting.refusals(source.plan, here)
    refuse([*speaking, *cut_off, *times.refusals()], force=how.force)
    check_tools("ssh", *([] if rollback else ["nix", "nixops4"]))
    with _progress() as progress:
        for host, why in chosen.left_out.items():
            progress.message(f"{host} is left out: it {why}")
        if dry_run:
            return _dry_run(source, planned, progress, common, back=rollback)
        order = Order(
            flake=source.flake,
            reached=source.reached(chosen.hosts),
            waves=planned,
            relays=overlay.relays,
            back=rollback,
            jobs=how.jobs,
            times=times,
            network=network,
            state=Paths.find().state / "deploy",
        )
        report = deploying.deploy(order, progress)
    return _show(report, common)


# -- what it is run with


class _Network:
    """How the network is, as the node on this machine sees it."""

    def __init__(self, common: Common) -> None:
        self._client = client(common)

    def __call__(self) -> Members:
        return members(self.status())

    def status(self) -> Mapping[str, object]:
        """The node's status.

        Raises:
            GatewayError: it does not answer.
        """
        found: Mapping[str, object] = self._client.item("status", timeout=_ASK)
        return found


def _network(source: Source, common: Common) -> _Network:
    """The way to know how the network is.

    Raises:
        GatewayError: ``unreachable``: no node is up here; ``usage``: it is in another network.
    """
    network = _Network(common)
    try:
        found = network.status()["network"]
    except GatewayError as error:
        raise GatewayError(
            error.code, f"{_ASKED}, and {error.message}", f"{error.hint}; {_SSH_ALONE}"
        ) from error
    if found not in {None, source.plan.network}:
        raise GatewayError(
            ErrorCode.USAGE,
            f"{_ASKED} {source.plan.network}, and the node here is in {found}",
            f"deploy from a host of {source.plan.network}; {_SSH_ALONE}",
        )
    return network


def _here(source: Source, network: _Network | None, common: Common) -> Here:
    """The host that one sits at."""
    settings = Settings.load({"name": common.node})
    now = planning.read(Path(settings.plan)) if settings.plan else None
    name = settings.name if network is None else str(network.status()["host"])
    if network is None and name not in {*source.inventory.hosts, *(now.hosts if now else ())}:
        name = ""
    return Here(name, now, planning.key_held(common, name))


def _progress() -> Progress:
    return Screen() if output.is_colourful(sys.stderr) else Lines()


# -- what comes of it


def _show(report: Report, common: Common) -> int:
    if common.json:
        output.document(report.to_plain())
    else:
        output.table(
            ("host", "wave", "outcome", "took", "why"),
            [
                (
                    each.host,
                    str(each.wave),
                    each.outcome.value,
                    show_seconds(each.seconds) if each.seconds else "-",
                    each.why,
                )
                for each in report.hosts
            ],
        )
        for hint in report.hints():
            output.message(hint)
    if report.interrupted:
        return ExitCode.INTERRUPTED
    return ExitCode.OK if report.is_good else ExitCode.FAILED


def _dry_run(
    source: Source, planned: Sequence[Wave], progress: Progress, common: Common, *, back: bool
) -> int:
    children, stopping = Children(), threading.Event()
    hosts = [host for wave in planned for host in wave.hosts]
    by_ssh = source.reached(hosts)
    sudo = frozenset(name for name, ssh in by_ssh.items() if ssh.sudo)
    with stopped(stopping, children, children, progress), Connections(by_ssh, children) as by:
        nix = Nix(source.flake, children)
        found: list[Preview] = []
        try:
            wanted = dict.fromkeys(hosts, "") if back else build(nix, hosts, None, progress)
            found = previews(wanted, nix, by, sudo, progress)
        except GatewayError:
            if not stopping.is_set():
                raise
    if stopping.is_set():
        raise KeyboardInterrupt
    if common.json:
        told = {"waves": list(map(asdict, planned)), "hosts": list(map(asdict, found))}
        output.document(told)
    else:
        for number, wave in enumerate(planned, 1):
            output.data(f"wave {number} ({wave.why}): {', '.join(wave.hosts)}")
        for each in found:
            _show_preview(each)
    return ExitCode.FAILED if any(each.error for each in found) else ExitCode.OK


def _show_preview(preview: Preview) -> None:
    output.data("")
    if preview.error:
        output.data(f"{preview.host}: not known: {preview.error}")
        return
    if preview.is_same:
        output.data(f"{preview.host}: nothing changes: {preview.running}")
        return
    output.data(f"{preview.host}: {preview.running} becomes {preview.wanted}")
    for line in preview.difference:
        output.data(f"  {line}")
    for line in preview.activation:
        output.data(f"  | {line}")
