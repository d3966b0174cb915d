"""States what the figures were measured on: a ratio means little without it."""

import ctypes
import os
import platform
import re
import shutil
import subprocess
from importlib import metadata
from pathlib import Path

import zmq

_PACKAGES = ("pyzmq", "pykka", "xoscar", "thespian")
_PROGRAMS = (("rsync", "--version"), ("unison", "-version"), ("syncthing", "--version"))
_SECONDS = 20
_NUMBER = re.compile(r"\bv?(\d+\.[\w.-]+)")


def describe() -> str:
    """Returns CPU, cores, kernel, and the versions of everything that is compared."""
    hardware = f"{_cpu()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}"
    versions = [f"Python {platform.python_version()}", f"libzmq {zmq.zmq_version()}"]
    versions.append(f"libsodium {_libsodium()}")
    versions += [f"{name} {_version(name)}" for name in _PACKAGES]
    versions.append(f"OTP {_otp()}")
    versions += [f"{program} {_said(program, *tell)}" for program, *tell in _PROGRAMS]
    return f"{hardware}\n{', '.join(versions)}"


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _libsodium() -> str:
    """Asks the very library that pyzmq has loaded: wheels bring their own."""
    for line in Path("/proc/self/maps").read_text().splitlines():
        path = line.split(maxsplit=5)[-1]
        if Path(path).name.startswith("libsodium"):
            version = ctypes.CDLL(path).sodium_version_string
            version.restype = ctypes.c_char_p
            return str(version(), "ascii")
    return "linked into libzmq" if zmq.has("curve") else "missing"


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "missing"


def _otp() -> str:
    tell = "io:put_chars(erlang:system_info(otp_release)), halt()."
    return _answer("erl", "-noinput", "-eval", tell) or "missing"


def _said(program: str, *tell: str) -> str:
    """The first number with a point in it that a program says of itself."""
    found = _NUMBER.search(_answer(program, *tell))
    return found[1] if found else "missing"


def _answer(program: str, *tell: str) -> str:
    if not (path := shutil.which(program)):
        return ""
    done = subprocess.run(
        [path, *tell], capture_output=True, text=True, timeout=_SECONDS, check=True
    )
    return done.stdout.strip()
