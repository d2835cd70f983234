"""How much a doc may hold: quotas, what still goes through at the limit, and what all that costs."""

from dataclasses import replace
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from syncchat.core.grant import Role
from syncchat.core.guard import Accept, Gap, judge
from syncchat.core.ids import format_id
from syncchat.core.schema import COVER, OPEN, PAGE, Schema
from syncchat.core.structs import WEIGH_EVERY, StructIndex
from syncchat.core.update import ANY, MOST, decode
from syncchat.errors import MalformedUpdate, Refused
from syncchat.testing.updates import gc, item, update, values

BODY = '{"text":"x"}'
TOMBSTONE = '{"deleted":true}'


def written(data: bytes, index: StructIndex, user: str, schema: Schema = PAGE) -> Accept | Gap:
    """What the guard says of an update that is `user`'s, who may write."""
    return judge(decode(data), index, user=user, role=Role.WRITER, schema=schema)


class Server:
    """A doc behind the guard; all is written by ann, each update under a client id of its own."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self.doc: Doc[Any] = Doc()
        self.index = StructIndex(self.doc.get_update)
        self.made = 0

    def id(self, number: int) -> str:
        return format_id(1000 + number, "ann", number)

    def take(self, data: bytes) -> None:
        verdict = written(data, self.index, "ann", self.schema)
        assert isinstance(verdict, Accept)
        self.doc.apply_update(data)
        self.index.extend(verdict.plan, "ann")

    def write(self, number: int, value: object = BODY, root: str = "messages") -> None:
        replica = self.replica()
        replica.get(root, type=Map)[self.id(number)] = value
        self.take(replica.get_update(self.doc.get_state()))

    def remove(self, number: int, root: str = "messages") -> None:
        replica = self.replica()
        before = replica.get_state()
        del replica.get(root, type=Map)[self.id(number)]
        self.take(replica.get_update(before))

    def replica(self, client: int | None = None) -> Doc[Any]:
        self.made += 1
        doc: Doc[Any] = Doc(client_id=client or self.made)
        doc.apply_update(self.doc.get_update())
        return doc

    def is_full(self, number: int, value: object = BODY, root: str = "messages") -> bool:
        """Whether it is refused to write that for want of room."""
        try:
            self.write(number, value, root)
        except Refused as refusal:
            return (refusal.rule, refusal.rows) == ("G13", ((root, self.id(number)),))
        return False


def test_G13_a_doc_has_an_upper_number_of_rows() -> None:
    server = Server(replace(PAGE, max_rows=3))
    for number in range(3):
        assert not server.is_full(number)
    assert server.is_full(3)
    assert server.is_full(4, Text(), "streams")
    assert server.index.row_count == 3
    assert not server.is_full(1, '{"text":"edited"}')
    server.write(0, TOMBSTONE)
    server.remove(2)
    assert server.is_full(3), "a row that was deleted leaves its key behind"


def test_G13_a_reply_that_has_begun_can_be_finished_in_a_full_doc() -> None:
    server = Server(replace(PAGE, max_rows=1))
    assert not server.is_full(0, Text("so"), "streams")
    assert server.is_full(1)
    replica = server.replica()
    with replica.transaction():
        replica.get("messages", type=Map)[server.id(0)] = BODY
        del replica.get("streams", type=Map)[server.id(0)]
    server.take(replica.get_update(server.doc.get_state()))
    assert server.doc.get("messages", type=Map).to_py() == {server.id(0): BODY}


def test_G13_a_doc_has_an_upper_number_of_client_ids_and_deletions_need_none() -> None:
    server = Server(replace(PAGE, max_clients=3))
    for number in range(3):
        assert not server.is_full(number)
    assert server.is_full(3)
    assert server.is_full(1, '{"text":"edited"}')
    assert not server.is_full(1, TOMBSTONE)
    assert server.is_full(1, TOMBSTONE), "one deletion of each message is enough"
    server.remove(2)
    first = server.replica(1)
    before = first.get_state()
    del first.get("messages", type=Map)[server.id(0)]
    server.take(first.get_update(before))


def test_G13_a_doc_has_an_upper_size_and_what_is_deleted_makes_room() -> None:
    server = Server(replace(PAGE, max_size=40_000))
    long = f'{{"text":"{"x" * 3000}"}}'
    count = next(number for number in range(100) if server.is_full(number, long))
    assert 10 <= count < 14
    for number in range(count):
        assert not server.is_full(number, TOMBSTONE)
    assert count >= WEIGH_EVERY
    assert not server.is_full(count, long)
    assert server.index.size < 10_000


def test_G13_the_size_of_a_doc_is_never_taken_for_less_than_it_is() -> None:
    server = Server(PAGE)
    for number in range(20):
        server.write(number, Text("some words "), "streams")
        server.write(number)
        assert server.index.size >= len(server.doc.get_update()) - 20 * (number + 1)
    loaded = StructIndex.load(server.doc.get_update())
    assert loaded.size == len(server.doc.get_update())
    assert (loaded.row_count, loaded.client_count) == (server.index.row_count, server.index.client_count)


def test_G13_an_update_writes_an_upper_number_of_rows_and_deletes_any() -> None:
    server = Server(replace(PAGE, max_touched=5))
    rows = [item(ANY, values(BODY), parent="messages", key=server.id(number)) for number in range(6)]
    with pytest.raises(Refused, match=r"G13.*5 rows"):
        server.take(update((1, 0, rows)))
    server.take(update((1, 0, rows[:5])))
    server.take(update((1, 5, rows[5:])))
    server.take(update((1, 6, [item(ANY, values(BODY), parent="messages", key=server.id(0))] * 9)))
    server.take(update(deletes=[(1, [(0, 15)])]))


def test_G13_the_server_itself_has_no_quota() -> None:
    data = update((1, 0, [item(ANY, values("1"), parent="about", key=str(n)) for n in range(9)]))
    schema = replace(COVER, max_rows=2, max_size=9, max_clients=0, max_touched=1)
    assert isinstance(
        judge(decode(data), StructIndex(), user="", role=Role.WRITER, schema=schema, server=True), Accept
    )


@pytest.mark.parametrize("schema", [PAGE, OPEN, COVER])
def test_G13_the_limits_leave_room_for_a_long_history(schema: Schema) -> None:
    assert schema.max_rows >= 100_000
    assert schema.max_touched * 64 >= schema.max_update
    assert schema.max_clients >= 10_000
    assert schema.max_size >= 4 * schema.max_update


def test_G6_the_smallest_structs_are_counted_before_they_are_read() -> None:
    """Four megabytes hold two million structs: seconds of work for who would read them."""
    many = update((1, 0, [gc(1)] * (MOST // 2)), deletes=[(2, [(0, 1)])])
    assert len(decode(many, most=MOST).structs[1]) == MOST // 2
    ranges = [(number * 2, 1) for number in range(MOST // 2)]
    for more in (
        update((1, 0, [gc(1)] * (MOST + 1))),
        update((1, 0, [gc(1)] * (MOST // 2)), deletes=[(2, ranges)]),
        update((1, 0, [item(ANY, b"\x80\x80\x11" + b"\x7e" * (0x11 << 14), parent="r", key="k")])),
    ):
        with pytest.raises(MalformedUpdate, match="more structs"):
            decode(more, most=MOST)


# Owners


def test_G5_what_was_stored_tells_the_owner_of_a_client_id_of_which_only_garbage_is_left() -> None:
    state = update((1, 0, [gc(3)]), (2, 0, [gc(1)]))
    forgetful = StructIndex.load(state, PAGE.owner_of)
    on = {client: update((client, clock, [gc(1)])) for client, clock in ((1, 3), (2, 1), (3, 0))}
    for known in on.values():
        assert isinstance(written(known, forgetful, "eve"), Accept)
    index = StructIndex.load(state, PAGE.owner_of)
    index.claim({1: "ann"})
    assert isinstance(written(on[1], index, "ann"), Accept)
    with pytest.raises(Refused, match=r"G5.*somebody else"):
        written(on[1], index, "eve")
    for user in ("ann", "eve"):
        with pytest.raises(Refused, match=r"G5.*nobody knows"):
            written(on[2], index, user)
        assert isinstance(written(on[3], index, user), Accept)
        assert isinstance(written(on[2], index, user, OPEN), Accept)


def test_G5_a_client_id_is_its_first_writers_although_it_was_never_stored() -> None:
    index = StructIndex()
    index.claim({})
    first = written(update((1, 0, [gc(1)])), index, "ann")
    assert isinstance(first, Accept)
    index.extend(first.plan, "ann")
    assert isinstance(written(update((1, 1, [gc(1)])), index, "ann"), Accept)
    assert index.owner == {1: "ann"}


@pytest.mark.parametrize("by", ['"by":"mod"', '"\\u0062y":"mod"'])
def test_G5_a_moderators_client_id_is_not_taken_for_its_victims(by: str) -> None:
    """Its only struct stands in a row of ann's."""
    id = format_id(1, "ann", 1)
    state = update(
        (1, 0, [item(ANY, values(BODY), parent="messages", key=id)]),
        (2, 0, [item(ANY, values('{"deleted":true,' + by + "}"), origin=(1, 0))]),
        (3, 0, [item(1, b"\x01", origin=(1, 0))]),
        deletes=[(1, [(0, 1)])],
    )
    index = StructIndex.load(state, PAGE.owner_of)
    assert index.owner == {1: "ann", 2: "mod"}


def test_G5_a_client_id_under_which_two_users_wrote_belongs_to_neither() -> None:
    rows = [item(ANY, values(BODY), parent="messages", key=format_id(1, user, 1)) for user in ("ann", "bob")]
    index = StructIndex.load(update((1, 0, rows)), PAGE.owner_of)
    assert index.owner == {}
    index.claim({})
    with pytest.raises(Refused, match="G5"):
        written(update((1, 2, [gc(1)])), index, "ann")


def test_G1_a_row_that_was_finished_is_known_after_a_reload() -> None:
    server = Server(PAGE)
    server.write(0, Text("so"), "streams")
    server.remove(0, "streams")
    assert StructIndex.load(server.doc.get_update()).has(("streams", server.id(0)))
