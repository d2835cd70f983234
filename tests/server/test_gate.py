"""A gate lets through whoever waits at it, in place of an asyncio.Event."""

import asyncio
from typing import Literal

import anyio
import pytest

from syncchat_server.gate import Gate

pytestmark = pytest.mark.anyio


async def waiting_at(gate: Gate, count: int) -> list[asyncio.Task[Literal[True]]]:
    tasks = [asyncio.create_task(gate.wait()) for _ in range(count)]
    await anyio.wait_all_tasks_blocked()
    return tasks


async def test_S4_an_open_gate_holds_nobody_up() -> None:
    gate = Gate()
    assert gate.is_set()
    with pytest.raises(StopIteration):  # without a turn of the loop
        gate.wait().send(None)
    gate.clear()
    assert not gate.is_set()
    gate.set()
    assert gate.is_set()
    assert await gate.wait() is True


async def test_S4_all_who_wait_go_on_even_if_the_gate_is_closed_at_once_and_not_who_comes_then() -> None:
    gate = Gate()
    gate.clear()
    waiting = await waiting_at(gate, 3)
    assert not any(task.done() for task in waiting)
    gate.set()
    gate.set()
    gate.clear()
    late = (await waiting_at(gate, 1))[0]
    assert all(task.done() for task in waiting)
    assert not late.done()
    gate.set()
    assert await late


async def test_S4_who_is_cancelled_leaves_the_others_waiting_and_they_are_let_through() -> None:
    gate = Gate()
    gate.clear()
    first, gone, last = await waiting_at(gate, 3)
    gone.cancel()
    await anyio.wait_all_tasks_blocked()
    assert gone.cancelled()
    assert not first.done()
    assert not last.done()
    last.cancel()
    gate.set()  # in the same turn of the loop
    await asyncio.wait([first, last])
    assert last.cancelled()
    assert await first
