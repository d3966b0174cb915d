"""Renting machines and letting them go, so that a host is one machine whatever fails on the way.

A host's machine is looked for by its tags before one is made; the order is written down before the
cloud is asked, with a token by which a cloud knows it again. Whoever is killed in between types the
same again: the machine that was made is found, or made for the first time.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

from simulacra.hosts.inventory.fields import NAME
from simulacra.hosts.inventory.schema import Cloud, Inventory
from simulacra.hosts.provision.cloud.drivers import Driver, Opener, open_driver
from simulacra.hosts.provision.cloud.errors import CloudError, TakenError
from simulacra.hosts.provision.cloud.machines import (
    GRACE,
    LAG,
    Machine,
    Order,
    Record,
    account,
    accounts,
    is_lost,
    orphans,
    the_one,
)
from simulacra.hosts.provision.cloud.records import Records
from simulacra.hosts.provision.cloud.user_data import user_data

_LOOK_AGAIN: Final = 2.0


@dataclass(frozen=True, slots=True)
class Rented:
    """A host's machine, and whether it was made just now."""

    machine: Machine
    is_new: bool


class Renting:
    """See the module.

    Args:
        inventory: the templates, and the hosts that are to be.
        records: what was rented here.
        open_cloud: opens a template's cloud.
        now: seconds since the epoch.
    """

    def __init__(
        self,
        inventory: Inventory,
        records: Records,
        open_cloud: Opener = open_driver,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._inventory, self._records = inventory, records
        self._open, self._now = open_cloud, now
        self._drivers: dict[tuple[str, ...], Driver] = {}

    # -- what there is

    def machines(self) -> list[Machine]:
        """All machines of the network, in all clouds of the inventory."""
        clouds = accounts(self._inventory.clouds)
        return [each for name in clouds for each in self._of(name)]

    def orphans(self, known: Collection[str] = (), grace: float | None = None) -> list[Machine]:
        """The machines that nobody knows any more.

        Args:
            known: hosts that are known beside those of the inventory and the records.
            grace: seconds that a machine may exist without being known; None for `GRACE`.
        """
        within = GRACE if grace is None else grace
        return orphans(self.machines(), self._known(known), self._now(), within)

    def _known(self, also: Collection[str]) -> set[str]:
        return {*self._inventory.hosts, *self._records.all(), *also}

    # -- renting

    def create(self, host: str, join: Callable[[], str], template: str | None = None) -> Rented:
        """Have a host's machine exist.

        Args:
            host: its name.
            join: makes an invitation, ``TOKEN@HOST``; called only if a machine is made.
            template: what it is made by, where the inventory does not say.
        """
        name, chosen = self._template(host, template)
        with self._records.locked():
            record = self._records.all().get(host)
            found = the_one(host, self._of(name))
            if found is not None:
                token = secrets.token_hex(16) if record is None else record.token
                since = found.since or self._now()
                self._records.put(host, Record(name, token, since, found.id))
                return Rented(found, is_new=False)
            if record is None or is_lost(record, self._now()):
                record = Record(name, secrets.token_hex(16), self._now())
            zone = self._zone(host)
            order = Order(
                host,
                self._inventory.network.name,
                chosen,
                user_data(host, zone, chosen, join()),
                record.token,
                record.asked,
            )
            self._records.put(host, replace(record, id=""))
            machine = self._made(name, order)
            self._records.put(host, replace(record, id=machine.id))
            return Rented(machine, is_new=True)

    def _made(self, name: str, order: Order) -> Machine:
        try:
            return self._driver(name).create(order)
        except TakenError:
            deadline = time.monotonic() + LAG
            while time.monotonic() < deadline:
                found = the_one(order.host, self._of(name))
                if found is not None:
                    return found
                time.sleep(_LOOK_AGAIN)
            raise

    def _template(self, host: str, said: str | None) -> tuple[str, Cloud]:
        listed = self._inventory.hosts.get(host)
        if listed is None and re.fullmatch(NAME, host) is None:
            raise CloudError(
                f"{host!r} is no name for a host, so that its node would never start",
                "use small letters, digits and hyphens, at most 63, as in worker1",
            )
        if listed is not None and listed.cloud is None:
            raise CloudError(
                f"{host} has no template: the inventory has it as a machine that is not rented",
                f"if it is, say so there, under [hosts.{host}]: cloud = 'NAME'",
            )
        name = said or (None if listed is None else listed.cloud)
        clouds = self._inventory.clouds
        if name is None or name not in clouds:
            there = ", ".join(clouds) or "none"
            wrong = f"{host} has no template" if name is None else f"there is no template {name}"
            raise CloudError(
                f"{wrong}; the inventory has: {there}",
                f"say one: simulacra cloud create {host} --template NAME, or in the inventory "
                f"under [hosts.{host}]: cloud = 'NAME'",
                missing=True,
            )
        return name, clouds[name]

    def _zone(self, host: str) -> str:
        listed = self._inventory.hosts.get(host)
        return "cloud" if listed is None else listed.zone

    # -- letting go

    def destroy(self, host: str) -> list[Machine]:
        """Let go of all machines that are a host; which those were."""
        with self._records.locked():
            found = [each for each in self.machines() if each.host == host]
            for each in found:
                self._driver(each.cloud).destroy(each)
            if not found and host not in self._records.all():
                raise CloudError(
                    f"no cloud has a machine that is {host}", "see: simulacra cloud list",
                    missing=True,
                )  # fmt: skip
            self._records.put(host, None)
            return found

    def reap(self, known: Collection[str] = (), grace: float | None = None) -> list[Machine]:
        """Let go of the orphans; which those were."""
        with self._records.locked():
            found = self.orphans(known, grace)
            for each in found:
                self._driver(each.cloud).destroy(each)
            return found

    # -- clouds

    def _of(self, name: str) -> Sequence[Machine]:
        return self._driver(name).machines(self._inventory.network.name)

    def _driver(self, name: str) -> Driver:
        """The driver for a template's account."""
        template = self._inventory.clouds[name]
        key = account(template)
        if key not in self._drivers:
            self._drivers[key] = self._open(name, template)
        return self._drivers[key]
