"""The index of the search: it finds what a scan finds, forgets what is removed, and is only derived."""

import random
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from itertools import count
from pathlib import Path

import pytest

from syncchat.core.ids import format_id, page_name, parse_doc, parse_id
from syncchat.search import MAX_HITS, BadQuery, Change, Found, Index, IndexDamaged, Query, SearchFailed, parse
from syncchat.search.index import PART
from syncchat.search.tags import first_place, place_of
from tests.files import holding

WORDS = (
    "cake",
    "Kuchen",
    "café",
    "CAFE",
    "cellar",
    "x",
    "a-b",
    "don't",
    "https://example.org/cake",
    "👍",
    "ß",
)
USERS = ("ada", "Bob", "zoe_9")
ROOMS = ("lobby", "team-a", "Team-A", "cellar")

Texts = dict[tuple[str, str], str]
"""By page and id."""


@asynccontextmanager
async def filled(texts: Mapping[str, str], doc: str = "lobby/0") -> AsyncIterator[Index]:
    async with Index() as index:
        await index.apply([Change(doc, 1, texts)])
        yield index


async def find(index: Index, text: str, **more: object) -> list[str]:
    return ids(await index.search(parse(text), **more))  # type: ignore[arg-type]  # its own names


def ids(found: Found) -> list[str]:
    return [hit.id for hit in found.hits]


def message(time: int, user: str = "ada", rand: int = 0) -> str:
    return format_id(time, user, rand)


# The language


SAID = {
    message(1): "The cake is in the cellar",
    message(2): "A café, über alles; the CELLAR",
    message(3, "bob"): "see https://example.org/Cake?x=1",
    message(4): "cakes\nand more cakes",
    message(5): "in the cellar is the cake",
}


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("text", "times"),
    [
        ("cake", [5, 3, 1]),
        ("CAKE cellar", [5, 1]),
        ('"the cake"', [5, 1]),
        ('"cellar is the cake"', [5]),
        ("cafe", [2]),
        ("uber", [2]),
        ("cake*", [5, 4, 3, 1]),
        ("cake author:BOB", [3]),
        ("has:link", [3]),
        ("example.org", [3]),
        ("cake room:lobby", [5, 3, 1]),
        ("cake room:LOBBY author:ada", [5, 1]),
        ("cake room:other", []),
        ("after:1970-01-01T00:00:00.002", [5, 4, 3, 2]),
        ("before:1970-01-01T00:00:00.002", [1]),
        ("cake before:1970-01-01T00:00:00.005 after:1970-01-01T00:00:00.002", [3]),
        ("after:9999-12-31", []),
        ("all", []),
        ("link", []),
        ("NOT", []),
        ("text:", []),
        ('"cake OR"', []),
        ("𞤀", []),
        ("cake 𞤀", []),
    ],
)
async def test_H8_words_phrases_and_operators_find_what_they_say(text: str, times: list[int]) -> None:
    async with filled(SAID) as index:
        assert [parse_id(id).hlc for id in await find(index, text)] == times


@pytest.mark.anyio
async def test_H8_a_hit_tells_where_it_is_and_marks_what_was_searched_for() -> None:
    long = " ".join(["before"] * 100 + ["the\x02 cake\x03"] + ["after"] * 100)
    async with filled({message(7, "bob"): long}, "team-a/12") as index:
        [hit] = (await index.search(parse("cake author:bob"))).hits
    assert (hit.room, hit.page, hit.user, hit.time) == ("team-a", 12, "bob", 7)
    assert [hit.snippet[begin:end] for begin, end in hit.marks] == ["cake"]
    assert hit.snippet.startswith("…")
    assert hit.snippet.endswith("…")


def tokens(text: str) -> list[str]:
    """The words of a text that is made of WORDS, as the index has them."""
    plain = text.lower().replace("é", "e")
    return "".join(letter if letter.isalnum() else " " for letter in plain).split()


def has(text: str, term: str) -> bool:
    words, wanted = tokens(text), tokens(term)
    return any(words[at : at + len(wanted)] == wanted for at in range(len(words)))


@pytest.mark.anyio
@pytest.mark.parametrize("seed", range(8))
async def test_H8_after_any_changes_it_finds_what_a_scan_finds(seed: int, tmp_path: Path) -> None:
    rng, texts, seq = random.Random(seed), Texts(), 0
    async with Index(tmp_path / "search.sqlite") as index:
        for _ in range(60):
            seq += 1
            change = _random_change(rng, seq)
            await index.apply([change])
            if change.whole:
                for key in [key for key in texts if key[0] == change.doc]:
                    del texts[key]
            for id, text in change.texts.items():
                texts.pop((change.doc, id), None)
                texts |= {} if text is None else {(change.doc, id): text}
            if rng.random() < 0.1:
                doc = page_name(rng.choice(ROOMS), rng.randrange(2))
                await index.forget([doc, "unknown/0"])
                texts = {key: text for key, text in texts.items() if key[0] != doc}
            if rng.random() < 0.1:
                await index.purge()
            await _compare(index, rng, texts)
        assert await index.count() == len(texts)


def _random_change(rng: random.Random, seq: int) -> Change:
    doc = page_name(rng.choice(ROOMS), rng.randrange(2))
    said = {
        message(rng.randrange(1, 6), rng.choice(USERS), rng.randrange(2)): None
        if rng.random() < 0.2
        else " ".join(rng.choices(WORDS, k=rng.randrange(1, 6)))
        for _ in range(rng.randrange(6))
    }
    if rng.random() < 0.1:
        return Change(doc, seq, {id: text for id, text in said.items() if text is not None}, whole=True)
    return Change(doc, seq, said)


async def _compare(index: Index, rng: random.Random, texts: Texts) -> None:
    term, user, room = rng.choice(WORDS), rng.choice(USERS), rng.choice(ROOMS)
    after = rng.randrange(1, 6)
    query = Query(
        terms=parse(f'x "{term}"').terms[1:],
        authors=frozenset({user.lower()}) if rng.random() < 0.3 else frozenset(),
        rooms=frozenset({room.lower()}) if rng.random() < 0.3 else frozenset(),
        after=after,
        link=rng.random() < 0.2,
    )
    hidden = rng.choice(ROOMS)
    wanted = {
        (doc, id)
        for (doc, id), text in texts.items()
        if (not query.terms or has(text, term))
        and (not query.authors or parse_id(id).user == user)
        and (not query.rooms or parse_doc(doc).room.lower() == room.lower())
        and parse_id(id).hlc >= after
        and (not query.link or "https" in text)
        and parse_doc(doc).room != hidden
    }
    found: list[tuple[str, str]] = []
    times: list[int] = []
    before: str | None = None
    while True:
        part = await index.search(query, readable=lambda name: name != hidden, limit=3, before=before)
        found += [(page_name(hit.room, hit.page), hit.id) for hit in part.hits]
        times += [hit.time for hit in part.hits]
        before = part.next
        if before is None:
            break
    assert sorted(found) == sorted(wanted)
    assert times == sorted(times, reverse=True)


@pytest.mark.anyio
async def test_H8_the_moment_itself_is_after_and_not_before() -> None:
    first = next(id for id in (message(5, "ada", rand) for rand in count()) if place(id) == first_place(5))
    async with filled({first: "cake"}) as index:
        assert ids(await index.search(Query(before=5))) == []
        assert ids(await index.search(Query(before=6))) == ids(await index.search(Query(after=5))) == [first]
        assert ids(await index.search(Query(after=6))) == []


def place(id: str) -> int:
    return place_of("lobby/0", id, 0)


# Bounds, and who may read what


@pytest.mark.anyio
async def test_H8_hits_are_bounded_and_lead_on_to_all_of_them() -> None:
    said = {message(time, "ada", time): "cake" for time in range(1, MAX_HITS + 51)}
    async with filled(said) as index:
        first = await index.search(parse("cake"), limit=10**6)
        rest = await index.search(parse("cake"), limit=MAX_HITS, before=first.next)
        assert ids(first) + ids(rest) == sorted(said, reverse=True)
        assert rest.next is None
        for cursor in ("", "x", "-1", "9" * 30, "²"):
            with pytest.raises(BadQuery):
                await index.search(parse("cake"), before=cursor)


@pytest.mark.anyio
async def test_U2_H8_of_a_room_that_one_may_not_read_nothing_is_found() -> None:
    rooms = [f"room-{number}" for number in range(150)]
    async with Index() as index:
        await index.apply([Change(f"{room}/0", 1, {message(1): "cake"}) for room in rooms])
        for most in (0, 1, 70, 150):
            allowed = rooms[:most]
            found = await index.search(parse("cake"), readable=allowed.__contains__, limit=100)
            assert {hit.room for hit in found.hits} <= set(allowed)
            assert len(found.hits) == min(100, most)
        forbidden = await index.search(parse("cake room:room-7"), readable=lambda room: room == "room-8")
        unknown = await index.search(parse("cake room:nowhere"), readable=lambda room: room == "room-8")
        assert forbidden == unknown == Found([], None)


@pytest.mark.anyio
async def test_H8_a_millisecond_that_holds_thousands_is_found_whole() -> None:
    said = {message(5, "ada", rand): "cake" for rand in range(9000)}
    async with filled(said | {message(100): "cake"}) as index:
        await index.apply([Change("lobby/1", 1, {message(5, "bob", rand): "cake" for rand in range(3000)})])
        assert await index.count() == 12_001
        assert await find(index, "cake", limit=1) == [message(100)]


@pytest.mark.anyio
async def test_H8_what_is_behind_what_is_known_changes_nothing() -> None:
    async with filled({message(1): "cake"}) as index:
        await index.apply([Change("lobby/0", 5, {message(1): "tea"})])
        await index.apply([Change("lobby/0", 4, {message(1): "cake"})])
        late = {message(number): "cake" for number in range(1, PART + 2)}
        await index.replace(Change("lobby/0", 4, late, whole=True))
        assert await find(index, "tea") == [message(1)]
        assert await find(index, "cake") == []
        assert await index.cursors() == {"lobby/0": 5}


# The file


def on_disk(path: Path) -> list[str]:
    return holding(path.parent, b"zzyzx", f"{path.name}*")


@pytest.mark.anyio
@pytest.mark.parametrize("how", ["removed", "edited", "whole", "forgotten"])
async def test_H8_of_a_removed_text_no_trace_is_left_in_the_file(how: str, tmp_path: Path) -> None:
    path, secret = tmp_path / "search.sqlite", message(3, "ada", 99)
    async with Index(path) as index:
        for page in range(30):
            said = {message(page, "ada", number): f"cake {page}x{number}" for number in range(50)}
            await index.apply([Change(f"lobby/{page}", 1, said)])
        await index.apply([Change("lobby/3", 2, {secret: "zzyzx"})])
        assert on_disk(path)
        assert not await index.purge()
        if how == "forgotten":
            await index.forget(["lobby/3"])
        else:
            rest: dict[str, dict[str, str | None]] = {
                "removed": {secret: None},
                "edited": {secret: "tea"},
                "whole": {},
            }
            await index.apply([Change("lobby/3", 3, rest[how], whole=how == "whole")])
        assert on_disk(path), "what this test looks for would have gone by itself"
        assert await index.purge()
        assert not await index.purge()
        assert not on_disk(path)
        assert await find(index, "20x7") == [message(20, "ada", 7)]


@pytest.mark.anyio
@pytest.mark.parametrize("damage", ["rubbish", "older", "empty"])
async def test_H8_what_is_no_index_of_this_version_is_dropped_and_made_anew(
    damage: str, tmp_path: Path
) -> None:
    path = tmp_path / "search.sqlite"
    async with Index(path) as index:
        await index.apply([Change("lobby/0", 1, {message(1): "cake"})])
    if damage == "rubbish":
        path.write_bytes(b"rubbish" * 1000)
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA user_version = 99")
    async with Index(path) as index:
        assert await index.cursors() == {}
        await index.apply([Change("lobby/0", 1, {message(1): "cake"})])
        assert await find(index, "cake") == [message(1)]
    assert path.stat().st_mode & 0o077 == 0


@pytest.mark.anyio
async def test_H8_another_programs_file_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "search.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE precious (thing)")
    before = path.read_bytes()
    with pytest.raises(SearchFailed, match="choose another path"):
        await Index(path).__aenter__()
    with pytest.raises(SearchFailed, match="folder"):
        await Index(tmp_path / "nowhere" / "search.sqlite").__aenter__()
    assert path.read_bytes() == before


@pytest.mark.anyio
async def test_H8_an_index_that_is_damaged_while_it_is_used_says_so_and_can_be_renewed(
    tmp_path: Path,
) -> None:
    path = tmp_path / "search.sqlite"
    said = {message(1, "ada", number): f"cake {number}" for number in range(2000)}
    async with Index(path) as index:
        await index.apply([Change("lobby/0", 1, said)])
    size = path.stat().st_size
    with path.open("r+b") as file:
        for page in range(2, size // 4096):
            file.seek(page * 4096)
            file.write(b"\xff" * 4096)
    async with Index(path) as index:
        with pytest.raises(IndexDamaged):
            await find(index, "cake")
        await index.renew()
        assert await index.cursors() == {}
        assert await find(index, "cake") == []


@pytest.mark.anyio
async def test_H8_an_index_that_could_not_be_renewed_can_be_later(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "search.sqlite"
    path.parent.mkdir()
    async with Index(path) as index:
        path.parent.rename(tmp_path / "elsewhere")
        with pytest.raises(SearchFailed, match="folder"):
            await index.renew()
        with pytest.raises(IndexDamaged):
            await find(index, "cake")
        path.parent.mkdir()
        await index.renew()
        assert await find(index, "cake") == []
    with pytest.raises(SearchFailed, match="async with"):
        await find(index, "cake")
