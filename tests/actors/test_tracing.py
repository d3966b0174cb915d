"""The trace id of what a thread does."""

from __future__ import annotations

import threading

from simulacra.actors import tracing


def test_it_is_of_one_thread_and_ends_with_its_block() -> None:
    elsewhere = []
    with tracing.under("a"):
        with tracing.under("b"):
            assert tracing.current() == "b"
            thread = threading.Thread(target=lambda: elsewhere.append(tracing.current()))
            thread.start()
            thread.join()
        assert tracing.current() == "a"
    assert tracing.current() == ""
    assert elsewhere == [""]
