"""Credentials of clouds: where they come from, and that they are shown nowhere."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulacra.hosts.inventory.schema import Cloud
from simulacra.hosts.provision.cloud.credentials import find
from simulacra.hosts.provision.cloud.errors import CloudError, without

ENVIRON = {"AWS_ACCESS_KEY_ID": "AKIA1", "AWS_SECRET_ACCESS_KEY": "hush", "OTHER": "x"}


def template(credentials: str = "", driver: str = "ec2") -> Cloud:
    return Cloud.model_validate(
        {"driver": driver, "image": "i", "size": "s", "credentials": credentials}
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "aws"
    file.write_text("# mine\nexport AWS_ACCESS_KEY_ID=AKIA2\n\nAWS_SECRET_ACCESS_KEY='quiet'\n")
    file.chmod(0o600)
    return file


def test_a_file_comes_before_the_environment(file: Path) -> None:
    assert dict(find(template(), ENVIRON)) == {
        name: value for name, value in ENVIRON.items() if name.startswith("AWS")
    }
    found = find(template(str(file)), {**ENVIRON, "AWS_SESSION_TOKEN": "brief"})
    assert found["AWS_ACCESS_KEY_ID"] == "AKIA2"
    assert found.secrets == ["quiet", "brief"]


def test_they_are_not_shown(file: Path) -> None:
    found = find(template(str(file)), {})
    assert "quiet" not in f"{found!r} {found}"
    assert without("denied: quiet", found.secrets) == "denied: ***"


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660])
def test_a_file_that_others_may_read_is_refused(file: Path, mode: int) -> None:
    file.chmod(mode)
    with pytest.raises(CloudError, match="others than you may read") as caught:
        find(template(str(file)), {})
    assert "chmod 600" in caught.value.hint


def test_what_is_missing_is_named(file: Path) -> None:
    with pytest.raises(CloudError, match="the environment does not say AWS_SECRET_ACCESS_KEY"):
        find(template(), {"AWS_ACCESS_KEY_ID": "AKIA"})
    with pytest.raises(CloudError, match="OS_USERNAME, OS_PASSWORD, OS_PROJECT_NAME"):
        find(template(str(file), "openstack"), {})
    assert dict(find(template(driver="dummy"), ENVIRON)) == {}


def test_a_file_that_is_none_is_refused_and_its_lines_are_not_shown(file: Path) -> None:
    file.write_text("hush hush\n")
    with pytest.raises(CloudError, match="not NAME=VALUE") as caught:
        find(template(str(file)), {})
    assert "hush" not in str(caught.value)
    with pytest.raises(CloudError, match="cannot be read"):
        find(template(str(file.parent / "none")), {})
