"""``lab up``: a lab is started, with nodes, and with an overlay for them to talk by way of."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.cli import output
from simulacra.cli.labs import WHICH, Which, check, refusals, show
from simulacra.testing.lab import Lab, RunningLab
from simulacra.testing.lab.plan import Plan, parse_hosts, parse_zones
from simulacra.testing.lab.plan import names as default_names

_Zones = tuple[tuple[str, ...], ...]


def up(
    count: int | None = None,
    /,
    *,
    names: str = "",
    zones: str = "",
    bare: bool = False,
    overlay: bool = False,
    relays: str = "",
    which: Which = WHICH,
) -> None:
    """Start a lab: hosts on one LAN, or in zones, with a node each.

    Each has a network, processes, a name, a home and an sshd of its own; all other files are this
    machine's. It runs until `simulacra lab down`. Needs root. Zones are zone0, zone1 and so on to
    the nodes in them.

    With an overlay the nodes talk by way of an encrypted mesh alone, as over the internet. See it
    with `simulacra lab exec a simulacra overlay`, also after `simulacra lab cut a b`.

    For example:

    - `sudo simulacra lab up 5`
    - `sudo simulacra lab up --zones a,b/c,d,e`
    - `sudo simulacra lab up 20 --bare --lab big`
    - `sudo simulacra lab up 4 --overlay --relays c,d`

    Args:
        count: How many hosts.
        names: Their names: laptop,desk,nas.
        zones: Their names by zone: a,b/c,d,e.
        bare: Start no nodes.
        overlay: Lay an overlay of WireGuard over it.
        relays: Which hosts pass on for others in the overlay; the last if left out.
        which: Which lab.
    """
    with refusals():
        check()
        planned = _zones(count, names, zones)
        chosen = _relays(planned, relays) if overlay else _none(relays)
        with contextlib.ExitStack() as begun:
            lab = begun.enter_context(Lab(zones=planned, name=which.lab))
            _name_zones(lab)
            if overlay:
                _lay_over(lab, chosen)
            if not bare:
                lab.start_nodes()
            lab.stay()
            begun.pop_all()
    if not which.json:
        first = next(iter(lab.hosts))
        option = "" if which.lab == WHICH.lab else f" --lab {which.lab}"
        output.message(
            f"lab {lab.name} is up: {', '.join(lab.hosts)}; a shell in one: "
            f"simulacra lab exec {first}{option}; its end: simulacra lab down{option}"
        )
    show(lab, which)


def _name_zones(lab: Lab) -> None:
    """Have nodes know which zone they are in, where there are several: services keep to them."""
    zones = {host.name: host.zone for host in lab}
    if any(zones.values()):
        for name, zone in zones.items():
            lab.add_environ(name, {"SIMULACRA_ZONE": f"zone{zone}"})


def _zones(count: int | None, names: str, zones: str) -> _Zones:
    """Return the hosts that were asked for."""
    planned = parse_zones(zones) if zones else (tuple(parse_hosts(names)),)
    if not (zones or names):
        return (tuple(default_names(5 if count is None else count)),)
    if (zones and names) or count not in (None, sum(map(len, planned))):
        raise GatewayError(
            ErrorCode.USAGE,
            "the number, the names and the zones do not say the same hosts",
            "say one of them: simulacra lab up --zones a,b/c,d,e",
        )
    return planned


def _none(relays: str) -> list[str]:
    """Refuse relays where there is no overlay."""
    if relays:
        raise GatewayError(
            ErrorCode.USAGE,
            "relays are an overlay's, and there is to be none",
            f"simulacra lab up --overlay --relays {relays}",
        )
    return []


def _relays(zones: _Zones, relays: str) -> Sequence[str]:
    """Return which hosts are to be relays, where an overlay can be had."""
    try:
        from simulacra.testing.lab.planned import why_not  # noqa: PLC0415 (slow to load)
    except ModuleNotFoundError as error:
        raise GatewayError(
            ErrorCode.FAILED,
            f"an overlay over a lab needs {error.name}",
            "install it: pip install 'simulacra[hosts,overlay]'",
        ) from error
    if reason := why_not():
        raise GatewayError(ErrorCode.FAILED, *reason.split(": ", 1))
    plan = Plan(zones)
    chosen = parse_hosts(relays) or plan.hosts[-1:]
    for relay in chosen:
        plan.number(relay)
    return chosen


def _lay_over(lab: RunningLab, relays: Sequence[str]) -> None:
    from simulacra.testing.lab.planned import lay_over  # noqa: PLC0415 (slow to load)

    lay_over(lab, relays)
