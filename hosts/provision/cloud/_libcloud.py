"""What the drivers by apache-libcloud have in common."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

from libcloud.common.types import InvalidCredsError, LibcloudError
from libcloud.compute.base import Node, NodeDriver, NodeImage, NodeSize
from libcloud.compute.types import NodeState

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.errors import CloudError, without
from simulacra.hosts.provision.cloud.machines import Machine, State, machine_of

_STATES: Final[Mapping[str, State]] = {
    NodeState.PENDING: State.STARTING,
    NodeState.STARTING: State.STARTING,
    NodeState.REBOOTING: State.RUNNING,
    NodeState.RUNNING: State.RUNNING,
    NodeState.STOPPED: State.STOPPED,
    NodeState.STOPPING: State.STOPPED,
    NodeState.SUSPENDED: State.STOPPED,
    NodeState.PAUSED: State.STOPPED,
    NodeState.TERMINATED: State.GOING,
}


def as_machine(node: Node, tags: Mapping[str, object], network: str, cloud: str) -> Machine | None:
    """A node of libcloud's, if it is of the network."""
    return machine_of(
        tags,
        network,
        id=str(node.id),
        cloud=cloud,
        state=_STATES.get(node.state, State.UNKNOWN),
        addresses=dict.fromkeys([*node.public_ips, *node.private_ips]),
    )


def image(template: Cloud, driver: NodeDriver) -> NodeImage:
    """The template's image; it is not looked up, which may be a list of thousands."""
    return NodeImage(template.image, template.image, driver)


def size(template: Cloud, driver: NodeDriver) -> NodeSize:
    """The template's size, likewise."""
    return NodeSize(template.size, template.size, 0, 0, 0, 0.0, driver)


def endpoint(template: Cloud) -> dict[str, Any]:
    """Where the cloud answers, as libcloud takes it; nothing where it knows that itself.

    Raises:
        CloudError: it is no URL.
    """
    if not template.endpoint:
        return {}
    url = urlsplit(template.endpoint)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise CloudError(
            f"{template.endpoint!r} is no endpoint", "as in: endpoint = 'https://cloud.example:443'"
        )
    secure = url.scheme == "https"
    return {"host": url.hostname, "port": url.port or (443 if secure else 80), "secure": secure}


def words(template: Cloud, option: str) -> list[str]:
    """An option that is a list, with commas between."""
    said = str(template.options.get(option, ""))
    return [each.strip() for each in said.split(",") if each.strip()]


@contextmanager
def told(what: str, secrets: Iterable[str]) -> Iterator[None]:
    """Have what fails be a `CloudError` in which no secret stands."""
    try:
        yield
    except InvalidCredsError as error:
        text = without(str(error.value), secrets)
        raise CloudError(
            f"{what}: the credentials are refused: {text}",
            "are they of this cloud, and still good?",
        ) from None
    except (LibcloudError, OSError, ValueError, KeyError) as error:
        text = without(str(error), secrets)
        raise CloudError(f"{what}: {type(error).__name__}: {text}", "") from None
    except Exception as error:
        # libcloud raises plain exceptions for what the cloud answers.
        if type(error) is Exception or type(error).__module__.startswith("libcloud"):
            raise CloudError(f"{what}: {without(str(error), secrets)}", "") from None
        raise
