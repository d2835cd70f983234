"""Long work beside an event loop: the loop soon has its turn, and afterwards all is as it was."""

import sys

import anyio
import pytest

from syncchat.background import OFFLOAD, TURN_SECONDS, run_in_background, work_on
from syncchat.errors import SyncchatError

pytestmark = pytest.mark.anyio


async def test_D4_turns_are_short_while_any_thread_computes_and_as_long_as_before_afterwards() -> None:
    usual, seen = sys.getswitchinterval(), list[float]()
    assert usual > TURN_SECONDS

    def look(*_: object) -> None:
        seen.append(sys.getswitchinterval())

    def fail() -> None:
        look()
        raise SyncchatError("cannot")

    async def compute_both() -> None:
        async with anyio.create_task_group() as tasks:
            for _ in range(2):
                tasks.start_soon(run_in_background, look)

    await compute_both()
    with pytest.raises(SyncchatError, match="cannot"):
        await run_in_background(fail)
    assert seen == pytest.approx([TURN_SECONDS] * 3)
    assert sys.getswitchinterval() == usual


async def test_D4_few_bytes_are_worked_on_at_once_and_many_in_a_thread() -> None:
    def turn(_: object) -> float:
        return sys.getswitchinterval()

    assert await work_on([bytes(OFFLOAD)], turn) == sys.getswitchinterval()
    assert await work_on([bytes(OFFLOAD), b"1"], turn) == pytest.approx(TURN_SECONDS)
