"""Turns: one at a time for each name, in the order of asking, and nothing is kept of a name that is over."""

import anyio

from syncchat.testing.loop import run
from syncchat.turns import Turns


def test_S7_who_waits_for_one_name_holds_up_no_other_and_giving_up_loses_no_turn() -> None:
    async def main() -> None:
        turns, done = Turns(), list[str]()

        async def work(name: str, seconds: float, patience: float = 60) -> None:
            with anyio.move_on_after(patience):
                async with turns.of(name):
                    await anyio.sleep(seconds)
                    done.append(f"{name} {seconds}")

        async with anyio.create_task_group() as tasks:
            for name, seconds, patience in (("a", 5, 60), ("a", 1, 2), ("a", 2, 60), ("b", 1, 60)):
                tasks.start_soon(work, name, seconds, patience)
                await anyio.sleep(0.1)
        assert done == ["b 1", "a 5", "a 2"]
        assert not vars(turns)["_locks"]

    run(main)
