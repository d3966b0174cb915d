"""What `splits` says."""

from __future__ import annotations

from collections.abc import Iterator

from simulacra.actors.gateway.call import Call

from .conftest import Run, Serve


def test_that_nothing_was_merged_is_not_said_to_be_no_split(run: Run, serve: Serve) -> None:
    def splits(_: Call) -> Iterator[object]:
        yield {"splits": []}

    serve({"splits": splits})
    ended = run("splits")
    assert (ended.code, ended.stdout) == (0, "")
    assert "of which the other side had changed anything" in ended.stderr
    assert "simulacra events" in ended.stderr
    assert run("splits", "--json").json() == {"splits": []}
