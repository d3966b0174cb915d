"""The queue and the ledgers in a master's records, as `entry_kinds` has them.

An item is queued, assigned, done; taken back from a host it is queued again with a higher attempt.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from simulacra.actors.cluster.desk import KEYS_AT_MOST, Desk, Kind, RefusedError, room, text, whole
from simulacra.actors.cluster.lattice import State, Values

RESULTS_KEPT = 8
ITEMS_AT_MOST = 20_000
_RANKS = {"queued": 0, "assigned": 1, "done": 2}


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
    room(desk, "items", key, ITEMS_AT_MOST)
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
    room(desk, "ledgers", key, KEYS_AT_MOST)
    totals = ledger_of(desk.values("ledgers", key))
    totals[host] = max(total, totals.get(host, 0))
    desk.put("ledgers", key, totals)
    return {"key": key, "total": sum(totals.values())}


WORK_KINDS: dict[str, Kind] = {
    "put": _put,
    "assign": _assign,
    "requeue": _requeue,
    "done": _done,
    "forget": _forget,
    "count": _count,
}
"""What may be asked of a master about work."""
