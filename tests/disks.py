"""Disks: one with little room, another one than that of the tests, one in memory, no Unix's."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest


@contextmanager
def small_disk(where: Path, size: str) -> Iterator[Path]:
    """A file system of its own, of a size as mount writes it; needs root."""
    where.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(where)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False).returncode != 0:
        pytest.skip("needs root, to mount a small disk")
    try:
        yield where
    finally:
        subprocess.run(["umount", str(where)], check=True)


@contextmanager
def other_disk(than: Path) -> Iterator[Path]:
    """A folder on another file system than this one's, where there is one to write to."""
    for memory in ("/dev/shm", "/var/tmp", "/run"):
        if os.access(memory, os.W_OK) and Path(memory).stat().st_dev != than.stat().st_dev:
            with tempfile.TemporaryDirectory(dir=memory) as folder:
                yield Path(folder)
            return
    pytest.skip("there is no second file system to write to")


@contextmanager
def exfat(where: Path) -> Iterator[Path]:
    """An exFAT: it folds names, and has no links, permissions, attributes, nor parts of seconds.

    Needs root, a loop device and exFAT in user space: few kernels have one that folds names.
    """
    image = where.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(64 << 20)
    with ExitStack() as stack:
        try:
            _run("mkfs.exfat", str(image))
            device = _run("losetup", "--find", "--show", str(image)).strip()
            stack.callback(_run, "losetup", "--detach", device)
            where.mkdir()
            _run("mount.exfat-fuse", device, str(where))
            stack.callback(_run, "umount", str(where))
        except (OSError, subprocess.CalledProcessError) as error:
            pytest.skip(f"no exFAT can be mounted here: {error}")
        yield where


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@contextmanager
def in_memory() -> Iterator[Path]:
    """A folder on a disk whose syncs cost nothing, where there is one; removed at the end."""
    memory = Path("/dev/shm")
    folder = Path(tempfile.mkdtemp(dir=memory if memory.is_dir() else None))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
