"""Deadlines: what is due is told once, the earliest first, whatever was put, moved and dropped before."""

from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.deadlines import SLACK, Deadlines

ITEMS = st.integers(0, 6)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("put"), ITEMS, st.integers(0, 50)),
        st.tuples(st.just("drop"), ITEMS, st.just(0)),
        st.tuples(st.just("take"), st.just(0), st.integers(0, 50)),
    ),
    max_size=60,
)


@given(STEPS)
def test_U3_deadlines_are_a_sorted_table(steps: list[tuple[str, int, int]]) -> None:
    deadlines: Deadlines[int] = Deadlines()
    table: dict[int, int] = {}
    for what, item, when in steps:
        if what == "put":
            deadlines.put(item, when)
            table[item] = when
        elif what == "drop":
            deadlines.drop(item)
            table.pop(item, None)
        else:
            due = deadlines.take(when)
            assert sorted(due) == sorted(item for item, time in table.items() if time <= when)
            assert [table[item] for item in due] == sorted(table[item] for item in due)
            table = {item: time for item, time in table.items() if time > when}
        assert len(deadlines) == len(table)
        assert deadlines.next() == min(table.values(), default=None)


def test_U3_who_left_before_its_time_is_not_kept_in_memory() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for item in range(10_000):
        deadlines.put(item, 1e9)
        deadlines.drop(item)
    assert len(deadlines._heap) <= SLACK + 1
