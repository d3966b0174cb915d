"""Machines of OpenNebula, by its XML-RPC.

A machine is instantiated from a template of OpenNebula's own; ours names it, by number or name, as
its image. The size is cores and memory. Marks are attributes of the machine's user template.
"""

from __future__ import annotations

import base64
import re
import xmlrpc.client
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

import pyone
import requests
from pyone.server_xrpc import OneServerXRPC, RequestsTransport

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.credentials import Credentials
from simulacra.hosts.provision.cloud.drivers import PATIENCE
from simulacra.hosts.provision.cloud.errors import CloudError, without
from simulacra.hosts.provision.cloud.machines import Machine, Order, State, machine_of

_SIZE: Final = re.compile(r"([1-9][0-9]{0,3})x([1-9][0-9]{1,8})")
_MINE: Final = -3
_ALL: Final = -2
_NOT_DONE: Final = -1
_VM: Final = pyone.VM_STATE
_STATES: Final[Mapping[int, State]] = {
    _VM.INIT: State.STARTING,
    _VM.PENDING: State.STARTING,
    _VM.HOLD: State.STARTING,
    _VM.CLONING: State.STARTING,
    _VM.ACTIVE: State.RUNNING,
    _VM.STOPPED: State.STOPPED,
    _VM.SUSPENDED: State.STOPPED,
    _VM.POWEROFF: State.STOPPED,
    _VM.UNDEPLOYED: State.STOPPED,
    _VM.DONE: State.GOING,
}
_BOOTING: Final = frozenset(int(pyone.LCM_STATE[each]) for each in ("LCM_INIT", "PROLOG", "BOOT"))
_LEAVING: Final = frozenset(
    int(pyone.LCM_STATE[each]) for each in ("EPILOG", "SHUTDOWN", "CLEANUP_DELETE")
)


class _Transport(RequestsTransport):  # type: ignore[misc]
    """pyone's, with an end to its patience; pyone's own time-out would be every socket's here."""

    def request(self, host: str, handler: str, request_body: bytes, verbose: bool = False) -> Any:
        del verbose
        url = self._build_url(host, handler)
        answer = requests.post(
            url, data=request_body, headers=self.headers, verify=self.https_verify, timeout=PATIENCE
        )
        answer.raise_for_status()
        return self.parse_response(answer)


class OpenNebula:
    """See `Driver`; the template's endpoint is that of XML-RPC."""

    def __init__(self, name: str, template: Cloud, credentials: Credentials) -> None:
        if not template.endpoint:
            raise CloudError(
                f"the template {name} does not say where OpenNebula answers",
                "as in: endpoint = 'https://one.example:2633/RPC2'",
            )
        self._name = name
        self._secrets = credentials.secrets
        self._one = OneServerXRPC(
            template.endpoint, f"{credentials['ONE_USERNAME']}:{credentials['ONE_PASSWORD']}"
        )
        transport = _Transport()
        transport.set_https(template.endpoint.startswith("https"))
        transport.set_https_verify(True)
        self._one._ServerProxy__transport = transport  # noqa: SLF001

    def machines(self, network: str) -> Sequence[Machine]:
        """All of this user's that are marked as a network's."""
        with self._told("OpenNebula does not list its machines"):
            pool = self._one.vmpool.info(_MINE, -1, -1, _NOT_DONE)
            found = [self._machine(each, network) for each in pool.VM]
        return [each for each in found if each is not None and each.lives]

    def create(self, order: Order) -> Machine:
        """Instantiate the template."""
        extra = _extra(order)
        with self._told(f"OpenNebula does not make {order.host}"):
            number = self._one.template.instantiate(
                self._template_number(order.template.image),
                f"{order.network}-{order.host}",
                False,
                extra,
            )
        machine = machine_of(
            order.tags, order.network, id=str(number), cloud=self._name, state=State.STARTING,
            addresses=(),
        )  # fmt: skip
        assert machine is not None  # noqa: S101 (it has these tags)
        return machine

    def destroy(self, machine: Machine) -> None:
        """Terminate it at once."""
        with self._told(f"OpenNebula does not let go of {machine.host}"):
            try:
                self._one.vm.action("terminate-hard", int(machine.id))
            except pyone.OneNoExistsException:
                return

    def _template_number(self, image: str) -> int:
        if image.isdecimal():
            return int(image)
        pool = self._one.templatepool.info(_ALL, -1, -1)
        found = [int(each.ID) for each in pool.VMTEMPLATE if image == each.NAME]
        if len(found) != 1:
            raise CloudError(
                f"OpenNebula has {len(found) or 'no'} templates called {image}",
                "say its number: onetemplate list",
            )
        return found[0]

    def _machine(self, vm: Any, network: str) -> Machine | None:
        marks = dict(vm.USER_TEMPLATE)
        tags = {_tag(name): value for name, value in marks.items() if isinstance(name, str)}
        return machine_of(
            tags, network, id=str(vm.ID), cloud=self._name, state=_state(vm), addresses=_ips(vm)
        )

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        try:
            yield
        except pyone.OneAuthenticationException as error:
            text = without(str(error), self._secrets)
            raise CloudError(
                f"{what}: {text}", "are ONE_USERNAME and ONE_PASSWORD right?"
            ) from None
        except (pyone.OneException, OSError, xmlrpc.client.Error) as error:
            text = without(str(error), self._secrets)
            raise CloudError(f"{what}: {text or type(error).__name__}", "") from None


def _extra(order: Order) -> str:
    """What is said beside OpenNebula's template; what is in quotes here has none in it."""
    size = _SIZE.fullmatch(order.template.size)
    if size is None:
        raise CloudError(
            f"the size {order.template.size!r} is none of OpenNebula's",
            "write cores and MiB of memory: size = '2x4096'",
        )
    data = base64.b64encode(order.user_data.encode()).decode()
    context = ("NETWORK", "YES"), ("USER_DATA", data), ("USER_DATA_ENCODING", "base64")
    inner = ", ".join(f'{name}="{value}"' for name, value in context)
    values = {_attribute(tag): value for tag, value in order.tags.items()}
    values |= {"CPU": size[1], "VCPU": size[1], "MEMORY": size[2]}
    lines = [f'{name}="{value}"' for name, value in values.items()]
    return "\n".join([*lines, f"CONTEXT=[{inner}]"])


def _state(vm: Any) -> State:
    state, inner = int(vm.STATE), int(vm.LCM_STATE)
    if state == _VM.ACTIVE and inner in _LEAVING:
        return State.GOING
    if state == _VM.ACTIVE and inner in _BOOTING:
        return State.STARTING
    return _STATES.get(state, State.UNKNOWN)


def _ips(vm: Any) -> tuple[str, ...]:
    cards = dict(vm.TEMPLATE).get("NIC", [])
    several = cards if isinstance(cards, list) else [cards]
    return tuple(str(each["IP"]) for each in several if "IP" in each)


def _attribute(tag: str) -> str:
    return tag.upper().replace("-", "_")


def _tag(attribute: str) -> str:
    return attribute.lower().replace("_", "-")
