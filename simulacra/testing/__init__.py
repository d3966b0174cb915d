"""The testing kit: a virtual clock and a simulated network, for the project and for its users.

Code that decides purely (events and a time in, commands out) needs no thread, socket or sleep
to be tested. The kit gives it a time that moves only when told, and a network that delays,
loses, doubles, reorders, splits and heals as a seed says, so that a failure can be repeated.
"""

from simulacra.testing.clock import Timer, VirtualClock
from simulacra.testing.network import Link, Machine, SimulatedNetwork, SimulatedNode

__all__ = ["Link", "Machine", "SimulatedNetwork", "SimulatedNode", "Timer", "VirtualClock"]
