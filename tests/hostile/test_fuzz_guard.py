"""Updates made from a grammar of all that an update can say, and honest ones with bytes changed (G1 to G13).

`make fuzz` tries many more of them: FUZZ_EXAMPLES is how many for each test.
"""

import os
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from pycrdt import Doc, Map, Text

from syncchat.core.grant import Role
from syncchat.core.guard import Accept, judge
from syncchat.core.lib0 import decode_state
from syncchat.core.schema import OPEN, PAGE
from syncchat.core.structs import StructIndex
from syncchat.core.update import ANY, BINARY, DELETED, EMBED, MOST, STRING, TYPE, decode
from syncchat.errors import MalformedUpdate, Refused
from syncchat.testing import field as here
from syncchat.testing.field import (
    ALICE,
    BASE,
    BOB,
    FRESH,
    HONEST,
    MALLORY,
    OTHERS,
    SPARE,
    Field,
    harm,
    on_field,
)
from syncchat.testing.hostile import ATTACKS
from syncchat.testing.updates import ODD_CONTENTS, cut, gc, item, number, section, skip, text, values, whole

fuzzed = settings(max_examples=int(os.environ.get("FUZZ_EXAMPLES", "120")))

ENDS = {ALICE: 13, BOB: 6, MALLORY: 6, FRESH: 0, SPARE: 0}
CLIENTS = st.sampled_from([*ENDS])
SOUND_LENGTHS = st.sampled_from([1, 1, 1, 2, 3, 100])
WILD_LENGTHS = st.sampled_from([1, 1, 2, 5, 0, 2**31 - 1, 2**31, 2**53 - 1])
KNOWN = st.sampled_from([(client, clock) for client, end in ENDS.items() for clock in range(end)])
IDS = st.one_of(*[KNOWN] * 9, st.sampled_from([(FRESH, 0), (FRESH, 1), (SPARE, 0), (ALICE, 13)]))
NEIGHBOURS = st.one_of(
    st.just((None, None)),
    st.just((None, None)),
    st.tuples(IDS, st.none()),
    st.tuples(st.none(), IDS),
    IDS.map(lambda id: (id, (id[0], id[1] + 1))),
    st.tuples(IDS, IDS),
)
PARENTS = st.one_of(IDS, st.sampled_from([*PAGE.roots, "secrets", ""]))
ROWS = [here.ROW, here.STREAM, here.BOBS, here.FINISHED, here.MINE, here.MY_STREAM, here.NEW, here.ANOTHER]
KEYS = st.sampled_from(
    [None, *ROWS, f"{here.ROW}|mallory|x", f"{here.ROW}|alice|x", f"stop|{here.ROW}|mallory", "k", ""]
)
CONTENTS = st.sampled_from(
    [
        (ANY, here.said("a")),
        (ANY, values("1")),
        (ANY, values('{"deleted":true}')),
        (ANY, values('{"deleted":true,"by":"mallory"}')),
        (ANY, values('{"text":"a","agent":true}')),
        (STRING, text("a📊")),
        (TYPE, b"\x02"),
        (DELETED, number(1)),
        (DELETED, number(3)),
        (BINARY, number(1) + b"x"),
        (EMBED, text("{}")),
        *(content for name, content in ODD_CONTENTS.items() if name != "deep JSON"),
    ]
)


@st.composite
def structs(draw: st.DrawFn, lengths: st.SearchStrategy[int]) -> bytes:
    if draw(st.integers(0, 4)) == 0:
        return draw(st.sampled_from([gc] * 9 + [skip]))(draw(lengths))
    kind, content = draw(CONTENTS)
    origin, right = draw(NEIGHBOURS)
    return item(kind, content, origin=origin, right=right, parent=draw(PARENTS), key=draw(KEYS))


@st.composite
def made(draw: st.DrawFn, lengths: st.SearchStrategy[int], offsets: tuple[int, ...]) -> bytes:
    """An update whose structs may say anything about one another and about what is there."""
    sections, cuts = [], []
    for client in draw(st.lists(CLIENTS, max_size=3, unique=True)):
        clock = max(0, ENDS[client] + draw(st.sampled_from(offsets)))
        run = draw(st.lists(structs(lengths), min_size=1, max_size=3))
        sections.append(section(client, clock, run))
    for client in draw(st.lists(st.sampled_from([ALICE, BOB, MALLORY]), max_size=2, unique=True)):
        start = draw(st.integers(0, ENDS[client] - 1 + (lengths is WILD_LENGTHS)))
        length = draw(lengths)
        cuts.append(cut(client, [(start, min(length, ENDS[client] - start) or length)]))
    return whole(sections, cuts)


def recorded() -> list[bytes]:
    """What real replicas of alice's and mallory's send while they write, stream, finish and delete."""
    told: list[bytes] = []
    for name, client, stream in (("alice", 31, here.STREAM), ("mallory", 32, here.MY_STREAM)):
        doc: Doc[Any] = Doc(client_id=client)
        doc.apply_update(BASE)
        subscription = doc.observe(lambda event: told.append(event.update))
        messages, streams = doc.get("messages", type=Map), doc.get("streams", type=Map)
        messages[here.NEW.replace("mallory", name)] = '{"text":"a 📊"}'
        streams[stream] += " more 📊"
        with doc.transaction():
            messages[stream] = '{"text":"done"}'
            del streams[stream]
        streams[here.ANOTHER.replace("mallory", name)] = Text("so")
        messages[here.NEW.replace("mallory", name)] = '{"deleted":true}'
        doc.unobserve(subscription)
        told.append(doc.get_update())
    return told


SEEDS = [
    *recorded(),
    BASE,
    whole(HONEST),
    *(whole([written]) for _, written in OTHERS),
    *(attack.ahead for attack in ATTACKS.values() if len(attack.ahead) < 400),
]
MADE = st.one_of(
    made(SOUND_LENGTHS, (0,)), made(SOUND_LENGTHS, (0, 0, 0, -1, -5)), made(WILD_LENGTHS, (0, 0, 1, -1, 20))
)


@st.composite
def mutated(draw: st.DrawFn) -> bytes:
    """An update with a few bytes changed, left out, put in, or said twice."""
    data = bytearray(draw(st.one_of(st.sampled_from(SEEDS), MADE)))
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(data))), draw(st.integers(0, 6))
        data[at : at + length] = draw(
            st.one_of(st.binary(max_size=6), st.just(bytes(data[at : at + length]) * 2))
        )
    return bytes(data)


UPDATES = st.lists(st.one_of(MADE, MADE, mutated(), st.sampled_from(SEEDS)), min_size=1, max_size=4)


async def _strike_all(field: Field, updates: list[bytes], role: Role) -> None:
    for data in updates:
        before = field.state
        rule = await field.strike(data)
        after = field.state
        assert not harm(before, after, role)
        if rule:
            assert after == before
    await field.check()


@fuzzed
@given(UPDATES, st.sampled_from([Role.WRITER, Role.WRITER, Role.READER, Role.AGENT]))
@example([ATTACKS["huge: garbage under an own id"].alone] * 2, Role.WRITER)
def test_G1_G2_G4_G5_whatever_is_offered_nobody_else_is_harmed(updates: list[bytes], role: Role) -> None:
    on_field(lambda field: _strike_all(field, updates, role), role)


async def _moderate(field: Field, updates: list[bytes]) -> None:
    for data in updates:
        before = field.state
        rule = await field.strike(data)
        assert not harm(before, field.state, Role.MODERATOR)
        assert not rule or field.state == before


@fuzzed
@given(UPDATES)
def test_G12_whatever_a_moderator_offers_it_deletes_by_name_and_rewrites_nothing(
    updates: list[bytes],
) -> None:
    on_field(lambda field: _moderate(field, updates), Role.MODERATOR)


@fuzzed
@given(st.one_of(MADE, mutated()))
@example(b"\x01\x01\x01\x01\xa7\x00\x84\x9a\x05\x05\n more \xf0\x9f\x93\x8a\x00")
def test_G4_G5_whatever_a_doc_of_no_room_takes_is_what_the_guard_has_read(data: bytes) -> None:
    """There nearly everything is allowed: what the library makes of it must be what was judged."""
    doc: Doc[Any] = Doc()
    doc.apply_update(BASE)
    index = StructIndex.load(doc.get_update(), OPEN.owner_of, doc.get_update)
    try:
        verdict = judge(decode(data, most=MOST), index, user="mallory", role=Role.WRITER, schema=OPEN)
    except (Refused, MalformedUpdate):
        return
    if isinstance(verdict, Accept):
        doc.apply_update(data)
        index.extend(verdict.plan, "mallory")
    assert index.state() == decode_state(doc.get_state())
    assert StructIndex.load(doc.get_update()).state() == index.state()
