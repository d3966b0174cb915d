"""``demo``: three nodes on this machine, and a computation that moves, is killed, and is right.

``story`` tells what happens, ``stage`` has the hosts and types the commands, ``books`` makes the
files, and ``word_count`` is the computation, as a user would write it.
"""

from simulacra.cli.demo.story import demo

__all__ = ["demo"]
