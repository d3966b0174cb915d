"""The directory as one host has it: what all origins said, as far as it came here.

1. Each origin has its log (`logbook`); merging is taking parts of logs, in any order, as often as
   they come. A part is verified first: a signature that is wrong, or an origin that was never let
   in, and nothing of the part is taken, so that it can come again from somebody else.
2. What counts under a key follows from the facts that are held (`fact_table`). What an origin may
   not say is held like all else, so that replicas agree; it is reported, and never counts.
3. What this host says is stamped after all that it believes under the key; so a host with a clock
   that is ahead can always be answered.
4. Who learns from others of facts of its own that it does not have was put back to an earlier
   state: it goes on in a new life.

Every change comes back as an `Outcome`: what to keep on disk, what to pass on, what to tell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import chain
from typing import Final

from simulacra.actors.cluster.clock import NEVER, Clock
from simulacra.actors.cluster.counting import Rules
from simulacra.actors.cluster.ed25519 import Signer
from simulacra.actors.cluster.fact_table import FactTable
from simulacra.actors.cluster.fact_texts import FactError
from simulacra.actors.cluster.facts import NO_EPOCH, Epoch, Fact, Form, Key, Origin, check_key
from simulacra.actors.cluster.logbook import Logbook
from simulacra.actors.cluster.origins import Log, Part
from simulacra.actors.cluster.outcomes import Outcome
from simulacra.actors.cluster.taking import FACTS_LIMIT, SIZE_LIMIT, why_not_take

_DOTS_LIMIT: Final = 64


class Replica:
    """See the module.

    Args:
        origin: this host, in this life.
        network: what signatures are for.
        signer: this host's signing key.
        rules: what facts are judged by.
        new_life: gives the number of a new life.
        logs: what was kept on disk.
        wall: milliseconds since the epoch, now.

    Attributes:
        origin: this host, in its present life.
        rules: what facts are judged by.
        logs: what all origins said.
        counting: the facts that count, always those of now.
    """

    def __init__(
        self,
        origin: Origin,
        network: str,
        signer: Signer,
        rules: Rules,
        *,
        new_life: Callable[[], int],
        logs: Iterable[Log] = (),
        wall: int = 0,
    ) -> None:
        self.origin = origin
        self.rules = rules
        self.logs: Final = Logbook(logs)
        self._network = network
        self._signer = signer
        self._new_life = new_life
        self._is_outdated = False
        self._clock = Clock()
        self._table = FactTable(rules)
        self.counting: Final = self._table.counting
        for fact in chain.from_iterable(self.logs):
            self._table.put(fact)
            self._clock.see(fact.stamp, wall)
        self._table.judge(wall)

    def recount(self, wall: int) -> Outcome:
        """Judge all facts anew: who is trusted has changed."""
        return Outcome(changes=self._table.judge(wall))

    # -- saying

    def say(
        self,
        key: Key,
        form: Form,
        text: str,
        wall: int,
        *,
        epoch: Epoch = NO_EPOCH,
        owner: Signer | None = None,
    ) -> Outcome:
        """Say something; nothing happens when it is so already.

        Args:
            key: what it is about.
            form: a value, that it is deleted, or that this host says nothing of it any more.
            text: the value, as JSON.
            wall: milliseconds since the epoch.
            epoch: the epoch of the focus, where that counts.
            owner: the owner that endorses it, where one has to.

        Raises:
            FactError: this host may not say it, or it would not count.
        """
        check_key(key)
        known = self._table.under(key)
        if self._is_said(key, form, text, epoch):
            return Outcome()
        if form is Form.DELETED:
            text = self._dots(known.values())
        before = self.origin
        origin = before._replace(life=self._new_life()) if self._is_outdated else before
        log = self.logs.of(origin)
        believed = [fact.stamp for fact in known.values() if self.rules.believes(fact)]
        latest = max(believed, default=NEVER)
        stamp = self._clock.stamp(wall, after=latest)
        fact = Fact(origin, log.n + 1, key, form, text, epoch, stamp)
        fact = self._signed(fact, owner)
        self._check_own(fact, log, wall)
        self.origin, self._is_outdated = origin, False
        outcome = Outcome()
        self._take(Part(origin, log.n, log.floor, (fact,)), outcome, wall)
        return outcome

    def withdraw(self, wall: int) -> Outcome:
        """Say that those of this host's values are gone that another's have taken the place of."""
        outcome = Outcome()
        for fact in list(self.logs.of(self.origin)):
            winner = self.counting.get(fact.key)
            if fact.is_value and winner != fact and self.rules.believes(fact):
                outcome.add(self.say(fact.key, Form.GONE, "null", wall))
        return outcome

    def _is_said(self, key: Key, form: Form, text: str, epoch: Epoch) -> bool:
        now = self.counting.get(key)
        own = self._table.under(key).get(self.origin)
        match form:
            case Form.VALUE:
                return now is not None and now == own and (now.text, now.epoch) == (text, epoch)
            case Form.DELETED:
                return now is None
            case Form.GONE:
                return own is None or own.form is Form.GONE

    def _dots(self, facts: Iterable[Fact]) -> str:
        """What a deletion is said of; who says it is not among them, as its own is replaced."""
        others = [fact for fact in facts if fact.origin != self.origin and fact.is_value]
        others.sort(key=lambda fact: fact.rank, reverse=True)
        dots = [[*fact.origin, fact.n] for fact in others[:_DOTS_LIMIT]]
        return json.dumps(dots, separators=(",", ":"))

    def _signed(self, fact: Fact, owner: Signer | None) -> Fact:
        def sign(signer: Signer) -> Callable[[bytes], bytes]:
            return lambda content: bytes.fromhex(signer.sign(content))

        endorsing = None if owner is None else (owner.key, sign(owner))
        return fact.signed(self._network, sign(self._signer), endorsing)

    def _check_own(self, fact: Fact, log: Log, wall: int) -> None:
        if fact.key.kind not in self.rules.kinds:
            known = ", ".join(sorted(self.rules.kinds))
            raise FactError(f"no facts are of kind {fact.key.kind!r}: there are {known}")
        problem = self.rules.why_not(fact)
        if problem is not None:
            raise FactError(problem)
        adds = fact.form is not Form.GONE and log.under(fact.key) is None
        if adds and (len(log) >= FACTS_LIMIT or log.size + fact.size > SIZE_LIMIT):
            raise FactError(
                f"{self.origin.host} has said {len(log):,} facts of {log.size:,} bytes, and "
                f"{FACTS_LIMIT:,} of {SIZE_LIMIT:,} are allowed: delete some first"
            )
        others = [each for each in self._table.under(fact.key).values() if each.form != Form.GONE]
        first = self.rules.counting([*others, fact], wall)
        if fact.is_value and first != fact and first is not None:
            raise FactError(
                f"{first.origin.host} holds {fact.key} under the later epoch {first.epoch.counter}"
            )

    # -- merging

    def merge(self, parts: Iterable[Part], wall: int) -> Outcome:
        """Take what others passed on."""
        outcome = Outcome()
        for part in parts:
            log = self.logs.of(part.origin)
            if log.is_before(part):
                outcome.gaps.append(part.origin)
                continue
            new = log.new_in(part)
            problem = why_not_take(part, log, new, self.rules.trust, self._network)
            if problem is not None:
                outcome.refused.append(problem)
            elif new:
                self._is_outdated = self._is_outdated or part.origin == self.origin
                self._take(part, outcome, wall)
        return outcome

    def _take(self, part: Part, outcome: Outcome, wall: int) -> None:
        before = self.logs.of(part.origin).floor
        taken = self.logs.take(part)
        for fact in taken.removed:
            self._table.forget(fact)
        for fact in taken.facts:
            self._table.put(fact)
            if self._clock.see(fact.stamp, wall):
                outcome.ahead.add(fact.origin.host)
            if (problem := self.rules.why_not(fact)) is not None:
                outcome.unauthorised.append((fact.origin.host, problem))
        floor = self.logs.of(part.origin).floor
        if floor != before:
            outcome.floors[part.origin] = floor
        outcome.facts += taken.facts
        outcome.removed += taken.removed
        outcome.news.append(part)
        keys = [fact.key for fact in [*taken.removed, *taken.facts]]
        outcome.changes += self._table.judge(wall, keys)

    # -- forgetting

    def tidy(self, wall: int) -> Outcome:
        """Drop deletions that are old and of which nothing is there that they name."""
        outcome = Outcome()
        keys = []
        for log in self.logs:
            deletions = [fact for fact in log if not fact.is_value]
            old = [fact for fact in deletions if self.rules.is_old(fact, wall)]
            keys += [fact.key for fact in old]
            for fact in old:
                if fact.n != log.n and self._is_done(fact):
                    log.drop(fact)
                    self._table.forget(fact)
                    outcome.removed.append(fact)
                    outcome.floors[log.origin] = log.floor
        outcome.changes = self._table.judge(wall, keys)
        return outcome

    def _is_done(self, deletion: Fact) -> bool:
        for origin, n in deletion.deletes:
            log = self.logs.of(origin)
            said = log.under(deletion.key)
            if log.n < n or (said is not None and said.n <= n):
                return False
        return True
