"""Hostile updates of a page, made byte by byte, each with the rule that it is to be refused by.

`python -m syncchat.testing.hostile` tries all of them in one process, for a test that looks whether
the process survives.
"""

import sys
from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from syncchat.core.codec import dump
from syncchat.core.update import ANY, BINARY, DELETED, DOC, EMBED, FORMAT, MAX_CLOCK, STRING, TYPE
from syncchat.testing.field import (
    ALICE,
    ANOTHER,
    BOB,
    BOBS,
    FRESH,
    HONEST,
    MALLORY,
    MINE,
    ROW,
    SPARE,
    Field,
    harm,
    on_field,
    said,
)
from syncchat.testing.updates import (
    EMPTY_STRUCTS,
    ODD_CONTENTS,
    cut,
    gc,
    item,
    number,
    section,
    skip,
    text,
    values,
    whole,
)

DEEP: Final = 20_000
HUGE: Final = 2**40
HARMLESS: Final = ""
"""The rule of what is let in and may change rows of the attacker's own, at most."""


class Attack(NamedTuple):
    """Sections and cuts of an update, and the rule that stands against them when they come alone."""

    rule: str
    sections: tuple[bytes, ...] = ()
    cuts: tuple[bytes, ...] = ()

    @property
    def alone(self) -> bytes:
        """The update that is nothing else."""
        return whole(self.sections, self.cuts)

    @property
    def ahead(self) -> bytes:
        """The update in which it stands before honest work."""
        return whole((*self.sections, *HONEST), self.cuts)

    @property
    def behind(self) -> bytes:
        """The update in which it stands behind honest work."""
        return whole((*HONEST, *self.sections), self.cuts)


def _mine(rule: str, *structs: bytes) -> Attack:
    """Structs under a client id that nobody has used."""
    return Attack(rule, (section(FRESH, 0, structs),))


def _under(rule: str, client: int, clock: int, *structs: bytes) -> Attack:
    return Attack(rule, (section(client, clock, structs),))


def _deletes(rule: str, *cuts: bytes) -> Attack:
    return Attack(rule, (), cuts)


def _row(content: bytes, key: str = ANOTHER, root: str = "messages", kind: int = ANY) -> bytes:
    return item(kind, content, parent=root, key=key)


def _empty() -> Iterator[tuple[str, Attack]]:
    for kind, struct in EMPTY_STRUCTS.items():
        yield f"nothing of the kind {kind}", _mine("G4", struct)
        yield f"nothing of the kind {kind} behind a row", _mine("G4", _row(said("a")), struct)
        yield f"nothing of the kind {kind} behind garbage", _mine("G4", gc(1), struct)
        yield f"nothing of the kind {kind} under another's id", _under("G4", ALICE, 13, struct)
    for kind, number_of in (
        ("string", (STRING, text(""))),
        ("deleted", (DELETED, number(0))),
        ("any", (ANY, number(0))),
    ):
        for whose, client, clock in (("another's", ALICE, 11), ("an own", MALLORY, 5)):
            yield (
                f"nothing of the kind {kind} in {whose} text",
                _mine("G4", item(*number_of, origin=(client, clock))),
            )


ADVANCES: Final = {
    "garbage over another's clock": _under("G5", ALICE, 13, gc(100)),
    "garbage over another's clock and what it has": _under("G5", ALICE, 5, gc(100)),
    "garbage over all another has": _under(HARMLESS, ALICE, 0, gc(13)),
    "garbage over the clock of one who has gone": _under("G5", BOB, 6, gc(1)),
    "a skip over another's clock": _under("S5", ALICE, 13, skip(100)),
    "a skip over another's clock and garbage": _under("S5", ALICE, 13, skip(5), gc(1)),
    "garbage and a skip over another's clock": _under("S5", ALICE, 13, gc(1), skip(5)),
    "a skip over an own clock": _mine("S5", skip(5), _row(said("a"))),
    "a row under another's id": _under("G5", ALICE, 13, _row(said("a"))),
    "a token under another's id": _under("G5", ALICE, 13, item(STRING, text("a"), origin=(MALLORY, 5))),
    "a deleted struct under another's id": _under("G5", ALICE, 13, _row(number(1), kind=DELETED)),
    "an overwrite under the id of who wrote it": _under("G1", BOB, 6, item(ANY, said("a"), origin=(BOB, 0))),
}

FOREIGN: Final = {
    "an overwrite by the key": _mine("G1", _row(said("a"), ROW)),
    "an overwrite by the origin": _mine("G1", item(ANY, said("a"), origin=(ALICE, 0))),
    "an insert before it": _mine("G1", item(ANY, said("a"), right=(BOB, 0))),
    "a token in another's text": _mine("G1", item(STRING, text("a"), origin=(ALICE, 11))),
    "a token between two of another's": _mine(
        "G1", item(STRING, text("a"), origin=(ALICE, 3), right=(ALICE, 4))
    ),
    "a token amid another's character": _mine("G4", item(STRING, text("a"), origin=(ALICE, 6))),
    "a row between two of different owners": _mine(
        "G4", item(ANY, said("a"), origin=(MALLORY, 0), right=(ALICE, 0))
    ),
    "a tombstone over another's": _mine("G1", item(ANY, values('{"deleted":true}'), origin=(ALICE, 0))),
    "a delete of a message": _deletes("G1", cut(ALICE, [(0, 1)])),
    "a delete of tokens": _deletes("G1", cut(ALICE, [(2, 3)])),
    "a delete of half a character": _deletes("G4", cut(ALICE, [(6, 1)])),
    "a delete of everything": _deletes(
        "G1", cut(ALICE, [(0, 13)]), cut(BOB, [(0, 6)]), cut(MALLORY, [(0, 6)])
    ),
    "a delete of garbage and more": _deletes("G1", cut(BOB, [(0, 6)])),
    "a delete of garbage": _deletes(HARMLESS, cut(BOB, [(1, 5)])),
    "a delete of one's own": _deletes(HARMLESS, cut(MALLORY, [(0, 6)])),
}

NESTED: Final = {
    "a child of another's text": _mine("G1", item(ANY, values("1"), parent=(ALICE, 1), key="k")),
    "a text in an own text": _mine("G6", item(TYPE, b"\x02", parent=(MALLORY, 1))),
    "a map in a message": _mine("G6", _row(b"\x01", kind=TYPE)),
    "a child of a value": _mine("G4", item(STRING, text("a"), parent=(MALLORY, 0))),
    "a child of a character": _mine("G4", item(STRING, text("a"), parent=(MALLORY, 3))),
    "a child of itself": _mine("G4", item(STRING, text("a"), parent=(FRESH, 0))),
    "a neighbour of itself": _mine("G4", item(STRING, text("a"), origin=(FRESH, 0))),
    "a child of garbage": _mine(HARMLESS, item(STRING, text("a"), parent=(BOB, 1))),
    "children of one another": Attack(
        "G4",
        (
            section(FRESH, 0, [item(TYPE, b"\x01", parent=(SPARE, 0), key="k")]),
            section(SPARE, 0, [item(TYPE, b"\x01", parent=(FRESH, 0), key="k")]),
        ),
    ),
    "a child before its parent": Attack(
        HARMLESS,
        (
            section(SPARE, 0, [item(STRING, text("a"), parent=(FRESH, 0))]),
            section(FRESH, 0, [_row(b"\x02", root="streams", kind=TYPE)]),
        ),
    ),
    "types 20,000 deep": _mine(
        "G6",
        _row(b"\x02", root="streams", kind=TYPE),
        *(item(TYPE, b"\x01", parent=(FRESH, at), key="k") for at in range(DEEP)),
    ),
    "maps 20,000 deep below an unknown root": _mine(
        "G2",
        _row(b"\x01", root="rows", kind=TYPE),
        *(item(TYPE, b"\x01", parent=(FRESH, at), key="k") for at in range(DEEP)),
    ),
    "values 20,000 deep": _mine("G4", _row(number(1) + b"\x75\x01" * DEEP + b"\x7e")),
    "objects 20,000 deep": _mine("G4", _row(number(1) + b"\x76\x01\x01k" * DEEP + b"\x7e")),
    "JSON 20,000 deep": _mine("G6", _row(values("[" * DEEP + "]" * DEEP))),
    "JSON 20,000 deep in an embed": _mine("G4", _row(text("[" * DEEP + "]" * DEEP), kind=EMBED)),
    "20,000 ids in a chain": Attack(
        "G1",
        (
            *(section(1000 + at, 0, [item(ANY, said("a"), origin=(1001 + at, 0))]) for at in range(DEEP)),
            section(1000 + DEEP, 0, [item(ANY, said("a"), origin=(ALICE, 0))]),
        ),
    ),
}


def _roots() -> Iterator[tuple[str, Attack]]:
    for root in ("secrets", "", "Messages", "messages\0", "covers", "x" * 100_000):
        yield f"a root {root[:10]!r}", _mine("G2", _row(said("a"), root=root))
        yield f"a root {root[:10]!r} without a key", _mine("G2", item(STRING, text("a"), parent=root))
    yield "the server's root", _mine("G3", _row(said("a"), root="marks"))
    yield "a known root without a key", _mine("G1", item(STRING, text("a"), parent="streams"))
    yield "a known root with an odd key", _mine("G1", _row(said("a"), key="\0"))


def _odd() -> Iterator[tuple[str, Attack]]:
    for name, (kind, content) in ODD_CONTENTS.items():
        yield f"{name} as a message", _mine("G6", _row(content, kind=kind))
        yield f"{name} over an own message", _mine("G6", item(kind, content, origin=(MALLORY, 0)))
        yield f"{name} in an own text", _mine("G6", item(kind, content, origin=(MALLORY, 5)))
        yield f"{name} in another's text", _mine("G1", item(kind, content, origin=(ALICE, 11)))
    yield "a doc inside another's message", _mine("G1", _row(text("guid") + b"\x76\x00", ROW, kind=DOC))
    yield "bold in another's text", _mine("G1", item(FORMAT, text("b") + text("1"), right=(ALICE, 2)))


HUGE_LENGTHS: Final = {
    "structs": Attack("G4", (number(HUGE) + number(FRESH) + number(0) + gc(1),)),
    "a text": _mine("G4", _row(number(HUGE), kind=STRING)),
    "a text just too long": _mine("G4", _row(number(3) + b"ab", kind=STRING)),
    "bytes": _mine("G4", _row(number(HUGE), kind=BINARY)),
    "values": _mine("G4", _row(number(HUGE))),
    "values in a value": _mine("G4", _row(b"\x01\x75" + number(HUGE))),
    "keys in a value": _mine("G4", _row(b"\x01\x76" + number(HUGE))),
    "a root's name": _mine("G4", bytes([ANY]) + b"\x01" + number(HUGE)),
    "a key": _mine("G4", bytes([ANY | 0x20]) + b"\x01" + text("messages") + number(HUGE)),
    "ranges": _deletes("G4", number(FRESH) + number(HUGE)),
    "a range": _deletes("G4", cut(MALLORY, [(0, MAX_CLOCK + 1)])),
    "a range over everything": _deletes("S5", cut(ALICE, [(0, MAX_CLOCK)])),
    "a client id": Attack("G4", (b"\x01" + b"\xff" * 8 + b"\x01" + b"\x00" + gc(1),)),
    "a clock": _under("G4", FRESH, MAX_CLOCK, gc(1)),
    "garbage": _mine("G4", gc(MAX_CLOCK + 1)),
    "garbage under an own id": _mine(HARMLESS, gc(MAX_CLOCK)),
    "garbage twice": _mine("G4", gc(MAX_CLOCK), gc(1)),
    "what is deleted": _mine(HARMLESS, _row(number(MAX_CLOCK), kind=DELETED)),
    "an integer that does not end": _mine("G4", bytes([STRING]) + b"\xff" * 30),
    "a message": _mine("G6", _row(said("a" * 70_000))),
    "an own text": _mine("G6", item(STRING, text("a" * 70_000), origin=(MALLORY, 5))),
}

GAPS: Final = {
    "an own clock": _under("S5", MALLORY, 60, _row(said("a"))),
    "another's clock": _under("S5", ALICE, 20, gc(1)),
    "an unknown origin": _mine("S5", item(ANY, said("a"), origin=(SPARE, 0))),
    "an unknown right origin": _mine("S5", item(ANY, said("a"), right=(ALICE, 13))),
    "an unknown parent": _mine("S5", item(STRING, text("a"), parent=(SPARE, 0))),
    "a delete of what is to come": _deletes("S5", cut(ALICE, [(13, 5)])),
    "a delete of nobody's": _deletes("S5", cut(SPARE, [(0, 1)])),
}

REPEATED: Final = {
    "a client id twice": Attack("G4", (section(FRESH, 0, [gc(1)]), section(FRESH, 1, [gc(1)]))),
    "a client id without structs": Attack("G4", (section(FRESH, 0, []),)),
    "a cut twice": _deletes("G4", cut(MALLORY, [(0, 1)]), cut(MALLORY, [(1, 1)])),
    "ranges that overlap": _deletes("G4", cut(MALLORY, [(0, 2), (1, 2)])),
    "ranges in disorder": _deletes("G4", cut(MALLORY, [(3, 1), (0, 1)])),
    "an empty range": _deletes("G4", cut(MALLORY, [(0, 0)])),
    "what is known with other words": _under(HARMLESS, ALICE, 0, _row(said("forged"), ROW)),
    "what is known with other words and more": _under(
        "G5", ALICE, 12, _row(values("2"), f"{ROW}|alice|x", "reactions"), gc(1)
    ),
    "one row many times": _mine(HARMLESS, *[_row(said("a"))] * 500),
    "own tokens in reverse": Attack(
        HARMLESS,
        (
            section(SPARE, 0, [item(STRING, text("b"), origin=(FRESH, 0))]),
            section(FRESH, 0, [item(STRING, text("a"), right=(MALLORY, 2))]),
        ),
    ),
    "another's row behind own ones": _mine("G1", _row(said("a")), _row(said("a"), BOBS), _row(said("b"))),
    "another's reaction behind own ones": _mine(
        "G1", _row(said("a")), _row(values("1"), f"{MINE}|bob|x", "reactions")
    ),
    "a message of 2070": _mine("G9", _row(said("a"), "1" + ANOTHER[1:])),
    "an agent's message": _mine("G10", _row(values('{"text":"a","agent":true}'))),
    "an agent's call": _mine(
        "G10", _row(values('{"text":"a","calls":[{"name":"x","args":{},"state":"proposed"}]}'))
    ),
    "a version of another's message": _mine("G1", _row(values(f'{{"text":"a","of":"{ROW}"}}'))),
    "too many citations": _mine("G6", _row(values(dump({"text": "a", "cites": [["m1", ROW]] * 33})))),
    "a request of another's": _mine("G1", _row(values("1"), f"stop|{ROW}|alice", "requests")),
}


def _all() -> Iterator[tuple[str, Attack]]:
    yield from _empty()
    yield from _roots()
    yield from _odd()
    groups: dict[str, Mapping[str, Attack]] = {
        "advance": ADVANCES,
        "foreign": FOREIGN,
        "nested": NESTED,
        "huge": HUGE_LENGTHS,
        "gap": GAPS,
        "repeated": REPEATED,
    }
    for group, attacks in groups.items():
        for name, attack in attacks.items():
            yield f"{group}: {name}", attack


ATTACKS: Final = dict(_all())


async def _try_all(field: Field) -> None:
    for attack in ATTACKS.values():
        for data in (attack.ahead, attack.behind, attack.alone):
            before = field.state
            await field.strike(data)
            assert not harm(before, field.state)


def main() -> int:
    """Try everything on one page, one after the other; returns 0 if the page has survived it."""
    on_field(_try_all)
    sys.stdout.write(f"{3 * len(ATTACKS)} attacks\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
