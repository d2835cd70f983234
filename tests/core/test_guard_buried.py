"""What a moderator has deleted stays deleted: its author brings nothing back, however it comes (G12)."""

import itertools
import json
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from syncchat.core.grant import Role
from syncchat.core.guard import Accept, judge
from syncchat.core.ids import format_id
from syncchat.core.schema import PAGE
from syncchat.core.structs import StructIndex
from syncchat.core.update import ANY, STRING, TYPE, decode
from syncchat.errors import Refused
from syncchat.testing.updates import item, text, update, values

NOW = 1_800_000_000_000
BOBS = format_id(NOW - 4000, "bob", 2)
STREAMED = format_id(NOW - 3000, "bob", 3)
SECOND, LOWEST, HIGHEST = 200, 1, 9000
"""Client ids: of bob's first process, and of others that win or lose against any."""

TOMBSTONE = json.dumps({"deleted": True, "by": "mod"})


class Page:
    """A page behind the guard, with two messages of bob's, of which he is streaming one."""

    def __init__(self, *, reads: bool = True) -> None:
        self.reads = reads
        self.doc: Doc[Any] = Doc()
        self._index()
        bob = self.replica(SECOND)
        bob.get("messages", type=Map)[BOBS] = '{"text":"rude"}'
        bob.get("streams", type=Map)[STREAMED] = Text("still ")
        self.take(bob.get_update(), "bob")

    def _index(self) -> None:
        read = self.value if self.reads else None
        state = self.doc.get_update()
        self.index = StructIndex.load(state, PAGE.owner_of, self.doc.get_update, read)

    def value(self, row: tuple[str, str]) -> object:
        return self.doc.get(row[0], type=Map).get(row[1])

    def reload(self) -> None:
        state, owners = self.doc.get_update(), self.index.owner
        self.doc = Doc()
        self.doc.apply_update(state)
        self._index()
        self.index.claim(owners)

    def replica(self, client: int) -> Doc[Any]:
        doc: Doc[Any] = Doc(client_id=client)
        doc.apply_update(self.doc.get_update())
        return doc

    def take(self, data: bytes, user: str, role: Role = Role.WRITER, *, server: bool = False) -> Accept:
        verdict = judge(decode(data), self.index, user=user, role=role, now=NOW, schema=PAGE, server=server)
        assert isinstance(verdict, Accept)
        self.doc.apply_update(data)
        self.index.extend(verdict.plan, user)
        return verdict

    def refuses(self, data: bytes, user: str = "bob", role: Role = Role.WRITER) -> Refused:
        before = self.doc.get_update()
        with pytest.raises(Refused) as refusal:
            self.take(data, user, role)
        assert self.doc.get_update() == before
        return refusal.value

    def bury(self, id: str = BOBS, client: int = 7) -> None:
        replica = self.replica(client)
        before = replica.get_state()
        with replica.transaction():
            replica.get("messages", type=Map)[id] = TOMBSTONE
            if id in replica.get("streams", type=Map):
                del replica.get("streams", type=Map)[id]
        self.take(replica.get_update(before), "mod", Role.MODERATOR)

    def message(self, id: str) -> Any:
        value = self.value(("messages", id))
        return json.loads(value) if isinstance(value, str) else None


def written(doc: Doc[Any], root: str, key: str, value: object) -> bytes:
    before = doc.get_state()
    doc.get(root, type=Map)[key] = value
    return doc.get_update(before)


def removed(doc: Doc[Any], root: str, key: str) -> bytes:
    before = doc.get_state()
    del doc.get(root, type=Map)[key]
    return doc.get_update(before)


EDIT = '{"text":"rude again","edited":1}'
CHANGES = {"an edit": EDIT, "a deletion": '{"deleted":true}', "a signed one": '{"deleted":true,"by":"bob"}'}


@pytest.mark.parametrize(
    ("change", "reads", "loaded"), list(itertools.product(CHANGES, (True, False), (False, True)))
)
def test_G12_what_a_moderator_deleted_its_author_does_not_change(
    change: str, reads: bool, loaded: bool
) -> None:
    page = Page(reads=reads)
    page.bury()
    if loaded:
        page.reload()
    refusal = page.refuses(written(page.replica(SECOND + 1), "messages", BOBS, CHANGES[change]))
    assert (refusal.rule, refusal.rows) == ("G12", (("messages", BOBS),))
    assert refusal.reason == "a moderator has deleted that message"
    page.refuses(written(page.replica(SECOND + 2), "messages", BOBS, EDIT), role=Role.MODERATOR)
    page.refuses(written(page.replica(SECOND + 3), "messages", BOBS, EDIT), role=Role.AGENT)


@pytest.mark.parametrize("client", [LOWEST, HIGHEST])
def test_G12_an_edit_made_before_its_author_heard_of_it_is_refused_too(client: int) -> None:
    page = Page()
    edit = written(page.replica(client), "messages", BOBS, EDIT)
    page.bury()
    assert page.refuses(edit).rows == (("messages", BOBS),)
    assert page.message(BOBS) == {"deleted": True, "by": "mod"}


@pytest.mark.parametrize("client", [LOWEST, HIGHEST])
def test_G12_a_stream_that_ends_after_its_deletion_leaves_no_text(client: int) -> None:
    page = Page()
    author = page.replica(client)
    page.take(before := author.get_update(), "bob")
    page.bury(STREAMED)
    token = author.get_state()
    growing = author.get("streams", type=Map)[STREAMED]
    growing += "talking"
    page.take(author.get_update(token), "bob")  # it reaches nothing: the text is gone
    last = author.get_state()
    with author.transaction():
        author.get("messages", type=Map)[STREAMED] = '{"text":"still talking"}'
        del author.get("streams", type=Map)[STREAMED]
    assert page.refuses(author.get_update(last)).rows == (("messages", STREAMED),)
    page.take(before, "bob")
    assert page.message(STREAMED) == {"deleted": True, "by": "mod"}
    assert list(page.doc.get("streams", type=Map)) == []


def test_G12_a_stream_does_not_begin_again_under_a_deleted_id() -> None:
    page = Page()
    page.bury(STREAMED)
    page.bury()
    for loaded in (False, True):
        for id in (STREAMED, BOBS):
            again = page.replica(SECOND + 1)
            before = again.get_state()
            again.get("streams", type=Map)[id] = Text("rude again")
            assert page.refuses(again.get_update(before)).rows == (("messages", id),)
        if not loaded:
            page.reload()


def test_G12_the_tombstone_itself_is_not_the_authors_to_take_away() -> None:
    page = Page()
    page.bury()
    clock = page.index.state()[7] - 1
    alone = [
        removed(page.replica(SECOND + 1), "messages", BOBS),
        update(deletes=[(7, [(clock, 1)])]),
        update((20, 0, [item(ANY, values(EDIT), origin=(7, clock))])),
        update((20, 0, [item(ANY, values(EDIT), right=(7, clock))])),
        update((20, 0, [item(ANY, values(EDIT), parent="messages", key=BOBS)])),
        update((20, 0, [item(ANY, values(EDIT), origin=(SECOND, 0), right=(7, clock))])),
        update(
            (20, 0, [item(ANY, values(CHANGES["a deletion"]), right=(7, clock))]), deletes=[(7, [(clock, 1)])]
        ),
        update(
            (
                20,
                0,
                [item(TYPE, b"\x02", parent="streams", key=BOBS), item(STRING, text("x"), parent=(20, 0))],
            )
        ),
    ]
    for data in alone:
        assert page.refuses(data).rule == "G12"
    assert page.message(BOBS) == {"deleted": True, "by": "mod"}


def test_G12_what_was_deleted_takes_no_honest_work_with_it() -> None:
    page = Page()
    page.bury()
    author = page.replica(SECOND + 1)
    later = format_id(NOW, "bob", 9)
    page.take(written(author, "messages", later, '{"text":"sorry"}'), "bob")
    page.take(written(author, "reactions", f"{BOBS}|bob|x", "1"), "bob")
    page.take(author.get_update(), "bob")
    page.take(page.doc.get_update(), "bob")
    assert page.message(later) == {"text": "sorry"}


def test_G12_S2_an_author_sends_all_it_has_though_two_writes_met_under_the_tombstone() -> None:
    page = Page()
    one, other = page.replica(20), page.replica(30)
    for replica, client in ((one, 20), (other, 30)):
        page.take(written(replica, "messages", BOBS, f'{{"text":"{client}"}}'), "bob")
    moderator, told = page.replica(7), list[bytes]()
    moderator.observe(lambda event: told.append(event.update))
    moderator.get("messages", type=Map)[BOBS] = TOMBSTONE
    page.take(told[0], "mod", Role.MODERATOR)  # that the one that lost is deleted, no update has told
    author = page.replica(SECOND + 1)
    assert not page.take(author.get_update(), "bob").is_news


def test_G12_ones_own_deletion_may_be_followed_by_an_edit_as_ever() -> None:
    page = Page()
    for change in ("a deletion", "a signed one"):
        page.take(written(page.replica(SECOND + len(change)), "messages", BOBS, CHANGES[change]), "bob")
        page.take(written(page.replica(SECOND + 2 * len(change)), "messages", BOBS, EDIT), "bob")
    assert page.message(BOBS) == {"text": "rude again", "edited": 1}


def test_G12_another_moderator_may_delete_it_again_and_the_server_says_what_it_likes() -> None:
    page = Page()
    page.bury()
    again = json.dumps({"deleted": True, "by": "mod2"})
    page.take(written(page.replica(8), "messages", BOBS, again), "mod2", Role.MODERATOR)
    assert page.message(BOBS) == {"deleted": True, "by": "mod2"}
    page.take(written(page.replica(9), "messages", BOBS, '{"text":"restored"}'), "", server=True)
    assert page.message(BOBS) == {"text": "restored"}
