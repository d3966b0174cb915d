"""NAT routers in a lab: a host moves behind another one, which is its router from then on.

The router masquerades, and drops what it did not ask for before that leaves a trace, as routers at
home do: a trace would hold the very port that a punched hole needs. Both stay on one wire, where
the host has no address that the others know.
"""

from __future__ import annotations

from simulacra.testing.lab.machine import feed
from simulacra.testing.lab.plan import Plan
from simulacra.testing.lab.running import RunningLab

_RULES = """\
table ip lab_nat {{
  chain out {{
    type nat hook postrouting priority srcnat;
    ip saddr {inside}.0/24 ip daddr != {inside}.0/24 masquerade {how}
  }}
  chain unasked {{
    type filter hook input priority filter;
    meta l4proto udp ip saddr != {inside}.0/24 ct state new drop
  }}
  chain through {{
    type filter hook forward priority filter;
    ip daddr {inside}.0/24 ct state new drop
  }}
}}
"""


def put_behind(lab: RunningLab, host: str, router: str, *, symmetric: bool = False) -> str:
    """Put a host behind a router, which does nothing else; the host's address there.

    Args:
        lab: where they are.
        host: the host.
        router: another one.
        symmetric: have it take another port for each target, so that no hole can be punched.
    """
    plan = Plan((tuple(lab.hosts),))
    inside = f"192.168.{plan.number(host)}"
    settings = ("ip_forward=1", "conf.all.send_redirects=0", "conf.eth0.send_redirects=0")
    for each in settings:
        lab[router].run(["sysctl", "-q", "-w", f"net.ipv4.{each}"])
    lab[router].run(["ip", "-batch", "-"], input="\n".join([
        f"address add {inside}.1/24 dev eth0",
        f"neighbour replace {inside}.2 lladdr {plan.mac(host)} dev eth0 nud permanent",
    ]))  # fmt: skip
    rules = _RULES.format(inside=inside, how="random" if symmetric else "")
    feed(lab[router].command(["nft", "-f", "-"]), rules)
    lab[host].run(["ip", "-batch", "-"], input="\n".join([
        "address flush dev eth0",
        f"address add {inside}.2/24 dev eth0",
        f"neighbour replace {inside}.1 lladdr {plan.mac(router)} dev eth0 nud permanent",
        f"route add default via {inside}.1",
    ]))  # fmt: skip
    return f"{inside}.2"
