"""Which hosts a directory may be mounted of."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from simulacra.actors.compute.mounting import Keep
from simulacra.actors.control.mounting import Mounting
from simulacra.actors.gateway.frames import GatewayError


def test_a_host_at_rest_is_called_first_and_one_that_is_not_there_is_refused(
    tmp_path: Path,
) -> None:
    resting, connected = {"nas"}, set[str]()
    neighbours = SimpleNamespace(
        call=lambda host: connected.update(resting & {host}), connected=lambda: connected
    )
    node: Any = SimpleNamespace(neighbours=neighbours)
    Mounting(node)._check(Keep("nas", "/films", str(tmp_path / "films")))
    with pytest.raises(GatewayError, match="tv is not connected"):
        Mounting(node)._check(Keep("tv", "/films", str(tmp_path / "others")))
