"""Which rows wait for an acknowledgement, against a model that remembers everything."""

from hypothesis import given
from hypothesis import strategies as st

from syncchat.core.waiting import Row, Waiting

ROWS = st.frozensets(st.tuples(st.sampled_from("mn"), st.sampled_from("abc")), max_size=3)
STEPS = st.lists(st.one_of(ROWS, st.integers(0, 20)), max_size=40)


@given(STEPS)
def test_O7_a_row_waits_until_its_last_edit_is_acknowledged(steps: list[frozenset[Row] | int]) -> None:
    waiting = Waiting()
    last: dict[Row, int] = {}
    acknowledged = 0
    for step in steps:
        if isinstance(step, int):
            upto = min(step, waiting.newest)
            acknowledged = max(acknowledged, upto)
            told = waiting.acknowledged(upto)
            assert set(told) == {row for row, edit in last.items() if edit <= upto}
            assert len(told) == len(set(told))
            last = {row: edit for row, edit in last.items() if edit > upto}
        else:
            edit = waiting.edit()
            waiting.touched(step, edit)
            last.update(dict.fromkeys(step, edit))
        assert len(waiting) == len(last)
        assert all((row in waiting) == (row in last) for row in [(r, k) for r in "mn" for k in "abc"])
        assert waiting.settled == (acknowledged == waiting.newest)


def test_O7_an_edit_without_rows_counts_too() -> None:
    waiting = Waiting()
    edit = waiting.edit()
    assert len(waiting) == 0
    assert not waiting.settled
    assert waiting.acknowledged(edit) == []
    assert waiting.settled


def test_O7_a_late_acknowledgement_takes_nothing_back() -> None:
    waiting = Waiting()
    for _ in range(3):
        waiting.edit()
    waiting.acknowledged(3)
    waiting.acknowledged(1)
    assert waiting.settled
