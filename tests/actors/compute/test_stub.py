from simulacra.actors.compute.letters import Ack, Letter, Moved, Parcel, Place, Send, Unknown
from simulacra.actors.compute.stub import forward, refuse

THERE = Place(3, 0, "nas")
PARCEL = Parcel(Letter("u", "x", 1, "tell", "", "hi"), Place(0, 0, "desk"))
ACK = Ack("u", "x", 1, 1, 0, Place(0, 0, "desk"))


def test_a_letter_is_forwarded_and_its_sender_told() -> None:
    assert forward(PARCEL, THERE) == [Send("nas", PARCEL), Send("desk", Moved("x", "u", THERE))]


def test_other_packets_are_forwarded_only() -> None:
    assert forward(ACK, THERE) == [Send("nas", ACK)]


def test_a_letter_to_nobody_is_refused_and_nothing_else_is() -> None:
    assert refuse(PARCEL) == [Send("desk", Unknown("x", "u"))]
    assert refuse(ACK) == []
