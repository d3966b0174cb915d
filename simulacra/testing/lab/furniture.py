"""What hosts of a lab find in their /etc and /run/lab: names, keys for ssh, settings of sshd."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from simulacra.testing.lab.plan import HOME, Plan, passwd

_HERE: Final = "/run/lab"

_SSH: Final = f"""\
Host *
  IdentityFile {_HERE}/key
  IdentitiesOnly yes
  UserKnownHostsFile {_HERE}/known_hosts
  GlobalKnownHostsFile /dev/null
  StrictHostKeyChecking yes
"""

_SSHD: Final = f"""\
AuthorizedKeysFile {_HERE}/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
PermitUserEnvironment yes
UsePAM no
PidFile /run/sshd.pid
Subsystem sftp internal-sftp
PrintMotd no
"""

# As pip makes it: a shell, or Python without -P, looks at the current directory first, and waits
# where that is on a dead mount.
_SIMULACRA: Final = """\
#!/usr/bin/env -S {} -P
from simulacra.cli.main import run

run()
"""


def furnish(plan: Plan, folder: Path, shared: dict[str, str], python: str) -> None:
    """Write it all below the lab's folder.

    Args:
        plan: the hosts.
        folder: the lab's.
        shared: what the environments of the hosts have in common.
        python: the Python that runs ``simulacra``.
    """
    etc = folder / "etc"
    (etc / "bin").mkdir(parents=True, mode=0o755)
    _write(folder / "hosts", plan.hosts_file())
    _write(folder / "passwd", passwd(Path("/etc/passwd").read_text()))
    _write(etc / "bin" / "simulacra", _SIMULACRA.format(shlex.quote(python)), 0o755)
    _make_key(etc / "key")
    # By whatever name or address one comes.
    known = (f"* {_make_key(etc / f'{host}.host_key')}" for host in plan.hosts)
    _write(etc / "known_hosts", "".join(known))
    for host in plan.hosts:
        own = f"HostKey {_HERE}/{host}.host_key\nListenAddress {plan.address(host)}\n"
        _write(etc / f"{host}.sshd", f"{_SSHD}{own}")
        _write(etc / f"{host}.ip", "".join(f"{line}\n" for line in plan.interface(host)))
        disk = folder / "disks" / host
        (disk / ".ssh").mkdir(parents=True, mode=0o700)
        _write(disk / ".ssh" / "config", _SSH, 0o600)
        tell_environ(disk, plan.environ(host, shared))
        _write(disk / ".hushlogin", "")
        _write(disk / ".bashrc", f"PS1='{host}:\\w# '\ncd {HOME}\n")


def tell_environ(disk: Path, environ: Mapping[str, str]) -> None:
    """Have commands that come by ssh from now on have this environment.

    Args:
        disk: the home of the host's root.
        environ: all of it; sshd reads it anew for each session.
    """
    _write(disk / ".ssh" / "environment", "".join(f"{n}={v}\n" for n, v in environ.items()))


def _write(file: Path, text: str, mode: int = 0o644) -> None:
    file.write_text(text)
    file.chmod(mode)


def _make_key(file: Path) -> str:
    """Make a pair of keys, and return the public one's line."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    public = key.public_key().public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    line = f"{public.decode()} lab\n"
    _write(file, private.decode(), 0o600)
    _write(file.with_name(f"{file.name}.pub"), line)
    return line
