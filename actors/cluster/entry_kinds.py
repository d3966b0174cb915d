"""What the entries of a master's journal do: a table of kinds, each a pure function.

A kind takes the desk (the state, and who writes when) and the body of a request, changes the state
and gives the answer, or refuses. Where two sides of a split wrote to one key, its table says how
the values are shown as one, whatever the order in which they came together:

    ==========  ======================================================================
    names       the claim of the highest epoch has the name; the others are shown as
                ``name~HOST.STORE-n``, until the first is released
    settings    the value of the highest epoch; the others are listed as conflicts
    items       by attempt, then queued < assigned; done beats all; of two results the
                lowest (clock, attempt, host) counts and the others are kept for audit
    ledgers     each host's own total grows; of two the higher; the sum is the ledger
    answers     what was answered to a request id; of two the one with the lowest dot
    ==========  ======================================================================
"""

from __future__ import annotations

from typing import Any

from simulacra.actors.cluster.desk import KEYS_AT_MOST, Desk, Kind, RefusedError, room, text
from simulacra.actors.cluster.lattice import Dot, State, Values
from simulacra.actors.cluster.work_items import WORK_KINDS

SUCCESSION = "succession"


# -- names


def _claims(values: Values) -> list[tuple[Dot, Any]]:
    """The claims to one name, who has it first."""
    return sorted(values.items(), key=lambda item: (item[1]["epoch"], item[0]), reverse=True)


def names(state: State) -> dict[str, dict[str, Any]]:
    """Every name with its owner; doubles of a split under names of their own."""
    shown = {}
    for name in state.keys("names"):
        first, *others = _claims(state.values("names", name))
        shown[name] = first[1]
        for (origin, n), claim in others:
            shown[f"{name}~{origin.replace('/', '.')}-{n}"] = {**claim, "claimed": name}
    return shown


def _claim(desk: Desk, body: dict[str, Any]) -> Any:
    name, owner = text(body, "name"), text(body, "owner")
    if "~" in name:
        raise RefusedError(f"{name!r}: '~' marks doubles of a split; leave it out")
    claims = _claims(desk.values("names", name))
    if claims and claims[0][1]["owner"] != owner:
        raise RefusedError(f"the name {name!r} is taken by {claims[0][1]['owner']}; take another")
    room(desk, "names", name, KEYS_AT_MOST)
    if not claims:
        claim = {"owner": owner, "epoch": desk.epoch.to_plain(), "at": desk.at}
        desk.put("names", name, claim)
    return {"name": name, "owner": owner}


def _release(desk: Desk, body: dict[str, Any]) -> Any:
    name, owner = text(body, "name"), text(body, "owner")
    claims = _claims(desk.values("names", name))
    left = [claim for _, claim in claims if claim["owner"] != owner]
    if len(left) == len(claims):
        raise RefusedError(f"{owner} does not have the name {name!r}: nothing to release")
    if left:
        desk.put("names", name, left[0])
    else:
        desk.drop("names", name)
    return {"name": name}


# -- settings


def _settings_of(values: Values) -> list[Any]:
    """The values of one setting, the one that counts first, equal ones once."""
    order = sorted(values.items(), key=lambda item: (item[1]["epoch"], item[0]), reverse=True)
    found: list[Any] = []
    for _, value in order:
        if value["value"] not in [each["value"] for each in found]:
            found.append(value)
    return found


def settings(state: State) -> dict[str, dict[str, Any]]:
    """Every setting: its value, since when, and other values that a split left."""
    shown = {}
    for key in state.keys("settings"):
        first, *others = _settings_of(state.values("settings", key))
        shown[key] = {**first, "conflicts": [other["value"] for other in others]}
    return shown


def setting(state: State, key: str, default: Any = None) -> Any:
    """One setting's value."""
    values = state.values("settings", key)
    return _settings_of(values)[0]["value"] if values else default


def _set(desk: Desk, body: dict[str, Any]) -> Any:
    key = text(body, "key")
    if body.get("value") is None:
        raise RefusedError(f"the setting {key!r} needs a value; remove it with 'unset'")
    room(desk, "settings", key, KEYS_AT_MOST)
    value = {"value": body["value"], "epoch": desk.epoch.to_plain(), "at": desk.at}
    desk.put("settings", key, value)
    return {"key": key, "value": body["value"]}


def _unset(desk: Desk, body: dict[str, Any]) -> Any:
    key = text(body, "key")
    if not desk.values("settings", key):
        raise RefusedError(f"there is no setting {key!r}")
    desk.drop("settings", key)
    return {"key": key}


def _succession(desk: Desk, body: dict[str, Any]) -> Any:
    hosts = body.get("hosts")
    if not isinstance(hosts, list) or not all(isinstance(host, str) for host in hosts):
        raise RefusedError("'hosts' must be a list of hosts, the first in line first")
    if len(set(hosts)) != len(hosts):
        raise RefusedError("'hosts' names a host twice")
    return _set(desk, {"key": SUCCESSION, "value": hosts})


KINDS: dict[str, Kind] = {
    "claim": _claim,
    "release": _release,
    "set": _set,
    "unset": _unset,
    "succession": _succession,
    **WORK_KINDS,
}
"""What may be asked of a master, and how it is done. Later parts add theirs."""
