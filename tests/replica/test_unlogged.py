"""Changes that wait for a log: all of them in order, or the whole state in place of too many."""

from syncchat.unlogged import MAX_UNLOGGED, Unlogged


def state() -> bytes:
    return b"state"


def test_D3_changes_are_taken_once_and_in_order() -> None:
    unlogged = Unlogged()
    assert not unlogged
    unlogged.add(b"a")
    unlogged.add(b"b")
    assert unlogged
    assert unlogged.take(state) == [b"a", b"b"]
    assert not unlogged
    assert unlogged.take(state) == []


def test_D3_past_the_bound_and_after_a_failure_the_whole_state_stands_for_them() -> None:
    unlogged = Unlogged()
    unlogged.add(b"x" * MAX_UNLOGGED)
    unlogged.add(b"y")
    unlogged.add(b"z")
    assert unlogged.take(state) == [b"state"]
    unlogged.lose()
    assert unlogged
    unlogged.add(b"more")
    assert unlogged.take(state) == [b"state"]
    unlogged.lose()
    unlogged.clear()
    assert not unlogged
