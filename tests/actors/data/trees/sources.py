"""Real source trees: of the Python that runs here, of PyPI, of Debian, and histories in git."""

from __future__ import annotations

import shutil
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.data.git.clones import ENVIRONMENT

_NO_SOURCE = shutil.ignore_patterns("__pycache__", "site-packages", "dist-packages", "*.a", "*.so*")
_SOURCES = "deb-src http://deb.debian.org/debian bookworm main\n"


def standard_library(into: Path) -> None:
    """The source of the standard library of this Python."""
    stdlib = sysconfig.get_path("stdlib")
    shutil.copytree(stdlib, into, symlinks=True, ignore=_NO_SOURCE, dirs_exist_ok=True)


def from_pypi(requirement: str, into: Path, scratch: Path) -> None:
    """The source distribution of a project on PyPI, as it was uploaded."""
    scratch.mkdir()
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:"]
    _download([*pip, "--dest", str(scratch), requirement], scratch)
    _unpack(scratch, into)


def from_debian(package: str, into: Path, scratch: Path) -> None:
    """What Debian's source package has of the upstream source; nothing of this machine changes."""
    (scratch / "lists" / "partial").mkdir(parents=True)
    (scratch / "sources").write_text(_SOURCES)
    options = {
        "Dir::Etc::sourcelist": scratch / "sources", "Dir::Etc::sourceparts": "-",
        "Dir::State::lists": scratch / "lists", "Dir::Cache": scratch,
        "APT::Sandbox::User": "root",
    }  # fmt: skip
    said = [f"-o{name}={value}" for name, value in options.items()]
    _download(["apt-get", "-qq", *said, "update"], scratch)
    _download(["apt-get", "-qq", *said, "source", "--download-only", package], scratch)
    _unpack(scratch, into)


def _download(command: list[str], scratch: Path) -> None:
    done = subprocess.run(
        command, cwd=scratch, capture_output=True, text=True, timeout=300, check=False
    )
    if done.returncode:
        pytest.skip(f"{command[0]} has it not: {done.stderr.strip().splitlines()[-1:]}")


def _unpack(scratch: Path, into: Path) -> None:
    archive = next(iter([*scratch.glob("*.orig.tar.*"), *scratch.glob("*.tar.gz")]))
    with tarfile.open(archive) as packed:
        packed.extractall(scratch / "unpacked", filter="tar")
    [source] = (scratch / "unpacked").iterdir()
    shutil.copytree(source, into, symlinks=True, dirs_exist_ok=True)


def made_history(at: Path, commits: int) -> None:
    """A repository with so many commits, a branch for each tenth, merges and tags."""
    at.mkdir(parents=True)
    for words in (["init", "-q", "-b", "main"], ["fast-import", "--quiet"]):
        stream = "".join(_history(commits)) if "fast-import" in words else ""
        subprocess.run(["git", *words], cwd=at, env=ENVIRONMENT, input=stream.encode(), check=True)
    subprocess.run(["git", "reset", "-q", "--hard"], cwd=at, env=ENVIRONMENT, check=True)


def _history(commits: int) -> Iterator[str]:
    for n in range(1, commits + 1):
        branch = f"topic/{n // 10}" if n % 10 in {7, 8} else "main"
        text = f"line of {n}\n" * (n % 17 + 1)
        yield f"commit refs/heads/{branch}\nmark :{n}\n"
        yield f"committer Ann <ann@example.org> {1_700_000_000 + 60 * n} +0000\n"
        yield f"data <<END\nchange {n}\nEND\n"
        if n > 1:
            yield f"from :{n - 3 if n % 10 == 9 else n - 1}\n"
        if n % 10 == 9:
            yield f"merge :{n - 1}\n"
        yield f"M 100644 inline src/part{n % 40}/file{n % 90}.txt\ndata <<END\n{text}END\n\n"
        if n % 50 == 0:
            yield f"tag v{n}\nfrom :{n}\n"
            yield f"tagger Ann <ann@example.org> {1_700_000_000 + 60 * n} +0000\n"
            yield f"data <<END\nversion {n}\nEND\n"
    yield f"reset refs/heads/old\nfrom :{commits // 2}\n\n"
