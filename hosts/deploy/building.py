"""Systems of hosts, built before anything is changed; or none of them is rolled out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.hosts.deploy.children import ChildError
from simulacra.hosts.deploy.nix import Nix
from simulacra.hosts.deploy.progress import Progress

_BUILDS: Final = 2


def build(nix: Nix, hosts: Sequence[str], logs: Path | None, progress: Progress) -> dict[str, str]:
    """Build the systems of hosts, and return their store paths.

    Raises:
        GatewayError: ``failed``: NixOps4 has no such member, or a system cannot be built.
    """
    wrong: dict[str, str] = {}

    def one(host: str) -> tuple[str, str]:
        progress.doing(host, "building")
        try:
            return host, nix.build(host, None if logs is None else logs / f"{host}.log")
        except ChildError as error:
            wrong[host] = str(error)
            return host, ""

    with ThreadPoolExecutor(_BUILDS, thread_name_prefix="build") as pool:
        members = pool.submit(nix.members)
        built = dict(pool.map(one, hosts))
        unknown = _unknown(members.result, hosts)
    if wrong or unknown:
        told = [f"{host}: {why}" for host, why in wrong.items()] + unknown
        raise GatewayError(
            ErrorCode.FAILED,
            "nothing was changed: not all systems can be had: " + "; ".join(told),
            "see it in full, in the folder of your flake: nix build "
            f".#nixosConfigurations.{next(iter(wrong), hosts[0])}.config.system.build.toplevel",
        )
    return built


def _unknown(members: Callable[[], Sequence[str]], hosts: Sequence[str]) -> list[str]:
    try:
        known = members()
    except ChildError as error:
        return [str(error)]
    missing = [host for host in hosts if host not in known]
    return [f"NixOps4 has no member {', '.join(missing)}"] if missing else []
