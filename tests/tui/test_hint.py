"""The line below the conversation, and the count of what came below the screen."""

import pytest

from syncchat.core.cover import Unread
from syncchat.core.deltas import Added, Changed, Removed
from syncchat_tui.header import counts
from syncchat_tui.hint import Around, hint
from syncchat_tui.unseen import Unseen


@pytest.mark.parametrize(
    ("around", "said"),
    [
        (Around(), ""),
        (Around(late=1), "▲ 1 message arrived late above (F5)"),
        (Around(late=2, new=9), "▲ 2 messages arrived late above (F5)"),
        (Around(new=300, below=2), "▲ 300 new: they begin above (F5)  ▼ 2 new below (End)"),
        (Around(more=True), "▼ newer messages below (End)"),
        (Around(more=True, loading=True), "▼ loading newer messages…"),
    ],
)
def test_H6_H7_what_is_around_the_screen_is_told_in_one_line(around: Around, said: str) -> None:
    assert hint(around, 80) == said


@pytest.mark.parametrize("around", [Around(late=99), Around(new=999)])
def test_H6_H7_on_a_small_screen_it_says_where_and_the_key(around: Around) -> None:
    assert len(hint(around, 20)) <= 16
    assert hint(around, 20).endswith("(F5)")


def test_H7_what_is_unread_is_told_with_the_mentions() -> None:
    assert counts(Unread(0, 0)) == ""
    assert counts(Unread(3, 0)) == "3 unread"
    assert counts(Unread(3, 1)) == "3 unread, 1 @you"


def test_H5_a_page_that_is_turned_to_is_no_news_unless_it_is_behind_all_that_was() -> None:
    unseen = Unseen()
    unseen.all_seen("m5")
    unseen.hear([Added(0, "m1"), Added(9, "m6"), Changed(1, "m2")], below="m3", turning=False)
    assert unseen.count == 1
    unseen.hear([Added(4, "m4"), Added(9, "m7")], below="m3", turning=True)
    assert unseen.count == 2
    unseen.hear([Added(4, "m4")], below="m3", turning=False)
    assert unseen.count == 3
    unseen.hear([Removed(4, "m4"), Removed(0, "m1")], below="m3", turning=True)
    assert unseen.count == 2
    unseen.all_seen("m7")
    unseen.hear([Added(9, "m6")], below="m3", turning=True)
    assert unseen.count == 0
