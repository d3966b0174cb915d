"""What a lab has of the kernel, for tests that nothing of it is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any


def traces(state: dict[str, Any]) -> set[str]:
    """The namespaces of a lab, by its status."""
    return _spaces(state["pid"], *(row["pid"] for row in state["hosts"]))


def _spaces(*pids: int) -> set[str]:
    """The namespaces of processes that are not this machine's own."""
    kinds = ("net", "pid", "mnt", "uts", "ipc")
    found = {str(Path(f"/proc/{pid}/ns/{kind}").readlink()) for pid in pids for kind in kinds}
    return found - {str(Path(f"/proc/self/ns/{kind}").readlink()) for kind in kinds}


def living(found: set[str]) -> bool:
    """Whether a process is left in any of these namespaces."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if any(str(link.readlink()) in found for link in (process / "ns").iterdir()):
                return True
        except OSError:  # it has just ended
            continue
    return False
