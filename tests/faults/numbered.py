"""Numbered UDP from one host to another: run as a program, it sends or counts.

``count ADDRESS PORT`` tells, when its standard input closes, how many came, which numbers of those
up to the highest did not, and the longest time between two that did. ``send ADDRESS PORT RATE``
sends until its standard input closes, and tells how many. Both say ``ready`` first; then JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time


def count(address: str, port: int) -> dict[str, object]:
    came: set[int] = set()
    last = longest = 0.0
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        opened.bind((address, port))
        say("ready")
        while True:
            ready = select.select([opened, sys.stdin], [], [])[0]
            if opened in ready:
                came.add(int(opened.recv(64)))
                now = time.monotonic()
                longest = max(longest, now - last if last else 0.0)
                last = now
            elif sys.stdin in ready:
                break
    missing = sorted(set(range(1, max(came, default=0) + 1)) - came)
    return {"came": len(came), "missing": missing, "longest": longest}


def send(address: str, port: int, rate: float) -> int:
    number, began = 0, time.monotonic()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as opened:
        say("ready")
        while True:
            pause = max(0.0, began + number / rate - time.monotonic())
            if select.select([sys.stdin], [], [], pause)[0]:
                return number
            number += 1
            try:
                opened.sendto(str(number).encode(), (address, port))
            except OSError:
                continue  # it is lost, and will be missed


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1] == "count":
        say(json.dumps(count(sys.argv[2], int(sys.argv[3]))))
    else:
        say(json.dumps(send(sys.argv[2], int(sys.argv[3]), float(sys.argv[4]))))
