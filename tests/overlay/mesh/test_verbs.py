"""What the gateway refuses of the overlay, before anything is sent."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pytest

from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.overlay.mesh.verbs import overlay_verbs
from tests.overlay.plans import made


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ({"host": "x"}, ErrorCode.NOT_FOUND, "the overlay has no host x"),
        ({"host": "a"}, ErrorCode.USAGE, "a is this host"),
        ({"host": "b", "count": 0}, ErrorCode.USAGE, "0 probes are none"),
        ({"host": "b", "count": -1}, ErrorCode.USAGE, "-1 probes are none"),
    ],
)
def test_probes_that_would_tell_nothing_are_refused(
    args: dict[str, Any], code: ErrorCode, said: str
) -> None:
    overlay: Any = SimpleNamespace(host="a", plan=made({"a": "192.0.2.1", "b": "192.0.2.2"}))
    ping = overlay_verbs(Mock(), overlay)["overlay_ping"]
    with pytest.raises(GatewayError, match=said) as caught:
        list(ping(Call("id", "overlay_ping", args, Mock())))
    assert caught.value.code is code
    assert caught.value.hint
