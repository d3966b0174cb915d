"""Finds secrets in an inventory's text, in comments too: none may stand there.

A private key of WireGuard looks like a public one; it gives itself away where its public half
stands in the same file. What is found is never repeated in a message.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from typing import Final

from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from simulacra.hosts.inventory.lines import Lines
from simulacra.hosts.inventory.problems import Problem, shown

_Z85: Final = r"[0-9a-zA-Z.:+=^!/*?&<>()\[\]{}@%$#-]"
_FORMS: Final = {
    r"PRIVATE KEY-----": "a private key in PEM",
    r"OpenVPN Static key": "a shared key of OpenVPN",
    r"AGE-SECRET-KEY-1": "a secret key of age",
    r"PuTTY-User-Key-File": "a private key of PuTTY",
    r"private_?key\s*=\s*[\"']?[A-Za-z0-9+/]{43}=": "a private key of WireGuard",
    rf"secret(-key)?[\"']?[ =]+[\"']?{_Z85}{{40}}(?!{_Z85})": "a secret key of CURVE",
}
_PATTERNS: Final = [(re.compile(form, re.IGNORECASE), what) for form, what in _FORMS.items()]
_KEY: Final = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{43}=(?!=)")
_NAMES: Final = re.compile(
    r"(private|secret|preshared)[_-]?key|password|passphrase|secret|token", re.IGNORECASE
)

NOT_HERE: Final = "no secret stands in an inventory, which is committed and read by all hosts"


def is_secrets_name(name: str) -> bool:
    """Whether a key of TOML is called like what holds a secret."""
    return _NAMES.search(name) is not None


def find(text: str, lines: Lines) -> Iterator[Problem]:
    """Every secret that a file's text holds."""
    for number, line in enumerate(text.splitlines(), 1):
        at = () if line.lstrip().startswith("#") else lines.path(number)
        for pattern, what in _PATTERNS:
            if pattern.search(line):
                yield Problem(
                    at,
                    f"has {what}: {NOT_HERE}; make a new one and state its public half",
                    number,
                )
    yield from _private_halves(text, lines)


def _private_halves(text: str, lines: Lines) -> Iterator[Problem]:
    at = {
        base64.b64decode(key): number
        for number, line in enumerate(text.splitlines(), 1)
        for key in _KEY.findall(line)
    }
    for key, number in at.items():
        half = _public_half(key)
        if half in at:
            yield Problem(
                lines.path(number),
                f"is the private key whose public half is {shown(lines.path(at[half]))} "
                f"(line {at[half]}): {NOT_HERE}; make a new pair on that host",
                number,
            )


def _public_half(key: bytes) -> bytes:
    return X25519PrivateKey.from_private_bytes(key).public_key().public_bytes_raw()
