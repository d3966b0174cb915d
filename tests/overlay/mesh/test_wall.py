from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from simulacra.overlay.mesh.access import TABLE
from simulacra.overlay.mesh.backends import BackendError
from simulacra.overlay.mesh.wall import Wall
from simulacra.overlay.plan.document import Opening, Plan
from tests.overlay.plans import made

from .namespaces import namespace, run, within

PLAN = made({"a": "192.0.2.1", "b": "192.0.2.2"})


@pytest.fixture
def guarded() -> Plan:
    """A plan in which `a` lets in `b` at one port."""
    opening = Opening("tcp", 9000, 9000, (PLAN.hosts["b"].ipv4,), "")
    return replace(PLAN, hosts={**PLAN.hosts, "a": replace(PLAN.hosts["a"], inside=(opening,))})


@pytest.fixture
def there() -> Iterator[str]:
    """A namespace, in which what this thread starts is meanwhile."""
    with namespace() as name, within(name):
        yield name


def rules(name: str) -> str:
    return run("ip", "netns", "exec", name, "nft", "list", "ruleset")


@pytest.mark.lab
def test_rules_are_put_in_place_and_replaced(there: str, guarded: Plan) -> None:
    wall = Wall("a")
    wall.stand(guarded)
    assert "tcp dport 9000 accept" in rules(there)
    wall.stand(PLAN)
    found = rules(there)
    assert found.count(f"table inet {TABLE}") == 1
    assert "9000" not in found


@pytest.mark.lab
def test_rules_that_are_in_place_are_not_put_there_again(there: str, guarded: Plan) -> None:
    wall = Wall("a")
    wall.stand(guarded)
    run("ip", "netns", "exec", there, "nft", "flush", "ruleset")
    wall.stand(guarded)
    assert rules(there) == ""
    wall.stand(guarded, again=True)
    assert TABLE in rules(there)


def test_where_there_is_no_nftables_a_list_is_not_just_left_out(
    guarded: Plan, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(BackendError, match="cannot be enforced: there is no nft: apt install"):
        Wall("a").stand(guarded)
    with pytest.raises(BackendError, match="cannot be enforced"):
        Wall("a", outside=True).stand(PLAN)
    Wall("a").stand(PLAN)
    assert "needs none" in caplog.text


def test_a_text_that_nftables_refuses_is_told(
    guarded: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("simulacra.overlay.mesh.wall.ruleset", lambda *_, **__: "nonsense\n")
    with pytest.raises(BackendError, match=r"nft says: .* syntax error"):
        Wall("a").stand(guarded)
