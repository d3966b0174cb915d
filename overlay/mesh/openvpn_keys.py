"""What a host is known by in OpenVPN: a certificate that it made for itself, and shared keys.

There is no CA: a certificate counts by its fingerprint, which the inventory has. Private keys are
made here, are root's alone, and leave the host in one case: a shared key has to be on both sides.
"""

from __future__ import annotations

import datetime as dt
import secrets
import stat
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from simulacra.actors.private_files import replace_private
from simulacra.overlay.mesh.keyfile import PrivateKeyError
from simulacra.overlay.mesh.openvpn import Places

_BEGIN: Final = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
_END: Final = dt.datetime(2120, 1, 1, tzinfo=dt.UTC)
"""It is good for as long as its fingerprint is listed, whatever the clocks say."""
_SHARED_BYTES: Final = 256
_LINE: Final = 32


def places(state: Path) -> Places:
    """Where it all lies, below the helper's state folder."""
    folder = state / "openvpn"
    return Places(
        state / "openvpn.crt", state / "openvpn.key", folder / "clients", folder / "shared"
    )


def fingerprint(host: str, at: Places) -> str:
    """The SHA-256 of this host's certificate, which is made where there is none.

    Raises:
        PrivateKeyError: what lies there is none, or others may read the key.
        OSError: it cannot be written.
    """
    if not (at.certificate.exists() and at.key.exists()):
        _make(host, at)
    check_private(at.key)
    try:
        certificate = x509.load_pem_x509_certificate(at.certificate.read_bytes())
    except ValueError as error:
        raise PrivateKeyError(
            f"{at.certificate} holds no certificate; if it is lost: rm {at.certificate}"
        ) from error
    return certificate.fingerprint(hashes.SHA256()).hex(":").upper()


def shared_key(name: str, at: Places) -> str:
    """The key that a host of the old form shares with this relay, made where there is none.

    Raises:
        PrivateKeyError: others may read it.
        OSError: it cannot be written.
    """
    file = at.shared / f"{name}.key"
    if not file.exists():
        told = secrets.token_bytes(_SHARED_BYTES).hex()
        lines = [told[start : start + _LINE] for start in range(0, len(told), _LINE)]
        head, end = "-----BEGIN OpenVPN Static key V1-----", "-----END OpenVPN Static key V1-----"
        replace_private(file, "".join(f"{line}\n" for line in (head, *lines, end)))
    check_private(file)
    return file.read_text()


def check_private(file: Path) -> None:
    """Raise a PrivateKeyError if others may read a key."""
    if file.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise PrivateKeyError(f"{file} may be read by others: chmod 600 {file}")


def _make(host: str, at: Places) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(_BEGIN)
        .not_valid_after(_END)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    private = key.private_bytes(serialization.Encoding.PEM, form, plain)
    # The key first: a certificate without one is made anew with it.
    at.certificate.unlink(missing_ok=True)
    replace_private(at.key, private)
    replace_private(at.certificate, certificate.public_bytes(serialization.Encoding.PEM))
