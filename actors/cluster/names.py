"""Names: one namespace for hosts, trees, computations, devices and services, alike on every host.

=============  ====================================================================================
``name``       whatever has this name in the network
``name@host``  what has this name on one host; if nothing known there has it, an actor there
``tree:path``  a path in a tree, from its top
``host:path``  a path on a host; from the user's home unless it begins with ``/``
``/path``      a path on the host where it was asked; what lies in a tree's copy is the tree's
=============  ====================================================================================

Two things cannot get the same name while the network is whole. When two parts that named things
meet again, a host keeps its name before all else, then the thing that had the name first; the
others are called ``NAME-HOST`` after where they are, and are listed as renamed. That follows from
the records alone, so every host that has the same records answers the same.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePosixPath

from simulacra.actors.cluster.naming import LIMIT, Kind, NamingError, check_name


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """Where a thing is.

    Attributes:
        host: on which host.
        path: at which path there, for trees.
        complete: whether all of it is there.
    """

    host: str
    path: str = ""
    complete: bool = True


@dataclass(frozen=True, slots=True)
class Thing:
    """What has a name.

    Attributes:
        kind: what it is.
        name: the name that it was given.
        places: where it is, the one that counts (a tree's main store) first.
        since: what tells the earlier of two things that got one name, such as a clock's stamp.
    """

    kind: Kind
    name: str
    places: tuple[Place, ...]
    since: tuple[int | str, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """What a name stands for.

    Attributes:
        asked: what was asked for.
        kind: what it is; a path on a host is a ``path``.
        name: its name now.
        host: where it is, or where its main store is; empty while it is nowhere.
        path: the path in the tree, or on the host.
        places: all places where it is.
        why: how that follows, sentence by sentence.
    """

    asked: str
    kind: Kind
    name: str
    host: str
    path: str = ""
    places: tuple[Place, ...] = ()
    why: tuple[str, ...] = ()


@dataclass(frozen=True)
class Names:
    """All names of a network.

    Attributes:
        things: by their names now, in the order of names.
        renamed: the things that could not keep their names: what they are called now, and why.
    """

    things: Mapping[str, Thing]
    renamed: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, things: Iterable[Thing]) -> Names:
        """The names of these things; of two with one name see the module."""
        named: dict[str, Thing] = {}
        ordered = sorted(set(things), key=_precedence)
        for thing in ordered:
            named.setdefault(thing.name, thing)
        renamed: dict[str, str] = {}
        for thing in [each for each in ordered if named[each.name] is not each]:
            name = _other_name(thing, named)
            named[name] = thing
            renamed[name] = (
                f"a {thing.kind} was named {thing.name} in another part of the network; that name "
                f"is kept by the {named[thing.name].kind}"
            )
        return cls({name: named[name] for name in sorted(named)}, renamed)

    def check_free(self, name: str, kind: Kind, *, but: Collection[Kind] = ()) -> None:
        """Refuse a name for a new thing that cannot have it.

        Args:
            name: the name.
            kind: what is to have it.
            but: things of these kinds are passed over: whoever asks knows of them better.

        Raises:
            NamingError: it cannot be a name, or it is taken.
        """
        check_name(name, kind)
        holder = self.things.get(name)
        if holder is not None and holder.kind not in but:
            at = f" at {holder.places[0].host}" if holder.places and holder.kind != "host" else ""
            raise NamingError(
                "taken", f"{name} is the name of a {holder.kind}{at}: choose another name"
            )

    # -- resolving

    def resolve(self, asked: str, here: str) -> Found:
        """What a name stands for.

        Args:
            asked: one of the forms in the module.
            here: the host where it is asked; counts for bare paths only.

        Raises:
            NamingError: nothing has the name, or it is none; says what is meant perhaps.
        """
        if "\0" in asked:
            raise NamingError("invalid", f"{asked!r} has a NUL character, which no path has")
        if asked.startswith("/"):
            return self._bare_path(asked, here)
        head, colon, path = asked.partition(":")
        if colon:
            return self._path(asked, head, path)
        name, at, host = asked.partition("@")
        check_name(name)
        return self._on_host(asked, name, host) if at else self._anywhere(asked, name)

    def _anywhere(self, asked: str, name: str) -> Found:
        thing = self._thing(name)
        host = thing.places[0].host if thing.places else ""
        return Found(asked, thing.kind, name, host, "", thing.places, self._why(name, thing))

    def _on_host(self, asked: str, name: str, host: str) -> Found:
        self._host(host)
        thing = self.things.get(name)
        here = [place for place in thing.places if place.host == host] if thing else []
        if thing is not None and here and thing.kind != "host":
            why = self._why(name, thing)
            return Found(asked, thing.kind, name, host, "", tuple(here), why)
        why = (f"nothing that the network knows has the name {name} at {host}: an actor there may",)
        if thing is not None:
            why = (*why, *self._why(name, thing))
        return Found(asked, "actor", name, host, "", (Place(host),), why)

    def _path(self, asked: str, head: str, path: str) -> Found:
        check_name(head)
        thing = self._thing(head)
        if thing.kind == "host":
            start = "" if path.startswith("/") else ", from the home of its user"
            why = (f"{head} is a host, and the rest is a path there{start}",)
            return Found(asked, "path", head, head, path, (Place(head, path),), why)
        if thing.kind != "tree":
            raise NamingError(
                "invalid",
                f"{head} is a {thing.kind}, which has no paths: a path is of a tree or a host",
            )
        return self._in_tree(asked, head, thing, _inside(asked, path))

    def _in_tree(self, asked: str, name: str, tree: Thing, path: str) -> Found:
        places = tuple(
            Place(place.host, str(PurePosixPath(place.path, path)), place.complete)
            for place in tree.places
        )
        host = places[0].host if places else ""
        return Found(asked, "tree", name, host, path, places, self._why(name, tree))

    def _bare_path(self, asked: str, here: str) -> Found:
        path = PurePosixPath(asked)
        copies = [
            (len(place.path), name, thing, place)
            for name, thing in self.things.items()
            if thing.kind == "tree"
            for place in thing.places
            if place.host == here and place.path and path.is_relative_to(place.path)
        ]
        if not copies or ".." in path.parts:
            why = (f"a path on {here}, where it was asked; in no tree that is known there",)
            return Found(asked, "path", here, here, asked, (Place(here, asked),), why)
        _, name, tree, place = max(copies, key=lambda copy: copy[:2])
        found = self._in_tree(asked, name, tree, str(path.relative_to(place.path)))
        why = (f"on {here} it lies in {place.path}, where that host has the tree {name}",)
        return Found(asked, "tree", name, found.host, found.path, found.places, why + found.why)

    # -- in words

    def _thing(self, name: str) -> Thing:
        thing = self.things.get(name)
        if thing is None:
            raise NamingError("unknown", f"nothing is named {name}{self._meant(name)}")
        return thing

    def _host(self, name: str) -> None:
        check_name(name)
        thing = self.things.get(name)
        if thing is None or thing.kind != "host":
            hosts = {name for name, thing in self.things.items() if thing.kind == "host"}
            is_other = f"; {name} is a {thing.kind}" if thing is not None else ""
            raise NamingError(
                "unknown", f"no host is named {name}{is_other}{self._meant(name, hosts)}"
            )

    def _meant(self, name: str, among: Iterable[str] | None = None) -> str:
        known = sorted(self.things if among is None else among)
        close = get_close_matches(name, known, 3)
        return f"; did you mean {' or '.join(close)}?" if close else ""

    def _why(self, name: str, thing: Thing) -> tuple[str, ...]:
        why = [_told(name, thing)]
        if name in self.renamed:
            why.append(self.renamed[name])
        return tuple(why)


def _precedence(thing: Thing) -> tuple[object, ...]:
    # Texts and numbers in one stamp are compared by what they are as text, if they differ in kind.
    since = tuple((isinstance(part, str), part) for part in thing.since)
    return thing.kind != "host", since, thing.kind, thing.name, thing.places


def _other_name(thing: Thing, named: Mapping[str, Thing]) -> str:
    base = f"{thing.name}-{thing.places[0].host if thing.places else thing.kind}"
    name, number = base[:LIMIT], 1
    while name in named:
        number += 1
        name = f"{base[: LIMIT - 6]}-{number}"
    return name


def _inside(asked: str, path: str) -> str:
    """A path within a tree, from its top."""
    parts = PurePosixPath(path.lstrip("/")).parts
    if ".." in parts:
        raise NamingError("invalid", f"{asked!r} leads out of the tree: leave out the '..'")
    return "/".join(parts)


def _told(name: str, thing: Thing) -> str:
    hosts = ", ".join(place.host for place in thing.places)
    match thing.kind:
        case "host":
            return f"{name} is a host"
        case "tree" if thing.places:
            main, *others = thing.places
            complete = ", ".join(f"{each.host}:{each.path}" for each in others if each.complete)
            partly = ", ".join(f"{each.host}:{each.path}" for each in others if not each.complete)
            told = f"{name} is a tree; its main store is {main.host}:{main.path}"
            told += f"; it is complete at {complete} too" if complete else ""
            return told + (f"; in part at {partly}" if partly else "")
        case "device":
            return f"{name} is a device, held by {hosts or 'no host now'}"
        case _:
            return f"{name} is a {thing.kind}, at {hosts or 'no host now'}"
