"""Credit never runs out for good, and bounds what is under way."""

from __future__ import annotations

from collections import deque

from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.runtime.credit import ReceiverCredit, SenderCredit, Window


@given(
    st.integers(1, 10),
    st.integers(1, 100),
    st.lists(st.integers(1, 150), min_size=1, max_size=100),
)
def test_all_mail_gets_through_and_the_window_holds(
    messages: int, size: int, mail: list[int]
) -> None:
    window = Window(messages, size)
    sender, receiver = SenderCredit(window), ReceiverCredit(window)
    under_way: deque[int] = deque()
    left = deque(mail)
    while left or under_way:
        if left and sender.take(left[0]):
            under_way.append(left.popleft())
        else:
            assert under_way, "the sender waits, and nothing is under way"
            one = under_way.popleft()
            grant = receiver.handed_over(1, one)
            if grant is not None:
                assert sender.grant(*grant)
        assert sender.messages <= messages
        assert sender.size < size + max(mail)


def test_a_grant_of_what_was_never_taken_is_found_out() -> None:
    sender = SenderCredit(Window())
    sender.take(10)
    assert not sender.grant(2, 10)
    assert not sender.grant(1, 11)
    assert sender.grant(1, 10)


def test_grants_are_few() -> None:
    receiver = ReceiverCredit(Window(100, 10_000))
    grants = [receiver.handed_over(1, 10) for _ in range(200)]
    assert [grant for grant in grants if grant] == [(50, 500)] * 4
