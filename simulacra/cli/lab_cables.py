"""What is between a lab's hosts, cut, slowed, made to lose packets, unplugged, and healed."""

from __future__ import annotations

from simulacra.cli.labs import WHICH, Which, opened, show
from simulacra.cli.options import Duration
from simulacra.testing.lab.plan import parse_hosts
from simulacra.testing.lab.wiring import parse_share


def split(*parts: str, which: Which = WHICH) -> None:
    """Cut what is between parts of a lab, instead of what was cut before.

    A host may be in several parts; one that is in none sees all.

    For example:

    - `sudo simulacra lab split a,b c,d,e`

    Args:
        parts: The hosts of each part.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.split(*map(parse_hosts, parts))
        show(lab, which)


def heal(*, which: Which = WHICH) -> None:
    """Make all cables of a lab whole and fast.

    For example:

    - `sudo simulacra lab heal`

    Args:
        which: Which lab.
    """
    with opened(which) as lab:
        lab.heal()
        show(lab, which)


def cut(
    host: str, other: str | None = None, /, *, one_way: bool = False, which: Which = WHICH
) -> None:
    """Drop what two hosts send each other.

    For example:

    - `sudo simulacra lab cut a b`
    - `sudo simulacra lab cut a b --one-way`

    Args:
        host: One of them.
        other: The other; all others if left out.
        one_way: Drop only what the first sends.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.cut(host, other, one_way=one_way)
        show(lab, which)


def slow(
    host: str,
    other: str,
    rate: str = "",
    /,
    *,
    latency: Duration = 0.0,
    which: Which = WHICH,
) -> None:
    """Limit the rate between two hosts, and hold packets back, both ways.

    For example:

    - `sudo simulacra lab slow a b 10mbit`
    - `sudo simulacra lab slow a b 10mbit --latency 50ms`

    Args:
        host: One of them.
        other: The other.
        rate: The rate, as in 10mbit or 500kbit; no limit if left out.
        latency: How long a packet is held back, each way: a round trip takes twice as long.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.slow(host, other, rate=rate, latency=latency)
        show(lab, which)


def loss(host: str, other: str, share: str, /, *, which: Which = WHICH) -> None:
    """Lose some of the packets between two hosts, both ways.

    For example:

    - `sudo simulacra lab loss a b 5%`

    Args:
        host: One of them.
        other: The other.
        share: How many are lost: 5%.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.lose(host, other, share=parse_share(share))
        show(lab, which)


def unplug(host: str, /, *, which: Which = WHICH) -> None:
    """Pull a host's cable.

    For example:

    - `sudo simulacra lab unplug a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.unplug(host)
        show(lab, which)


def plug(host: str, /, *, which: Which = WHICH) -> None:
    """Put a host's cable back.

    For example:

    - `sudo simulacra lab plug a`

    Args:
        host: The host.
        which: Which lab.
    """
    with opened(which) as lab:
        lab.plug(host)
        show(lab, which)
