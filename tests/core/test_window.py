"""The window: which pages are shown, whatever is scrolled and whatever the cover says."""

from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.window import MAX_SHOWN, Window


def test_H4_a_window_begins_at_the_newest_page_and_takes_the_one_before_if_that_is_sparse() -> None:
    window = Window(5, 0)
    assert list(window.pages) == [5]
    window.fill(sparse=False)
    window.fill(sparse=True)
    assert list(window.pages) == [5], "that was decided"
    window = Window(5, 0)
    window.fill(sparse=True)
    assert list(window.pages) == [4, 5]
    window = Window(5, 5)
    window.fill(sparse=True)
    assert list(window.pages) == [5], "there is none before"


def test_H3_who_does_not_scroll_follows_the_end_with_the_page_that_was_newest_before() -> None:
    window = Window(0, 0)
    for newest in range(1, 30):
        window.adjust(newest, 0)
        assert list(window.pages) == [newest - 1, newest]
    window.adjust(40, 0)
    assert list(window.pages) == [40]
    assert window.is_fresh


def test_H5_who_has_scrolled_up_keeps_what_is_read_while_the_end_moves_on() -> None:
    window = Window(20, 0)
    for _ in range(3):
        window.extend_up()
    window.adjust(21, 0)
    assert list(window.pages) == [17, 18, 19, 20, 21]
    for _ in range(10):
        window.extend_up()
    before = list(window.pages)
    assert len(before) == MAX_SHOWN
    assert before[-1] < 20
    window.adjust(22, 0)
    assert list(window.pages) == before
    for _ in range(15 - before[0]):
        window.extend_down()
    window.adjust(23, 0)
    assert list(window.pages) == list(range(16, 24)), "who came down to the end stays there"
    window.to_end()
    assert list(window.pages) == [22, 23]


def test_H5_dropped_pages_are_shown_no_more() -> None:
    window = Window(9, 0)
    for _ in range(9):
        window.extend_up()
    window.adjust(9, 4)
    assert list(window.pages) == [4, 5, 6, 7]
    assert not window.has_older
    window.adjust(9, 9)
    assert list(window.pages) == [9]


steps = st.lists(
    st.one_of(
        st.sampled_from(["up", "down", "end", "sparse", "full", "goto"]),
        st.tuples(st.integers(-2, 3), st.integers(0, 3)),
    ),
    max_size=60,
)


@given(steps)
def test_H5_a_window_is_a_range_of_pages_that_are_there_and_never_a_large_one(
    steps: list[str | tuple[int, int]],
) -> None:
    window = Window(5, 0)
    for step in steps:
        if isinstance(step, tuple):
            window.adjust(max(0, window.newest + step[0]), window.first + step[1])
        elif step == "up" and window.has_older:
            window.extend_up()
        elif step == "down" and not window.is_recent:
            window.extend_down()
        elif step == "end":
            window.to_end()
            assert window.is_recent
        elif step in ("sparse", "full"):
            window.fill(sparse=step == "sparse")
        elif step == "goto":
            window.go_to(window.first, min(window.newest, window.first + 2))
        assert window.first <= window.low <= window.high <= window.newest
        assert 1 <= len(window.pages) <= MAX_SHOWN
        assert not window.is_fresh or window.is_recent
