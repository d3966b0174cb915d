"""Runs a case: every contender started once, then sampled in turn, A B A B ...

Taking turns lets a slow spell of the machine fall on all of them; every other round goes
backwards, so that a steady drift favours none. The first round warms up and is not counted.
"""

from contextlib import ExitStack

from benchmarks.case import Case
from benchmarks.figures import Measured
from benchmarks.running import ContenderError, Running, no_orphans


def measure(case: Case, most_rounds: int | None = None) -> Measured:
    """Measures all contenders of `case` that can run here.

    Args:
        case: what to measure.
        most_rounds: a bound on the case's own number of counted rounds, for a quick look.
    """
    rounds = min(case.rounds, most_rounds or case.rounds)
    reasons: dict[str, str] = {}
    samples: dict[str, list[float]] = {}
    with no_orphans(), ExitStack() as stack:
        running = _start(case, stack, reasons)
        for number in range(rounds + 1):
            order = list(running) if number % 2 else list(reversed(running))
            for name in order:
                try:
                    sample = running[name].sample()
                except ContenderError as error:
                    reasons[name] = str(error)
                    del running[name]
                    samples.pop(name, None)
                    continue
                if number:
                    samples.setdefault(name, []).append(sample)
    return Measured(samples, reasons)


def _start(case: Case, stack: ExitStack, reasons: dict[str, str]) -> dict[str, Running]:
    running: dict[str, Running] = {}
    for contender in case.contenders:
        if reason := contender.provide():
            reasons[contender.name] = reason
            continue
        try:
            running[contender.name] = stack.enter_context(Running(contender))
        except ContenderError as error:
            reasons[contender.name] = str(error)
    return running
