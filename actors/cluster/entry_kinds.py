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

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from simulacra.actors.cluster.epochs import Epoch
from simulacra.actors.cluster.lattice import Dot, State, Values

RESULTS_KEPT = 8
ITEMS_AT_MOST = 20_000
KEYS_AT_MOST = 10_000
NAME_LENGTH = 200
SUCCESSION = "succession"
_RANKS = {"queued": 0, "assigned": 1, "done": 2}


class RefusedError(Exception):
    """A request that the master's state does not allow; the text says why and what to do."""


@dataclass
class Desk:
    """What a kind works on.

    Attributes:
        state: the records.
        dot: of this entry.
        epoch: that it is written in.
        at: the master's clock, in seconds since 1970; it decides nothing.
    """

    state: State
    dot: Dot
    epoch: Epoch
    at: float
    _writes: list[tuple[str, str, Any]] = field(default_factory=list)

    def values(self, table: str, key: str) -> Values:
        """The values of a key as they were before this entry."""
        return self.state.values(table, key)

    def put(self, table: str, key: str, value: Any) -> None:
        """Write a key."""
        self._writes.append((table, key, value))

    def drop(self, table: str, key: str) -> None:
        """Remove a key."""
        self._writes.append((table, key, None))

    def commit(self) -> None:
        """Do what was written: all of it, once nothing was refused."""
        for table, key, value in self._writes:
            if value is None:
                self.state.drop(table, key)
            else:
                self.state.put(table, key, self.dot, value)


Kind = Callable[[Desk, dict[str, Any]], Any]
"""Does an entry, and gives its answer."""


def text(body: dict[str, Any], key: str) -> str:
    """A field of a request that must be a short text.

    Raises:
        RefusedError: it is not.
    """
    value = body.get(key)
    if not isinstance(value, str) or not value or len(value) > NAME_LENGTH:
        raise RefusedError(f"{key!r} must be a text of 1 to {NAME_LENGTH} characters")
    if not value.isprintable():
        raise RefusedError(f"{key!r} holds characters that cannot be printed: {value!r}")
    return value


def whole(body: dict[str, Any], key: str) -> int:
    """A field of a request that must be a whole number, 0 or more.

    Raises:
        RefusedError: it is not.
    """
    value = body.get(key)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise RefusedError(f"{key!r} must be a whole number, 0 or more")
    return value


def _room(desk: Desk, table: str, key: str, most: int) -> None:
    if not desk.values(table, key) and desk.state.size(table) >= most:
        raise RefusedError(f"there are {most} {table} already; remove some first")


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
    _room(desk, "names", name, KEYS_AT_MOST)
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
    _room(desk, "settings", key, KEYS_AT_MOST)
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


# -- work items


def item_of(values: Values) -> dict[str, Any] | None:
    """One item as its values show it together; None if there is none."""
    if not values:
        return None
    order = sorted(values.items(), key=lambda pair: (_progress(pair[1]), pair[0]))
    best = order[-1][1]
    return {**best, "results": _results(result for _, v in order for result in v["results"])}


def _progress(item: dict[str, Any]) -> tuple[bool, int, int, list[Any]]:
    done = item["state"] == "done"
    return done, item["attempt"], _RANKS[item["state"]], item["epoch"]


def _results(results: Iterable[list[Any]]) -> list[list[Any]]:
    """The results by (clock, attempt, host), each once, the first ones only."""
    distinct = {(r[0], r[1], r[2], repr(r[3])): r for r in results}
    return [distinct[key] for key in sorted(distinct)][:RESULTS_KEPT]


def items(state: State) -> dict[str, dict[str, Any]]:
    """Every work item; ``results[0]`` is the one that counts."""
    found = ((key, item_of(state.values("items", key))) for key in state.keys("items"))
    return {key: item for key, item in found if item is not None}


def _item(desk: Desk, body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    key = text(body, "id")
    item = item_of(desk.values("items", key))
    if item is None:
        raise RefusedError(f"there is no item {key!r}: put it first")
    return key, item


def _put(desk: Desk, body: dict[str, Any]) -> Any:
    key = text(body, "id")
    if desk.values("items", key):
        raise RefusedError(f"there is an item {key!r} already; take another id")
    _room(desk, "items", key, ITEMS_AT_MOST)
    fresh: dict[str, Any] = {
        "state": "queued",
        "attempt": 1,
        "to": "",
        "what": body.get("what"),
        "results": [],
    }
    return _advance(desk, key, fresh)


def _assign(desk: Desk, body: dict[str, Any]) -> Any:
    key, item = _item(desk, body)
    if item["state"] != "queued":
        raise RefusedError(f"the item {key!r} is {item['state']}, not queued")
    return _advance(desk, key, {**item, "state": "assigned", "to": text(body, "to")})


def _requeue(desk: Desk, body: dict[str, Any]) -> Any:
    key, item = _item(desk, body)
    if item["state"] != "assigned":
        raise RefusedError(f"the item {key!r} is {item['state']}, not assigned")
    again = {**item, "state": "queued", "attempt": item["attempt"] + 1, "to": ""}
    return _advance(desk, key, again)


def _done(desk: Desk, body: dict[str, Any]) -> Any:
    key, item = _item(desk, body)
    if item["state"] == "done":
        raise RefusedError(f"the item {key!r} has its result, from {item['results'][0][2]}")
    clock = body.get("clock")
    if not isinstance(clock, int | float) or isinstance(clock, bool):
        raise RefusedError("'clock' must be the time of the result, in seconds since 1970")
    result = [clock, whole(body, "attempt"), text(body, "by"), body.get("value")]
    return _advance(desk, key, {**item, "state": "done", "results": [result]})


def _forget(desk: Desk, body: dict[str, Any]) -> Any:
    key, _ = _item(desk, body)
    desk.drop("items", key)
    return {"id": key}


def _advance(desk: Desk, key: str, item: dict[str, Any]) -> Any:
    desk.put("items", key, {**item, "epoch": desk.epoch.to_plain(), "at": desk.at})
    return {"id": key, "state": item["state"], "attempt": item["attempt"]}


# -- ledgers


def ledger_of(values: Values) -> dict[str, int]:
    """What each host has counted so far."""
    totals: dict[str, int] = {}
    for value in values.values():
        for host, total in value.items():
            totals[host] = max(total, totals.get(host, 0))
    return totals


def ledgers(state: State) -> dict[str, dict[str, int]]:
    """Every ledger, by host."""
    return {key: ledger_of(state.values("ledgers", key)) for key in state.keys("ledgers")}


def _count(desk: Desk, body: dict[str, Any]) -> Any:
    key, host, total = text(body, "key"), text(body, "by"), whole(body, "total")
    _room(desk, "ledgers", key, KEYS_AT_MOST)
    totals = ledger_of(desk.values("ledgers", key))
    totals[host] = max(total, totals.get(host, 0))
    desk.put("ledgers", key, totals)
    return {"key": key, "total": sum(totals.values())}


KINDS: dict[str, Kind] = {
    "claim": _claim,
    "release": _release,
    "set": _set,
    "unset": _unset,
    "succession": _succession,
    "put": _put,
    "assign": _assign,
    "requeue": _requeue,
    "done": _done,
    "forget": _forget,
    "count": _count,
}
"""What may be asked of a master, and how it is done. Later parts add theirs."""
