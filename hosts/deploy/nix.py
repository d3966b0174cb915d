"""What a deploy has Nix and NixOps4 do: build systems, copy them, switch to them, compare them.

All of it is run in the folder of the user's flake, where ``nixosConfigurations.HOST`` is a host's
system and ``nixops4`` the root that has each host as a member of that name.
"""

from __future__ import annotations

import json
import shlex
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from simulacra.actors.gateway.frames import ErrorCode, GatewayError
from simulacra.hosts.deploy.children import ChildError, Children
from simulacra.hosts.deploy.ssh import Connections

_FEATURES: Final = ("--extra-experimental-features", "nix-command flakes")
_BUILD: Final = 4 * 3600.0
_COPY: Final = 2 * 3600.0
_EVALUATE: Final = 1800.0
_COMPARE: Final = 300.0
STORE: Final = "/nix/store/"


class Nix:
    """Nix and NixOps4, in the folder of a flake."""

    def __init__(self, flake: Path, children: Children) -> None:
        """Begin.

        Args:
            flake: the folder.
            children: what runs them.
        """
        self._flake, self._children = flake, children

    def build(self, host: str, log: Path | None = None) -> str:
        """Build a host's system and return its store path.

        Raises:
            ChildError: it does not evaluate or build; the text has the end of what was said.
        """
        words = ["nix", "build", *_FEATURES, "--no-link", "--json", _system(host)]
        said = self._run(words, _BUILD, log)
        try:
            return _store_path(json.loads(said)[0]["outputs"]["out"])
        except (ValueError, LookupError, TypeError) as error:
            raise ChildError(f"nix build says no store path: {said[:200]!r}") from error

    def evaluate(self, host: str) -> str:
        """Return the store path that a host's system would have, without building it.

        Raises:
            ChildError: it does not evaluate.
        """
        said = self._run(["nix", "eval", *_FEATURES, "--raw", _system(host)], _EVALUATE, None)
        return _store_path(said.strip())

    def copy(self, host: str, system: str, by: Connections, log: Path | None = None) -> None:
        """Copy a system to a host, so that switching to it takes no time.

        Raises:
            ChildError: it cannot be copied.
        """
        to = f"ssh-ng://{by.target(host)}"
        words = ["nix", "copy", *_FEATURES, "--no-check-sigs", "--substitute-on-destination"]
        env = {"NIX_SSHOPTS": " ".join(by.options(host))}
        self._run([*words, "--to", to, system], _COPY, log, env)

    def apply(self, host: str, timeout: float, log: Path | None = None) -> None:
        """Have NixOps4 roll a host out.

        Raises:
            ChildError: it failed.
        """
        self._run(["nixops4", "apply", "--no-interactive", host], timeout, log)

    def members(self) -> tuple[str, ...]:
        """Return the members of the flake's NixOps4 root.

        Raises:
            ChildError: it does not evaluate.
        """
        said = self._run(["nixops4", "members", "list", "--no-interactive"], _EVALUATE, None)
        return tuple(said.split())

    def _run(
        self,
        words: Sequence[str],
        timeout: float,
        log: Path | None,
        env: dict[str, str] | None = None,
    ) -> str:
        return self._children.output(words, timeout=timeout, cwd=self._flake, log=log, env=env)


def difference(host: str, old: str, new: str, by: Connections) -> list[str]:
    """Return what changes between two systems, as the host's Nix says: a line a package.

    Raises:
        ChildError: the host's Nix cannot say.
    """
    words = ["nix", "store", "diff-closures", *_FEATURES, old, new]
    done = by.run(host, shlex.join(words), timeout=_COMPARE)
    if done.code:
        raise ChildError(f"nix store diff-closures ended with {done.code} there: {done.said}")
    return [line for line in done.out.splitlines() if line.strip()]


def check_tools(*tools: str) -> None:
    """Refuse where a program is missing.

    Raises:
        GatewayError: ``failed``.
    """
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        raise GatewayError(
            ErrorCode.FAILED,
            f"a deploy needs {' and '.join(missing)}, not found on the PATH",
            "in the folder of your flake: nix run .#deploy, which brings them along",
        )


def _system(host: str) -> str:
    return f".#nixosConfigurations.{host}.config.system.build.toplevel"


def _store_path(text: object) -> str:
    if not isinstance(text, str) or not text.startswith(STORE):
        raise ChildError(f"nix says no store path: {text!r}")
    return text
