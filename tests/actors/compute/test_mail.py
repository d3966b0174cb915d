from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import msgpack
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simulacra.actors.compute import letters as m
from simulacra.actors.compute.mail import Endpoint
from simulacra.actors.compute.outbox import OutboxFullError
from simulacra.actors.compute.streams import Limits
from simulacra.testing import Link
from tests.actors.compute.postal import World
from tests.support import examples

LETTERS = 12
EXAMPLES = examples(15, many=200)

seconds = st.floats(min_value=0, max_value=8)


@dataclass(frozen=True)
class Move:
    when: float
    name: str
    target: str


@dataclass(frozen=True)
class Crash:
    when: float
    host: str
    back_after: float


@dataclass(frozen=True)
class Checkpoint:
    when: float
    name: str


names = st.sampled_from("xy")
hosts = st.sampled_from("abc")
moves = st.lists(st.builds(Move, seconds, names, hosts), max_size=6)
checkpoints = st.lists(st.builds(Checkpoint, seconds, names), max_size=6)
crashes = st.lists(
    st.builds(Crash, seconds, hosts, st.floats(min_value=0.01, max_value=3)),
    min_size=1,
    max_size=3,
)
links = st.builds(
    Link,
    delay=st.sampled_from([(0.001, 0.01), (0.01, 0.5), (0.0, 2.0)]),
    loss=st.sampled_from([0, 0.1, 0.4]),
    duplication=st.sampled_from([0, 0.3]),
    fifo=st.booleans(),
)


def play(seed: int, link: Link, happenings: list[Move | Crash | Checkpoint]) -> World:
    """Let u and v write to x and y for some seconds while things happen; then wait for rest."""
    world = World(seed, link)
    clock = world.network.clock
    for writer in "uv":
        for number in range(LETTERS):
            when = world.random.uniform(0, 8)
            clock.call_at(when, partial(write, world, writer, number))
    for happening in happenings:
        clock.call_at(happening.when, partial(happen, world, happening))
    clock.run_to(12)
    clock.run_until(lambda: at_rest(world), within=600)
    clock.advance(15)
    return world


def write(world: World, writer: str, number: int) -> None:
    for name in "xy":
        body = [writer, len(world.sent.setdefault((writer, name), []))]
        world.sent[writer, name].append(body)
        if number % 3 == 0:
            request = f"{writer}/{name}/{number}"
            world.asked.append(request)
            world.write(writer, m.Ask(name, body, request, None))
        else:
            world.write(writer, m.Tell(name, body))


def happen(world: World, happening: Move | Crash | Checkpoint) -> None:
    match happening:
        case Move(_, name, target):
            world.move(name, target)
        case Crash(_, host, back_after):
            world.crash(host, back_after)
        case Checkpoint(_, name):
            world.save(name)


def heard(world: World, name: str) -> list[int]:
    """The numbers that u heard from a computation."""
    return [number for _, number in world.party("u").log.get(name, [])]


def at_rest(world: World) -> bool:
    """Whether all hosts are up, as much as was written was consumed, and all asks are answered."""
    if not all(node.up for node in world.network.nodes.values()):
        return False
    parties = {name: world.party(name) for name in "xy"}
    return (
        all(len(parties[x].log.get(w, [])) >= len(sent) for (w, x), sent in world.sent.items())
        and all(world.answers.get(request) for request in world.asked)
        and all(all(party.answers.values()) for party in parties.values())
        and all(max(heard(world, x), default=0) >= parties[x].told for x in "xy")
    )


def check_exact(world: World) -> None:
    """Nothing to the computations was lost, doubled or reordered; each ask was answered once."""
    for (writer, name), sent in world.sent.items():
        assert world.party(name).log[writer] == sent
        assert world.party(writer).log.keys() <= {"x", "y"}
    assert world.answers.keys() == set(world.asked)
    for request, answers in world.answers.items():
        assert len(answers) == 1, (request, answers)
        assert answers[0][0] == "answer"
    for name in "xy":
        party = world.party(name)
        for request, given_answers in party.answers.items():
            assert given_answers == [["answer", request]]


def assert_alike(world: World, name: str) -> None:
    """What a computation wrote was heard once and in order."""
    assert heard(world, name) == list(range(1, world.party(name).told + 1))


def assert_gone_back_only(world: World, name: str) -> None:
    """What a computation wrote was heard in order, from some number on again after a crash."""
    numbers = [0, *heard(world, name)]
    assert set(numbers) >= set(range(world.party(name).told + 1))
    assert all(after <= before + 1 for before, after in pairwise(numbers))


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), links, moves, checkpoints)
def test_moves_lose_double_and_reorder_nothing(
    seed: int, link: Link, moves: list[Move], checkpoints: list[Checkpoint]
) -> None:
    world = play(seed, link, [*moves, *checkpoints])
    check_exact(world)
    for name in "xy":
        assert_alike(world, name)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.integers(0, 2**32), links, moves, checkpoints, crashes)
@example(  # x goes back past a whole life of y, and must hear of both of y's bases
    0,
    Link(delay=(0.01, 0.5)),
    [],
    [Checkpoint(4.0, "x"), Checkpoint(6.0, "y")],
    [Crash(4.0, "a", 1.0), Crash(6.0, "a", 1.0)],
)
def test_crashes_lose_and_double_nothing_in_the_state(
    seed: int, link: Link, moves: list[Move], checkpoints: list[Checkpoint], crashes: list[Crash]
) -> None:
    world = play(seed, link, [*moves, *checkpoints, *crashes])
    check_exact(world)
    for name in "xy":
        assert_gone_back_only(world, name)


U = m.Place(0, 0, "u")
A = m.Place(0, 0, "a")


def party(limits: Limits | None = None) -> Endpoint:
    """A party that has learned where x is."""
    endpoint = Endpoint("u", U, limits=limits)
    assert endpoint.step(m.Located("x", A), 0) == []
    return endpoint


def letter_to_x(n: int, kind: m.Kind = "tell", request: str = "") -> m.Arrived:
    return m.Arrived(m.Parcel(m.Letter("u", "x", n, kind, request, n), U))


def deliveries(commands: list[m.Command]) -> list[int]:
    return [command.letter.n for command in commands if isinstance(command, m.Deliver)]


def test_a_full_outbox_refuses_and_says_so() -> None:
    endpoint = party(Limits(outbox=2))
    endpoint.step(m.Tell("x", 1), 0)
    endpoint.step(m.Tell("x", 2), 0)
    with pytest.raises(OutboxFullError, match="has not taken 2 letters"):
        endpoint.step(m.Tell("x", 3), 0)


def test_an_unread_letter_too_many_is_not_acknowledged_until_there_is_room() -> None:
    endpoint = Endpoint("x", A, limits=Limits(unread=1))
    assert deliveries(endpoint.step(letter_to_x(1), 0)) == [1]
    ack = endpoint.step(letter_to_x(2), 0)[-1]
    assert isinstance(ack, m.Send)
    assert isinstance(ack.packet, m.Ack)
    assert ack.packet.received == 1
    assert deliveries(endpoint.step(m.Consumed(1), 0)) == [2]


def test_the_directory_is_asked_first_and_again_after_some_time_outs() -> None:
    endpoint = Endpoint("u", U)
    assert endpoint.step(m.Tell("x", 1), 0) == [m.Locate("x")]
    assert [type(c) for c in endpoint.step(m.Located("x", A), 0)] == [m.Send]
    asked = []
    for _ in range(3):
        due = endpoint.deadline()
        assert due is not None
        asked.append(m.Locate("x") in endpoint.step(m.Tick(), due))
    assert asked == [False, True, True]


def test_an_ask_runs_out_of_time_once_and_a_late_answer_is_dropped() -> None:
    endpoint = party()
    endpoint.step(m.Ask("x", "?", "r1", timeout=0.1), 0)
    assert endpoint.step(m.Tick(), 0.1) == [m.Failed("r1", "timeout")]
    late = m.Parcel(m.Letter("x", "u", 1, "answer", "r1", "!"), A)
    assert [type(c) for c in endpoint.step(m.Arrived(late), 0.2)] == [m.Send]


def test_an_ask_is_answered_once() -> None:
    endpoint = Endpoint("x", A)
    endpoint.step(letter_to_x(1, "ask", "r1"), 0)
    endpoint.step(m.Reply("u", "r1", "yes"), 0)
    with pytest.raises(LookupError, match="answer an ask once"):
        endpoint.step(m.Reply("u", "r1", "no"), 0)


def test_a_request_id_serves_one_ask() -> None:
    endpoint = party()
    endpoint.step(m.Ask("x", "?", "r1"), 0)
    with pytest.raises(ValueError, match="take a new id"):
        endpoint.step(m.Ask("x", "?", "r1"), 0)


def test_the_end_answers_open_asks_with_the_reason_and_later_letters_with_gone() -> None:
    endpoint = Endpoint("x", A)
    endpoint.step(letter_to_x(1, "ask", "r1"), 0)
    [answer] = endpoint.step(m.End("normal"), 0)
    assert answer == m.Send(
        "u", m.Parcel(m.Letter("x", "u", 1, "error", "r1", "normal"), A, ((0, 1),))
    )
    assert endpoint.step(letter_to_x(2), 0) == [m.Send("u", m.Gone("x", "u", 1, "normal"))]
    assert not endpoint.delivered
    endpoint.step(m.Arrived(m.Ack("u", "x", 1, 1, 0, U)), 0)
    assert endpoint.delivered
    with pytest.raises(ValueError, match="is ended"):
        endpoint.step(m.Ask("u", "more", "r2"), 0)
    endpoint.step(m.Tell("u", "written before, and addressed only now"), 0)
    assert not endpoint.delivered


def test_gone_fails_what_was_not_received_and_leaves_the_rest_to_its_answer() -> None:
    endpoint = party()
    endpoint.step(m.Ask("x", "?", "r1"), 0)
    endpoint.step(m.Ask("x", "?", "r2"), 0)
    endpoint.step(m.Tell("x", "hi"), 0)
    lost = endpoint.step(m.Arrived(m.Gone("x", "u", 1, "normal")), 0)
    assert lost == [
        m.Undelivered(m.Letter("u", "x", 3, "tell", "", "hi"), "normal"),
        m.Failed("r2", "normal"),
    ]
    answer = m.Parcel(m.Letter("x", "u", 1, "error", "r1", "normal"), A)
    assert m.Answered("r1", "normal", failed=True) in endpoint.step(m.Arrived(answer), 0)
    again = endpoint.step(m.Tell("x", "still there?"), 0)
    assert [c.packet.letter.n for c in again if isinstance(c, m.Send)] == [4]  # type: ignore[union-attr]


def test_a_party_that_is_not_found_fails_everything() -> None:
    endpoint = Endpoint("u", U)
    endpoint.step(m.Ask("x", "?", "r1"), 0)
    assert endpoint.step(m.NotFound("x"), 0) == [m.Failed("r1", "noproc")]
    assert endpoint.deadline() is None


def test_a_frozen_party_parks_within_a_bound_and_takes_it_when_it_goes_on() -> None:
    endpoint = Endpoint("x", A, limits=Limits(parked=2))
    endpoint.step(m.Freeze(), 0)
    for n in (1, 2, 3):
        assert endpoint.step(letter_to_x(n), 0) == []
    assert endpoint.deadline() is None
    assert deliveries(endpoint.step(m.Thaw(A), 0)) == [1, 2]
    assert endpoint.parked == []


def test_a_durable_party_settles_what_is_on_disk_and_asks_to_be_saved() -> None:
    endpoint = Endpoint("x", A, durable=True, limits=Limits(outbox=4))
    [_, first] = endpoint.step(letter_to_x(1), 0)
    assert first == m.Send("u", m.Ack("x", "u", 1, 0, 0, A))
    assert m.CheckpointDue() in endpoint.step(letter_to_x(2), 0)
    mark = endpoint.snapshot(0)["in"]["mark"]
    assert endpoint.step(m.Saved(mark), 0) == [m.Send("u", m.Ack("x", "u", 2, 2, 0, A))]


def test_a_snapshot_is_plain_data_and_holds_all_of_it() -> None:
    endpoint = Endpoint("x", A)
    endpoint.step(letter_to_x(1, "ask", "r1"), 0)
    endpoint.step(letter_to_x(3), 0)
    endpoint.step(m.Ask("u", "?", "r9", timeout=3), 1)
    packed = msgpack.packb(endpoint.snapshot(2))
    again = Endpoint.restore(msgpack.unpackb(packed), now=100)
    with pytest.raises(ValueError, match="at a newer place"):
        again.step(m.Thaw(A), 100)
    there = m.Place(1, 0, "b")
    commands = again.step(m.Thaw(there), 100)
    assert deliveries(commands) == [1]
    assert m.Send("u", m.Ack("x", "u", 1, 1, 0, there, resend=True)) in commands
    assert deliveries(again.step(letter_to_x(2), 100)) == [2, 3]
    again.step(m.Reply("u", "r1", "yes"), 100)
    assert again.step(m.Tick(), 102)[-1:] == [m.Failed("r9", "timeout")]


def test_a_snapshot_of_another_version_is_refused() -> None:
    snapshot = Endpoint("x", A).snapshot(0) | {"version": 99}
    with pytest.raises(ValueError, match="saved as version 99"):
        Endpoint.restore(snapshot, now=0)
