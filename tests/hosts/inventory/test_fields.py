from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from simulacra.hosts.inventory import fields
from tests.hosts.inventory.samples import key

HEX = ":".join(["0a"] * 32)


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (fields.SshHost, "nas"),
        (fields.SshHost, "nas.lan"),
        (fields.SshHost, "192.168.1.9"),
        (fields.SshHost, "2001:db8::9"),
        (fields.SshHost, "fe80::9%eth0"),
        (fields.Endpoint, "nas.example.org:51820"),
        (fields.Endpoint, "[2001:db8::9]:51820"),
        (fields.Endpoint, "[2001:db8::9]"),
        (fields.Endpoint, "192.168.1.9"),
        (fields.PublicKey, key("nas")),
        (fields.Role, "*"),
        (fields.Ports, "udp/5000-5010"),
        (fields.Ports, "tcp/65535"),
    ],
)
def test_what_is_right_is_taken_as_it_is(field: Any, text: str) -> None:
    assert TypeAdapter(field).validate_python(text) == text


@pytest.mark.parametrize(
    ("field", "text", "taken"),
    [
        (fields.Mac, "02:00:5E:10:00:07", "02:00:5e:10:00:07"),
        (fields.Fingerprint, HEX, HEX.upper()),
    ],
)
def test_of_several_spellings_one_is_kept(field: Any, text: str, taken: str) -> None:
    assert TypeAdapter(field).validate_python(text) == taken


@pytest.mark.parametrize(
    ("field", "text"),
    [
        (fields.SshHost, "-oProxyCommand=x"),
        (fields.SshHost, "nas\n"),
        (fields.Endpoint, "nas:0"),
        (fields.Endpoint, "nas:65536"),
        (fields.Endpoint, "2001:db8::9"),
        (fields.Name, "nas\n"),
        (fields.Name, "-nas"),
        (fields.Name, "n" * 64),
        (fields.Port, 0),
        (fields.Lan, "192.168.1.1/24"),
        (fields.Lan, 24),
        (fields.Ports, "tcp/0"),
        (fields.Ports, "tcp/65536"),
        (fields.Ports, "udp/9-8"),
        (fields.User, "root -x"),
        (fields.SshKey, "ssh-ed25519 AAAA"),
    ],
)
def test_what_is_none_is_refused(field: Any, text: object) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(field).validate_python(text)
