"""Installs the peers, or says why one is missing: `build/bench-venv` for Python's, apt for others.

Nothing is ever installed into an environment that is not the benchmark's own.
"""

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path

_ENVIRONMENT = "bench-venv"
_INSTALL_SECONDS = 600


def module(name: str) -> str | None:
    """Returns why the module `name` cannot be run, or None when it is there."""
    try:
        found = importlib.util.find_spec(name) is not None
    except ModuleNotFoundError:
        found = False
    return None if found else f"there is no module {name} yet"


def packages(requirements: tuple[str, ...]) -> str | None:
    """Installs the requirements that are missing; returns why one cannot be had, or None."""
    missing = [text for text in requirements if not _installed(text)]
    if not missing:
        return None
    names = " ".join(missing)
    if Path(sys.prefix).name != _ENVIRONMENT:
        return f"{names} is not installed; `make bench` installs it into build/{_ENVIRONMENT}"
    return _install([sys.executable, "-m", "pip", "install", "--quiet", *missing], names)


def erlang() -> str | None:
    """Installs Debian's erlang-base where there is no `erl` and we are root."""
    return debian("erl", "erlang-base")


def debian(program: str, package: str) -> str | None:
    """Installs a package of Debian's where its program is missing and we are root."""
    if shutil.which(program):
        return None
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        return f"{program} is not installed; `sudo apt-get install {package}` provides it"
    reason = _install(["apt-get", "update", "--quiet"], "Debian's package lists")
    command = ["apt-get", "install", "--quiet", "--yes", "--no-install-recommends", package]
    return reason or _install(command, package)


def _installed(requirement: str) -> bool:
    name = re.split(r"[<>=!~\[; ]", requirement, maxsplit=1)[0]
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _install(command: list[str], what: str) -> str | None:
    print(f"installing {what}", file=sys.stderr)
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"installing {what} took over {_INSTALL_SECONDS} s"
    if done.returncode == 0:
        importlib.invalidate_caches()
        return None
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    return f"installing {what} failed: {last}"
