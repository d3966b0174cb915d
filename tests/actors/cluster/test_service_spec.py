from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.needs import NeedsError, parse_needs
from simulacra.actors.cluster.service_spec import EACH_ZONE, Service, ServiceError

SAMPLES: list[dict[str, Any]] = [
    {},
    {"needs": "kvm, memory>=8G"},
    {"needs": ["kvm", "port:80"], "replicas": 3, "spread": "zone"},
    {"replicas": "each-zone"},
    {"on_split": "stop"},
]


@pytest.mark.parametrize("told", SAMPLES)
def test_a_service_is_told_and_read_back(told: dict[str, Any]) -> None:
    service = Service.read("web", told)
    assert Service.read("web", service.told()) == service


def test_what_is_not_said_has_a_default() -> None:
    service = Service.read("web", {})
    assert (service.needs, service.replicas, service.is_spread) == ((), 1, False)
    assert service.on_split == "run-with-master"
    each = Service.read("web", {"replicas": "each-zone", "needs": "kvm"})
    assert (each.replicas, each.is_spread, each.needs) == (EACH_ZONE, True, parse_needs("kvm"))


@pytest.mark.parametrize(
    ("name", "told", "field", "message"),
    [
        ("My Web", {}, "name", "small letters"),
        ("web", {"need": "kvm"}, "need", "did you mean needs?"),
        ("web", {"colour": 1}, "colour", "known are needs, replicas"),
        ("web", {"needs": 4}, "needs", "list of texts"),
        ("web", {"needs": [4]}, "needs", "list of texts"),
        ("web", {"replicas": 0}, "replicas", "from 1 to 1000"),
        ("web", {"replicas": True}, "replicas", "each-zone"),
        ("web", {"replicas": "3"}, "replicas", "each-zone"),
        ("web", {"spread": "zones"}, "spread", "did you mean zone?"),
        ("web", {"on_split": "run_in_both"}, "on_split", "did you mean run-in-both?"),
        ("web", {"on_split": None}, "on_split", "none of run-in-both, run-with-master, stop"),
    ],
)
def test_errors_name_the_field(name: str, told: dict[str, Any], field: str, message: str) -> None:
    with pytest.raises(ServiceError) as caught:
        Service.read(name, told)
    assert caught.value.field == field
    assert message in str(caught.value)


def test_a_wrong_need_is_told_with_its_place() -> None:
    with pytest.raises(NeedsError, match="character 6"):
        Service.read("web", {"needs": "kvm, memry>=1G"})


@given(st.dictionaries(st.sampled_from(["needs", "replicas", "spread"]), st.none() | st.text()))
def test_anything_else_is_refused(told: dict[str, Any]) -> None:
    try:
        service = Service.read("web", told)
    except (ServiceError, NeedsError):
        return
    assert service.told().keys() >= told.keys()
