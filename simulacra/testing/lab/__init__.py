"""A lab of hosts out of namespaces: real sockets, real processes, real cables to pull.

Every host has a network, processes, a name and a home of its own, an sshd, and, if wanted, a node.
All traffic stays inside the lab; its addresses are 10.77.0.1 and up. Needs root and a few tools.
A lab leaves nothing behind, also where its program is killed.

Example::

    with Lab("laptop", "desk", "nas", nodes=True) as lab:
        laptop, desk, nas = lab
        laptop.run(["ping", "-c1", "nas"])
        lab.split(["laptop"], ["desk", "nas"])
        assert desk.json("status")["host"] == "desk"
        lab.heal()
"""

from simulacra.testing.lab.host import Host, HostProcess
from simulacra.testing.lab.lab import Lab, why_not
from simulacra.testing.lab.plan import LabError
from simulacra.testing.lab.running import RunningLab, attach, end

__all__ = ["Host", "HostProcess", "Lab", "LabError", "RunningLab", "attach", "end", "why_not"]
