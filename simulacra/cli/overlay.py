"""``overlay``: who reaches whom in the overlay, how, and how well."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from cyclopts import App

from simulacra.actors.units import show_age, show_seconds, show_size
from simulacra.cli import output
from simulacra.cli.exits import ExitCode
from simulacra.cli.options import COMMON, Common, Count, Duration, client
from simulacra.overlay.plan.phone import told

app = App(name="overlay", help="The encrypted mesh between the hosts, and phones in it.")
app.command("simulacra.cli.overlay_phone:phone", name="phone")

_MARKS: Final = {
    "direct": "D",
    "punched": "P",
    "relayed": "R",
    "tunnelled": "T",
    "none": "-",
    None: "?",
}
_LEGEND: Final = (
    "D direct, P punched through NATs, R by a relay, T by a relay over OpenVPN, - not at all, "
    "? not told; ! is not as planned"
)
_BAD: Final = frozenset({"cut", "leak"})
_LONGEST: Final = 3600.0


@app.default
@app.command
def status(*, common: Common = COMMON) -> None:
    """Show this host's route to each other one, with the age of each figure.

    For example:

    - `simulacra overlay status`
    - `simulacra overlay status --json`

    Args:
        common: Options of all commands.
    """
    found = client(common).item("overlay")
    if common.json:
        output.document(found)
        return
    waits = found["new_key_waits_for"]
    output.fields(
        {
            "host": f"{found['host']}.{found['network']} at {found['address']}",
            "key": found["key"],
            "wireguard": f"in the {found['backend']}"
            if found["backend"] == "kernel"
            else "by wireguard-go",
            "outside": "only ssh and the overlay's ports are let in"
            if found["guards_outside"]
            else "left to this host's own firewall",
            "openvpn": "; ".join(map(_tunnel, found["openvpn"])) or "none",
            "new key": f"waits for {', '.join(waits)}" if waits else "none",
            "phones": "; ".join(told(*each) for each in found["phones"].items()) or "none is stale",
            "trouble": found["failure"] or "none",
        }
    )
    output.data("")
    output.table(
        ("host", "address", "way", "round trip", "loss", "bandwidth", "age"),
        map(_route, found["routes"]),
    )


@app.command
def ping(
    host: str, /, *, count: Count = 4, interval: Duration = 1.0, common: Common = COMMON
) -> ExitCode:
    """Probe a host by the way that everything takes, and say which that is.

    It fails where no probe is answered.

    For example:

    - `simulacra overlay ping nas`
    - `simulacra overlay ping nas --count 100 --interval 100ms`

    Args:
        host: The host.
        count: How many probes.
        interval: The time between two.
        common: Options of all commands.
    """
    answered = 0
    args = {"host": host, "count": count, "interval": interval}
    for each in client(common).items("overlay_ping", timeout=_LONGEST, **args):
        answered += each["round_trip"] is not None
        if common.json:
            output.document(each)
        elif each["round_trip"] is None:
            output.data(f"{each['number']}: {each['why']} ({_way(each)})")
        else:
            output.data(f"{each['number']}: {show_seconds(each['round_trip'])} ({_way(each)})")
    return ExitCode.OK if answered else ExitCode.UNREACHABLE


@app.command
def rotate(*, force: bool = False, common: Common = COMMON) -> None:
    """Give this host another key, as soon as all others know it; nobody's connections break.

    A host that is away is waited for, since it would not know the new key. Phones cannot be told:
    where any go by this host as their relay, it is refused.

    For example:

    - `simulacra overlay rotate`

    Args:
        force: Do it also where phones go by this host; each needs a new code then.
        common: Options of all commands.
    """
    found = client(common).item("overlay_rotate", force=force)
    if common.json:
        output.document(found)
        return
    waits = ", ".join(found["waits_for"]) or "nobody"
    output.message(f"a new key is made; until it is used it waits for: {waits}")
    for phone in found["phones"]:
        output.message(f"once it is in the plan: simulacra overlay phone {phone} --again")


@app.command
def check(*, common: Common = COMMON) -> ExitCode:
    """Compare who reaches whom by the plan with what the hosts measured, in a matrix.

    It fails where a host is cut off from another that it should reach, or reaches one that it
    should not.

    For example:

    - `simulacra overlay check`

    Args:
        common: Options of all commands.
    """
    found = client(common).item("overlay_check")
    pairs = found["pairs"]
    bad = [each for each in pairs if each["verdict"] in _BAD]
    if common.json:
        output.document(found)
    else:
        _show_matrix(pairs)
        for each in pairs:
            if each["verdict"] not in {"ok", "unknown"}:
                output.message(_told(each))
    return ExitCode.FAILED if bad else ExitCode.OK


def _tunnel(process: Mapping[str, Any]) -> str:
    """What a process of OpenVPN is for, and how it is."""
    served = f"for {process['old']}" if process["old"] else "for clients"
    what = f"to {process['relay']}" if process["relay"] else served
    state = "ready" if process["ready"] else f"not ready: {process['why'] or 'just begun'}"
    return f"{what} ({process['device']}), {state}"


def _show_matrix(pairs: Iterable[Mapping[str, Any]]) -> None:
    cells = {(each["from"], each["to"]): _cell(each) for each in pairs}
    names = sorted({name for pair in cells for name in pair})
    output.table(
        ("from \\ to", *names),
        [(one, *(cells.get((one, other), ".") for other in names)) for one in names],
    )
    output.message(_LEGEND)


def _cell(pair: Mapping[str, Any]) -> str:
    mark = _MARKS[pair["measured"]]
    return mark if pair["verdict"] in {"ok", "unknown"} else f"{mark}!"


def _told(pair: Mapping[str, Any]) -> str:
    age = "never heard" if pair["age"] is None else f"{show_age(pair['age'])} ago"
    measured = "not at all" if pair["measured"] == "none" else _way(pair, "measured")
    return f"{pair['from']} to {pair['to']}: planned {pair['planned']}, is {measured} ({age})"


def _route(route: Mapping[str, Any]) -> tuple[str, ...]:
    trip, rate = route["round_trip"], route["bandwidth"]
    return (
        route["host"],
        route["address"],
        _way(route),
        show_seconds(trip),
        f"{route['loss']:.0%}",
        _rate(rate, route["bandwidth_age"]),
        "-" if route["age"] is None else f"{show_age(route['age'])} ago",
    )


def _rate(rate: float | None, age: float | None) -> str:
    return "-" if rate is None else f"{show_size(rate)}/s, {show_age(age)} ago"


def _way(route: Mapping[str, Any], how: str = "how") -> str:
    by = f" by {', '.join(route['relays'])}" if route.get("relays") else ""
    return f"{route.get(how) or 'unknown'}{by}"
