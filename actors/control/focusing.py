"""The focus and what hangs on it: who is master, what splits left, which services are to run."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

from simulacra.actors.cluster.desk import RefusedError
from simulacra.actors.cluster.entry_kinds import SUCCESSION
from simulacra.actors.cluster.focus import FOCUS, Describe
from simulacra.actors.cluster.focus_client import UnansweredError
from simulacra.actors.cluster.naming import shown
from simulacra.actors.cluster.needs import NeedsError
from simulacra.actors.cluster.service_spec import Service, ServiceError
from simulacra.actors.clustering import SERVICE_SETTING
from simulacra.actors.compute.service_master import SERVICE_MASTER, Shown, ShowServices
from simulacra.actors.compute.spec import Spec, SpecError
from simulacra.actors.control.network import refuse_outside
from simulacra.actors.control.new_names import check_free_to_run
from simulacra.actors.gateway.call import Call
from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.actors.runtime import ActorDeadError, AskTimeoutError

if TYPE_CHECKING:
    from simulacra.actors.node import Node

_PATIENCE: Final = 15.0
_NEWS: Final = 2.0
_PAUSE: Final = 0.005


class Focusing:
    """The verbs ``focus``, ``refocus``, ``succession``, ``splits``, ``service...``."""

    def __init__(self, node: Node) -> None:
        self._node = node

    # -- the focus

    def focus(self, call: Call) -> Iterator[object]:
        """Who is master, since when and why; who was before; who would be next."""
        del call
        yield self._described()

    def refocus(self, call: Call) -> Iterator[object]:
        """Make a host the master; answered when it is."""
        refuse_outside(self._node)
        host, began = call.arg("host", str), time.monotonic()
        self._node.neighbours.call(host)
        known = [self._node.settings.name, *self._node.neighbours.inside()]
        if host not in known:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"{shown(host)} is not in reach, so it cannot be master; in reach: "
                + ", ".join(sorted(known)),
                "see who is connected: simulacra status",
            )
        why = call.arg("why", str, "") or "the user said so"
        if self._described()["master"] != host:
            try:
                self._request("focus", host=host, why=why)
            except GatewayError:
                if self._described()["master"] != host:  # or it became so meanwhile
                    raise
            self._await_news(call, host)
        yield {**self._described(), "took": time.monotonic() - began}

    def _await_news(self, call: Call, host: str) -> None:
        """Wait until this host has heard of the change, which takes a moment."""
        deadline = time.monotonic() + _NEWS
        while self._node.cluster.focus.epoch.host != host and time.monotonic() < deadline:
            call.check()
            time.sleep(_PAUSE)

    def succession(self, call: Call) -> Iterator[object]:
        """Say who is to be master after the present one; an empty list leaves it to the rank."""
        refuse_outside(self._node)
        hosts = call.arg("hosts", list)
        known = self._node.knowing.addresses()
        for host in hosts:
            if host not in known:
                raise GatewayError(
                    ErrorCode.NOT_FOUND,
                    f"there is no host {shown(host)}; there are: {', '.join(sorted(known))}",
                    "see them: simulacra status",
                )
        self._request(SUCCESSION, hosts=hosts)
        yield self._described()

    def splits(self, call: Call) -> Iterator[object]:
        """What happened on each side of the splits that were healed, and how it was merged."""
        del call
        yield {"splits": self._described()["splits"]}

    def _described(self) -> dict[str, Any]:
        described: dict[str, Any] = self._node.system.ref(FOCUS).ask(Describe())
        master = described["master"]
        if master and not described["acting"]:
            described |= self._told_by(master)
        del described["settings"]
        cluster = self._node.cluster
        acting = cluster.focus.acting
        return {
            **described,
            "absent": cluster.absent(),
            "deputy": acting is not None and cluster.is_deputy(acting),
        }

    def _told_by(self, master: str) -> dict[str, Any]:
        """What only the master knows for certain; nothing if it does not say so at once."""
        try:
            told = self._node.system.ref(f"{FOCUS}@{master}").ask(Describe(), timeout=_NEWS)
        except (ActorDeadError, AskTimeoutError):
            return {}
        known = ("since", "why", "succession", "history", "splits")
        return {key: told[key] for key in known} if told["master"] == master else {}

    def _request(self, kind: str, **body: Any) -> Any:
        try:
            client = self._node.cluster.client
            return client.request(kind, body, secrets.token_hex(16), _PATIENCE).value
        except RefusedError as error:
            raise GatewayError(ErrorCode.FAILED, str(error), "see: simulacra focus") from error
        except UnansweredError as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"no master has answered: {error}",
                "see who is first and who is there: simulacra focus; simulacra status",
            ) from error

    # -- services

    def service_set(self, call: Call) -> Iterator[object]:
        """Have a service run from now on, or as it is told now."""
        refuse_outside(self._node)
        name, told = call.arg("name", str), call.arg("told", dict)
        try:
            Service.read(name, told)
            spec = Spec.from_plain(call.arg("spec", dict))
        except (ServiceError, NeedsError, SpecError) as error:
            raise GatewayError(
                ErrorCode.USAGE, str(error), "see: simulacra service --help"
            ) from error
        changed = name in self._node.cluster.wanted()
        check_free_to_run(self._node, name, "service")
        value = {"told": told, "spec": spec.to_plain()}
        self._request("set", key=SERVICE_SETTING + name, value=value)
        yield {"name": name, "changed": changed}

    def service_unset(self, call: Call) -> Iterator[object]:
        """Have a service run no more."""
        refuse_outside(self._node)
        name = call.arg("name", str)
        try:
            self._request("unset", key=SERVICE_SETTING + name)
        except GatewayError as error:
            if error.code is not ErrorCode.FAILED:
                raise
            raise GatewayError(
                ErrorCode.NOT_FOUND,
                f"there is no service {shown(name)}",
                "see what there is: simulacra service",
            ) from error
        yield {"name": name}

    def services(self, call: Call) -> Iterator[object]:
        """Which services there are, where they run, and why, as the master decided last."""
        del call
        refuse_outside(self._node)
        master = self._node.cluster.focus.epoch.host
        if not master:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                "there is no master yet: it is decided within seconds of the start",
                "try again in a moment: simulacra service",
            )
        try:
            shown: dict[str, Shown] = self._node.system.ref(f"{SERVICE_MASTER}@{master}").ask(
                ShowServices()
            )
        except (ActorDeadError, AskTimeoutError) as error:
            raise GatewayError(
                ErrorCode.UNREACHABLE,
                f"the master, {master}, does not say, or has only just begun: {error}",
                "try again in a moment; see who is first: simulacra focus",
            ) from error
        yield {
            "master": master,
            "services": [_service(name, shown[name]) for name in sorted(shown)],
        }


def _service(name: str, shown: Shown) -> dict[str, Any]:
    decision, problem = shown.decision, shown.problem
    reason = "" if decision is None else decision.reason
    return {
        "name": name,
        "told": dict(shown.told),
        "state": "unknown" if decision is None else decision.state,
        "hosts": [] if decision is None else list(decision.hosts),
        "reason": "; ".join(filter(None, (reason, problem))),
        "replicas": [
            {"host": host, "state": each.state, "why": each.why or None}
            for host, each in sorted(shown.replicas.items())
        ],
    }
