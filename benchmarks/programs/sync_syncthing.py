"""Peer: two syncthings that share a folder; see `benchmarks.sync_scenes` for the modes."""

import json
import os
import subprocess
import sys
import time
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.program import free_port
from benchmarks.sync_scenes import empty, run

_FOLDER = "bench"
_SECONDS = 110.0


class Instance:
    """One syncthing.

    Args:
        home: its configuration.
        shared: the folder that it shares.
    """

    def __init__(self, home: Path, shared: Path) -> None:
        self.home, self.shared = home, shared
        _quiet(["syncthing", "generate", f"--home={home}", "--no-default-folder"])
        self.id = _quiet(["syncthing", f"--home={home}", "--device-id"]).strip()
        self.gui, self.listen = free_port(), free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._key = ""

    def configure(self, other: "Instance") -> None:
        """Write its configuration: one folder, one other device, no help from outside."""
        path = self.home / "config.xml"
        tree = ET.parse(path)
        root = tree.getroot()
        self._key = root.findtext("gui/apikey") or ""
        for each in [*root.findall("folder"), *root.findall("device")]:
            root.remove(each)
        folder = ET.SubElement(
            root,
            "folder",
            {"id": _FOLDER, "path": str(self.shared), "type": "sendreceive",
             "fsWatcherEnabled": "true", "fsWatcherDelayS": "1", "rescanIntervalS": "3600"},
        )  # fmt: skip
        for device in (self, other):
            ET.SubElement(folder, "device", {"id": device.id})
            one = ET.SubElement(root, "device", {"id": device.id, "name": device.home.name})
            ET.SubElement(one, "address").text = f"tcp://127.0.0.1:{device.listen}"
        gui = root.find("gui")
        options = root.find("options")
        if gui is None or options is None:
            raise LookupError("this syncthing's configuration is of another kind")
        _set(gui, "address", f"127.0.0.1:{self.gui}")
        _set(options, "listenAddress", f"tcp://127.0.0.1:{self.listen}")
        for off in ("globalAnnounceEnabled", "localAnnounceEnabled", "relaysEnabled",
                    "natEnabled", "startBrowser", "crashReportingEnabled"):  # fmt: skip
            _set(options, off, "false")
        _set(options, "urAccepted", "-1")
        _set(options, "reconnectionIntervalS", "1")
        tree.write(path)

    def start(self) -> None:
        """Start it, its marker in the folder."""
        (self.shared / ".stfolder").mkdir(exist_ok=True)
        command = ["syncthing", "serve", f"--home={self.home}", "--no-browser", "--no-restart"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, env=os.environ | {"STNOUPGRADE": "1"}
        )
        _until(self._answers)

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None

    def forget(self) -> None:
        """Remove its index; it is not running."""
        for each in self.home.glob("index-*"):
            _quiet(["rm", "-r", str(each)])

    def rest(self, path: str, method: str = "GET") -> Any:
        """Ask it something."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.gui}/rest/{path}", method=method,
            headers={"X-API-Key": self._key},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
            body = answer.read()
        return json.loads(body) if body else None

    def _answers(self) -> bool:
        try:
            return bool(self.rest("system/ping"))
        except OSError:
            return False


class Syncthing:
    """Two instances, one with each folder."""

    def __init__(self, there: Instance, here: Instance) -> None:
        self._there, self._here = there, here

    def sync(self) -> None:
        """Scan `there`, and wait until `here` has all of it."""
        self._there.rest(f"db/scan?folder={_FOLDER}", "POST")
        _until(self._is_done)

    def forget(self) -> None:
        """Empty `here`, and remove both indexes."""
        for instance in (self._there, self._here):
            instance.stop()
            instance.forget()
        empty(self._here.shared)
        for instance in (self._there, self._here):
            instance.start()
        _until(self._are_connected)

    def _are_connected(self) -> bool:
        connections = self._there.rest("system/connections")["connections"]
        return bool(connections.get(self._here.id, {}).get("connected"))

    def _is_done(self) -> bool:
        mine, its = (each.rest(f"db/status?folder={_FOLDER}") for each in (self._there, self._here))
        return (
            its["state"] == mine["state"] == "idle"
            and its["needTotalItems"] == 0
            and its["globalBytes"] == mine["localBytes"]
            and its["globalFiles"] == mine["localFiles"]
            and its["sequence"] >= 0
            and self._there.rest(f"db/completion?folder={_FOLDER}&device={self._here.id}")[
                "completion"
            ]
            == 100
            and self._knows(mine)
        )

    def _knows(self, mine: dict[str, Any]) -> bool:
        """Whether `here` has heard of the last change."""
        remote = self._here.rest(f"db/status?folder={_FOLDER}").get("remoteSequence") or {}
        return bool(remote.get(self._there.id, 0) >= mine["sequence"]) if remote else True


@contextmanager
def start(there: Path, here: Path) -> Iterator[Syncthing]:
    """Run both."""
    with ExitStack() as stack:
        one, two = (
            Instance(there.parent / f"st-{name}", folder)
            for name, folder in (("there", there), ("here", here))
        )
        one.configure(two)
        two.configure(one)
        for instance in (one, two):
            stack.callback(instance.stop)
            instance.start()
        syncthing = Syncthing(one, two)
        _until(syncthing._are_connected)  # noqa: SLF001 - its own
        yield syncthing


def _set(element: ET.Element, name: str, text: str) -> None:
    found = element.find(name)
    (ET.SubElement(element, name) if found is None else found).text = text


def _quiet(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _until(condition: Any) -> None:
    deadline = time.monotonic() + _SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("syncthing did not come to where it should")
        time.sleep(0.02)


if __name__ == "__main__":
    run(start, sys.argv[1])
