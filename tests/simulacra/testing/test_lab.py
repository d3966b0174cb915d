from __future__ import annotations

import pytest

from simulacra.testing.lab import Lab, LabError

pytestmark = pytest.mark.lab


def test_a_host_without_a_name_of_the_lab_is_refused() -> None:
    with Lab("laptop") as lab, pytest.raises(LabError, match="no host 'nas'"):
        lab["nas"]
