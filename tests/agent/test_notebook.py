"""What the agent keeps for itself survives restarts, kill -9, clocks that go back, and a second process."""

import os
import random
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from syncchat.agent.budget import Budget, Payer, Spend, day_of
from syncchat.agent.ledger import Entry
from syncchat.agent.notebook import MAX_DAYS, MAX_NOTE, MAX_NOTES, Notebook, Reservation
from syncchat.agent.prices import BUILTIN, Price, Prices
from syncchat.agent.tokens import Tokens
from syncchat.errors import LogCorrupt, LogFailed
from syncchat.journal import Journals
from syncchat.log import MemoryLog, MemoryStore, SqliteLog
from syncchat.testing.crash import CrashLog
from syncchat.testing.loop import EPOCH, run
from syncchat.testing.program import Program, python
from syncchat_server.doctor import examine

ZOE = Payer("zoe", "lobby")
MOST = Tokens(100, 400)
HOUR, DAY = 3_600_000, 86_400_000
NOON = 20_000 * DAY + 12 * HOUR

CALLER = """
    import sys
    import anyio
    from syncchat.agent.budget import Budget, Payer
    from syncchat.agent.notebook import Notebook, Reservation
    from syncchat.agent.tokens import Tokens

    async def main(path, now):
        async with Notebook.open(path, Budget(calls=300)) as notebook:
            payer, most = Payer("zoe", "lobby"), Tokens(100, 400)
            while isinstance(await notebook.reserve(payer, most, int(now)), Reservation):
                print("call", flush=True)
            while True:
                print("over", flush=True)
                await anyio.sleep(0.1)

    anyio.run(main, *sys.argv[1:])
"""

pytestmark = pytest.mark.anyio


async def calls(notebook: Notebook, now: int = NOON, payer: Payer = ZOE) -> int:
    """How many calls may be made one after the other."""
    count = 0
    while isinstance(await notebook.reserve(payer, MOST, now), Reservation):
        count += 1
    return count


async def test_A23_money_is_counted_by_the_prices_over_restarts_and_for_what_was_not_reserved(
    tmp_path: Path,
) -> None:
    path = tmp_path / "bot.sqlite"
    payer = Payer("zoe", "lobby", "large")
    prices = Prices("EUR", {"large": Price(Decimal(1), Decimal(2))})
    for _ in range(2):
        async with Notebook.open(path, Budget(money_per_user=0.0019), prices) as notebook:
            reservation = await notebook.reserve(payer, MOST, NOON)
            assert isinstance(reservation, Reservation)
            await notebook.settle(reservation, Tokens(100, 200))
    async with Notebook.open(path, Budget(money_per_user=0.0019), prices) as notebook:
        assert (await notebook.book(day_of(NOON))).total.money == Decimal("0.001")
        await notebook.charge("zoe", "lobby", NOON, Spend(1, 0, 450), model="large")
        assert await notebook.reserve(payer, MOST, NOON) == (0, "money_per_user", True)


async def test_A23_with_a_limit_in_money_a_model_without_a_price_is_not_called() -> None:
    async with Notebook.open(None, Budget(money_per_room=5)) as notebook:
        assert await notebook.reserve(Payer("zoe", "lobby", "odd"), MOST, NOON) == (0, "money_per_room", True)
        assert isinstance(await notebook.reserve(Payer("zoe", "lobby", BUILTIN), MOST, NOON), Reservation)


async def test_A23_a_restart_forgets_nothing(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    async with Notebook.open(path, Budget(calls_per_user=3)) as notebook:
        first = await notebook.reserve(ZOE, MOST, NOON)
        assert isinstance(first, Reservation)
        await notebook.settle(first, Tokens(10, 20))
        await notebook.charge("zoe", "lobby", NOON, Spend(1, 5, 5))
    async with Notebook.open(path, Budget(calls_per_user=3)) as notebook:
        assert await notebook.allowance("zoe", "lobby", NOON) == (1, None, True)
        assert (await notebook.book(day_of(NOON))).cells == {ZOE: Spend(2, 15, 25)}
        assert await calls(notebook) == 1


def test_A23_two_processes_killed_at_any_moment_spend_no_more_than_there_is(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    command = python(CALLER, path, NOON)
    made = 0
    for heard in range(1, 4):
        with Program(command, tmp_path / "one.txt") as one, Program(command, tmp_path / "other.txt") as other:
            lines = [*(one.line() for _ in range(heard)), other.line()]
            one.strike()
            other.strike()
            made += [*lines, *one.kill(), *other.kill()].count("call")
    with Program(command, tmp_path / "last.txt") as last:
        while last.line() != "over":
            made += 1
    # What was allowed in the instant of a kill was never made, and counts all the same.
    assert 300 - 6 <= made <= 300


def test_A23_a_call_killed_before_it_was_settled_counts_as_it_was_reserved(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    with Program(python(CALLER, path, NOON), tmp_path / "errors.txt") as program:
        program.line()
        made = 1 + program.kill().count("call")

    async def look() -> None:
        async with Notebook.open(path) as notebook:
            spend = (await notebook.book(day_of(NOON))).total
            assert made <= spend.calls <= made + 1
            assert (spend.tokens_in, spend.tokens_out) == (100 * spend.calls, 400 * spend.calls)

    anyio.run(look)


@pytest.mark.parametrize("seed", range(20))
def test_A23_however_two_processes_crash_and_interleave_a_limit_is_passed_by_one_call_at_most(
    seed: int,
) -> None:
    rng = random.Random(seed)
    budget = Budget(calls=rng.randrange(1, 12), tokens=rng.randrange(1, 3_000))
    store = MemoryStore()
    made: list[Tokens] = []

    async def work(notebook: Notebook) -> None:
        for _ in range(rng.randrange(1, 8)):
            try:
                answer = await notebook.reserve(ZOE, MOST, EPOCH)
                if isinstance(answer, Reservation):
                    taken = Tokens(rng.randrange(101), rng.randrange(401))
                    made.append(taken)
                    await anyio.sleep(rng.uniform(0, 0.02))
                    await notebook.settle(answer, taken)
            except LogFailed:
                return

    async def live() -> None:
        async with CrashLog(store, rng) as log, anyio.create_task_group() as tasks:
            notebook = Notebook(Journals(log), budget)
            for _ in range(3):
                tasks.start_soon(work, notebook)
            await anyio.sleep(rng.uniform(0, 0.1))
            log.crash()

    async def story() -> None:
        for _ in range(3):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(live)
                tasks.start_soon(live)
        async with MemoryLog(store) as log:
            book = await Notebook(Journals(log)).book(day_of(EPOCH))
        assert budget.calls is not None
        assert budget.tokens is not None
        assert len(made) <= book.total.calls <= budget.calls
        spent = sum(taken.tokens_in + taken.tokens_out for taken in made)
        assert spent <= book.total.tokens < budget.tokens + 500

    run(story)


async def test_A23_a_new_day_has_a_new_budget_and_yesterday_is_still_known() -> None:
    async with Notebook.open(None, Budget(calls=2)) as notebook:
        midnight = NOON + 12 * HOUR
        assert await calls(notebook, midnight - 1) == 2
        assert await calls(notebook, midnight) == 2
        assert await notebook.days() == [day_of(midnight - 1), day_of(midnight)]


async def test_A23_a_call_over_midnight_belongs_to_the_day_on_which_it_began() -> None:
    async with Notebook.open(None) as notebook:
        midnight = NOON + 12 * HOUR
        late = await notebook.reserve(ZOE, MOST, midnight - 1)
        assert isinstance(late, Reservation)
        await calls_and_settle(notebook, midnight)
        await notebook.settle(late, Tokens(1, 2))
        assert (await notebook.book(day_of(midnight - 1))).total == Spend(1, 1, 2)
        assert (await notebook.book(day_of(midnight))).total == Spend(1, 7, 7)


async def calls_and_settle(notebook: Notebook, now: int) -> None:
    reservation = await notebook.reserve(ZOE, MOST, now)
    assert isinstance(reservation, Reservation)
    await notebook.settle(reservation, Tokens(7, 7))


async def test_A23_a_clock_that_goes_back_finds_what_was_spent_on_that_day() -> None:
    async with Notebook.open(None, Budget(calls=2)) as notebook:
        assert await calls(notebook, NOON) == 2
        assert await calls(notebook, NOON + DAY) == 2
        assert await calls(notebook, NOON) == 0


async def test_A23_a_clock_that_goes_back_for_months_gains_nothing() -> None:
    async with Notebook.open(None, Budget(calls=2)) as notebook:
        for number in range(MAX_DAYS + 3):
            await calls(notebook, NOON + number * DAY)
        days = await notebook.days()
        assert days == [day_of(NOON + number * DAY) for number in range(3, MAX_DAYS + 3)]
        assert await calls(notebook, NOON) == 0
        assert await calls(notebook, NOON - 1_000 * DAY) == 0
        assert await notebook.days() == days


async def test_A23_only_one_of_all_processes_is_the_first_to_say_it_and_once_a_day(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    said: list[bool] = []

    async def say(notebook: Notebook) -> None:
        said.append(await notebook.first("lobby calls", NOON))

    async with Notebook.open(path) as one, Notebook.open(path) as other:
        async with anyio.create_task_group() as tasks:
            for notebook in (one, other) * 3:
                tasks.start_soon(say, notebook)
        assert sorted(said) == [False] * 5 + [True]
        assert await other.first("lobby calls", NOON + DAY)
        assert await other.first("attic calls", NOON)


async def test_A22_decisions_are_kept_with_those_before_them_and_found_by_the_answer_too() -> None:
    async with Notebook.open(None) as notebook:
        await notebook.record(Entry("lobby", "m1", 5, "wait", "A11", {"until": 9}))
        await notebook.record(Entry("lobby", "m1", 7, "judge", "A2", cost=Spend(1, 50, 5)))
        await notebook.record(Entry("lobby", "m1", 9, "speak", "A1", {"people": 2}, Spend(1, 80, 30), "r1"))
        entry = await notebook.entry("lobby", "r1")
        assert entry == await notebook.entry("lobby", "m1")
        assert entry is not None
        assert (entry.decision, entry.rule, entry.reply, entry.inputs) == ("speak", "A1", "r1", {"people": 2})
        assert entry.cost == Spend(2, 130, 35)
        assert entry.before == ((5, "wait", "A11"), (7, "judge", "A2"))
        await notebook.record(Entry("lobby", "m1", 11, "withdraw", "A18"))
        later = await notebook.entry("lobby", "r1")
        assert later is not None
        assert (later.decision, later.before[-1]) == ("withdraw", (9, "speak", "A1"))
        assert await notebook.entry("lobby", "m2") is None
        assert await notebook.entry("attic", "m1") is None


async def test_A22_a_second_process_sees_the_first_ones_decisions_and_settings(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    async with Notebook.open(path) as one, Notebook.open(path) as other:
        assert await other.entry("lobby", "m1") is None
        await one.record(Entry("lobby", "m1", 5, "quiet", "A12"))
        await one.set("lobby", "ambient", True)
        entry = await other.entry("lobby", "m1")
        assert entry is not None
        assert entry.decision == "quiet"
        assert await other.get("lobby", "ambient") is True
        assert await other.get("attic", "ambient", "unset") == "unset"


async def test_A22_the_ledger_goes_back_for_a_bounded_number_of_messages() -> None:
    async with MemoryLog() as log:
        notebook = Notebook(Journals(log))
        for number in range(1_500):
            await notebook.record(Entry("lobby", f"m{number:04}", number, "quiet", "A12"))
        assert await notebook.entry("lobby", "m0999") is None
        assert await notebook.entry("lobby", "m1000") is not None
        again = Notebook(Journals(log))
        assert await again.entry("lobby", "m0999") is None
        assert await again.entry("lobby", "m1499") is not None
        count, size = await log.size("#decided/lobby")
        assert count < 1_100
        assert size < 300_000


async def test_A22_the_ledger_holds_neither_long_values_nor_what_JSON_cannot_say() -> None:
    async with Notebook.open(None) as notebook:
        odd = {
            "long": "x" * 9_000,
            "inf": float("inf"),
            "set": {"a"},
            "path": Path("a"),
            "n": 0.5,
            "no": None,
        }
        await notebook.record(
            Entry("lobby", "m1", 5, "quiet", "A12", odd | dict.fromkeys(map(str, range(99))))
        )
        entry = await notebook.entry("lobby", "m1")
        assert entry is not None
        assert len(entry.inputs) == 24
        assert entry.inputs["long"] == "x" * 200
        assert [entry.inputs[name] for name in ("inf", "set", "path", "n", "no")] == [
            "inf",
            ["a"],
            "a",
            0.5,
            None,
        ]


async def test_settings_are_bounded() -> None:
    async with Notebook.open(None) as notebook:
        with pytest.raises(ValueError, match="more than"):
            await notebook.set("lobby", "key", "x" * MAX_NOTE)
        for number in range(MAX_NOTES):
            await notebook.set("lobby", str(number), number)
        with pytest.raises(ValueError, match="no place"):
            await notebook.set("lobby", "one more", 1)
        await notebook.set("lobby", "0", {"new": [1]})
        assert await notebook.get("lobby", "0") == {"new": [1]}


async def test_D8_a_file_that_is_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    path.write_text("my diary")
    with pytest.raises(LogCorrupt, match=os.fspath(path)):
        async with Notebook.open(path):
            pass
    assert path.read_text() == "my diary"


async def test_R5_doctor_finds_a_notebook_sound_and_names_what_is_damaged_in_it(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    async with Notebook.open(path) as notebook:
        await calls_and_settle(notebook, NOON)
        await notebook.record(Entry("lobby", "m1", 5, "quiet", "A12"))
        await notebook.set("lobby", "ambient", True)
    assert list(examine(path)) == []
    async with SqliteLog(path) as log:
        await log.append("#noted/lobby", [b"rubbish"])
    [finding] = examine(path)
    assert finding.doc == "#noted/lobby"
    assert "cannot be read (no entry of a journal)" in finding.text


async def test_A19_the_rooms_that_it_came_into_and_did_not_leave_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "bot.sqlite"
    async with Notebook.open(path) as notebook:
        for room in ("one", "two", "three", "two"):
            await notebook.come(room)
        await notebook.go("one")
        await notebook.go("never")
    async with Notebook.open(path) as notebook:
        assert await notebook.stayed() == ["two", "three"]
    assert list(examine(path)) == []
