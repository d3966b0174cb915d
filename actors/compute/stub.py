"""What a host answers for a party that is not here: it has moved on, or was never heard of.

A stub forwards only to a newer place, and a party's places only grow: so what is forwarded goes
round in no circle, whatever way the party went.
"""

from simulacra.actors.compute.letters import Moved, Packet, Parcel, Place, Send, Unknown


def forward(packet: Packet, place: Place) -> list[Send]:
    """Send a packet after the party that it is for, and tell who wrote where the party is.

    Args:
        packet: what came for a party that left this host, or was parked while it was frozen.
        place: where the party went, as far as this host knows.
    """
    sends = [Send(place.host, packet)]
    if isinstance(packet, Parcel):
        letter = packet.letter
        sends.append(Send(packet.home.host, Moved(letter.to, letter.sender, place)))
    return sends


def refuse(packet: Packet) -> list[Send]:
    """Say that this host knows nothing of the party that a packet is for."""
    if isinstance(packet, Parcel):
        letter = packet.letter
        return [Send(packet.home.host, Unknown(letter.to, letter.sender))]
    return []
