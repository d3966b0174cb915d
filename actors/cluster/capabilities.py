"""What this host is able to do, as it tells the others: for needs, and for who may be master.

Looked up anew each time, since batteries are unplugged and devices come and go; it takes under a
millisecond. What cannot be found out is as if it were not there.
"""

from __future__ import annotations

import os
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final

import psutil

METERED: Final = "metered"
"""The label of a host whose line is paid for by the byte."""
_LOW: Final = 20
"""Per cent of a battery."""
_KVM: Final = Path("/dev/kvm")
_GPU_NODES: Final = ("/dev/nvidia0", "/dev/kfd")
_RENDER: Final = Path("/dev/dri")


def told_here(zone: str, labels: Collection[str]) -> dict[str, Any]:
    """This host as `needs.Capabilities.of` reads it.

    Args:
        zone: what it stands or falls with; an empty string where nobody said.
        labels: what it was marked with.
    """
    uname = os.uname()
    return {
        "cores": os.cpu_count() or 1,
        "memory": psutil.virtual_memory().total,
        "arch": uname.machine,
        "kvm": os.access(_KVM, os.R_OK | os.W_OK),
        "gpu": has_gpu(),
        "battery": psutil.sensors_battery() is not None,
        "metered": METERED in labels,
        "zone": zone,
        "labels": sorted(labels),
    }


def has_gpu() -> bool:
    """Whether there is a graphics processor that can compute."""
    return any(map(os.path.exists, _GPU_NODES)) or any(_RENDER.glob("renderD*"))


def has_low_battery() -> bool:
    """Whether the host runs on a battery that is nearly empty; where nobody can say, not."""
    battery = psutil.sensors_battery()
    return battery is not None and not battery.power_plugged and battery.percent < _LOW


def on_mains() -> bool:
    """Whether the host runs on mains power; where nobody can say, it does."""
    battery = psutil.sensors_battery()
    return battery is None or battery.power_plugged is not False
