from __future__ import annotations

import pytest

from simulacra.actors.addresses import is_loopback, reachable_host


@pytest.mark.parametrize("listen", ["192.168.1.7", "fe80::1", "127.0.0.1"])
def test_one_address_stays_what_it_is(listen: str) -> None:
    assert reachable_host(listen) == listen


@pytest.mark.parametrize("listen", ["0.0.0.0", "::"])
def test_nobody_is_told_to_dial_all_addresses(listen: str) -> None:
    assert reachable_host(listen) not in {"", "0.0.0.0", "::"}


def test_what_only_this_machine_reaches() -> None:
    hosts = ("127.0.0.1", "127.1.2.3", "::1", "localhost", "192.168.1.7", "nas.local")
    assert [is_loopback(host) for host in hosts] == [True] * 4 + [False] * 2
