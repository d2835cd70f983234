"""Many changes, few repaints, and the last one always seen."""

from collections.abc import Callable

from syncchat_tui.coalesce import Coalesced


class Clock:
    """Time that the test moves; `later` has the signature of a timer."""

    def __init__(self) -> None:
        self.now = 0.0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def later(self, seconds: float, callback: Callable[[], None]) -> None:
        self._due.append((self.now + seconds, callback))

    def move(self, seconds: float) -> None:
        self.now += seconds
        due = [callback for time, callback in self._due if time <= self.now]
        self._due = [(time, callback) for time, callback in self._due if time > self.now]
        for callback in due:
            callback()


def test_a_burst_runs_first_at_once_and_last_after_the_interval() -> None:
    clock, value, shown = Clock(), [0], list[int]()
    coalesced = Coalesced(lambda: shown.append(value[0]), clock.later, interval=0.05, now=lambda: clock.now)
    for value[0] in range(1, 1001):
        coalesced.poke()
        clock.move(0.001)
    clock.move(1)
    assert shown[0] == 1
    assert shown[-1] == 1000
    assert len(shown) <= 22


def test_a_lone_poke_runs_at_once() -> None:
    clock, runs = Clock(), list[float]()
    coalesced = Coalesced(lambda: runs.append(clock.now), clock.later, now=lambda: clock.now)
    coalesced.poke()
    clock.move(0)
    assert runs == [0.0]
