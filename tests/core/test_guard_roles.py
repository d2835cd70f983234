"""The guard and who somebody is: times, agents, readers, moderators, and what a message may say."""

import json
from typing import Any

import pytest
from pycrdt import Doc, Map, Text

from syncchat.core.grant import Role
from syncchat.core.guard import MAX_AHEAD, Accept, judge
from syncchat.core.ids import ALPHABET, base32, format_id
from syncchat.core.schema import OPEN, PAGE
from syncchat.core.structs import StructIndex
from syncchat.core.update import ANY, DELETED, decode
from syncchat.errors import Refused
from syncchat.testing.updates import item, number, update, values

NOW = 1_800_000_000_000
ANNS = format_id(NOW - 5000, "ann", 1)
BOBS = format_id(NOW - 4000, "bob", 2)
BOBS_STREAM = format_id(NOW - 3000, "bob", 3)
FIRST, SECOND = 100, 200
"""Client ids of ann's and of bob's first docs."""


class Page:
    """A page behind the guard, with a message of ann's, one of bob's, and one that bob is streaming."""

    def __init__(self) -> None:
        self.doc: Doc[Any] = Doc()
        self.index = StructIndex(self.doc.get_update)
        ann, bob = self.replica(FIRST), self.replica(SECOND)
        ann.get("messages", type=Map)[ANNS] = '{"text":"hi"}'
        bob.get("messages", type=Map)[BOBS] = '{"text":"rude"}'
        bob.get("streams", type=Map)[BOBS_STREAM] = Text("still ")
        bob.get("reactions", type=Map)[f"{ANNS}|bob|x"] = "1"
        bob.get("requests", type=Map)[f"stop|{ANNS}|bob"] = "1"
        self.take(ann.get_update(), "ann")
        self.take(bob.get_update(), "bob")

    def replica(self, client: int) -> Doc[Any]:
        doc: Doc[Any] = Doc(client_id=client)
        doc.apply_update(self.doc.get_update())
        return doc

    def take(
        self, data: bytes, user: str, role: Role = Role.WRITER, now: int = NOW, *, server: bool = False
    ) -> Accept:
        verdict = judge(decode(data), self.index, user=user, role=role, now=now, schema=PAGE, server=server)
        assert isinstance(verdict, Accept)
        self.doc.apply_update(data)
        self.index.extend(verdict.plan, user)
        return verdict

    def refuses(self, data: bytes, user: str, role: Role = Role.WRITER, now: int = NOW) -> Refused:
        """The refusal; nothing of it may reach the doc."""
        with pytest.raises(Refused) as refusal:
            self.take(data, user, role, now)
        return refusal.value

    def message(self, id: str) -> Any:
        row = self.doc.get("messages", type=Map).get(id)
        return None if row is None else json.loads(row)


def written(doc: Doc[Any], root: str, key: str, value: object) -> bytes:
    """The update that sets a row of a replica."""
    before = doc.get_state()
    doc.get(root, type=Map)[key] = value
    return doc.get_update(before)


def removed(doc: Doc[Any], root: str, key: str) -> bytes:
    before = doc.get_state()
    del doc.get(root, type=Map)[key]
    return doc.get_update(before)


def said(key: str, value: object, *, root: str = "messages", client: int = 7) -> bytes:
    """A row written by somebody who knows nothing of the doc."""
    text = value if isinstance(value, str) else json.dumps(value)
    return update((client, 0, [item(ANY, values(text), parent=root, key=key)]))


# Times


@pytest.mark.parametrize("root", ["messages", "streams"])
def test_G9_a_message_stamped_two_minutes_ahead_is_refused(root: str) -> None:
    page = Page()
    for ahead, fits in (
        (-3_600_000, True),
        (0, True),
        (MAX_AHEAD, True),
        (MAX_AHEAD + 1, False),
        (120_000, False),
    ):
        id = format_id(NOW + ahead, "ann", 9)
        data = written(page.replica(1), root, id, Text() if root == "streams" else '{"text":"x"}')
        if fits:
            assert isinstance(
                judge(decode(data), page.index, user="ann", role=Role.WRITER, now=NOW, schema=PAGE), Accept
            )
        else:
            refusal = page.refuses(data, "ann")
            assert (refusal.rule, refusal.rows) == ("G9", ((root, id),))


def test_G9_G8_all_rows_from_the_future_are_named() -> None:
    page = Page()
    ids = [format_id(NOW + ahead, "ann", 9) for ahead in (0, 70_000, 80_000)]
    data = update((7, 0, [item(ANY, values('{"text":"x"}'), parent="messages", key=id) for id in ids]))
    assert page.refuses(data, "ann").rows == tuple(("messages", id) for id in ids[1:])


def test_G9_what_exists_is_not_judged_again_when_the_servers_clock_goes_back() -> None:
    page = Page()
    earlier = NOW - 3_600_000
    assert page.refuses(said(format_id(NOW, "ann", 9), {"text": "x"}), "ann", now=earlier).rule == "G9"
    page.take(written(page.replica(FIRST + 1), "messages", ANNS, '{"text":"edited"}'), "ann", now=earlier)
    page.take(
        written(page.replica(SECOND + 1), "messages", BOBS_STREAM, '{"text":"done"}'), "bob", now=earlier
    )
    page.take(page.doc.get_update(), "ann", now=earlier)
    assert page.message(ANNS) == {"text": "edited"}


def test_G9_without_a_clock_no_time_is_judged_and_the_server_is_never() -> None:
    data = decode(said(format_id(NOW + 10**9, "ann", 9), {"text": "x"}))
    assert isinstance(judge(data, StructIndex(), user="ann", role=Role.WRITER, schema=PAGE), Accept)
    assert isinstance(
        judge(data, StructIndex(), user="", role=Role.WRITER, now=NOW, schema=PAGE, server=True), Accept
    )


def test_G9_requests_that_carry_a_time_of_their_own_are_stamped_too() -> None:
    page = Page()
    later = f"topic|{base32(NOW + 120_000, 10)}|ann"
    assert page.refuses(said(later, "1", root="requests"), "ann").rule == "G9"
    for what in (base32(NOW, 10), format_id(NOW + 120_000, "bob", 1), "everything", ALPHABET[:10].upper()):
        data = decode(said(f"topic|{what}|ann", "1", root="requests"))
        assert isinstance(judge(data, page.index, user="ann", role=Role.WRITER, now=NOW, schema=PAGE), Accept)


# Agents


def test_G10_only_an_agent_writes_as_an_agent() -> None:
    page = Page()
    data = said(format_id(NOW, "ann", 9), {"text": "I am a bot", "agent": True})
    for role in (Role.WRITER, Role.MODERATOR):
        assert page.refuses(data, "ann", role).rule == "G10"
    page.take(said(format_id(NOW, "ann", 8), {"text": "x", "agent": False}), "ann")
    page.take(data.replace(b"\x01\x01\x07", b"\x01\x01\x08", 1), "ann", Role.AGENT)
    page.take(page.doc.get_update(), "bob")


def test_G10_a_name_said_twice_or_escaped_counts_as_its_readers_take_it() -> None:
    page = Page()
    for sly in ('{"text":"x","agent":false,"agent":true}', '{"text":"x","\\u0061gent":true}'):
        assert page.refuses(said(format_id(NOW, "ann", 9), sly), "ann").rule == "G10"


# Readers


def test_G11_a_reader_changes_nothing() -> None:
    page = Page()
    for data in (
        said(format_id(NOW, "eve", 9), {"text": "x"}),
        said(BOBS, {"text": "x"}),
        update(deletes=[(FIRST, [(0, 1)])]),
        update((7, 0, [b"\x00\x01"])),
        update((7, 5, [b"\x00\x01"])),
        removed(page.replica(7), "messages", ANNS),
    ):
        assert page.refuses(data, "eve", Role.READER).rule == "G11"


def test_G11_S2_a_reader_may_send_what_the_doc_has() -> None:
    page = Page()
    assert not page.take(page.doc.get_update(), "eve", Role.READER).is_news
    page.take(update((20, 0, [item(ANY, values('{"text":"a"}'), origin=(FIRST, 0))])), "ann")
    page.take(update((21, 0, [item(ANY, values('{"text":"b"}'), origin=(FIRST, 0))])), "ann")
    reader = page.replica(7)
    assert (20, 0, 1) in decode(reader.get_update()).deletes  # which no update has told
    assert not page.take(reader.get_update(), "eve", Role.READER).is_news


# Moderators


def tombstone(by: str = "mod") -> str:
    return json.dumps({"deleted": True, "by": by})


def test_G12_a_moderator_deletes_messages_by_name() -> None:
    page = Page()
    replica = page.replica(7)
    page.take(written(replica, "messages", BOBS, tombstone()), "mod", Role.MODERATOR)
    assert page.message(BOBS) == {"deleted": True, "by": "mod"}
    both = replica.get_state()
    with replica.transaction():
        replica.get("messages", type=Map)[BOBS_STREAM] = tombstone()
        del replica.get("streams", type=Map)[BOBS_STREAM]
    page.take(replica.get_update(both), "mod", Role.MODERATOR)
    assert page.message(BOBS_STREAM) == {"deleted": True, "by": "mod"}
    page.take(
        written(replica, "messages", format_id(NOW, "mod", 1), '{"text":"sorry"}'), "mod", Role.MODERATOR
    )


@pytest.mark.parametrize(
    ("root", "key"),
    [("streams", BOBS_STREAM), ("reactions", f"{ANNS}|bob|x"), ("requests", f"stop|{ANNS}|bob")],
)
def test_G12_a_moderator_removes_rows_of_others_and_writes_none(root: str, key: str) -> None:
    page = Page()
    page.take(removed(page.replica(7), root, key), "mod", Role.MODERATOR)
    assert key not in page.doc.get(root, type=Map)
    value = Text("mine now") if root == "streams" else "2"
    assert page.refuses(written(page.replica(8), root, key, value), "mod", Role.MODERATOR).rule == "G12"


def test_G12_a_moderator_deletes_all_of_a_text_or_nothing_of_it() -> None:
    """What is left of "not guilty" would be another's words."""
    page = Page()
    replica = page.replica(7)
    before = replica.get_state()
    del replica.get("streams", type=Map)[BOBS_STREAM][:3]
    refusal = page.refuses(replica.get_update(before), "mod", Role.MODERATOR)
    assert (refusal.rule, refusal.rows) == ("G12", (("streams", BOBS_STREAM),))
    page.take(removed(page.replica(8), "streams", BOBS_STREAM), "mod", Role.MODERATOR)
    page.take(replica.get_update(before), "mod", Role.MODERATOR)  # now it deletes what is gone


NOT_BY_NAME = {
    "another text": '{"text":"polite"}',
    "another text beside the tombstone": '{"deleted":true,"by":"mod","text":"x"}',
    "another's name": tombstone("ann"),
    "the author's name": tombstone("bob"),
    "no name": '{"deleted":true}',
    "no deletion": '{"deleted":false,"by":"mod","text":""}',
    "as an agent": '{"deleted":true,"by":"mod","agent":true}',
}


@pytest.mark.parametrize("name", NOT_BY_NAME)
def test_G12_a_moderator_rewrites_nothing(name: str) -> None:
    page = Page()
    for id in (BOBS, BOBS_STREAM):
        refusal = page.refuses(
            written(page.replica(7), "messages", id, NOT_BY_NAME[name]), "mod", Role.MODERATOR
        )
        assert refusal.rule in ("G12", "G10")
        assert refusal.rows == (("messages", id),)


def test_G12_a_message_does_not_vanish_without_a_name() -> None:
    page = Page()
    for data in (
        removed(page.replica(7), "messages", BOBS),
        update(deletes=[(SECOND, [(0, 1)])]),
        update((7, 0, [item(DELETED, number(1), origin=(SECOND, 0))])),
        # Its own tombstone is deleted at once, or stands where it does not count.
        update((7, 0, [item(ANY, values(tombstone()), origin=(SECOND, 0))]), deletes=[(7, [(0, 1)])]),
        update((7, 0, [item(ANY, values(tombstone()), right=(SECOND, 0))]), deletes=[(SECOND, [(0, 1)])]),
    ):
        assert page.refuses(data, "mod", Role.MODERATOR).rule == "G12"
    assert page.message(BOBS) == {"text": "rude"}


def test_G12_there_is_no_tombstone_over_what_nobody_wrote() -> None:
    page = Page()
    refusal = page.refuses(said(format_id(NOW, "bob", 9), tombstone()), "mod", Role.MODERATOR)
    assert refusal.rule == "G12"


def test_G12_a_tombstone_over_what_its_author_has_removed_meanwhile_is_no_offence() -> None:
    page = Page()
    buried = written(page.replica(7), "messages", BOBS, tombstone())
    page.take(removed(page.replica(8), "messages", BOBS), "bob")
    page.take(buried, "mod", Role.MODERATOR)
    assert page.message(BOBS) == {"deleted": True, "by": "mod"}


def test_G12_a_tombstone_that_lost_against_an_edit_is_harmless() -> None:
    page = Page()
    moderator, author = page.replica(7), page.replica(8)
    buried = written(moderator, "messages", BOBS, tombstone())
    edit = written(author, "messages", BOBS, '{"text":"less rude"}')
    page.take(edit, "bob")
    moderator.apply_update(edit)
    page.take(moderator.get_update(page.doc.get_state()), "mod", Role.MODERATOR)
    assert page.message(BOBS) == {"text": "less rude"}
    late = Page()
    late.take(edit, "bob")
    late.take(buried, "mod", Role.MODERATOR)
    assert late.message(BOBS) == {"text": "less rude"}


def test_G12_G3_what_the_server_wrote_is_not_a_moderators_to_delete() -> None:
    page = Page()
    page.take(said("k", "1", root="marks", client=9), "", server=True)
    assert page.refuses(removed(page.replica(7), "marks", "k"), "mod", Role.MODERATOR).rule == "G3"


@pytest.mark.parametrize("role", [Role.WRITER, Role.AGENT, Role.MODERATOR])
def test_G12_nobody_deletes_in_anothers_name(role: Role) -> None:
    page = Page()
    assert (
        page.refuses(written(page.replica(7), "messages", ANNS, tombstone("mod")), "ann", role).rule == "G12"
    )
    page.take(written(page.replica(8), "messages", ANNS, tombstone("ann")), "ann", role)


def test_G12_G1_who_is_no_moderator_deletes_nothing_of_others() -> None:
    page = Page()
    for role in (Role.WRITER, Role.AGENT):
        for root, key in (("messages", BOBS), ("streams", BOBS_STREAM), ("reactions", f"{ANNS}|bob|x")):
            assert page.refuses(removed(page.replica(7), root, key), "ann", role).rule == "G1"
        assert (
            page.refuses(written(page.replica(8), "messages", BOBS, tombstone("ann")), "ann", role).rule
            == "G1"
        )


# What a message says

UNSHOWABLE = {
    "no object": '"text"',
    "a list": "[]",
    "nothing": "{}",
    "no text": '{"re":null}',
    "a number for a text": '{"text":1}',
    "no text and not deleted": '{"deleted":false}',
    "deleted by number": '{"text":"x","deleted":1}',
    "an answer to no message": '{"text":"x","re":"y"}',
    "edited never": '{"text":"x","edited":"yesterday"}',
    "edited before all time": '{"text":"x","edited":-1}',
    "edited after all time": '{"text":"x","edited":1e300}',
    "edited by truth": '{"text":"x","edited":true}',
    "an unknown state": '{"text":"x","state":"exploded"}',
    "an agent in words": '{"text":"x","agent":"yes"}',
    "a name that is none": '{"deleted":true,"by":"a b"}',
    "a name that is a list": '{"deleted":true,"by":[]}',
}


@pytest.mark.parametrize("name", UNSHOWABLE)
def test_G6_a_message_that_no_client_could_show_is_refused(name: str) -> None:
    page = Page()
    refusal = page.refuses(said(format_id(NOW, "ann", 9), UNSHOWABLE[name]), "ann", Role.AGENT)
    assert refusal.rule == "G6"
    assert refusal.rows == (("messages", format_id(NOW, "ann", 9)),)


@pytest.mark.parametrize(
    "body",
    [
        {"text": ""},
        {"text": "x", "re": BOBS, "edited": NOW, "state": "stopped"},
        {"text": "x", "re": None, "edited": None, "state": None},
        {"text": "x", "color": ["of", {"a": "later"}, "version"]},
        {"deleted": True},
        {"deleted": True, "text": "left there", "by": "ann"},
    ],
)
def test_G6_what_clients_write_and_what_later_ones_may_add_is_accepted(body: dict[str, Any]) -> None:
    Page().take(said(format_id(NOW, "ann", 9), body), "ann")


def test_G6_docs_that_belong_to_no_room_have_messages_of_their_own_kind() -> None:
    data = decode(said("anything", "x"))
    assert isinstance(judge(data, StructIndex(), user="ann", role=Role.WRITER, schema=OPEN), Accept)
