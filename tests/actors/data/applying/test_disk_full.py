"""A change for which there is no room is refused; others go on, and nothing half done is left."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path as FilePath

import pytest

SCRIPT = """
set -e
mount -t tmpfs -o size=1m,mode=755 none "$1"
"$2" - "$1" <<'END'
import sys, pathlib
from tests.actors.data.applying.changes import prepare
prepare(pathlib.Path(sys.argv[1]))
END
"$2" -m tests.actors.data.applying.changes "$1" fill
find "$1/tree" -name '.simulacra*'
echo --
cat "$1/tree/d/replaced" | head -c 11
if mount -o remount,ro "$1"; then
    "$2" - "$1" <<'END'
import sys
from simulacra.actors.data.applying.folders import Folders
from simulacra.actors.data.applying.permits import Permits
from simulacra.actors.data.applying.applier import Applier
from simulacra.actors.data.entries import Attributes
from simulacra.actors.data.applying.refusals import RefusedError
with Folders(sys.argv[1] + "/tree") as folders:
    applier = Applier(folders, Permits(":memory:"), print)
    try:
        applier.make_folder(b"x", Attributes(0o755))
    except RefusedError as error:
        print(error.reason.name)
END
fi
"""


@pytest.mark.lab
def test_a_full_disk_and_one_that_cannot_be_written(tmp_path: FilePath) -> None:
    command = ["unshare", "--mount", "sh", "-c", SCRIPT, "sh", str(tmp_path), sys.executable]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    refused, _, rest = done.stdout.partition("--\n")
    lines = refused.splitlines()
    assert 40 < len(lines) < 65  # sixteen of 64 KiB do not even fit
    assert all(line.startswith("FULL d/big") for line in lines[:-1])
    assert lines[-1] == "FULL d/replaced: No space left on device"
    assert rest == "old contentREAD_ONLY\n"
