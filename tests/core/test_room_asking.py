"""What people ask of agents in a room: where it is written, and who hears of it."""

from pycrdt import Doc

from syncchat.core.asking import Asked
from syncchat.core.store import Store
from tests.core.test_room import NOW, shared


def test_what_is_asked_is_heard_once_wherever_it_comes_from() -> None:
    ann, bob, id = shared()
    heard: list[list[Asked]] = []
    ann.room.listen_asked(heard.append)
    bob.room.ask("stop", id)
    bob.room.ask("stop", id)
    ann.take(bob)
    bob.store.table("requests").set("odd", 1)
    bob.store.table("requests").set("a|b|c|d", 1)
    ann.take(bob)
    assert heard == [[Asked("stop", id, "bob", 1, NOW)]]
    assert list(ann.room.asked()) == [Asked("stop", id, "bob", 1, NOW)]


def test_A29_what_has_to_be_heard_now_stands_on_the_newest_page_and_names_the_one_of_its_message() -> None:
    ann, _, id = shared()
    newest = Store(Doc())
    ann.room.attach(1, newest)
    what = ann.room.ask("usage")
    for verb, value in (("stop", 1), ("why", 2), ("should", "quiet"), ("claim", {"page": 7, "value": 1})):
        ann.room.ask(verb, id, value)
        ann.room.ask(verb, id, value)
    assert set(ann.room.page(1).asked()) == {
        Asked("stop", id, "ann", 1, NOW, 0),
        Asked("why", id, "ann", 2, NOW, 0),
        next(ann.room.asked("usage")),
    }
    assert next(ann.room.asked("usage")).what == what
    assert {asked.verb: (asked.value, asked.page) for asked in ann.room.page(0).asked()} == {
        "should": ("quiet", None),
        "claim": ({"page": 7, "value": 1}, None),
    }
