"""What a service is to be, read once at the door: every error names the field that is wrong.

=============  ====================================================================================
``needs``      what a host and the network must have, see `needs`; nothing by default
``replicas``   how many, 1 by default; ``each-zone`` for one in every zone
``spread``     ``zone``: replicas keep to different zones, and run on both sides of a split
``on_split``   what a service without a spread does in a split: ``run-in-both``,
               ``run-with-master`` (the default) or ``stop``
=============  ====================================================================================
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeVar, get_args

from simulacra.actors.cluster.needs import Need, parse_needs
from simulacra.actors.cluster.records import is_host_name

EACH_ZONE: Final = 0
"""As the number of replicas: one in every zone."""

REPLICAS_LIMIT: Final = 1000

Spread = Literal["none", "zone"]
OnSplit = Literal["run-in-both", "run-with-master", "stop"]

_FIELDS: Final = ("needs", "replicas", "spread", "on_split")

_Choice = TypeVar("_Choice", bound=str)


class ServiceError(ValueError):
    """A service is wrong.

    Attributes:
        field: the field that is wrong.
    """

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Service:
    """What is to run, as the user wants it.

    Attributes:
        name: its name, one label of DNS.
        needs: what a host and the network must have.
        replicas: how many; `EACH_ZONE` for one in every zone.
        spread: whether replicas keep to different zones.
        on_split: what a service without a spread does when the network is split.
    """

    name: str
    needs: tuple[Need, ...] = ()
    replicas: int = 1
    spread: Spread = "none"
    on_split: OnSplit = "run-with-master"

    @property
    def is_spread(self) -> bool:
        """Whether it runs on both sides of a split by its nature."""
        return self.spread == "zone" or self.replicas == EACH_ZONE

    @classmethod
    def read(cls, name: str, told: Mapping[str, Any]) -> Service:
        """A service as the user or the directory tells it.

        Raises:
            ServiceError: a field is wrong; says which and what would do.
            NeedsError: a need is wrong; says which and where in it.
        """
        if not is_host_name(name):
            raise ServiceError("name", "a name has 1 to 63 small letters, digits and hyphens")
        for field in told:
            if field not in _FIELDS:
                raise ServiceError(field, f"a service has no such field{_meant(field, _FIELDS)}")
        return cls(
            name,
            _needs(told.get("needs", ())),
            _replicas(told.get("replicas", 1)),
            _choice("spread", told.get("spread", "none"), get_args(Spread)),
            _choice("on_split", told.get("on_split", "run-with-master"), get_args(OnSplit)),
        )

    def told(self) -> dict[str, Any]:
        """As plain data that `read` takes."""
        return {
            "needs": [need.text for need in self.needs],
            "replicas": "each-zone" if self.replicas == EACH_ZONE else self.replicas,
            "spread": self.spread,
            "on_split": self.on_split,
        }


def _needs(told: Any) -> tuple[Need, ...]:
    if isinstance(told, str):
        return parse_needs(told)
    if not (isinstance(told, list | tuple) and all(isinstance(each, str) for each in told)):
        raise ServiceError("needs", "a text, or a list of texts, as in ['kvm', 'memory>=8G']")
    return parse_needs(told)


def _replicas(told: Any) -> int:
    if told == "each-zone":
        return EACH_ZONE
    if type(told) is not int or not 1 <= told <= REPLICAS_LIMIT:
        raise ServiceError("replicas", f"a number from 1 to {REPLICAS_LIMIT}, or 'each-zone'")
    return told


def _choice(field: str, told: Any, choices: tuple[_Choice, ...]) -> _Choice:
    for choice in choices:
        if told == choice:
            return choice
    meant = _meant(told, choices) if isinstance(told, str) else ""
    raise ServiceError(field, f"{told!r} is none of {', '.join(choices)}{meant}")


def _meant(word: str, known: tuple[str, ...]) -> str:
    close = get_close_matches(word.replace("_", "-") if "-" in known[0] else word, known, 1)
    return f"; did you mean {close[0]}?" if close else f"; known are {', '.join(known)}"
