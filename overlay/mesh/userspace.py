"""WireGuard by wireguard-go: a process for each device, told what to do at its socket.

The processes outlive the helper that started them, so that a helper that is started anew breaks
nothing; they end when their device is removed. Their sockets lie in one folder, whatever network
namespace they run in.
"""

from __future__ import annotations

import errno
import os
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from simulacra.overlay.mesh import uapi
from simulacra.overlay.mesh.backends import BackendError, DeviceState, Settle
from simulacra.overlay.mesh.model import ModelError, check_device

PROGRAM: Final = "wireguard-go"
_FOLDER: Final = Path("/run/wireguard")
_PATIENCE: Final = 5.0
_LONGEST: Final = 16 << 20
"""Bytes that an answer may have: some hundred for each peer."""


class Userspace:
    """WireGuard beside the kernel.

    Args:
        folder: where the sockets are.
    """

    name = "userspace"

    def __init__(self, folder: Path = _FOLDER) -> None:
        self._folder = folder

    def devices(self) -> dict[str, DeviceState]:
        """The overlay's devices whose process answers."""
        found: dict[str, DeviceState] = {}
        for file in sorted(self._folder.glob("sim*.sock")):
            try:
                check_device(file.stem)
                found[file.stem] = uapi.parse(self._ask(file.stem, uapi.GET))
            except (ModelError, ConnectionRefusedError, FileNotFoundError):
                continue  # another's, or one whose process has ended
            except (OSError, uapi.UapiError) as error:
                raise BackendError(f"{file.stem} does not say how it is: {error}") from error
        return found

    def add(self, device: str) -> None:
        """Start a process that makes the device; it has it when it goes on in the background."""
        program = shutil.which(PROGRAM)
        if program is None:
            raise BackendError(
                f"this kernel has no WireGuard, and there is no {PROGRAM}: apt install {PROGRAM}"
            )
        environ = {
            "PATH": os.environ.get("PATH", ""),
            "LOG_LEVEL": "error",
            "WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD": "1",
        }
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            # What it says is thrown away: it goes on in the background and would hold a pipe open.
            subprocess.run(  # noqa: S603 (a device's checked name)
                [program, device],
                env=environ,
                check=True,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                timeout=_PATIENCE,
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise BackendError(
                f"{PROGRAM} cannot make {device}: {error}; see what it says: "
                f"{PROGRAM} --foreground {device}; does /dev/net/tun exist?"
            ) from error

    def configure(
        self,
        device: str,
        *,
        private: str | None = None,
        port: int | None = None,
        peers: Sequence[Settle] = (),
    ) -> None:
        """Tell a device its key, its port, its peers; what is not said stays."""
        try:
            uapi.check(self._ask(device, uapi.request(private=private, port=port, peers=peers)))
        except uapi.UapiError as error:
            taken = f": UDP port {port} is taken" if -error.errno == errno.EADDRINUSE else ""
            raise BackendError(f"{device} refuses what it is told{taken}: {error}") from error
        except OSError as error:
            raise BackendError(f"{device} cannot be told anything: {error}") from error

    def _ask(self, device: str, text: str) -> str:
        """Send a request and return the answer up to its empty line."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(_PATIENCE)
            connection.connect(str(self._folder / f"{device}.sock"))
            connection.sendall(text.encode())
            answer = bytearray()
            while not answer.endswith(b"\n\n"):
                piece = connection.recv(65536)
                if not piece or len(answer) > _LONGEST:
                    raise uapi.UapiError(f"the answer breaks off after {len(answer)} bytes")
                answer += piece
        return answer.decode("ascii", errors="replace")
