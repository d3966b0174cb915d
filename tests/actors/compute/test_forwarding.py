"""The model that does not hold: stubs that forward, and nothing else.

It is kept so that the checks of the real protocol are known to be able to fail: the same network,
the same writing and the same moves must show losses and reordering here.
"""

from functools import partial

from simulacra.testing import Link, SimulatedNetwork, SimulatedNode


class Post:
    """A host that has the computation, or a stub for it, or neither."""

    def __init__(self) -> None:
        self.log: list[int] | None = None
        self.stub: str | None = None

    def step(self, event: int, now: float) -> list[int]:
        if self.log is None:
            return [event]
        self.log.append(event)
        return []

    def deadline(self) -> float | None:
        return None


class World:
    def __init__(self, seed: int, link: Link) -> None:
        self.posts: dict[str, Post] = {}
        self.network: SimulatedNetwork[int, int] = SimulatedNetwork(
            perform=self.forward, arrived=lambda _, number: int(number), tick=-1,
            seed=seed, link=link,
        )  # fmt: skip
        for name in "uabc":
            self.network.add(name, self.boot)
        self.posts["a"].log = []
        self.at = "a"

    def boot(self, node: SimulatedNode[int, int]) -> Post:
        return self.posts.setdefault(node.name, Post())

    def forward(self, node: SimulatedNode[int, int], number: int) -> None:
        stub = self.posts[node.name].stub
        if stub is not None:
            node.send(stub, number)

    def move(self, target: str) -> None:
        if target == self.at:
            return
        source = self.posts[self.at]
        self.posts[target].log, source.log = source.log, None
        self.posts[target].stub, source.stub = None, target
        self.at = target

    def play(self) -> list[int]:
        clock, random = self.network.clock, self.network.random
        for number in range(30):
            clock.call_at(number * 0.1, partial(self.network.nodes["u"].send, "a", number))
        for _ in range(random.randint(1, 6)):
            target = random.choice("abc")
            clock.call_at(random.uniform(0, 3), partial(self.move, target))
        clock.advance(20)
        log = self.posts[self.at].log
        assert log is not None
        return log


def test_forwarding_alone_reorders_without_any_loss_on_the_way() -> None:
    logs = [World(seed, Link(delay=(0.01, 0.2), fifo=True)).play() for seed in range(100)]
    assert any(log != sorted(log) for log in logs)


def test_forwarding_alone_loses_and_doubles_on_a_bad_network() -> None:
    link = Link(delay=(0.01, 0.2), loss=0.1, duplication=0.1)
    logs = [World(seed, link).play() for seed in range(100)]
    assert any(len(set(log)) < 30 for log in logs)
    assert any(len(set(log)) < len(log) for log in logs)
