from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulacra.actors.cluster.names import Found, Names, Place, Thing
from simulacra.actors.cluster.naming import Kind, NamingError

HOSTS = [Thing("host", name, (Place(name),)) for name in ("desk", "laptop", "nas")]
PHOTOS = Thing(
    "tree",
    "photos",
    (
        Place("nas", "/srv/photos"),
        Place("desk", "/home/u/photos"),
        Place("laptop", "/home/u/photos", complete=False),
    ),
)
COUNT = Thing("computation", "count", (Place("desk"),))
WEB = Thing("service", "web", (Place("desk"), Place("nas")))
PRINTER = Thing("device", "printer", (Place("nas"),))
IDLE = Thing("computation", "idle", ())
NAMES = Names.of([*HOSTS, PHOTOS, COUNT, WEB, PRINTER, IDLE])


def found(asked: str, here: str = "laptop") -> Found:
    return NAMES.resolve(asked, here)


@pytest.mark.parametrize(
    ("asked", "kind", "name", "host", "path"),
    [
        ("nas", "host", "nas", "nas", ""),
        ("count", "computation", "count", "desk", ""),
        ("idle", "computation", "idle", "", ""),
        ("printer", "device", "printer", "nas", ""),
        ("web", "service", "web", "desk", ""),
        ("photos", "tree", "photos", "nas", ""),
        ("count@desk", "computation", "count", "desk", ""),
        ("web@nas", "service", "web", "nas", ""),
        ("shop@nas", "actor", "shop", "nas", ""),
        ("count@nas", "actor", "count", "nas", ""),
        ("photos:2024/a.jpg", "tree", "photos", "nas", "2024/a.jpg"),
        ("photos:/2024//./a.jpg", "tree", "photos", "nas", "2024/a.jpg"),
        ("photos:", "tree", "photos", "nas", ""),
        ("nas:/etc/hosts", "path", "nas", "nas", "/etc/hosts"),
        ("nas:notes: new.txt", "path", "nas", "nas", "notes: new.txt"),
        ("/etc/hosts", "path", "laptop", "laptop", "/etc/hosts"),
        ("/home/u/photos/2024", "tree", "photos", "nas", "2024"),
        ("/home/u/photos/../x", "path", "laptop", "laptop", "/home/u/photos/../x"),
        ("/home/u/photos2", "path", "laptop", "laptop", "/home/u/photos2"),
    ],
)
def test_what_names_stand_for(asked: str, kind: Kind, name: str, host: str, path: str) -> None:
    answer = found(asked)
    assert (answer.kind, answer.name, answer.host, answer.path) == (kind, name, host, path)
    assert (answer.asked, bool(answer.why)) == (asked, True)


def test_all_places_are_told_with_the_path_at_each() -> None:
    assert found("photos:2024").places == (
        Place("nas", "/srv/photos/2024"),
        Place("desk", "/home/u/photos/2024"),
        Place("laptop", "/home/u/photos/2024", complete=False),
    )
    assert found("web").places == (Place("desk"), Place("nas"))
    assert found("web@nas").places == (Place("nas"),)


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        (
            "photos",
            "its main store is nas:/srv/photos; it is complete at desk:/home/u/photos too; in part",
        ),
        ("printer", "printer is a device, held by nas"),
        ("idle", "idle is a computation, at no host now"),
        ("nas", "nas is a host"),
        ("nas:x", "nas is a host, and the rest is a path there, from the home of its user"),
        ("count@nas", "nothing that the network knows has the name count at nas: an actor there"),
        ("count@nas", "count is a computation, at desk"),
        ("/etc", "a path on laptop, where it was asked"),
        ("/home/u/photos/a", "on laptop it lies in /home/u/photos, where that host has the tree"),
    ],
)
def test_the_answer_explains_itself(asked: str, why: str) -> None:
    assert any(why in each for each in found(asked).why)


@pytest.mark.parametrize(
    ("asked", "code", "message"),
    [
        ("cuont", "unknown", "did you mean count?"),
        ("zzz", "unknown", "nothing is named zzz"),
        ("nsa:/etc", "unknown", "did you mean nas?"),
        ("count@dsk", "unknown", "did you mean desk?"),
        ("count@photos", "unknown", "photos is a tree"),
        ("count:/x", "invalid", "which has no paths"),
        ("photos:../secret", "invalid", "out of the tree"),
        ("photos:a\0b", "invalid", "NUL"),
        ("", "invalid", "it is empty"),
        ("@nas", "invalid", "it is empty"),
        ("count@", "invalid", "it is empty"),
        (":/x", "invalid", "it is empty"),
        ("a b", "invalid", "character 2 is a space"),
        ("a@b@c", "invalid", "'@' separates"),
        ("a/b", "invalid", "'/' separates"),
    ],
)
def test_what_is_nobodys_name_is_told(asked: str, code: str, message: str) -> None:
    with pytest.raises(NamingError) as caught:
        found(asked)
    assert caught.value.code == code
    assert message in str(caught.value)


@pytest.mark.parametrize("kind", ["tree", "host", "computation"])
def test_no_thing_takes_the_name_of_another(kind: Kind) -> None:
    with pytest.raises(NamingError, match="nas is the name of a host: choose another"):
        NAMES.check_free("nas", kind)
    with pytest.raises(NamingError, match="photos is the name of a tree at nas"):
        NAMES.check_free("photos", kind)
    NAMES.check_free("free", kind)
    NAMES.check_free("photos", kind, but=("tree", "service"))


def test_when_parts_meet_hosts_and_who_was_first_keep_their_names() -> None:
    later = Thing("tree", "docs", (Place("nas", "/docs"),), (20, 0, "nas"))
    first = Thing("computation", "docs", (Place("desk"),), (10, 5, "desk"))
    tree = Thing("tree", "laptop", (Place("nas", "/laptop"),), (1,))
    laptop = Thing("host", "laptop", (Place("laptop"),), (30,))
    names = Names.of([later, tree, laptop, first])
    assert names.resolve("docs", "nas").kind == "computation"
    assert names.resolve("docs-nas:a", "nas").places == (Place("nas", "/docs/a"),)
    assert names.resolve("laptop", "nas").kind == "host"
    assert names.resolve("laptop-nas", "nas").kind == "tree"
    assert sorted(names.renamed) == ["docs-nas", "laptop-nas"]
    assert "that name is kept by the computation" in names.resolve("docs-nas", "nas").why[1]


def test_however_many_clash_and_however_long_their_names_each_has_one() -> None:
    long = "x" * 63
    clashing = [Thing("tree", long, (Place("nas", f"/{n}"),), (n,)) for n in range(5)]
    names = Names.of(clashing)
    assert len(names.things) == 5
    for name in names.things:
        assert names.resolve(name, "nas").kind == "tree"


places = st.builds(Place, st.sampled_from(["a", "b"]), st.sampled_from(["/x", "/y"]), st.booleans())
things = st.lists(
    st.builds(
        Thing,
        st.sampled_from(["host", "tree", "computation"]),
        st.sampled_from(["a", "b", "a-a", "t"]),
        st.lists(places, max_size=2).map(tuple),
        st.tuples(st.integers(0, 2)) | st.tuples(st.sampled_from(["m", "n"])),
    ),
    max_size=7,
)


@given(things, st.randoms(use_true_random=False), st.sampled_from(["a", "b"]))
def test_the_same_records_give_the_same_answers(
    known: list[Thing], random: object, here: str
) -> None:
    mixed = [*known, *known]
    random.shuffle(mixed)  # type: ignore[attr-defined]
    names, other = Names.of(known), Names.of(mixed)
    assert names == other
    assert list(names.things) == list(other.things)
    assert set(names.things.values()) == set(known)
    for thing in known:
        alone = [each for each in set(known) if each.name == thing.name] == [thing]
        assert not alone or names.things[thing.name] == thing
    for name in names.things:
        assert names.resolve(name, here) == other.resolve(name, here)
        assert names.resolve(name, "a") == names.resolve(name, "b")


@given(st.text(max_size=80) | st.text("anspo@:/. \0", max_size=20))
def test_any_text_is_answered_or_refused(asked: str) -> None:
    try:
        answer = found(asked)
    except NamingError:
        return
    assert answer.asked == asked
    assert answer.why
