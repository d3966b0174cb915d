"""Items as a node answers them (docs/guide/gateway.md)."""

from __future__ import annotations

from typing import Any

from simulacra.actors.compute.values import pack

NORMAL = {"kind": "normal", "text": "normal", "traceback": None, "exit": None}
CRASHED = {
    "kind": "error",
    "text": "ValueError: no number",
    "traceback": "Traceback: line 3\nValueError: no number\n",
    "exit": None,
}

STATUS: dict[str, Any] = {
    "host": "desk",
    "version": "0.1.0",
    "wire": 1,
    "pid": 4711,
    "uptime": 3700.0,
    "listen": "192.168.1.7:7400",
    "bulk_port": 7403,
    "key": "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID",
    "network": "home",
    "out": None,
    "door": "192.168.1.7:7401",
    "dns": 7453,
    "zone": None,
    "master": "nas",
    "away": None,
    "python": "3.11",
    "arch": "x86_64",
    "cores": 8,
    "load": 0.5,
    "memory": {"total": 16 << 30, "free": 4 << 30},
    "speed": 1.25,
    "labels": ["gpu"],
    "limits": "rlimit",
    "computations": {"running": 2, "waiting": 0},
    "dead_letters": 3,
    "log": None,
    "peers": [
        {
            "host": "nas",
            "address": "192.168.1.2:7400",
            "state": "up",
            "reason": None,
            "role": "inside",
            "zone": None,
            "rtt": 0.0012,
            "bandwidth": 110e6,
            "seen": 0.4,
            "version": "0.1.0",
            "clock": -0.02,
        },
        {
            "host": "laptop",
            "address": "10.0.0.9:7400",
            "state": "down",
            "reason": "no heartbeat for 90 s",
            "role": "inside",
            "zone": None,
            "rtt": None,
            "bandwidth": None,
            "seen": None,
            "version": None,
            "clock": None,
        },
    ],
}


def row(name: str, parent: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "id": name,
        "parent": parent,
        "name": name,
        "kind": "computation",
        "host": "desk",
        "state": "running",
        "restarts": 0,
        "age": 65.0,
        "mailbox": 2,
        "bound": 1000,
        "pid": 4712,
        "cpu": 12.0,
        "memory": 52 << 20,
        "reason": None,
        "waits_for": None,
        "seen": 0.2,
        **changes,
    }


def result(value: object = None, /, **changes: Any) -> dict[str, Any]:
    return {
        "name": "count",
        "host": "nas",
        "state": "done",
        "kind": "computation",
        "value": pack(value),
        "text": repr(value),
        "reason": NORMAL,
        "ended": 3.0,
        **changes,
    }


def piece(data: bytes, stream: str = "stdout", dropped: int = 0) -> dict[str, Any]:
    return {"time": 1e9, "host": "nas", "stream": stream, "data": data, "dropped": dropped}


EXPLAINED = {
    "name": "count",
    "host": "desk",
    "state": "running",
    "waits_for": None,
    "why": "nas is cheaper, but not by enough to pay for the move",
    "reads": [{"name": "books", "at": "nas:/srv/books", "size": 5 << 20, "trips": 12, "seen": 2.0}],
    "alternatives": [
        {
            "host": "nas",
            "here": False,
            "best": True,
            "seconds": 4.0,
            "data": 0.0,
            "trips": 0.0,
            "work": 3.5,
            "move": 0.5,
            "refused": None,
        },
        {
            "host": "phone",
            "here": False,
            "best": False,
            "seconds": None,
            "data": None,
            "trips": None,
            "work": None,
            "move": None,
            "refused": "needs 2G of memory, has 1G free",
        },
    ],
    "chain": [{"places": ["desk", "nas"], "seconds": 2.0, "best": True}],
    "moves": [{"ago": 90.0, "source": "nas", "target": "desk", "why": "asked for"}],
}
