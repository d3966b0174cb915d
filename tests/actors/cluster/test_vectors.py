from __future__ import annotations

from typing import Any

import pytest

from simulacra.actors.cluster import vectors
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import Key
from simulacra.actors.cluster.origins import Mark
from tests.actors.cluster.replicas import replicas, say

[HERE] = replicas("a")
OTHERS = {HERE.origin._replace(host=f"h{n}"): Mark(n + 1, n) for n in range(200)}


def test_only_the_buckets_that_differ_are_told() -> None:
    changed = {**OTHERS, HERE.origin: Mark(1, 1)}
    differing = vectors.differing(vectors.digest(OTHERS), vectors.digest(changed))
    assert differing == {vectors.bucket(HERE.origin)}
    told = vectors.within(changed, differing)
    assert HERE.origin in told
    assert len(told) < 20


@pytest.mark.parametrize("mark", [Mark(1, 2), Mark(2, 1)])
def test_any_difference_of_a_mark_is_seen(mark: Mark) -> None:
    digests = [vectors.digest({HERE.origin: each}) for each in (Mark(1, 1), mark)]
    assert vectors.differing(*digests)


def test_a_digest_of_another_form_differs_all_over() -> None:
    assert len(vectors.differing(vectors.digest({}), [])) == vectors.BUCKETS


def test_a_vector_travels_as_it_is() -> None:
    assert vectors.from_plain(vectors.to_plain(OTHERS)) == OTHERS


@pytest.mark.parametrize("data", [None, [1], [["a"]], [["a", "0" * 16, 1, "x", 2]]])
def test_what_is_no_vector_is_refused(data: Any) -> None:
    with pytest.raises(FactError):
        vectors.from_plain(data)


def test_batches_are_of_about_a_size() -> None:
    parts = [
        part for n in range(10) for part in say(HERE, Key("service", "", str(n)), "x" * 1000).news
    ]
    told = list(vectors.batches(parts, 3000))
    assert [part for batch in told for part in batch] == parts
    assert max(map(len, told)) == 2
    assert [len(batch) for batch in vectors.batches(parts[:2], 10)] == [1, 1]
