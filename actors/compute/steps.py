"""Where the loops of a computation are: the bookkeeping of ``ctx.steps``, without any I/O.

The rules (decided in docs/decisions/002, from scripts killed at random lines):

- A loop has a name. Its items are listed when it is first entered, and the list that was kept
  wins over the items given when the code runs again.
- The position is advanced after the body, so the body of the interrupted item runs again.
- A loop that was left, by its end, ``break`` or ``return``, is done and is skipped next time.
- A name inside a body belongs to that body's item: nested loops start afresh for each item.
- The same name twice in one place is refused, in the first run already: skipped or begun anew,
  either would give a wrong answer only after a crash.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Sized
from itertools import islice
from typing import Any, Final

DRAW_LIMIT: Final = 100_000


class NameReusedError(ValueError):
    """Two loops in the same place have the same name."""


class TooManyItemsError(ValueError):
    """A generator gave more items than may be kept as a list."""


class Loop:
    """One loop that is being run."""

    def __init__(self, loops: Loops, key: str, items: Sequence[Any], *, is_new: bool) -> None:
        """Only `Loops.enter` makes one."""
        self._loops = loops
        self._record = loops.records[key]
        self.key: Final = key
        self.items: Final = items
        self.is_new: Final = is_new

    @property
    def position(self) -> int:
        """Index of the item whose body runs or is next."""
        return int(self._record["at"])

    @property
    def has_next(self) -> bool:
        """Whether an item is left."""
        return self.position < len(self.items)

    def begin(self) -> Any:
        """The next item; names used from now on belong to its body."""
        self._loops.scope = f"{self.key}:{self.position}/"
        return self.items[self.position]

    def advance(self) -> None:
        """The body has ended: on to the next item."""
        self._record["at"] += 1
        self._loops.close_body(self.key)

    def leave(self) -> None:
        """The loop has ended, in whatever way: it is skipped when the code runs again."""
        self._loops.records[self.key] = {"done": True}
        self._loops.close_body(self.key)


class Loops:
    """All loops of a computation.

    Attributes:
        records: for each loop by its key ``outer:3/inner``, what a snapshot keeps of it.
        scope: the prefix of names in the body that runs now.
    """

    def __init__(self, records: dict[str, Any]) -> None:
        """Go on from ``records``, as a snapshot kept them."""
        self.records = records
        self.scope = ""
        self._used: set[str] = set()

    def enter(self, name: str, items: Iterable[Any]) -> Loop | None:
        """Enter a loop, anew or where it was; None if it is done.

        Raises:
            NameReusedError: the name was used in this place already.
            TooManyItemsError: a generator gave over `DRAW_LIMIT` items.
            ValueError: the name is empty or has one of ``/`` and ``:``.
        """
        if not name or set(name) & set("/:"):
            raise ValueError(f"ctx.steps({name!r}): a name is a word without / and :")
        key = self.scope + name
        if key in self._used:
            raise NameReusedError(
                f"ctx.steps({name!r}) is used twice in the same place. Put the loop around it in"
                f" ctx.steps too, or number the name: ctx.steps(f'{name}-{{n}}', ...)"
            )
        self._used.add(key)
        record = self.records.get(key)
        if record is not None and "done" in record:
            return None
        if record is None:
            self.records[key] = {"at": 0, **_keep(name, items)}
        return Loop(self, key, _listed(self.records[key]), is_new=record is None)

    def close_body(self, key: str) -> None:
        """Forget the loops inside the body of ``key``, and name loops beside it again."""
        inside = f"{key}:"
        self.records = {k: v for k, v in self.records.items() if not k.startswith(inside)}
        self._used = {k for k in self._used if not k.startswith(inside)}
        self.scope = key[: key.rfind("/") + 1]


def _keep(name: str, items: Iterable[Any]) -> dict[str, Any]:
    if isinstance(items, range):
        return {"range": [items.start, items.stop, items.step]}
    if isinstance(items, Sized):
        return {"items": list(items)}
    drawn = list(islice(items, DRAW_LIMIT + 1))
    if len(drawn) > DRAW_LIMIT:
        raise TooManyItemsError(
            f"ctx.steps({name!r}) was given a generator of over {DRAW_LIMIT} items, which must be"
            " kept as a list: give it batches, or loop with while and ctx.checkpoint()"
        )
    return {"items": drawn}


def _listed(record: dict[str, Any]) -> Sequence[Any]:
    items: Sequence[Any] = record.get("items", ())
    return range(*record["range"]) if "range" in record else items
